#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another module redirects submit_bio_noacct, as livepatches and other snapshot
# modules do: only one can. Whoever comes second is told so, and who was first is not
# disturbed.
#
# QEMU with more than one thread may run stale code when the hook is patched in.
# vm: thread=single

. "$(dirname "$0")/set-lib.sh"

other=$VSS_SRC/build/kmod-$(uname -r)/tests/other_hook.ko
[[ -e $other ]] || fail "$other was not built"
tracing=/sys/kernel/tracing
if [[ ! -e $tracing/enabled_functions ]]; then
	run_ok mount -t tracefs tracefs $tracing
	cleanup_push umount $tracing
fi
disk=$(disk vd0)
parts "$disk" 4 16
volume=$(part "$disk" 1)
fill "$volume"
load_vss

redirected()
{
	grep -E '^submit_bio_noacct \([0-9]+\) [ R] I' $tracing/enabled_functions
}

echo "--- the other one is there first"
! redirected || fail "somebody redirects it already"
run_ok insmod "$other"
cleanup_push eval 'rmmod other_hook 2>/dev/null || :'
redirected || fail "it does not redirect"
expect_fail -m "another module redirects it" vssctl attach "$volume"
expect_fail -m "another module redirects it" vssctl create "$volume"
[[ ! $(vssctl status --json | json volume) ]] || fail "it is tracked all the same"
expect_fail -s 7 -m "another module redirects submit_bio_noacct" vssctl doctor
redirected || fail "we have driven it out"
run_ok rmmod other_hook
! redirected || fail "it has not gone"
run_ok vssctl doctor

echo "--- the other one comes while a snapshot is there"
track "$volume" "$(part "$disk" 2)"
sum=$(raw_sha "$volume")
snap=$(create "$volume")
churn --count 0 --max 64K "$volume" >"$TEST_TMP/churn" &
churn=$!
cleanup_push stop $churn
for i in {1..5}; do
	expect_fail -m "busy" insmod "$other"
	sleep 0.1
done
kill $churn
wait $churn || fail "churn has failed"
cat "$TEST_TMP/churn"
expect_sha "after that" "$(image "$snap")" "$sum"
[[ $(raw_sha "$volume") != "$sum" ]] || fail "nothing was written"
run_ok vssctl doctor
settle
run_ok vssctl detach --quiet --force "$volume"

echo "--- and when we are gone"
run_ok insmod "$other"
run_ok rmmod other_hook
