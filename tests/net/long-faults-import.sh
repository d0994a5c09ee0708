#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An array that cannot be reached, is silent or loses its answer at each call of the
# provider while a set is imported and deleted; LUNs that are late, never come, are
# others, or come twice; edited and stale documents; system two and the requester of
# system one die.  After each nothing is frozen, no LUN is mapped that should not be, no
# copy is left, and what failed said why.
# net: timeout=2000

. "$(dirname "$0")/faults-lib.sh"

array()
{
	array_with_faults
	nothing_left 2
}

# --- system one -----------------------------------------------------------------

# The document of a set that is no more.
stale_document()
{
	! vssctl import "$SHARE/${imports[0]}.xml" >"$TEST_TMP/import" 2>&1 || fail "imported what was deleted"
	say "stale document: $(tail -n 1 "$TEST_TMP/import" | cut -c 9-600)"
	told "$TEST_TMP/import"
	vssctl import --cleanup "$SHARE/${imports[0]}.xml"
	[[ $(lun_disks) == 2 ]] || fail "disks on system one: $(lsblk -d)"
	array_clean 2
}

# give NAME: a set for system two, and what it says when it is done with it.
give()
{
	make_set --backup-document "$SHARE/$1.xml" --wait-for "$SHARE/$1.used" &
	wait_for 120 test -s "$SHARE/$1.xml"
	tell "$1.made"
	await "$1.used"
	wait $! || fail "$1: the set: $(<"$TEST_TMP/create")"
	nothing_frozen_here
	array_clean 2
	say "$1: nothing is left"
}

one()
{
	local name pid

	impatient
	make_volumes
	for name in "${imports[@]}"; do
		give "$name"
	done

	# The requester dies before BackupComplete.
	make_set --backup-document "$SHARE/orphan.xml" --wait-for "$SHARE/never" &
	pid=$!
	wait_for 120 test -s "$SHARE/orphan.xml"
	kill -KILL $pid
	wait $pid 2>/dev/null || :
	nothing_frozen_here
	tell orphan.made
	await orphan.used
	array_clean 2
	say "the requester died: nothing is left"
	stale_document
}

# --- system two -----------------------------------------------------------------

imports=(map-cut map-lost map-silent map-never map-late find-cut find-silent delete-cut delete-lost
	delete-silent other-lun twice edited died)

# import NAME: its status; what it says is in $TEST_TMP/import.
import()
{
	vssctl import "$SHARE/$1.xml" >"$TEST_TMP/import" 2>&1
}

clean_up()
{
	vssctl import --cleanup "$SHARE/$1.xml" || fail "$1: no clean-up"
}

copy_store()
{
	# shellcheck disable=SC2016 # expanded there
	on_array 'lv=$(lvs --noheadings -o lv_name @vss.copy | head -n 1 | tr -d " ")
		echo $CORE/iblock_*/$lv'
}

# The array exports something else as the first copy.
put_another_lun()
{
	# shellcheck disable=SC2016 # expanded there
	on_array '
		lv=$(lvs --noheadings -o vg_name,lv_name --separator / @vss.copy | head -n 1 | tr -d " ")
		for store in /sys/kernel/config/target/core/iblock_*/${lv#*/}; do rmdir $store ${store%/*}; done
		store=/sys/kernel/config/target/core/iblock_99/${lv#*/}
		mkdir -p $store
		echo udev_path=/dev/$lv >$store/control
		echo /dev/$lv >$store/udev_path
		echo 1 >$store/enable
		echo 00000000000000000000000000000bad >$store/wwn/vpd_unit_serial'
}

one_import()
{
	local name=$1 start status=0

	rm -f "$SHARE/fault.done"
	case $name in
	map-* | delete-* | find-*) fault "${name%-*}" "${name#*-}" ;;
	other-lun) put_another_lun ;;
	twice) twin two "$(copy_store)" ;;
	edited)
		cp "$SHARE/edited.xml" "$TEST_TMP/saved.xml"
		sed -i 's/_vss_0*[1-9a-f]/_vss_00/' "$SHARE/edited.xml"
		;;
	esac
	start=$(ms)
	import "$name" || status=$?
	say "$name: status $status after $(($(ms) - start)) ms: $(tail -n 1 "$TEST_TMP/import" | cut -c 9-600)"
	case $name in
	# One of the two may have come: a success with a warning.
	map-silent | map-never | find-silent | other-lun | twice)
		((status)) || grep -q SOME_SNAPSHOTS_NOT_IMPORTED "$TEST_TMP/import" || fail "$name: imported"
		;;
	map-late | delete-*) ((status == 0)) || fail "$name: $(<"$TEST_TMP/import")" ;;
	edited) ((status)) || fail "an edited document was taken" ;;
	esac
	[[ $name != twice ]] || no_twin two
	# What could not be deleted is tried again when the next session ends.
	[[ $name != delete-silent ]] || vssctl list shadows >/dev/null
	if [[ $name != edited ]]; then
		((status == 0)) || told "$TEST_TMP/import"
		# What has not come with the others is left over too.
		! grep -q "vssctl import --cleanup" "$TEST_TMP/import" || clean_up "$name"
	elif ((status)); then
		grep -q VSS_E "$TEST_TMP/import" || fail "an edited document: $(<"$TEST_TMP/import")"
		# As it was, it is good.
		vssctl import "$TEST_TMP/saved.xml" || fail "the document before it was edited"
	fi
	# Not of the set, so vssd leaves it alone, though it has no LUN behind it any more.
	[[ $name != other-lun ]] || forget_other_lun
	# vssd deletes them when the session has ended.
	wait_for 60 no_disks || fail "$name: disks left on system two: $(lsblk -d)"
}

# The disk of the LUN with the serial number that put_another_lun gave.
forget_other_lun()
{
	local serial

	while read -r serial; do
		echo 1 >"${serial%/*}/delete"
	done < <(grep -la 0000bad /sys/block/sd*/device/vpd_pg80)
}

no_disks() { [[ $(lun_disks) == 0 ]]; }

two()
{
	local name

	if [[ -e $SHARE/killed.two ]]; then
		second_life
		return
	fi
	impatient
	for name in "${imports[@]}"; do
		await "$name.made" 2000
		[[ $name != died ]] || {
			# Killed while the shadow copies are here.
			vssctl import "$SHARE/died.xml" --exec "touch $SHARE/kill.two; sleep 100"
			fail "still alive"
		}
		one_import "$name"
		tell "$name.used"
	done
}

second_life()
{
	impatient
	vssctl import "$SHARE/died.xml" || fail "the second life cannot import"
	# vssd deletes them when the session has ended.
	wait_for 60 no_disks
	say "died: imported by the second life, and released"
	tell died.used
	await orphan.made
	vssctl import "$SHARE/orphan.xml" || fail "cannot import what a dead requester has left"
	wait_for 60 no_disks
	tell orphan.used
}

run_node "$@"
