#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A volume is set back to a shadow copy by the system provider: content by checksum,
# older copies unchanged, newer ones gone, no room taken; gone on with after vssd was
# killed; refused where it cannot be right. REV-001 REV-004..009 REV-012
# vm: timeout=500

. "$(dirname "$0")/writers-lib.sh"

modprobe dm_delay || skip "no dm-delay"
sectors=$((48 * 2048))
parts "$(disk vd0)" 48 48
parts "$(disk vd1)" 64 64
lower=$(part "$(disk vd0)" 1)

# slow MS: what a read of the volume takes from now on, so that a revert lasts.
slow()
{
	dmsetup suspend slow
	dmsetup load slow --table "0 $sectors delay $lower 0 $1 $lower 0 0"
	dmsetup resume slow
}
dmsetup create slow --table "0 $sectors delay $lower 0 0 $lower 0 0"
cleanup_push dmsetup remove --retry slow
settle
volume=/dev/mapper/slow
run_ok mkfs.ext4 -q "$volume"
dir=$TEST_TMP/dir
mkdir "$dir"
run_ok mount "$volume" "$dir"
cleanup_push _umount_tmp "$dir"
# What differs is to lie in the second half: the first is compared when the kill comes.
run_ok fallocate -l 24M "$dir/first-half"
load_vss
track "$volume" "$(part "$(disk vd1)" 1)"
start_vssd

# copy: makes a shadow copy, prints its id.
copy()
{
	vssctl create --context nas-rollback --json "$dir" | json id
}

# change N: new content of some files, and others come and go.
change()
{
	dd if=/dev/urandom of="$dir/changed" bs=64k count=40 conv=notrunc,fsync status=none
	dd if=/dev/urandom of="$dir/of-$1" bs=64k count=16 conv=fsync status=none
	rm -f "$dir/of-$(($1 - 2))"
	echo "$1" >"$dir/number"
	sync -f "$dir"
}

shadows()
{
	vssctl list shadows --json | json id
}

records()
{
	find /var/lib/vss/reverts -type f 2>/dev/null | wc -l
}

change 1
old=$(copy)
change 2
wanted=$(copy)
change 3
newer=$(copy)
mkdir "$TEST_TMP/exposed"
run_ok vssctl expose "$newer" "$TEST_TMP/exposed"
change 4
settle
old_sum=$(sha "$(image "$old")")
sum=$(sha "$(image "$wanted")")
[[ $sum != "$old_sum" && $sum != "$(sha "$volume")" ]] || fail "nothing was changed"

echo "--- not while somebody uses it"
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl revert "$wanted"
exec 9<"$dir/changed"
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl revert --force "$wanted"
exec 9<&-
[[ $(records) == 0 ]] || fail "a record of a revert that did not begin"
[[ $(shadows | wc -l) == 3 ]] || fail "newer copies are gone although nothing was set back"

echo "--- by force, broken off by a kill, and gone on with"
slow 500
run_ok vssctl revert --force "$wanted"
copied=$(volume_field "$volume" chunks_copied)
! mountpoint -q "$dir" || fail "it is still mounted"
[[ $(shadows | sort) == "$(printf '%s\n' "$old" "$wanted" | sort)" ]] || fail "left: $(shadows)"
! mountpoint -q "$TEST_TMP/exposed" || fail "a newer copy is still exposed"
expect_fail vssctl revert "$wanted"
expect_fail mount -t ext4 "$volume" "$dir"
expect_fail -m 'being set back' vssctl create --context nas-rollback "$volume"
expect_fail -m 'being set back' vssctl delete --force "$wanted"
stop_vssd KILL
[[ $(records) == 1 ]] || fail "it had ended before it was broken off, or has no record"
slow 0
[[ $(sha "$volume") != "$sum" ]] || fail "it had ended before it was broken off"
start_vssd
run_ok vssctl revert --status "$volume"
expect_sha "the volume" "$volume" "$sum"
expect_sha "the copy" "$(image "$wanted")" "$sum"
expect_sha "the older copy" "$(image "$old")" "$old_sum"
[[ $(records) == 0 ]] || fail "the record is left"
[[ $(volume_field "$volume" chunks_copied) == "$copied" ]] || fail "a revert has made copies"
run_ok mount "$volume" "$dir"
[[ $(<"$dir/number") == 2 ]] || fail "not the files of the copy"
run_ok umount "$dir"

echo "--- further back, without force"
run_ok vssctl revert "$old"
run_ok vssctl revert --status "$volume"
expect_sha "the volume" "$volume" "$old_sum"
[[ $(shadows) == "$old" ]] || fail "left: $(shadows)"
run_ok vssctl revert --status "$volume"

echo "--- the shadow copy is lost half way"
run_ok mount "$volume" "$dir"
change 5
slow 500
run_ok vssctl revert --force "$old"
_untrack "$volume"
slow 0
expect_fail -m 'a mixture' vssctl revert --status "$volume"
run_ok vssctl revert --status "$volume"
[[ $(records) == 0 ]] || fail "the record is left"

echo "--- with its diff area on itself"
own=$(part "$(disk vd0)" 2)
run_ok mkfs.ext4 -q "$own"
own_dir=$(mount_tmp "$own")
run_ok vssctl attach "$own"
run_ok vssctl diff-area add "$own" --file "$own_dir/area" --size 16M
id=$(vssctl create --context nas-rollback --json "$own_dir" | json id)
before=$(sha "$own")
expect_fail -s 7 -m 'lies on it' vssctl revert --force "$id"
mountpoint -q "$own_dir" || fail "it was unmounted"
expect_sha "the volume" "$own" "$before"
run_ok vssctl delete "$id"
run_ok vssctl detach "$own"
