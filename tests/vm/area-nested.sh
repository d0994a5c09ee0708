#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Diff areas on tracked volumes: on the one they serve, where they cannot grow while
# there are snapshots; and on another one, which sees them as writes of its own. In a
# circle they must not lie.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 24 48
parts "$areas" 48
volume=$(part "$disk" 1)
second=$(part "$disk" 2)
free=$(part "$areas" 1)
run_ok mkfs.ext4 -q "$second"
fill "$volume"
second_dir=$(mount_tmp "$second")
load_vss
vssctl attach --quiet "$second"
cleanup_push _untrack "$second"
cleanup_push _untrack "$volume"

echo "--- on the volume itself"
run_ok vssctl diff-area add "$second" --file "$second_dir/.vss" --size 8M
dd if=/dev/urandom of="$second_dir/file" bs=1M count=4 conv=fsync status=none
file_sum=$(sha256sum <"$second_dir/file")
snap=$(create "$second")
rm "$second_dir/file"
sync -f "$second_dir"
find "$second_dir" | sort >"$TEST_TMP/files"
expect_fail -s 4 -m "blocks they still need" vssctl diff-area grow "$second" --size +8M
expect_fail -s 4 vssctl diff-area add "$second" --file "$second_dir/more" --size 8M
find "$second_dir" | sort | diff "$TEST_TMP/files" - || fail "a refused growth has left something"
fallocate -l 8M "$second_dir/more"
sync -f "$second_dir"
raw_refused EBUSY "$second" "$second_dir/more" fiemap
rm "$second_dir/more"
# Elsewhere it may grow.
run_ok vssctl diff-area add --quiet --force "$second" --on "$free"
dd if=/dev/urandom of="$second_dir/new" bs=1M count=20 conv=fsync status=none
mnt=$(mount_tmp "$(image "$snap")" -o ro,noload)
[[ $(sha256sum <"$mnt/file") == "$file_sum" ]] || fail "the deleted file is not in the image"
umount "$mnt"
settle
run_ok vssctl delete --quiet "$snap"
run_ok vssctl diff-area grow "$second" --size +8M
run_ok vssctl detach "$second"
[[ ! -e $second_dir/.vss ]] || fail "left behind: $(ls -R "$second_dir/.vss")"

echo "--- on another tracked volume, and no further"
rm "$second_dir/new"
vssctl attach --quiet "$volume"
vssctl attach --quiet "$second"
run_ok vssctl diff-area add --quiet "$volume" --file "$second_dir/area" --size 24M
run_ok vssctl diff-area add --quiet --force "$second" --on "$free"
for round in 1 2; do
	bg load fio --name=load --filename="$volume" --direct=1 --rw=randwrite --bs=4k --iodepth=16 \
		--ioengine=libaio --size=24M --number_ios=1000 --output=/dev/null
	ctl_start a --hold-timeout 60000 "$volume" "$second"
	ctl_ok a held
	sum=$(raw_sha "$volume")
	second_sum=$(raw_sha "$second")
	ctl_ok a "done"
	ctl_end a
	expect_over 30000 load
	put_file "$second_dir/file" "round $round"
	sync -f "$second_dir"
	read -r snap second_snap <<<"${ctl_snaps[a]}"
	expect_sha "the volume" "$(image "$snap")" "$sum"
	expect_sha "the one its diff area is on" "$(image "$second_snap")" "$second_sum"
	settle
	run_ok vssctl delete --quiet "$snap" "$second_snap"
done
run_ok vssctl detach --quiet --force "$volume"
run_ok vssctl detach --quiet --force "$second"
# Round about it must not go, neither as a file nor as a device.
run_ok mkfs.ext4 -q "$volume"
volume_dir=$(mount_tmp "$volume")
vssctl attach --quiet "$volume"
vssctl attach --quiet "$second"
run_ok vssctl diff-area add --quiet "$volume" --file "$second_dir/area" --size 8M
expect_fail -s 7 -m "own diff area lies on" vssctl diff-area add "$second" --file "$volume_dir/area" --size 8M
[[ ! -e $volume_dir/area ]] || fail "a file is left"
expect_fail vssctl diff-area add "$volume" --on "$second" --force
run_ok vssctl detach --quiet "$volume"
run_ok vssctl diff-area add --quiet "$second" --file "$volume_dir/area" --size 8M
vssctl attach --quiet "$volume"
expect_fail -s 7 vssctl diff-area add "$volume" --file "$second_dir/area" --size 8M
run_ok vssctl detach --quiet "$volume"
run_ok vssctl detach --quiet "$second"
# With device mapper in between on both sides, where the module sees no circle.
umount "$volume_dir"
dmsetup create ring0 --table "0 $(blockdev --getsz "$free") linear $free 0"
dmsetup create ring1 --table "0 $(blockdev --getsz "$volume") linear $volume 0"
settle
vssctl attach --quiet "$volume"
vssctl attach --quiet "$free"
cleanup_push _untrack "$free"
run_ok vssctl diff-area add --quiet --force "$volume" --on /dev/mapper/ring0
expect_fail -s 7 -m "own diff area lies on" vssctl diff-area add --force "$free" --on /dev/mapper/ring1
run_ok vssctl detach --quiet "$volume"
run_ok vssctl diff-area add --quiet --force "$free" --on /dev/mapper/ring1
vssctl attach --quiet "$volume"
expect_fail -s 7 vssctl diff-area add --force "$volume" --on /dev/mapper/ring0
run_ok vssctl detach --quiet "$free"
run_ok vssctl detach --quiet "$volume"
