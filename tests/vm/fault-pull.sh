#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Disks are pulled out, at rest, under load, and while a set is held: the one that
# holds a diff area, which the origin must not notice, and the origin, whose writers
# must get the errors that they would get without us, and not wait. An image gives what
# the volume was or an error, and everything can be put away afterwards. In the long
# form each kind of disk in each situation.

. "$(dirname "$0")/set-lib.sh"
. "$(dirname "$0")/plug-lib.sh"

disk=$(disk vd0)
parts "$disk" 24 32
still=$(part "$disk" 1)
room=$(part "$disk" 2)
load_vss
watch_events

# KIND: virtio and scsi are pulled out of the VM, forgotten is a SCSI disk that only
# the kernel forgets, debug one of scsi_debug.
get()
{
	case $1 in
	virtio | scsi) plug spare0 "$1" ;;
	forgotten) plug spare0 scsi ;;
	debug) debug_disk 24 ;;
	esac
}

lose()
{
	case $1 in
	virtio | scsi) pull "$2" ;;
	forgotten)
		pull_in_kernel "$2"
		qmp device_del '"id":"spare0"'
		;;
	debug) pull_in_kernel "$2" ;;
	esac
}

# After a detach nobody has it open any more.
forget()
{
	[[ $1 != debug ]] || wait_for 20 rmmod scsi_debug 2>/dev/null
}

# right_or_error WHAT IMAGE COPY: sets read and missing to how many bytes.
right_or_error()
{
	local out

	out=$(same --or-error "$2" "$3") || fail "$1: $2 gives what the volume never was"
	read=${out#read=} read=${read% *} missing=${out#*missing=}
	echo "$1: $read bytes right, $missing not to be read"
}

# begin VOLUME AREA: tracks it and takes two snapshots, with some of it copied for each;
# ids and copies are in the arrays snaps and copies.
begin()
{
	local i

	volume=$1
	snaps=() copies=()
	churn --fill --seed $RANDOM "$volume"
	track "$volume" "$2"
	for i in 0 1; do
		copies+=("$TEST_TMP/copy$i")
		dd if="$volume" of="${copies[i]}" bs=1M iflag=direct status=none
		snaps+=("$(create "$volume")")
		dd if=/dev/urandom of="$volume" bs=16k count=100 seek=$((i * 70)) oflag=direct \
			conv=notrunc status=none
	done
	# What is still in memory is no matter of the disk.
	wait_for 20 all_stored
	settle
}

# end NAME: puts a volume away, by the name that status shows.
end()
{
	local snap

	bg detacher vssctl detach --force "$1"
	expect_over 20000 detacher
	for snap in "${snaps[@]}"; do
		! snapshot_field "$snap" state 2>/dev/null || fail "snapshot $snap is left"
	done
}

# area_pulled KIND rest|load|held
area_pulled()
{
	local i area snap

	echo "--- the disk of the diff area: $1, $2"
	get "$1"
	area=$plugged
	begin "$still" "$area"
	case $2 in
	rest) lose "$1" "$area" ;;
	load)
		start_load "$volume" churn --count 0 --max 256K --jobs 2 --seed 5 "$volume" >"$TEST_TMP/churn"
		sleep 0.7
		lose "$1" "$area"
		sleep 1
		kill $load
		# It knows what the volume must hold.
		wait $load || fail "the origin has noticed"
		cat "$TEST_TMP/churn"
		;;
	held)
		ctl_start a --no-freeze "$volume"
		ctl_ok a held
		bg writer put_block "$volume" "was held" 9
		lose "$1" "$area"
		ctl a "done"
		ctl_send a quit
		ctl_end a
		expect_over 10000 writer
		[[ $(get_block "$volume" 9) == "was held" ]] || fail "the held write was not done"
		;;
	esac
	for i in 0 1; do
		right_or_error "snapshot $i" "$(image "${snaps[i]}")" "${copies[i]}"
		((missing > 0)) || fail "what is on a disk that is gone can be read"
	done
	# From the first copy that cannot be stored on, all are lost.
	run_ok churn --fill --seed 6 "$volume"
	for snap in "${snaps[@]}"; do
		expect_event snapshot-lost "$snap" area-error
		expect_fail -m "Input/output error" dd if="$(image "$snap")" of=/dev/null bs=4k count=1 \
			iflag=direct status=none
	done
	run_ok churn --seed 7 --max 256K --count 50 "$volume"
	expect_fail -m "diff area has failed" vssctl create "$volume"
	timeout $((20 * slower)) vssctl status "$volume" || fail "status hangs"
	timeout $((20 * slower)) vssctl diff-area list "$volume" || fail "diff-area list hangs"
	settle
	bg deleter vssctl delete --quiet "${snaps[@]}"
	expect_over 20000 deleter
	end "$volume"
	forget "$1"

	begin "$still" "$room"
	for i in 0 1; do
		same "$(image "${snaps[i]}")" "${copies[i]}" || fail "with another disk an image is wrong"
	done
	end "$volume"
}

# origin_pulled KIND rest|load|held
origin_pulled()
{
	local i name copied before pid

	echo "--- the disk of the origin: $1, $2"
	get "$1"
	begin "$plugged" "$room"
	name=${volume##*/}
	case $2 in
	rest) lose "$1" "$volume" ;;
	load)
		before=$(writes_to "$volume")
		# Other ways have errors of their own where a device has no size any more, mmap a signal.
		churn --count 0 --max 256K --jobs 2 --seed 5 --ways buffered,direct,vector,uring,dsync,flush \
			"$volume" >"$TEST_TMP/churn" 2>&1 &
		pid=$!
		wait_for 60 has_more_writes "$volume" "$before"
		sleep 0.7
		lose "$1" "$volume"
		# It is not to be kept waiting.
		within 30 eval "! kill -0 $pid 2>/dev/null"
		! wait $pid || fail "writes to a disk that is gone succeed"
		grep "No such device\|Input/output error\|No space left" "$TEST_TMP/churn" ||
			fail "not an error of a disk that is gone: $(<"$TEST_TMP/churn")"
		;;
	held)
		ctl_start a --no-freeze --hold-timeout 10000 "$volume"
		ctl_ok a held
		bg writer put_block "$volume" "was held" 9
		expect_blocked writer
		bg loser lose "$1" "$volume"
		sleep 1
		ctl a "done"
		ctl_send a quit
		ctl_end a
		within 30 is_over writer
		echo "the held write: $(<"$TEST_TMP/writer.out")"
		expect_over 20000 loser
		;;
	esac
	# An attach sees a device as gone when its driver says so.
	wait_for 20 eval "[[ \$(vssctl status --json | json state) == gone ]]"
	timeout $((20 * slower)) vssctl status || fail "status hangs"
	for i in 0 1; do
		right_or_error "snapshot $i" "$(image "${snaps[i]}")" "${copies[i]}"
		copied=$((100 * 16384))
		((read >= copied)) || fail "what was copied is in the diff area, and cannot be read"
		((missing > 0)) || fail "what was not copied is on a disk that is gone, and can be read"
	done
	end "$name"
	forget "$1"
}

if [[ ${LONG:-} ]]; then
	for kind in virtio scsi forgotten debug; do
		for when in rest load held; do
			area_pulled $kind $when
			origin_pulled $kind $when
		done
	done
else
	area_pulled scsi load
	origin_pulled scsi held
	origin_pulled virtio load
fi
