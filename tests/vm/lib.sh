# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Helpers for the tests in this folder, to be sourced first:
#	. "$(dirname "$0")/lib.sh"
# From then on a command that fails ends the test as failed, and its place is
# told. A test leaves with 0 (passed), 4 (skipped) or anything else (failed).
#
# Several helpers print a result, to be caught with $(...). Do that in an
# assignment of its own: "local x=$(...)" hides a failure.

set -Eeuo pipefail

KSFT_SKIP=4

# How much longer than on Debian's kernel things may take here: limits are multiplied
# with it. That of the debug kernel is for all its checks, and for a machine that is busy.
slower=1
[[ ! -e /sys/kernel/debug/kmemleak ]] || slower=5

# A scratch folder (tmpfs) of this test.
TEST_TMP=$(mktemp -d /tmp/test-XXXXXX)
export TEST_TMP

# In a file, so that helpers called within $(...) can push as well.
_cleanups=$TEST_TMP/.cleanups
: >"$_cleanups"

_on_error()
{
	local status=$?

	echo "FAILED at ${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]}: status $status: $BASH_COMMAND" >&2
}

_on_exit()
{
	local status=$? lines i

	trap - ERR EXIT
	set +e
	mapfile -t lines <"$_cleanups"
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
		eval "${lines[i]}"
	done
	cd / && rm -rf --one-file-system "$TEST_TMP"
	exit "$status"
}

trap _on_error ERR
trap _on_exit EXIT

# fail MESSAGE...: ends the test as failed.
fail()
{
	trap - ERR
	echo "FAIL: ${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]}: $*" >&2
	exit 1
}

# skip REASON...: ends the test as skipped.
skip()
{
	trap - ERR
	echo "SKIP: $*"
	exit $KSFT_SKIP
}

# need CMD...: skips the test where a program is missing.
need()
{
	local cmd

	for cmd; do
		command -v "$cmd" >/dev/null || skip "no $cmd here"
	done
}

# run_ok CMD...: runs CMD with its output shown; fails if CMD fails.
run_ok()
{
	echo "+ ${*@Q}"
	"$@" || fail "status $?: ${*@Q}"
}

# expect_fail [-s STATUS] [-m TEXT] CMD...: fails if CMD succeeds, or fails
# with another exit status, or without TEXT in its output, or by a signal.
expect_fail()
{
	local want='' text='' status=0 out

	while true; do
		case $1 in
		-s) want=$2; shift 2 ;;
		-m) text=$2; shift 2 ;;
		*) break ;;
		esac
	done
	echo "+ ${*@Q} # must fail"
	out=$("$@" 2>&1) || status=$?
	[[ -z $out ]] || echo "$out"
	((status)) || fail "must have failed: ${*@Q}"
	[[ -n $want ]] || ((status < 128)) || fail "killed, status $status: ${*@Q}"
	[[ -z $want || $status == "$want" ]] || fail "status $status instead of $want: ${*@Q}"
	[[ -z $text || $out == *"$text"* ]] || fail "does not say '$text': ${*@Q}"
}

# disk SERIAL: prints the device of the VM's disk vd0..vd3, sd0, sd1 or nvme0.
disk()
{
	local dev

	dev=$(lsblk -dnpo SERIAL,NAME | awk -v s="$1" '$1 == s { print $2 }')
	[[ -b $dev ]] || fail "no disk with serial $1"
	echo "$dev"
}

# wait_for SECONDS CMD...: runs CMD until it succeeds; fails when that takes far longer than
# SECONDS, which are those of a machine that has nothing else to do.
wait_for()
{
	local seconds=$1

	shift
	within $((6 * seconds)) "$@"
}

# within SECONDS CMD...: the same where it counts that it takes no longer, or not much longer
# on a slow kernel. Whoever had no turn in that time gets ten tries.
within()
{
	local end=$((SECONDS + $1 * slower)) tries=0

	shift
	until "$@"; do
		((++tries < 10 || SECONDS < end)) || fail "did not come true in time: ${*@Q}"
		sleep 0.1
	done
}

