#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs with apt what building and testing needs beyond Debian 12's base
# system. make(1) itself is the one thing needed beforehand, for this script is
# called from the Makefile. Installs nothing that is there already, and can be
# run without root when nothing is missing. Arguments are packages that only some
# targets need.

set -euo pipefail
. "$(dirname "$0")/vm/common.sh"

packages=(
	# Build
	make gcc libc6-dev pkg-config libnl-genl-3-dev libblkid-dev
	libmount-dev libsmartcols-dev libjson-c-dev liburing-dev
	libxml2-dev libsystemd-dev libdevmapper-dev libpq-dev libarchive-dev uuid-dev
	libxxhash-dev
	# Kernel: the one the VM runs, and its headers. No boot loader comes
	# along, as recommended packages are left out.
	linux-image-amd64 linux-headers-amd64 kmod
	# VM
	qemu-system-x86 busybox-static cpio xz-utils zstd binutils udev iproute2
	procps util-linux
	# Tests
	libcmocka-dev dbus postgresql fio e2fsprogs xfsprogs btrfs-progs fdisk dmsetup lvm2
	mdadm nvme-cli open-iscsi thin-provisioning-tools openssh-server openssh-client
	# what file systems are asked by stress-files.sh, beyond reading and writing
	stress-ng
	samba samba-vfs-modules smbclient
	nbdkit nbdkit-plugin-dev libbpf-dev
	# Static checks; the source package has checkpatch.pl
	sparse shellcheck perl linux-source-6.1
	"$@"
)

installed()
{
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

command -v dpkg-query >/dev/null ||
	die "this is no Debian system; install by hand what corresponds to: ${packages[*]}"

missing=()
for p in "${packages[@]}"; do
	installed "$p" || missing+=("$p")
done
# An older image without its headers: bring both to the newest.
if ((${#missing[@]} == 0)) && ! default_kver >/dev/null; then
	missing=(linux-image-amd64 linux-headers-amd64)
fi
((${#missing[@]})) || exit 0

. /etc/os-release
[[ ${ID:-} == debian ]] ||
	die "this is ${PRETTY_NAME:-not Debian}, made for Debian 12; install by hand: ${missing[*]}"
((EUID == 0)) ||
	die "missing, and only root can install them: ${missing[*]}"

echo "Installing with apt: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# What is installed serves in VMs: no service of it is to start here.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi
apt=(apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0)
"${apt[@]}" update
"${apt[@]}" install --no-install-recommends "${missing[@]}"

default_kver >/dev/null ||
	die "installed, yet no Debian 6.1 kernel with image and headers is there"
