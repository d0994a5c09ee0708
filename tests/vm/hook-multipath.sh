#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is written to a multipath device does not pass its paths as bios: a path is
# refused as a volume, the device is taken, and its image is right, on either path. A
# tracked disk that becomes a path has no snapshots any more.

. "$(dirname "$0")/content-lib.sh"

modprobe dm_multipath || skip "no dm-multipath"
modprobe dm_round_robin || skip "no dm-round-robin"
# One LUN, twice: the hosts share what they store.
modprobe scsi_debug dev_size_mb=24 add_host=2 delay=0 || skip "no scsi_debug"
settle
mapfile -t paths < <(lsblk -dnpo NAME,MODEL | awk '/scsi_debug/ { print $1 }' | sort)
((${#paths[@]} == 2)) || fail "paths: ${paths[*]}"
numbers=()
for path in "${paths[@]}"; do
	numbers+=("$(<"/sys/block/${path##*/}/dev")")
done
sectors=$(blockdev --getsz "${paths[0]}")
# make_multipath [OPTION]...: with the UUID that multipath gives, or with another name, or none.
make_multipath()
{
	dmsetup create both "$@" \
		--table "0 $sectors multipath 0 0 1 1 round-robin 0 2 1 ${numbers[0]} 5 ${numbers[1]} 5"
}

load_vss
fill "${paths[0]}"
for kind in '' --persistent; do
	echo "--- a disk with snapshots becomes a path $kind"
	run_ok vssctl attach -q "${paths[0]}"
	# shellcheck disable=SC2086 # none or one
	run_ok vssctl diff-area add -q --force "${paths[0]}" --on "$(disk vd1)" $kind
	take_copy "${paths[0]}" "$TEST_TMP/before"
	snap --no-freeze "${paths[0]}"
	settle
	expect_same "before that" "${images[0]}" "$TEST_TMP/before"
	make_multipath --uuid mpath-vss-test
	settle
	# On whichever path.
	dd if=/dev/urandom of=/dev/mapper/both bs=64k seek=20 count=1 oflag=direct conv=notrunc status=none
	! dd if="${images[0]}" of=/dev/null bs=64k count=1 iflag=direct status=none || fail "its image can be read"
	wait_for 20 eval "[[ \$(vssctl show --json ${ids[0]} | json state) == lost ]]"
	[[ $(vssctl show --json "${ids[0]}" | json lost_reason) == untracked ]] || fail "$(vssctl list)"
	expect_fail -m "is a path of the multipath device" vssctl create --no-freeze "${paths[0]}"
	unsnap "${ids[0]}"
	settle
	dmsetup remove --retry both
	# Who asked a moment before that would not know.
	expect_fail -m "a path of a multipath device" vssctl create --no-freeze "${paths[0]}"
	run_ok vssctl detach -q --force "${paths[0]}"
	blockdev --flushbufs "$(disk vd1)"
	[[ ! $kind ]] || vssctl diff-area check "$(disk vd1)"
done

echo "--- while a set is held, of a disk that somebody else copies"
: >"$TEST_TMP/steps"
is_held()
{
	grep -q '^ok held' "$TEST_TMP/steps"
}
run_ok vssctl attach -q "${paths[0]}"
{
	echo held
	wait_for 20 is_held
	make_multipath >&2
	echo committed
	echo "done"
} | set-steps --no-freeze --hold-timeout 60000 "hold:${paths[0]}" >"$TEST_TMP/steps" || :
cat "$TEST_TMP/steps"
grep -q '^error done ESTALE' "$TEST_TMP/steps" || fail "its instant is taken for one"
settle
dmsetup remove --retry both
run_ok vssctl detach -q --force "${paths[0]}"

make_multipath
cleanup_push eval 'vssctl detach -q --force /dev/mapper/both 2>/dev/null; dmsetup remove --retry both'
settle
volume=/dev/mapper/both

for path in "${paths[@]}"; do
	expect_fail -m "is a path of the multipath device" vssctl attach "$path"
done
dmsetup remove --retry both
make_multipath --uuid mpath-vss-test
settle
for path in "${paths[@]}"; do
	expect_fail -m "is a path of the multipath device" vssctl attach "$path"
done
fill "$volume"
track "$volume" "$(disk vd0)"

# written: how much each path has written.
written()
{
	local path

	for path in "${paths[@]}"; do
		awk '{ print $5 }' "/sys/block/${path##*/}/stat"
	done
}

mapfile -t first < <(written)
before=$(vol "$volume" chunks_copied)
churn --seed 3 --count 0 --max 256K --jobs 2 "$volume" >"$TEST_TMP/churn" &
load=$!
for n in 1 2 3; do
	sleep 1
	((n != 2)) || dmsetup message both 0 "fail_path ${numbers[0]}"
	((n != 3)) || dmsetup message both 0 "reinstate_path ${numbers[0]}"
	snap_busy --no-freeze "$volume=${paths[1]}:0"
	expect_same "snapshot $n" "${images[0]}" "${copies[0]}"
	all_images[n]=${images[0]} all_copies[n]=${copies[0]}
done
kill $load
wait $load || fail "churn has failed"
expect_copied "under load" "$volume" "$before"
for n in 1 2 3; do
	expect_same "snapshot $n, afterwards" "${all_images[n]}" "${all_copies[n]}"
done
mapfile -t last < <(written)
for n in 0 1; do
	((last[n] > first[n])) || fail "nothing was written by ${paths[n]}"
done
