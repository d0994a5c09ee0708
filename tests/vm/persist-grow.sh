#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A persistent diff area gets a second part while the volume is being written: both
# have copies and log blocks, every image is as the volume was, also when the area is
# loaded again. It is not loaded without a part, nor with a copy of one, and nothing
# is lost by that. If the power fails while it grows it is as before; if the new part
# fails the loss is known.
# vm: timeout=1000

. "$(dirname "$0")/persist-lib.sh"

# The devices can be cut off: a linear target becomes one that fails.
split "$(disk vd0)" 16M
origin=${parts[0]}
split "$(disk vd1)" 24M
store=${parts[0]}
split "$(disk vd2)" 48M 48M 48M 256K
second=${parts[0]}
twin=${parts[1]}
third=${parts[2]}
tiny=${parts[3]}
volume=/dev/mapper/grow-o
area=/dev/mapper/grow-a
table()
{
	echo "0 $(blockdev --getsz "$1") linear $1 0"
}

# mapped NAME DEV
mapped()
{
	dmsetup create "$1" --table "$(table "$2")" || fail "no device mapper"
	cleanup_push dmsetup remove --retry "$1"
}
mapped grow-o "$origin"
mapped grow-a "$store"
mapped grow-m "$second"
mapped grow-n "$third"
more=/dev/mapper/grow-m
next=/dev/mapper/grow-n
dd if=/dev/urandom of="$volume" bs=1M count=16 status=none oflag=direct || fail "cannot fill $volume"

# become DEV TABLE: what a device does from now on.
become()
{
	run_ok dmsetup load "$1" --table "$2"
	run_ok dmsetup resume "$1"
}

# cut_off DEV...: they stop at one instant; then they fail.
cut_off()
{
	local dev

	for dev; do
		run_ok dmsetup suspend --nolockfs --noflush "$dev"
	done
	for dev; do
		become "$dev" "0 $(blockdev --getsz "/dev/mapper/$dev") error"
	done
}

mend()
{
	become grow-o "$(table "$origin")"
	become grow-a "$(table "$store")"
	become grow-m "$(table "$second")"
	become grow-n "$(table "$third")"
}

begin_writes()
{
	fio --name=w --filename="$volume" --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio --direct=1 \
		--rate_iops=500 --time_based --runtime=100 --randseed="$RANDOM" --output="$TEST_TMP/fio.log" >/dev/null 2>&1 &
	fio=$!
}

end_writes()
{
	kill -INT $fio
	wait $fio || :
}

# take_busy: as take, of a volume that is being written.
take_busy()
{
	snap_busy --no-freeze "$volume"
	names+=("${ids[0]}")
	sums+=("$(digest <"${copies[0]}")")
	rm "${copies[0]}"
}

# used N: bytes in use of the Nth part.
used()
{
	vssctl diff-area list --json "$volume" | json used | sed -n "$(($1 + 1))p"
}

# head_of DEV: the checksum of its first superblock, the last one that a new part gets.
head_of()
{
	dd if="$1" bs=4k count=1 iflag=direct status=none | digest
}

# has_header: $next has another one than before.
has_header()
{
	[[ $(head_of "$next") != "$before" ]]
}

is_used()
{
	(($(used "$1") > 0))
}

# sound DEVICE...: the offline reader says so.
sound()
{
	vssctl diff-area check --json "$@" >"$TEST_TMP/check.json" || { cat "$TEST_TMP/check.json"; fail "the area is not sound"; }
}

# loaded [OPTION]... DEVICE...
loaded()
{
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q "${@:1:$#}"
	settle
	[[ $(vol "$volume" area_used) == "$(json used <"$TEST_TMP/check.json" | sed -n 1p)" ]] ||
		fail "the module counts $(vol "$volume" area_used) bytes in use"
}

load_vss stall_seconds=20
run_ok vssctl attach -q "$volume"
expect_fail -s 6 -m 'too small' vssctl diff-area add -q "$volume" --on "$tiny" --persistent
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
expect_fail -s 6 -m 'too small' vssctl diff-area add -q "$volume" --on "$tiny" --persistent
small=$(vol "$volume" area_size)
run_ok mkswap -q "$next"
expect_fail -m "contains swap" vssctl diff-area add -q "$volume" --on "$next" --persistent
run_ok wipefs -qa "$next"
expect_fail -s 7 -m "block devices only" vssctl diff-area add -q "$volume" --file "$TEST_TMP/part" --size 8M
[[ ! -e $TEST_TMP/part ]] || fail "a file was made for nothing"
expect_fail -s 7 -m "whole block devices" vssctl diff-area grow -q "$volume" --size +8M
expect_fail -s 7 -m "whole block devices" vssctl diff-area resize "$volume" 1G
expect_fail -m "already" vssctl diff-area load -q "$volume" "$next"

