#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark, in the VM. Leaves bench-raw.jsonl (a line for each run of fio) and
# bench-other.jsonl (hold, memory, coordination) for scripts/bench.sh.
#
# usage: guest.sh quick|full REPEATS SECONDS SECTIONS ENGINES END
#
# The machine is not equally fast all the time. So what is compared is measured one right
# after the other: a group of measurements is one workload on the bare device, with each
# engine, and on the bare device again, and ratios are taken within a group; in the quick form
# two workloads, for much of its time goes into bringing engines up. Everything is repeated
# from the start; no further repeat is begun when SECONDS have passed, and, unless it is empty, no group that
# would not end before this machine has been up for END seconds. Those are in bench-left-out.

. "$VSS_SRC/tests/vm/writers-lib.sh"
. "$VSS_SRC/scripts/bench/devices.sh"
. "$VSS_SRC/scripts/bench/engines.sh"
. "$VSS_SRC/scripts/bench/measure.sh"
. "$VSS_SRC/scripts/bench/other.sh"

# vssctl is to find no service until there is one.
bus=$VSS_BUS_ADDRESS
unset VSS_BUS_ADDRESS

mode=$1 repeats=$2 limit=$3 sections=$4 engines=${5:-} end=${6:-}
raw=$VSS_IO/bench-raw.jsonl other=$VSS_IO/bench-other.jsonl left=$VSS_IO/bench-left-out
: >"$left"
: >"$raw"
: >"$other"

# Workloads and depths, a group each.
writes=("4k-rand 1" "4k-rand 32" "64k-rand 1" "64k-rand 32" "1m-seq 1" "1m-seq 32")
reads=("4k-rand 1" "4k-rand 32" "1m-seq 32")
peers=("vss 16" "vss-P 16" "dm-snapshot-N 16" "dm-snapshot-P 16" "dm-thin 64")
many=(8 64) sets=(1 8 64) crews=(1 32)
if [[ $mode == quick ]]; then
	writes=("4k-rand 32 4k-rand 1" "64k-rand 32 1m-seq 32")
	reads=("4k-rand 32")
	# vss-P: only writes of 4 KiB.
	peers=("vss 16" "vss-P 16" "dm-snapshot-N 16")
	# Less, and less telling: the memory for write-behind hides more of it.
	RUN_WRITES=([4k-rand-1]=800 [4k-rand-32]=6144 [64k-rand-32]=1536 [1m-seq-32]=112)
	RUN_READS=([32]=28672)
	VOLUME_MIB=256 DEVICE_MIB=320
	many=(8) sets=(1 8) crews=(1)
fi
if [[ $engines ]]; then
	peers=()
	for engine in $engines; do
		peers+=("$engine $([[ $engine == dm-thin ]] && echo 64 || echo 16)")
	done
fi

say()
{
	echo "[$SECONDS s] $*"
}

# uptime_seconds: sets now.
uptime_seconds()
{
	read -r now _ </proc/uptime
	now=${now%.*}
}

# What groups took, on the last device or in the last repeat.
declare -A lasted=()
longest=0 began=0

# begin_group NAME: sets group; fails if it would not end in time. It takes as long as it did before;
# the first one is the longest and always measured, the others take half of that.
begin_group()
{
	local now

	group=$1
	uptime_seconds
	began=$now
	[[ $end && $longest != 0 ]] || return 0
	((now + ${lasted[$group]:-$((longest / 2))} > end)) || return 0
	echo "$device, $group" >>"$left"
	return 1
}

end_group()
{
	local now

	uptime_seconds
	lasted[$group]=$((now - began))
	((lasted[$group] <= longest)) || longest=${lasted[$group]}
}

# bare WORKLOAD DEPTH write|read: what the ratios of a group are taken to. For chunks of
# 64 KiB the writes of 4 KiB lie elsewhere.
bare()
{
	engine_up bare 16
	measure "$3" "$1" "$2" 0 "$origin" "$3"
	[[ $3/$1 == write/4k-rand && " ${peers[*]} " == *" 64 "* ]] || return 0
	engine_up bare 64
	measure "$3" "$1" "$2" 0 "$origin" "$3"
}

# First writes, each into chunks that no snapshot has yet; then the same once more. In the
# quick form with many snapshots as well.
with_a_snapshot()
{
	local before n

	if [[ $engine == vss && $1 == 4k-rand ]] && [[ $mode == full || $2 == 32 ]]; then
		measure tracked "$1" "$2" 0 "$target" write
	fi
	new_snapshots 1
	before=$(vss_memory)
	measure first "$1" "$2" 1 "$target" write
	[[ "$1 $2" != "4k-rand 32" ]] || tell_memory "$before"
	[[ $mode == quick && "$engine $1 $2" != "vss 4k-rand 32" ]] ||
		measure rewrite "$1" "$2" 1 "$target" write
	[[ $mode == quick && $engine == vss && "$1 $2" == "4k-rand 32" ]] || return 0
	for n in "${many[@]}"; do
		new_snapshots "$n"
		measure first "$1" "$2" "$n" "$target" write
	done
}

