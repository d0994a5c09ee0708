#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Members of a set that are only held, as a storage array copies them: they have no
# diff area, are frozen and held with the others, get no snapshot, and are let go
# with the set or with its controller.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
parts "$disk" 64 32 32
ext4=$(part "$disk" 1)
bare=$(part "$disk" 2)
copied=$(part "$disk" 3)
run_ok mkfs.ext4 -q "$ext4"
fill "$bare"
fill "$copied"
dir=$(mount_tmp "$ext4")
load_vss
track "$copied" "$(disk vd1)"
for volume in "$ext4" "$bare"; do
	run_ok vssctl attach --quiet "$volume"
	cleanup_push _untrack "$volume"
done
! ctl_start refused "$bare" || fail "a snapshot without a diff area"
[[ $ctl_answer == *ENOSPC* ]] || fail "not for want of a diff area: $ctl_answer"

write_all()
{
	bg file put_file "$dir/written" "$1"
	bg bare put_block "$bare" "$1" 3
	bg copied put_block "$copied" "$1" 3
}

all_written()
{
	expect_over 5000 file bare copied
	[[ $(<"$dir/written") == "$1" && $(get_block "$bare" 3) == "$1" &&
	   $(get_block "$copied" 3) == "$1" ]] || fail "what was written is not there"
}

echo "--- one that is copied, two that are held"
sum=$(raw_sha "$bare")
copied_sum=$(raw_sha "$copied")
ctl_start a --hold-timeout 30000 "$copied" "hold:$ext4" "hold:$bare" || fail "the set was refused"
ctl_ok a held
write_all first
expect_blocked file bare copied
# An array's instant: what it copies now is what there was before the hold.
expect_sha "the held volume" "$bare" "$sum"
ctl_ok a committed
expect_over 5000 bare copied
expect_blocked file
ctl_ok a "done"
all_written first
ctl_end a
[[ $(snapshots | wc -l) == 1 ]] || fail "not one snapshot: $(snapshots)"
expect_sha "the image" "$(image "$(snapshots)")" "$copied_sum"
for volume in "$ext4" "$bare"; do
	[[ $(volume_field "$volume" snapshots) == 0 ]] || fail "$volume has a snapshot"
	[[ $(volume_field "$volume" chunks_copied) == 0 ]] || fail "$volume was copied"
done

echo "--- only held ones, and the controller dies"
ctl_start b --hold-timeout 30000 "hold:$bare" "hold:$ext4" "hold:$copied" || fail "the set was refused"
ctl_ok b held
write_all second
expect_blocked file bare copied
ctl_kill b
all_written second
wait_for 60 set_is_gone "${ctl_set[b]}"

echo "--- only held ones, to the end"
ctl_start c "hold:$bare" "hold:$ext4" "hold:$copied" || fail "the set was refused"
ctl_ok c "done"
set=${ctl_set[c]}
write_all third
all_written third
set_is_gone "$set" || fail "something is left of the set"
ctl_end c
[[ $(snapshots | wc -l) == 1 ]] || fail "a set that only holds has made snapshots"
# They can be let go at once.
run_ok vssctl detach --quiet "$bare"
