#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whoever dies or hangs while a set is made, or when there is no room: nothing stays
# frozen, nothing is left of the set, the right failure is told, and the next set works.
#
# The short form leaves out moments whose like another fault has; LONG has all of them.
#
# TIM-005 ORD-027 PRV-021 PRV-022 PRV-033 EVT-015
# vm: timeout=1000

. "$(dirname "$0")/svc-lib.sh"

ext4=$(disk vd0)
xfs=$(disk sd0)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.xfs -q -f "$xfs"
ext4_dir=$(mount_tmp "$ext4")
xfs_dir=$(mount_tmp "$xfs")
load_vss
export VSS_BUS_ADDRESS=unix:path=$TEST_TMP/socket
# A provider that is stopped costs twice the hold.
configure '[Timeouts]' 'Provider = 30' 'Hold = 6'
cleanup_push rm -f /etc/vss/vssd.conf.d/test.conf
mkdir "$TEST_TMP/state"

start()
{
	: >"$TEST_TMP/vssd.log"
	vssd --foreground --no-bus --socket "$TEST_TMP/socket" --state "$TEST_TMP/state" \
		>>"$TEST_TMP/vssd.log" 2>&1 &
	wait_for 60 grep -q 'is ready' "$TEST_TMP/vssd.log"
}
cleanup_push _show_log
cleanup_push _show_writer

