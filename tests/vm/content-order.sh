#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A set is one instant of all its volumes: what was written to one after another
# had acknowledged it is never there without the other, whether file systems are
# frozen or not; and nothing acknowledged before is missing. What makes it so: of many
# writers none gets a write acknowledged that was begun while the set was held. In the
# long form 30 times as many sets.

. "$(dirname "$0")/content-lib.sh"

load_vss
split "$(disk vd0)" 4M 64M
raw1=${parts[0]}
ext4_dev=${parts[1]}
split "$(disk sd0)" 4M 64M
raw2=${parts[0]}
xfs_dev=${parts[1]}
split "$(disk vd1)" 100M 100M 100M 100M
run_ok mkfs.ext4 -q "$ext4_dev"
run_ok mkfs.xfs -q --unsupported "$xfs_dev"
ext4=$(mount_tmp "$ext4_dev")
xfs=$(mount_tmp "$xfs_dev")
volumes=("$raw1" "$ext4_dev" "$raw2" "$xfs_dev")
for i in 0 1 2 3; do
	track "${volumes[i]}" "${parts[i]}"
done

# Those on file systems are few, and the holds short: many on the others, and long ones.
# A module that lets one write of twenty pass has no chance.
batches=${LONG:+30}
for ((batch = ${batches:-1}; batch > 0; batch--)); do
	order --offset 2097152 "$raw1" "$raw2" >"$TEST_TMP/order" || fail "the order of writes"
	mapfile -t ids < <(tr ' ' '\n' <"$TEST_TMP/order")
	settle
	run_ok vssctl delete --quiet "${ids[@]}"
done

# Both ways around.
there=("$raw1" "$ext4/there" "$raw2" "$xfs/there")
back=("$xfs/back" "$raw2@1048576" "$ext4/back" "$raw1@1048576")
files chain "${there[@]}" &
loads=($!)
files chain "${back[@]}" &
loads+=($!)

started()
{
	[[ -e $xfs/there && -e $raw1 && $(files records "${there[3]}") -gt 0 &&
	   -e $ext4/back && $(files records "${back[3]}") -gt 0 ]]
}
wait_for 30 started
sync

# in_order WHAT BEFORE N...: the last records on the volumes in order
in_order()
{
	local what=$1 before=$2 first=$3 last=$3 n

	shift 2
	echo "$what: $*, at least $before"
	((first >= before)) || fail "$what: record $before was acknowledged and is missing"
	for n; do
		((n <= last)) || fail "$what: a volume is ahead of the one before it: $*"
		last=$n
	done
	((first - last <= 1)) || fail "$what: a volume is behind: $*"
}

# take: ten sets, one after the other.
take()
{
	local set a b options

	before_there=() before_back=() set_images=() set_ids=()
	for set in {1..10}; do
		read -r a b <<<"$(files records "${there[3]}" "${back[3]}")"
		before_there+=("$a")
		before_back+=("$b")
		options=()
		((set % 2)) || options=(--no-freeze)
		snap "${options[@]}" "${volumes[@]}"
		set_images+=("${images[*]}")
		set_ids+=("${ids[@]}")
	done
}

# look: what these sets have.
look()
{
	local i ext4 xfs images n

	for i in "${!set_images[@]}"; do
		read -r -a images <<<"${set_images[i]}"
		ext4=$(mount_tmp "${images[1]}" -o ro,noload)
		xfs=$(mount_tmp "${images[3]}" -o ro,norecovery,nouuid)
		read -r -a n <<<"$(files records "${images[0]}" "$ext4/there" "${images[2]}" "$xfs/there" \
			"$xfs/back" "${images[2]}@1048576" "$ext4/back" "${images[0]}@1048576")"
		in_order "set $i, there" "${before_there[i]}" "${n[@]:0:4}"
		in_order "set $i, back" "${before_back[i]}" "${n[@]:4}"
		((n[0] > seen)) || fail "no record was written between two sets"
		seen=${n[0]}
		umount "$ext4" "$xfs"
	done
}

seen=0
for ((batch = ${batches:-1}; batch > 0; batch--)); do
	take
	if ((batch == 1)); then
		kill "${loads[@]}"
		for load in "${loads[@]}"; do
			wait "$load" || fail "files has failed"
		done
	fi
	look
	settle
	run_ok vssctl delete --quiet "${set_ids[@]}"
done
