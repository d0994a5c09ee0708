#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. "$(dirname "$0")/lib.sh"

array()
{
	array_up 256M data
	await one.done
	await two.done
	ask '{"op":"list"}'
	lvs -o+lv_tags
	cat $TEST_TMP/sshd.log
	nothing_left 1
}

one()
{
	system_up
	dev=$(lun 0)
	say "lun $dev"
	printf 'label: dos\n,,83\n' | sfdisk -q "$dev"
	settle
	mkfs.ext4 -q "${dev}1"
	dir=$(mount_tmp "${dev}1")
	fill "$dir" a
	sync
	say filled
	vssctl lun show $dir || :
	vssctl list providers
	t=$(ms)
	vssctl create --context backup --writers none --transportable --backup-document $SHARE/doc.xml $dir --exec "touch $SHARE/made; while [ ! -e $SHARE/used ]; do sleep 0.2; done" || fail "create"
	echo took $(($(ms) - t))
	tell one.finished
}

two()
{
	system_up
	await made
	sleep 0.5
	say import
	t=$(ms)
	vssctl import $SHARE/doc.xml --exec 'vssctl list shadows; lsblk; ls -la /run/vss/hidden /dev/disk/by-id' || fail import
	echo took $(($(ms) - t))
	lsblk
	tell used
}

run_node "$@"
