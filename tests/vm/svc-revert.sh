#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A volume is set back to a shadow copy by the system provider: content by checksum,
# older copies unchanged, newer ones gone, no room taken; with vssd killed half way it goes
# on, but never over what others have written; refused where it cannot be right. LONG=1: in
# another boot and under another name too, with a record that stays, a lost shadow copy.
# REV-001 REV-004..009 REV-012 REV-014
# vm: timeout=500

. "$(dirname "$0")/writers-lib.sh"

modprobe dm_delay || skip "no dm-delay"
need script
sectors=$((32 * 2048))
parts "$(disk vd0)" 32 32 32
parts "$(disk vd1)" 64
lower=$(part "$(disk vd0)" 1)
area=$(part "$(disk vd1)" 1)
reverts=/var/lib/vss/reverts

# delayed NAME MS: what a write to the device takes from now on, so that a revert lasts.
delayed()
{
	dmsetup suspend "$1"
	dmsetup load "$1" --table "0 $sectors delay $lower 0 0 $lower 0 $2"
	dmsetup resume "$1"
}

remove_dm()
{
	dmsetup remove --retry moved 2>/dev/null || :
	dmsetup remove --retry slow 2>/dev/null || :
}
dmsetup create slow --uuid test-1 --table "0 $sectors delay $lower 0 0 $lower 0 0"
cleanup_push remove_dm
settle
name=slow
volume=/dev/mapper/$name
run_ok mkfs.ext4 -q "$volume"
dir=$TEST_TMP/dir
mkdir "$dir"
run_ok mount "$volume" "$dir"
cleanup_push _umount_tmp "$dir"

if [[ ${LONG:-} ]]; then
	cleanup_push boot_as ''
	boot_as 1
fi

load_vss
# As small as they can be: neighbours of what differs are chunks of their own.
run_ok vssctl attach -q --chunk-size 4K "$volume"
untrack()
{
	vssctl detach --quiet --force "$volume" 2>/dev/null || :
}
cleanup_push untrack
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
start_vssd

# copy: makes a shadow copy, prints its id.
copy()
{
	vssctl create --context nas-rollback --json "$dir" 2>"$TEST_TMP/warnings" | json id
	! grep 'next restart' "$TEST_TMP/warnings" >&2 || fail "it will stay, for its diff area is persistent"
}

# change N: new content of some files, and others come and go.
change()
{
	mountpoint -q "$dir" || mount "$volume" "$dir"
	dd if=/dev/urandom of="$dir/changed" bs=64k count=90 conv=notrunc,fsync status=none
	dd if=/dev/urandom of="$dir/of-$1" bs=4k count=3 conv=fsync status=none
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
	find $reverts -type f ! -name '*.plan' 2>/dev/null | wc -l
}

