#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh [--only static|unit|vm|net|crash] [--long] [--tests PATTERN...] [--jobs N]
#          [--kernel NAME]: builds with warnings as errors, runs the checks and
# prints their results as TAP. The last line is "N passed, N failed, N skipped".
# Fails if one failed or none ran.
#
# With --kernel, the tests in VMs run on a kernel that scripts/kernel/get has got.
#
# crash/power-failures is scripts/check-crash.sh with CUTS (10) power failures.
#
# --long runs the long form of tests in VMs (LONG=1), and of tests/net only long-*.sh.
#
# PATTERN is a shell glob or a part of names such as vm/boot; several are
# separated by blanks.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

only='' patterns=() jobs='' long='' kernel=''
while (($#)); do
	case $1 in
	--long) long=1; shift; continue ;;
	--only) only=$2 ;;
	--tests) read -r -a patterns <<<"$2" ;;
	--jobs) jobs=$2 ;;
	--kernel) kernel=$2 ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done
[[ ! $kernel ]] || export VM_KERNEL=$kernel
[[ ! $long ]] || export LONG=1

mkdir -p "$build"
# Logs of failures are for reading soon.
find "$build" -maxdepth 1 \( -name 'check-??????' -o -name 'vm-??????' \) -mtime +0 -exec rm -rf {} +
state=$(mktemp -d "$build/check-XXXXXX")
export state
mkdir "$state"/{single,multi,claimed,log}
: >"$state/results"
. scripts/check/tap.sh

workers=() small=()
# shellcheck disable=SC2317 # called by the trap
end()
{
	local w

	for w in "${workers[@]}" "${small[@]}"; do
		kill "$w" 2>/dev/null
	done
	wait 2>/dev/null
	[[ ${keep:-} ]] || rm -rf "$state"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# wanted NAME: whether --only and --tests let NAME through.
wanted()
{
	local p

	[[ ! $only || $1 == "$only"/* ]] || return 1
	[[ ! $long || $1 == vm/* || $1 == net/* ]] || return 1
	((${#patterns[@]})) || return 0
	for p in "${patterns[@]}"; do
		# shellcheck disable=SC2053 # a glob is meant
		if [[ $1 == $p || ${1#*/} == $p || $1 == *"$p"* ]]; then
			return 0
		fi
	done
	return 1
}

milliseconds()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# timed LOG CMD...: sets status and took.
timed()
{
	local log=$1 start

	shift
	start=$(milliseconds)
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	took=$(($(milliseconds) - start))
}

# --- builds -------------------------------------------------------------------

vm_tests=()
for t in tests/vm/*.sh; do
	t=${t##*/}
	t=${t%.sh}
	# lib.sh and set-lib.sh are for sourcing
	[[ ! -f tests/vm/$t.sh || $t == *lib ]] || ! wanted "vm/$t" || vm_tests+=("vm/$t")
done

# One test at a time, in three VMs.
net_tests=()
for t in tests/net/*.sh; do
	t=${t##*/}
	t=${t%.sh}
	[[ ! -f tests/net/$t.sh || $t == *lib || ($t == long-* && ! $long) || ($t != long-* && $long) ]] ||
		! wanted "net/$t" || net_tests+=("net/$t")
done

crash_tests=()
[[ $long ]] || [[ $kernel ]] || ! wanted crash/power-failures || crash_tests=(crash/power-failures)

