#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Parts are taken away from a diff area: refused while a snapshot may need them,
# free for everybody afterwards, and images made with what is left are right. A
# command that is refused takes back the part that it added.
# vm: timeout=600

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
xfs=$(disk sd0)
parts "$disk" 16 64 16
parts "$areas" 96 32 32
volume=$(part "$disk" 1)
mounted=$(part "$disk" 2)
fragments=$(part "$disk" 3)
ext4=$(part "$areas" 1)
free=$(part "$areas" 2)
other=$(part "$areas" 3)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.xfs -q -f "$xfs"
run_ok mkfs.ext4 -q "$mounted"
run_ok mkfs.ext4 -q -b 4096 -m 0 "$fragments"
fill "$volume"
ext4_dir=$(mount_tmp "$ext4")
xfs_dir=$(mount_tmp "$xfs")
load_vss
watch_events

# part_field NAME [VOLUME]: of all parts, one a line.
part_field()
{
	vssctl diff-area list --json "${2:-$volume}" | json "$1"
}

# removes ARGUMENT...: a part goes, unless it is told to try again, as copies for snapshots that
# were just deleted are still being stored.
removes()
{
	! vssctl diff-area remove "$@" 2>"$TEST_TMP/refused" || return 0
	grep -q "still being written: try again" "$TEST_TMP/refused" || fail "remove $*: $(<"$TEST_TMP/refused")"
	return 1
}

# is_free_file FILE: everything may be done to it.
is_free_file()
{
	run_ok dd if=/dev/urandom of="$1" bs=4k count=1 conv=notrunc,fsync status=none
	run_ok dd if=/dev/urandom of="$1" bs=4k count=1 oflag=direct conv=notrunc status=none
	run_ok fallocate -p -o 0 -l 65536 "$1"
	run_ok mv "$1" "$1.moved"
	run_ok truncate -s 4096 "$1.moved"
	run_ok rm "$1.moved"
}

# is_free_device DEV: nobody owns it.
is_free_device()
{
	run_ok mkfs.ext4 -q -F "$1"
	run_ok mount "$1" /mnt
	run_ok umount /mnt
	run_ok wipefs -q -a "$1"
}

# image_right WHAT: takes a snapshot, writes to the volume, compares, deletes.
image_right()
{
	local snap sum

	sum=$(raw_sha "$volume")
	snap=$(create "$volume")
	scribble "$volume" 400
	expect_sha "$1" "$(image "$snap")" "$sum"
	# Again, when nothing is left in memory.
	wait_for 60 all_stored
	expect_sha "$1, stored" "$(image "$snap")" "$sum"
	(($(volume_field "$volume" area_used) > 0)) || fail "$1: nothing was copied"
	settle
	run_ok vssctl delete --quiet "$snap"
}

echo "--- not while it is needed"
vssctl attach --quiet "$volume"
cleanup_push _untrack "$volume"
run_ok vssctl diff-area add "$volume" --file "$ext4_dir/area" --size 8M
run_ok vssctl diff-area add "$volume" --on "$free"
[[ $(part_field part | tr '\n' ' ') == "0 1 " ]] || fail "parts are $(part_field part)"
before=$(vssctl diff-area list --json "$volume")
sum=$(raw_sha "$volume")
snap=$(create "$volume")
scribble "$volume" 200
for part in "--id 0" "--id 1" "$ext4_dir/area" "$free"; do
	# shellcheck disable=SC2086 # an option and its value
	expect_fail -s 4 -m "has snapshots" vssctl diff-area remove "$volume" $part
done
expect_fail rm -f "$ext4_dir/area"
expect_fail mount "$free" /mnt
expect_sha "its image" "$(image "$snap")" "$sum"
settle
run_ok vssctl delete --quiet "$snap"
# A prepared snapshot counts too.
ctl_start a "$volume"
expect_fail -s 4 -m "has snapshots" vssctl diff-area remove "$volume" --id 0
ctl_ok a abort
ctl_end a
[[ $(vssctl diff-area list --json "$volume") == "$before" ]] || fail "something has changed"
! seen area-removed || fail "an event tells of a part that is still there"

echo "--- the first of two parts goes"
image_right "with two parts"
wait_for 30 removes "$volume" "$ext4_dir/area" --keep-files
expect_event area-removed '"area_size":33554432'
[[ $(part_field part) == 1 && $(volume_field "$volume" area_size) == $((32 << 20)) ]] ||
	fail "left: $(vssctl diff-area list)"
expect_fail -s 3 vssctl diff-area remove "$volume" --id 0
expect_fail -s 3 vssctl diff-area remove "$volume" "$ext4_dir/area"
is_free_file "$ext4_dir/area"
run_ok umount "$ext4_dir"
mount "$ext4" "$ext4_dir"
image_right "with the part that is left"

echo "--- another one comes, then the last of the old ones goes"
run_ok vssctl diff-area add "$volume" --file "$xfs_dir/.vss/area" --size 12M
[[ $(part_field part | tr '\n' ' ') == "1 2 " ]] || fail "parts are $(part_field part)"
wait_for 30 removes --json "$volume" "$free" >"$TEST_TMP/removed"
[[ $(json part <"$TEST_TMP/removed") == 1 && $(json device <"$TEST_TMP/removed") == "$free" ]] ||
	fail "no such part: $(<"$TEST_TMP/removed")"
