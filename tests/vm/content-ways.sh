#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whatever way data is changed by, the image stays what the volume was, and the
# volume becomes what was written.

. "$(dirname "$0")/content-lib.sh"

load_vss
split "$(disk vd0)" 32M 48M
dev=${parts[0]}
fill "$dev"
track "$dev" "${parts[1]}"

seed=100

# try WAY [CHURN-OPTION]...: works on the volume with a snapshot there. Leaves what
# churn tells in out.
try()
{
	local way=$1 before chunks

	shift
	seed=$((seed + 1))
	take_copy "$dev" "$TEST_TMP/copy"
	before=$(vol "$dev" chunks_copied)
	snap "$dev"
	out=$(churn --seed $seed "$@" "$dev") || fail "$way: churn has failed"
	echo "$way: $out"
	expect_same "$way" "${images[0]}" "$TEST_TMP/copy"
	copied=$(($(vol "$dev" chunks_copied) - before))
	chunks=$(word chunks <<<"$out")
	if [[ $way == discard ]]; then
		# A hint is not worth a copy.
		((copied == 0)) || fail "$copied chunks were copied for a discard"
	else
		expect_changed "$way" "$dev" "$TEST_TMP/copy"
		((copied == chunks)) || fail "$way: $copied chunks copied, $chunks written to"
	fi
	unsnap "${ids[0]}"
}

# Once for all: an image is right before anything is written, too.
take_copy "$dev" "$TEST_TMP/copy"
snap "$dev"
expect_same "untouched" "${images[0]}" "$TEST_TMP/copy"
unsnap "${ids[0]}"

for way in buffered direct vector uring mmap dsync flush zero punch discard; do
	# Zeroes from before would look like discarded ones.
	[[ $way != discard ]] || fill "$dev"
	try $way --ways $way --count 80
	case $way in
	uring) (($(word nowait <<<"$out"))) || fail "no write with RWF_NOWAIT went through" ;;
	punch) (($(word punch <<<"$out"))) || fail "the disk knows no write-zeroes" ;;
	discard) (($(word kept <<<"$out") && ! $(word gone <<<"$out"))) || fail "what a snapshot needs was discarded" ;;
	esac
done

# All of it with one command.
fill "$dev"
take_copy "$dev" "$TEST_TMP/copy"
before=$(vol "$dev" chunks_copied)
snap "$dev"
run_ok blkdiscard -f "$dev"
expect_same "the whole volume discarded" "${images[0]}" "$TEST_TMP/copy"
same "$dev" "$TEST_TMP/copy" || fail "what a snapshot needs was discarded"
[[ $(vol "$dev" chunks_copied) == "$before" ]] || fail "chunks were copied for a discard"
run_ok blkdiscard -f -z "$dev"
expect_same "the whole volume zeroed" "${images[0]}" "$TEST_TMP/copy"
[[ $(vol "$dev" chunks_copied) == $((before + 2048)) ]] || fail "not each chunk was copied once"
cmp -n $((32 << 20)) "$dev" /dev/zero || fail "the volume does not hold zeroes"
