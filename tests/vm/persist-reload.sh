#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Snapshots in a persistent diff area outlive a detach and the module's unloading:
# images are as the volume was, before and after, and the offline reader finds
# what the module finds. A volume that was written meanwhile has lost them, and
# says so. LONG=1 asks more file systems what they tell of a mount.
# vm: timeout=1000

. "$(dirname "$0")/persist-lib.sh"

split "$(disk vd0)" 16M
volume=${parts[0]}
split "$(disk vd1)" 40M
area=${parts[0]}
dd if=/dev/urandom of="$volume" bs=1M count=16 status=none oflag=direct || fail "cannot fill $volume"
load_vss

# offline NAME: prints a figure of the offline reader's.
offline()
{
	vssctl diff-area check --json "$area" >"$TEST_TMP/check.json" ||
		{ cat "$TEST_TMP/check.json"; fail "the area is not sound"; }
	json "$1" <"$TEST_TMP/check.json" | head -n 1
}

# away: detaches the volume and unloads the module.
away()
{
	settle
	run_ok vssctl detach -q "$volume"
	run_ok rmmod vss
}

# back [OPTION]...: loads the module and the area.
back()
{
	load_vss
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area load -q "$@" "$volume" "$area"
	settle
}

# back_lost REASON: the same, and all is lost.
back_lost()
{
	load_vss
	run_ok vssctl attach -q "$volume"
	load_lost "$1" "$volume" "$area"
	settle
}

# What would be lost is not overwritten.
split "$(disk vd3)" 64M
other=${parts[0]}
mkfs.ext4 -q "$area"
mkfs.ext4 -q "$other"
run_ok vssctl attach -q "$volume"
run_ok vssctl attach -q "$other"
expect_fail -s 4 -m 'contains ext4' vssctl diff-area add -q "$volume" --on "$area" --persistent
expect_fail -s 7 -m 'lies on' vssctl diff-area add -q "$volume" --on "$(disk vd0)" --persistent --force
dir=$(mount_tmp "$other")
truncate -s 40M "$dir/file"
loop=$(losetup --find --show "$dir/file")
expect_fail -s 7 -m "$loop lies on $other" vssctl diff-area add -q "$other" --on "$loop" --persistent --force
losetup -d "$loop"
umount "$dir"
run_ok vssctl detach -q "$other"

run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent --force
expect_fail -s 7 -m 'block devices only' vssctl diff-area add -q "$volume" --file "$TEST_TMP/part"

for n in 1 2 3; do
	take "$volume"
	writes "$volume" $((300 * n))
done
used=$(vol "$volume" area_used)
writes=$(vol "$volume" area_writes)
echo "used: $used, data writes to the area: $writes"
((used > 0)) || fail "nothing was copied"

compare 'at first'
away
[[ $(offline used) == "$used" ]] || fail "offline $(offline used), module $used bytes in use"
vssctl diff-area dump "$area"

# "add" in place of "load" harms nothing.
load_vss
run_ok vssctl attach -q "$volume"
for kind in '' --persistent; do
	# shellcheck disable=SC2086 # it may be none
	expect_fail -s 4 -m 'holds a persistent diff area' vssctl diff-area add -q "$volume" --on "$area" $kind
done
expect_fail -s 4 -m 'holds a persistent diff area' vssctl create -q --diff-area "$area" "$volume"
run_ok vssctl detach -q "$volume"
# Nor does another chunk size.
run_ok vssctl attach -q --chunk-size 64K "$volume"
expect_fail -s 2 -m 'with --chunk-size 16K' vssctl diff-area load -q "$volume" "$area"
expect_fail -s 2 -m 'with --chunk-size 16K' vssctl diff-area load -q --unclean "$volume" "$area"
run_ok vssctl detach -q "$volume"
run_ok rmmod vss
back
[[ $(vol "$volume" area_used) == "$used" ]] || fail "in use: $(vol "$volume" area_used), before $used"
compare 'loaded again'

# It goes on: new copies, the middle one goes, a fourth comes.
writes "$volume" 400
drop 1
take "$volume"
writes "$volume" 400
compare 'gone on'
used=$(vol "$volume" area_used)
away
[[ $(offline used) == "$used" ]] || fail "offline $(offline used), module $used bytes in use"
back
compare 'loaded once more'

# In use: neither detached, nor lost.
mkdir -p "$TEST_TMP/m"
exec 9>"$volume"
expect_fail -m 'in use' vssctl detach -q "$volume"
exec 9>&-
compare 'after a detach that was refused'

