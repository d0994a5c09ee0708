#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# initramfs.sh DIR STAGE KVER: makes DIR/initrd as initramfs-tools would on a machine
# where what is in STAGE is installed. To be run in a mount namespace of its own
# (unshare --mount): /usr and /etc are covered there, and nothing of them is changed.

set -euo pipefail
dir=$1 stage=$2 kver=$3

for layer in usr etc; do
	mkdir -p "$dir/$layer/upper" "$dir/$layer/work"
	cp -r "$stage/$layer/." "$dir/$layer/upper/"
done
cp -r "$stage/lib" "$dir/usr/upper/"
mkdir -p "$dir/etc/upper/vss"
echo "LABEL=vss-root PARTLABEL=vss-root-area" >"$dir/etc/upper/vss/areas"
cp -r /etc/initramfs-tools "$dir/conf"
printf '%s\n' MODULES=list BUSYBOX=y COMPRESS=gzip COMPRESSLEVEL=1 RESUME=none FSTYPE=ext4 \
	>>"$dir/conf/initramfs.conf"
printf '%s\n' virtio_pci virtio_blk ext4 crc32c >"$dir/conf/modules"

for layer in usr etc; do
	mount -t overlay vss -o "lowerdir=/$layer,upperdir=$dir/$layer/upper,workdir=$dir/$layer/work" "/$layer"
done
# The others are for what the machine has not.
for hook in /usr/share/initramfs-tools/hooks/*; do
	case ${hook##*/} in
	fsck | klibc-utils | kmod | resume | udev | vss | zz-busybox) ;;
	*) rm "$hook" ;;
	esac
done
depmod "$kver"
TMPDIR=$dir mkinitramfs -d "$dir/conf" -o "$dir/initrd" "$kver"
