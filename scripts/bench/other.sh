# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with guest.sh
#
# What is not a throughput: how long sets hold writes, what a copied chunk takes of
# memory, what the service adds to a set. To be sourced.

# tell WHAT NUMBER VALUE: a line in $other; NUMBER is of volumes, writers or such.
tell()
{
	jq -nc --arg what "$1" --argjson n "$2" --argjson value "$3" '{ $what, $n, $value }' \
		>>"$other"
}

# Bytes that the module uses for the volume, without the content of copies, and the chunks
# that it has copied.
vss_memory()
{
	[[ $engine == vss ]] || return 0
	quiet
	echo "$(volume_field "$origin" memory) $(volume_field "$origin" chunks_copied)"
}

# tell_memory BEFORE: bytes a copied chunk since then, what vss_memory said.
tell_memory()
{
	local now before copied

	[[ $engine == vss && $device == null_blk ]] || return 0
	# Pages of copies that are kept for the next ones are freed after a while.
	sleep 3
	read -ra before <<<"$1"
	read -ra now < <(vss_memory)
	copied=$((now[1] - before[1]))
	((copied)) || fail "nothing was copied"
	tell memory_bytes_per_copied_chunk "$copied" \
		"$(jq -n "(${now[0]} - ${before[0]}) / $copied * 10 | round / 10")"
}

# measure_idle GIB: what a volume of that size takes while nothing was copied, tracked and with a
# snapshot, in bits a chunk.
measure_idle()
{
	local dir=/sys/kernel/config/nullb/bench-large dev=/dev/bench-large n=$(($1 * 65536))

	modprobe vss
	mkdir "$dir"
	echo $(($1 * 1024)) >"$dir/size"
	echo 1 >"$dir/power"
	settle
	vssctl attach -q --chunk-size 16K "$dev"
	vssctl diff-area add -q --force "$dev" --on "$store"
	tell memory_tracked_bits_per_chunk "$n" "$(jq -n "$(volume_field "$dev" memory) * 8 / $n * 1000 | round / 1000")"
	vssctl create -q "$dev" >/dev/null
	tell memory_idle_bits_per_chunk "$n" "$(jq -n "$(volume_field "$dev" memory) * 8 / $n * 1000 | round / 1000")"
	settle
	vssctl detach -q --force "$dev"
	rmdir "$dir"
}

# measure_hold N...: sets of N slices of 4 MiB, without file systems; the largest
# last.
measure_hold()
{
	local n i volumes=() most=${!#}

	modprobe vss
	for ((i = 0; i < most; i++)); do
		# udev is waited for once.
		dmsetup create --noudevsync "bench-v$i" --table "0 8192 linear $origin $((i * 8192))"
		dmsetup create --noudevsync "bench-a$i" --table "0 8192 linear $store $((i * 8192))"
		volumes+=("/dev/mapper/bench-v$i")
	done
	settle
	for ((i = 0; i < most; i++)); do
		vssctl attach -q "${volumes[i]}"
		vssctl diff-area add -q --force "${volumes[i]}" --on "/dev/mapper/bench-a$i"
	done
	for n; do
		for i in 1 2 3; do
			tell hold_usec "$n" "$(vssctl create --json "${volumes[@]:0:n}" | json hold_usec)"
		done
	done
	for ((i = 0; i < most; i++)); do
		vssctl detach -q --force "${volumes[i]}"
		dm_remove "bench-v$i"
		dm_remove "bench-a$i"
	done
	rmmod vss
}

# took CMD...: prints how many ms it took.
took()
{
	local start=$EPOCHREALTIME end

	"$@" >/dev/null || fail "status $?: $*"
	end=$EPOCHREALTIME
	echo $(((${end/./} - ${start/./}) / 1000))
}

# The shadow copies of the set before have gone: that vssd deletes them when the
# requester has ended is no part of what is measured.
none_left()
{
	[[ ! $(vssctl list --json | json id) ]]
}

has_writers()
{
	(($(vssctl list writers --json | json name | grep -c '^bench') == $1))
}

# tell_sets WHAT NUMBER CMD...: the time of five sets, one after another, until CMD ends.
tell_sets()
{
	local i

	for i in 1 2 3 4 5; do
		wait_for 60 none_left
		tell "$1" "$2" "$(took "${@:3}")"
		[[ ! ${VSS_BUS_ADDRESS:-} ]] || continue
		vssctl delete -q --all
	done
}

# measure_coordination N...: the same set by the module alone, while no service runs, and
# with N writers. These do nothing, so all the rest is coordination: processes, messages,
# documents.
measure_coordination()
{
	local dev=/dev/mapper/bench-fs dir i writers pids=()

	dm_create bench-fs --table "0 131072 linear $origin 0"
	settle
	mkfs.ext4 -q "$dev"
	dir=$(mount_tmp "$dev")
	modprobe vss
	vssctl attach -q "$dev"
	vssctl diff-area add -q --force "$dev" --on "$store"
	tell_sets set_without_service_ms 0 vssctl create -q "$dev"
	export VSS_BUS_ADDRESS=$bus
	start_vssd
	tell_sets set_with_writers_ms 0 vssctl create -q --context backup --exec true "$dir"
	for writers; do
		while ((${#pids[@]} < writers)); do
			i=${#pids[@]}
			mkdir "$dir/$i"
			vss-writer-test --name "bench$i" --address "$VSS_BUS_ADDRESS" \
				--log /dev/null --component "data=$dir/$i" &
			pids+=($!)
		done
		wait_for 60 has_writers "$writers"
		tell_sets set_with_writers_ms "$writers" \
			vssctl create -q --context backup --exec true "$dir"
	done
	kill "${pids[@]}"
	stop_vssd
	unset VSS_BUS_ADDRESS
	umount "$dir"
	vssctl detach -q --force "$dev"
	dm_remove bench-fs
	rmmod vss
}