writing()
{
	grep -qs state=writing $reverts/*[0-9a-f]
}

# slowly ID: a revert that lasts until "delayed" says otherwise.
slowly()
{
	# That writes too, and udev looks at it then.
	run_ok umount "$dir"
	settle
	delayed "$name" 6000
	run_ok vssctl revert --force "$1"
	wait_for 20 writing
}

# break_off ID: what ends vssd in the middle of a revert, with some written and some not.
break_off()
{
	slowly "$1"
	wait_for 20 on_its_way "$volume"
	stop_vssd KILL
	writing || fail "it had ended before it was broken off, or has no record"
	delayed "$name" 0
	wait_for 60 no_provider
	[[ $(raw_sha "$volume") != "$sum" ]] || fail "it had ended before it was broken off"
}

# is_back: the volume has the copy's content, and nothing tells of a revert any more.
is_back()
{
	run_ok vssctl revert --status "$volume"
	expect_sha "the volume" "$volume" "$sum"
	expect_sha "the copy" "$(image "$wanted")" "$sum"
	[[ -z $(ls $reverts) ]] || fail "left: $(ls $reverts)"
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

echo "--- not while somebody uses it, claimed or not"
expect_fail -s 4 -m '1 newer shadow copy' vssctl revert "$wanted"
exec 9<"$dir/changed"
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl revert --force "$wanted"
exec 9<&-
mkdir "$dir/below"
run_ok mount -t tmpfs none "$dir/below"
expect_fail -s 4 -m "$dir/below is mounted below" vssctl revert --force "$wanted"
run_ok umount "$dir/below"
run_ok umount "$dir"
exec 9<"$volume"
[[ $(volume_field "$volume" openers) == 1 ]] || fail "open $(volume_field "$volume" openers) times"
expect_fail -s 4 -m 'has /dev/mapper/slow open' vssctl revert "$wanted"
exec 9<&-
[[ $(records) == 0 ]] || fail "a record of a revert that did not begin"
[[ $(shadows | wc -l) == 3 ]] || fail "newer copies are gone although nothing was set back"

echo "--- by force, broken off by a kill, and gone on with"
# What a file system writes at its unmount would be slow too.
run_ok mount -o ro "$volume" "$dir"
delayed $name 20000
run_ok vssctl revert --force "$wanted"
copied=$(volume_field "$volume" chunks_copied)
wait_for 20 writing
script -qfc "vssctl revert --status $volume" "$TEST_TMP/percent" >/dev/null &
! mountpoint -q "$dir" || fail "it is still mounted"
[[ $(shadows | sort) == "$(printf '%s\n' "$old" "$wanted" | sort)" ]] || fail "left: $(shadows)"
! mountpoint -q "$TEST_TMP/exposed" || fail "a newer copy is still exposed"
expect_fail -m VSS_E_REVERT_IN_PROGRESS vssctl revert "$wanted"
expect_fail mount -t ext4 "$volume" "$dir"
expect_fail -m 'being set back' vssctl create --context nas-rollback "$volume"
expect_fail -m 'being set back' vssctl delete --force "$wanted"
wait_for 10 grep -q 'reverting: [5-9][0-9]%' "$TEST_TMP/percent"
stop_vssd KILL
wait $! || :
writing || fail "it had ended before it was broken off, or has no record"
delayed $name 0
[[ $(raw_sha "$volume") != "$sum" ]] || fail "it had ended before it was broken off"
start_vssd
is_back
expect_sha "the older copy" "$(image "$old")" "$old_sum"
# but of what is hidden meanwhile: 68 KiB
(($(volume_field "$volume" chunks_copied) <= copied + 17)) || fail "a revert has made copies"
run_ok mount "$volume" "$dir"
[[ $(<"$dir/number") == 2 ]] || fail "not the files of the copy"

# behind: the sum of what is not hidden while it is set back.
behind()
{
	dd if="$volume" bs=4k skip=17 iflag=direct status=none | digest
}

echo "--- written in between: not gone on with, shown, and told until it is made good"
change 5
break_off "$wanted"
expect_fail mount -t ext4 "$volume" "$dir"
! blkid -p "$volume" || fail "half of it shows a file system"
dd if=/dev/urandom of="$volume" bs=4k seek=5000 count=1 oflag=direct conv=notrunc status=none
mixture=$(behind)
start_vssd
expect_fail -m 'something else has written' vssctl revert --status "$volume"
stop_vssd
start_vssd
expect_fail -m 'a mixture' vssctl revert --status "$volume"
[[ $(behind) == "$mixture" ]] || fail "it was written although somebody else has"
run_ok blkid -p "$volume"
exec 9<"$volume"
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl revert "$wanted"
exec 9<&-
run_ok vssctl revert "$wanted"
is_back

[[ ${LONG:-} ]] || exit 0

echo "--- another boot: the diff area comes late, and another volume has the name"
change 6
break_off "$wanted"
run_ok vssctl detach -q "$volume"
boot_as 2
dmsetup rename slow moved
other=$(part "$(disk vd0)" 2)
dd if=/dev/urandom of="$other" bs=1M count=32 oflag=direct status=none
dmsetup create slow --uuid test-2 --table "0 $sectors linear $other 0"
settle
other_sum=$(raw_sha /dev/mapper/slow)
name=moved
volume=/dev/mapper/moved
start_vssd
expect_fail -m 'diff-area load' vssctl revert --status "$volume"
run_ok vssctl revert --status /dev/mapper/slow
[[ $(records) == 1 ]] || fail "the record was given up"
run_ok vssctl attach -q --chunk-size 4K "$volume"
# a copy now would give it a diff area of its own, and the other could not be loaded
expect_fail -m 'was broken off' vssctl create --context nas-rollback "$volume"
run_ok vssctl diff-area load -q "$volume" "$area"
wait_for 60 vssctl revert --status "$volume"
is_back
expect_sha "the other volume" /dev/mapper/slow "$other_sum"

echo "--- a record that stays does not set back again"
change 7
slowly "$wanted"
record=$(echo $reverts/*[0-9a-f])
mount --bind "$record" "$record"
cleanup_push eval "umount -l $record 2>/dev/null || :"
delayed moved 0
expect_fail -m 'completely, but its record' vssctl revert --status "$volume"
expect_sha "the volume" "$volume" "$sum"
change 8
run_ok umount "$dir"
now=$(raw_sha "$volume")
stop_vssd KILL
start_vssd
expect_fail -m 'cannot be removed' vssctl revert --status "$volume"
# vssd has it open
umount -l "$record"
run_ok vssctl revert --status "$volume"
[[ -z $(ls $reverts) ]] || fail "left: $(ls $reverts)"
expect_sha "what was written" "$volume" "$now"

echo "--- further back, without force"
sum=$old_sum wanted=$old
run_ok vssctl revert "$old"
is_back
[[ $(shadows) == "$old" ]] || fail "left: $(shadows)"

echo "--- the shadow copy is lost half way"
change 9
slowly "$old"
untrack
delayed moved 0
expect_fail -m 'a mixture' vssctl revert --status "$volume"
expect_fail -m 'a mixture' vssctl revert --status "$volume"
# whoever is to repair it finds what it was
run_ok blkid -p "$volume"
# neither a write to its first sectors makes something else of it, nor that vssd starts anew
dd if=/dev/urandom of="$volume" bs=512 count=1 oflag=direct status=none
for _ in 1 2; do
	expect_fail -m 'a mixture' vssctl revert --status "$volume"
	stop_vssd
	start_vssd
done
run_ok mkfs.ext4 -qF "$volume"
# told once more
expect_fail -m 'a mixture' vssctl revert --status "$volume"
run_ok vssctl revert --status "$volume"
[[ -z $(ls $reverts) ]] || fail "left: $(ls $reverts)"

echo "--- a writable copy, and a diff area on its own volume"
own=$(part "$(disk vd0)" 3)
# with nothing left to write later
run_ok mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$own"
own_dir=$(mount_tmp "$own")
run_ok vssctl attach "$own"
run_ok vssctl diff-area add "$own" --file "$own_dir/area" --size 10M
id=$(vssctl create --context nas-rollback --json "$own_dir" | json id)
run_ok vssctl set-writable "$id" on
expect_fail -m 'read-only first' vssctl revert --force "$id"
run_ok vssctl set-writable "$id" off
sync -f "$own_dir"
before=$(sha "$own")
expect_fail -s 7 -m 'lies on it' vssctl revert --force "$id"
mountpoint -q "$own_dir" || fail "it was unmounted"
expect_sha "the volume" "$own" "$before"
run_ok vssctl delete "$id"
run_ok vssctl detach "$own"
