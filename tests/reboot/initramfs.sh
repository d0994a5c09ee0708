#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# initramfs.sh DIR STAGE KVER initramfs-tools|dracut: makes DIR/initrd as that would on a
# machine where what is in STAGE is installed. To be run in a mount namespace of its own
# (unshare --mount): /usr and /etc are covered there, and nothing of them is changed.

set -euo pipefail
dir=$1 stage=$2 kver=$3 maker=$4

for layer in usr etc; do
	mkdir -p "$dir/$layer/upper" "$dir/$layer/work"
	cp -r "$stage/$layer/." "$dir/$layer/upper/"
done
cp -r "$stage/lib" "$dir/usr/upper/"
mkdir -p "$dir/etc/upper/vss"
echo "LABEL=vss-root PARTLABEL=vss-root-area" >"$dir/etc/upper/vss/areas"

for layer in usr etc; do
	mount -t overlay vss -o "lowerdir=/$layer,upperdir=$dir/$layer/upper,workdir=$dir/$layer/work" "/$layer"
done
depmod "$kver"

with_initramfs_tools()
{
	local hook

	cp -r /etc/initramfs-tools "$dir/conf"
	printf '%s\n' MODULES=list BUSYBOX=y COMPRESS=gzip COMPRESSLEVEL=1 RESUME=none FSTYPE=ext4 \
		>>"$dir/conf/initramfs.conf"
	printf '%s\n' "${modules[@]}" >"$dir/conf/modules"
	# The others are for what the machine has not.
	for hook in /usr/share/initramfs-tools/hooks/*; do
		case ${hook##*/} in
		fsck | klibc-utils | kmod | resume | udev | vss | zz-busybox) ;;
		*) rm "$hook" ;;
		esac
	done
	TMPDIR=$dir mkinitramfs -d "$dir/conf" -o "$dir/initrd" "$kver"
}

with_dracut()
{
	# It finds the part for vss by itself, and what that needs.
	dracut --force --kver "$kver" --tmpdir "$dir" --conf /dev/null --confdir "$dir/usr/work" \
		--no-hostonly --no-hostonly-cmdline --no-early-microcode --compress 'gzip -1' \
		--omit 'systemd systemd-initrd systemd-udevd dm dmraid mdraid lvm crypt multipath network i18n plymouth qemu' \
		--drivers "${modules[*]}" "$dir/initrd"
	lsinitrd "$dir/initrd" >"$dir/initrd.list"
	grep -q 'pre-mount/05.*vss' "$dir/initrd.list"
}

modules=(virtio_pci virtio_blk ext4 crc32c)
case $maker in
initramfs-tools) with_initramfs_tools ;;
dracut) with_dracut ;;
esac
