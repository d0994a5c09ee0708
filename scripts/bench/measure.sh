# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with guest.sh
#
# One measurement: fio, and what the block layer counted meanwhile. To be sourced.
#
# A first write must hit a chunk that is untouched, and each only once; fio's own
# random offsets do not promise that. So all writes are replayed from lists, the
# same ones for every engine.

# Writes of a run at depth 1 and at depth 32: for a second and more. At depth 32 so many
# chunks are copied that they do not fit into anybody's memory for write-behind (32 MiB
# with vss). FEW: fewer.
declare -A RUN_WRITES=(
	[4k-rand-1]=6144 [4k-rand-32]=24576
	[64k-rand-1]=2048 [64k-rand-32]=6144
	[1m-seq-1]=256 [1m-seq-32]=448
)
# KiB that 4 KiB reads of a run take at depth 1 and 32.
declare -A RUN_READS=([1]=24576 [32]=131072)

# shuffled N COUNT: prints COUNT of the numbers below N, always the same ones.
shuffled()
{
	shuf -i "0-$(($1 - 1))" -n "$2" --random-source="$(type -P shuf)"
}

# list_file WORKLOAD DEPTH CHUNK-KIB: prints the name of its list.
list_file()
{
	local stride=16

	# A write of 4 KiB in every chunk, of the usual size or of a larger one.
	((${3:-16} <= 16)) || stride=$3
	echo "$TEST_TMP/$1-$2-$stride-${FEW:-all}.log"
}

make_list()
{
	local workload=$1 depth=$2 stride=$3 n file
	local total=$((VOLUME_MIB * 1024))

	file=$(list_file "$workload" "$depth" "$stride")
	[[ ! -e $file ]] || return 0
	n=${FEW:-${RUN_WRITES[$workload-$depth]}}
	{
		echo "fio version 2 iolog"
		echo "target add"
		echo "target open"
		case $workload in
		4k-rand)
			shuffled $((total / stride)) "$n" |
				awk -v s=$((stride * 1024)) '{ print "target write", $1 * s, 4096 }'
			;;
		64k-rand)
			shuffled $((total / 64)) "$n" |
				awk '{ print "target write", $1 * 65536, 65536 }'
			;;
		1m-seq)
			seq 0 $((n - 1)) | awk '{ print "target write", $1 * 1048576, 1048576 }'
			;;
		esac
		echo "target close"
	} >"$file"
}

# run_fio DEV WORKLOAD DEPTH CHUNK-KIB write|read: prints fio's JSON.
run_fio()
{
	local dev=$1 workload=$2 depth=$3 chunk=$4 what=$5
	local args=(--name=bench --ioengine=libaio --direct=1 --iodepth="$depth"
		--output-format=json)

	if [[ $what == write ]]; then
		make_list "$workload" "$depth" "$chunk"
		args+=(--read_iolog="$(list_file "$workload" "$depth" "$chunk")"
		       --replay_redirect="$dev" --replay_no_stall=1)
	elif [[ $workload == 4k-rand ]]; then
		args+=(--filename="$dev" --rw=randread --bs=4k --size="${VOLUME_MIB}M"
		       --io_size="${RUN_READS[$depth]}k" --norandommap --randseed=1)
	else
		args+=(--filename="$dev" --rw=read --bs=1M --size="${VOLUME_MIB}M"
		       --io_size="${VOLUME_MIB}M")
	fi
	fio "${args[@]}"
}

# measure PHASE WORKLOAD DEPTH SNAPSHOTS DEV write|read: appends a line to $raw.
measure()
{
	local phase=$1 workload=$2 depth=$3 snapshots=$4 dev=$5 what=$6
	local json o0 s0 o1 s1

	# udev reads what was written as soon as it is closed: not before it is counted.
	settle
	udevadm control --stop-exec-queue
	quiet
	read -ra o0 < <(counts "$origin")
	read -ra s0 < <(counts "$store")
	json=$(run_fio "$dev" "$workload" "$depth" "$chunk" "$what")
	quiet
	read -ra o1 < <(counts "$origin")
	read -ra s1 < <(counts "$store")
	udevadm control --start-exec-queue
	jq -c --arg device "$device" --arg engine "$engine" --argjson chunk_kib "$chunk" \
		--argjson snapshots "$snapshots" --arg phase "$phase" \
		--arg group "$group" --arg workload "$workload" --argjson iodepth "$depth" \
		--argjson rep "$rep" --arg what "$what" \
		--argjson o_reads $((o1[0] - o0[0])) --argjson o_writes $((o1[2] - o0[2])) \
		--argjson s_writes $((s1[2] - s0[2])) --argjson s_kib $((s1[3] - s0[3])) \
		--argjson s_flushes $((s1[4] - s0[4])) '
		.jobs[0][$what] as $j | ($j.total_ios) as $n |
		if $n == 0 or .jobs[0].error != 0 then error("fio did nothing") else
		{ $device, $engine, $chunk_kib, $snapshots, $phase, $workload, $iodepth, $rep, $group,
		  iops: $j.iops, ios: $n,
		  p50_us: ($j.clat_ns.percentile["50.000000"] / 1000),
		  p99_us: ($j.clat_ns.percentile["99.000000"] / 1000),
		  p999_us: ($j.clat_ns.percentile["99.900000"] / 1000),
		  origin_reads: ($o_reads / $n), origin_writes: ($o_writes / $n),
		  store_writes: ($s_writes / $n), store_kib: ($s_kib / $n),
		  store_flushes: ($s_flushes / $n) } end' <<<"$json" >>"$raw"
}
