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

# What the runner relies on to notice a leak or a splat.
[[ $(sysctl -n kernel.panic_on_warn) == 1 ]] || fail "a warning would not panic"
[[ -d /sys/kernel/slab ]] || fail "slab caches cannot be listed"
grep -qw slab_nomerge /proc/cmdline || fail "slab caches are merged"

# Writing here must not reach the host.
run_ok mkdir /etc/vss-boot-test
