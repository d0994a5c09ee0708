#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A tracked device grows and shrinks: a virtio disk and a dm device, in the long form also
# a SCSI disk and a loop device. Writes go as far as the device goes. When it has grown, images
# are as the volume was; when it has become smaller they are lost, also if nobody has looked before
# it was as large as ever again, and those in a persistent diff area for good. A set is refused
# with the reason while the device has another size. The same goes for a diff area: copies
# that were beyond its end are gone, also if it is as large as ever again.

. "$(dirname "$0")/set-lib.sh"
. "$(dirname "$0")/plug-lib.sh"

disk=$(disk vd0)
parts "$disk" 64 32 24
below=$(part "$disk" 1)
room=$(part "$disk" 2)
plain=$(part "$disk" 3)
load_vss
watch_events

mib=24
chunk=16384

# resize_KIND MIB: the device of that kind gets that size.
resize_virtio()
{
	qmp block_resize "\"node-name\":\"spare0\",\"size\":$(($1 << 20))"
}

resize_scsi()
{
	qmp block_resize "\"node-name\":\"spare1\",\"size\":$(($1 << 20))"
	echo 1 >"/sys/block/${volume##*/}/device/rescan"
}

resize_dm()
{
	dmsetup load resized --table "0 $(($1 * 2048)) linear $below 0"
	dmsetup suspend resized
	dmsetup resume resized
}

resize_loop()
{
	truncate -s "$1M" "$TEST_TMP/loop"
	losetup --set-capacity "$volume"
}

get_virtio()
{
	plug spare0 virtio
	cleanup_push resize_virtio "$mib"
}

get_scsi()
{
	plug spare1 scsi
	cleanup_push qmp block_resize "\"node-name\":\"spare1\",\"size\":$((mib << 20))"
}

get_dm()
{
	dmsetup create resized --table "0 $((mib * 2048)) linear $below 0"
	cleanup_push dmsetup remove resized
	plugged=/dev/mapper/resized
}

get_loop()
{
	truncate -s "${mib}M" "$TEST_TMP/loop"
	plugged=$(losetup -f --show "$TEST_TMP/loop")
	cleanup_push losetup -d "$plugged"
}

size_is()
{
	[[ $(blockdev --getsize64 "$volume") == $(($1 << 20)) ]]
}

# resized MIB
resized()
{
	"resize_$kind" "$1"
	wait_for 20 size_is "$1"
	settle
}

