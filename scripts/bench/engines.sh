# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with guest.sh
#
# What is compared: the bare device, vss (vss-P: persistent), dm-snapshot, dm-thin. Each is
# brought up on the same pair of devices. To be sourced.

# engine_up ENGINE CHUNK-KIB: sets target, the device to write to; no snapshot yet.
engine_up()
{
	local kind=() size

	engine=$1 chunk=$2 images=()
	case $engine in
	bare)
		target=$origin
		;;
	vss | vss-P)
		[[ $engine == vss ]] || kind=(--persistent)
		modprobe vss
		vssctl attach -q --chunk-size "${chunk}K" "$origin"
		vssctl diff-area add -q --force "$origin" --on "$store" "${kind[@]}"
		target=$origin
		;;
	dm-snapshot-N | dm-snapshot-P)
		target=/dev/mapper/bench-origin
		;;
	dm-thin)
		# Metadata where the copies of others lie; copies behind the volume and there.
		dm_create bench-meta --table "0 131072 linear $store 0"
		dd if=/dev/zero of=/dev/mapper/bench-meta bs=4k count=1 oflag=direct status=none
		size=$((DEVICE_MIB * 2048))
		dm_create bench-data <<END
0 $size linear $origin 0
$size $((size - 131072)) linear $store 131072
END
		dm_create bench-pool --table \
			"0 $((2 * size - 131072)) thin-pool /dev/mapper/bench-meta /dev/mapper/bench-data $((chunk * 2)) 0"
		dmsetup message bench-pool 0 'create_thin 0'
		dm_create bench-origin --table \
			"0 $((VOLUME_MIB * 2048)) thin /dev/mapper/bench-pool 0"
		target=/dev/mapper/bench-origin
		dd if=/dev/zero of="$target" bs=1M count="$VOLUME_MIB" oflag=direct status=none
		;;
	esac
}

# new_snapshots N: N snapshots that nothing was written since; those of before are
# dropped. images has their devices, oldest first.
new_snapshots()
{
	local n=$1 i size out

	drop_snapshots
	images=()
	case $engine in
	vss | vss-P)
		for ((i = 0; i < n; i++)); do
			out=$(vssctl create --json "$origin")
			images+=("$(jq -r '.. | .device? // empty | select(startswith("/dev/vss"))' <<<"$out" | head -n 1)")
		done
		;;
	dm-snapshot-*)
		size=$((DEVICE_MIB * 2048 / n))
		for ((i = 0; i < n; i++)); do
			dm_create "bench-cow$i" \
				--table "0 $size linear $store $((i * size))"
			dd if=/dev/zero of="/dev/mapper/bench-cow$i" bs=64k count=1 oflag=direct status=none
			dm_create "bench-snap$i" --table \
				"0 $((VOLUME_MIB * 2048)) snapshot $origin /dev/mapper/bench-cow$i ${engine#dm-snapshot-} $((chunk * 2))"
			images+=("/dev/mapper/bench-snap$i")
		done
		# After its snapshots: made before them it would copy only the first
		# chunk of each larger write.
		dm_create bench-origin --table \
			"0 $((VOLUME_MIB * 2048)) snapshot-origin $origin"
		;;
	dm-thin)
		for ((i = 1; i <= n; i++)); do
			dmsetup suspend --noflush --nolockfs bench-origin
			dmsetup message bench-pool 0 "create_snap $i 0"
			dmsetup resume --noudevsync bench-origin
			dm_create "bench-snap$i" --table \
				"0 $((VOLUME_MIB * 2048)) thin /dev/mapper/bench-pool $i"
			images+=("/dev/mapper/bench-snap$i")
		done
		;;
	esac
	settle
}

dm_remove()
{
	local try

	# udev may still look at it.
	for try in {1..50}; do
		! dmsetup remove --noudevsync "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	fail "$1 cannot be removed (tried $try times)"
}

drop_snapshots()
{
	local image i

	((${#images[@]})) || return 0
	case $engine in
	vss | vss-P)
		vssctl delete -q --volume "$origin" --all
		;;
	dm-snapshot-*)
		dm_remove bench-origin
		for i in "${!images[@]}"; do
			dm_remove "bench-snap$i"
			dm_remove "bench-cow$i"
		done
		;;
	dm-thin)
		for image in "${images[@]}"; do
			dm_remove "${image##*/}"
			dmsetup message bench-pool 0 "delete ${image##*snap}"
		done
		;;
	esac
	images=()
}

engine_down()
{
	drop_snapshots
	case $engine in
	vss | vss-P)
		# The module stays, as the others do: with no volume it has no hook anywhere.
		vssctl detach -q "$origin"
		;;
	dm-thin)
		dm_remove bench-origin
		dm_remove bench-pool
		dm_remove bench-data
		dm_remove bench-meta
		;;
	esac
	settle
}
