#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# prepare.sh: in a VM, makes the disk "root" one that a machine can be started from: a
# root file system with next to nothing in it, and three snapshots of that in a persistent
# diff area. The next start is to set the volume back to the second one. The checksums of
# the first two are left in the shared folder. scripts/check-reboot.sh runs it.

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
mkdir -p bin sbin dev proc sys run tmp usr etc
# for a program of the VM
ln -s usr/lib usr/lib64 .
run_ok cp "$(command -v busybox)" bin/busybox
for applet in sh cat dd echo mkdir mount poweroff rm sha512sum sleep sync; do
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

# change COUNT: other content, of so many times 64 KiB.
change()
{
	run_ok mount "$root" "$TEST_TMP/mnt"
	dd if=/dev/urandom of="$TEST_TMP/mnt/file" bs=64k count="$1" conv=fsync status=none
	run_ok umount "$TEST_TMP/mnt"
	settle
}
change 10
sum "$root" >$share/old
snap "$root"
change 70
sum "$root" >$share/sum
snap "$root"
wanted=${ids[0]}
change 10
snap "$root"
change 70

echo "LABEL=vss-root PARTLABEL=vss-root-area" >/etc/vss/areas
run_ok mount "$root" "$TEST_TMP/mnt"
for dir in usr etc dev proc sys run; do
	run_ok mount --bind "/$dir" "$TEST_TMP/mnt/$dir"
done
run_ok chroot "$TEST_TMP/mnt" /usr/sbin/vssctl revert --at-boot "$wanted"
for dir in usr etc dev proc sys run; do
	umount -l "$TEST_TMP/mnt/$dir"
done
run_ok umount "$TEST_TMP/mnt"
settle
run_ok vssctl detach -q "$root"
run_ok rmmod vss
