# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Helpers for tests of the service: vssd on a private socket, test writers.

. "$(dirname "${BASH_SOURCE[0]}")/set-lib.sh"

export VSS_BUS_ADDRESS=unix:path=/run/vss/test

# start_vssd: runs it until stop_vssd or the test's end; its log is vssd.log.
start_vssd()
{
	mkdir -p /run/vss /var/lib/vss
	rm -f /run/vss/test
	vssd --foreground --no-bus --socket /run/vss/test >>"$TEST_TMP/vssd.log" 2>&1 &
	echo $! >"$TEST_TMP/vssd.pid"
	# shellcheck disable=SC2016 # evaluated at the end
	cleanup_push eval 'kill $(cat '"$TEST_TMP/vssd.pid"') 2>/dev/null; cat '"$TEST_TMP/vssd.log"
	wait_for 60 test -S /run/vss/test
	wait_for 60 has_provider
}

has_provider()
{
	vssctl list providers >/dev/null 2>&1
}

vssd_pid()
{
	cat "$TEST_TMP/vssd.pid"
}

stop_vssd()
{
	kill -"${1:-TERM}" "$(vssd_pid)"
	wait "$(vssd_pid)" || :
}

# no_provider: vssd's have ended with it.
no_provider()
{
	! pgrep -f 'vss-provider-host.*--system' >/dev/null
}

# on_its_way DEV: a write to it is being delayed. The block layer counts it only when it goes on.
on_its_way()
{
	dmsetup status "${1##*/}" | awk '{ writes += $5 } END { exit !writes }'
}

# start_writer NAME DIR [OPTION]...: a test writer with one component in DIR;
# its events are in NAME.log.
start_writer()
{
	local name=$1 dir=$2

	shift 2
	: >"$TEST_TMP/$name.log"
	vss-writer-test --name "$name" --address "$VSS_BUS_ADDRESS" --component "data=$dir" \
		--log "$TEST_TMP/$name.log" "$@" >"$TEST_TMP/$name.err" 2>&1 &
	echo $! >"$TEST_TMP/$name.pid"
	cleanup_push eval "kill $! 2>/dev/null || :"
	wait_for 60 has_writer "$name"
}

has_writer()
{
	vssctl list writers --json 2>/dev/null | json name | grep -x "$1" >/dev/null
}

stop_writer()
{
	kill "$(cat "$TEST_TMP/$1.pid")" 2>/dev/null || :
	wait "$(cat "$TEST_TMP/$1.pid")" 2>/dev/null || :
}

# events NAME: what a writer has seen, one event a line, without Identify.
events()
{
	awk '$2 !~ /^(Identify|registered)$/ { print $2 }' "$TEST_TMP/$1.log"
}

# expect_events NAME EVENT...: it has seen exactly these, in this order.
expect_events()
{
	local name=$1 seen

	shift
	seen=$(events "$name" | tr '\n' ' ')
	[[ $seen == "$* " ]] || fail "$name has seen: $seen, instead of: $*"
}

# expect_writable DIR...: nothing is frozen there.
expect_writable()
{
	local dir

	for dir; do
		timeout 5 sh -c "echo x >'$dir/probe' && sync -f '$dir/probe'" || fail "$dir is frozen"
	done
}
