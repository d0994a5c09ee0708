#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A set over 64 volumes is one instant: partitions of two disks, device-mapper and
# loop devices, some with mounted file systems, their diff areas in files that one
# command makes.

. "$(dirname "$0")/set-lib.sh"

# Partitions are 4 MiB, two of them 8 MiB with an ext4 of 7 MiB: the last blocks
# of each are free for stamps.
virtio=$(disk vd0)
scsi=$(disk sd0)
small=(4 4 4 4 4 4 4 4)
parts "$virtio" 8 8 "${small[@]}" "${small[@]}" 4 4 4 4 4 4
parts "$scsi" "${small[@]}" "${small[@]}"
volumes=()
for i in {1..24}; do
	volumes+=("$(part "$virtio" "$i")")
done
for i in {1..16}; do
	volumes+=("$(part "$scsi" "$i")")
done
for i in {1..12}; do
	dmsetup create --noudevsync "many$i" --table "0 8192 linear $(disk vd2) $((i * 10000))"
	cleanup_push dmsetup remove "many$i"
	volumes+=("/dev/mapper/many$i")
done
for i in {1..12}; do
	truncate -s 4M "$TEST_TMP/loop$i"
	loop=$(losetup -f --show "$TEST_TMP/loop$i")
	cleanup_push losetup -d "$loop"
	volumes+=("$loop")
done
settle
((${#volumes[@]} == 64)) || fail "${#volumes[@]} volumes"

dirs=()
for volume in "${volumes[@]:2}"; do
	dd if=/dev/urandom of="$volume" bs=1M count=4 iflag=fullblock oflag=direct conv=notrunc status=none
done
for volume in "${volumes[@]:0:2}"; do
	run_ok mkfs.ext4 -q "$volume" 7M
	dirs+=("$(mount_tmp "$volume")")
done
store_dir=$(disk nvme0)
run_ok mkfs.xfs -q -f "$store_dir"
store_dir=$(mount_tmp "$store_dir")
mkdir "$store_dir/areas"

# Of many devices by one process, for each costs the VM a tenth of a second.
sum_all()
{
	sync
	echo 1 >/proc/sys/vm/drop_caches
	sha256sum "$@" | cut -d ' ' -f 1
}

load_vss
for volume in "${volumes[@]}"; do
	cleanup_push _untrack "$volume"
done

echo "--- quiet volumes"
mapfile -t sums < <(sum_all "${volumes[@]:2}")
start=$(milliseconds)
vssctl create --json --diff-area "$store_dir/areas" --diff-area-size 4M "${volumes[@]}" >"$TEST_TMP/set"
echo "attached, and taken, in $(($(milliseconds) - start)) ms;" \
	"held for $(json hold_usec <"$TEST_TMP/set") us," \
	"frozen for $(json freeze_usec <"$TEST_TMP/set") us"
mapfile -t quiet < <(json id <"$TEST_TMP/set")
((${#quiet[@]} == 64)) || fail "${#quiet[@]} snapshots"

echo "--- while stamps go round"
bg stamps stamp-round write "$TEST_TMP/stop" "${volumes[@]}"
cleanup_push touch "$TEST_TMP/stop"
for round in 1 2; do
	for dir in "${dirs[@]}"; do
		dd if=/dev/urandom of="$dir/file.$round" bs=64k count=4 status=none
	done
	is_over stamps && fail "the stamps ended: $(cat "$TEST_TMP/stamps.out")"
	sleep 0.3
	vssctl create --json "${volumes[@]}" >"$TEST_TMP/set"
	echo "held for $(json hold_usec <"$TEST_TMP/set") us," \
		"frozen for $(json freeze_usec <"$TEST_TMP/set") us"
	mapfile -t images < <(json device <"$TEST_TMP/set" | grep /dev/vss)
	((${#images[@]} == 64)) || fail "${#images[@]} images"
	# The writer gets time to go on.
	sleep 0.3
	stamp-round check "${images[@]}" || fail "the images are not of one instant"
	settle
	for i in 0 1; do
		e2fsck -fn "${images[i]}" >"$TEST_TMP/fsck" 2>&1 ||
			{ cat "$TEST_TMP/fsck"; fail "the ext4 in image $i is not clean"; }
	done
	settle
	run_ok vssctl delete --quiet --set "$(json set <"$TEST_TMP/set" | sed -n 1p)"
	[[ $(snapshots | wc -l) == 64 ]] || fail "not the 64 from before are left"
done
touch "$TEST_TMP/stop"
expect_over 20000 stamps
cat "$TEST_TMP/stamps.out"

echo "--- what was written to them since does not show in the first images"
for volume in "${volumes[@]:2}"; do
	dd if=/dev/urandom of="$volume" bs=64k count=16 oflag=direct seek=8 conv=notrunc status=none
done
images=()
for id in "${quiet[@]:2}"; do
	images+=("/dev/vss/by-id/$id")
done
mapfile -t images_sums < <(sum_all "${images[@]}")
[[ ${images_sums[*]} == "${sums[*]}" ]] || fail "images are wrong"
echo "sha256 of ${#images[@]} images as expected"
for i in 5 30 60; do
	[[ $(raw_sha "${volumes[i]}") != "${sums[i - 2]}" ]] || fail "nothing was written"
done
settle
run_ok vssctl delete --quiet "${quiet[@]}"
[[ $(vssctl status --json | json area_used | sort -u) == 0 ]] || fail "diff areas are not empty"
