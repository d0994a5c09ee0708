#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# File systems that cannot be frozen, or not in time: the set fails with the reason, and
# leaves no other one frozen, nor waits with it for one that hangs.
# vm: timeout=600

. "$(dirname "$0")/set-lib.sh"

modprobe dm_delay || skip "no dm-delay"
disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 32 32 32
parts "$areas" 16 16 16
load_vss

# slow MS: what a write to the slow volume takes from now on.
slow()
{
	dmsetup suspend --nolockfs slow
	dmsetup load slow --table "0 $((32 * 2048)) delay $(part "$disk" 2) 0 0 $(part "$disk" 2) 0 $1"
	dmsetup resume slow
}

# Two file systems: one's device can be made to hang, one's is slow.
run_ok mkfs.ext4 -q "$(part "$disk" 1)"
run_ok mkfs.ext4 -q "$(part "$disk" 2)"
dmsetup create hung --table "0 $((32 * 2048)) linear $(part "$disk" 1) 0"
cleanup_push dmsetup remove --retry hung
dmsetup create slow --table "0 $((32 * 2048)) delay $(part "$disk" 2) 0 0 $(part "$disk" 2) 0 0"
cleanup_push dmsetup remove --retry slow
hung=/dev/mapper/hung
slow=/dev/mapper/slow
hung_dir=$(mount_tmp "$hung")
slow_dir=$(mount_tmp "$slow")
cleanup_push dmsetup resume hung
track "$hung" "$(part "$areas" 1)"
track "$slow" "$(part "$areas" 2)"

# dirty DIR: much to flush.
dirty()
{
	local i

	for i in {1..20}; do
		dd if=/dev/urandom of="$1/$RANDOM" bs=64k count=1 status=none
	done
}

for how in owner deadline; do
	echo "--- one hangs, one is slow: the $how"
	if [[ $how == owner ]]; then
		ctl_start a "$hung" "$slow"
	else
		ctl_start a --freeze-timeout 1000 "$hung" "$slow"
	fi
	slow 400
	dirty "$hung_dir"
	dirty "$slow_dir"
	dmsetup suspend --nolockfs --noflush hung
	ctl_send a frozen
	sleep 0.5
	[[ $how == deadline ]] || ctl_kill a
	# Sooner or later it is frozen.
	sleep 2
	bg slow put_file "$slow_dir/new" "$how"
	expect_over 20000 slow
	# The other one is still what it was.
	bg hung put_file "$hung_dir/new" "$how"
	expect_blocked hung
	dmsetup resume hung
	expect_over 20000 hung
	if [[ $how == deadline ]]; then
		ctl_receive a
		[[ $ctl_answer == *"before the deadline"* ]] || fail "$ctl_answer"
	fi
	slow 0
	set=${ctl_set[a]}
	ctl_end a
	wait_for 20 set_is_gone "$set"
done

echo "--- one is frozen by somebody else, one is slow"
run_ok fsfreeze -f "$hung_dir"
ctl_start a --freeze-timeout 1000 "$hung" "$slow"
slow 400
dirty "$slow_dir"
ctl a frozen
slow 0
# Where a second freeze nests, that one is just in time, or is not.
[[ $ctl_answer == *"frozen by someone else"* || $ctl_answer == *"before the deadline"* ]] || fail "$ctl_answer"
[[ $(uname -r) != 6.1.* || $ctl_answer == *"frozen by someone else"* ]] || fail "it says less than it knows: $ctl_answer"
ctl_end a
run_ok fsfreeze -u "$hung_dir"
for dir in "$hung_dir" "$slow_dir"; do
	bg write put_file "$dir/new" "after that"
	expect_over 20000 write
done

echo "--- read-only, and its device cannot be flushed"
lower=$(part "$disk" 3)
run_ok mkfs.ext4 -q "$lower" 16M
dmsetup create bad --table "$(printf '0 %d linear %s 0\n%d 2048 error' $((16 * 2048)) "$lower" $((16 * 2048)))"
cleanup_push dmsetup remove --retry bad
bad=/dev/mapper/bad
dir=$(mount_tmp "$bad" -o ro)
track "$bad" "$(part "$areas" 3)"
dd if=/dev/urandom of="$bad" bs=4k seek=$((16 * 256)) count=1 conv=notrunc status=none
ctl_start a "$bad"
ctl a frozen
if [[ $ctl_answer == ok* ]]; then
	echo "the error is nobody's"
	ctl_ok a "done"
	settle
	run_ok vssctl delete -q "${ctl_snaps[a]}"
else
	[[ $ctl_answer == *"could not be frozen"* ]] || fail "$ctl_answer"
fi
ctl_end a
! fsfreeze -u "$dir" 2>/dev/null || fail "it was left frozen"
run_ok umount "$dir"
dir=$(mount_tmp "$bad")
bg write put_file "$dir/new" "after that"
expect_over 20000 write
run_ok umount "$dir"
run_ok vssctl detach -q "$bad"
