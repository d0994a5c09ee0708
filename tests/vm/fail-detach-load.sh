#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Attach, snapshots, detach and unload while the volumes are written to as fast as
# they take it: what is written stays right, images are right while they exist,
# and what is in use is not taken away unless by force.
#
# QEMU with more than one thread may run stale code when the hook is patched in.
# vm: thread=single timeout=1000

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 32 48
parts "$areas" 64 64
raw=$(part "$disk" 1)
ext4=$(part "$disk" 2)
run_ok mkfs.ext4 -q "$ext4"
dir=$(mount_tmp "$ext4")
modprobe vss
rmmod vss

# load_raw: overwrites the volume and reads it back, until it is to stop.
load_raw()
{
	local rounds=0

	while [[ ! -e $TEST_TMP/stop ]]; do
		fio --name=raw --filename="$raw" --direct=1 --rw=randwrite --iodepth=16 \
			--ioengine=libaio --bssplit=4k/60:16k/20:64k/20 --blockalign=4k \
			--size=8M --offset=$((RANDOM % 4 * 8))M \
			--verify=crc32c --verify_fatal=1 || return 1
		rounds=$((rounds + 1))
	done
	echo "$rounds rounds of the raw load"
}

# load_fs: makes files, keeps their checksums, deletes some, until it is to stop.
load_fs()
{
	local n=0 old

	while [[ ! -e $TEST_TMP/stop ]]; do
		n=$((n + 1))
		head -c $((RANDOM * 8)) /dev/urandom >"$dir/file.$n" || return 1
		sha256sum "$dir/file.$n" >"$TEST_TMP/sha.$n" || return 1
		((n % 4)) || sync -f "$dir" || return 1
		old=$((n - 60))
		((old < 1)) || rm "$dir/file.$old" "$TEST_TMP/sha.$old" || return 1
	done
	echo "$n files of the load on ext4"
}

loads_run()
{
	if is_over raw || is_over fs; then
		fail "a load ended: $(cat "$TEST_TMP"/{raw,fs}.out)"
	fi
}

bg raw load_raw
bg fs load_fs
cleanup_push touch "$TEST_TMP/stop"

begin()
{
	vssctl attach --quiet "$raw"
	vssctl attach --quiet "$ext4"
	vssctl diff-area add --quiet --force "$raw" --on "$(part "$areas" 1)"
	vssctl diff-area add --quiet --force "$ext4" --on "$(part "$areas" 2)"
}

for round in 1 2; do
	echo "--- round $round"
	load_vss
	begin
	# The content at the instant, read while nothing moves.
	ctl_start a --hold-timeout 60000 "$raw" "$ext4"
	ctl_ok a held
	raw_sum=$(raw_sha "$raw")
	ext4_sum=$(raw_sha "$ext4")
	ctl_ok a "done"
	ctl_end a
	read -r old_raw old_ext4 <<<"${ctl_snaps[a]}"
	snap=$(create "$raw")
	expect_sha "raw, under load" "$(image "$old_raw")" "$raw_sum"
	first=$(raw_sha "$(image "$snap")")
	settle
	expect_fail -s 4 -m "has snapshots" vssctl detach "$raw"
	expect_fail rmmod vss
	expect_sha "ext4, under load" "$(image "$old_ext4")" "$ext4_sum"
	settle
	case $round in
	1)
		# The newest first, then the set, then in peace.
		run_ok vssctl delete --quiet "$snap"
		expect_sha "the elder one" "$(image "$old_raw")" "$raw_sum"
		settle
		run_ok vssctl delete --quiet --set "${ctl_set[a]}"
		run_ok vssctl detach "$raw"
		run_ok vssctl detach "$ext4"
		;;
	2)
		[[ $(raw_sha "$(image "$snap")") == "$first" ]] || fail "an image has changed"
		# One is open, one is mounted and being read.
		exec {held}<"$(image "$old_raw")"
		expect_fail -s 4 -m "in use" vssctl delete "$old_raw"
		expect_fail -s 4 -m "in use" vssctl delete --set "${ctl_set[a]}"
		[[ $(snapshots | wc -l) == 3 ]] || fail "something was deleted all the same"
		run_ok vssctl delete --quiet --force "$old_raw"
		# A device that is gone has an end at 0, or gives errors.
		[[ ! $(head -c 4096 <&"$held" 2>/dev/null | tr -d '\0') ]] ||
			fail "a deleted image can be read"
		exec {held}<&-
		image_dir=$(mount_tmp "$(image "$old_ext4")" -o ro,noload)
		(
			trap - ERR EXIT
			set +e
			while [[ ! -e $TEST_TMP/enough ]]; do
				cat "$image_dir"/file.* >/dev/null 2>>"$TEST_TMP/reader"
				echo 1 >/proc/sys/vm/drop_caches
			done
		) &
		reader=$!
		sleep 0.5
		expect_fail -s 4 -m "in use" vssctl delete "$old_ext4"
		run_ok vssctl detach --force "$raw"
		run_ok vssctl detach --force "$ext4"
		wait_for 60 grep -q "Input/output error" "$TEST_TMP/reader"
		touch "$TEST_TMP/enough"
		wait $reader
		run_ok umount "$image_dir"
		;;
	esac
	[[ ! $(snapshots) ]] || fail "snapshots are left"
	loads_run
	wait_for 5 rmmod vss
done

echo "--- cycles"
for round in $(cases 1 2 -- 3 4); do
	load_vss
	vssctl attach --quiet "$raw"
	if ((round % 2)); then
		vssctl diff-area add --quiet --force "$raw" --on "$(part "$areas" 1)"
		create "$raw" >/dev/null
	fi
	expect_fail rmmod vss
	run_ok vssctl detach --quiet --force "$raw"
	wait_for 5 rmmod vss
	loads_run
done

touch "$TEST_TMP/stop"
expect_over 60000 raw fs
cat "$TEST_TMP"/fs.out
grep "rounds of" "$TEST_TMP/raw.out"
run_ok umount "$dir"
run_ok fsck.ext4 -fn "$ext4"
run_ok mount "$ext4" "$dir"
cat "$TEST_TMP"/sha.* | sha256sum --check --quiet || fail "files have changed"
