#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rules of IVssDifferentialSoftwareSnapshotMgmt, as diff areas have them here: what
# is refused and with which code, and that a diff area of another size makes right images.
#
# PRV-035..042, CLI-015, CTX-041
# vm: timeout=300

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 24 24
parts "$areas" 160 16
volume=$(part "$disk" 1)
second=$(part "$disk" 2)
device=$(part "$areas" 2)
run_ok mkfs.ext4 -q "$(part "$areas" 1)"
dir=$(mount_tmp "$(part "$areas" 1)")
fill "$volume"
load_vss

# image_right WHAT: of a new snapshot, while the volume is overwritten.
image_right()
{
	local snap sum

	sum=$(raw_sha "$volume")
	snap=$(create "$volume")
	scribble "$volume" 200
	expect_sha "$1" "$(image "$snap")" "$sum"
	settle
	run_ok vssctl delete --quiet "$snap"
}

area_size()
{
	volume_field "$volume" area_size
}

# roughly MIB: the diff area has it, less the ends of files that hold no whole chunk.
roughly()
{
	local size

	size=$(area_size)
	((size <= $1 << 20 && size > ($1 - 1) << 20)) || fail "the diff area has $size instead of $1 MiB"
}

echo "--- what there is not (PRV-040)"
vssctl attach --quiet "$volume"
cleanup_push _untrack "$volume"
expect_fail -s 3 -m VSS_E_OBJECT_NOT_FOUND vssctl diff-area resize "$volume" 20M
expect_fail -s 3 -m VSS_E_OBJECT_NOT_FOUND vssctl diff-area resize "$volume" 0
expect_fail -s 3 -m VSS_E_OBJECT_NOT_FOUND vssctl diff-area resize "$second" 20M
expect_fail -s 3 -m VSS_E_OBJECT_NOT_FOUND vssctl diff-area remove "$volume" --id 0

echo "--- the least size, and one of no bounds (PRV-035)"
run_ok vssctl diff-area add "$volume" --file "$dir/area" --size 1
roughly 1
expect_fail -s 1 -m E_INVALIDARG vssctl diff-area resize "$volume" 1023K
expect_fail -s 1 -m auto-grow vssctl diff-area resize "$volume" unlimited
roughly 1

echo "--- larger, and more than there is room for (PRV-041)"
run_ok vssctl diff-area resize "$volume" 24M
roughly 24
before=$(vssctl diff-area list --json "$volume")
expect_fail -s 6 -m VSS_E_INSUFFICIENT_STORAGE vssctl diff-area resize "$volume" 2G
expect_fail -s 6 -m VSS_E_INSUFFICIENT_STORAGE vssctl diff-area add "$volume" --file "$dir" --size 2G
[[ $(vssctl diff-area list --json "$volume") == "$before" ]] || fail "something has changed"
[[ $(find "$dir" -type f | wc -l) == 2 ]] || fail "files are left: $(ls -lA "$dir")"
image_right "after it has grown"

echo "--- the same one twice (PRV-036)"
run_ok vssctl diff-area add "$volume" --on "$device"
expect_fail -s 4 -m VSS_E_OBJECT_ALREADY_EXISTS vssctl diff-area add "$volume" --on "$device"
expect_fail -s 4 -m VSS_E_OBJECT_ALREADY_EXISTS vssctl diff-area add --force "$volume" --on "$device"
expect_fail -s 4 -m VSS_E_OBJECT_ALREADY_EXISTS vssctl diff-area add "$volume" --file "$dir/area" --size 8M
roughly 40
# Another volume's is in use for this one.
vssctl attach --quiet "$second"
cleanup_push _untrack "$second"
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl diff-area add "$second" --on "$device"

echo "--- smaller: parts go, newest first, and a file is cut (PRV-042)"
run_ok vssctl diff-area resize "$volume" 20M
[[ $(vssctl diff-area list --json "$volume" | json device | grep -cx "$device") == 0 ]] || fail "the device is left"
roughly 20
image_right "after it has shrunk"
run_ok mkfs.ext4 -q -F "$device"
run_ok wipefs -q -a "$device"

echo "--- while there are snapshots (PRV-037 PRV-039 PRV-042)"
sum=$(raw_sha "$volume")
snap=$(create "$volume")
# Room may come at any time, for it holds nothing yet; parts may not go.
run_ok vssctl diff-area add "$volume" --on "$device"
roughly 36
run_ok vssctl diff-area resize "$volume" 40M
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl diff-area resize "$volume" 0
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl diff-area resize "$volume" 16M
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl diff-area remove "$volume" "$device"
roughly 40
scribble "$volume" 200
expect_sha "its image" "$(image "$snap")" "$sum"
settle
run_ok vssctl diff-area resize --force "$volume" 16M
[[ ! $(snapshots) ]] || fail "the snapshot is still there"
roughly 16
image_right "after it has shrunk by force"

