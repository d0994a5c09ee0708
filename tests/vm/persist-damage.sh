#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sectors of superblocks and log of a persistent diff area are damaged in turn
# (a flipped bit, zeroes, an older version), in an area that was left in order and in
# one that was not, with a log that was never changed to its other half and with one that was. The module finds it, as the offline reader does: all snapshots are
# lost, with the reason, or all are there and right. LONG=1 takes every sector, else some.
# vm: timeout=300

. "$(dirname "$0")/persist-lib.sh"

split "$(disk vd0)" 4M
volume=${parts[0]}
split "$(disk vd1)" 16M
area=${parts[0]}
dd if=/dev/urandom of="$volume" bs=1M count=4 status=none oflag=direct || fail "cannot fill $volume"
load_vss
# Something that stays attached makes it quicker.
run_ok vssctl attach -q "$(disk vd2)"

# save NAME: superblocks and log, 576 KiB at the area's beginning.
save()
{
	dd if="$area" of="$TEST_TMP/$1" bs=64K count=9 iflag=direct status=none
}

run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
take "$volume"
writes "$volume" 60 1
take "$volume"
writes "$volume" 30 8
# A group without a successor has no witness; an idle second makes one.
sleep 1.5
save old
take "$volume"
writes "$volume" 40 1
drop 1
writes "$volume" 60 32
sleep 1.5
save active
settle
run_ok vssctl detach -q "$volume"
save clean
vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" || fail "the area is not sound"
(($(json meta_slots <"$TEST_TMP/check.json") * 16 <= 576)) || fail "superblocks and log are longer than what is saved"
(($(json half <"$TEST_TMP/check.json") == 0)) || fail "the log is in its other half"
blocks=$(json blocks <"$TEST_TMP/check.json")
# Where the log begins that counts.
first=128
echo "$blocks log blocks"

# damage FILE SECTOR HOW
damage()
{
	local at byte

	case $3 in
	bit)
		at=$(($2 * 512 + RANDOM % 512))
		byte=$(od -An -tu1 -j $at -N 1 "$1")
		printf %b "\\x$(printf %02x $((byte ^ 1 << RANDOM % 8)))" |
			dd of="$1" bs=1 seek=$at conv=notrunc status=none
		;;
	zero) dd if=/dev/zero of="$1" bs=512 seek="$2" count=1 conv=notrunc status=none ;;
	older) dd if="$TEST_TMP/old" of="$1" bs=512 skip="$2" seek="$2" count=1 conv=notrunc status=none ;;
	esac
}

# states: how many snapshots are alive, and why the others are lost
states()
{
	local json

	json=$(vssctl list --json)
	alive=$(json state <<<"$json" | grep -c alive || :)
	reasons=$(json lost_reason <<<"$json" | sort -u)
}

declare -A count=()

