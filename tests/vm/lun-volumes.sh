#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which LUNs make up a volume is told as it is; after its LUNs have left the machine
# and come back it is found or put together with the same content, read-only, and
# hidden from LVM and udev's links: a disk, partitions of GPT and MBR, a logical volume
# over two LUNs.  What cannot travel is refused.
#
# Covers IMP-024, IMP-025, FRV-019.

. "$(dirname "$0")/lib.sh"

# steps: runs the steps on standard input, all must go as they say
steps()
{
	lun-steps || fail "a step gave something else"
}

# field DEV KEY: a value in "vssctl lun show --json"
field()
{
	vssctl lun show --json "$1" | sed -n "s/.*\"$2\": *\"\?\([^\",]*\)\"\?,\?/\1/p" | head -n 1
}

# scsi_debug's disks, oldest first
debug_disks()
{
	lsblk -dnpo NAME,MODEL | awk '/scsi_debug/ { print $1 }' | sort
}

# --- who they are -----------------------------------------------------------

sd0=$(disk sd0)
run_ok vssctl lun show "$sd0"
[[ $(field "$sd0" serial) == sd0 ]] || fail "another serial number"
[[ $(field "$sd0" value) == "$(sed 's/naa.//' "/sys/block/${sd0##*/}/device/wwid")" ]] || fail "another NAA"
[[ $(field "$sd0" transportable) == true ]] || fail "should be able to travel"
vd0=$(disk vd0)
run_ok vssctl lun show "$vd0"
[[ $(field "$vd0" transportable) == false ]] || fail "virtio-blk has no identifier"
steps <<-EOF
	luns $sd0
	VSS_E_VOLUME_NOT_SUPPORTED: luns $vd0
	VSS_E_OBJECT_NOT_FOUND: luns /dev/nosuch
EOF

# --- partitions, their disks gone and back ----------------------------------

modprobe scsi_debug dev_size_mb=32 per_host_store=1 add_host=2 delay=0
settle
mapfile -t luns < <(debug_disks)
a=${luns[0]} b=${luns[1]}
# A disk that comes back may have another name.
serials=("$(lsblk -dno SERIAL "$a")" "$(lsblk -dno SERIAL "$b")")
printf 'label: gpt\nlabel-id: 11112222-3333-4444-5555-666677778888\n1M 2M\n4M 8M\n' | sfdisk -q "$a"
printf 'label: dos\nlabel-id: 0xa1b2c3d4\n1M 2M\n4M 8M\n' | sfdisk -q "$b"
settle
[[ $(field "$a" signature) == 11112222-3333-4444-5555-666677778888 ]] || fail "another GPT GUID"
[[ $(field "$b" signature) == a1b2c3d4-* ]] || fail "another MBR signature"
for part in "${a}2" "${b}2"; do
	mkfs.ext4 -q "$part"
	before=$(sha "$part")
	uuid=$(blkid -p -s UUID -o value "$part")
	echo "# $part is $before"
	# FRV-019: the other partition would be overwritten with the disk.
	steps <<-EOF
		luns $part
		VSS_E_UNSELECTED_VOLUME: selected ${part%2}
		refresh ${part%2}
		! test -e $part
		! mount -o ro,noload $part /mnt
		VSS_E_VOLUME_IN_USE: remove ${part%2}
		VSS_E_VOLUME_IN_USE: readonly $part
		VSS_E_VOLUME_IN_USE: volume
		! umount /mnt
		remove ${part%2}
		! test ! -e $part
		VSS_E_OBJECT_NOT_FOUND: find
		VSS_E_MISSING_DISK: volume
		wait 20000
		find
		! delpart \$LUN0 2
		volume $uuid
		! sha512sum <\${LUN0}2 | grep $before >/dev/null
		! test \$(blockdev --getro \$LUN0)\$(blockdev --getro \${LUN0}2) = 11
		volume $uuid
		VSS_E_MISSING_VOLUME: volume 00000000-0000-0000-0000-000000000001
		release
		! ! blkdiscard -f \${LUN0}2 2>/dev/null
		writable @0
		! test \$(blockdev --getro \$LUN0)\$(blockdev --getro \${LUN0}2) = 00
		luns @0
		offset 100000
		VSS_E_MISSING_VOLUME: volume
	EOF
done
a=$(disk "${serials[0]}")
b=$(disk "${serials[1]}")
wipefs -qa "$a" "$b"
settle
wait_for 20 blockdev --rereadpt "$a" "$b"
settle
mkfs.ext4 -q "$a"
steps <<-EOF
	luns $b
	selected $b
	VSS_E_UNSELECTED_VOLUME: selected $a
	luns $a
	selected $a
EOF
wipefs -qa "$a"
settle

# --- a logical volume over both ---------------------------------------------

vgcreate -qq lunvg "$a" "$b"
lvcreate -qq -n striped -i 2 -L 8M lunvg
lvcreate -qq -n part -L 8M lunvg "$a"
lvcreate -qq -n both -l 100%FREE lunvg
settle
steps <<<"VSS_E_VOLUME_NOT_SUPPORTED: luns /dev/lunvg/striped"
mkfs.ext4 -q /dev/lunvg/both
dd if=/dev/urandom of=/dev/lunvg/part bs=1M count=8 status=none
before=$(sha /dev/lunvg/both)
part=$(sha /dev/lunvg/part)
uuid=$(blkid -p -s UUID -o value /dev/lunvg/both)
[[ $(vssctl lun show --json /dev/lunvg/both | grep -c '"serial"') == 2 ]] || fail "not two LUNs"
run_ok vssctl lun show /dev/lunvg/both

mapped=/dev/mapper/vss-5d8a1c80-0000-4000-8000-000000000001
steps <<-EOF
	luns /dev/lunvg/both
	VSS_E_UNSELECTED_VOLUME: selected $a
	find
	VSS_E_VOLUME_IN_USE: remove @0
	! vgchange -qq -an lunvg
	hide
	! rm -r /run/vss/hidden # as a reboot does
	remove @0
	remove @1
	wait 20000
	find
	volume $uuid
	! test \$(blockdev --getro $mapped)\$(blockdev --getro \$LUN0)\$(blockdev --getro \$LUN1) = 111
	! sha512sum <$mapped | grep $before >/dev/null
	! udevadm info -q property \$LUN0 | grep -x VSS_HIDDEN=1 >/dev/null
	! ! udevadm info -q property \$LUN0 | grep ID_FS_TYPE >/dev/null
	! test ! -e /dev/disk/by-uuid/$uuid
	! test ! -e /dev/lunvg/part
	volume $uuid
	! mount -o ro,noload $mapped /mnt
	VSS_E_VOLUME_IN_USE: release
	VSS_E_VOLUME_IN_USE: remove @0
	! umount /mnt
	writable $mapped
	! test \$(blockdev --getro $mapped)\$(blockdev --getro \$LUN0)\$(blockdev --getro \$LUN1) = 000
	readonly $mapped
	! test \$(blockdev --getro $mapped)\$(blockdev --getro \$LUN0)\$(blockdev --getro \$LUN1) = 111
	release
	! test ! -e $mapped
	release
	writable @0
	writable @1
	unhide
	! udevadm settle && udevadm info -q property \$LUN0 | grep -x ID_FS_TYPE=LVM2_member >/dev/null
	! vgchange -qq -ay lunvg
	VSS_E_VOLUME_IN_USE: volume $uuid
	luns /dev/lunvg/part
	! vgchange -qq -an lunvg
	volume
	! sha512sum <$mapped | grep $part >/dev/null
	release
EOF
mapfile -t luns < <(debug_disks)
blockdev --setrw "${luns[@]}"
vgremove -qqf lunvg
