#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check-crash.sh [CUTS] [SEED]: the power of a VM with persistent snapshots fails
# CUTS times (10) at random, and each time its disks lose, tear and reorder what was
# not flushed (tests/crash/lossy.c). Half of them are aimed: at the replay of what the
# one before has left, the making and deletion of snapshots, a detach and load, the growth
# of the diff area by a further disk, a revert of the volume, which has to be gone on with or
# told as failed. KINDS='any revert' chooses some of these. After each, every snapshot must
# be what it was (tests/crash/round.sh). Prints a line for each power failure.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

cuts=${1:-10} seed=${2:-$RANDOM}
[[ $cuts =~ ^[1-9][0-9]{0,5}$ ]] || die "CUTS=$cuts: a number of power failures, 1 or more"
[[ $seed =~ ^[0-9]{1,9}$ ]] || die "SEED=$seed: a number"
seed=$((10#$seed))
RANDOM=$seed
echo "$cuts power failures, seed $seed"
kinds=(any replay any create any delete any reload any grow any revert)
[[ ! ${KINDS:-} ]] || read -r -a kinds <<<"$KINDS"
# Most that may pass before the power fails: boot, replay, comparison, load.
limit=240

mkdir -p "$build"
dir=$(mktemp -d "$build/crash-XXXXXX")
mkdir "$dir/state"
truncate -s 12M "$dir/origin"
# All that a round may have are five snapshots of which everything was copied, and one that is going.
truncate -s 72M "$dir/area"
truncate -s 24M "$dir/more0" "$dir/more1"
# What vssd remembers, on a file system that is not to be repaired by hand: a torn superblock is.
truncate -s 16M "$dir/memory"
gcc -std=gnu11 -Wall -Wextra -Werror -O2 -shared -fPIC -o "$dir/lossy.so" tests/crash/lossy.c || exit 1

server='' vm='' keep=1
# shellcheck disable=SC2317 # called by the trap
end()
{
	[[ ! $vm ]] || { kill "$vm" && wait "$vm"; } 2>/dev/null
	[[ ! $server ]] || { kill -9 "$server" && wait "$server"; } 2>/dev/null
	[[ $keep ]] || rm -rf "$dir"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

begin_server()
{
	rm -f "$dir/socket"
	: >"$dir/lost"
	setpriv --pdeathsig KILL nbdkit --foreground --exit-with-parent --unix "$dir/socket" "$dir/lossy.so" \
		"unit=512" "disk=origin:$dir/origin" "disk=area:$dir/area" "disk=more0:$dir/more0" \
		"disk=more1:$dir/more1" "unit=4096" "disk=memory:$dir/memory" \
		"cut=$1" "aim=$dir/state/aim" "seed=$RANDOM" "log=$dir/lost" \
		2>"$dir/server.log" &
	server=$!
	until [[ -S $dir/socket ]]; do
		kill -0 $server 2>/dev/null || { cat "$dir/server.log"; exit 1; }
		sleep 0.05
	done
}

# tell_failure WHAT
tell_failure()
{
	echo "FAILED: $1; all is in $dir" >&2
	tail -n 40 "$dir/vm.out" "$dir/server.log" >&2
	exit 1
}

# round ROLE CUT [KIND]: ends with the power failure, or when the VM is done.
round()
{
	local status died='' thread=single

	# Two virtual CPUs that run at once take twice as long to boot.
	((n % 3)) || thread=multi
	rm -rf "$dir/vm" "$dir"/state/{verified,tired,failed,aim}
	begin_server "$2"
	setpriv --pdeathsig TERM scripts/vm/run --no-disks --mem 1024 --tcg-thread $thread --timeout $limit --dir "$dir/vm" \
		--share "$dir/state" --nbd "$dir/socket:origin" --nbd "$dir/socket:area" --nbd "$dir/socket:more0" \
		--nbd "$dir/socket:more1" --nbd "$dir/socket:memory" \
		-- tests/crash/round.sh "$1" "${3:-any}" >"$dir/vm.out" 2>&1 </dev/null &
	vm=$!
	while kill -0 $vm 2>/dev/null; do
		if [[ -e $dir/state/tired ]] || ! kill -0 $server 2>/dev/null; then
			died=1
			break
		fi
		sleep 0.1
	done
	if [[ $died ]]; then
		# With load enough, what was not flushed is lost altogether.
		kill -9 $server 2>/dev/null && echo "cut after the load: nothing kept" >>"$dir/lost"
		wait $server 2>/dev/null
		server=''
		kill $vm
		wait $vm 2>/dev/null
		vm=''
		scripts/vm/check-log "$dir/vm/console.log" || tell_failure "the kernel log has that"
	else
		wait $vm
		status=$?
		vm=''
		# Its power may have failed at last.
		if kill -0 $server 2>/dev/null; then
			kill $server
			wait $server
			server=''
			((status == 0)) || tell_failure "$1: status $status"
		else
			server=''
		fi
	fi
	[[ ! -e $dir/state/failed ]] || tell_failure "$1"
}

n=1
round setup 0
SECONDS=0
for ((n = 1; n <= cuts; n++)); do
	# From a few, which hit the loading of the area, to several thousand.
	a=$((RANDOM % 12)) b=$((RANDOM % 12))
	cut=$(((RANDOM % 900 + 100) * (1 << (a > b ? a : b)) / 400 + 1))
	kind=${kinds[(n + seed) % ${#kinds[@]}]}
	[[ $kind == any ]] || cut=0
	round load $cut "$kind"
	echo "$n: $kind: $(paste -sd ';' "$dir/lost" | sed 's/;/; /g'); $(grep -E 'snapshots compared|^the revert' "$dir/vm.out" | paste -sd ';' | sed 's/;/; /g')"
done
round last 0
echo "last: $(grep 'snapshots compared' "$dir/vm.out")"
echo "$cuts power failures in $SECONDS s"
keep=''
