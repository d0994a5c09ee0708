# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of faults share.  To be sourced instead of lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Volumes for sets, on two LUNs: /srv/a and /srv/b.
make_volumes()
{
	mkfs.ext4 -q "$(lun 0)"
	mkfs.xfs -q "$(lun 1)"
	mkdir /srv/a /srv/b
	mount "$(lun 0)" /srv/a
	mount "$(lun 1)" /srv/b
}

array_with_faults()
{
	ARRAY_PROGRAM="bash $VSS_SRC/tests/net/faulty-array"
	array_up 320M a b
	array_works
}

# Short times: these are lost by waiting only.
impatient()
{
	LIO_TIMEOUT=40
	mkdir -p /etc/vss/vssd.conf.d
	printf '[Timeouts]\nArrival = 20\nProvider = 100\n' >/etc/vss/vssd.conf.d/test.conf
	system_up
}

fault() { echo "$1 $2" >"$SHARE/fault"; }

# told FILE: it has a sentence that says where the trouble is.
told()
{
	grep -qiE 'array|LUN|lio-iscsi|provider' "$1" || fail "that does not say what failed: $(<"$1")"
}

make_set()
{
	vssctl create --transportable --context backup --exec true "$@" /srv/a /srv/b >"$TEST_TMP/create" 2>&1
}

nothing_frozen_here()
{
	nothing_frozen /srv/a /srv/b
}

# twin NODE SERIAL_OF: the array shows NODE another LUN with the serial number of a backstore.
twin()
{
	on_array "
		serial=\$(sed 's/.*: *//' $2/wwn/vpd_unit_serial)
		lvcreate -q -y -V 320M --thinpool pool -n twin vg0 >/dev/null &&
		mkdir -p $CORE/iblock_98/twin && cd $CORE/iblock_98/twin &&
		echo udev_path=/dev/vg0/twin >control && echo /dev/vg0/twin >udev_path && echo 1 >enable &&
		echo \$serial >wwn/vpd_unit_serial &&
		mkdir $TPG/lun/lun_98 $TPG/acls/$IQN:$1/lun_98 &&
		ln -s $CORE/iblock_98/twin $TPG/lun/lun_98/it &&
		ln -s $TPG/lun/lun_98 $TPG/acls/$IQN:$1/lun_98/it" || fail "no twin"
	iscsiadm -m session --rescan >/dev/null
	lun 98 >/dev/null
	settle
}

no_twin()
{
	# It may be hidden, and have no links then.
	echo 1 >"$(echo /sys/class/scsi_device/*:98/device)/delete"
	on_array "
		rm $TPG/acls/$IQN:$1/lun_98/it && rmdir $TPG/acls/$IQN:$1/lun_98 &&
		rm $TPG/lun/lun_98/it && rmdir $TPG/lun/lun_98 &&
		rmdir $CORE/iblock_98/twin $CORE/iblock_98 && lvremove -q -y vg0/twin >/dev/null" || fail "the twin stays"
	settle
}
