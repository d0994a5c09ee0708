#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The root volume is set back at boot: asked for in a chroot on the volume, carried out by
# what the initramfs runs. Broken off while it writes, and while it writes the volume's
# head; it goes on, but not over what was mounted meanwhile.
# vm: timeout=1000

. "$(dirname "$0")/content-lib.sh"
. "$(dirname "$0")/writers-lib.sh"

modprobe dm_delay || skip "no dm-delay"
split "$(disk vd0)" 16M
lower=${parts[0]}
split "$(disk vd1)" 24M
area=${parts[0]}
sectors=$(blockdev --getsz "$lower")
volume=/dev/mapper/root
mkdir "$TEST_TMP/mnt"

# delayed HEAD REST: what a write there takes from now on, in ms, so that a revert lasts. A flush
# takes none.
delayed()
{
	local table

	table=$(printf '0 8 delay %s 0 0 %s 0 %s %s 0 0\n8 %s delay %s 8 0 %s 8 %s %s 8 0' \
		"$lower" "$lower" "$1" "$lower" $((sectors - 8)) "$lower" "$lower" "$2" "$lower")
	if [[ -b $volume ]]; then
		dmsetup suspend root
		dmsetup load root --table "$table"
		dmsetup resume root
	else
		dmsetup create root --uuid test-root --table "$table"
		settle
	fi
}
delayed 0 0
cleanup_push eval 'dmsetup remove --retry root 2>/dev/null || :'

cleanup_push boot_as ''

# running CMD...: in a system whose root file system is on the volume.
running()
{
	local dir status=0

	mount "$volume" "$TEST_TMP/mnt"
	for dir in usr etc dev proc sys run; do
		mkdir -p "$TEST_TMP/mnt/$dir"
		mount --bind "/$dir" "$TEST_TMP/mnt/$dir"
	done
	for dir in bin sbin lib lib64; do
		[[ -L $TEST_TMP/mnt/$dir ]] || ln -s "usr/$dir" "$TEST_TMP/mnt/$dir"
	done
	chroot "$TEST_TMP/mnt" "$@" || status=$?
	for dir in usr etc dev proc sys run; do
		umount -l "$TEST_TMP/mnt/$dir"
	done
	umount "$TEST_TMP/mnt"
	settle
	return $status
}

# change N: new content of some files.
change()
{
	running /bin/bash -c "dd if=/dev/urandom of=/changed bs=64k count=70 conv=notrunc,fsync status=none; echo $1 >/number"
}

# boot: what the initramfs does.
boot()
{
	vssctl diff-area boot --unclean --revert
}

# record: how far the revert is, as the diff area says; nothing without one.
record()
{
	vssctl diff-area dump --json "$area" | json progress
}
is_at()
{
	[[ $(record) == "$1" ]]
}

# power_cut N WORD: the power fails when the revert has got as far as WORD says; then boot N.
power_cut()
{
	local pid

	vssctl diff-area boot --unclean --revert >"$TEST_TMP/said" 2>&1 &
	pid=$!
	wait_for 30 is_at "$2"
	[[ $2 == head ]] || wait_for 30 grep -q 'set back, [1-9]' "$TEST_TMP/said"
	# It gets no further than the write it is at, however long the disks' copies take.
	kill -STOP $pid 2>/dev/null || fail "it was too fast: $(cat "$TEST_TMP/said")"
	keep_disks "$lower" "$area"
	kill -KILL $pid
	delayed 0 0
	wait $pid || :
	run_ok vssctl detach -q --force "$volume"
	run_ok rmmod vss
	settle
	put_back_disks "$lower" "$area"
	blockdev --flushbufs "$volume"
	boot_as "$1"
}

# away N: the machine is stopped in order, and started again.
away()
{
	settle
	run_ok vssctl diff-area boot -q --leave
	run_ok rmmod vss
	boot_as "$1"
}

boot_as 1
run_ok mkfs.ext4 -q "$volume"
mkdir -p /etc/vss
rm -f /etc/vss/areas
load_vss
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
running true
change 1
old_sum=$(sum "$volume")
snap "$volume"
old=${ids[0]}
change 2
wanted_sum=$(sum "$volume")
snap "$volume"
wanted=${ids[0]}
change 3
snap "$volume"
newer=${ids[0]}
change 4