# each_of "WORKLOAD DEPTH..." CMD [ARG]...: CMD WORKLOAD DEPTH ARG..., for each of a group.
each_of()
{
	local words

	read -ra words <<<"$1"
	while ((${#words[@]})); do
		"$2" "${words[@]:0:2}" "${@:3}"
		words=("${words[@]:2}")
	done
}

# left_out PEER GROUP: whether the quick form does without.
left_out()
{
	[[ $mode == quick && ! $engines && $1 == vss-P* && $2 != 4k-rand* ]]
}

compare_writes()
{
	local w peer

	for w in "${writes[@]}"; do
		begin_group "write $w" || continue
		say "repeat $rep: $device, writes $w"
		each_of "$w" bare write
		for peer in "${peers[@]}"; do
			! left_out "$peer" "$w" || continue
			# shellcheck disable=SC2086 # engine and chunk
			engine_up $peer
			each_of "$w" with_a_snapshot
			engine_down
		done
		each_of "$w" bare write
		end_group
	done
}

bare_reads()
{
	local w

	for w in "${reads[@]}"; do
		# shellcheck disable=SC2086
		bare $w read
	done
}

# read_image PHASE
read_image()
{
	local w

	for w in "${reads[@]}"; do
		# shellcheck disable=SC2086
		measure "$1" $w 1 "${images[0]}" read
	done
}

# The image: before anything was copied, and when most of it was, one MiB after the
# other.
compare_reads()
{
	local peer

	begin_group "read" || return 0
	say "repeat $rep: $device, reads"
	bare_reads
	for peer in "${peers[@]}"; do
		! left_out "$peer" read || continue
		# shellcheck disable=SC2086
		engine_up $peer
		new_snapshots 1
		read_image read-uncopied
		run_fio "$target" 1m-seq 32 "$chunk" write >/dev/null
		read_image read-copied
		engine_down
	done
	bare_reads
	end_group
}

# What runs for the first time is translated first, by an emulator, and read into caches: all of
# them ran before any is measured.
warm_up()
{
	local peer

	for peer in "${peers[@]}"; do
		# Most of vss-P is vss.
		[[ $mode != quick || $peer != vss-P* ]] || continue
		# shellcheck disable=SC2086
		engine_up $peer
		new_snapshots 1
		FEW=2048 run_fio "$target" 4k-rand 32 "$chunk" write >/dev/null
		[[ $mode == quick ]] || FEW=32 run_fio "$target" 1m-seq 32 "$chunk" write >/dev/null
		engine_down
	done
}

# compare_many N...: first writes with one snapshot and with N, vss; dm-snapshot with 8, of
# which each has room for an eighth.
compare_many()
{
	local n

	group="many $*"
	say "repeat $rep: $device, snapshots: 1 $*"
	bare 4k-rand 32 write
	engine_up vss 16
	for n in 1 "$@"; do
		new_snapshots "$n"
		measure first 4k-rand 32 "$n" "$target" write
	done
	engine_down
	if [[ "$*" == *8* && " ${peers[*]} " == *dm-snapshot-N* ]]; then
		engine_up dm-snapshot-N 16
		new_snapshots 8
		FEW=4096 measure first 4k-rand 32 8 "$target" write
		engine_down
	fi
	bare 4k-rand 32 write
}

# wanted SECTION
wanted()
{
	[[ " $sections " == *" $1 "* ]]
}

# When a measurement fails half way udev is to work again.
cleanup_push udevadm control --start-exec-queue

measure_io()
{
	for device in null_blk virtio; do
		say "filling the $device devices"
		pair_up "$device"
		pair_fill
	done
	say "warming up"
	pair_of null_blk
	warm_up
	for ((rep = 1; rep <= repeats && (rep == 1 || SECONDS < limit); rep++)); do
		for device in null_blk virtio; do
			pair_of "$device"
			compare_writes
			compare_reads
			[[ $mode == quick || " ${peers[*]} " != *" vss 16 "* ]] || compare_many "${many[@]}"
		done
	done
	repeats=$((rep - 1))
	[[ $mode == full && " ${peers[*]} " == *" vss 16 "* ]] || return 0
	rep=0
	for device in null_blk virtio; do
		pair_of "$device"
		compare_many 512
	done
}

if wanted io; then
	measure_io
	pair_of null_blk
else
	pair_up null_blk
fi
if wanted hold; then
	say "memory of a large volume"
	measure_idle 1024
	say "hold"
	measure_hold "${sets[@]}"
fi
if wanted coordination; then
	say "coordination"
	measure_coordination "${crews[@]}"
fi
! wanted io || say "done, $repeats repeats"
