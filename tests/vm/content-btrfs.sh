#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Images of a busy btrfs. The kernel takes two devices with the same content for
# one file system, so an image is mounted when the volume no longer is.

. "$(dirname "$0")/content-fs-lib.sh"

need mkfs.btrfs
# An option of the replay.
rw=rw
modprobe btrfs || skip "this kernel has no btrfs"
load_vss
split "$(disk nvme0)" 112M
dev=${parts[0]}
run_ok mkfs.btrfs -q --mixed "$dev"
dir=$(mount_tmp "$dev")
track "$dev" "$(disk vd3)"
files work "$dir" 3 &
load=$!
sleep 2
snap_busy "$dev"
frozen=("${ids[0]}" "${images[0]}" "${copies[0]}")
expect_same "frozen, first read" "${frozen[@]:1}"
snap_busy --no-freeze "$dev"
crashed=("${ids[0]}" "${images[0]}" "${copies[0]}")
expect_same "crashed, first read" "${crashed[@]:1}"
sleep 1
kill $load
wait $load || fail "files has failed"
expect_copied "under load" "$dev" 0
expect_changed "under load" "$dev" "${crashed[2]}"
# Nothing has taken an image for the volume.
[[ $(findmnt -no SOURCE "$dir") == "$dev" ]] || fail "$dir is on $(findmnt -no SOURCE "$dir") now"
umount "$dir"
fill "$dev"

fsck()
{
	btrfs check --readonly "$1"
}

btrfs device scan --forget
run_ok fsck "${frozen[1]}"
image_dir=$(mount_tmp "${frozen[1]}" -o ro)
expect_files "$image_dir" quiet
umount "$image_dir"
btrfs device scan --forget
replay "${crashed[@]:0:2}"
expect_same "frozen, last read" "${frozen[@]:1}"
