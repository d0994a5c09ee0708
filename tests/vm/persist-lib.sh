# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of persistent diff areas share, to be sourced:
#	. "$(dirname "$0")/persist-lib.sh"
#
# The arrays names and sums have the UUIDs of the snapshots there must be, and the
# checksums of their images.

. "$(dirname "${BASH_SOURCE[0]}")/content-lib.sh"

sums=() names=()

# After a crash it is another boot: new_boot pretends one.
boot=/proc/sys/kernel/random/boot_id
new_boot()
{
	! mountpoint -q "$boot" || umount "$boot"
	cat /proc/sys/kernel/random/uuid >"$TEST_TMP/boot"
	mount --bind "$TEST_TMP/boot" "$boot" || fail "cannot pretend another boot"
}
cleanup_push _same_boot
_same_boot()
{
	! mountpoint -q "$boot" || umount "$boot"
}

# take VOLUME: a snapshot of a volume that nobody writes to; its name and checksum
# are added to the arrays.
take()
{
	sums+=("$(sum "$1")")
	snap "$1"
	names+=("${ids[0]}")
}

# drop N: deletes the Nth snapshot.
drop()
{
	unsnap "${names[$1]}"
	unset "names[$1]" "sums[$1]"
	names=("${names[@]}") sums=("${sums[@]}")
}

# image N: the device of the Nth snapshot.
image()
{
	vssctl list --json | tr -d '\n' | sed 's/}/}\n/g' | grep "${names[$1]}" | json device
}

# compare WHEN: all snapshots are as they must be.
compare()
{
	local i

	for i in "${!names[@]}"; do
		expect_sum "$1, snapshot $i" "$(image "$i")" "${sums[$i]}"
	done
}

# all_lost REASON: all snapshots are lost, for that reason.
all_lost()
{
	vssctl list
	(($(vssctl list --json | json state | grep -c lost) == ${#names[@]})) || fail "snapshots are not lost"
	[[ $(vssctl list --json | json lost_reason | sort -u) == "$1" ]] || fail "the reason is not $1"
}

# load_lost REASON [OPTION]... VOLUME DEVICE...: a diff area is loaded, and it is told that snapshots in it
# are lost, for that reason.
load_lost()
{
	local status=0

	vssctl diff-area load --json "${@:2}" >"$TEST_TMP/loaded" 2>"$TEST_TMP/told" || status=$?
	cat "$TEST_TMP/told"
	[[ $status == 2 && $(<"$TEST_TMP/told") == *"snapshots are lost ($1)"* ]] ||
		fail "status $status instead of 2, or it is not told that they are lost ($1)"
	[[ $(json area <"$TEST_TMP/loaded") ]] || fail "what was loaded is not told: $(<"$TEST_TMP/loaded")"
}

# log_end: the number of the block of $area's log that is written next.
log_end()
{
	# The module writes past the page cache.
	blockdev --flushbufs "$area"
	vssctl diff-area dump --json "$area" 2>/dev/null | json next
}

# log_rests: waits until the log of $area has a group that bears witness for the last one, which
# comes when there was nothing else for it for a second. Nobody writes to the volume.
log_rests()
{
	local before='' now

	until now=$(log_end) && [[ $now && $now == "$before" ]]; do
		before=$now
		sleep 2
	done
}

# writes VOLUME N [DEPTH [BYTES]]: N scattered writes.
writes()
{
	scribble "$1" "$2" "$RANDOM" "${3:-32}" "${4:-4096}" || fail "cannot write to $1"
}
