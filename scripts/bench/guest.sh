#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark, in the VM. Leaves bench-raw.jsonl (a line for each run of fio) and
# bench-other.jsonl (hold, memory, coordination) for scripts/bench.sh.
#
# usage: guest.sh quick|full REPEATS SECONDS SECTIONS
#
# What is compared is measured one right after the other, and everything is repeated
# from the start: the machine is not equally fast all the time. No repeat is begun
# when SECONDS have passed.

. "$VSS_SRC/tests/vm/writers-lib.sh"
. "$VSS_SRC/scripts/bench/devices.sh"
. "$VSS_SRC/scripts/bench/engines.sh"
. "$VSS_SRC/scripts/bench/measure.sh"
. "$VSS_SRC/scripts/bench/other.sh"

# vssctl is to find no service until there is one.
bus=$VSS_BUS_ADDRESS
unset VSS_BUS_ADDRESS

mode=$1 repeats=$2 limit=$3 sections=$4 engines=${5:-}
raw=$VSS_IO/bench-raw.jsonl other=$VSS_IO/bench-other.jsonl
: >"$raw"
: >"$other"

writes=("4k-rand 1" "4k-rand 32" "64k-rand 1" "64k-rand 32" "1m-seq 1" "1m-seq 32")
reads=("4k-rand 1" "4k-rand 32" "1m-seq 32")
peers=("vss 16" "vss-P 16" "dm-snapshot-N 16" "dm-snapshot-P 16" "dm-thin 64")
sets=(1 8 64) crews=(1 32)
if [[ $mode == quick ]]; then
	writes=("4k-rand 1" "4k-rand 32" "64k-rand 32" "1m-seq 32")
	reads=("4k-rand 32")
	peers=("vss 16" "dm-snapshot-N 16")
	# Less, and less telling: the memory for write-behind hides more of it.
	RUN_WRITES=([4k-rand-1]=800 [4k-rand-32]=4096 [64k-rand-32]=768 [1m-seq-32]=80)
	DEVICE_MIB=400
	sets=(1) crews=(1)
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

# What the ratios are taken to: the same writes and reads without anything between.
# For chunks of 64 KiB the writes of 4 KiB lie elsewhere.
bare()
{
	local w

	engine_up bare "$1"
	for w in "${writes[@]}"; do
		[[ $1 == 16 || $w == 4k-* ]] || continue
		# shellcheck disable=SC2086 # workload and depth
		measure write $w 0 "$origin" write
	done
	[[ $1 == 16 ]] || return 0
	for w in "${reads[@]}"; do
		# shellcheck disable=SC2086
		measure read $w 0 "$origin" read
	done
}

# First writes, each into chunks that no snapshot has yet; then the same once more.
with_a_snapshot()
{
	local w before

	for w in "${writes[@]}"; do
		new_snapshots 1
		before=$(vss_memory)
		# shellcheck disable=SC2086
		measure first $w 1 "$target" write
		[[ $w != "4k-rand 32" ]] || tell_memory "$before"
		[[ $mode != quick || $w == "4k-rand 32" ]] || continue
		# shellcheck disable=SC2086
		measure rewrite $w 1 "$target" write
	done
}

# The image: before anything was copied, and when most of it was, one MiB after the
# other.
read_images()
{
	local w

	new_snapshots 1
	for w in "${reads[@]}"; do
		# shellcheck disable=SC2086
		measure read-uncopied $w 1 "${images[0]}" read
	done
	run_fio "$target" 1m-seq 32 "$chunk" write >/dev/null
	for w in "${reads[@]}"; do
		# shellcheck disable=SC2086
		measure read-copied $w 1 "${images[0]}" read
	done
}

# many N...: first writes with N snapshots.
many()
{
	local n

	for n; do
		new_snapshots "$n"
		measure first 4k-rand 32 "$n" "$target" write
	done
}

one_round()
{
	local peer

	bare 16
	[[ $mode == quick ]] || bare 64
	for peer in "${peers[@]}"; do
		# shellcheck disable=SC2086 # engine and chunk
		engine_up $peer
		say "repeat $rep: $device, $engine"
		if [[ $engine == vss ]]; then
			measure tracked 4k-rand 32 0 "$target" write
			[[ $mode == quick ]] || measure tracked 4k-rand 1 0 "$target" write
		fi
		with_a_snapshot
		read_images
		case $mode/$engine in
		full/vss) many 8 64 ;;
		full/dm-snapshot-*) many 8 ;;
		quick/vss) many 8 ;;
		esac
		engine_down
	done
}

# wanted SECTION
wanted()
{
	[[ " $sections " == *" $1 "* ]]
}

measure_io()
{
	for device in null_blk virtio; do
		say "filling the $device devices"
		pair_up "$device"
		pair_fill
	done
	for ((rep = 1; rep <= repeats && SECONDS < limit; rep++)); do
		for device in null_blk virtio; do
			pair_of "$device"
			one_round
		done
	done
	repeats=$((rep - 1))
	[[ $mode == full ]] || return 0
	pair_of null_blk
	say "512 snapshots"
	rep=0
	bare 16
	engine_up vss 16
	many 512
	engine_down
}

if wanted io; then
	measure_io
	pair_of null_blk
else
	pair_up null_blk
fi
if wanted hold; then
	say "hold"
	measure_hold "${sets[@]}"
fi
if wanted coordination; then
	say "coordination"
	measure_coordination "${crews[@]}"
fi
! wanted io || say "done, $repeats repeats"
