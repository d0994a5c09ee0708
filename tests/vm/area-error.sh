#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that fail or hang: a diff area whose writes fail, one that does not
# answer, and an origin that cannot be read. Snapshots may be lost; the origin's
# writes may not, nor may an image give wrong content.
# vm: timeout=1000

. "$(dirname "$0")/area-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 32 32
volume=$(part "$disk" 1)
load_vss
watch_events
fill "$volume"
dd if="$volume" of="$TEST_TMP/model" bs=1M iflag=direct status=none

# lost_because REASON ID...: all of them, and they can only give errors.
lost_because()
{
	local reason=$1 id

	shift
	for id; do
		expect_event snapshot-lost "$id" "$reason"
		[[ $(snapshot_field "$id" state) == lost ]] || fail "$id is not lost"
		[[ $(snapshot_field "$id" lost_reason) == "$reason" ]] ||
			fail "lost because of $(snapshot_field "$id" lost_reason)"
		expect_fail -m "Input/output error" dd if="$(image "$id")" of=/dev/null bs=4k \
			count=1 iflag=direct status=none
	done
}

# area_table TABLE: what the area's device does from now on.
area_table()
{
	dmsetup suspend --nolockfs --noflush area
	dmsetup load area --table "$1"
	dmsetup resume area
}

length=$((32 * 2048))
good="0 $length linear $areas 0"
dmsetup create area --table "$good"
cleanup_push dmsetup remove area
area=/dev/mapper/area

echo "--- writes to the diff area fail"
modprobe dm_flakey || skip "no dm-flakey"
track "$volume" "$area"
snaps=("$(create "$volume")")
sum=$(raw_sha "$volume")
overwrite 0 200
snaps+=("$(create "$volume")")
overwrite 100 200
expect_sha "before" "$(image "${snaps[0]}")" "$sum"
area_table "0 $length flakey $areas 0 0 600 1 error_writes"
overwrite 300 600
lost_because area-error "${snaps[@]}"
origin_right
[[ $(vssctl diff-area list --json | json state) == error ]] || fail "the part shows no error"
expect_fail -m "diff area has failed" vssctl create "$volume"
overwrite 0 1000
origin_right
area_table "$good"
expect_fail -m "diff area has failed" vssctl create "$volume"
settle
run_ok vssctl delete --quiet "${snaps[@]}"
run_ok vssctl detach "$volume"
track "$volume" "$area"
snaps=("$(create "$volume")")
sum=$(raw_sha "$volume")
overwrite 0 500
expect_sha "with a sound diff area" "$(image "${snaps[0]}")" "$sum"

echo "--- writes fail below a driver that sends them on as they are"
if type -P mdadm >/dev/null; then
	settle
	run_ok vssctl detach --force "$volume"
	run_ok mdadm --quiet --create /dev/md/area --run --force --level=0 --raid-devices=1 \
		--metadata=1.2 "$area"
	settle
	md=$(readlink -f /dev/md/area)
	# With statistics it would send clones.
	echo 0 >"/sys/block/${md##*/}/queue/iostats"
	track "$volume" "$md"
	snaps=("$(create "$volume")")
	area_table "0 $length flakey $areas 0 0 600 1 error_writes"
	overwrite 0 300
	lost_because area-error "${snaps[@]}"
	[[ $(vssctl diff-area list --json | json state) == error ]] || fail "the part shows no error"
	area_table "$good"
	settle
	run_ok vssctl detach --force "$volume"
	run_ok mdadm --quiet --stop "$md"
	track "$volume" "$area"
	snaps=("$(create "$volume")")
	sum=$(raw_sha "$volume")
	overwrite 0 500
fi

echo "--- the diff area cannot be read"
# Let what is still in memory be stored.
wait_for 10 all_stored
area_table "0 $length error"
expect_fail -m "Input/output error" dd if="$(image "${snaps[0]}")" of=/dev/null bs=16k count=1 \
	iflag=direct status=none
# What was not copied is on the origin.
dd if="$(image "${snaps[0]}")" of="$TEST_TMP/rest" bs=16k skip=1000 count=200 iflag=direct status=none
dd if="$TEST_TMP/model" bs=16k skip=1000 count=200 status=none | cmp - "$TEST_TMP/rest" ||
	fail "uncopied chunks are wrong"
area_table "$good"
expect_sha "it can be read again" "$(image "${snaps[0]}")" "$sum"
area_table "0 $length error"
overwrite 600 100
lost_because area-error "${snaps[@]}"
origin_right
area_table "$good"
settle
run_ok vssctl detach --force "$volume"