is_free_device "$free"
image_right "with the part that came"

echo "--- the only one goes"
wait_for 30 removes "$volume" --id 2
[[ ! -e $xfs_dir/.vss ]] || fail "left behind: $(ls -R "$xfs_dir/.vss")"
[[ $(volume_field "$volume" area_size) == 0 && ! $(part_field part) ]] || fail "something is left"
if ctl_start a "$volume"; then
	fail "a set without a diff area"
fi
[[ $ctl_answer == "error prepared ENOSPC "* ]] || fail "no diff area: $ctl_answer"
run_ok umount "$xfs_dir"
mount "$xfs" "$xfs_dir"
run_ok vssctl diff-area add --quiet "$volume" --on "$free"
image_right "with a new one"
wait_for 30 removes --quiet "$volume" "$free"

echo "--- many times, while the volume is written to and right after a delete"
for i in $(cases 0 1 -- 2); do
	run_ok vssctl diff-area add --quiet "$volume" --on "$([[ $((i % 2)) == 0 ]] && echo "$free" || echo "$other")"
	run_ok vssctl diff-area add --quiet "$volume" --file "$ext4_dir/area$i" --size 20M
	sum=$(raw_sha "$volume")
	snap=$(create "$volume")
	bg writer scribble "$volume" 1000
	expect_sha "round $i" "$(image "$snap")" "$sum"
	settle
	run_ok vssctl delete --quiet "$snap"
	wait_for 30 removes --quiet "$volume" --id $((2 * i + 4))
	wait_for 30 removes --quiet "$volume" --id $((2 * i + 5))
	expect_over 60000 writer
	[[ ! -e $ext4_dir/area$i ]] || fail "the file is still there"
done

echo "--- a file that is only pinned"
run_ok vssctl diff-area add --quiet "$volume" --on "$free"
sum=$(raw_sha "$volume")
snap=$(create "$volume")
scribble "$volume" 200
fallocate -l 8M "$ext4_dir/pinned"
sync -f "$ext4_dir"
count=$(grep -c area-removed "$TEST_TMP/events")
for keep in --keep-files ""; do
	run_ok area-raw "$volume" "$ext4_dir/pinned"
	[[ $(part_field state | tail -n 1) == pinned ]] || fail "it is not pinned"
	id=$(part_field part | tail -n 1)
	expect_fail rm -f "$ext4_dir/pinned"
	run_ok vssctl diff-area remove "$volume" --id "$id" ${keep:+"$keep"}
	[[ $(part_field state) == ready ]] || fail "left: $(vssctl diff-area list)"
	[[ ! $keep || -e $ext4_dir/pinned ]] || fail "the file was removed all the same"
done
[[ ! -e $ext4_dir/pinned ]] || fail "the file is still there"
fallocate -l 8M "$ext4_dir/pinned"
run_ok area-raw "$volume" "$ext4_dir/pinned"
run_ok vssctl diff-area remove "$volume" "$ext4_dir/pinned" --keep-files
is_free_file "$ext4_dir/pinned"
[[ $(grep -c area-removed "$TEST_TMP/events") == "$count" ]] || fail "no room was lost, but an event sent"
expect_sha "the snapshot meanwhile" "$(image "$snap")" "$sum"
settle
run_ok vssctl delete --quiet "$snap"
run_ok vssctl detach "$volume"

echo "--- a file on the volume itself"
mounted_dir=$(mount_tmp "$mounted")
vssctl attach --quiet "$mounted"
cleanup_push _untrack "$mounted"
run_ok vssctl diff-area add "$mounted" --file "$mounted_dir/area" --size 24M
[[ $(part_field same_volume "$mounted") == true ]] || fail "it is not on the volume"
snap=$(create "$mounted")
dd if=/dev/urandom of="$mounted_dir/file" bs=1M count=4 conv=fsync status=none
settle
run_ok vssctl delete --quiet "$snap"
wait_for 30 removes "$mounted" "$mounted_dir/area"
[[ ! -e $mounted_dir/area ]] || fail "the file is still there"
# Now others' content lies there, and an image has it.
dd if=/dev/urandom of="$mounted_dir/fill" bs=1M status=none 2>/dev/null || :
sync -f "$mounted_dir"
run_ok umount "$mounted_dir"
run_ok vssctl diff-area add "$mounted" --on "$free"
sum=$(raw_sha "$mounted")
snap=$(create "$mounted")
scribble "$mounted" 1000
expect_sha "where the diff area was" "$(image "$snap")" "$sum"
settle
run_ok vssctl delete --quiet "$snap"
wait_for 30 removes "$mounted" "$free"
run_ok mkfs.ext4 -q -F "$mounted"

