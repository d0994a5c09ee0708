#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm-worker.sh STATE QUEUE NUMBER: takes tests from the folder QUEUE until it is
# empty, runs them in VMs and prints their results. Several workers may share
# one QUEUE: a test is claimed by renaming its file. A VM is kept for the next
# test as long as that wants the same machine.
#
# A queue file is named after the test and holds: KEY TIMEOUT ALONE, where KEY is
# SMP:MEM:THREAD:PATHS.

set -uo pipefail
. "$(dirname "$0")/../vm/common.sh"
state=$1
queue=$2
worker=$3
. "$(dirname "$0")/tap.sh"

# Booting and cleaning up may take this long on a machine that is busy.
boot_limit=180
cleanup_limit=120
# All its checks make it slower by about five, and it looks for leaks after each test.
if [[ ${VM_KERNEL:-} == debug ]]; then
	boot_limit=$((boot_limit * 5))
	cleanup_limit=$((cleanup_limit * 5))
fi

vm='' vm_key='' vm_dir='' vm_count=0
parent=$PPID

# shellcheck disable=SC2317 # called by the trap
end()
{
	[[ ! $vm ]] || { kill "$vm"; wait "$vm"; } 2>/dev/null
}
trap end EXIT
trap 'exit 130' INT TERM HUP

alive() { [[ $vm ]] && kill -0 "$vm" 2>/dev/null; }

# wait_file FILE SECONDS: 0 FILE is there, 1 the VM is gone, 2 out of time.
wait_file()
{
	local end=$((SECONDS + $2))

	until [[ -e $1 ]]; do
		kill -0 "$parent" 2>/dev/null || exit 130
		alive || { [[ -e $1 ]] && return 0; return 1; }
		((SECONDS < end)) || return 2
		sleep 0.1
	done
}

vm_start()
{
	local key=$1 smp mem thread paths

	IFS=: read -r smp mem thread paths <<<"$key"
	vm_count=$((vm_count + 1))
	vm_dir=$state/vm$worker-$vm_count
	vm_key=$key
	mkdir -p "$vm_dir"
	setpriv --pdeathsig TERM "$top/scripts/vm/run" --quiet --timeout 0 --dir "$vm_dir" \
		--smp "$smp" --mem "$mem" --tcg-thread "$thread" ${paths:+--paths} \
		-- "$top/scripts/vm/guest-tests" >"$vm_dir/run.log" 2>&1 &
	vm=$!
	wait_file "$vm_dir/io/ready" $boot_limit && return
	vm_kill
	return 1
}

vm_kill()
{
	alive && kill "$vm"
	[[ ! $vm ]] || wait "$vm" 2>/dev/null
	vm=''
}

# vm_stop: a VM that was content must also end so, with a clean log.
vm_stop()
{
	alive || { vm=''; return 0; }
	echo quit >"$vm_dir/io/job.new"
	mv "$vm_dir/io/job.new" "$vm_dir/io/job"
	wait_file "$vm_dir/never" 60
	if (($? == 2)); then
		echo "VM did not power off" >>"$vm_dir/run.log"
		vm_kill
	elif wait "$vm"; then
		vm=''
		return 0
	fi
	vm=''
	cat "$vm_dir/run.log" >>"$state/vm-end.log"
}

# run_test NAME TIMEOUT
run_test()
{
	local name=$1 timeout=$2 io=$vm_dir/io report=$state/log/$1 why status=0 ms=0 violations

	mkdir -p "$state/log"
	rm -f "$io/result"
	echo "$name $timeout" >"$io/job.new"
	mv "$io/job.new" "$io/job"
	SECONDS=0
	wait_file "$io/result" $((timeout + cleanup_limit))
	why=$?

	[[ ! -e $io/output.$name ]] || cat "$io/output.$name" >"$report"
	if ((why == 0)); then
		read -r status ms <"$io/result"
		violations=$(tail -n +2 "$io/result")
		if ((status == 124)); then
			echo "TIMEOUT after $timeout s" >>"$report"
		fi
		if [[ $violations ]]; then
			printf 'AFTERWARDS: %s\n' "$violations" >>"$report"
			((status != 0 && status != 4)) || status=1
		fi
		if ((status != 0 && status != 4)); then
			{
				echo "--- kernel log of this test"
				awk -v m="vss-test: begin $name " 'index($0, m) { seen = 1 } seen' "$vm_dir/console.log" | tail -n 100
			} >>"$report"
		fi
		# What stayed behind would be held against the next test.
		if [[ $violations ]] || ((status == 124)); then
			vm_kill
		fi
	else
		status=125
		ms=$((SECONDS * 1000))
		if ((why == 2)); then
			echo "HANG: no answer from the VM; it was killed" >>"$report"
		else
			echo "DEAD: the VM ended during this test" >>"$report"
		fi
		vm_kill
		{ cat "$vm_dir/run.log"; ((why == 1)) || tail -n 100 "$vm_dir/console.log"; } >>"$report"
	fi
	tap_result "vm/$name" "$status" "$ms" "$report"
}

# claim: sets name, key, timeout and alone from the next test, one for the
# running VM if there is any.
claim()
{
	local pass file

	for pass in same any; do
		for file in "$queue"/*; do
			[[ -e $file ]] || continue
			read -r key timeout alone <"$file" 2>/dev/null || continue
			if [[ $pass == same ]]; then
				[[ $vm && $key == "$vm_key" && ! $alone ]] || continue
			fi
			mv "$file" "$state/claimed/" 2>/dev/null || continue
			name=${file##*/}
			name=${name#*:}
			return 0
		done
	done
	return 1
}

while claim; do
	if ! alive || [[ $alone || $key != "$vm_key" ]]; then
		vm_stop
		if ! vm_start "$key"; then
			mkdir -p "$state/log"
			{
				echo "the VM did not start"
				cat "$vm_dir/run.log"
				tail -n 60 "$vm_dir/console.log"
			} >"$state/log/$name" 2>&1
			tap_result "vm/$name" 125 0 "$state/log/$name"
			continue
		fi
	fi
	run_test "$name" "$timeout"
	[[ ! $alone ]] || vm_stop
done
vm_stop