echo "--- under load"
take "$volume"
begin_writes
take_busy
# Nothing has changed by one that does not take its header.
become grow-n "0 $(blockdev --getsz "$next") error"
expect_fail -m "header cannot be written" vssctl diff-area add -q --force "$volume" --on "$next" --persistent
become grow-n "$(table "$third")"
(($(vol "$volume" area_size) == small)) || fail "it has grown by a device that fails"
run_ok vssctl diff-area grow -q "$volume" --on "$more"
echo "$small bytes, then $(vol "$volume" area_size)"
(($(vol "$volume" area_size) > 2 * small)) || fail "it has not grown"
take_busy
end_writes
# The first part is filled before the second one.
for ((n = 0; n < 4; n++)); do
	! is_used 1 || break
	take "$volume"
	writes "$volume" 1500
done
is_used 1 || fail "nothing is on the second part"
compare 'after it has grown'
vssctl diff-area list "$volume"
expect_fail -m "several parts" vssctl diff-area remove "$volume" "$more"
# What cannot be done deletes no snapshots.
expect_fail -s 7 -m "detach the volume" vssctl diff-area resize --force "$volume" "$small"
expect_fail -s 7 -m "detach the volume" vssctl diff-area resize --force "$volume" 0
compare 'after what was refused'

# Blocks of the log on both parts.
writes "$volume" 300 1 16384
take "$volume"

echo "--- loaded again, in parts"
settle
run_ok vssctl detach -q "$volume"
sound "$more" "$area"
grep -E '"(half|half_blocks|next|groups|blocks)"' "$TEST_TMP/check.json"
(($(json half_blocks <"$TEST_TMP/check.json") > 1000)) || fail "the halves of the log have not grown"
run_ok rmmod vss
load_vss stall_seconds=20
run_ok vssctl attach -q "$volume"
expect_fail -s 3 -m "a part of the diff area is missing" vssctl diff-area load -q "$volume" "$area"
expect_fail -s 3 -m "the first part of the diff area is missing" vssctl diff-area load -q "$volume" "$more"
dd if="$more" of="$twin" bs=1M iflag=direct oflag=direct status=none
expect_fail -m "copy of the other" vssctl diff-area load -q "$volume" "$more" "$area" "$twin"
expect_fail -m "holds no persistent" vssctl diff-area load -q "$volume" "$area" "$next"
run_ok vssctl detach -q "$volume"
loaded "$volume" "$more" "$area"
compare 'loaded again'
writes "$volume" 200
compare 'gone on'
settle
run_ok vssctl detach -q "$volume"
run_ok vssctl attach -q "$volume"
expect_fail -m "older copy" vssctl diff-area load -q "$volume" "$area" "$twin"
run_ok vssctl detach -q "$volume"
sound "$area" "$more"
loaded "$volume" "$area" "$more"
compare 'with the newer one'

echo "--- the power fails: the new part has its header, the first one does not know of it"
# The first one answers no more.
before=$(head_of "$next")
run_ok dmsetup suspend --nolockfs --noflush grow-a
vssctl diff-area add -q "$volume" --on "$next" --persistent >"$TEST_TMP/add" 2>&1 &
add=$!
wait_for 60 has_header
sleep 1
# Nor can any of them record the loss.
cut_off grow-o grow-a grow-m grow-n
wait $add && fail "it has grown all the same"
grep "cannot be written" "$TEST_TMP/add" || { cat "$TEST_TMP/add"; fail "there is no reason"; }
expect_fail -m "are lost" vssctl detach -q --force "$volume"
mend
new_boot
sound "$area" "$more" "$next"
grep "was not added to the end" "$TEST_TMP/check.json" || fail "the third one is a part"
loaded --unclean "$volume" "$next" "$area" "$more"
(($(vssctl diff-area list --json "$volume" | json used | wc -l) == 2)) || fail "there are not two parts"
compare 'after the power failure'

echo "--- it grows again, and the power fails under load"
begin_writes
run_ok vssctl diff-area add -q --force "$volume" --on "$next"
take_busy
sleep 1
cut_off grow-o grow-a grow-m grow-n
wait $fio || :
expect_fail -m "are lost" vssctl detach -q --force "$volume"
mend
new_boot
sound "$next" "$area" "$more"
loaded --unclean "$volume" "$area" "$more" "$next"
compare 'after that'

echo "--- all parts but the first fail"
# More is to be copied than there is room for in the first one.
take "$volume"
cut_off grow-m grow-n
writes "$volume" 1000
all_lost area-error
settle
# The first part says so.
run_ok vssctl detach -q --force "$volume"
mend
new_boot
run_ok vssctl attach -q "$volume"
load_lost area-error --unclean "$volume" "$next" "$area" "$more"
settle
all_lost area-error
unsnap "${names[@]}"
run_ok vssctl detach -q "$volume"