# try STATE SECTOR HOW
try()
{
	local options=() offline=sound status=0 said i

	cp "$TEST_TMP/$1" "$TEST_TMP/bad"
	damage "$TEST_TMP/bad" "$2" "$3"
	! cmp -s "$TEST_TMP/$1" "$TEST_TMP/bad" || return 0
	dd if="$TEST_TMP/bad" of="$area" bs=64K oflag=direct status=none
	vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" 2>/dev/null || offline=damaged
	[[ $1 == clean* ]] || { options=(--unclean); new_boot; }
	vssctl attach -q "$volume"
	said=$(vssctl diff-area load -q "${options[@]}" "$volume" "$area" 2>&1) || status=$?
	settle
	states
	if [[ $reasons ]]; then
		[[ $status == 2 && $said == *"snapshots are lost ($reasons)"* ]] ||
			fail "$*: lost ($reasons), and load told, with status $status: $said"
	else
		((status == 0)) || fail "$*: cannot be loaded, status $status: $said"
	fi
	if [[ $offline == damaged ]]; then
		# What the log does not tell any more has no name.
		[[ $alive == 0 && ${reasons:-damaged} == damaged ]] ||
			fail "$*: $alive alive, the others $reasons, of a damaged area"
		# Left in order, both superblocks say so.
		[[ $1 != clean* ]] || (($2 >= 128)) || fail "$*: the other superblock does not do"
	else
		((alive == ${#names[@]})) || fail "$*: $alive snapshots alive"
		for i in "${!names[@]}"; do
			[[ $(sum "$(image "$i")") == "${sums[$i]}" ]] || fail "$*: snapshot $i is wrong"
		done
	fi
	count[$((alive > 0)) $reasons]=$((${count[$((alive > 0)) $reasons]:-0} + 1))
	((alive == 0)) || (($2 < first || $2 >= first + blocks - 1)) || fail "$*: not found"
	settle
	vssctl detach -q "$volume"
}

# damage_all STATE...: the superblocks, the log, and the first blocks behind it.
damage_all()
{
	local sectors=({0..7} {64..71}) hows=(bit zero older) n=0 state step k how s

	for ((s = first; s < first + blocks + 2; s++)); do
		sectors+=("$s")
	done
	step=$((${LONG:-0} ? 1 : ${#sectors[@]} / 4))
	for state; do
		for ((k = ${LONG:-0} ? 0 : RANDOM % step; k < ${#sectors[@]}; k += step)); do
			for how in "${hows[@]}"; do
				((${LONG:-0} || n++ % 3 == 0)) || continue
				try "$state" "${sectors[k]}" "$how"
			done
		done
		# Those that matter most, always.
		for s in 0 64 $first $((first + blocks / 2)); do
			try "$state" "$s" zero
		done
	done
}

damage_all clean active
for k in "${!count[@]}"; do
	echo "alive ${k:0:1}, reason '${k:2}': ${count[$k]} times"
done

crc_table=()
for ((i = 0; i < 256; i++)); do
	for ((c = i, k = 0; k < 8; k++)); do
		((c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1, 1))
	done
	crc_table+=("$c")
done

# put FILE BYTE VALUE: 32 bits, little-endian
put()
{
	printf %b "$(printf '\\x%02x' $(($3 & 255)) $(($3 >> 8 & 255)) $(($3 >> 16 & 255)) $(($3 >> 24 & 255)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# craft BYTE VALUE: both superblocks say so, with the right checksum.
craft()
{
	local start c byte

	cp "$TEST_TMP/clean" "$TEST_TMP/bad"
	for start in 0 32768; do
		put "$TEST_TMP/bad" $((start + $1)) "$2"
		put "$TEST_TMP/bad" $((start + 8)) 0
		c=0xffffffff
		for byte in $(od -An -v -tu1 -w4096 -j $start -N 4096 "$TEST_TMP/bad"); do
			c=$((c >> 8 ^ crc_table[(c ^ byte) & 255]))
		done
		put "$TEST_TMP/bad" $((start + 8)) $((c ^ 0xffffffff))
	done
	dd if="$TEST_TMP/bad" of="$area" bs=64K oflag=direct status=none
}

# load_right WHAT: the area is loaded, and its snapshots are right.
load_right()
{
	run_ok vssctl diff-area load -q "$volume" "$area"
	settle
	compare "$1"
}

# What a superblock with a right checksum says need not be true: a log without room for
# a copy, a state that there is not; and one with its own size, to see that it is read.
vssctl attach -q "$volume"
craft 276 1
expect_fail -m 'does not fit' vssctl diff-area load -q "$volume" "$area"
craft 112 7
expect_fail -m 'makes no sense' vssctl diff-area load -q "$volume" "$area"
expect_fail -s 2 -m 'makes no sense' vssctl diff-area check "$area"
# Features of a later version: who reads must know all of incompat (32), who writes those of
# ro_compat (24), compat (16) matters to nobody.
for byte in 36 28; do
	craft $byte 1
	expect_fail -m 'features that this module does not know' vssctl diff-area load -q "$volume" "$area"
done
craft 20 1
load_right 'as it was'
settle
run_ok vssctl detach -q "$volume"
vssctl attach -q "$volume"
craft 12 4096
load_right 'as it was'
settle
run_ok vssctl detach -q "$volume"

# Both superblocks: it is no diff area any more, and nothing is touched.
cp "$TEST_TMP/clean" "$TEST_TMP/bad"
damage "$TEST_TMP/bad" 0 zero
damage "$TEST_TMP/bad" 64 zero
dd if="$TEST_TMP/bad" of="$area" bs=64K oflag=direct status=none
vssctl attach -q "$volume"
expect_fail -m 'holds no persistent diff area' vssctl diff-area load -q "$volume" "$area"
save after
cmp "$TEST_TMP/bad" "$TEST_TMP/after" || fail "the area was written"
run_ok vssctl detach -q "$volume"
dd if="$TEST_TMP/clean" of="$area" bs=64K oflag=direct status=none
vssctl attach -q "$volume"
load_right 'undamaged'

# The other half: it begins with what there was, told anew.
in_other_half()
{
	blockdev --flushbufs "$area"
	vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" 2>/dev/null &&
		(($(json half <"$TEST_TMP/check.json") == 1))
}

save old
take "$volume"
for ((n = 0; n < 256; n++)); do
	dd if=/dev/urandom of="$volume" bs=16k seek=$n count=1 oflag=direct conv=notrunc status=none
	((n % 16)) || ! in_other_half || break
done
wait_for 20 in_other_half
writes "$volume" 20 1
sleep 1.5
save active2
settle
run_ok vssctl detach -q "$volume"
save clean2
in_other_half || fail "the log is in its first half again"
blocks=$(json blocks <"$TEST_TMP/check.json")
first=$((128 + $(json half_blocks <"$TEST_TMP/check.json")))
echo "$blocks log blocks in the other half, from sector $first on"
count=()
damage_all clean2 active2
for k in "${!count[@]}"; do
	echo "other half: alive ${k:0:1}, reason '${k:2}': ${count[$k]} times"
done
dd if="$TEST_TMP/clean2" of="$area" bs=64K oflag=direct status=none
vssctl attach -q "$volume"
load_right 'undamaged, in the other half'