# It has had other snapshots since it was attached, of the same epochs.
away
load_vss
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q --force "$volume" --on "$(disk vd2)"
snap "$volume"
unsnap "${ids[@]}"
run_ok vssctl diff-area remove -q "$volume" "$(disk vd2)"
run_ok vssctl diff-area load -q "$volume" "$area"
settle
compare 'behind others'
writes "$volume" 100
compare 'behind others, written'

# What somebody has left in the page cache is written, and copied for, before it goes.
dd if=/dev/urandom of="$volume" bs=4k count=512 seek=700 conv=notrunc status=none
settle
run_ok vssctl detach -q "$volume"
run_ok rmmod vss
back
compare 'with the page cache full'

# And in that of the disk that it is a partition of: nobody's close writes it.
start=$(cat "/sys/class/block/${volume##*/}/start")
dd if=/dev/urandom of="$(disk vd0)" bs=4k count=512 seek=$((start / 8 + 1300)) conv=notrunc status=none
settle
run_ok vssctl detach -q "$volume"
run_ok rmmod vss
back
compare 'with the page cache of the disk full'

# A block of the log is zeroed; the log begins behind 64 KiB of superblocks.
away
dd if="$area" of="$TEST_TMP/area" bs=1M status=none
half=$(json half <"$TEST_TMP/check.json" | sed -n 1p)
slots=$(json log_slots <"$TEST_TMP/check.json" | sed -n 1p)
blocks=$(json blocks <"$TEST_TMP/check.json" | sed -n 1p)
dd if=/dev/zero of="$area" bs=512 count=1 seek=$((128 + half * slots * 32 + blocks - 2)) oflag=direct status=none
expect_fail -s 2 -m damage vssctl diff-area check "$area"
back_lost damaged
all_lost damaged
expect_fail vssctl create -q "$volume"
run_ok vssctl detach -q "$volume"
run_ok rmmod vss
dd if="$TEST_TMP/area" of="$area" bs=1M oflag=direct status=none
back
compare 'the area as it was'

# In use: whoever has it may have written to it.
away
load_vss
run_ok vssctl attach -q "$volume"
exec 9>"$volume"
expect_fail -s 4 -m 'has the volume open' vssctl diff-area load -q "$volume" "$area"
exec 9>&-
settle
run_ok vssctl diff-area load -q "$volume" "$area"
settle
compare 'after a load that was refused'

# Written while nobody looked, by what leaves no trace elsewhere.
away
dd if=/dev/urandom of="$volume" bs=512 count=1 seek=$((RANDOM % 32768)) oflag=direct conv=notrunc status=none
back_lost untracked
all_lost untracked
expect_fail vssctl create -q "$volume"
unsnap "${names[@]}"
run_ok vssctl detach -q "$volume"

# Somebody wants it so, with a file system; the least that is written to one: its superblock,
# which has its own checksum at its end.
mkfs.ext4 -q -F "$volume"
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
sums=() names=()
take "$volume"
away
run_ok tune2fs -L other "$volume"
back_lost untracked
all_lost untracked
# No damage, and nothing to rely on.
run_ok vssctl detach -q "$volume"
vssctl diff-area check "$area" >"$TEST_TMP/check" 2>&1 || fail "the area is damaged: $(<"$TEST_TMP/check")"
[[ $(<"$TEST_TMP/check") == *"lost (untracked)"* && $(<"$TEST_TMP/check") != *sound* ]] ||
	fail "it is not told that all is lost: $(<"$TEST_TMP/check")"
vssctl diff-area check --json "$area" | grep '"lost_reason": *"untracked"' || fail "nor to programs"

run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
sums=() names=()
take "$volume"
writes "$volume" 100
compare 'made anew'
settle
run_ok vssctl delete -q "${names[0]}"
run_ok vssctl detach -q "$volume"

# Of a large one only samples are taken: these tell of mounts, and of nothing else.
truncate -s 1100M "$TEST_TMP/large"
large=$(losetup --find --show "$TEST_TMP/large")
cleanup_push losetup -d "$large"
kinds=(none partitions 'ext4 -E lazy_itable_init=1')
[[ ! ${LONG:-} ]] || kinds+=('xfs -m crc=0' xfs btrfs)
for fs in "${kinds[@]}"; do
	echo "--- $fs"
	wipefs -qa "$large"
	case $fs in
	none) ;;
	partitions)
		# with what was there before
		run_ok mkfs.ext4 -q "$large"
		echo 2048,4096,L | run_ok sfdisk -q --wipe never --no-reread "$large"
		;;
	*)
		# shellcheck disable=SC2086 # it has options
		run_ok mkfs.$fs "$large" >/dev/null
	esac
	run_ok vssctl attach -q "$large"
	run_ok vssctl diff-area add -q --force "$large" --on "$area" --persistent
	snap "$large"
	names=("${ids[@]}")
	settle
	run_ok vssctl detach -q "$large"
	run_ok vssctl attach -q "$large"
	if [[ $fs == none || $fs == partitions || $fs == *crc=0 ]]; then
		load_lost untracked "$large" "$area"
		all_lost untracked
	else
		run_ok vssctl diff-area load -q "$large" "$area"
		[[ $(vssctl show --json "${names[0]}" | json state) == alive ]] || fail "it is not alive: $(vssctl list)"
		settle
		run_ok vssctl detach -q "$large"
		dir=$(mount_tmp "$large")
		umount "$dir"
		run_ok vssctl attach -q "$large"
		load_lost untracked "$large" "$area"
		all_lost untracked
	fi
	settle
	unsnap "${names[@]}"
	run_ok vssctl detach -q "$large"
