# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Disks that are plugged in, pulled out and changed in size while the VM runs, to be
# sourced after set-lib.sh. QEMU has two that are not plugged in at first, spare0 and
# spare1, 24 MiB each; it is spoken to through a port that leads to its monitor.

# qmp COMMAND [ARGUMENTS]: has QEMU do it. ARGUMENTS is what is within the braces.
qmp()
{
	local line

	if [[ ! ${qmp_fd:-} ]]; then
		modprobe virtio_console || skip "this kernel has no port to QEMU's monitor"
		# Where the driver is part of the kernel the port came before udevd.
		udevadm trigger --action=add --subsystem-match=virtio-ports
		settle
		wait_for 10 test -c /dev/virtio-ports/vss.qmp
		exec {qmp_fd}<>/dev/virtio-ports/vss.qmp
		# Another test may have done this already.
		echo '{"execute":"qmp_capabilities","id":"begin"}' >&"$qmp_fd"
		until [[ ${line:-} == *'"id": "begin"'* ]]; do
			read -r -t 30 -u "$qmp_fd" line || fail "QEMU's monitor does not answer"
		done
		line=''
	fi
	qmp_count=$((${qmp_count:-0} + 1))
	echo "{\"execute\":\"$1\",\"arguments\":{${2:-}},\"id\":\"$$.$qmp_count\"}" >&"$qmp_fd"
	until [[ ${line:-} == *"\"id\": \"$$.$qmp_count\""* ]]; do
		read -r -t 30 -u "$qmp_fd" line || fail "QEMU does not answer to $1"
	done
	[[ $line == *'"return"'* ]] || fail "QEMU: $1: $line"
}

# plug SPARE virtio|scsi: plugs the spare disk in and sets plugged to its device.
plug()
{
	local place='"bus":"scsi.0"' driver=scsi-hd

	if [[ $2 == virtio ]]; then
		# Debian's kernels have no such file, and take new devices.
		[[ ! -r /proc/config.gz ]] || zgrep -q '^CONFIG_HOTPLUG_PCI_PCIE=y' /proc/config.gz ||
			skip "this kernel takes no new PCI devices: if debug-options has that now, have it built anew"
		driver=virtio-blk-pci
		place="\"bus\":\"slot${1#spare}\""
	fi
	qmp device_add "\"driver\":\"$driver\",\"id\":\"$1\",\"drive\":\"$1\",\"serial\":\"$1\",$place"
	cleanup_push _pull_left "$1"
	wait_for 20 _is_plugged "$1"
	settle
	plugged=$(disk "$1")
}

_is_plugged()
{
	lsblk -dno SERIAL | grep -x "$1" >/dev/null
}

# What a failed test has left would be in the way of the next one.
_pull_left()
{
	! _is_plugged "$1" || (qmp device_del "\"id\":\"$1\"") || :
}

# pull DEV: pulls out what plug has plugged in, and waits until the kernel knows.
pull()
{
	local spare

	spare=$(lsblk -dno SERIAL "$1")
	qmp device_del "\"id\":\"$spare\""
	wait_for 30 _is_gone "$1"
}

# pull_in_kernel DEV: has the kernel forget a SCSI disk, which is there still.
pull_in_kernel()
{
	echo 1 >"/sys/block/${1##*/}/device/delete"
	wait_for 30 _is_gone "$1"
}

_is_gone()
{
	[[ ! -e /sys/block/${1##*/} ]]
}

# debug_disk MIB: sets plugged to a new disk of scsi_debug.
debug_disk()
{
	modprobe scsi_debug dev_size_mb="$1" || skip "no scsi_debug"
	wait_for 10 compgen -G '/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*'
	settle
	plugged=$(compgen -G '/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*')
	plugged=/dev/${plugged##*/}
}
