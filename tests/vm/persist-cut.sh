#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Volume and persistent diff area are cut off under load, at one instant, and come
# back as after a power failure: every snapshot is as it was, the offline reader
# and the module agree, and it goes on from there. The log changes its halves
# meanwhile. Without a voucher, or in the same boot, the snapshots are lost.
# vm: timeout=600

. "$(dirname "$0")/persist-lib.sh"

# The devices can be cut off: a linear target becomes one that fails.
split "$(disk vd0)" 16M
origin=${parts[0]}
split "$(disk vd1)" 64M
store=${parts[0]}
volume=/dev/mapper/cut-o
area=/dev/mapper/cut-a
table()
{
	echo "0 $(blockdev --getsz "$1") linear $1 0"
}
dmsetup create cut-o --table "$(table "$origin")" || fail "no device mapper"
cleanup_push dmsetup remove --retry cut-o
dmsetup create cut-a --table "$(table "$store")" || fail "no device mapper"
cleanup_push dmsetup remove --retry cut-a
dd if=/dev/urandom of="$volume" bs=1M count=16 status=none oflag=direct || fail "cannot fill $volume"

# failing DEV: from now on all I/O fails.
failing()
{
	dmsetup load "$1" --table "0 $(blockdev --getsz "/dev/mapper/$1") error" && dmsetup resume "$1"
}

# cut: both devices stop at one instant; then they fail.
cut_off()
{
	if ! { dmsetup suspend --noflush cut-o && dmsetup suspend --noflush cut-a &&
		failing cut-a && failing cut-o; }; then
		fail "cannot cut off"
	fi
}

mend()
{
	run_ok dmsetup load cut-o --table "$(table "$origin")"
	run_ok dmsetup resume cut-o
	run_ok dmsetup load cut-a --table "$(table "$store")"
	run_ok dmsetup resume cut-a
}

# load_until_cut DEPTH SECONDS
load_until_cut()
{
	fio --name=w --filename="$volume" --rw=randwrite --bs=4k --iodepth="$1" --ioengine=libaio --direct=1 \
		--time_based --runtime=60 --randseed="$RANDOM" --output="$TEST_TMP/fio.log" >/dev/null 2>&1 &
	sleep "$2"
	cut_off
	wait
}

flushes()
{
	awk '{ print $16 }' "/sys/block/$(basename "$(disk vd1)")/stat"
}

# witnessed: there is a group behind the one that was the last.
witnessed()
{
	(($(log_end) > $(json next <"$TEST_TMP/check.json")))
}

load_vss
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent

# Many writes share an index write and a flush.
take "$volume"
before=$(flushes)
writes "$volume" 1500
copied=$(vol "$volume" chunks_copied)
echo "1500 writes, $copied chunks copied, $(($(flushes) - before)) flushes"
# Of those that a slow kernel makes fewer come together.
((($(flushes) - before) * (slower > 1 ? 1 : 2) < copied)) || fail "copies do not share flushes"

round=0
for depth in 32 1; do
	round=$((round + 1))
	load_until_cut $depth "$((RANDOM % 3 + 1)).$((RANDOM % 10))"
	# The area cannot be told.
	expect_fail -m "are lost" vssctl detach -q --force "$volume"
	run_ok rmmod vss
	mend
	new_boot
	vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" ||
		{ cat "$TEST_TMP/check.json"; fail "the area is not sound"; }
	grep -E '"(half|next|groups|blocks|dropped_groups|used)"' "$TEST_TMP/check.json"
	load_vss
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q --unclean "$volume" "$area"
	settle
	[[ $(vol "$volume" area_used) == "$(json used <"$TEST_TMP/check.json" | sed -n 1p)" ]] ||
		fail "the module counts $(vol "$volume" area_used) bytes in use"
	compare "cut $round"
	# Though nobody writes: it could not be told from one that a later cut has damaged.
	wait_for 10 witnessed
	((round < 2)) || drop 0
	take "$volume"
done

# behind_log FILE: sets behind, the sector of the area behind its log, of which check or dump has told in FILE.
behind_log()
{
	behind=$((128 + $(json half <"$1" | sed -n 1p) * $(json log_slots <"$1") * 32 + $(json blocks <"$1" | sed -n 1p)))
}

