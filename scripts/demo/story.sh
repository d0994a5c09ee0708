#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo, run in the VM by scripts/demo.sh. Every step is checked; the first
# thing that is not as it should be ends the demo with the reason and the end of
# the kernel log.

here=$(dirname "$0")
. "$here/telling.sh"

# --- the workload -------------------------------------------------------------

# Process of each part of it, by name.
declare -A jobs=()

start_job()
{
	local name=$1

	shift
	"$@" >"$work/$name.out" 2>"$work/$name.log" &
	jobs[$name]=$!
}

start_workload()
{
	local fs

	for fs in ext4 xfs; do
		mkdir "/mnt/$fs/fio"
		start_job "fio-$fs" fio --name=demo --thread --directory="/mnt/$fs/fio" --rw=randwrite \
			--bsrange=4k-64k --size=16m --overwrite=1 --ioengine=libaio --iodepth=4 \
			--direct=1 --rate_iops=40 --time_based --runtime=3600 --randrepeat=0 \
			--output-format=terse --terse-version=3
		start_job "churn-$fs" bash "$here/workload.sh" churn "/mnt/$fs/churn"
	done
	start_job ledger bash "$here/workload.sh" ledger /mnt/ext4/ledger /mnt/xfs/ledger
}

# Blocks written by a process, by its own account.
written()
{
	awk '$1 == "write_bytes:" { print $2 }' "/proc/$1/io"
}

check_workload()
{
	local name

	for name in "${!jobs[@]}"; do
		kill -0 "${jobs[$name]}" 2>/dev/null || fail "$name has ended by itself"
	done
}

stop_workload()
{
	local name status

	check_workload
	kill "${jobs[@]}"
	for name in "${!jobs[@]}"; do
		status=0
		wait "${jobs[$name]}" || status=$?
		# fio's own status when it was told to stop is 128.
		[[ $status == 0 || $name == fio-* && $status == 128 ]] ||
			fail "$name has failed, status $status"
	done
	jobs=()
}

# --- what is checked ----------------------------------------------------------

count_watched() { grep -c . "$work/manifest.$1"; }

# Compares the watched files below a directory with what was noted.
verify()
{
	(cd "$2" && sha256sum --check --strict --quiet "$work/manifest.$1") ||
		fail "$2: files are not as noted"
	say "$2: all $(count_watched "$1") watched files are as noted"
}

# The same on a live volume, where none may be any more.
verify_changed()
{
	local n

	n=$(cd "$2" && sha256sum --check "$work/manifest.$1" 2>/dev/null | grep -c ': FAILED$') || true
	[[ $n == "$(count_watched "$1")" ]] || fail "$2: only $n watched files have changed"
	say "$2: $n watched files, $n with another checksum"
}

mount_images()
{
	run mount -o ro,noload "${image[ext4]}" /img/ext4
	run mount -o ro,norecovery,nouuid "${image[xfs]}" /img/xfs
}

# Tells how much of the diff areas is in use, and fails unless that has grown.
declare -A used_before=([ext4]=0 [xfs]=0)
show_growth()
{
	local fs used text=

	for fs in ext4 xfs; do
		used=$(vssctl status "/mnt/$fs" | sed -n 's/^in use .*(\([0-9]*\) bytes)$/\1/p')
		((used > used_before[$fs])) ||
			fail "diff area of /mnt/$fs: $used bytes in use, ${used_before[$fs]} before"
		used_before[$fs]=$used
		text+=", /mnt/$fs $((used / 1024)) KiB"
	done
	say "diff areas in use ($1): ${text#, }"
}

# ------------------------------------------------------------------------------

mkdir -p "$work" /mnt/{ext4,xfs} /img/{ext4,xfs}

step "The module is loaded into Debian's kernel $(uname -r)"
run modprobe vss
run vssctl version

