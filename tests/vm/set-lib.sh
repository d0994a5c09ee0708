#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of sets, faults and diff areas share, to be sourced instead of
# lib.sh:
#	. "$(dirname "$0")/set-lib.sh"
# Run as a test of its own it takes the plainest set there is, step by step, and
# looks at what everything here relies on.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The programs of tests/tools, also without the test runner.
PATH=$PATH:${VSS_SRC:-.}/build/vm-userspace/tests
export LVM_SUPPRESS_FD_WARNINGS=1

# parts DISK MIB...: the disk gets partitions of these sizes.
parts()
{
	local dev=$1 mib script=$'label: gpt\n'

	shift
	for mib; do
		script+="size=${mib}MiB"$'\n'
	done
	sfdisk --quiet --wipe always "$dev" <<<"$script" || fail "cannot partition $dev"
	settle
}

# part DISK N: prints the device of the disk's Nth partition.
part()
{
	local dev=$1$2

	[[ $1 != *[0-9] ]] || dev=$1p$2
	[[ -b $dev ]] || fail "$1 has no partition $2"
	echo "$dev"
}

# track VOLUME AREA [ATTACH-OPTION]...: tracks VOLUME, with the block device AREA
# as its diff area, until the test ends.
track()
{
	local volume=$1 area=$2

	shift 2
	vssctl attach --quiet "$@" "$volume" || fail "cannot attach $volume"
	cleanup_push _untrack "$volume"
	vssctl diff-area add --quiet --force "$volume" --on "$area" ||
		fail "$area cannot be the diff area of $volume"
}

_untrack()
{
	vssctl detach --quiet --force "$1" 2>/dev/null || :
}

# raw_refused ERRNO AREA-RAW-ARGUMENT...: the module does not take it.
raw_refused()
{
	local errno=$1 out

	shift
	out=$(area-raw "$@") && fail "taken: area-raw $*"
	echo "area-raw ${*:2}: $out"
	[[ $out == *"error "*" $errno "* ]] || fail "not $errno: $out"
}

# volume_field VOLUME NAME: prints what `vssctl status --json` tells of it.
volume_field()
{
	vssctl status --json "$1" | json "$2"
}

# all_stored: no copy of $volume is left in memory.
all_stored()
{
	(($(volume_field "$volume" memory) < 1 << 20))
}

# snapshots [LIST-OPTION]...: prints the ids of snapshots, oldest first.
snapshots()
{
	vssctl list --json "$@" | json id
}

# snapshot_field ID NAME
snapshot_field()
{
	vssctl show --json "$1" | json "$2"
}

# create OPTION|VOLUME...: takes a set, prints the snapshots' ids in order.
create()
{
	local out

	out=$(vssctl create --json "$@") || fail "vssctl create $*"
	json id <<<"$out"
}

# image ID: prints the device of a snapshot, once it is there.
image()
{
	local link=/dev/vss/by-id/$1

	wait_for 10 test -b "$link"
	readlink -f "$link"
}

# raw_sha DEV [MIB]: prints the checksum of what is on the device now (or on the
# first MIB of it), read beside the page cache: nothing is written out, so it also
# serves while DEV is held.
raw_sha()
{
	dd if="$1" bs=1M count="${2:-99999}" iflag=direct status=none | digest
}

# expect_sha WHAT DEV SUM [MIB]: fails unless the device has that content.
expect_sha()
{
	local sum

	sum=$(raw_sha "$2" "${4:-}")
	[[ $sum == "$3" ]] || fail "$1: content of $2 is $sum instead of $3"
	echo "$1: content as expected"
}

# fill DEV: random content all over the device.
fill()
{
	churn --seed "$RANDOM$RANDOM" --fill "$1"
}

# scribble DEV COUNT [SEED]: overwrites COUNT random blocks of 4 KiB.
scribble()
{
	command scribble "$1" "$2" "${3:-$RANDOM}" || fail "cannot write to $1"
}

drop_caches()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# --- time -----------------------------------------------------------------------

