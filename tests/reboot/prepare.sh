#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# prepare.sh: in a VM, makes the disk "root" one that a machine can be started from: a
# root file system with next to nothing in it, and a snapshot of that in a persistent diff
# area. The checksum of the volume is left in the shared folder. scripts/check-reboot.sh
# runs it.

. "$(dirname "$0")/../vm/content-lib.sh"

share=/run/vss/share
split "$(disk root)" 64M 60M
root=${parts[0]} area=${parts[1]}
run_ok sfdisk --quiet --part-label "$(disk root)" 2 vss-root-area
settle
run_ok mkfs.ext4 -q -L vss-root "$root"
mkdir "$TEST_TMP/mnt"
run_ok mount "$root" "$TEST_TMP/mnt"
cd "$TEST_TMP/mnt" || fail "no root"
mkdir -p bin sbin dev proc sys run tmp
run_ok cp "$(command -v busybox)" bin/busybox
for applet in sh cat dd echo mkdir mount poweroff rm sha256sum sleep sync; do
	ln -s busybox "bin/$applet"
done
run_ok cp "$(dirname "$0")/init" sbin/init
chmod +x sbin/init
cd / || exit
run_ok umount "$TEST_TMP/mnt"
settle

load_vss
run_ok vssctl attach -q "$root"
run_ok vssctl diff-area add -q "$root" --on "$area" --persistent
sum "$root" >$share/sum
snap "$root"
run_ok vssctl detach -q "$root"
run_ok rmmod vss