echo "--- on the volume itself, room comes only without snapshots (PRV-037)"
run_ok mkfs.ext4 -q -F "$second"
own=$(mount_tmp "$second")
run_ok vssctl diff-area add "$second" --file "$own/area" --size 4M
settle
own_snap=$(create "$second")
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl diff-area add "$second" --file "$own/more" --size 1M
expect_fail -s 4 -m VSS_E_VOLUME_IN_USE vssctl diff-area resize "$second" 8M
[[ ! -e $own/more && $(snapshot_field "$own_snap" state) == alive ]] || fail "it has changed something"
settle
run_ok vssctl delete --quiet "$own_snap"
run_ok vssctl diff-area resize "$second" 0
[[ $(volume_field "$second" area_size) == 0 && ! -e $own/area ]] || fail "something is left of it"
run_ok vssctl detach --quiet "$second"
run_ok umount "$own"

echo "--- as many as there may be (PRV-038)"
for ((i = $(vssctl diff-area list --json "$volume" | json part | wc -l); i < 64; i++)); do
	fallocate -l 128K "$dir/part$i"
done
sync -f "$dir"
for file in "$dir"/part*; do
	area-raw "$volume" "$file" >"$TEST_TMP/raw" || fail "$file: $(<"$TEST_TMP/raw")"
done
expect_fail -s 6 -m VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED vssctl diff-area add "$volume" --file "$dir/last" --size 1M
expect_fail -s 6 -m VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED vssctl diff-area add "$volume" --on "$device"
[[ ! -e $dir/last ]] || fail "the file is left"

echo "--- nothing (PRV-039)"
run_ok vssctl diff-area resize "$volume" 0
[[ $(area_size) == 0 && ! $(find "$dir" -type f) ]] || fail "left: $(vssctl diff-area list; ls -lA "$dir")"
expect_fail -s 6 -m VSS_E_INSUFFICIENT_STORAGE vssctl create "$volume" --diff-area "$dir" --diff-area-size 2G

echo "--- a volume whose file system could hold no diff area (CTX-041)"
need mkfs.minix
run_ok mkfs.minix -3 "$second"
second_dir=$(mount_tmp "$second")
expect_fail -s 7 -m "not on ext4 or XFS" vssctl create "$second" --diff-area "$second_dir" --diff-area-size 4M
run_ok vssctl create --quiet "$second" --diff-area "$dir" --diff-area-size 4M

echo "--- everything goes when that was meant (CLI-015)"
run_ok vssctl diff-area add --quiet "$volume" --on "$device"
run_ok vssctl create --quiet "$volume" "$second"
settle
need script
for answer in n "" nonsense; do
	script -qec "vssctl delete --all" -O "$TEST_TMP/typed" <<<"$answer" >/dev/null && fail "\"$answer\" is no yes"
	grep -q "delete all 3 snapshots of this machine" "$TEST_TMP/typed" || fail "not asked: $(<"$TEST_TMP/typed")"
	grep -q "nothing was deleted" "$TEST_TMP/typed" || fail "not told: $(<"$TEST_TMP/typed")"
	script -qec "vssctl delete --volume $second --all" -O "$TEST_TMP/typed" <<<"$answer" >/dev/null && fail "\"$answer\" is no yes"
	grep -q "delete all 2 snapshots of $second" "$TEST_TMP/typed" || fail "not asked: $(<"$TEST_TMP/typed")"
done
[[ $(snapshots | wc -l) == 3 ]] || fail "something was deleted"
script -qec "vssctl delete --volume $second --all" -O "$TEST_TMP/typed" <<<y >/dev/null || fail "$(<"$TEST_TMP/typed")"
[[ $(snapshots | wc -l) == 1 ]] || fail "left: $(snapshots)"
run_ok vssctl create --quiet "$second"
settle
# Nobody to ask: a script says what it means.
run_ok vssctl delete --all </dev/null
[[ ! $(snapshots) ]] || fail "left: $(snapshots)"
expect_fail -s 3 vssctl delete --all
run_ok vssctl create --quiet "$second"
settle
script -qec "vssctl delete --yes --all" -O "$TEST_TMP/typed" </dev/null >/dev/null || fail "$(<"$TEST_TMP/typed")"
! grep -q "\[y/N\]" "$TEST_TMP/typed" || fail "it asks in spite of --yes"
[[ ! $(snapshots) ]] || fail "left: $(snapshots)"
expect_fail -s 1 vssctl delete --all --set 00000000-0000-0000-0000-000000000001
expect_fail -s 1 vssctl delete --oldest
run_ok umount "$second_dir"
run_ok vssctl detach "$second"
run_ok vssctl detach "$volume"
