#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A volume that comes after the boot, as one does whose passphrase is typed later, gets its
# snapshots back by udev before whoever waits for udev can mount it: with its area there, with
# the area a little later, and by its UUID. Without the area it is there all the same, and that is
# told; what is attached or detached by hand stays as it is.
# vm: timeout=1000

. "$(dirname "$0")/content-lib.sh"

need dmsetup busybox losetup
split "$(disk vd0)" 24M
below=${parts[0]}
split "$(disk vd1)" 40M
below_area=${parts[0]}
mnt=$TEST_TMP/mnt
mkdir "$mnt"
said=$TEST_TMP/said
busybox syslogd -n -O "$said" &
cleanup_push kill $!
wait_for 5 test -S /dev/log

volume=/dev/mapper/late area=/dev/mapper/late-area
# Whoever makes it waits until udev has dealt with it.
arrive() { run_ok dmsetup create "$1" --table "0 $(blockdev --getsz "$2") linear $2 0"; }
leave()
{
	settle
	run_ok dmsetup remove "$1"
}
tracked() { vssctl status --json "$1" >/dev/null 2>&1; }
cleanup_push dmsetup remove --force late-area
cleanup_push dmsetup remove --force late
cleanup_push vssctl detach -q --force $volume

echo "--- while it boots that is for whoever boots it"
mkdir -p /etc/vss
echo "$volume $area" >/etc/vss/areas
rm -f /run/vss/areas-vouched
arrive late-area "$below_area"
arrive late "$below"
! tracked $volume || fail "somebody was faster than the boot"
load_vss
run_ok vssctl attach -q --chunk-size 32K $volume
run_ok mkfs.ext4 -q $volume
run_ok vssctl diff-area add -q $volume --on $area --persistent
run_ok mount $volume "$mnt"
dd if=/dev/urandom of="$mnt/old" bs=64k count=20 conv=fsync status=none
settle
snap "$mnt"
sum=$(sum "${images[0]}")

# change: the volume is written, and the image is as before.
change()
{
	run_ok mount $volume "$mnt"
	dd if=/dev/urandom of="$mnt/old" bs=64k count=20 conv=notrunc,fsync status=none
	run_ok umount "$mnt"
	expect_sum "$1" "/dev/vss/by-id/${ids[0]}" "$sum"
}
dd if=/dev/urandom of="$mnt/old" bs=64k count=10 conv=notrunc,fsync status=none
run_ok umount "$mnt"

# What a power cut leaves now: nothing is mounted.
settle
sleep 0.5
keep_disks $volume $area

# away: both devices go, in order.
away()
{
	settle
	run_ok vssctl detach -q $volume
	leave late
	leave late-area
}
away
run_ok rmmod vss

echo "--- it comes, and its area is there"
mkdir -p /run/vss
: >/run/vss/areas-vouched
arrive late-area "$below_area"
arrive late "$below"
# No settle: who made it may mount it now.
change "with the area there"
settle
grep -q 'late: diff area loaded' "$said" || fail "it was not told: $(<"$said")"

echo "--- another attaches or detaches meanwhile, for long"
away
exec {lock}>/run/vssctl.lock
flock "$lock"
arrive late-area "$below_area"
arrive late "$below" {lock}>&-
! tracked $volume || fail "it did not wait for the lock"
settle
grep -q 'another command attaches' "$said" || fail "it was not told: $(<"$said")"
exec {lock}>&-
leave late
arrive late "$below"
tracked $volume || fail "it is not tracked"
expect_sum "later" "/dev/vss/by-id/${ids[0]}" "$sum"

echo "--- nothing is done to what was detached by hand"
run_ok vssctl detach -q $volume
run_ok udevadm trigger --action=change --settle "/sys/block/$(basename "$(readlink -f $volume)")"
run_ok udevadm trigger --action=add --settle "/sys/block/$(basename "$(readlink -f $volume)")"
! tracked $volume || fail "it is attached again"
leave late
leave late-area

echo "--- its area comes a little later"
arrive late "$below" &
wait_for 60 pgrep -x vss-areas >/dev/null
# It has looked once.
sleep 0.5
kill -0 $! 2>/dev/null || fail "nobody waits for the area"
arrive late-area "$below_area"
wait $! || fail "the volume did not come"
change "with the area later"
away

echo "--- by UUID, on a loop device, that is used again"
uuid=$(blkid -o value -s UUID "$below")
echo "UUID=$uuid $area" >/etc/vss/areas
# Only one device may have the UUID.
take_copy "$below" "$TEST_TMP/image"
dd if=/dev/zero of="$below" bs=64k count=1 oflag=direct status=none
settle
arrive late-area "$below_area"
for round in 1 2; do
	loop=$(losetup --find --show --direct-io=off "$TEST_TMP/image")
	settle
	tracked "$loop" || fail "round $round: it has not got its area: $(<"$said")"
	expect_sum "round $round" "/dev/vss/by-id/${ids[0]}" "$sum"
	run_ok vssctl detach -q "$loop"
	settle
	run_ok losetup -d "$loop"
	settle
done
leave late-area

echo "--- after a power failure, while it still boots: who boots it vouches"
put_back_disks "$below" "$below_area"
settle
cleanup_push boot_as ''
boot_as 2
rm /run/vss/areas-vouched
echo "$volume $area" >/etc/vss/areas
vssctl diff-area boot --unclean --last --wait 120 &
wait_for 5 test -e /run/vss/areas-vouched
arrive late-area "$below_area"
arrive late "$below"
tracked $volume || fail "nobody has loaded it"
wait $! || fail "the boot has failed"
change "after a power failure"
away
: >"$said"

echo "--- and later: nobody does"
put_back_disks "$below" "$below_area"
settle
boot_as 3
arrive late-area "$below_area"
arrive late "$below"
tracked $volume || fail "it is not tracked"
[[ $(vssctl show --json "${ids[0]}" | json lost_reason) == untracked ]] || fail "it is not lost: $(vssctl list)"
settle
grep -q 'lost (untracked)' "$said" || fail "it was not told: $(<"$said")"
unsnap "${ids[0]}"
run_ok vssctl detach -q $volume
run_ok vssctl attach -q $volume
run_ok vssctl diff-area add -q --force $volume --on $area --persistent
snap --no-freeze $volume
sum=$(sum "${images[0]}")
away

echo "--- its area does not come"
echo "$volume $area" >/etc/vss/areas
: >"$said"
begun=$SECONDS
arrive late "$below"
((SECONDS - begun >= 8)) || fail "nobody has waited"
! tracked $volume || fail "it is tracked"
settle
grep -q "$area is not there" "$said" || fail "it was not told: $(<"$said")"
run_ok mount $volume "$mnt"
arrive late-area "$below_area"
! tracked $volume || fail "a mounted volume was attached"
echo more >"$mnt/more"
run_ok umount "$mnt"
expect_fail -s 2 -m 'lost (untracked)' vssctl diff-area boot
unsnap "${ids[0]}"

echo "--- one that has no line"
away
: >"$said"
echo "/dev/mapper/other $area" >/etc/vss/areas
arrive late "$below"
! tracked $volume || fail "it is tracked"
settle
# Who waits for what does not come tells that.
[[ ! -s $said ]] || fail "there was nothing to say: $(<"$said")"