echo "--- asked for"
expect_fail -s 7 -m 'root file system is not on' vssctl revert --at-boot "$wanted"
expect_fail -s 3 -m 'no line of' running vssctl revert --at-boot "$wanted"
echo "$volume PARTUUID=$(lsblk -ndo PARTUUID "$area")" >/etc/vss/areas
cleanup_push rm -f /etc/vss/areas
run_ok running vssctl revert --at-boot "$old"
run_ok running vssctl revert --at-boot "$wanted"
expect_fail -s 3 -m 'was asked for' vssctl revert --cancel "$old"
run_ok vssctl revert --cancel "$wanted"
[[ ! $(record) ]] || fail "it is asked for still"
run_ok running vssctl revert --at-boot "$wanted"
# Retention, say, does not take it away.
start_vssd
expect_fail -m 'to be set back to it' vssctl delete "$wanted"
stop_vssd TERM
unset VSS_BUS_ADDRESS
changed_sum=$(sum "$volume")
away 2

echo "--- not where nobody has asked the boot for it"
run_ok vssctl diff-area boot --unclean
expect_sum "as it was" "$volume" "$changed_sum"
[[ $(record) == wanted ]] || fail "the wish is gone"
away 3

echo "--- broken off while it writes, and while it writes the head"
delayed 0 2500
power_cut 4 writing
[[ $(sum "$volume") != "$changed_sum" && $(sum "$volume") != "$wanted_sum" ]] || fail "it is no mixture"
delayed 60000 0
power_cut 5 head
# torn: the superblock is the new one, the rest of the head the old one
dd if="$area" of="$TEST_TMP/heads" bs=4k skip=2 count=2 status=none
! cmp -s -n 4096 -i 0:4096 "$TEST_TMP/heads" "$TEST_TMP/heads" 2>/dev/null || fail "the heads are the same"
dd if="$TEST_TMP/heads" of="$lower" bs=512 skip=10 seek=2 count=1 oflag=direct conv=notrunc status=none
blockdev --flushbufs "$volume"
boot | tee "$TEST_TMP/said"
grep -q 'goes on' "$TEST_TMP/said" || fail "it is not told that it goes on"
expect_sum "set back" "$volume" "$wanted_sum"
expect_sum "the snapshot" "/dev/vss/by-id/$wanted" "$wanted_sum"
expect_sum "the older one" "/dev/vss/by-id/$old" "$old_sum"
expect_fail -s 3 vssctl show "$newer"
[[ $(record) == "done" && $(</run/vss/reverted) == "$wanted" ]] || fail "it would be set back again, or vssd not told"
[[ $(running cat /number) == 2 ]] || fail "other files than it had"

echo "--- mounted where nobody looked, half way"
change 5
run_ok running vssctl revert --at-boot "$wanted"
away 6
delayed 0 2500
power_cut 7 writing
running /bin/bash -c 'echo mine >/number'
mixture=$(sum "$volume")
expect_fail -s 2 -m 'mounted or written since' boot
expect_sum "what was written" "$volume" "$mixture"
[[ ! $(record) ]] || fail "it would be tried again and again"
for id in "$old" "$wanted"; do
	[[ $(vssctl show --json "$id" | json lost_reason) == untracked ]] || fail "$id is not lost: $(vssctl list)"
done

echo "--- it cannot go on"
settle
run_ok vssctl delete -q "$old" "$wanted"
run_ok vssctl detach -q "$volume"
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
snap "$volume"
wanted=${ids[0]}
change 6
run_ok running vssctl revert --at-boot "$wanted"
away 8
delayed 0 2500
power_cut 9 writing
# the log
dd if=/dev/zero of="$area" bs=64k seek=1 count=8 oflag=direct conv=notrunc status=none
expect_fail -s 9 -m 'a mixture' boot
[[ $(record) == writing ]] || fail "the next boot would not tell"
run_ok vssctl detach -q --force "$volume"
# Nor is it mounted when it cannot even be attached.
cleanup_push eval "echo 1 >/proc/sys/kernel/ftrace_enabled"
echo 0 >/proc/sys/kernel/ftrace_enabled
expect_fail -s 9 -m 'ftrace' boot
echo 1 >/proc/sys/kernel/ftrace_enabled
[[ $(record) == writing ]] || fail "the next boot would not tell"