# Unit tests are programs made from test-NAME.c, and scripts [test-]NAME.sh.
declare -A unit_program
for t in tests/unit/test-*.c tests/unit/*.sh; do
	[[ -f $t ]] || continue
	file=${t##*/}
	t=${file%.*}
	case $file in
	*.c) unit_program[${t#test-}]=$build/unit/unit/$t ;;
	*.sh) unit_program[${t#test-}]=$top/tests/unit/$file ;;
	esac
done
unit_tests=()
for t in $(printf '%s\n' "${!unit_program[@]}" | sort); do
	! wanted "unit/$t" || unit_tests+=("unit/$t")
done

# What is asked for decides what must be built.
builds=()
if ((${#unit_tests[@]})) || { [[ ! $only ]] && wanted build; }; then
	builds+=(unit)
fi
if ((${#vm_tests[@]} + ${#net_tests[@]} + ${#crash_tests[@]})) || { [[ ! $only ]] && wanted build; }; then
	builds+=(module userspace stage)
	[[ ! $kernel ]] || builds+=(kernel)
fi

declare -A build_status build_time
declare -A build_target=([module]=vm-module [userspace]=vm-userspace
			 [unit]=vm-unit [stage]=stage-locked
			 [kernel]="kernel-module KERNEL=$kernel")

tap_begin
broken=''
# Two runs in one clone must not build the same files at once.
exec 7>"$build/.lock"
flock 7
for b in "${builds[@]}"; do
	echo "# building: $b"
	read -r -a target <<<"${build_target[$b]}"
	timed "$state/log/build-$b" make --no-print-directory -j"$(nproc)" "${target[@]}"
	build_status[$b]=$status
	build_time[$b]=$took
	((status == 0)) || broken+=" $b"
done
flock -u 7

# --- plan ---------------------------------------------------------------------

# Builds are lines of their own in a complete run, and wherever they fail.
plan=()
for b in "${builds[@]}"; do
	if ((build_status[$b])) || { [[ ! $only ]] && wanted "build/$b"; }; then
		plan+=("build/$b")
	fi
done
for s in $(scripts/check/static.sh --list); do
	! wanted "static/$s" || plan+=("static/$s")
done
plan+=("${unit_tests[@]}")
vms=${#vm_tests[@]}
((vms == 0)) || plan+=("${vm_tests[@]}" vm/shutdown)
plan+=("${net_tests[@]}" "${crash_tests[@]}")
tap_plan "${#plan[@]}"

# --- run ----------------------------------------------------------------------

enqueue()
{
	local name=$1 smp=2 mem=2048 thread=single timeout=400 alone='' paths='' word words

	read -r -d '' -a words < <(sed -n 's/^# vm: *//p' "tests/vm/$name.sh")
	for word in "${words[@]}"; do
		case $word in
		smp=*) smp=${word#*=} ;;
		mem=*) mem=${word#*=} ;;
		thread=*) thread=${word#*=} ;;
		timeout=*) timeout=${word#*=} ;;
		alone=1) alone=1 ;;
		paths=1) paths=1 ;;
		*) echo "# $name: unknown word '$word' in its vm: line" ;;
		esac
	done
	[[ ! ${LONG:-} ]] || timeout=$((timeout * 20))
	if [[ $kernel == debug ]]; then
		timeout=$((timeout * 5))
		mem=$((mem + 1024))
	fi
	# The prefix orders: long ones first, so that no worker is left with
	# one at the end.
	printf '%s:%s:%s:%s %s %s\n' "$smp" "$mem" "$thread" "$paths" "$timeout" "$alone" \
		>"$state/$thread/$((99999 - timeout)):$name"
}

# Power failures: one VM that is off half of the time, so beside what needs no VM.
crash_pid=
crash()
{
	timed "$state/log/crash-power-failures" setpriv --pdeathsig TERM scripts/check-crash.sh "${CUTS:-10}" "${SEED:-$RANDOM}"
	echo "$status $took" >"$state/crash"
}
if ((${#crash_tests[@]})) && [[ ! $broken ]]; then
	crash &
	crash_pid=$!
fi

# What needs no VM: as many at once as there are CPUs, for some of them wait.
# small ITEM LOG CMD...
small()
{
	local running=() pid

	for pid in "${small[@]}"; do
		! kill -0 "$pid" 2>/dev/null || running+=("$pid")
	done
	((${#running[@]} < $(nproc))) || wait -n "${running[@]}"
	{
		timed "$2" setpriv --pdeathsig TERM "${@:3}"
		tap_result "$1" "$status" "$took" "$2"
	} &
	small+=($!)
}

for item in "${plan[@]}"; do
	name=${item#*/}
	case $item in
	build/*)
		tap_result "$item" "${build_status[$name]}" "${build_time[$name]}" "$state/log/build-$name"
		;;
	static/*)
		small "$item" "$state/log/static-$name" scripts/check/static.sh "$name"
		;;
	unit/*)
		# The tests' own runner gives them the environment they expect.
		small "$item" "$state/log/unit-$name" timeout -k 5 120 tests/unit/run \
			"$state/unit-$name" "$build/unit" "$top/userspace" -- "${unit_program[$name]}"
		;;
	vm/shutdown) ;;
	vm/* | net/* | crash/*)
		if [[ $broken ]]; then
			echo "not run, as this was not built:$broken" >"$state/log/broken"
			tap_result "$item" 1 0 "$state/log/broken"
		elif [[ $item == vm/* ]]; then
			enqueue "$name"
		fi
		;;
	esac
done

((${#small[@]} == 0)) || wait "${small[@]}"

wait_for_crash()
{
	while [[ $crash_pid && ! -e $state/crash ]]; do
		kill -0 $$ || exit
		sleep 1
	done
}

# How many VMs whose QEMU runs THREADS busy threads this machine carries. More
# is worse by far: virtual CPUs then wait for each other's turn on a real one. With
# one thread there is nobody to wait for, and one VM more uses what sleeps of others leave,
# but on the debug kernel, where limits are what they are because of its own checks.
vm_limit()
{
	local threads=$1 cpus memory n

	[[ ! $jobs ]] || { echo "$jobs"; return; }
	cpus=$(($(nproc) / threads))
	((threads > 1)) || [[ $kernel == debug ]] || ((cpus++))
	memory=$(($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) / (2560 * 1024)))
	n=$((cpus < memory ? cpus : memory))
	echo $((n < 1 ? 1 : n > 4 ? 4 : n))
}

# run_vms QUEUE LIMIT: works the queue off with up to LIMIT VMs at once. That of the
# power failures is one of them.
run_vms()
{
	local queue=$1 limit=$2 n w

	n=$(find "$queue" -type f | wc -l)
	for ((w = 1; w <= limit && w <= n; w++)); do
		{
			((w == 1 || w < limit)) || wait_for_crash
			exec setpriv --pdeathsig TERM scripts/check/vm-worker.sh "$state" "$queue" "${queue##*/}$w"
		} &
		workers+=($!)
	done
	for w in "${workers[@]}"; do
		wait "$w" || worker_status=$?
	done
	workers=()
}

if ((vms)); then
	worker_status=0
	run_vms "$state/single" "$(vm_limit 1)"
	run_vms "$state/multi" "$(vm_limit 2)"
	[[ ! -s $state/vm-end.log ]] || worker_status=1
	((worker_status == 0)) || echo "worker status $worker_status" >>"$state/vm-end.log"
	tap_result vm/shutdown $worker_status 0 "$state/vm-end.log"
fi

for item in "${net_tests[@]}"; do
	[[ ! $broken ]] || break
	name=${item#*/}
	limit=$(sed -n 's/^# net: *timeout=//p' "tests/net/$name.sh")
	timed "$state/log/net-$name" scripts/vm/net --timeout "${limit:-300}" --dir "$state/net-$name" \
		-- "tests/net/$name.sh"
	tap_result "$item" $status "$took" "$state/log/net-$name"
	((status)) || rm -rf "$state/net-$name"
done

if [[ $crash_pid ]]; then
	wait "$crash_pid"
	read -r status took <"$state/crash"
	tap_result crash/power-failures "$status" "$took" "$state/log/crash-power-failures"
fi

if grep -q failed "$state/results"; then
	keep=1
	echo "# logs are in ${state#"$top"/}"
fi
tap_end
