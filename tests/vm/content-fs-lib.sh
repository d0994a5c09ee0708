# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What an image of a busy journaling file system must be, whichever it is. The
# test that sources this sets disk (its serial), mkfs (a command), ro and rw (mount
# options of an image) and defines fsck DEV (which changes nothing).

. "$(dirname "${BASH_SOURCE[0]}")/content-lib.sh"

# expect_files DIR [quiet]
expect_files()
{
	local count

	count=$(files check "$@") || fail "damaged files below $1"
	((count > 0)) || fail "no files below $1"
	echo "$1: $count files as they must be"
}

# has_synced DIR: a job of "files work" has made a file there that outlives a power cut. By then
# its program ends in order when it is told to.
has_synced()
{
	compgen -G "$1/synced.*" >/dev/null
}

# replay ID IMAGE: mounts the image writable, which replays its log, works on it and
# has it checked.
replay()
{
	local id=$1 image=$2 dir load

	[[ $(blockdev --getro "$image") == 1 ]] || fail "an image must be read-only at first"
	run_ok vssctl set-writable "$id" on
	[[ $(blockdev --getro "$image") == 0 ]] || fail "the image is read-only still"
	# shellcheck disable=SC2154 # the test sets it
	dir=$(mount_tmp "$image" -o "$rw")
	expect_files "$dir"
	mkdir "$dir/new"
	files work "$dir/new" 2 &
	load=$!
	wait_for 60 has_synced "$dir/new/job1"
	sleep 1
	kill $load
	wait $load || fail "files has failed on $image"
	expect_files "$dir"
	expect_files "$dir/new" quiet
	umount "$dir"
	run_ok fsck "$image"
	(($(vssctl show --json "$id" | json overlay) > 0)) || fail "nothing was written to $image"
}

journaled()
{
	local dev dir load image_dir frozen crashed quiet after trimmed

	load_vss
	# shellcheck disable=SC2154 # the test sets it
	split "$(disk "$disk")" 64M
	dev=${parts[0]}
	# shellcheck disable=SC2154 # the test sets it
	run_ok "${mkfs[@]}" "$dev"
	dir=$(mount_tmp "$dev")
	track "$dev" "$(disk vd3)"
	files work "$dir" 3 &
	load=$!
	wait_for 60 has_synced "$dir/job2"
	sleep 2

	# Frozen at the instant, and as after a power cut.
	snap_busy "$dev"
	frozen=("${ids[0]}" "${images[0]}" "${copies[0]}")
	expect_same "frozen, first read" "${frozen[@]:1}"
	snap_busy --no-freeze "$dev"
	crashed=("${ids[0]}" "${images[0]}" "${copies[0]}")
	expect_same "crashed, first read" "${crashed[@]:1}"
	sleep 1
	kill $load
	wait $load || fail "files has failed"
	expect_copied "under load" "$dev" 0
	expect_changed "under load" "$dev" "${crashed[2]}"

	# A frozen one can be used as it is, beside the mounted volume.
	[[ ! ${clean_when_frozen:-} ]] || run_ok fsck "${frozen[1]}"
	# shellcheck disable=SC2154 # the test sets it
	image_dir=$(mount_tmp "${frozen[1]}" -o "$ro")
	expect_files "$image_dir" quiet
	umount "$image_dir"
	expect_same "frozen, after it was mounted" "${frozen[@]:1}"

	# What is free now was not at the instant.
	rm -r "$dir/job0"
	sync
	trimmed=$(fstrim -v "$dir")
	[[ $trimmed != *"(0 bytes)"* ]] || fail "nothing was trimmed"
	expect_same "frozen, after a trim of the volume" "${frozen[@]:1}"
	expect_same "crashed, after a trim of the volume" "${crashed[@]:1}"

	# A crashed one needs a replay of its log, which nobody else may see.
	umount "$dir"
	take_copy "$dev" "$TEST_TMP/quiet"
	snap "$dev"
	quiet=("${ids[0]}" "${images[0]}" "$TEST_TMP/quiet")
	replay "${crashed[@]:0:2}"
	expect_same "at rest, when another image was written to" "${quiet[@]:1}"
	expect_same "frozen, when another image was written to" "${frozen[@]:1}"
	same "$dev" "${quiet[2]}" || fail "the volume has changed by writing to an image"

	# Everything is overwritten, and each image stays what it is.
	after=$(sum "${crashed[1]}")
	fill "$dev"
	expect_same "frozen, last read" "${frozen[@]:1}"
	expect_same "at rest, last read" "${quiet[@]:1}"
	expect_sum "written to, last read" "${crashed[1]}" "$after"
	replay "${frozen[@]:0:2}"
	expect_sum "written to, when another was" "${crashed[1]}" "$after"
	settle
	unsnap "${frozen[0]}"
	expect_sum "written to, when another is gone" "${crashed[1]}" "$after"
	expect_same "at rest, when another is gone" "${quiet[@]:1}"
	unsnap "${quiet[0]}" "${crashed[0]}"

	# Writable from the start.
	snap --writable "$dev"
	[[ $(blockdev --getro "${images[0]}") == 0 ]] || fail "the image is read-only"
	take_copy "$dev" "$TEST_TMP/copy"
	churn --seed 8 --count 20 --max 1M "${images[0]}"
	expect_changed "a writable image" "${images[0]}" "$TEST_TMP/copy"
	same "$dev" "$TEST_TMP/copy" || fail "the volume has changed by writing to an image"
	unsnap "${ids[0]}"
	wait_for 20 area_empty "$dev"
}