_show_writer()
{
	echo "--- what is left"
	find "$ext4_dir/.vss" "$xfs_dir/.vss" 2>/dev/null || :
	vssctl status
	grep -H . /run/vss/attached/* 2>/dev/null || :
	echo "--- events of the last writer"
	cat "$TEST_TMP/writer.log" "$TEST_TMP/writer.out"
}

# writer [OPTION]...: a test writer, from now until end_writer.
writer()
{
	: >"$TEST_TMP/writer.log"
	vss-writer-test --address "$VSS_BUS_ADDRESS" --component "Data=$ext4_dir" --name Test --class 11111111-2222-3333-4444-555555555555 \
		--log "$TEST_TMP/writer.log" "$@" >"$TEST_TMP/writer.out" 2>&1 &
	writer_pid=$!
	wait_for 60 grep -q " registered" "$TEST_TMP/writer.log"
}

end_writer()
{
	kill -KILL "$writer_pid" 2>/dev/null || :
	wait "$writer_pid" 2>/dev/null || :
}

# let_go: the writer that holds an event answers it. Holds are longer than any machine
# takes to get there; nobody waits for their end.
let_go()
{
	kill -USR1 "$writer_pid"
}

# begin_set: a set in the background, its output in $TEST_TMP/create.out.
begin_set()
{
	vssctl create --context backup "$ext4_dir" "$xfs_dir" >"$TEST_TMP/create.out" 2>&1 &
	create_pid=$!
}

# end_set STATUS: waits for it; "ok", "fail" or "any".
end_set()
{
	local status=0

	wait "$create_pid" || status=$?
	sed 's/^/  /' "$TEST_TMP/create.out"
	case $1 in
	ok) ((!status)) || fail "the set failed: $status" ;;
	fail) ((status)) || fail "the set was made" ;;
	esac
}

# reached EVENT: the writer has been told of it.
reached()
{
	grep -q "$1" "$TEST_TMP/writer.log"
}

# clean: no diff area (its folder, made by who was killed, does no harm), no volume tracked.
clean()
{
	! compgen -G "$ext4_dir/.vss/*" >/dev/null && ! compgen -G "$xfs_dir/.vss/*" >/dev/null &&
		[[ ! $(vssctl status --json | json volume) ]]
}

# next_set: made, unless a writer has yet to answer that the last one was aborted.
next_set()
{
	local status=0

	vssctl create --quiet --context file-share-backup "$ext4_dir" "$xfs_dir" 2>"$TEST_TMP/next" || status=$?
	((status)) || return 0
	grep -q VSS_E_SNAPSHOT_SET_IN_PROGRESS "$TEST_TMP/next" ||
		fail "the next set failed: $(<"$TEST_TMP/next")"
	sleep 0.5
	return 1
}

# all_well: as if there had been no set, and the next one works. That it leaves nothing
# is seen here the next time, or at the end.
all_well()
{
	nothing_frozen "$ext4_dir" "$xfs_dir"
	[[ $(vssd_pid) ]] || start
	wait_for 60 clean
	wait_for 60 next_set
}

start
for event in $(cases Freeze PostSnapshot -- PrepareSnapshot Thaw); do
	echo "--- vssd is killed in $event"
	writer --inject "$event:hold=300s"
	begin_set
	wait_for 60 reached "$event"
	kill_vssd
	end_set fail
	end_writer
	all_well
done

# Before Freeze and after Thaw it is alone in it, and nothing real is at rest: see
# test-core-fault.
for event in $(cases Freeze -- Thaw); do
	for fault in fail=nonretryable kill hold=300s; do
		echo "--- a writer: $fault in $event"
		writer --window 4s --inject "$event:$fault"
		begin_set
		end_set fail
		grep -q VSS_E_UNEXPECTED_WRITER_ERROR "$TEST_TMP/create.out" || fail "the failure is not the writer's"
		end_writer
		all_well
	done
done

for event in $(cases Freeze -- PrepareSnapshot PostSnapshot); do
	echo "--- the requester is killed in $event"
	writer --inject "$event:hold=300s"
	begin_set
	wait_for 60 reached "$event"
	kill -KILL "$create_pid"
	end_set fail
	let_go
	all_well
	end_writer
done

for event in $(cases Freeze -- PrepareSnapshot Thaw); do
	echo "--- the provider is killed in $event"
	writer --inject "$event:hold=300s"
	begin_set
	wait_for 60 reached "$event"
	kill -KILL "$(host_pid)"
	wait_for 60 grep -q 'provider.*has ended' "$TEST_TMP/vssd.log"
	let_go
	end_set fail
	grep -q 'VSS_E_UNEXPECTED_PROVIDER_ERROR\|VSS_E_PROVIDER_VETO' "$TEST_TMP/create.out" ||
		fail "the failure is not the provider's"
	end_writer
	all_well
	: >"$TEST_TMP/vssd.log"
done

echo "--- the provider is stopped in Freeze"
writer --inject 'Freeze:hold=300s'
begin_set
wait_for 60 reached Freeze
kill -STOP "$(host_pid)"
let_go
end_set fail
end_writer
all_well

# The volume has a diff area of its own then, that ends with the test's next lines.
small=$(disk vd1)
parts "$small" 4
for event in $(cases PostSnapshot -- Thaw); do
	echo "--- the diff area is full in $event"
	run_ok vssctl attach --quiet "$ext4"
	run_ok vssctl diff-area add --quiet --force "$ext4" --on "$(part "$small" 1)"
	writer --inject "$event:hold=300s"
	begin_set
	wait_for 60 reached "$event"
	# Nothing is frozen but the writer: others may write, and lose what no room is left for.
	dd if=/dev/zero of="$ext4_dir/much" bs=64k count=512 conv=fsync status=none
	[[ $(vssctl list --json --volume "$ext4" | json state) == lost ]] || fail "no snapshot was lost"
	let_go
	end_set fail
	grep -q 'VSS_E_INSUFFICIENT_STORAGE.*diff area' "$TEST_TMP/create.out" ||
		fail "the failure is not the diff area's"
	end_writer
	rm "$ext4_dir/much"
	nothing_frozen "$ext4_dir" "$xfs_dir"
	[[ ! $(snapshots) ]] || fail "snapshots are left: $(vssctl list)"
	settle
	run_ok vssctl detach --quiet "$ext4"
	all_well
	: >"$TEST_TMP/vssd.log"
done

echo "--- the provider is killed, or vssd, at any moment"
for i in $(cases 1 2 -- 3 4); do
	begin_set
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	if ((i % 2)); then
		pid=$(host_pid)
	else
		pid=$(vssd_pid)
	fi
	[[ ! $pid ]] || kill -KILL "$pid"
	end_set any
	((i % 2)) || wait_for 60 _vssd_gone
	all_well
done
wait_for 60 clean
stop_vssd
! compgen -G "$TEST_TMP/state/sets/*" || fail "records are left"
