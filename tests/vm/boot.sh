#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The VM is what the other tests take for granted.

. "$(dirname "$0")/lib.sh"

echo "kernel $(uname -r), up $(cut -d ' ' -f 1 /proc/uptime) s"

pgrep -x systemd-udevd >/dev/null || pgrep -f systemd-udevd >/dev/null || fail "udevd does not run"
settle

for serial in vd0 vd1 vd2 vd3 sd0 sd1 nvme0; do
	dev=$(disk $serial)
	echo "$serial is $dev, $(blockdev --getsize64 "$dev") bytes"
	[[ $(cmp -n 1048576 "$dev" /dev/zero && echo zero) == zero ]] || fail "$dev is not empty"
done
[[ -b /dev/disk/by-id/virtio-vd0 ]] || fail "udev has made no by-id link"

# The product is where a package would put it.
run_ok modinfo -F vermagic vss
case $(modinfo -n vss) in
/lib/modules/"$(uname -r)"/updates/vss.ko) ;;
*) fail "modprobe would load $(modinfo -n vss)" ;;
esac
run_ok command -v vssctl

# The doctor finds nothing in the way, before and after the module is there.
tracing=/sys/kernel/tracing
if [[ ! -e $tracing/available_filter_functions ]]; then
	run_ok mount -t tracefs tracefs $tracing
	cleanup_push umount $tracing
fi
# examined CHECK STATE: what the doctor said of it.
examined()
{
	grep -q "^$2 *$1 " "$TEST_TMP/doctor" || fail "the doctor does not say $2 of $1"
}
for module in 'not loaded' loaded; do
	[[ $module != loaded ]] || load_vss
	echo "--- the module is $module"
	status=0
	vssctl doctor >"$TEST_TMP/doctor" || status=$?
	cat "$TEST_TMP/doctor"
	[[ $status == 0 ]] || fail "status $status"
	for check in privilege kernel signature ftrace 'traced functions' 'other hooks'; do
		examined "$check" ok
	done
	# Kernels that are not installed have none.
	examined 'kernel config' '\(ok\|skip\)'
	if [[ $module == loaded ]]; then
		examined module ok
		examined self-test ok
	else
		examined module warn
		[[ ! -d /sys/module/vss ]] || fail "the doctor has loaded the module"
	fi
done

# What the runner relies on to notice a leak or a splat.
[[ $(sysctl -n kernel.panic_on_warn) == 1 ]] || fail "a warning would not panic"
[[ -d /sys/kernel/slab ]] || fail "slab caches cannot be listed"
grep -qw slab_nomerge /proc/cmdline || fail "slab caches are merged"

# Writing here must not reach the host.
run_ok mkdir /etc/vss-boot-test