# lone_group: the log ends with a group of one copy that has no witness, and its volume and area are
# as after a power failure. Sets slot, that of the copy, and last, the sector of the group's block; the copy's
# content is not there.
lone_group()
{
	local chunk=100

	take "$volume"
	settle
	dd if=/dev/urandom of="$volume" bs=16k count=1 seek=$chunk oflag=direct conv=notrunc status=none
	log_rests
	cut_off
	expect_fail -m "are lost" vssctl detach -q --force "$volume"
	mend
	new_boot
	vssctl diff-area dump --json --copies "$area" >"$TEST_TMP/dump.json"
	slot=$(tr -d ' \n' <"$TEST_TMP/dump.json" | sed 's/.*"copies"//' | tr '{' '\n' |
		sed -n "s/^\"chunk\":$chunk,\"chunks\":1,\"epoch\":\([0-9]*\),\"slot\":\([0-9]*\).*/\1 \2/p" |
		sort -n | tail -n 1 | cut -d ' ' -f 2)
	[[ $slot ]] || fail "no copy of chunk $chunk"
	dd if="$store" of="$TEST_TMP/copy" bs=16k count=1 skip="$slot" iflag=direct status=none
	dd if=/dev/urandom of="$store" bs=16k count=1 seek="$slot" oflag=direct conv=notrunc status=none
	# What an idle second has made goes, until nothing bears witness for it.
	behind_log "$TEST_TMP/dump.json"
	last=$((behind - 1))
	until vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" &&
		(($(json dropped_groups <"$TEST_TMP/check.json") == 1)); do
		((last > behind - 5)) || fail "the group counts without the content of its copy"
		dd if=/dev/zero of="$store" bs=512 count=1 seek=$last oflag=direct conv=notrunc status=none
		last=$((last - 1))
	done
	dd if="$store" of="$TEST_TMP/area" bs=1M iflag=direct status=none
	dd if="$TEST_TMP/copy" of="$TEST_TMP/area" bs=16k count=1 seek="$slot" conv=notrunc status=none
	# Then the write was not let go.
	dd if="$TEST_TMP/copy" of="$origin" bs=16k count=1 seek=$chunk oflag=direct conv=notrunc status=none
}

# restore: the area as it was after the power failure.
restore()
{
	dd if="$TEST_TMP/area" of="$store" bs=1M oflag=direct conv=notrunc status=none
}

loaded()
{
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q --unclean "$volume" "$area"
}

# part_fails SECTOR SECTORS: of the area
part_fails()
{
	local size

	size=$(blockdev --getsz "$store")
	run_ok dmsetup load cut-a <<-END
		0 $1 linear $store 0
		$1 $2 error
		$(($1 + $2)) $((size - $1 - $2)) linear $store $(($1 + $2))
	END
	run_ok dmsetup resume cut-a
}

# unreadable_end: what cannot be read counts as damage, for both readers.
unreadable_end()
{
	expect_fail -s 2 -m 'damaged' vssctl diff-area check "$area"
	run_ok vssctl attach -q "$volume"
	load_lost damaged --unclean "$volume" "$area"
	all_lost damaged
	settle
	run_ok vssctl detach -q "$volume"
}

echo "--- the last group is none, and its blocks are there: detached at once"
lone_group
loaded
run_ok vssctl detach -q "$volume"
vssctl diff-area check "$area" || fail "the area is not sound"
loaded
compare 'detached at once'
run_ok vssctl detach -q "$volume"

echo "--- left in order, and the sector behind the log cannot be read: nothing is there"
vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" || fail "the area is not sound"
behind_log "$TEST_TMP/check.json"
part_fails "$behind" 1
expect_fail dd if="$area" of=/dev/null bs=512 count=1 skip="$behind" iflag=direct status=none
vssctl diff-area check "$area" || fail "the area is not sound"
# Unless there may have been a newer superblock.
dd if="$store" of="$TEST_TMP/area" bs=1M iflag=direct status=none
dd if=/dev/zero of="$store" bs=4k count=1 oflag=direct conv=notrunc status=none
unreadable_end
restore
run_ok dmsetup load cut-a --table "$(table "$store")"
loaded
# Before it writes there, in a second.
run_ok dmsetup resume cut-a
compare 'behind the log'

echo "--- the last group cannot be read: nobody knows what else it says"
lone_group
restore
for part in "$last 1" "$((slot * 32)) 32"; do
	# shellcheck disable=SC2086 # two words
	part_fails $part
	unreadable_end
	mend
	restore
done
loaded
settle
compare 'readable again'

# One at a time: more groups than a half has blocks.
writes "$volume" 600 1 16384
compare 'at depth one'
load_until_cut 4 1
expect_fail -m "are lost" vssctl detach -q --force "$volume"
mend
vssctl diff-area dump "$area" | grep -A 9 '^log'

# Still the same boot: nobody can vouch for it.
run_ok vssctl attach -q "$volume"
load_lost untracked --unclean "$volume" "$area"
all_lost untracked
unsnap "${names[@]}"
run_ok vssctl detach -q "$volume"
