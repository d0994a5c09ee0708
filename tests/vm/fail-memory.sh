#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# At each place where the module asks for memory it gets none, once and then for ever:
# what was asked of it may fail, but the volume's own I/O does not, no image is wrong,
# nothing is left behind, and the module can be unloaded and loaded again. Here with
# diff areas that are gone with the module; fail-memory-persist has one that stays.
# vm: timeout=900

. "$(dirname "$0")/fail-memory-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 24
parts "$areas" 16 32
volume=$(part "$disk" 1)
area=$(part "$areas" 1)
run_ok mkfs.ext4 -q "$volume"
run_ok mkfs.ext4 -q "$(part "$areas" 2)"
dir=$(mount_tmp "$volume")
home=$(mount_tmp "$(part "$areas" 2)")

# All that the module does. Only what must not fail is looked at: the volume, and an
# image that claims to be good.
life()
{
	local snap='' image before

	begin_life || return 0
	try vssctl attach "$volume"
	try vssctl diff-area add --force "$volume" --on "$area"
	try vssctl diff-area add "$volume" --file "$home/area" --size 8M
	head -c 1M /dev/urandom >"$dir/old"
	sync -f "$dir"
	before=$(sha256sum <"$dir/old")
	snap=$(vssctl create --json "$volume" 2>>"$TEST_TMP/tried" | json id) ||
		failures=$((failures + 1))
	# What is written from here on is refused nothing by the file system.
	head -c 1M /dev/urandom >"$TEST_TMP/new"
	cat "$TEST_TMP/new" 1<>"$dir/old"
	sync -f "$dir"
	echo 1 >/proc/sys/vm/drop_caches
	cmp "$dir/old" "$TEST_TMP/new" || fail "the volume does not hold what was written to it"
	if [[ $snap && -b /dev/vss/by-id/$snap ]]; then
		image=$TEST_TMP/image
		mkdir -p "$image"
		if mount -o ro,noload "/dev/vss/by-id/$snap" "$image" 2>/dev/null; then
			if sha256sum <"$image/old" >"$TEST_TMP/sum" 2>/dev/null; then
				[[ $(<"$TEST_TMP/sum") == "$before" ]] || fail "the image is wrong"
				good=$((good + 1))
			fi
			umount "$image"
		fi
		try vssctl set-writable "$snap" on
		try dd if="$TEST_TMP/new" of="/dev/vss/by-id/$snap" bs=64k count=2 seek=8 oflag=direct
		settle
		try vssctl delete --force "$snap"
	fi
	try vssctl status
	try vssctl detach --force "$volume"
	end_life "$volume"
	rm -f "$home/area"
}

each_place
