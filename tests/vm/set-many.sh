#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A set over 64 volumes is one instant: partitions of two disks, device-mapper and
# loop devices, four mounted file systems among them, with diff areas in files that
# the same command makes.
# vm: timeout=1000

. "$(dirname "$0")/set-lib.sh"

# One command for many devices wherever that can be: to start a program takes longer
# here than what it does.
virtio=$(disk vd0) scsi=$(disk sd0) below=$(disk vd2)
dd if=/dev/urandom of="$virtio" bs=1M count=56 oflag=direct status=none
dd if=/dev/urandom of="$scsi" bs=1M count=20 oflag=direct status=none
dd if=/dev/urandom of="$below" bs=1M count=12 oflag=direct status=none
head -c 12M /dev/urandom | split -b 1M - "$TEST_TMP/loop."

# The partitions for an ext4 of 7 MiB first; the last blocks of all are for stamps.
small=(1 1 1 1 1 1 1 1)
parts "$virtio" 8 8 8 8 "${small[@]}" "${small[@]}" 1 1 1 1
parts "$scsi" "${small[@]}" "${small[@]}"
volumes=("$virtio"{1..24} "$scsi"{1..16})
table=''
for i in {0..11}; do
	table+=";many$i,,,rw,0 2048 linear $below $((i * 2048))"
	volumes+=("/dev/mapper/many$i")
done
dmsetup create --noudevsync --concise "${table#;}"
for file in "$TEST_TMP"/loop.*; do
	volumes+=("$(losetup -f --show "$file")")
done
settle
((${#volumes[@]} == 64)) || fail "${#volumes[@]} volumes"
quiet=("${volumes[@]:4}")
dirs=()
for volume in "${volumes[@]:0:4}"; do
	mkfs.ext4 -q "$volume" 7M
	dirs+=("$(mount_tmp "$volume")")
done
mkfs.xfs -q -f "$(disk nvme0)"
areas=$(mount_tmp "$(disk nvme0)")/areas
mkdir "$areas"

load_vss

# sums DEV...: prints the checksum of each device.
sums()
{
	blockdev --flushbufs "$@"
	sha512sum "$@" | cut -d ' ' -f 1
}

# take CREATE-OPTION|VOLUME...: takes a set; sets set_id, ids and images.
take()
{
	local start name value hold freeze

	start=$(milliseconds)
	vssctl create --json "$@" >"$TEST_TMP/set" || fail "vssctl create"
	echo "taken in $(($(milliseconds) - start)) ms"
	ids=() images=()
	while read -r name value; do
		case $name in
		set) set_id=$value ;;
		id) ids+=("$value") ;;
		device) [[ $value != /dev/vss/* ]] || images+=("$value") ;;
		hold_usec) hold=$value ;;
		freeze_usec) freeze=$value ;;
		esac
	done < <(sed -nE 's/.*"(set|id|device|hold_usec|freeze_usec)": *"?([^",]*).*/\1 \2/p' "$TEST_TMP/set")
	echo "held for $hold us, frozen for $freeze us"
	((${#ids[@]} && ${#ids[@]} == ${#images[@]})) || fail "${#ids[@]} snapshots, ${#images[@]} images"
}

echo "--- quiet volumes"
mapfile -t first_sums < <(sums "${quiet[@]}")
[[ $(printf '%s\n' "${first_sums[@]}" | sort -u | wc -l) == 60 ]] || fail "the volumes are not 60 different ones"
take --diff-area "$areas" --diff-area-size 2M "${volumes[@]}"
((${#ids[@]} == 64)) || fail "${#ids[@]} snapshots"
first_images=("${images[@]:4}") first_set=$set_id
[[ $(find "$areas" -type f | wc -l) == 64 ]] || fail "there are not 64 files"

echo "--- while stamps go round"
bg stamps stamp-round write "$TEST_TMP/stop" "${volumes[@]}"
cleanup_push touch "$TEST_TMP/stop"
wait_for 30 grep -q everywhere "$TEST_TMP/stamps.out"

# stamped VOLUME...: takes a set of them, with something to flush.
stamped()
{
	head -c 256K /dev/urandom | tee "${dirs[@]/%//$#}" >/dev/null
	take "$@"
	stamp-round check "${images[@]}" || fail "the images are not of one instant"
	! is_over stamps || fail "the stamps ended: $(<"$TEST_TMP/stamps.out")"
}

stamped "${volumes[@]}"
second_images=("${images[@]}")
stamped "${volumes[@]:56}"
# It does notice when some are newer than the others.
expect_fail -s 1 stamp-round check "${second_images[@]:0:56}" "${images[@]}"
touch "$TEST_TMP/stop"
expect_over 20000 stamps
cat "$TEST_TMP/stamps.out"
for image in "${second_images[@]:0:4}"; do
	e2fsck -fn "$image" >"$TEST_TMP/fsck" 2>&1 ||
		{ cat "$TEST_TMP/fsck"; fail "the ext4 in $image is not clean"; }
done

echo "--- what was written to them since does not show in the first images"
head -c 512K /dev/urandom | tee "${quiet[@]}" >/dev/null
sync
mapfile -t now < <(sums "${first_images[@]}")
[[ ${now[*]} == "${first_sums[*]}" ]] || fail "images of the first set have changed"
echo "content of ${#now[@]} images as expected"
mapfile -t now < <(sums "${quiet[@]}")
for i in "${!quiet[@]}"; do
	[[ ${now[i]} != "${first_sums[i]}" ]] || fail "nothing was written to ${quiet[i]}"
done

echo "--- and the end"
settle
run_ok vssctl delete --quiet --set "$first_set"
mapfile -t ids < <(snapshots)
((${#ids[@]} == 64 + 8)) || fail "not the snapshots of the other sets are left"
run_ok vssctl delete --quiet "${ids[@]}"
[[ $(vssctl status --json | json area_used | sort -u) == 0 ]] || fail "diff areas are not empty"