echo "--- the diff area hangs"
echo 3 >/sys/module/vss/parameters/stall_seconds
track "$volume" "$area" --copy-memory 1M
snaps=("$(create "$volume")")
overwrite 0 100
snaps+=("$(create "$volume")")
run_ok dmsetup suspend --nolockfs --noflush area
cleanup_push dmsetup resume area
start=$(milliseconds)
bg writer overwrite 200 600
sleep 1
! is_over writer || fail "the writer was not held back: is all of it in memory?"
expect_over 20000 writer
took=$(($(<"$TEST_TMP/writer.end") - start))
echo "the write went on after $took ms"
((took >= 2500)) || fail "given up too early"
# The reads of the images that EIO is expected of are not sent to the diff area.
lost_because stalled "${snaps[@]}"
origin_right
bg again overwrite 0 1500
expect_over 30000 again
origin_right
timeout $((10 * slower)) vssctl status "$volume" >/dev/null || fail "vssctl hangs"
run_ok dmsetup resume area
settle
run_ok vssctl delete --quiet "${snaps[@]}"
snaps=("$(create "$volume")")
sum=$(raw_sha "$volume")
overwrite 300 300
expect_sha "when it has answered again" "$(image "${snaps[0]}")" "$sum"
settle
run_ok vssctl detach --force "$volume"

echo "--- a hanging diff area is detached"
track "$volume" "$area" --copy-memory 1M
snaps=("$(create "$volume")")
dmsetup suspend --nolockfs --noflush area
bg writer overwrite 900 600
sleep 0.5
bg detacher vssctl detach --force "$volume"
expect_over 15000 writer
# The detach itself has to wait, for what is on its way is in memory of ours.
bg asker vssctl status
echo "meanwhile: detach $(state detacher), status $(state asker)"
run_ok dmsetup resume area
expect_over 10000 asker
wait_for 20 is_over detacher
# The module waits for 10 s, and to get here may have taken longer.
[[ $(state detacher) == 0 ]] || grep "does not end" "$TEST_TMP/detacher.out" ||
	fail "the detach has failed: $(<"$TEST_TMP/detacher.out")"
origin_right
echo 30 >/sys/module/vss/parameters/stall_seconds

echo "--- the origin cannot be read"
# Reads of sectors 4660 to 4669 fail when told so, writes never do.
modprobe scsi_debug dev_size_mb=32 medium_error_start=4660 medium_error_count=10 || skip "no scsi_debug"
wait_for 10 compgen -G '/sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*'
settle
volume=$(compgen -G '/sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*')
volume=/dev/${volume##*/}
fill "$volume"
dd if="$volume" of="$TEST_TMP/model" bs=1M iflag=direct status=none
track "$volume" "$(part "$disk" 2)"
snap=$(create "$volume")
bad=$((4660 / 32))
echo 2 >/sys/bus/pseudo/drivers/scsi_debug/opts
cp "$TEST_TMP/model" "$TEST_TMP/old"
overwrite $bad 1
overwrite $((bad + 1)) 1
overwrite $((bad - 20)) 10
echo 0 >/sys/bus/pseudo/drivers/scsi_debug/opts
origin_right
[[ $(snapshot_field "$snap" state) == alive ]] || fail "the snapshot is lost for one chunk"
img=$(image "$snap")
expect_fail -m "Input/output error" dd if="$img" of=/dev/null bs=4k skip=$((bad * 4)) count=1 \
	iflag=direct status=none
for range in "0 $bad" "$((bad + 1)) $((32 * 64 - bad - 1))"; do
	read -r first count <<<"$range"
	dd if="$img" of="$TEST_TMP/part" bs=16k skip="$first" count="$count" iflag=direct status=none
	dd if="$TEST_TMP/old" bs=16k skip="$first" count="$count" status=none | cmp - "$TEST_TMP/part" ||
		fail "the readable rest of the image is wrong"
done
next=$(create "$volume")
sum=$(raw_sha "$volume")
overwrite $bad 1
expect_sha "the next one has it all" "$(image "$next")" "$sum"

echo "--- only what cannot be read is missing, not what is written with it"
snap=$(create "$volume")
cp "$TEST_TMP/model" "$TEST_TMP/old"
echo 2 >/sys/bus/pseudo/drivers/scsi_debug/opts
overwrite $((bad - 6)) 12
echo 0 >/sys/bus/pseudo/drivers/scsi_debug/opts
origin_right
img=$(image "$snap")
expect_fail -m "Input/output error" dd if="$img" of=/dev/null bs=4k skip=$((bad * 4)) count=1 \
	iflag=direct status=none
missing=0
for ((i = bad - 6; i < bad + 6; i++)); do
	if ! dd if="$img" of="$TEST_TMP/part" bs=16k skip=$i count=1 iflag=direct status=none; then
		missing=$((missing + 1))
		continue
	fi
	dd if="$TEST_TMP/old" bs=16k skip=$i count=1 status=none | cmp - "$TEST_TMP/part" ||
		fail "chunk $i of the image is wrong"
done
settle
run_ok vssctl detach --force "$volume"
((missing == 1)) || fail "$missing chunks of the image are missing, only one was unreadable"