step "An ext4 and an XFS volume on two disks, with files to watch"
declare -A disk=() image=()
disk[ext4]=$(readlink -f /dev/disk/by-id/virtio-demo-ext4)
disk[xfs]=$(readlink -f /dev/disk/by-id/nvme-*demo-xfs | head -n 1)
mkfs.ext4 -q "${disk[ext4]}"
mkfs.xfs -q "${disk[xfs]}"
text=$(head -c 750k /dev/urandom | base64 -w 0)
for fs in ext4 xfs; do
	mount "${disk[$fs]}" "/mnt/$fs"
	mkdir -p "/mnt/$fs/watched"/{small,large}
	# By the shell itself, for to start a process takes long here.
	for i in {1..20}; do
		printf '%s' "${text:i * 1000:i * 1777}" >"/mnt/$fs/watched/small/$i"
	done
	for i in {1..6}; do
		printf '%s' "${text:i}" "${text:i * 777}" "${text:i * 55555}" \
			>"/mnt/$fs/watched/large/$i"
	done
	(cd "/mnt/$fs" && sha256sum watched/*/*) >"$work/manifest.$fs"
	say "/mnt/$fs is ${disk[$fs]}: the SHA-256 of $(count_watched $fs) files was noted"
done

step "A workload on both: fio writes at random places, files come, move and go"
start_workload
say "and a ledger gets each number on ext4 first, on XFS next"
for ((i = 0; ; i++)); do
	((i < 300)) || fail "the workload does not get going"
	check_workload
	# Its file has been laid out, and more.
	if [[ $(written "${jobs[fio-ext4]}") -gt $((17 << 20)) &&
	      $(written "${jobs[fio-xfs]}") -gt $((17 << 20)) && -s /mnt/xfs/ledger ]]; then
		break
	fi
	sleep 0.2
done

step "One snapshot set of both while it runs; nothing was prepared for it"
ledger_before=$(tail -n 1 /mnt/ext4/ledger)
run vssctl create /mnt/ext4 /mnt/xfs
ledger_after=$(tail -n 1 /mnt/ext4/ledger)
set_id=$(awk '$1 == "set" { print $2 }' "$work/out")
for fs in ext4 xfs; do
	image[$fs]=$(awk -v disk="${disk[$fs]}" '$1 == "volume" { hit = $2 == disk }
		$1 == "device" && hit { print $2 }' "$work/out")
	[[ -b ${image[$fs]} ]] || fail "no image of /mnt/$fs"
done
check_workload
show_growth "just after"

step "The images are mounted read-only and compared with what was noted"
mount_images
say "(noload, norecovery: no journal can be replayed on a read-only image;" \
	" nouuid: else XFS refuses a second file system with the same UUID)"
for fs in ext4 xfs; do
	verify "$fs" "/img/$fs"
	(cd "/img/$fs" && sha256sum fio/* churn/* churn/kept/* 2>/dev/null) >"$work/busy.$fs" || true
	[[ -s $work/busy.$fs ]] || fail "nothing of the workload is in /img/$fs"
done
say "and the $(cat "$work"/busy.* | grep -c .) files that the workload had at the instant are noted now"
in_ext4=$(tail -n 1 /img/ext4/ledger)
in_xfs=$(tail -n 1 /img/xfs/ledger)
say "the ledger ends with $in_ext4 in the image of ext4, with $in_xfs in that of XFS," \
	"with $(tail -n 1 /mnt/ext4/ledger) on the volume"
((in_ext4 == in_xfs || in_ext4 == in_xfs + 1)) || fail "that is not one instant"
((in_ext4 >= ledger_before && in_ext4 <= ledger_after)) ||
	fail "that is not the instant: the ledger was at $ledger_before before, $ledger_after after"
run umount /img/ext4 /img/xfs

step "On the volumes all watched files are overwritten in place, then half are deleted"
for part in small large; do
	shred -n 1 -x "/mnt/ext4/watched/$part"/* "/mnt/xfs/watched/$part"/*
	show_growth "$part files overwritten"
done
for fs in ext4 xfs; do
	verify_changed "$fs" "/mnt/$fs"
	rm "/mnt/$fs/watched"/*/*[13579]
	echo new >"/mnt/$fs/watched/new"
done
sync
sleep 1
show_growth "half deleted, workload going on"
check_workload

step "The images, read anew, are still those of the instant"
echo 3 >/proc/sys/vm/drop_caches
mount_images
for fs in ext4 xfs; do
	verify "$fs" "/img/$fs"
	[[ ! -e /img/$fs/watched/new ]] || fail "a file made after the instant is in /img/$fs"
	(cd "/img/$fs" && sha256sum --check --strict --quiet "$work/busy.$fs") ||
		fail "/img/$fs: files of the workload are not as at first reading"
	sha256sum "/mnt/$fs/fio"/* | cut -d ' ' -f 1 | grep -qFf - "$work/busy.$fs" &&
		fail "fio has not changed its file on /mnt/$fs"
done
say "those of the workload are as at first reading, while fio's are others on the volumes"
[[ $(tail -n 1 /img/ext4/ledger) == "$in_ext4" && $(tail -n 1 /img/xfs/ledger) == "$in_xfs" ]] ||
	fail "the ledger in the images has changed"
run vssctl status

step "The workload is stopped, the set deleted, the module unloaded"
stop_workload
for fs in ext4 xfs; do
	# Terse output, version 3: the error is field 5, KiB written field 47.
	IFS=';' read -r -a field < <(grep '^3;' "$work/fio-$fs.out")
	[[ ${field[4]} == 0 ]] || fail "fio on /mnt/$fs met error ${field[4]}"
	say "/mnt/$fs: fio wrote ${field[46]} KiB without an error;" \
		"  $(<"$work/churn-$fs.out") small files were created"
done
run umount /img/ext4 /img/xfs
run vssctl delete --set "$set_id"
run vssctl detach /mnt/ext4
run vssctl detach /mnt/xfs
run umount /mnt/ext4 /mnt/xfs
udevadm settle
run rmmod vss
for ((i = 0; i < 20; i++)); do
	left=$(compgen -G '/sys/kernel/slab/vss*' || compgen -G '/sys/block/vss*') || break
	sleep 0.1
done
[[ -z $left ]] || fail "left behind: $left"

step "What is left: two volumes in order and a clean kernel log"
e2fsck -f -n "${disk[ext4]}" >"$work/out" 2>&1 || fail "e2fsck: $(<"$work/out")"
say "e2fsck: $(tail -n 1 "$work/out")"
xfs_repair -n "${disk[xfs]}" >"$work/out" 2>&1 || fail "xfs_repair: $(<"$work/out")"
say "xfs_repair: nothing to repair"
dmesg | "$VSS_SRC/scripts/vm/check-log" - >"$work/out" || fail "kernel log: $(<"$work/out")"
say "kernel log: no warning, no error, no leak"
echo
