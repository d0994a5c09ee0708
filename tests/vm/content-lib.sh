# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of images' content share, to be sourced instead of lib.sh:
#	. "$(dirname "$0")/content-lib.sh"
#
# The truth that an image is compared with is a copy of the volume or its
# checksum, taken before the snapshot while nobody writes (sum), or by the
# program "instant" while the set is held and the volume busy. Compared is the
# image as the device gives it, past the page cache.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The programs of tests/tools, also without the test runner.
PATH=$PATH:${VSS_SRC:-.}/build/vm-userspace/tests

# split DISK SIZE...: makes partitions of these sizes, as sfdisk(8) takes them
# (64M; 70001 is sectors), and sets the array parts to their devices.
split()
{
	local dev=$1 size script=$'label: gpt\n' n=0 p=$1

	shift
	for size; do
		script+="size=$size"$'\n'
	done
	sfdisk --quiet --wipe always "$dev" <<<"$script" || fail "cannot partition $dev"
	settle
	[[ $dev != *[0-9] ]] || p=${dev}p
	parts=()
	for size; do
		parts+=("$p$((++n))")
		[[ -b ${parts[-1]} ]] || fail "no partition ${parts[-1]}"
	done
}

# track VOLUME AREA [ATTACH-OPTION]...: tracks VOLUME with a block device as its
# diff area.
track()
{
	local volume=$1 area=$2

	shift 2
	vssctl attach -q "$@" "$volume" || fail "cannot attach $volume"
	vssctl diff-area add -q --force "$volume" --on "$area" ||
		fail "$area cannot be the diff area of $volume"
}

# vol VOLUME NAME: prints a figure that `vssctl status` tells of it.
vol()
{
	vssctl status --json "$1" | json "$2"
}

# snap OPTION|VOLUME...: takes a set; its snapshots are then in the arrays ids and
# images, in the order of the volumes.
snap()
{
	local out

	out=$(vssctl create --json "$@") || fail "vssctl create $*"
	mapfile -t ids < <(json id <<<"$out")
	# "device" is the name of diff-area parts as well.
	mapfile -t images < <(json device <<<"$out" | grep '^/dev/vss')
	((${#ids[@]} && ${#ids[@]} == ${#images[@]})) || fail "what is this: $out"
}

# snap_busy OPTION|VOLUME...: takes a set of busy volumes and copies of them at the
# instant; sets ids, images and copies. These are in $copies_dir, or $TEST_TMP.
snap_busy()
{
	local out id image copy

	busy_count=$((${busy_count:-0} + 1))
	out=$(instant --out "${copies_dir:-$TEST_TMP}" --name "copy$busy_count" "$@") || fail "instant $*"
	ids=() images=() copies=()
	while read -r id image copy; do
		ids+=("$id")
		images+=("$image")
		copies+=("$copy")
	done <<<"$out"
}

# unsnap [ID]...: deletes snapshots.
unsnap()
{
	settle
	vssctl delete -q "$@" || fail "cannot delete $*"
}

# expect_same WHAT IMAGE COPY [OPTION]...
expect_same()
{
	local what=$1 image=$2 copy=$3

	shift 3
	same "$@" "$image" "$copy" || fail "$what: $image is not what the volume was"
	echo "$what: $image is as the volume was"
}

# sum DEV: prints the checksum of what is on the device, read past the page cache. udev makes
# an image's name a little later than the image.
sum()
{
	wait_for 60 test -b "$1"
	blockdev --flushbufs "$1"
	dd if="$1" bs=1M iflag=direct status=none >"$TEST_TMP/sum"
	digest <"$TEST_TMP/sum"
}

# expect_sum WHAT DEV SUM
expect_sum()
{
	local now

	now=$(sum "$2")
	[[ $now == "$3" ]] || fail "$1: checksum of $2 is $now instead of $3"
	echo "$1: $2 has the checksum it must have"
}

# take_copy DEV FILE: the content of a device that nobody writes to.
take_copy()
{
	blockdev --flushbufs "$1"
	dd if="$1" of="$2" bs=1M iflag=direct status=none
}

# fill DEV [SEED]: content everywhere that is nowhere the same.
fill()
{
	churn --seed "${2:-4711}" --fill "$1"
}

# expect_changed WHAT DEV COPY: fails if nobody has changed the device, for then
# the test has shown nothing.
expect_changed()
{
	! same "$2" "$3" 2>/dev/null || fail "$1: $2 has not changed at all"
}

# expect_copied WHAT VOLUME BEFORE: fails unless chunks were copied since there were
# BEFORE of them; sets copied.
expect_copied()
{
	copied=$(vol "$2" chunks_copied)
	copied=$((copied - $3))
	((copied > 0)) || fail "$1: no chunk of $2 was copied"
}

# word NAME: prints the value of NAME=VALUE on stdin.
word()
{
	sed -nE 's/(.* )?'"$1"'=([0-9]+).*/\2/p' | tail -n 1
}
