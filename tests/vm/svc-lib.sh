#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests of the service share, to be sourced instead of lib.sh:
#	. "$(dirname "$0")/svc-lib.sh"
# Run as a test of its own it starts a bus and asks who is on it.

. "$(dirname "${BASH_SOURCE[0]}")/set-lib.sh"

VSS_NAME=org.linuxvss.Vss1
VSS_PATH=/org/linuxvss/Vss1
export SYSTEM_PROVIDER=8dc5f5d6-3d0c-4b0e-9b1e-6c1c1b0c7a51

# start_bus: a system bus, until the test ends. Nothing else would start vssd but
# activation.
start_bus()
{
	need dbus-daemon busctl
	mkdir -p /run/dbus
	dbus-uuidgen --ensure
	dbus-daemon --system --fork --print-pid=3 3>"$TEST_TMP/bus.pid" || fail "no system bus"
	cleanup_push _stop_bus
}

_stop_bus()
{
	stop_vssd
	kill "$(<"$TEST_TMP/bus.pid")" 2>/dev/null || :
	rm -rf /run/dbus/system_bus_socket /run/dbus/pid /var/lib/vss/* /etc/vss/vssd.conf.d/test.conf
}

# configure LINE...: an addition to vssd's configuration, until the bus stops.
configure()
{
	mkdir -p /etc/vss/vssd.conf.d
	printf '%s\n' "$@" >/etc/vss/vssd.conf.d/test.conf
}

# vssd_pid: prints the process id of vssd, nothing when there is none.
vssd_pid()
{
	pgrep -x vssd || :
}

# host_pid: prints the process id of the system provider.
host_pid()
{
	pgrep -f 'vss-provider-host.*--system' || :
}

# start_vssd [OPTION]...: in the foreground of its own, with messages in $TEST_TMP/vssd.log.
start_vssd()
{
	local before

	# It may be another one that has said so before.
	before=$(_times_ready)
	vssd --foreground "$@" >>"$TEST_TMP/vssd.log" 2>&1 &
	cleanup_push _show_log
	wait_for 60 eval "((\$(_times_ready) > $before))"
}

_times_ready()
{
	grep -cs 'is ready' "$TEST_TMP/vssd.log" || [[ -e $TEST_TMP/vssd.log ]] || echo 0
}

_show_log()
{
	stop_vssd
	echo "--- messages of vssd"
	cat "$TEST_TMP/vssd.log"
}

_vssd_gone()
{
	[[ ! $(vssd_pid) && ! $(host_pid) ]]
}

# stop_vssd: told to end; waits until it has.
stop_vssd()
{
	local pid

	pid=$(vssd_pid)
	[[ ! $pid ]] || kill "$pid" 2>/dev/null || :
	wait_for 25 _vssd_gone
}

# kill_vssd: without warning; its providers must end with it.
kill_vssd()
{
	kill -KILL "$(vssd_pid)"
	wait_for 60 _vssd_gone
}

# manager METHOD [SIGNATURE ARGUMENT...]: a call of the Manager by the system bus.
manager()
{
	busctl call "$VSS_NAME" "$VSS_PATH" "$VSS_NAME.Manager" "$@"
}

# as_user USER CMD...
as_user()
{
	local user=$1

	shift
	setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
}

# shadows: prints the ids of all shadow copies that vssd knows.
shadows()
{
	vssctl list --json shadows | json id
}

# nothing_frozen DIR...: every file system takes writes, well before the kernel would end
# a freeze by itself.
nothing_frozen()
{
	local dir

	for dir; do
		timeout 20 dd if=/dev/zero of="$dir/.thawed" bs=4k count=1 conv=fsync status=none ||
			fail "$dir is frozen"
		rm -f "$dir/.thawed"
	done
}

# nothing_left: the kernel has no set in creation and no snapshot.
nothing_left()
{
	[[ ! -d /sys/module/vss ]] || [[ ! $(snapshots) ]] || return 1
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	start_bus
	run_ok busctl status
fi
