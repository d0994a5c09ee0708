#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The power fails while vssd sets a volume back, of a file system that tells of no mount by
# itself. Nobody can mount the mixture, the volume is found without its UUID, and the next boot
# completes the revert, or vssd does when the diff area is loaded by hand; but not over what
# somebody has written meanwhile. All by checksum; of XFS the most with LONG=1 only.
# REV-001 REV-009
# vm: timeout=1000

. "$(dirname "$0")/writers-lib.sh"

modprobe dm_delay || skip "no dm-delay"
need mkfs.xfs
need mkfs.btrfs
front=136
parts "$(disk vd0)" 48
parts "$(disk vd1)" 64
lower=$(part "$(disk vd0)" 1)
area=$(part "$(disk vd1)" 1)
sectors=$(blockdev --getsz "$lower")
volume=/dev/mapper/data
reverts=/var/lib/vss/reverts
dir=$TEST_TMP/dir
mkdir "$dir"

# delayed FRONT REST: what a write there takes from now on, in ms, but no flush. Those that are
# on their way end.
delayed()
{
	local table

	table=$(printf '0 %s delay %s 0 0 %s 0 %s %s 0 0\n%s %s delay %s %s 0 %s %s %s %s %s 0' \
		"$front" "$lower" "$lower" "$1" "$lower" \
		"$front" $((sectors - front)) "$lower" "$front" "$lower" "$front" "$2" "$lower" "$front")
	if [[ -b $volume ]]; then
		dmsetup suspend --nolockfs data
		dmsetup load data --table "$table"
		dmsetup resume data
	else
		# No UUID: what the volume is known by is on it.
		dmsetup create data --table "$table"
		settle
	fi
}
delayed 0 0
cleanup_push eval 'dmsetup remove --retry data 2>/dev/null || :'

cleanup_push boot_as ''
cleanup_push rm -f /etc/vss/areas
untrack()
{
	stop_vssd KILL 2>/dev/null || :
	! mountpoint -q "$dir" || umount "$dir"
	vssctl detach --quiet --force "$volume" 2>/dev/null || :
}
cleanup_push untrack

copy()
{
	vssctl create --context nas-rollback --json "$dir" | json id
}

change()
{
	dd if=/dev/urandom of="$dir/changed" bs=64k count=90 conv=notrunc,fsync status=none
	echo "$1" >"$dir/number"
	sync -f "$dir"
}

# record: how far the revert is, as the diff area says.
record()
{
	vssctl diff-area dump --json "$area" 2>/dev/null | json progress
}
is_at()
{
	[[ $(record) == "$1" ]]
}

# begin WORD...: the volume with a file system that these words make, two copies and later changes.
begin()
{
	run_ok "$@" "$volume"
	settle
	uuid=$(blkid -p -o value -s UUID "$volume")
	mkdir -p /etc/vss
	echo "UUID=$uuid PARTUUID=$(lsblk -ndo PARTUUID "$area")" >/etc/vss/areas
	run_ok mount "$volume" "$dir"
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
	start_vssd
	change 1
	old=$(copy)
	change 2
	wanted=$(copy)
	change 3
	newer=$(copy)
	change 4
	sum=$(sha "$(image "$wanted")")
	old_sum=$(sha "$(image "$old")")
}

# power_cut N: the power fails; then it is boot N, with nothing loaded yet.
power_cut()
{
	keep_disks "$lower" "$area"
	[[ $(ls $reverts) ]] || fail "it had ended before"
	stop_vssd KILL
	delayed 0 0
	wait_for 60 no_provider
	run_ok vssctl detach -q --force "$volume"
	run_ok rmmod vss
	settle
	put_back_disks "$lower" "$area"
	blockdev --flushbufs "$volume"
	udevadm trigger --settle "/sys/class/block/$(basename "$(readlink -f "$volume")")"
	boot_as "$1"
}

# slowly FRONT REST: it is being set back, and that lasts until "delayed" says otherwise.
slowly()
{
	# That writes too, and udev looks at it then.
	run_ok umount "$dir"
	settle
	before=$(rest)
	delayed "$@"
	run_ok vssctl revert --force "$wanted"
	wait_for 30 is_at writing
}

# rest: the checksum of what is behind the front.
rest()
{
	dd if="$lower" bs=$((front * 512)) skip=1 iflag=direct status=none | digest
}

