#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A LUN that arrives late is waited for; one that never arrives, arrives with another
# identity, or twice, is told by name.  A multipath device stands for its paths.
#
# Covers IMP-021, TRN-023.

. "$(dirname "$0")/lib.sh"

steps()
{
	lun-steps || fail "a step gave something else"
}

# scsi_debug's disks by host and LUN; the names are given as the disks happen to answer
debug_disks()
{
	lsblk -dnpo HCTL,NAME,MODEL | awk '/scsi_debug/ { print $1, $2 }' | sort -V | cut -d ' ' -f 2
}

knobs=/sys/bus/pseudo/drivers/scsi_debug

modprobe scsi_debug dev_size_mb=16 max_luns=2 vpd_use_hostno=0 delay=0
settle
mapfile -t luns < <(debug_disks)
[[ ${#luns[@]} == 2 ]] || fail "want two LUNs, not ${luns[*]}"
b=${luns[1]}

# --- late, never, another one -----------------------------------------------

steps <<-EOF
	luns $b
	! echo 1 >$knobs/max_luns
	remove $b
	VSS_E_MISSING_DISK: wait 1500
	! (sleep 3; echo 2 >$knobs/max_luns) &
	wait 30000
	find
	serial 4711
	VSS_E_MISSING_DISK: wait 200
	luns $b
	id 3000000000004711
	VSS_E_MISSING_DISK: wait 200
	VSS_E_OBJECT_NOT_FOUND: find
	S_OK: rescan 20000
EOF

# --- twice, and as two paths of one -----------------------------------------

a=${luns[0]}
# SCSI looks for them when the host is there already.
disks="$knobs/adapter*/host*/target*/*/block/*"
steps <<-EOF
	luns $a
	! echo 1 >$knobs/add_host
	! timeout 60 sh -c 'until set -- $disks && test -e "\$4"; do sleep 0.1; done'
	! udevadm settle
	VSS_E_VOLUME_NOT_SUPPORTED: find
	VSS_E_VOLUME_NOT_SUPPORTED: wait 300
	VSS_E_VOLUME_NOT_SUPPORTED: volume
	VSS_E_VOLUME_NOT_SUPPORTED: luns $a
EOF
id=$(sed 's/naa.//' "/sys/block/${a##*/}/device/wwid")
paths=()
for d in $(debug_disks); do
	[[ $(<"/sys/block/${d##*/}/device/wwid") != naa.$id ]] || paths+=("$d")
done
[[ ${#paths[@]} == 2 ]] || fail "want two paths, not ${paths[*]}"
modprobe dm-round-robin
dmsetup create lunpath --uuid "mpath-3$id" --table \
	"0 $(blockdev --getsz "$a") multipath 0 0 1 1 round-robin 0 2 0 ${paths[0]} ${paths[1]}"
settle
mkfs.ext4 -q /dev/mapper/lunpath
before=$(sha /dev/mapper/lunpath)
dmsetup create lunpart --uuid "part1-mpath-3$id" --table "0 8192 linear /dev/mapper/lunpath 2048"
settle
steps <<-EOF
	luns /dev/mapper/lunpath
	luns ${paths[1]}
	find
	VSS_E_VOLUME_IN_USE: remove ${paths[0]}
	! dmsetup remove lunpart
	volume
	! test \$(blockdev --getro /dev/mapper/lunpath)\$(blockdev --getro ${paths[0]})\$(blockdev --getro ${paths[1]}) = 111
	! sha512sum </dev/mapper/lunpath | grep $before >/dev/null
	writable /dev/mapper/lunpath
	! dmsetup create lunpart --uuid part1-mpath-3$id --table "0 8192 linear /dev/mapper/lunpath 2048"
	luns /dev/mapper/lunpart
	remove /dev/mapper/lunpath
	! test ! -e ${paths[0]} && test ! -e ${paths[1]}
EOF
