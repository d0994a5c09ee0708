#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What may be a diff area, and what may be done to it meanwhile: files are pinned
# and free again after the detach; wrong files, extents and devices are refused.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
xfs=$(disk sd0)
parts "$disk" 32 64
parts "$areas" 32 64 120
volume=$(part "$disk" 1)
second=$(part "$disk" 2)
free=$(part "$areas" 1)
ext4=$(part "$areas" 2)
btrfs=$(part "$areas" 3)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.xfs -q -f "$xfs"
fill "$volume"
ext4_dir=$(mount_tmp "$ext4")
xfs_dir=$(mount_tmp "$xfs")
load_vss

# pinned_file DIR: refuses everything that would move its blocks.
pinned_file()
{
	local dir=$1 file=$2 before after

	before=$(filefrag -v "$file" | grep -E '^ +[0-9]+:')
	expect_fail dd if=/dev/urandom of="$file" bs=4k count=1 conv=notrunc
	expect_fail dd if=/dev/urandom of="$file" bs=4k count=1 conv=notrunc oflag=direct
	expect_fail dd if=/dev/urandom of="$file" bs=4k count=1 oflag=append conv=notrunc
	expect_fail truncate -s 4096 "$file"
	expect_fail fallocate -p -o 0 -l 65536 "$file"
	expect_fail fallocate -z -o 0 -l 65536 "$file"
	expect_fail fallocate -c -o 0 -l 65536 "$file"
	expect_fail fallocate -o 0 -l 64M "$file"
	expect_fail rm -f "$file"
	expect_fail mv "$file" "$dir/elsewhere"
	touch "$dir/other"
	expect_fail mv -f "$dir/other" "$file"
	if [[ $(findmnt -no FSTYPE -T "$dir") == xfs ]]; then
		expect_fail cp --reflink=always "$file" "$dir/clone"
		expect_fail cp --reflink=always "$dir/other" "$file"
	fi
	# Its fs cannot go away below it.
	expect_fail -s 32 umount "$dir"
	expect_fail -s 32 mount -o remount,ro "$dir"
	# Reading is nobody's business.
	head -c 4096 "$file" >/dev/null
	after=$(filefrag -v "$file" | grep -E '^ +[0-9]+:')
	[[ $before == "$after" ]] || fail "its blocks have moved"
}

for dir in "$ext4_dir" "$xfs_dir"; do
	echo "--- a file on $(findmnt -no FSTYPE -T "$dir")"
	vssctl attach --quiet "$volume"
	run_ok vssctl diff-area add "$volume" --file "$dir/area" --size 16M
	[[ $(vssctl diff-area list --json | json path) == "$dir/area" ]] || fail "it shows no path"
	snap=$(create "$volume")
	sum=$(raw_sha "$volume")
	scribble "$volume" 200
	pinned_file "$dir" "$dir/area"
	expect_sha "its snapshot" "$(image "$snap")" "$sum"
	settle
	expect_fail -s 4 vssctl detach "$volume"
	run_ok vssctl delete --quiet "$snap"
	run_ok vssctl detach --keep-files "$volume"
	[[ -s $dir/area ]] || fail "the file was removed all the same"
	run_ok dd if=/dev/urandom of="$dir/area" bs=4k count=1 conv=notrunc,fsync status=none
	run_ok fallocate -p -o 0 -l 65536 "$dir/area"
	run_ok mv "$dir/area" "$dir/elsewhere"
	run_ok truncate -s 4096 "$dir/elsewhere"
	run_ok rm "$dir/elsewhere"
	# Without --keep-files it goes, with the folder that was made for it.
	vssctl attach --quiet "$volume"
	vssctl diff-area add --quiet "$volume" --file "$dir/.vss/area" --size 8M
	run_ok vssctl detach "$volume"
	[[ ! -e $dir/.vss ]] || fail "left behind: $(ls -R "$dir/.vss")"
	run_ok umount "$dir"
	mount "$([[ $dir == "$xfs_dir" ]] && echo "$xfs" || echo "$ext4")" "$dir"
done

echo "--- wrong places for a file"
vssctl attach --quiet "$volume"
cleanup_push _untrack "$volume"
run_ok mkfs.btrfs -q -f "$btrfs"
btrfs_dir=$(mount_tmp "$btrfs")
mkdir "$TEST_TMP/tmpfs"
for dir in "$btrfs_dir" "$TEST_TMP/tmpfs" /proc; do
	expect_fail -s 7 vssctl diff-area add "$volume" --file "$dir/area" --size 8M
	[[ ! -e $dir/area ]] || fail "a file is left"
	expect_fail -s 7 vssctl diff-area add "$volume" --file "$dir" --size 8M
