#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vssctl diff-area check and dump: what they say of files that are no diff areas, and
# their exit status.  tests/unit/test-disk.c is about sound and damaged ones.

command=diff-area
. "${VSS_TOP:?}/tests/unit/cli-lib"

echo "TAP version 13"

truncate -s 1M "$dir/zero"
head -c 1048576 /dev/urandom >"$dir/random"
: >"$dir/empty"

for name in zero random empty; do
	run 2 check "$dir/$name" && grep -q 'no valid superblock' "$dir/err"
	result "check of a file that is no diff area: $name" $?
	run 2 dump "$dir/$name" && grep -q 'no valid superblock' "$dir/err"
	result "dump of it" $?
done

run 2 check --json "$dir/zero" && grep -q '"level": *"unreadable"' "$dir/out"
result 'the problem is in the JSON document' $?

run 3 check "$dir/none" && grep -q 'none cannot be read: No such file' "$dir/err"
result 'a device that is not there' $?

mkfifo "$dir/pipe"
for name in "$dir/pipe" "$dir" /dev/null; do
	for what in check dump; do
		run 2 $what "$name" && grep -q 'neither a block device nor a file' "$dir/err"
		result "$what of what is neither a device nor a file: ${name##*/}" $?
	done
done

run 3 check PARTUUID=11112222-3333-4444-5555-666677778888 && grep -q 'PARTUUID=11112222' "$dir/err"
result 'a tag that no device has' $?

run 1 check --at 1M --at 2M "$dir/zero" && grep -q 'give --at once for each device' "$dir/err"
result 'one offset too many' $?

run 1 check && grep -q 'something is missing: DEVICE' "$dir/err"
result 'no device' $?

echo "1..$number"
exit $failed
