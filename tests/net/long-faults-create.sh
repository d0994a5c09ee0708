#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An array that cannot be reached, is silent or loses its answer at each call of the
# provider while a set is made, and while originals are masked; a LUN that is there twice;
# the provider's process killed in commit.  After each nothing is frozen, no LUN is mapped
# that should not be, no copy is left, and what failed said why.
# net: timeout=2000

. "$(dirname "$0")/faults-lib.sh"

array()
{
	array_with_faults
	# The originals were masked at the end.
	nothing_left 0
}

# Each call while a set is made.
creation()
{
	local op kind start status i

	for op in hello find prepare arm take export complete; do
		for kind in cut lost silent; do
			# Else there may be none: the connection stays.
			[[ $op != hello ]] || pkill -x ssh || :
			fault $op $kind
			start=$(ms)
			status=0
			make_set || status=$?
			# A connection on a busy machine may take too long to be asked anything.
			for ((i = 0; i < 3 && status; i++)); do
				[[ ! -e $SHARE/fault.done ]] || break
				status=0
				make_set || status=$?
			done
			[[ -e $SHARE/fault.done ]] || fail "$op $kind: there was no such call: $(<"$TEST_TMP/create")"
			rm -f "$SHARE/fault.done"
			nothing_frozen_here
			say "$op $kind: status $status after $(($(ms) - start)) ms: $(tail -n 1 "$TEST_TMP/create" | cut -c 9-600)"
			((status == 0)) || told "$TEST_TMP/create"
			# These may be asked again, on a new connection.
			[[ $status != 0 || $op =~ ^(hello|find|prepare)$ && $kind != silent ]] ||
				fail "$op $kind: the set was made"
			array_clean 2
		done
	done
	make_set || fail "no set with an array in order: $(<"$TEST_TMP/create")"
	array_clean 2
}

# The provider's process is killed while the array is asked for the instant.
killed_in_commit()
{
	fault take silent
	make_set &
	wait_for 120 test -e "$SHARE/fault.done"
	rm "$SHARE/fault.done"
	pkill -KILL -f 'vss-provider-host.*lio-iscsi'
	! wait $! || fail "the set was made without its provider"
	say "provider killed in commit: $(tail -n 1 "$TEST_TMP/create" | cut -c 9-600)"
	nothing_frozen_here
	told "$TEST_TMP/create"
	array_clean 2
}

# Which of them would be copied nobody could say.
duplicate_serial()
{
	twin one "$CORE/iblock_0/a"
	! make_set || fail "a set of a LUN that is there twice"
	say "duplicate serial number: $(tail -n 1 "$TEST_TMP/create" | cut -c 9-600)"
	grep -q 'identifier' "$TEST_TMP/create" || fail "that does not say what is wrong"
	nothing_frozen_here
	no_twin one
	array_clean 2
}

# Masking is begun anew until the array has heard it, and the set is imported here then.
masking()
{
	local id kind status

	umount /srv/a /srv/b
	vssctl create --transportable --context nas-rollback --backup-document "$SHARE/mask.xml" \
		"$(lun 0)" "$(lun 1)" >"$TEST_TMP/create" 2>&1 || fail "$(<"$TEST_TMP/create")"
	for kind in silent cut lost; do
		fault unmap $kind
		status=0
		vssctl mask "$SHARE/mask.xml" >"$TEST_TMP/mask" 2>&1 || status=$?
		say "unmap $kind: status $status: $(tail -n 1 "$TEST_TMP/mask" | cut -c 1-600)"
		[[ -e $SHARE/fault.done ]] || fail "unmap $kind: there was no such call"
		rm -f "$SHARE/fault.done"
		((status == 0)) || told "$TEST_TMP/mask"
		[[ $status != 0 || $kind != silent ]] || fail "masked without the array"
		((status == 0)) || [[ $kind == silent ]] || fail "unmap $kind was not asked again"
	done
	on_array "[[ \$(mapped one) == 0 ]]" || fail "the array shows the originals still"
	[[ $(lun_disks) == 0 ]] || fail "disks on system one: $(lsblk -d)"
	fault map lost
	vssctl import "$SHARE/mask.xml" || fail "no import after masking"
	id=$(sed -n 's/.*snapshotSetId="\([^"]*\)".*/\1/p' "$SHARE/mask.xml" | head -n 1)
	vssctl delete --set "$id"
	settle
	[[ $(lun_disks) == 0 ]] || fail "disks on system one: $(lsblk -d)"
}

one()
{
	impatient
	make_volumes
	creation
	duplicate_serial
	killed_in_commit
	masking
}

two() { system_up; }

run_node "$@"
