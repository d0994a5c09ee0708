#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every size of chunks, on a volume that is no multiple of any of them: as many
# chunks are copied as are written to, the incomplete last one among them, and
# whatever is written beside a byte's chunk does not matter.

. "$(dirname "$0")/content-lib.sh"

load_vss
# 12 MiB, a chunk of 4 KiB and three sectors; an area that is no multiple either.
split "$(disk nvme0)" 24587 40001
dev=${parts[0]}
size=$(blockdev --getsize64 "$dev")

for chunk in 4096 16384 65536 262144; do
	fill "$dev" $chunk
	track "$dev" "${parts[1]}" --chunk-size $chunk
	[[ $(vol "$dev" chunk_size) == "$chunk" ]] || fail "the chunk size is not $chunk"
	take_copy "$dev" "$TEST_TMP/copy"
	snap "$dev"
	[[ $(blockdev --getsize64 "${images[0]}") == "$size" ]] || fail "the image has another size"

	# The last sector alone, then the second chunk's first one.
	dd if=/dev/zero of="$dev" bs=512 seek=24586 count=1 oflag=direct status=none
	dd if=/dev/zero of="$dev" bs=512 seek=$((chunk / 512)) count=1 oflag=direct status=none
	[[ $(vol "$dev" chunks_copied) == 2 ]] || fail "two sectors, $(vol "$dev" chunks_copied) chunks"
	[[ $(vol "$dev" area_used) == $((2 * chunk)) ]] || fail "$(vol "$dev" area_used) bytes for two chunks"
	expect_same "chunks of $chunk, two sectors written" "${images[0]}" "$TEST_TMP/copy"

	# Not by mmap: later kernels write all of a large folio that a byte of was touched.
	out=$(churn --seed $chunk --count 60 --max 1M --chunk $chunk \
		--ways buffered,direct,uring,dsync,zero "$dev") || fail "churn has failed"
	echo "$out"
	copied=$(vol "$dev" chunks_copied)
	chunks=$(word chunks <<<"$out")
	((copied >= chunks && copied <= chunks + 2)) || fail "$copied chunks copied, $chunks written to"
	expect_same "chunks of $chunk, many writes" "${images[0]}" "$TEST_TMP/copy"
	expect_changed "chunks of $chunk" "$dev" "$TEST_TMP/copy"
	fill "$dev"
	expect_same "chunks of $chunk, all overwritten" "${images[0]}" "$TEST_TMP/copy"
	chunks=$(((size + chunk - 1) / chunk))
	[[ $(vol "$dev" chunks_copied) == "$chunks" ]] || fail "not each of $chunks chunks was copied once"
	unsnap "${ids[0]}"
	wait_for 20 area_empty "$dev"
	run_ok vssctl detach -q "$dev"
done
