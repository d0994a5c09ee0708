#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example plug-in builds with the line that it says, and vss-provider-test loads it
# as it would any vendor's; so do plug-ins that cannot be used, with the reason.

set -u
top=${VSS_TOP:?}
build=$(dirname "$(dirname "${VSSCTL:?}")")
tester=$build/providers/vss-provider-test
example=$top/userspace/providers/example/provider-example.c
work=$(mktemp -d /tmp/vss-example-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
number=0
failed=0

# libvss is in the program and in the plug-in; libraries below it keep memory.
export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0
export LD_LIBRARY_PATH="$build" VSS_EXAMPLE_ARRAY="$work"

check()
{
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		sed 's/^/# /' "$work/out"
		failed=1
	fi
}

echo "TAP version 13"

# As at the head of the file, with what pkg-config says of this build.
cc -shared -fPIC -o "$work/provider-example.so" "$example" \
	-I"$top/userspace/libvss/include" -L"$build" -lvss >"$work/out" 2>&1
check 'the example builds with one line' $?

"$tester" "$work/provider-example.so" >"$work/out" 2>&1
check 'it passes the conformance tests' $?

grep -q '^ok .*# SKIP no --volume is given' "$work/out"
check 'what needs a volume is skipped without one' $?

echo 'int nothing;' >"$work/nothing.c"
cc -shared -fPIC -o "$work/nothing.so" "$work/nothing.c" 2>>"$work/out"
"$tester" "$work/nothing.so" >"$work/out" 2>&1
[ $? -eq 1 ] && grep -q 'does not export vss_provider_get()' "$work/out"
check 'a library that is no plug-in is refused' $?

: >"$work/empty.so"
"$tester" "$work/empty.so" >"$work/out" 2>&1
[ $? -eq 1 ] && grep -q 'cannot load the provider' "$work/out"
check 'a file that is no library is refused' $?

"$tester" "$work/none.so" >"$work/out" 2>&1
[ $? -eq 2 ]
check 'a file that is not there is an error of usage' $?

echo "1..$number"
exit $failed
