#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A volume and its persistent diff area, on one disk below dm-log-writes: writes,
# snapshots made and deleted, the log changing its halves, a detach and a load. The disk
# is then replayed to what each flush has left, and to states between: the offline
# reader finds the area sound, every snapshot that was reported is there and is right,
# and the module, at some of them, says the same. LONG=1 looks at every flush of
# a longer run. SEED=N repeats what was drawn.
# vm: timeout=300

. "$(dirname "$0")/persist-lib.sh"

seed=${SEED:-$RANDOM}
RANDOM=$seed
points=50 loads=3 least=6
[[ ! ${LONG:-} ]] || points=0 loads=40 least=60
echo "seed $seed"

modprobe dm_log_writes || skip "no dm-log-writes"
volume_size=$((2 << 20)) size=$((26 << 20))
split "$(disk vd0)" 26M
below=${parts[0]}
log=$(disk vd1)
dd if=/dev/zero of="$below" bs=1M count=26 status=none oflag=direct || fail "cannot clear $below"
dmsetup create logged --table "0 $((size / 512)) log-writes $below $log" || fail "no device mapper"
cleanup_push dmsetup remove --retry logged
# dm-log-writes knows that a write was on the disk when the flush is done that was the first to come
# behind it. That is too late when another one comes and is done meanwhile; a loop device sends them one by one.
loop=$(losetup --find --show --direct-io=on --sector-size 512 /dev/mapper/logged) || fail "no loop device"
cleanup_push losetup -d "$loop"
[[ $(losetup --noheadings --output DIO "$loop") == *1 ]] || fail "$loop goes through the page cache"
# One log of both has their order.
dmsetup create cut-o --table "0 $((volume_size / 512)) linear $loop 0" || fail "no device mapper"
cleanup_push dmsetup remove --retry cut-o
dmsetup create cut-a --table "0 $(((size - volume_size) / 512)) linear $loop $((volume_size / 512))" ||
	fail "no device mapper"
cleanup_push dmsetup remove --retry cut-a
settle
volume=/dev/mapper/cut-o
area=/dev/mapper/cut-a
kept=$TEST_TMP/kept
mkdir "$kept"

mark()
{
	dmsetup message logged 0 mark "$1" || fail "cannot mark $1"
}

make_one()
{
	local out uuid

	mark begin
	out=$(instant --out "$TEST_TMP" "$volume") || fail instant
	uuid=${out%% *}
	mv "$TEST_TMP/copy.0" "$kept/$uuid"
	mark "made:$uuid"
	names+=("$uuid")
}

# delete_one N
delete_one()
{
	local uuid=${names[$1]}

	settle
	mark "going:$uuid"
	unsnap "$uuid"
	mark "gone:$uuid"
	unset "names[$1]"
	names=("${names[@]}")
}

begin_writes()
{
	churn --seed "$RANDOM" --count 0 --max 12288 --jobs 2 --ways direct,vector,dsync,flush,zero --no-verify \
		"$volume" >"$TEST_TMP/churn.log" 2>&1 &
	churn=$!
}

end_writes()
{
	kill $churn
	wait $churn || { cat "$TEST_TMP/churn.log"; fail churn; }
}

# other_half: does the log begin in another half than at first?
other_half()
{
	blockdev --flushbufs "$area"
	(($(vssctl diff-area dump --json "$area" | json half | sed -n 1p) != 0))
}

load_vss
# Something that stays attached makes it quicker.
run_ok vssctl attach -q "$(disk vd2)"
fill "$volume" "$RANDOM"
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
mark ready
make_one
begin_writes
for ((n = 1; n <= least || n < 200; n++)); do
	sleep "0.$((RANDOM % 8))"
	if ((${#names[@]} < 2 || ${#names[@]} < 5 && RANDOM % 5 < 3)); then
		make_one
	else
		delete_one $((RANDOM % ${#names[@]}))
	fi
	if ((n == least / 2)); then
		end_writes
		settle
		run_ok vssctl detach -q "$volume"
		run_ok vssctl attach -q "$volume"
		run_ok vssctl diff-area load -q "$volume" "$area"
		begin_writes
	fi
	((n < least)) || ! other_half || break
done
make_one
sleep 0.5
end_writes
settle
run_ok vssctl detach -q "$volume"
echo "$n steps, log-writes: $(dmsetup status logged)"
[[ $(dmsetup status logged) != *disabled* ]] || fail "the log of writes is full"
for dev in cut-a cut-o; do
	dmsetup remove --retry $dev || fail "$dev is in use"
done
losetup -d "$loop"
dmsetup remove --retry logged || fail "the log is in use"
echo "at $SECONDS s: replay"

# What was left is loaded from another disk.
split "$(disk vd3)" $((volume_size >> 10))K $(((size - volume_size) >> 10))K
volume=${parts[0]}
area=${parts[1]}
target=$TEST_TMP/target
truncate -s $size "$target"

# try ENTRY USED UUID...: loads what is in the target.
try()
{
	local entry=$1 used=$2 json uuid device

	shift 2
	dd if="$target" of="$volume" bs=1M count=$((volume_size >> 20)) oflag=direct status=none
	dd if="$target" of="$area" bs=1M skip=$((volume_size >> 20)) oflag=direct status=none
	vssctl diff-area check -q "$area" || fail "after entry $entry: the area is not sound"
	new_boot
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q --unclean "$volume" "$area"
	settle
	[[ $(vol "$volume" area_used) == "$used" ]] ||
		fail "after entry $entry: $(vol "$volume" area_used) bytes in use, offline $used"
	json=$(vssctl list --json)
	[[ $(json id <<<"$json" | sort) == "$(printf '%s\n' "$@" | sort)" ]] ||
		fail "after entry $entry: not the snapshots there were: $* but $json"
	[[ $(json state <<<"$json" | sort -u) == "${1:+alive}" ]] || fail "after entry $entry: not alive: $json"
	while read -r uuid device; do
		[[ ! $uuid ]] || same "$device" "$kept/$uuid" || fail "after entry $entry: snapshot $uuid is wrong"
	done < <(paste -d ' ' <(json id <<<"$json") <(json device <<<"$json"))
	settle
	run_ok vssctl detach -q "$volume"
	echo "after entry $entry: $# snapshots, $used bytes in use"
}

tried=0
coproc replay-log --points $points --loads $loads --seed "$seed" --volume $volume_size "$log" "$target" "$kept"
replay=$COPROC_PID
exec {from}<&"${COPROC[0]}" {to}>&"${COPROC[1]}"
while read -r -u "$from" word rest; do
	if [[ $word == load ]]; then
		# shellcheck disable=SC2086 # words
		try $rest
		tried=$((tried + 1))
		echo >&"$to"
	else
		echo "$word $rest" | tee "$TEST_TMP/counts"
	fi
done
wait "$replay" || fail "replay-log: status $?"
((tried > 0)) || fail "no state was loaded"
needed="flushed_points other_points compared changes"
# A change of halves is short: not every sample hits it.
[[ ! ${LONG:-} ]] || needed+=" in_change"
for what in $needed; do
	(($(word "$what" <"$TEST_TMP/counts") > 0)) || fail "no $what: this has not shown what it is for"
done

# It does compare: with two copies exchanged nothing is right.
first=("$kept"/*)
mv "${first[0]}" "$TEST_TMP/one"
mv "${first[1]}" "${first[0]}"
mv "$TEST_TMP/one" "${first[1]}"
truncate -s 0 "$target"
truncate -s $size "$target"
expect_fail -m 'is wrong' replay-log --points 20 --volume $volume_size "$log" "$target" "$kept"
