#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check-reboot.sh [initramfs-tools|dracut]: a machine whose root volume has snapshots is
# started again and again, from a disk of its own by an initramfs that the one (the default) or
# the other has made, and the root volume is written each time (tests/reboot). First the volume is to be set back to one of them: the power
# fails meanwhile, and the next start goes on. Snapshots are there, and right, after the
# machine was stopped in order; when the module was missing once, they are lost.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

maker=${1:-initramfs-tools} options=''
case $maker in
initramfs-tools) ;;
# It has no program to check file systems.
dracut) options=rd.skipfsck ;;
*) die "there is no way to make an initramfs with \"$maker\"" ;;
esac
mkdir -p "$build"
dir=$(mktemp -d "$build/reboot-XXXXXX")
mkdir "$dir/state"
truncate -s 130M "$dir/disk"
kver=${VM_KERNEL:-$(default_kver)} || die "no Debian kernel: run scripts/install-deps.sh"

server='' vm='' keep=1
# shellcheck disable=SC2317 # called by the trap
end()
{
	[[ ! $vm ]] || { kill "$vm" && wait "$vm"; } 2>/dev/null
	[[ ! $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null
	[[ $keep ]] || rm -rf "$dir"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# failed WHAT FILE
failed()
{
	echo "FAILED: $1; all is in $dir" >&2
	tail -n 60 "$2" >&2
	exit 1
}

SECONDS=0
unshare --mount --propagation private tests/reboot/initramfs.sh "$dir/state" "$build/stage" "$kver" "$maker" >"$dir/initramfs.log" 2>&1 ||
	failed "the initramfs could not be made" "$dir/initramfs.log"
setpriv --pdeathsig KILL nbdkit --foreground --exit-with-parent --unix "$dir/socket" file "$dir/disk" \
	2>"$dir/server.log" &
server=$!
until [[ -S $dir/socket ]]; do
	kill -0 $server 2>/dev/null || failed "no disk" "$dir/server.log"
	sleep 0.05
done
setpriv --pdeathsig TERM scripts/vm/run --no-disks --mem 1024 --timeout 200 --dir "$dir/vm" --share "$dir/state" \
	--nbd "$dir/socket:root" -- tests/reboot/prepare.sh >"$dir/prepare.log" 2>&1 </dev/null &
vm=$!
wait $vm || failed "the disk could not be made" "$dir/prepare.log"
vm=''
kill $server
wait $server
server=''
echo "made a system with $maker in $SECONDS s"
sum=$(<"$dir/state/sum") old=$(<"$dir/state/old")

# machine WHAT [QEMU-DRIVE-OPTION] [KERNEL-OPTION]: begins to run; its process is $vm, the console in $log.
machine()
{
	log=$dir/${1// /-}.log
	setpriv --pdeathsig KILL timeout --foreground -s KILL 400 qemu-system-x86_64 -nodefaults -no-user-config -no-reboot \
		-M q35 -accel "${VM_ACCEL:-tcg}" -cpu max -smp 2 -m 512 -display none -vga none \
		-kernel "/boot/vmlinuz-$kver" -initrd "$dir/state/initrd" \
		-append "root=LABEL=vss-root ro console=ttyS0 panic=-1 oops=panic panic_on_warn=1 nokaslr mitigations=off quiet $options ${3:-}" \
		-device virtio-rng-pci -drive "if=none,id=disk,format=raw,cache=unsafe,file=${dir//,/,,}/disk${2:+,$2}" \
		-device virtio-blk-pci,drive=disk -serial "file:${log//,/,,}" </dev/null 2>"$dir/qemu.log" &
	vm=$!
}

# start WHAT [KERNEL-OPTION]: until it ends.
start()
{
	local begun=$SECONDS

	machine "$1" '' "${2:-}"
	wait $vm || failed "$1: it did not end" "$log"
	vm=''
	scripts/vm/check-log "$log" || failed "$1: the kernel log has that" "$log"
	grep -q 'init: image' "$log" || failed "$1: it did not start" "$log"
	echo "$1: $((SECONDS - begun)) s"
}

# right WHAT: the images were what the volume was, before the volume was written and after.
right()
{
	(($(grep -cE "init: (image|later) vss0 $old" "$log") == 2)) || failed "$1: the older image is not what the volume was" "$log"
	(($(grep -cE "init: (image|later) vss1 $sum" "$log") == 2)) || failed "$1: the image is not what the volume was" "$log"
	! grep -q 'init: image vss2' "$log" || failed "$1: the newer one is there" "$log"
}

# At 256 KiB/s, so that it takes its time.
machine "setting back" throttling.bps-write=262144
until grep -q 'set back, [1-9]' "$log" 2>/dev/null; do
	kill -0 $vm 2>/dev/null || failed "it was not set back" "$log"
	sleep 0.05
done
# What timeout(1) runs, and it.
pkill -KILL -P $vm
wait $vm 2>/dev/null
vm=''
! grep -q 'init: image' "$log" || failed "it was too fast" "$log"
echo "setting back: the power fails"

# e2fsck would write to the head.
start "after a power failure" fsck.mode=skip
grep -q 'a revert that was broken off goes on' "$log" || failed "it did not go on" "$log"
grep -q "init: volume $sum" "$log" || failed "the volume is not set back" "$log"
right "after a power failure"
start "after a reboot"
! grep -q "init: volume $sum" "$log" || failed "it was set back again" "$log"
right "after a reboot"
start "without the module" module_blacklist=vss
grep -q 'init: image none' "$log" || failed "the module was there" "$log"
start "after that"
grep -q 'lost (untracked)' "$log" || failed "the loss was not told" "$log"
! grep -qE "init: [a-z]* vss[0-9]* ($sum|$old)" "$log" || failed "they were not lost" "$log"
echo "five starts in $SECONDS s"
keep=''
