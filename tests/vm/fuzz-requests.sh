#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random requests over netlink: every one is answered, none by a stranger is taken,
# and afterwards the module works. FUZZ_REQUESTS is their number (3000, in the long form
# 100000), FUZZ_SEED repeats a run.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 32 48 16
parts "$areas" 16 32 64
plain=$(part "$disk" 1)
ext4=$(part "$disk" 2)
home=$(part "$areas" 3)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.ext4 -q "$home"
dir=$(mount_tmp "$ext4")
home_dir=$(mount_tmp "$home")
load_vss

# As another boot has left it: loaded only by whoever vouches for the volume.
run_ok half-told "$(part "$areas" 2)" "$(blockdev --getsize64 "$plain")"
blockdev --flushbufs "$(part "$areas" 2)"
requests=${LONG:+100000}
run_ok genl-fuzz --count "${FUZZ_REQUESTS:-${requests:-3000}}" --seed "${FUZZ_SEED:-$RANDOM}" \
	--folder "$dir" --folder "$home_dir" --folder "$TEST_TMP" \
	--file "$home_dir/one" --file "$home_dir/two" --file "$TEST_TMP/file" \
	"$plain" "$ext4" "$(part "$disk" 3)" "$(part "$areas" 1)" "$(part "$areas" 2)" "$disk"
[[ ! $(vssctl status --json | json volume) ]] || fail "something is still tracked"

echo "--- afterwards"
# Files that were pinned are free again, file systems thawed. Extents told by chance may
# have had copies written anywhere on the files' own.
run_ok rm "$home_dir/one" "$home_dir/two"
run_ok touch "$dir/written"
run_ok umount "$dir" "$home_dir"
run_ok fsck.ext4 -fn "$ext4"
fill "$plain"
track "$plain" "$(part "$areas" 2)"
sum=$(raw_sha "$plain")
snap=$(create "$plain")
fill "$plain"
[[ $(raw_sha "$plain") != "$sum" ]] || fail "nothing was written"
expect_sha "a snapshot after that" "$(image "$snap")" "$sum"
run_ok vssctl doctor
settle
run_ok vssctl delete --quiet "$snap"