# half: it is being set back, and nobody can mount it.
half()
{
	slowly 0 30000
	wait_for 30 on_its_way "$volume"
	# One piece comes there, and the next one is on its way.
	delayed 0 30000
	[[ $(rest) != "$before" ]] || fail "nothing is written"
	! blkid -p "$volume" || fail "a mixture shows what it was"
	expect_fail mount -t "$1" "$volume" "$dir"
	expect_fail -m 'set back by vssd' vssctl revert --cancel "$wanted"
}

# is_back: the volume has the copy's content, and nothing tells of a revert any more.
is_back()
{
	run_ok vssctl revert --status "$volume"
	expect_sha "the volume" "$volume" "$sum"
	expect_sha "the copy" "$(image "$wanted")" "$sum"
	expect_sha "the older copy" "$(image "$old")" "$old_sum"
	[[ -z $(ls $reverts) ]] || fail "left: $(ls $reverts)"
	[[ $(vssctl list shadows --json | json id | sort) == "$(printf '%s\n' "$old" "$wanted" | sort)" ]] ||
		fail "left: $(vssctl list shadows)"
	settle
	run_ok mount "UUID=$uuid" "$dir"
	[[ $(<"$dir/number") == 2 ]] || fail "not the files of the copy"
}

# finish: nothing is left of this file system.
finish()
{
	run_ok vssctl delete -q "$old" "$wanted"
	untrack
	rm -f $reverts/*
	boot_as 1
}

boot_as 1
load_vss
for mkfs in 'mkfs.xfs -q -f --unsupported' 'mkfs.btrfs -q -f --mixed'; do
	fs=${mkfs%% *} fs=${fs#mkfs.}
	echo "--- $fs: the next boot completes it"
	# shellcheck disable=SC2086 # words
	begin $mkfs
	half "$fs"
	power_cut 2
	[[ ! -e /dev/disk/by-uuid/$uuid ]] || fail "the mixture has the name of the file system"
	load_vss
	run_ok vssctl attach -q "$volume"
	exec 9<"$volume"
	expect_fail -s 4 -m 'open, such as' vssctl diff-area boot --unclean
	exec 9<&-
	run_ok vssctl diff-area boot
	expect_fail -s 3 vssctl show "$newer"
	[[ $(record) == ended ]] || fail "vssd would not know"
	settle
	# as from fstab; vssd comes later
	run_ok mount "UUID=$uuid" "$dir"
	echo more >"$dir/more"
	start_vssd
	run_ok vssctl revert --status "$volume"
	[[ ! $(record) && ! $(ls $reverts) ]] || fail "left: $(record) $(ls $reverts)"
	run_ok umount "$dir"
	rm -f "$dir/more"
	run_ok vssctl revert "$wanted"
	is_back
	[[ $fs == btrfs || ${LONG:-} ]] || { finish; continue; }

	echo "--- $fs: the front is half written, the area loaded by hand"
	change 5
	slowly 0 30000
	delayed 30000 0
	wait_for 30 is_at head
	power_cut 3
	# torn: of the head a sector has come already
	dd if="$area" of="$lower" bs=512 skip=$((12288 / 512 + 1)) seek=1 count=1 iflag=direct oflag=direct conv=notrunc status=none
	blockdev --flushbufs "$volume"
	load_vss
	start_vssd
	expect_fail -m 'diff-area load' vssctl revert --status "$volume"
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q "$volume" "$area"
	wait_for 60 vssctl revert --status "$volume"
	is_back

	echo "--- $fs: somebody has written what is hidden"
	change 6
	half "$fs"
	power_cut 4
	dd if=/dev/urandom of="$volume" bs=512 seek=128 count=1 oflag=direct conv=notrunc status=none
	mixture=$(raw_sha "$volume")
	load_vss
	vssctl diff-area boot --unclean 2>&1 | grep 'is not there' >/dev/null || fail "it was taken for the volume"
	echo "$volume PARTUUID=$(lsblk -ndo PARTUUID "$area")" >/etc/vss/areas
	expect_fail -s 2 -m 'mounted or written since' vssctl diff-area boot --unclean
	expect_sha "what was written" "$volume" "$mixture"
	for id in "$old" "$wanted"; do
		[[ $(vssctl show --json "$id" | json lost_reason) == untracked ]] || fail "$id is not lost: $(vssctl list)"
	done
	start_vssd
	expect_fail -m 'a mixture' vssctl revert --status "$volume"
	expect_sha "what was written" "$volume" "$mixture"
	finish
done