done

# Where nothing can be wrong it may be in use.
run_ok mkfs.ext4 -q "$large"
run_ok vssctl attach -q "$large"
run_ok vssctl diff-area add -q --force "$large" --on "$area" --persistent
run_ok vssctl detach -q "$large"
dir=$(mount_tmp "$large")
run_ok vssctl attach -q "$large"
run_ok vssctl diff-area load -q "$large" "$area"
snap "$large"
# But it is not to be left so.
expect_fail -m 'in use' vssctl detach -q "$large"
settle
unsnap "${ids[@]}"
run_ok vssctl detach -q "$large"
umount "$dir"

# A person may know better.
wipefs -qa "$large"
run_ok vssctl attach -q "$large"
run_ok vssctl diff-area add -q --force "$large" --on "$area" --persistent
snap "$large"
settle
run_ok vssctl detach -q "$large"
run_ok vssctl attach -q "$large"
run_ok vssctl diff-area load -q --unclean "$large" "$area"
[[ $(vssctl show --json "${ids[0]}" | json state) == alive ]] || fail "it is not alive: $(vssctl list)"
settle
unsnap "${ids[@]}"
run_ok vssctl detach -q "$large"

# One that cannot be read for a moment has not been written for that.
split "$(disk vd3)" 100M
sectors=32768
run_ok dmsetup create frail --table "0 $sectors linear ${parts[0]} 0"
cleanup_push dmsetup remove --retry frail
settle
volume=/dev/mapper/frail
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
sums=() names=()
take "$volume"
writes "$volume" 100
settle
run_ok vssctl detach -q "$volume"
run_ok dmsetup suspend frail
printf '%s\n' "0 20480 linear ${parts[0]} 0" "20480 2048 error" \
	"22528 $((sectors - 22528)) linear ${parts[0]} 22528" | run_ok dmsetup load frail
run_ok dmsetup resume frail
settle
run_ok vssctl attach -q "$volume"
expect_fail -m 'cannot be read' vssctl diff-area load -q "$volume" "$area"
run_ok vssctl detach -q "$volume"
run_ok dmsetup suspend frail
run_ok dmsetup load frail --table "0 $sectors linear ${parts[0]} 0"
run_ok dmsetup resume frail
settle
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area load -q "$volume" "$area"
settle
compare 'readable again'
unsnap "${names[0]}"
run_ok vssctl detach -q "$volume"
run_ok dmsetup remove --retry frail
[[ ${LONG:-} ]] || exit 0

# One that reads slowly: all of it lasts longer than anything is waited for, and no part of it does.
split "$(disk vd3)" 100M
dmsetup create slow --table "0 204800 delay ${parts[0]} 0 0 ${parts[0]} 0 0"
cleanup_push dmsetup remove --retry slow
settle
volume=/dev/mapper/slow
echo 3 >/sys/module/vss/parameters/stall_seconds
run_ok vssctl attach -q "$volume"
run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
sums=() names=()
take "$volume"
writes "$volume" 100
settle
dmsetup suspend slow
dmsetup load slow --table "0 204800 delay ${parts[0]} 0 40 ${parts[0]} 0 0"
dmsetup resume slow
SECONDS=0
run_ok vssctl detach -q "$volume"
((SECONDS > 10)) || fail "it was not slow: $SECONDS s"
run_ok vssctl attach -q "$volume"
SECONDS=0
run_ok vssctl diff-area load -q "$volume" "$area"
((SECONDS > 10)) || fail "it was not slow: $SECONDS s"
dmsetup suspend slow
dmsetup load slow --table "0 204800 delay ${parts[0]} 0 0 ${parts[0]} 0 0"
dmsetup resume slow
settle
compare 'a slow one'
run_ok vssctl delete -q "${names[0]}"
run_ok vssctl detach -q "$volume"