echo "--- what was added for a set that fails is taken back"
mount "$mounted" "$mounted_dir"
# What another set has.
ctl_start b --no-freeze "hold:$mounted"
expect_fail -s 4 vssctl create --wait 0 "$mounted" --diff-area "$ext4_dir" --diff-area-size 8M
expect_fail -s 4 vssctl create --wait 0 "$mounted" --diff-area "$ext4_dir/.vss/area" --diff-area-size 8M
expect_fail -s 4 vssctl create --wait 0 "$mounted" --diff-area "$free"
ctl_ok b abort
ctl_end b
[[ ! $(part_field part "$mounted") ]] || fail "left: $(vssctl diff-area list)"
[[ $(volume_field "$mounted" snapshots) == 0 ]] || fail "it is not attached any more"
[[ ! $(compgen -G "$ext4_dir/*.diff") && ! -e $ext4_dir/.vss ]] || fail "left: $(ls -A "$ext4_dir")"
is_free_device "$free"
# Nor does the first volume of a set keep one if the second gets none.
expect_fail vssctl create "$mounted" "$volume" --diff-area "$free" --diff-area "$ext4_dir/no/such/folder"
[[ ! $(part_field part "$mounted") ]] || fail "left: $(vssctl diff-area list)"
expect_fail -s 3 vssctl status "$volume"
is_free_device "$free"

echo "--- what has no piece as large as a chunk is taken back"
fragments_dir=$(mount_tmp "$fragments")
fallocate -l 10M "$fragments_dir/large"
# Nothing else may be free: the rest is filled in pieces of each size.
echo 0 >"/sys/fs/ext4/${fragments##*/}/reserved_clusters"
for size in 4M 1M 256K 64K 16K 4K; do
	for ((i = 0; i < 16; i++)); do
		fallocate -l $size "$fragments_dir/small-$size-$i" 2>/dev/null || break
	done
done
for ((i = 0; i < 40; i++)); do
	fallocate -p -o $((i * 262144)) -l 65536 "$fragments_dir/large"
done
sync -f "$fragments_dir"
vssctl attach --quiet --chunk-size 256K "$volume"
expect_fail -s 6 -m "large enough for a chunk" vssctl diff-area add "$volume" \
	--file "$fragments_dir/.vss/area" --size 2M
[[ ! $(part_field part) && ! -e $fragments_dir/.vss ]] || fail "left: $(vssctl diff-area list)"
run_ok vssctl diff-area add --quiet "$volume" --on "$free"
expect_fail -s 6 vssctl diff-area add "$volume" --file "$fragments_dir" --size 2M
dmsetup create tiny --table "0 64 linear $other 0"
settle
expect_fail -s 6 -m VSS_E_INSUFFICIENT_STORAGE vssctl diff-area add --force "$volume" --on /dev/mapper/tiny
dmsetup remove --retry tiny
[[ $(part_field device) == "$free" && ! $(compgen -G "$fragments_dir/*.diff") ]] ||
	fail "left: $(vssctl diff-area list) $(ls "$fragments_dir")"
run_ok umount "$fragments_dir"
image_right "in chunks of 256 KiB"
run_ok vssctl detach --quiet "$volume"

echo "--- a part that has failed"
length=$((32 * 2048))
good="0 $length linear $other 0"
modprobe dm_flakey || skip "no dm-flakey"
dmsetup create area --table "$good"
cleanup_push dmsetup remove area
area=/dev/mapper/area
# area_table TABLE: what the device does from now on.
area_table()
{
	dmsetup suspend --nolockfs --noflush area
	dmsetup load area --table "$1"
	dmsetup resume area
}
track "$volume" "$area" --copy-memory 1M
snap=$(create "$volume")
area_table "0 $length flakey $other 0 0 600 1 error_writes"
scribble "$volume" 400
expect_event snapshot-lost "$snap"
[[ $(part_field state) == error ]] || fail "the part shows no error"
run_ok vssctl diff-area add "$volume" --on "$free"
settle
run_ok vssctl delete --quiet "$snap"
expect_fail -m "diff area has failed" vssctl create "$volume"
# Another one's removal mends nothing.
run_ok vssctl diff-area add "$volume" --file "$ext4_dir/area" --size 8M
run_ok vssctl diff-area remove "$volume" "$ext4_dir/area"
[[ $(part_field state | tr '\n' ' ') == "error ready " ]] || fail "states: $(part_field state)"
expect_fail -m "diff area has failed" vssctl create "$volume"
run_ok vssctl diff-area remove "$volume" "$area"
[[ $(part_field state) == ready ]] || fail "states: $(part_field state)"
image_right "without the part that failed"

echo "--- a part that does not answer"
area_table "$good"
wait_for 30 removes "$volume" "$free"
run_ok vssctl diff-area add "$volume" --on "$area" --force
snap=$(create "$volume")
run_ok dmsetup suspend --nolockfs --noflush area
put_block "$volume" "copied, but not stored" 100
settle
run_ok vssctl delete --quiet "$snap"
expect_fail -s 4 -m "still being written" vssctl diff-area remove "$volume" "$area"
[[ $(part_field state) == ready ]] || fail "states: $(part_field state)"
run_ok dmsetup resume area
wait_for 30 removes "$volume" "$area"
run_ok vssctl diff-area add --quiet "$volume" --on "$free"
image_right "at last"
run_ok vssctl detach --quiet "$volume"
