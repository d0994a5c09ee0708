#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An array that cannot be reached, is silent or loses its answer at each call of the
# provider; LUNs that are late, never come, or are others; machines and processes that
# die. After each nothing is frozen, no LUN is mapped that should not be, no copy is left,
# and what failed said why.
# net: timeout=1500

. "$(dirname "$0")/lib.sh"

array()
{
	ARRAY_PROGRAM="bash $VSS_SRC/tests/net/faulty-array"
	array_up 320M a b
	array_works
	nothing_left 2
}

# Short times: these are lost by waiting only.
impatient()
{
	LIO_TIMEOUT=25
	mkdir -p /etc/vss/vssd.conf.d
	printf '[Timeouts]\nArrival = 15\nProvider = 60\n' >/etc/vss/vssd.conf.d/test.conf
	system_up
}

fault() { echo "$1 $2" >"$SHARE/fault"; }

# told FILE: it has a sentence that says where the trouble is.
told()
{
	grep -qiE 'array|LUN|lio-iscsi|provider' "$1" || fail "that does not say what failed: $(<"$1")"
}

make_set()
{
	vssctl create --transportable --context backup --exec true "$@" /srv/a /srv/b >"$TEST_TMP/create" 2>&1
}

# --- system one -----------------------------------------------------------------

# Each call while a set is made.
creation()
{
	local op kind start status

	for op in hello find prepare arm take export complete; do
		for kind in cut lost silent; do
			# Else there may be none: the connection stays.
			[[ $op != hello ]] || pkill -x ssh || :
			fault $op $kind
			start=$(ms)
			status=0
			make_set || status=$?
			[[ -e $SHARE/fault.done ]] || fail "$op $kind: there was no such call"
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

nothing_frozen_here()
{
	for dir in /srv/a /srv/b; do
		timeout 3 dd if=/dev/zero of="$dir/.thawed" bs=4k count=1 conv=fsync status=none ||
			fail "$dir is frozen"
	done
}

# The provider's process is killed while the array is asked for the instant.
killed_in_commit()
{
	fault take silent
	make_set &
	wait_for 60 test -e "$SHARE/fault.done"
	rm "$SHARE/fault.done"
	pkill -KILL -f 'vss-provider-host.*lio-iscsi'
	! wait $! || fail "the set was made without its provider"
	say "provider killed in commit: $(tail -n 1 "$TEST_TMP/create" | cut -c 9-600)"
	nothing_frozen_here
	told "$TEST_TMP/create"
	array_clean 2
}

# give NAME: a set for system two, and what it says when it is done with it.
give()
{
	make_set --backup-document "$SHARE/$1.xml" --wait-for "$SHARE/$1.used" &
	wait_for 60 test -s "$SHARE/$1.xml"
	tell "$1.made"
	await "$1.used" 200
	wait $! || fail "$1: the set: $(<"$TEST_TMP/create")"
	nothing_frozen_here
	array_clean 2
	say "$1: nothing is left"
}

one()
{
	local name pid

	impatient
	mkfs.ext4 -q "$(lun 0)"
	mkfs.xfs -q "$(lun 1)"
	mkdir /srv/a /srv/b
	mount "$(lun 0)" /srv/a
	mount "$(lun 1)" /srv/b
	creation
	killed_in_commit
	for name in "${imports[@]}"; do
		give "$name"
	done

	# The requester dies before BackupComplete.
	make_set --backup-document "$SHARE/orphan.xml" --wait-for "$SHARE/never" &
	pid=$!
	wait_for 60 test -s "$SHARE/orphan.xml"
	kill -KILL $pid
	wait $pid 2>/dev/null || :
	nothing_frozen_here
	tell orphan.made
	await orphan.used 200
	array_clean 2
	say "the requester died: nothing is left"
}

# --- system two -----------------------------------------------------------------

imports=(map-cut map-lost map-silent map-never map-late delete-cut delete-lost other-lun edited died)

# import NAME: its status; what it says is in $TEST_TMP/import.
import()
{
	vssctl import "$SHARE/$1.xml" >"$TEST_TMP/import" 2>&1
}

clean_up()
{
	vssctl import --cleanup "$SHARE/$1.xml" || fail "$1: no clean-up"
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
	map-* | delete-*) fault "${name%-*}" "${name#*-}" ;;
	other-lun) put_another_lun ;;
	edited)
		cp "$SHARE/edited.xml" "$TEST_TMP/saved.xml"
		sed -i 's/_vss_0*[1-9a-f]/_vss_00/' "$SHARE/edited.xml"
		;;
	esac
	start=$(ms)
	import "$name" || status=$?
	say "$name: status $status after $(($(ms) - start)) ms: $(tail -n 1 "$TEST_TMP/import" | cut -c 9-600)"
	case $name in
	map-silent | map-never | other-lun) ((status)) || fail "$name: imported" ;;
	map-late | delete-*) ((status == 0)) || fail "$name: $(<"$TEST_TMP/import")" ;;
	edited) ((status)) || fail "an edited document was taken" ;;
	esac
	if ((status)) && [[ $name != edited ]]; then
		told "$TEST_TMP/import"
		clean_up "$name"
	elif ((status)); then
		grep -q VSS_E "$TEST_TMP/import" || fail "an edited document: $(<"$TEST_TMP/import")"
		# As it was, it is good.
		vssctl import "$TEST_TMP/saved.xml" || fail "the document before it was edited"
	fi
	settle
	[[ $(lun_disks) == 0 ]] || fail "$name: disks left on system two: $(lsblk -d)"
}

two()
{
	local name

	if [[ -e $SHARE/killed.two ]]; then
		second_life
		return
	fi
	impatient
	for name in "${imports[@]}"; do
		await "$name.made" 900
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
	say "died: imported by the second life, and released"
	tell died.used
	await orphan.made 200
	vssctl import "$SHARE/orphan.xml" || fail "cannot import what a dead requester has left"
	tell orphan.used
}

run_node "$@"