milliseconds()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# bg NAME CMD...: runs CMD in the background, with its output in $TEST_TMP/NAME.out;
# state NAME then prints "running" or its exit status. It may hang in the kernel:
# nothing waits for it.
bg()
{
	local name=$1

	shift
	rm -f "$TEST_TMP/$name.status"
	{
		local status=0

		trap - ERR EXIT
		set +e
		"$@" >"$TEST_TMP/$name.out" 2>&1 </dev/null
		status=$?
		milliseconds >"$TEST_TMP/$name.end"
		echo $status >"$TEST_TMP/$name.status.new"
		mv "$TEST_TMP/$name.status.new" "$TEST_TMP/$name.status"
	} &
}

# stop PID: ends a process in the background, unless it has ended.
stop()
{
	kill "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

state()
{
	cat "$TEST_TMP/$1.status" 2>/dev/null || echo running
}

# Asked often: without a process.
is_over()
{
	[[ -e $TEST_TMP/$1.status ]]
}

# expect_blocked NAME...: fails if one of them ends within half a second.
expect_blocked()
{
	local name

	sleep 0.5
	for name; do
		! is_over "$name" || fail "$name was not blocked: $(cat "$TEST_TMP/$name.out")"
	done
}

# expect_over MS NAME...: fails unless all of them end well within MS; three times
# that, for a machine may be slow, and more on a slow kernel. What hangs does so for longer.
expect_over()
{
	local end name

	end=$(($(milliseconds) + 3 * $1 * slower))
	shift
	for name; do
		until is_over "$name"; do
			((${EPOCHREALTIME/./} / 1000 < end)) || fail "$name hangs"
			sleep 0.02
		done
		[[ $(state "$name") == 0 ]] ||
			fail "$name failed with status $(state "$name"): $(cat "$TEST_TMP/$name.out")"
	done
}

# put_file FILE TEXT: a file that is on the disk when this returns.
put_file()
{
	dd if=/dev/stdin of="$1" conv=fsync status=none <<<"$2"
}

# put_block DEV TEXT [OFFSET]: a block of 4 KiB at OFFSET, in blocks.
put_block()
{
	printf '%-4096s' "$2" | dd of="$1" bs=4k seek="${3:-0}" oflag=direct conv=notrunc status=none
}

# get_block DEV [OFFSET]: prints what put_block has put there.
get_block()
{
	dd if="$1" bs=4k skip="${2:-0}" count=1 iflag=direct status=none | tr -d '\0' | sed 's/ *$//'
}

# --- events ---------------------------------------------------------------------

# watch_events [OPTION]...: collects events in $TEST_TMP/events from now on.
watch_events()
{
	vssctl events --json "$@" >"$TEST_TMP/events" 2>"$TEST_TMP/events.err" &
	cleanup_push stop $!
	# It polls once it has subscribed.
	wait_for 10 _polls $!
}

_polls()
{
	[[ $(cut -d ' ' -f 1 "/proc/$1/syscall") == 7 ]]
}

# seen PATTERN...: is there an event, a line of JSON, with all of these in it?
seen()
{
	local pattern lines

	lines=$(<"$TEST_TMP/events")
	for pattern; do
		lines=$(grep -F -- "$pattern" <<<"$lines") || return 1
	done
}

# expect_event PATTERN...: waits for it.
expect_event()
{
	local i

	for ((i = 0; i < 600 * slower; i++)); do
		! seen "$@" || return 0
		sleep 0.1
	done
	cat "$TEST_TMP/events" "$TEST_TMP/events.err"
	fail "no event with: $*"
}

# --- controllers that stop anywhere ---------------------------------------------

declare -A ctl_pid ctl_in ctl_out ctl_set ctl_snaps

# ctl_start NAME OPTION|VOLUME...: a set-steps, with its set prepared. Its ids are
# then in ctl_set[NAME] and ctl_snaps[NAME]. Returns 1 if it was refused.
ctl_start()
{
	local name=$1 in out answer

	shift
	rm -f "$TEST_TMP/$name".{in,out}
	mkfifo "$TEST_TMP/$name".{in,out}
	set-steps "$@" <"$TEST_TMP/$name.in" >"$TEST_TMP/$name.out" &
	ctl_pid[$name]=$!
	exec {in}>"$TEST_TMP/$name.in" {out}<"$TEST_TMP/$name.out"
	ctl_in[$name]=$in
	ctl_out[$name]=$out
	read -r -t $((30 * slower)) -u "$out" answer || fail "set-steps does not answer"
	echo "$name: $answer"
	if [[ $answer != prepared\ * ]]; then
		wait "${ctl_pid[$name]}" || :
		ctl_end "$name"
		ctl_answer=$answer
		return 1
	fi
	read -r _ "ctl_set[$name]" "ctl_snaps[$name]" <<<"$answer"
}

# ctl_send NAME COMMAND: without waiting for the answer
ctl_send()
{
	echo "$2" >&"${ctl_in[$1]}"
}

# ctl_receive NAME [SECONDS]: leaves the answer in ctl_answer.
ctl_receive()
{
	read -r -t $((${2:-60} * slower)) -u "${ctl_out[$1]}" ctl_answer || fail "set-steps $1 does not answer"
	echo "$1: $ctl_answer"
}

# ctl NAME COMMAND: does it and leaves the answer in ctl_answer.
ctl()
{
	ctl_send "$@"
	ctl_receive "$1"
}

# ctl_ok NAME COMMAND...: does them; fails if one fails.
ctl_ok()
{
	local name=$1 command

	shift
	for command; do
		ctl "$name" "$command"
		[[ $ctl_answer == ok* ]] || fail "$name $command: $ctl_answer"
	done
}

# ctl_refused NAME COMMAND ERRNO [TEXT]: does it; it must fail so.
ctl_refused()
{
	ctl "$1" "$2"
	[[ $ctl_answer == "error $2 $3 "* ]] || fail "$1 $2 instead of $3: $ctl_answer"
	[[ $ctl_answer == *"${4:-}"* ]] || fail "$1 $2 does not say '$4': $ctl_answer"
}

# ctl_kill NAME: SIGKILL
ctl_kill()
{
	kill -KILL "${ctl_pid[$1]}"
}

# ctl_end NAME: forgets a controller that has ended, or ends it.
ctl_end()
{
	local in=${ctl_in[$1]} out=${ctl_out[$1]}

	# To close it is not enough: processes in the background have it open too.
	(
		trap '' PIPE
		echo quit >&"$in"
	) 2>/dev/null || :
	exec {in}>&- {out}<&-
	wait "${ctl_pid[$1]}" 2>/dev/null || :
	unset "ctl_pid[$1]" "ctl_in[$1]" "ctl_out[$1]"
}

# set_is_gone SET: neither the set nor a snapshot of it is there.
set_is_gone()
{
	[[ $(set-foreign "$1" get) == "error get ENOENT "* && ! $(snapshots --set "$1") ]]
}

[[ ${BASH_SOURCE[0]} == "$0" ]] || return 0

# --- the plainest set -----------------------------------------------------------

disk=$(disk vd0)
parts "$disk" 64 32
volume=$(part "$disk" 1)
fill "$volume"
load_vss
watch_events
track "$volume" "$(part "$disk" 2)"
expect_event volume-attached
expect_event area-added

sum=$(raw_sha "$volume")
ctl_start a "$volume"
snap=${ctl_snaps[a]}
[[ $(snapshot_field "$snap" state) == prepared ]] || fail "the snapshot is not prepared"
put_block "$volume" "before the instant" 9
[[ $(raw_sha "$volume") != "$sum" ]] || fail "nothing was written"
sum=$(raw_sha "$volume")
ctl_ok a frozen held
bg writer put_block "$volume" "after the instant" 9
expect_blocked writer
expect_sha "while it is held" "$volume" "$sum"
ctl_ok a committed
expect_over 5000 writer
ctl_ok a "done"
ctl_end a
[[ $(raw_sha "$volume") != "$sum" ]] || fail "the held write was not done"
expect_sha "the image" "$(image "$snap")" "$sum"
scribble "$volume" 500
expect_sha "the image after 500 writes" "$(image "$snap")" "$sum"

expect_event set-done "${ctl_set[a]}"
expect_event snapshot-created "$snap"
(($(snapshot_field "$snap" copied) > 0)) || fail "no chunk was copied"
settle
run_ok vssctl delete "$snap"
expect_event snapshot-deleted "$snap"
set_is_gone "${ctl_set[a]}" || fail "something is left of the set"
[[ $(volume_field "$volume" area_used) == 0 ]] || fail "the diff area is not empty again"
run_ok vssctl detach "$volume"
expect_event volume-detached
