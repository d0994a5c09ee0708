#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Persistent diff areas are loaded as at boot: by what the initramfs hook has gathered,
# run in a chroot, for the root volume and others, after a clean end and after a crash.
# What was mounted meanwhile without the module, or was swapped, has lost its snapshots,
# and what is in use is left alone. One of the areas is of two devices.
# vm: timeout=1000

. "$(dirname "$0")/content-lib.sh"

hooks=/usr/share/initramfs-tools
[[ -e $hooks/hook-functions ]] || skip "no initramfs-tools here"
split "$(disk vd0)" 16M 16M
root=${parts[0]} other=${parts[1]}
split "$(disk vd1)" 40M 40M 40M 40M
root_area=${parts[0]} other_area=${parts[1]} empty=${parts[2]} second=${parts[3]}
run_ok mkfs.ext4 -q -L vss-root "$root"
run_ok mkfs.ext4 -q "$other"
settle

# stays DEVICE: prints a name for the table.
stays()
{
	local uuid

	uuid=$(lsblk -ndo PARTUUID "$1")
	echo "PARTUUID=${uuid:?}"
}
root_line="$(stays "$root") $(stays "$root_area")"
other_line="$(stays "$other") $(stays "$second") $(stays "$other_area")"

cleanup_push boot_as ''

boot_as 1
load_vss
run_ok vssctl attach -q --chunk-size 64K "$root"
run_ok vssctl diff-area add -q "$root" --on "$root_area" --persistent
run_ok vssctl attach -q "$other"
run_ok vssctl diff-area add -q "$other" --on "$other_area" --persistent
mkdir -p /etc/vss
: >/etc/vss/areas
vssctl diff-area add "$other" --on "$second" --persistent 2>&1 | tee "$TEST_TMP/said"
grep -q 'name .* in the line of its volume' "$TEST_TMP/said" || fail "it does not tell of the table"
sums=("$(sum "$root")" "$(sum "$other")")
snap "$root" "$other"
expect_fail -m 'cannot be written' vssctl set-writable "${ids[0]}" on
devices=("$root" "$root_area" "$other" "$other_area" "$second")
mkdir "$TEST_TMP/mnt"
run_ok mount "$other" "$TEST_TMP/mnt"
dd if=/dev/urandom of="$TEST_TMP/mnt/file" bs=64k count=20 conv=fsync status=none
# What its disks have at a power cut now: the journal is to be replayed.
sleep 0.5
for i in 2 3 4; do
	dd if="${devices[i]}" of="$TEST_TMP/mounted$i" bs=1M iflag=direct status=none
done
run_ok umount "$TEST_TMP/mnt"
run_ok mount "$root" "$TEST_TMP/mnt"
dd if=/dev/urandom of="$TEST_TMP/mnt/file" bs=64k count=20 conv=fsync status=none
run_ok umount "$TEST_TMP/mnt"
settle
# What the disks have at a power cut: nothing is in flight, and no journal is to be replayed.
sleep 0.5
for i in 0 1 2 3 4; do
	dd if="${devices[i]}" of="$TEST_TMP/cut$i" bs=1M iflag=direct status=none
done
run_ok vssctl detach -q "$root"
run_ok vssctl detach -q "$other"
run_ok rmmod vss