done
expect_fail vssctl diff-area add "$volume" --file "$ext4_dir/no/such/folder/area" --size 8M
expect_fail vssctl diff-area add "$volume" --file "$ext4_dir/area" --size 4G
[[ ! -e $ext4_dir/area ]] || fail "a file is left"
echo precious >"$ext4_dir/area"
expect_fail -s 4 vssctl diff-area add "$volume" --file "$ext4_dir/area" --size 8M
[[ $(<"$ext4_dir/area") == precious ]] || fail "a file was overwritten"

echo "--- wrong files"
for dir in "$btrfs_dir" "$TEST_TMP/tmpfs"; do
	fallocate -l 8M "$dir/file"
	raw_refused EOPNOTSUPP "$volume" "$dir/file" fiemap
done
raw_refused EINVAL --read-only "$volume" "$ext4_dir"
fallocate -l 8M "$ext4_dir/file"
sync -f "$ext4_dir"
raw_refused EINVAL --read-only "$volume" "$ext4_dir/file" fiemap
raw_refused EINVAL "$volume" /dev/null
raw_refused EINVAL "$volume" "$free"
fallocate -l 8M "$ext4_dir/gone"
raw_refused ENOENT --unlink "$volume" "$ext4_dir/gone"
dd if=/dev/zero of="$ext4_dir/swap" bs=1M count=8 status=none
chmod 600 "$ext4_dir/swap"
mkswap -q "$ext4_dir/swap"
run_ok swapon "$ext4_dir/swap"
raw_refused EBUSY "$volume" "$ext4_dir/swap"
run_ok swapoff "$ext4_dir/swap"
[[ ! $(vssctl diff-area list --json | json part) ]] || fail "a part is left of the refused ones"
# A refused one is not pinned.
for file in "$ext4_dir/file" "$ext4_dir/swap" "$TEST_TMP/tmpfs/file"; do
	run_ok dd if=/dev/zero of="$file" bs=4k count=1 conv=notrunc status=none
done

echo "--- wrong devices"
expect_fail -s 4 vssctl diff-area add "$volume" --on "$ext4" --force
expect_fail vssctl diff-area add "$volume" --on "$volume" --force
expect_fail vssctl diff-area add "$volume" --on "$disk" --force
mkswap -q "$free"
run_ok swapon "$free"
expect_fail -s 4 vssctl diff-area add "$volume" --on "$free" --force
run_ok swapoff "$free"
# Without --force, what is on it is asked about.
expect_fail -s 4 -m "swap" vssctl diff-area add "$volume" --on "$free"
run_ok wipefs -q -a "$free"
blockdev --setro "$free"
expect_fail vssctl diff-area add "$volume" --on "$free"
blockdev --setrw "$free"
loop=$(losetup -f --show "$ext4_dir/file")
cleanup_push losetup -d "$loop"
run_ok vssctl diff-area add --quiet --force "$volume" --on "$free"
expect_fail -s 4 vssctl diff-area add "$volume" --on "$free" --force
vssctl attach --quiet "$second"
cleanup_push _untrack "$second"
expect_fail -s 4 vssctl diff-area add "$second" --on "$free" --force
expect_fail mount "$free" /mnt
expect_fail -m "busy" wipefs -a "$free"
run_ok vssctl detach --quiet "$volume"

echo "--- extents that are not the file's"
fallocate -l 8M "$ext4_dir/extents"
sync -f "$ext4_dir"
size=$(blockdev --getsize64 "$ext4")
raw_refused ERANGE "$second" "$ext4_dir/extents" "$size:65536"
run_ok vssctl detach --quiet --keep-files "$second"
for extents in 1000:65536 0:0 "1048576:65536 1048576:65536" "1048576:65536 1081344:65536"; do
	vssctl attach --quiet "$second"
	read -r -a words <<<"$extents"
	if area-raw "$second" "$ext4_dir/extents" "${words[@]}" >"$TEST_TMP/out"; then
		wrong+="$extents; "
	fi
	echo "$extents: $(<"$TEST_TMP/out")"
	run_ok vssctl detach --quiet --keep-files "$second"
done
# A file without blocks has no extents at all.
truncate -s 8M "$ext4_dir/sparse"
vssctl attach --quiet "$second"
if area-raw "$second" "$ext4_dir/sparse" 4194304:1048576 >"$TEST_TMP/out"; then
	wrong+="extents for a sparse file; "
fi
run_ok vssctl detach --quiet --keep-files "$second"
[[ ! ${wrong:-} ]] || fail "taken as diff area: $wrong"