# right_or_error WHAT: sets missing to the bytes of the image that cannot be read.
right_or_error()
{
	missing=$(same --or-error "$(image "$snap")" "$TEST_TMP/copy") ||
		fail "$1: the image is not what the volume was"
	echo "$kind: $1: $missing"
	missing=${missing#*missing=}
}

take()
{
	dd if="$volume" of="$TEST_TMP/copy" bs=1M iflag=direct status=none
	snap=$(create "$volume")
	settle
}

# is_lost WHAT: the image gives nothing, and that was told.
is_lost()
{
	local at

	for at in 0 3 $((mib - 1)) $((mib + 7)); do
		expect_fail -m "Input/output error" dd if="$(image "$snap")" of=/dev/null bs=1M count=1 \
			skip="$at" iflag=direct
	done
	[[ $(snapshot_field "$snap" lost_reason) == resized ]] || fail "$1: it is not lost by that"
	expect_event snapshot-lost "$snap" resized
}

refused()
{
	expect_fail -m "the volume was resized; detach it and attach it again" vssctl create "$volume"
	[[ $(snapshots) == "$snap" ]] || fail "there are others: $(snapshots)"
}

kinds=(virtio dm)
[[ ! ${LONG:-} ]] || kinds+=(scsi loop)
for kind in "${kinds[@]}"; do
	echo "--- $kind: larger"
	"get_$kind"
	volume=$plugged
	churn --fill --seed 1 "$volume"
	track "$volume" "$room"
	take
	start_load "$volume" churn --count 0 --max 256K --seed 2 "$volume" >"$TEST_TMP/churn"
	sleep 0.5
	resized $((mib + 8))
	sleep 0.3
	kill $load
	wait $load || fail "$kind: writes fail when the device has grown"
	refused
	# The old end, in the middle of a write
	dd if=/dev/urandom of="$volume" bs=64k seek=$((mib * 16 * 65536 - 24576)) count=4 \
		oflag=direct,seek_bytes conv=notrunc status=none
	run_ok churn --fill --seed 3 "$volume"
	run_ok churn --seed 3 --count 30 --max 1M "$volume"
	right_or_error "grown"
	[[ $missing == 0 ]] || fail "the image cannot be read"
	[[ $(blockdev --getsize64 "$(image "$snap")") == $((mib << 20)) ]] || fail "the image has another size"
	run_ok vssctl delete --quiet "$snap"
	expect_fail -m "resized" vssctl create "$volume"
	run_ok vssctl detach --quiet "$volume"

	echo "--- $kind: smaller"
	track "$volume" "$room"
	take
	# A chunk that is copied, and will lie beyond the end; chunks that are not.
	dd if=/dev/urandom of="$volume" bs=$chunk seek=$(((mib + 2) * 64)) count=8 oflag=direct \
		conv=notrunc status=none
	resized $((mib - 8))
	refused
	is_lost "shrunk"
	# Up to the new end and not beyond
	run_ok churn --fill --seed 4 "$volume"
	run_ok churn --seed 4 --count 30 --max 1M "$volume"
	expect_fail dd if=/dev/zero of="$volume" bs=4k count=1 seek=$(((mib + 1) * 256)) \
		oflag=direct conv=notrunc
	resized $mib
	refused

	echo "--- $kind: as large as before"
	resized $((mib + 8))
	is_lost "as large as before"
	run_ok vssctl delete --quiet "$snap"
	take
	run_ok churn --fill --seed 5 "$volume"
	right_or_error "the next one"
	[[ $missing == 0 ]] || fail "the image cannot be read"
	run_ok vssctl delete --quiet "$snap"

	echo "--- $kind: smaller and as large again, and nobody looks"
	take
	resized $((mib - 8))
	resized $((mib + 8))
	is_lost "as if nothing had been"
	settle
	run_ok vssctl detach --quiet --force "$volume"
done

echo "--- a persistent diff area"
kind=dm
volume=/dev/mapper/resized
vssctl attach --quiet "$volume"
vssctl diff-area add --quiet --force --persistent "$volume" --on "$room"
take
churn --seed 6 --count 5 "$volume"
resized $mib
resized $((mib + 8))
is_lost "in a persistent area"
run_ok vssctl detach --quiet "$volume"
run_ok vssctl attach --quiet "$volume"
expect_fail -s 2 -m '1 of 1 snapshots are lost (resized)' vssctl diff-area load "$volume" "$room"
is_lost "loaded again"
run_ok vssctl delete --quiet "$snap"
run_ok vssctl detach --quiet "$volume"

echo "--- a diff area that becomes smaller and as large again, and nobody looks"
resized $mib
area=$volume volume=$plain
track "$volume" "$area"
take
run_ok churn --fill --seed 6 "$volume"
wait_for 20 all_stored
right_or_error "stored"
[[ $missing == 0 ]] || fail "the image cannot be read"
volume=$area
resized 1
resized $mib
volume=$plain
expect_event snapshot-lost "$snap" resized
right_or_error "the diff area was smaller"
[[ $missing == $((mib << 20)) ]] || fail "a lost snapshot can be read"
run_ok vssctl delete --quiet "$snap"
take
run_ok churn --fill --seed 7 "$volume"
right_or_error "the next one"
[[ $missing == 0 ]] || fail "the image cannot be read"

echo "--- a diff area that has become smaller, and is used"
volume=$area
resized 1
volume=$plain
run_ok churn --seed 8 --count 30 --max 1M "$volume"
right_or_error "the diff area is smaller"
[[ $missing == $((mib << 20)) ]] || fail "a lost snapshot can be read"
run_ok vssctl detach --quiet --force "$volume"
