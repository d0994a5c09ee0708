#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Members that lie on other members: a logical volume and a loop device on a file,
# both on partitions of a disk that is a member as well. Frozen, held and drained
# from the top, they are one instant, and each shows in the other's image what it
# is itself. And file systems that the kernel is not told of as members: those on
# partitions of a disk, and on whatever lies on these.

. "$(dirname "$0")/set-lib.sh"
need lvcreate losetup

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 24 32
mib=58	# of the disk are in use
parts "$areas" 48 16 16
run_ok pvcreate -q -y "$(part "$disk" 1)"
run_ok vgcreate -q stacked "$(part "$disk" 1)"
cleanup_push vgchange -q -an stacked
run_ok lvcreate -q -y -Wn -Zn -n lv -L 16M stacked
lv=/dev/stacked/lv
ext4=$(part "$disk" 2)
run_ok mkfs.ext4 -q "$lv"
run_ok mkfs.ext4 -q "$ext4"
lv_dir=$(mount_tmp "$lv")
disk_dir=$(mount_tmp "$ext4")
truncate -s 10M "$disk_dir/loop"
loop=$(losetup -f --show "$disk_dir/loop")
cleanup_push losetup -d "$loop"
run_ok mkfs.ext4 -q "$loop"
loop_dir=$(mount_tmp "$loop")
dirs=("$lv_dir" "$loop_dir" "$disk_dir")
for dir in "${dirs[@]}"; do
	dd if=/dev/urandom of="$dir/before" bs=1M count=1 conv=fsync status=none
	echo 0 >"$dir/stamp"
done
sync
load_vss
track "$disk" "$(part "$areas" 1)"

writers()
{
	bg lv put_file "$lv_dir/written" "$1"
	bg loop put_file "$loop_dir/written" "$1"
	bg part put_file "$disk_dir/written" "$1"
}

echo "--- a disk whose partitions, a volume and a loop device on them are mounted"
ctl_start a --hold-timeout 30000 "$disk"
ctl_ok a frozen
writers "only the disk"
expect_blocked lv loop part
ctl_ok a held
sum=$(raw_sha "$disk" $mib)
expect_blocked lv loop part
ctl_ok a "done"
expect_over 5000 lv loop part
ctl_end a
img=$(image "${ctl_snaps[a]}")
expect_sha "the disk" "$img" "$sum" $mib
settle
[[ -b ${img}p1 && -b ${img}p2 ]] || fail "the image shows no partitions"
[[ -b /dev/vss/by-id/${ctl_snaps[a]}-part2 ]] || fail "no name for the image's partition"
[[ $(blkid -p -s TYPE -o value "${img}p2") == ext4 ]] || fail "no ext4 on the image's partition"
pvs=$(pvs --noheadings -o pv_name | xargs)
[[ $pvs == "$(part "$disk" 1)" ]] || fail "LVM has found the image: $pvs"
run_ok fsck.ext4 -fn "${img}p2"
settle
run_ok vssctl delete --quiet "${ctl_snaps[a]}"

echo "--- all three are members"
track "$lv" "$(part "$areas" 2)"
track "$loop" "$(part "$areas" 3)"
for order in "$disk $lv $loop" "$loop $lv $disk"; do
	read -r -a members <<<"$order"
	ctl_start a --hold-timeout 30000 "${members[@]}"
	ctl_ok a frozen
	writers "all three"
	expect_blocked lv loop part
	ctl_ok a held
	declare -A sums=()
	for member in "${members[@]}"; do
		sums[$member]=$(raw_sha "$member" $mib)
	done
	ctl_ok a "done"
	expect_over 5000 lv loop part
	ctl_end a
	read -r -a snaps <<<"${ctl_snaps[a]}"
	for i in 0 1 2; do
		expect_sha "${members[i]}" "$(image "${snaps[i]}")" "${sums[${members[i]}]}" $mib
	done
	settle
	run_ok vssctl delete --quiet --set "${ctl_set[a]}"
done

echo "--- one instant, while stamps go round"
# Each number is written to the first, then the second, then the third.
stamps()
{
	local n=0 dir

	while [[ ! -e $TEST_TMP/stop ]]; do
		n=$((n + 1))
		for dir in "${dirs[@]}"; do
			put_file "$dir/stamp" $n || return 1
		done
	done
	echo "$n stamps"
}
bg stamps stamps
cleanup_push touch "$TEST_TMP/stop"
# Where the logical volume lies on its partition, in sectors
read -r _ _ kind _ start < <(dmsetup table stacked-lv)
[[ $kind == linear ]] || fail "the logical volume is no linear one"
start=$((start + $(<"/sys/class/block/$(basename "$(part "$disk" 1)")/start")))

for round in 1 2; do
	sleep 0.$round
	mapfile -t snaps < <(create --hold-timeout 5000 "$loop" "$disk" "$lv")
	((${#snaps[@]} == 3)) || fail "no set of three"
	loop_img=$(image "${snaps[0]}")
	disk_img=$(image "${snaps[1]}")
	lv_img=$(image "${snaps[2]}")
	settle
	loop_mnt=$(mount_tmp "$loop_img" -o ro,noload)
	lv_mnt=$(mount_tmp "$lv_img" -o ro,noload)
	disk_mnt=$(mount_tmp "${disk_img}p2" -o ro,noload)
	a=$(<"$lv_mnt/stamp")
	b=$(<"$loop_mnt/stamp")
	c=$(<"$disk_mnt/stamp")
	echo "stamps $a $b $c"
	# A file that was just being written is empty.
	[[ ! $a || ! $b ]] || ((a >= b)) || fail "not one instant"
	[[ ! $b || ! $c ]] || ((b >= c)) || fail "not one instant"
	[[ ! $a || ! $c ]] || ((a - c <= 1)) || fail "not one instant"
	# The same content, seen from above and from below
	sum=$(digest <"$disk_mnt/loop")
	expect_sha "the loop device as a file on the disk's image" "$loop_img" "$sum"
	sum=$(dd if="$disk_img" bs=1M iflag=direct,skip_bytes,count_bytes skip=$((start * 512)) \
		count=16M status=none | digest)
	expect_sha "the logical volume as a part of the disk's image" "$lv_img" "$sum"
	for mnt in "$loop_mnt" "$lv_mnt" "$disk_mnt"; do
		umount "$mnt"
	done
	settle
	run_ok vssctl delete --quiet "${snaps[@]}"
done
touch "$TEST_TMP/stop"
expect_over 10000 stamps
cat "$TEST_TMP/stamps.out"

for dir in "${dirs[@]}"; do
	[[ $(<"$dir/stamp") == "$(<"$lv_dir/stamp")" ]] || fail "a stamp is not there"
done
