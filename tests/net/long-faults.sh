#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An array that cannot be reached, is silent or loses its answer at each call of the
# provider; LUNs that are late, never come, or are others; machines and processes that
# die. After each nothing is frozen, no LUN is mapped that should not be, no copy is left,
# and what failed said why.
# net: timeout=3000

. "$(dirname "$0")/lib.sh"

array()
{
	ARRAY_PROGRAM="bash $VSS_SRC/tests/net/faulty-array"
	array_up 320M a b
	array_works
	# The originals were masked at the end.
	nothing_left 0
}

# Short times: these are lost by waiting only.
impatient()
{
	LIO_TIMEOUT=40
	mkdir -p /etc/vss/vssd.conf.d
	printf '[Timeouts]\nArrival = 20\nProvider = 100\n' >/etc/vss/vssd.conf.d/test.conf
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
	vssctl create --transportable --context backup "$@" /srv/a /srv/b >"$TEST_TMP/create" 2>&1
}

# --- system one -----------------------------------------------------------------

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
	wait_for 120 test -e "$SHARE/fault.done"
	rm "$SHARE/fault.done"
	pkill -KILL -f 'vss-provider-host.*lio-iscsi'
	! wait $! || fail "the set was made without its provider"
	say "provider killed in commit: $(tail -n 1 "$TEST_TMP/create" | cut -c 9-600)"
	nothing_frozen_here
	told "$TEST_TMP/create"
	array_clean 2
}

# twin NODE SERIAL_OF: the array shows NODE another LUN with the serial number of a backstore.
twin()
{
	on_array "
		serial=\$(sed 's/.*: *//' $2/wwn/vpd_unit_serial)
		lvcreate -q -y -V 320M --thinpool pool -n twin vg0 >/dev/null &&
		mkdir -p $CORE/iblock_98/twin && cd $CORE/iblock_98/twin &&
		echo udev_path=/dev/vg0/twin >control && echo /dev/vg0/twin >udev_path && echo 1 >enable &&
		echo \$serial >wwn/vpd_unit_serial &&
		mkdir $TPG/lun/lun_98 $TPG/acls/$IQN:$1/lun_98 &&
		ln -s $CORE/iblock_98/twin $TPG/lun/lun_98/it &&
		ln -s $TPG/lun/lun_98 $TPG/acls/$IQN:$1/lun_98/it" || fail "no twin"
	iscsiadm -m session --rescan >/dev/null
	lun 98 >/dev/null
	settle
}

no_twin()
{
	# It may be hidden, and have no links then.
	echo 1 >"$(echo /sys/class/scsi_device/*:98/device)/delete"
	on_array "
		rm $TPG/acls/$IQN:$1/lun_98/it && rmdir $TPG/acls/$IQN:$1/lun_98 &&
		rm $TPG/lun/lun_98/it && rmdir $TPG/lun/lun_98 &&
		rmdir $CORE/iblock_98/twin $CORE/iblock_98 && lvremove -q -y vg0/twin >/dev/null" || fail "the twin stays"
	settle
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

# The document of a set that is no more.
stale_document()
{
	! vssctl import "$SHARE/map-late.xml" >"$TEST_TMP/import" 2>&1 || fail "imported what was deleted"
	say "stale document: $(tail -n 1 "$TEST_TMP/import" | cut -c 9-600)"
	told "$TEST_TMP/import"
	vssctl import --cleanup "$SHARE/map-late.xml"
	[[ $(lun_disks) == 2 ]] || fail "disks on system one: $(lsblk -d)"
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

# give NAME: a set for system two, and what it says when it is done with it.
give()
{
	make_set --backup-document "$SHARE/$1.xml" --wait-for "$SHARE/$1.used" &
	wait_for 120 test -s "$SHARE/$1.xml"
	tell "$1.made"
	await "$1.used" 400
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
	duplicate_serial
	killed_in_commit
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
	await orphan.used 400
	array_clean 2
	say "the requester died: nothing is left"
	stale_document
	masking
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
	map-silent | map-never | find-silent | other-lun | twice) ((status)) || fail "$name: imported" ;;
	map-late | delete-*) ((status == 0)) || fail "$name: $(<"$TEST_TMP/import")" ;;
	edited) ((status)) || fail "an edited document was taken" ;;
	esac
	[[ $name != twice ]] || no_twin two
	# What could not be deleted is tried again when the next session ends.
	[[ $name != delete-silent ]] || vssctl list shadows >/dev/null
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
	say "died: imported by the second life, and released"
	tell died.used
	await orphan.made 400
	vssctl import "$SHARE/orphan.xml" || fail "cannot import what a dead requester has left"
	tell orphan.used
}

run_node "$@"
