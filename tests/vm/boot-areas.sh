#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Persistent diff areas are loaded as at boot: by what the initramfs hook has gathered,
# run in a chroot, for the root volume and others, after a clean end and after a crash;
# and not where nobody can vouch for the volume.
# vm: timeout=300

. "$(dirname "$0")/content-lib.sh"

hooks=/usr/share/initramfs-tools
[[ -e $hooks/hook-functions ]] || skip "no initramfs-tools here"
split "$(disk vd0)" 16M 16M
root=${parts[0]} other=${parts[1]}
split "$(disk vd1)" 40M 40M
root_area=${parts[0]} other_area=${parts[1]}
run_ok mkfs.ext4 -q -L vss-root "$root"
settle

# boot_as NAME: the module and vssctl take this for another boot. Name "" is the true one.
boot_as()
{
	! mountpoint -q /proc/sys/kernel/random/boot_id || umount /proc/sys/kernel/random/boot_id
	[[ $1 ]] || return 0
	echo "00000000-0000-4000-8000-00000000000$1" >"$TEST_TMP/boot_id"
	mount --bind "$TEST_TMP/boot_id" /proc/sys/kernel/random/boot_id
}
cleanup_push boot_as ''

boot_as 1
load_vss
run_ok vssctl attach -q --chunk-size 64K "$root"
run_ok vssctl diff-area add -q "$root" --on "$root_area" --persistent
run_ok vssctl attach -q "$other"
run_ok vssctl diff-area add -q "$other" --on "$other_area" --persistent
sums=("$(sum "$root")" "$(sum "$other")")
snap "$root" "$other"
mkdir "$TEST_TMP/mnt"
run_ok mount "$root" "$TEST_TMP/mnt"
dd if=/dev/urandom of="$TEST_TMP/mnt/file" bs=64k count=20 conv=fsync status=none
run_ok umount "$TEST_TMP/mnt"
dd if=/dev/urandom of="$other" bs=4k seek=2000 count=300 oflag=direct conv=notrunc status=none
settle
devices=("$root" "$root_area" "$other" "$other_area")
# What the disks have at a power cut: nothing is in flight.
for i in 0 1 2 3; do
	dd if="${devices[i]}" of="$TEST_TMP/cut$i" bs=1M iflag=direct status=none
done
run_ok vssctl detach -q "$root"
run_ok vssctl detach -q "$other"
run_ok rmmod vss

# alive [COUNT]: so many snapshots are there, with the content that they had.
alive()
{
	local i

	for ((i = 0; i < ${1:-2}; i++)); do
		expect_sum "snapshot $i" "/dev/vss/by-id/${ids[i]}" "${sums[i]}"
	done
}

away()
{
	settle
	vssctl detach -q "$root"
	[[ ${1:-} ]] || vssctl detach -q "$other"
	run_ok rmmod vss
}

echo "--- the initramfs"
# It resolves the names, and finds what is missing itself.
mkdir -p /etc/vss
printf '%s\n' '# root' "LABEL=vss-root  $root_area" "$other $other_area" 'one' >/etc/vss/areas
init=$TEST_TMP/init
mkdir -p "$init"/{bin,sbin,dev,proc,sys,run,etc,tmp,usr}
for dir in bin sbin lib lib64; do
	mkdir -p "$init/usr/$dir"
	rm -rf "${init:?}/$dir"
	ln -s "usr/$dir" "$init/$dir"
done
cat >"$TEST_TMP/gather" <<-GATHER
	#!/bin/sh -e
	. $hooks/hook-functions
	copy_exec /bin/busybox /bin
	copy_exec /sbin/modprobe /sbin
	$hooks/hooks/vss
GATHER
version=$(uname -r)
export DESTDIR=$init version verbose=n __TMPCPIOGZ=$TEST_TMP/cpio MODULESDIR=/lib/modules/$version
run_ok sh "$TEST_TMP/gather"
[[ $(sh "$hooks/scripts/local-premount/vss" prereqs) == resume ]] || fail "it does not wait for resume"
ln -s busybox "$init/bin/sh"
depmod -b "$init" "$version"
for dir in dev proc sys run; do
	mount --rbind "/$dir" "$init/$dir"
	cleanup_push umount -l "$init/$dir"
done
cp "$hooks/scripts/local-premount/vss" "$init/premount"
[[ -s $init/usr/lib/udev/rules.d/59-vss.rules ]] || fail "images could be taken for volumes"

# initramfs: what it does before it mounts $root.
initramfs()
{
	run_ok env ROOT="$root" PATH=/bin:/sbin chroot "$init" /bin/sh /premount 2>&1
	settle
}

initramfs | tee "$TEST_TMP/said"
grep -q 'areas:4: a line has' "$TEST_TMP/said" || fail "a bad line is not told"
alive
initramfs
[[ $(vssctl diff-area list --json | json device | wc -l) == 2 ]] || fail "loaded twice"
[[ $(readlink -f /dev/disk/by-label/vss-root) == "$root" ]] || fail "the label is the image's"
away

# crash BOOT: the disks as they were, in another boot.
crash()
{
	local i

	for i in 0 1 2 3; do
		dd if="$TEST_TMP/cut$i" of="${devices[i]}" bs=1M oflag=direct conv=notrunc status=none
	done
	boot_as "$1"
	settle
}

echo "--- after a crash"
crash 2
initramfs
alive
away

echo "--- after a crash, with nobody to vouch for it"
crash 3
run_ok mount "$root" "$TEST_TMP/mnt"
expect_fail -s 2 -m 'areas:4:' vssctl diff-area boot --unclean
[[ $(vssctl list --json | json lost_reason) == untracked && $(snapshots | wc -l) == 2 ]] ||
	fail "not only what the mounted volume had is lost: $(vssctl list)"
run_ok umount "$TEST_TMP/mnt"
away

echo "--- lines that are wrong, and devices that are not there"
crash 4
printf '%s\n' "$root" "$root $root" "$root $root_area" "$root $other_area" "/dev/none $other_area" >"$TEST_TMP/areas"
expect_fail -m 'areas:4: the volume has a line' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
alive 1
expect_fail -m 'is not there' sh -c "vssctl diff-area boot --table $TEST_TMP/areas --wait 1; exit 3"
printf '%s\n' "$other $(disk vd2)" >"$TEST_TMP/areas"
expect_fail -s 3 -m 'holds no diff area' vssctl diff-area boot --table "$TEST_TMP/areas"
[[ $(vssctl status --json | json volume | wc -l) == 1 ]] || fail "attached without an area"
away only
run_ok vssctl diff-area boot --table /nowhere
[[ ! -d /sys/module/vss ]] || fail "the module was loaded for nothing"
rm /etc/vss/areas
