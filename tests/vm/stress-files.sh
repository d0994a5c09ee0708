#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ext4 and XFS on tracked volumes do all that file systems are asked for, while sets of
# both come and go: what programs read is what they wrote, the images are what the volumes
# were and can be mounted with their files as they must be, and in the end both file
# systems are clean. In the long form with more load, and for longer.

. "$(dirname "$0")/content-lib.sh"

RANDOM=${SEED:-4}

need stress-ng fio
load_vss
# What has to be copied at each instant while nobody writes.
size=${LONG:+64M}
split "$(disk vd0)" "${size:-24M}"
ext4_dev=${parts[0]}
split "$(disk sd0)" "${size:-24M}"
xfs_dev=${parts[0]}
split "$(disk vd3)" 300M 300M
run_ok mkfs.ext4 -q "$ext4_dev"
run_ok mkfs.xfs -q --unsupported "$xfs_dev"
ext4=$(mount_tmp "$ext4_dev")
xfs=$(mount_tmp "$xfs_dev")
track "$ext4_dev" "${parts[0]}"
track "$xfs_dev" "${parts[1]}" --chunk-size 64K

# --- loads ------------------------------------------------------------------------

# verify DIR: fio writes a file and reads it back, until there is a file "stop".
verify()
{
	local rounds=0

	while [[ ! -e $TEST_TMP/stop ]]; do
		fio --name=verify --directory="$1" --size=1M --bsrange=512-64k --bs_unaligned \
			--rw=randwrite --ioengine=psync --fsync=16 --verify=crc32c --verify_fatal=1 \
			--verify_state_save=0 --randseed="$RANDOM" --output="$TEST_TMP/fio.$BASHPID" --minimal || return 1
		rounds=$((rounds + 1))
	done
	echo "fio: $rounds files written and read"
}

# ng DIR STRESSOR...: one of each of these at a time, until there is a file "stop".
ng()
{
	local dir=$1 args=() s rounds=0

	shift
	for s; do
		args+=("--$s" 1)
	done
	while [[ ! -e $TEST_TMP/stop ]]; do
		stress-ng --quiet --temp-path "$dir" --timeout 3 --verify --fallocate-bytes 2M \
			--seek-size 1M "${args[@]}" || return 1
		rounds=$((rounds + 1))
	done
	echo "stress-ng: $rounds rounds of $*"
}

# load COMMAND...: in the background, after what the test itself has to do.
loads=()
load()
{
	"$@" &
	loads+=($!)
	renice -n 15 -p $! >/dev/null
}

for dir in "$ext4" "$xfs"; do
	mkdir "$dir"/{tree,fio,ng}
	load files work "$dir/tree" 1
	load onefile --count 0 --seed ${#loads[@]} --size $((2 << 20)) "$dir/one"
done
until_killed=("${loads[@]}")
load verify "$ext4/fio"
load ng "$xfs/ng" rename fallocate symlink
if [[ ${LONG:-} ]]; then
	load verify "$xfs/fio"
	load ng "$ext4/ng" dir rename fallocate seek
	load ng "$xfs/ng" dentry xattr
fi
cleanup_push touch "$TEST_TMP/stop"

# --- sets ---------------------------------------------------------------------------

# expect_files DIR [quiet]
expect_files()
{
	local count

	count=$(files check "$1/tree" "${@:2}") || fail "damaged files below $1"
	echo "$1: $count files as they must be"
}

sound_ext4() { e2fsck -fn "$1"; }
# So small a one may have one allocation group only.
sound_xfs() { xfs_repair -n -o force_geometry "$1"; }

# sound FS DEV: its check finds nothing.
sound()
{
	"sound_$1" "$2" >"$TEST_TMP/fsck" 2>&1 || fail "$2 is damaged: $(<"$TEST_TMP/fsck")"
	echo "$2: $1 is sound"
}

kept_ids=() kept_images=() kept_copies=()

# frozen: a set of which each image is compared and mounted as it is, and kept.
frozen()
{
	local dir

	snap_busy "$ext4_dev" "$xfs_dev"
	same "${images[0]}" "${copies[0]}" "${images[1]}" "${copies[1]}" ||
		fail "an image is not what the volume was"
	dir=$(mount_tmp "${images[0]}" -o ro)
	expect_files "$dir" quiet
	umount "$dir"
	dir=$(mount_tmp "${images[1]}" -o ro,norecovery,nouuid)
	expect_files "$dir" quiet
	umount "$dir"
	# Files that were open and deleted go with the first mount that may write.
	cp "${copies[0]}" "$TEST_TMP/thawed"
	dir=$(mount_tmp "$TEST_TMP/thawed" -o loop)
	umount "$dir"
	sound ext4 "$TEST_TMP/thawed"
	kept_ids+=("${ids[@]}")
	kept_images+=("${images[@]}")
	kept_copies+=("${copies[@]}")
}

# crashed: a set as after a power cut; each image is repaired by its file system.
crashed()
{
	local dir

	snap --no-freeze --writable "$ext4_dev" "$xfs_dev"
	dir=$(mount_tmp "${images[0]}")
	expect_files "$dir"
	umount "$dir"
	sound ext4 "${images[0]}"
	dir=$(mount_tmp "${images[1]}" -o nouuid)
	expect_files "$dir"
	umount "$dir"
	sound xfs "${images[1]}"
	unsnap "${ids[@]}"
}

# drop N: deletes one of the sets that were kept.
drop()
{
	local i=$(($1 * 2))

	same "${kept_images[i]}" "${kept_copies[i]}" "${kept_images[i + 1]}" "${kept_copies[i + 1]}" ||
		fail "an image is not what the volume was"
	unsnap "${kept_ids[i]}" "${kept_ids[i + 1]}"
	rm "${kept_copies[i]}" "${kept_copies[i + 1]}"
	kept_ids=("${kept_ids[@]:0:i}" "${kept_ids[@]:i + 2}")
	kept_images=("${kept_images[@]:0:i}" "${kept_images[@]:i + 2}")
	kept_copies=("${kept_copies[@]:0:i}" "${kept_copies[@]:i + 2}")
}

rounds=${LONG:+60}
for ((round = 0; round < ${rounds:-1}; round++)); do
	sleep 1
	frozen
	crashed
	((${#kept_ids[@]} < 6)) || drop $((RANDOM % 3))
	for load in "${loads[@]}"; do
		kill -0 "$load" || fail "a load has ended"
	done
done
while ((${#kept_ids[@]} > 2)); do
	drop $((RANDOM % (${#kept_ids[@]} / 2)))
done

# --- the end --------------------------------------------------------------------------

touch "$TEST_TMP/stop"
kill "${until_killed[@]}"
for load in "${loads[@]}"; do
	wait "$load" || fail "a load has failed"
done
for dev in "$ext4_dev" "$xfs_dev"; do
	expect_copied "all of it" "$dev" 0
	echo "$dev: $copied chunks copied"
done
expect_files "$ext4"
expect_files "$xfs"
umount "$ext4" "$xfs"
sound ext4 "$ext4_dev"
sound xfs "$xfs_dev"
if [[ ${LONG:-} ]]; then
	fill "$ext4_dev"
	fill "$xfs_dev"
fi
drop 0
for dev in "$ext4_dev" "$xfs_dev"; do
	[[ $(vol "$dev" area_used) == 0 ]] || fail "the diff area of $dev is not empty again"
done
