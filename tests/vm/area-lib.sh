# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # volume is the test's
#
# Helpers for tests of a diff area in trouble: $volume is written to, and a file in
# memory, $TEST_TMP/model, holds what it must contain. To be sourced instead of set-lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/set-lib.sh"

# overwrite FIRST COUNT: as many chunks get new content, in the model as well. write_size is
# that of the writes.
overwrite()
{
	dd if=/dev/urandom of="$TEST_TMP/new" bs=16k count="$2" iflag=fullblock status=none
	dd if="$TEST_TMP/new" of="$volume" bs="${write_size:-256k}" oflag=direct,seek_bytes seek=$(($1 * 16384)) \
		conv=notrunc status=none || fail "a write to the origin failed"
	dd if="$TEST_TMP/new" of="$TEST_TMP/model" bs=64k oflag=seek_bytes seek=$(($1 * 16384)) \
		conv=notrunc status=none
}

# origin_right: the volume has exactly what was written to it.
origin_right()
{
	dd if="$volume" bs=1M iflag=direct status=none | cmp - "$TEST_TMP/model" ||
		fail "the origin's content is wrong"
}
