#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The controller of a set dies, goes away or is overruled, at each step of the
# set: file systems and volumes are writable again at once, nothing is left of
# the set, nothing written before is lost, and the next set works.

. "$(dirname "$0")/set-lib.sh"

# An ext4 on a partition, an XFS on a disk, a partition without a file system.
disk=$(disk vd0)
areas=$(disk vd1)
xfs=$(disk sd0)
parts "$disk" 64 32
parts "$areas" 32 32 32
ext4=$(part "$disk" 1)
raw=$(part "$disk" 2)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.xfs -q -f "$xfs"
fill "$raw"
ext4_dir=$(mount_tmp "$ext4")
xfs_dir=$(mount_tmp "$xfs")
load_vss
watch_events
track "$ext4" "$(part "$areas" 1)"
track "$xfs" "$(part "$areas" 2)"
track "$raw" "$(part "$areas" 3)"
volumes=("$ext4" "$xfs" "$raw")

# Content that is there before the sets, and must be ever after.
for dir in "$ext4_dir" "$xfs_dir"; do
	dd if=/dev/urandom of="$dir/before" bs=1M count=4 conv=fsync status=none
done
before=$(sha256sum "$ext4_dir/before" "$xfs_dir/before")
round=0

# write_all: three writes in the background, one to each volume.
write_all()
{
	round=$((round + 1))
	bg ext4 put_file "$ext4_dir/written" "round $round"
	bg xfs put_file "$xfs_dir/written" "round $round"
	bg raw put_block "$raw" "round $round" 3
}

# all_well SET LIMIT: the writes of write_all come through within LIMIT ms from
# now, and nothing is left of the set.
all_well()
{
	expect_over "$2" ext4 xfs raw
	wait_for 60 set_is_gone "$1"
	[[ $(<"$ext4_dir/written") == "round $round" && $(<"$xfs_dir/written") == "round $round" ]] ||
		fail "the files' content is wrong"
	[[ $(get_block "$raw" 3) == "round $round" ]] || fail "the block's content is wrong"
	[[ ! $(snapshots) ]] || fail "snapshots are left: $(snapshots)"
	[[ $(volume_field "$raw" snapshots) == 0 ]] || fail "the volume counts a snapshot"
}

next_set_works()
{
	local sum snaps

	sum=$(raw_sha "$raw")
	mapfile -t snaps < <(create "${volumes[@]}")
	((${#snaps[@]} == ${#volumes[@]})) || fail "no set of all volumes"
	put_block "$raw" "after the set" 4
	expect_sha "the next set" "$(image "${snaps[2]}")" "$sum"
	settle
	vssctl delete --quiet "${snaps[@]}"
}

# to_state STATE: a controller "a" that has taken a set so far.
to_state()
{
	ctl_start a "${volumes[@]}" || fail "the set was refused"
	set=${ctl_set[a]}
	[[ $1 == prepared ]] || ctl_ok a "$1"
	write_all
	case $1 in
	frozen | committed) expect_blocked ext4 xfs ;;
	held) expect_blocked ext4 xfs raw ;;
	esac
}

for state in prepared frozen held committed; do
	echo "--- killed when $state"
	to_state "$state"
	ctl_kill a
	all_well "$set" 2000
	ctl_end a
	expect_event set-failed "$set" "Operation canceled"
done
next_set_works

for state in $(cases held -- prepared); do
	echo "--- socket closed when $state"
	to_state "$state"
	ctl_send a quit
	all_well "$set" 2000
	ctl_end a
	expect_event set-failed "$set" "Operation canceled"
done

for state in $(cases frozen committed -- held); do
	echo "--- aborted by another process when $state"
	to_state "$state"
	run_ok set-foreign "$set" abort
	all_well "$set" 2000
	# Its owner learns of it.
	ctl a "done"
	[[ $ctl_answer == "error done ECANCELED "* || $ctl_answer == "error done ENOENT "* ]] ||
		fail "after an abort: $ctl_answer"
	ctl_send a quit
	ctl_end a
	expect_event set-failed "$set" "Operation canceled"
done
next_set_works

# --- killed while a step is under way -------------------------------------------

# The freeze has to write to a slow device, one thing after the other.
run_ok mkfs.ext4 -q "$(disk vd2)" 96M
modprobe dm_delay || skip "no dm-delay"
echo "0 $((96 * 2048)) delay $(disk vd2) 0 0 $(disk vd2) 0 300" | dmsetup create slow
cleanup_push dmsetup remove slow
slow=/dev/mapper/slow
slow_dir=$(mount_tmp "$slow")
echo keep >"$slow_dir/before"
sync -f "$slow_dir"
parts "$(disk vd3)" 32
track "$slow" "$(part "$(disk vd3)" 1)"
volumes+=("$slow")

for how in "kill 0.05" "kill 0.5" "abort 0.3"; do
	read -r how pause <<<"$how"
	echo "--- $how, $pause s into the freeze of a busy file system"
	ctl_start a "${volumes[@]}" || fail "the set was refused"
	for i in {1..20}; do
		dd if=/dev/urandom of="$slow_dir/dirty.$i" bs=64k count=4 status=none
	done
	bg slow put_file "$slow_dir/written" "to and fro"
	sleep 0.1
	ctl_send a "done"
	sleep "$pause"
	if [[ $how == kill ]]; then
		ctl_kill a
	else
		run_ok set-foreign "${ctl_set[a]}" abort
	fi
	write_all
	# What was begun of the flush is ended first.
	expect_over 10000 ext4
	all_well "${ctl_set[a]}" 10000
	expect_over 10000 slow
	if [[ $how == abort ]]; then
		ctl_receive a
		[[ $ctl_answer == "error done ECANCELED "* ]] || fail "after an abort: $ctl_answer"
		ctl_send a quit
	fi
	expect_event set-failed "${ctl_set[a]}" "Operation canceled"
	ctl_end a
done
next_set_works

drop_caches
[[ $(sha256sum "$ext4_dir/before" "$xfs_dir/before") == "$before" ]] || fail "old content has changed"
[[ $(<"$slow_dir/before") == keep ]] || fail "old content has changed"
echo "all content from before is there"
