#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes to a whole disk hit the tracked partitions on it, several with one write,
# and writes to a partition hit the tracked disk.

. "$(dirname "$0")/content-lib.sh"

load_vss
disk=$(disk sd0)
area=$(disk vd0)
# The second partition is not tracked, the third is no multiple of the chunk.
split "$disk" 10M 3M 20001 5M
mapfile -t p < <(printf '%s\n' "${parts[@]}")
split "$area" 64M 64M 64M

# --- tracked partitions ---------------------------------------------------------

for i in 0 2 3; do
	fill "${p[i]}" $i
	take_copy "${p[i]}" "$TEST_TMP/copy$i"
done
track "${p[0]}" "${parts[0]}"
track "${p[2]}" "${parts[1]}" --chunk-size 64K
track "${p[3]}" "${parts[2]}"
snap "${p[0]}" "${p[2]}" "${p[3]}"

# expect_all WHAT
expect_all()
{
	expect_same "$1" "${images[0]}" "$TEST_TMP/copy0"
	expect_same "$1" "${images[1]}" "$TEST_TMP/copy2"
	expect_same "$1" "${images[2]}" "$TEST_TMP/copy3"
}

# Between the partition tables at both ends.
churn --seed 3 --count 80 --ways direct,vector,uring,dsync,flush --max 1M \
	--offset 1M --length 28M "$disk"
expect_all "small writes to the disk"
for way in discard direct zero buffered; do
	churn --seed 4 --count 2 --ways $way --size 26M --offset 1M --length 28M "$disk"
	expect_all "$way across all partitions"
done
for i in 0 2 3; do
	expect_changed "writes to the disk" "${p[i]}" "$TEST_TMP/copy$i"
	expect_copied "writes to the disk" "${p[i]}" 0
	echo "$copied chunks of ${p[i]} were copied"
done

# What the snapshots of both have in common: neither knows of the other.
unsnap "${ids[1]}"
churn --seed 5 --count 60 --max 4M --offset 1M --length 28M "$disk"
expect_same "after one was deleted" "${images[0]}" "$TEST_TMP/copy0"
expect_same "after one was deleted" "${images[2]}" "$TEST_TMP/copy3"
unsnap "${ids[0]}" "${ids[2]}"
for i in 0 2 3; do
	run_ok vssctl detach -q "${p[i]}"
done

# --- a tracked disk -------------------------------------------------------------

# Small, so that all of it can be compared.
truncate -s 24M "$TEST_TMP/disk"
disk=$(losetup --find --show --partscan "$TEST_TMP/disk")
cleanup_push losetup -d "$disk"
split "$disk" 8M 9000
mapfile -t p < <(printf '%s\n' "${parts[@]}")
fill "${p[0]}" 10
fill "${p[1]}" 11
take_copy "${p[0]}" "$TEST_TMP/copy0"
take_copy "${p[1]}" "$TEST_TMP/copy1"
take_copy "$disk" "$TEST_TMP/copy"
split "$area" 64M
track "$disk" "${parts[0]}"
snap "$disk"
churn --seed 6 --count 60 --max 2M "${p[0]}"
expect_same "writes to a partition" "${images[0]}" "$TEST_TMP/copy"
churn --seed 7 --count 60 --max 2M --chunk 4K "${p[1]}"
expect_same "writes to another partition" "${images[0]}" "$TEST_TMP/copy"
expect_copied "writes to partitions" "$disk" 0
expect_changed "writes to partitions" "$disk" "$TEST_TMP/copy"
churn --seed 8 --count 20 --ways direct,zero,punch --offset 1M --length 22M "$disk"
expect_same "writes to the disk" "${images[0]}" "$TEST_TMP/copy"
# The image's partitions are those of the disk.
image=$(readlink -f "${images[0]}")
for i in 0 1; do
	wait_for 10 test -b "${image}p$((i + 1))"
	expect_same "partition of the image" "${image}p$((i + 1))" "$TEST_TMP/copy$i"
done