# start_load VOLUME CMD...: runs CMD in the background, as $load, and waits until it writes to a
# tracked volume. A program that ends in order when it is told to can do so by then.
start_load()
{
	local dev=$1 before

	shift
	before=$(writes_to "$dev")
	"$@" &
	# shellcheck disable=SC2034 # for the test
	load=$!
	wait_for 60 has_more_writes "$dev" "$before"
}

# writes_to VOLUME: prints how many writes it has seen.
writes_to()
{
	vssctl status --json "$1" | json writes
}

# has_more_writes VOLUME BEFORE
has_more_writes()
{
	(($(writes_to "$1") > $2))
}

# area_empty VOLUME: nothing is in its diff area. Copies that were on their way when the last
# snapshot was deleted have their room a little longer.
area_empty()
{
	[[ $(vssctl status --json "$1" | json area_used) == 0 ]]
}

# cases CASE... [-- CASE...]: prints the cases, those after -- with LONG=1 only.
cases()
{
	local word

	for word; do
		if [[ $word != -- ]]; then
			echo "$word"
		elif [[ ! ${LONG:-} ]]; then
			return
		fi
	done
}

# boot_as N: the module, vssctl and vssd take this for another boot; "" is the true one again,
# which has to be at the test's end.
boot_as()
{
	! mountpoint -q /proc/sys/kernel/random/boot_id || umount /proc/sys/kernel/random/boot_id
	[[ $1 ]] || return 0
	echo "00000000-0000-4000-8000-00000000000$1" >"$TEST_TMP/boot_id"
	mount --bind "$TEST_TMP/boot_id" /proc/sys/kernel/random/boot_id
}

# keep_disks DEVICE...: what they have now is what a power cut leaves.
keep_disks()
{
	local n=0 dev

	for dev; do
		dd if="$dev" of="$TEST_TMP/disk-$((n++))" bs=1M iflag=direct status=none
	done
}

# put_back_disks DEVICE...: they have it again. Nobody uses them, or what lies on them.
put_back_disks()
{
	local n=0 dev

	for dev; do
		dd if="$TEST_TMP/disk-$((n++))" of="$dev" bs=1M oflag=direct conv=notrunc status=none
		blockdev --flushbufs "$dev"
	done
}

# settle: waits until udev has dealt with all events so far.
settle()
{
	udevadm settle --timeout=120
}

# cleanup_push CMD [ARG]...: runs CMD when the test ends, last pushed first.
cleanup_push()
{
	echo "${*@Q}" >>"$_cleanups"
}

# digest: prints the checksum of what is on stdin. With words of 64 bits it costs an emulated
# processor half of what SHA-256 does.
digest()
{
	local sum

	sum=$(sha512sum)
	echo "${sum%% *}"
}

# json NAME: prints the values of that name in the JSON on stdin, one a line. Programs for that
# take longer to start than vssctl has run. Whoever reads it in a pipe reads to the end (sed -n 1p,
# grep >/dev/null, not head or grep -q): otherwise the pipe fails, now and then.
json()
{
	local - text line re='.*"'"$1"'": *("([^"]*)"|([^",}]*))' IFS=$'\n'

	set -f
	read -r -N 16777216 text || :
	for line in $text; do
		[[ ! $line =~ $re ]] || echo "${BASH_REMATCH[2]}${BASH_REMATCH[3]}"
	done
}

# sha PATH: prints the checksum of a file's or a whole device's content, read
# from the device itself and not from pages cached earlier.
sha()
{
	if [[ -b $1 ]]; then
		blockdev --flushbufs "$1"
	fi
	digest <"$1"
}

# load_vss [PARAM=VALUE]...: loads the module (udev rules are in place).
load_vss()
{
	modprobe vss "$@" || fail "cannot load module vss"
}

# mount_tmp DEV [MOUNT-OPTION]...: mounts DEV on a new folder, prints that, and
# unmounts it when the test ends.
mount_tmp()
{
	local dev=$1 dir

	shift
	dir=$(mktemp -d "$TEST_TMP/mnt-XXXXXX")
	mount "$@" "$dev" "$dir" || fail "cannot mount $dev"
	cleanup_push _umount_tmp "$dir"
	echo "$dir"
}

_umount_tmp()
{
	! mountpoint -q "$1" || umount "$1" || umount -l "$1"
}