# alive [N]...: these snapshots, or both, are there, with the content that they had.
alive()
{
	local i

	(($#)) || set -- 0 1
	for i; do
		expect_sum "snapshot $i" "/dev/vss/by-id/${ids[i]}" "${sums[i]}"
	done
}

# lost N...: these are lost, because nobody saw what was written.
lost()
{
	local i

	for i; do
		[[ $(vssctl show --json "${ids[i]}" | json lost_reason) == untracked ]] ||
			fail "snapshot $i is not lost, or for another reason: $(vssctl list)"
	done
}

# away: as the machine stops.
away()
{
	settle
	# Whatever the table says of them.
	run_ok vssctl diff-area boot -q --leave
	run_ok rmmod vss
	# The images' names are to be gone as well.
	settle
}

# meanwhile DEVICE [OPTION]...: another kernel mounts it, and writes if it can.
meanwhile()
{
	run_ok mount "${@:2}" "$1" "$TEST_TMP/mnt"
	[[ ! -w $TEST_TMP/mnt ]] || echo "$EPOCHREALTIME" >"$TEST_TMP/mnt/meanwhile"
	run_ok umount "$TEST_TMP/mnt"
}
printf '%s\n' "$root_line" "$other_line" >"$TEST_TMP/both"

echo "--- the initramfs"
# It resolves the names, and finds what is missing itself.
printf '%s\n' '# root' "LABEL=vss-root  $(stays "$root_area")" "$other_line $(stays "$empty")" 'one' >/etc/vss/areas
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
grep -q 'holds no part of a diff area' "$TEST_TMP/said" || fail "a device that is no part is not told"
alive
initramfs
[[ $(vssctl diff-area list --json | json device | wc -l) == 3 ]] || fail "loaded twice"
[[ $(readlink -f /dev/disk/by-label/vss-root) == "$root" ]] || fail "the label is the image's"
away

# crash BOOT: the disks as they were, in another boot.
crash()
{
	local i

	for i in 0 1 2 3 4; do
		dd if="$TEST_TMP/cut$i" of="${devices[i]}" bs=1M oflag=direct conv=notrunc status=none
	done
	boot_as "$1"
	settle
}

# boot [OPTION]...: what systemd does.
boot()
{
	vssctl diff-area boot --table "$TEST_TMP/both" "$@"
}

echo "--- after a clean end, mounted read-only meanwhile, then for writing"
meanwhile "$root" -o ro
meanwhile "$other"
expect_fail -m '1 of 1 snapshots are lost (untracked)' boot --unclean
alive 0
lost 1
# What is in use stays.
exec 9<"$other"
expect_fail -s 4 boot --leave
exec 9<&-
[[ $(vssctl status --json | json volume) == "$other" ]] || fail "$root is tracked still, or $other not"
away

echo "--- after a crash"
crash 2
meanwhile "$root" -o ro,noload
meanwhile "$other" -o ro
initramfs
alive
away

echo "--- after a crash, written meanwhile"
crash 3
meanwhile "$root"
meanwhile "$other"
expect_fail -m 'lost (untracked)' boot --unclean
lost 0 1
away

# crash_mounted BOOT: as crash, the other volume mounted at the time.
crash_mounted()
{
	local i

	crash "$1"
	for i in 2 3 4; do
		dd if="$TEST_TMP/mounted$i" of="${devices[i]}" bs=1M oflag=direct conv=notrunc status=none
	done
	settle
}

echo "--- after a crash while it was mounted"
crash_mounted 7
dumpe2fs -h "$other" 2>/dev/null | grep needs_recovery >/dev/null || fail "there is nothing to be replayed"
expect_fail -m 'see "exclusive"' boot --unclean
alive 0
lost 1
away
printf '%s\n' "$root_line" "$other_line exclusive" >"$TEST_TMP/areas"
crash_mounted 9
run_ok vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
alive
run_ok mount "$other" "$TEST_TMP/mnt"
run_ok umount "$TEST_TMP/mnt"
alive
away
crash_mounted a
meanwhile "$other"
expect_fail -m 'lost (untracked)' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
lost 1
away
crash_mounted b
meanwhile "$other" -o ro
expect_fail -m 'lost (untracked)' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
lost 1
away

echo "--- after a crash, in use"
crash 4
run_ok mount -o ro,noload "$root" "$TEST_TMP/mnt"
exec 9<"$other"
expect_fail -s 4 -m "$root is in use already" boot --unclean
expect_fail -s 4 -m 'has the volume open' boot --unclean
[[ ! $(vssctl status --json | json volume) ]] || fail "a volume is tracked that somebody uses"
run_ok umount "$TEST_TMP/mnt"
exec 9<&-
run_ok boot --unclean
alive
away

echo "--- a device that is not named, and one that is not there"
crash 8
printf '%s\n' "$(stays "$other") $(stays "$other_area")" >"$TEST_TMP/areas"
expect_fail -s 3 -m 'has 2 parts' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
printf '%s\n' "$other_line /dev/none" >"$TEST_TMP/areas"
run_ok vssctl diff-area boot --table "$TEST_TMP/areas" --unclean 2>&1 | grep '/dev/none is not there' || fail "that is not told"
# Without its link a volume is looked for on all devices, at the end of the wait: one may not answer.
settle
rm "/dev/disk/by-partuuid/$(lsblk -ndo PARTUUID "$root")"
start=$SECONDS
run_ok boot --unclean --wait 3
((SECONDS - start >= 3)) || fail "devices were read at once"
alive
away

echo "--- one device under two names"
crash 5
printf '%s\n' "$root_line" "LABEL=vss-root $(stays "$other_area")" >"$TEST_TMP/areas"
expect_fail -m 'of line 2 as well' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
expect_fail -m 'of line 1 as well' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
[[ ! -d /sys/module/vss ]] || fail "one of them was tried"

echo "--- another volume of the same size"
printf '%s\n' "$(stays "$root") $(stays "$other_area") $(stays "$second")" >"$TEST_TMP/areas"
expect_fail -m 'lost (untracked)' vssctl diff-area boot --table "$TEST_TMP/areas" --unclean
lost 1
away

echo "--- vouched for once"
crash 6
rm -f /run/vss/areas-vouched
printf '%s\n' "$root" "$root $root_area" "$root_line" "/dev/none $(stays "$other_area")" >"$TEST_TMP/areas"
expect_fail -m "areas:2: $root may be another device" vssctl diff-area boot --table "$TEST_TMP/areas" --unclean --last
alive 0
expect_fail -m 'too late in this boot' boot --unclean
alive 0
lost 1
expect_fail -m 'is not there' sh -c "vssctl diff-area boot --table $TEST_TMP/areas --wait 1; exit 3"
away
rm -f /run/vss/areas-vouched

echo "--- what somebody else has attached stays so"
load_vss
run_ok vssctl attach -q "$other"
printf '%s\n' "$(stays "$other") $(stays "$empty")" >"$TEST_TMP/areas"
expect_fail -m 'holds no diff area' vssctl diff-area boot --table "$TEST_TMP/areas"
[[ $(vssctl status --json | json volume) == "$other" ]] || fail "it was detached"
run_ok vssctl detach -q "$other"
expect_fail -s 3 -m 'holds no diff area' vssctl diff-area boot --table "$TEST_TMP/areas"
[[ ! $(vssctl status --json | json volume) ]] || fail "attached without an area"
run_ok rmmod vss
run_ok vssctl diff-area boot --table /nowhere
[[ ! -d /sys/module/vss ]] || fail "the module was loaded for nothing"
rm /etc/vss/areas
