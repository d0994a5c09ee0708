#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A namespace of NVMe over TCP is known by its UUID and NGUID, leaves and comes back,
# and is then read-only and hidden.

. "$(dirname "$0")/lib.sh"
need nvme

nqn=nqn.2024-01.org.linuxvss:test
uuid=6e766d65-0000-4000-8000-000000000001
nguid=6e766d65-0001-4000-8000-000000000002
target=/sys/kernel/config/nvmet

steps()
{
	lun-steps || fail "a step gave something else"
}

# namespace: its device, if it is there
namespace()
{
	# Paths, such as nvme1c1n1, have it too.
	grep -lsx "uuid.$uuid" /sys/block/nvme[0-9]n[0-9]/wwid | sed 's,.*/\(.*\)/wwid,/dev/\1,'
}

is_there()
{
	[[ $(namespace) ]]
}

undo()
{
	nvme disconnect -n $nqn
	rm -f $target/ports/1/subsystems/$nqn
	rmdir $target/ports/1 $target/subsystems/$nqn/namespaces/1 $target/subsystems/$nqn
	rmmod nvme_tcp nvmet_tcp nvmet nvme_fabrics || :
} >/dev/null 2>&1

modprobe -a nvmet-tcp nvme-tcp
cleanup_push undo
ip link set lo up
truncate -s 32M "$TEST_TMP/ns"
mkdir -p $target/subsystems/$nqn/namespaces/1 $target/ports/1
echo 1 >$target/subsystems/$nqn/attr_allow_any_host
ns=$target/subsystems/$nqn/namespaces/1
echo "$TEST_TMP/ns" >$ns/device_path
echo 1 >$ns/buffered_io
echo $uuid >$ns/device_uuid
echo $nguid >$ns/device_nguid
echo 1 >$ns/enable
echo tcp >$target/ports/1/addr_trtype
echo ipv4 >$target/ports/1/addr_adrfam
echo 127.0.0.1 >$target/ports/1/addr_traddr
echo 4420 >$target/ports/1/addr_trsvcid
ln -s $target/subsystems/$nqn $target/ports/1/subsystems/$nqn
nvme connect -t tcp -a 127.0.0.1 -s 4420 -n $nqn
wait_for 20 is_there
settle
dev=$(namespace)
mkfs.ext4 -q "$dev"
before=$(sha "$dev")

run_ok vssctl lun show "$dev"
vssctl lun show --json "$dev" | tr -d ' -' | grep "\"value\":\"${nguid//-/}\"" >/dev/null || fail "another NGUID"
vssctl lun show --json "$dev" | grep "\"value\": *\"uuid.$uuid\"" >/dev/null || fail "another UUID"
steps <<-EOF
	luns $dev
	! mount -o ro,noload $dev /mnt
	VSS_E_VOLUME_IN_USE: remove $dev
	! umount /mnt
	remove $dev
	! echo 0 >$ns/enable
	! timeout 60 sh -c 'while test -e /sys/block/${dev##*/}; do sleep 0.1; done'
	hide
	VSS_E_MISSING_DISK: wait 1000
	! (sleep 2; echo 1 >$ns/enable) &
	wait 30000
	volume
	unhide
EOF
dev=$(namespace)
[[ $(blockdev --getro "$dev") == 1 ]] || fail "$dev can be written to"
[[ $(sha "$dev") == "$before" ]] || fail "$dev has another content"
blockdev --setrw "$dev"
