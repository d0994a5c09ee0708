# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Result lines in kselftest's TAP, also from several processes at once. To be
# sourced; $state, which the sourcing script sets, is a folder of the run. Each line's kind is also appended to
# $state/results, which is both the counter and the account.

: "${state:?}"

tap_begin()
{
	echo "TAP version 13"
}

tap_plan()
{
	echo "1..$1"
}

# tap_result NAME STATUS MILLISECONDS [LOG]: STATUS 0 is passed, 4 skipped, all
# else failed, then LOG is shown.
tap_result()
{
	local name=$1 status=$2 ms=$3 log=${4:-} n time reason

	printf -v time '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
	(
		flock 8
		n=$(($(wc -l <"$state/results") + 1))
		case $status in
		0)
			echo "ok $n $name # $time"
			echo passed >>"$state/results"
			;;
		4)
			reason=$(sed -n 's/^SKIP: //p' "${log:-/dev/null}" | tail -n 1)
			echo "ok $n $name # SKIP ${reason:-no reason given}"
			echo skipped >>"$state/results"
			;;
		*)
			echo "not ok $n $name # $time, status $status"
			[[ -z $log ]] || tail -n "${CHECK_LOG_LINES:-200}" "$log" | sed 's/^/# /'
			echo failed >>"$state/results"
			;;
		esac
	) 8>>"$state/results.lock"
}

# tap_end: the account; fails if a test failed or none ran.
tap_end()
{
	local passed failed skipped

	passed=$(grep -c passed "$state/results")
	failed=$(grep -c failed "$state/results")
	skipped=$(grep -c skipped "$state/results")
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0 && passed > 0))
}
