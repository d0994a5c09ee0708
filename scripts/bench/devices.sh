# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with guest.sh
#
# The pairs of devices that are measured: an origin and a place for the copies, and
# what the block layer has counted for both. To be sourced.

# Space that is written to, and the whole of a device. In MiB.
VOLUME_MIB=512
DEVICE_MIB=640

# pair_of DEVICE: sets device, and origin and store to the pair of that kind.
pair_of()
{
	device=$1
	case $1 in
	null_blk) origin=/dev/bench-o store=/dev/bench-s ;;
	virtio) origin=$(disk bench-o) store=$(disk bench-s) ;;
	esac
}

# pair_up DEVICE: makes the pair.
pair_up()
{
	if [[ $1 == null_blk ]]; then
		modprobe null_blk nr_devices=0
		null_make bench-o "$DEVICE_MIB"
		null_make bench-s "$DEVICE_MIB"
		settle
	fi
	pair_of "$1"
}

# pair_fill: writes all over it: a sector never written before costs a device more than
# others.
pair_fill()
{
	local dev

	for dev in "$origin" "$store"; do
		dd if=/dev/zero of="$dev" bs=1M count="$DEVICE_MIB" oflag=direct status=none
	done
}

# null_make NAME MIB: a device in memory that answers after 0.1 ms.
null_make()
{
	local dir=/sys/kernel/config/nullb/$1

	mkdir "$dir"
	echo 1 >"$dir/memory_backed"
	echo "$2" >"$dir/size"
	echo 100000 >"$dir/completion_nsec"
	echo 2 >"$dir/irqmode"
	echo 1 >"$dir/power"
}

# counts DEV: prints its reads, KiB read, writes, KiB written, flushes.
counts()
{
	local s

	read -ra s <"/sys/class/block/${1##*/}/stat"
	echo "${s[0]} $((s[2] / 2)) ${s[4]} $((s[6] / 2)) ${s[15]}"
}

# quiet: waits until nothing has been written to both for a while: what is stored
# behind the writes belongs to them.
quiet()
{
	local now before='' same=0

	while ((same < 2)); do
		now="$(counts "$origin") $(counts "$store")"
		if [[ $now == "$before" ]]; then
			same=$((same + 1))
		else
			same=0
		fi
		before=$now
		sleep 0.05
	done
}

# dm_create NAME ...: as dmsetup does; the device's name is there afterwards.
dm_create()
{
	dmsetup create --noudevsync "$@"
	settle
}
