#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The hook lives with whatever else traces submit_bio_noacct, and cannot be
# switched off below a tracked volume. Devices whose writes it could not see are
# refused.
#
# QEMU with more than one thread may run stale code when the hook is patched in.
# vm: thread=single timeout=1000

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 4
parts "$areas" 16
volume=$(part "$disk" 1)
area=$(part "$areas" 1)
fill "$volume"
load_vss

ftrace_enabled=/proc/sys/kernel/ftrace_enabled
tracing=/sys/kernel/tracing
if [[ ! -e $tracing/kprobe_events ]]; then
	run_ok mount -t tracefs tracefs $tracing
	cleanup_push umount $tracing
fi
cleanup_push _untrack "$volume"

begin()
{
	run_ok vssctl attach --quiet "$volume"
	vssctl diff-area add --quiet --force "$volume" --on "$area"
}

end()
{
	settle
	run_ok vssctl detach --quiet --force "$volume"
}

# works WHAT: a snapshot is right, and the module sees every write.
works()
{
	local snap sum seen

	snap=$(create "$volume")
	sum=$(raw_sha "$volume")
	seen=$(volume_field "$volume" writes)
	dd if=/dev/urandom of="$volume" bs=4k count=20 seek=$((RANDOM % 1000)) oflag=direct conv=notrunc \
		status=none
	seen=$(($(volume_field "$volume" writes) - seen))
	((seen >= 20)) || fail "$1: of 20 writes $seen were seen"
	expect_sha "$1" "$(image "$snap")" "$sum"
	settle
	run_ok vssctl delete --quiet "$snap"
}

echo "--- ftrace is switched off before"
echo 0 >$ftrace_enabled
cleanup_push eval "echo 1 >$ftrace_enabled"
expect_fail -m "ftrace_enabled" vssctl attach "$volume"
expect_fail -m "ftrace_enabled" vssctl create "$volume"
expect_fail -s 7 -m "ftrace_enabled" vssctl doctor
[[ ! $(vssctl status --json | json volume) ]] || fail "it is tracked all the same"
echo 1 >$ftrace_enabled

echo "--- and while a volume is tracked"
begin
if (echo 0 >$ftrace_enabled) 2>"$TEST_TMP/error"; then
	fail "ftrace could be switched off below the hook"
fi
grep -qi "busy" "$TEST_TMP/error" || fail "refused, but: $(<"$TEST_TMP/error")"
[[ $(<$ftrace_enabled) == 1 ]] || fail "ftrace is off"
bios=$(vssctl version --json | json hook_bios)
works "after ftrace was to be switched off"
(($(vssctl version --json | json hook_bios) >= bios + 20)) || fail "the hook does not count"
run_ok vssctl doctor
end
echo 0 >$ftrace_enabled || fail "ftrace cannot be switched off although nothing is tracked"
echo 1 >$ftrace_enabled

# on TRACER...: switches these on. Of function and function_graph only one can be.
on()
{
	local tracer

	for tracer; do
		case $tracer in
		function | function_graph)
			echo submit_bio_noacct >$tracing/set_ftrace_filter
			echo "$tracer" >$tracing/current_tracer
			;;
		kprobe) echo "p:vsstest/kprobe submit_bio_noacct" >>$tracing/kprobe_events ;;
		kretprobe) echo "r:vsstest/kretprobe submit_bio_noacct" >>$tracing/kprobe_events ;;
		esac
	done
	! [[ -e $tracing/events/vsstest ]] || echo 1 >$tracing/events/vsstest/enable
	: >$tracing/trace
}

# hit_of TRACER: prints what each hit of it has in the trace.
hit_of()
{
	case $1 in
	function) echo 'submit_bio_noacct <-' ;;
	function_graph) echo 'submit_bio_noacct()' ;;
	*) echo " $1: (" ;;
	esac
}

is_hit()
{
	grep -qF "$(hit_of "$1")" "$tracing/trace"
}

# off TRACER...: switches these off; fails if one was not hit once.
off()
{
	local tracer hits trace

	trace=$(<$tracing/trace)
	for tracer; do
		hits=$(grep -cF "$(hit_of "$tracer")" <<<"$trace") || fail "$tracer was not hit: $trace"
		echo "$tracer: $hits hits"
	done
	all_off
}

all_off()
{
	echo nop >$tracing/current_tracer
	: >$tracing/set_ftrace_filter
	! [[ -e $tracing/events/vsstest ]] || echo 0 >$tracing/events/vsstest/enable
	: >$tracing/kprobe_events
}

echo 1 >$tracing/tracing_on
cleanup_push all_off

for tracers in "function kprobe" "function_graph kretprobe"; do
	read -r -a tracers <<<"$tracers"
	echo "--- ${tracers[*]} before us"
	on "${tracers[@]}"
	begin
	works "below ${tracers[*]}"
	off "${tracers[@]}"
	echo "--- ${tracers[*]} after us"
	on "${tracers[@]}"
	works "with ${tracers[*]} on top"
	# They stay when we go.
	end
	put_block "$volume" "without the hook"
	off "${tracers[@]}"
done

# begin_bpf entry|exit: a BPF program at the function; sets bpf to its process.
begin_bpf()
{
	fentry "$1" submit_bio_noacct >"$TEST_TMP/bpf" 2>&1 &
	bpf=$!
	cleanup_push stop $bpf
	wait_for 20 grep -q . "$TEST_TMP/bpf"
	[[ $(<"$TEST_TMP/bpf") == attached ]] || fail "BPF, $1: $(<"$TEST_TMP/bpf")"
}

# end_bpf: fails if it was not run for each of some 20 writes.
end_bpf()
{
	local hits

	kill $bpf
	wait $bpf || fail "BPF: $(<"$TEST_TMP/bpf")"
	hits=$(sed -n 's/ hits//p' "$TEST_TMP/bpf")
	((hits >= 20)) || fail "the BPF program was run $hits times"
	echo "BPF: $hits hits"
}

kinds=(entry exit)
if [[ ! -e /sys/kernel/btf/vmlinux ]]; then
	[[ -e /sys/kernel/debug/kmemleak ]] || fail "a kernel without BTF"
	echo "this kernel has no BTF: no BPF programs"
	kinds=()
fi
for kind in "${kinds[@]}"; do
	echo "--- BPF before us: $kind"
	begin_bpf "$kind"
	begin
	works "BPF ($kind) was there"
	end_bpf
	works "BPF ($kind) has gone"
	echo "--- BPF after us: $kind"
	begin_bpf "$kind"
	works "BPF ($kind) on top"
	end
	put_block "$volume" "without the hook"
	end_bpf
done

echo "--- tracers come and go while the volume is written to"
begin
sum=$(raw_sha "$volume")
snap=$(create "$volume")
churn --count 0 --max 64K "$volume" >"$TEST_TMP/churn" &
churn=$!
cleanup_push stop $churn
for tracer in function kprobe function_graph kretprobe function kprobe; do
	on $tracer
	wait_for 20 is_hit $tracer
	off $tracer
done
kill -0 $churn || fail "churn has ended"
kill $churn
wait $churn || fail "churn has failed"
cat "$TEST_TMP/churn"
expect_sha "written to all the time" "$(image "$snap")" "$sum"
[[ $(raw_sha "$volume") != "$sum" ]] || fail "nothing was written"
end

# have MODULE [PARAMETER]...: loads it. Debian's kernels have all of these, the debug kernel some.
have()
{
	! modprobe "$@" 2>/dev/null || { settle; return 0; }
	[[ -e /sys/kernel/debug/kmemleak ]] || fail "no module $1"
	echo "this kernel has no module $1"
	return 1
}

# snapshot_of DEV: one of it is right.
snapshot_of()
{
	local sum snap

	dd if="$volume" of="$1" bs=1M count=8 oflag=direct status=none
	track "$1" "$area"
	snap=$(create "$1")
	sum=$(raw_sha "$1" 8)
	dd if=/dev/urandom of="$1" bs=64k count=64 oflag=direct seek=8 status=none
	expect_sha "$1" "$(image "$snap")" "$sum" 8
	[[ $(raw_sha "$1" 8) != "$sum" ]] || fail "nothing was written"
	settle
	run_ok vssctl detach --quiet --force "$1"
}

echo "--- devices whose writes would not be seen"
# Drivers of 6.1 may take pages past the block layer, later ones cannot.
rw_page=''
[[ $(uname -r) != 6.1.* ]] || rw_page=1
if have brd rd_nr=1 rd_size=16384 max_part=0; then
	if [[ $rw_page ]]; then
		expect_fail -s 7 -m "rw_page" vssctl attach /dev/ram0
	else
		expect_fail -s 7 -m "count its I/O" vssctl attach /dev/ram0
	fi
	rmmod brd
fi
if have zram num_devices=1; then
	echo 16M >/sys/block/zram0/disksize
	settle
	if [[ $rw_page ]]; then
		expect_fail -s 7 -m "rw_page" vssctl attach /dev/zram0
	else
		snapshot_of /dev/zram0
	fi
	rmmod zram
fi
if have nd_e820 && have nd_pmem; then
	expect_fail -s 7 -m "DAX" vssctl attach /dev/pmem0
	rmmod nd_pmem
fi
have null_blk nr_devices=1 zoned=1 zone_size=4 gb=1 memory_backed=1 || fail "no null_blk"
expect_fail -s 7 -m "zoned" vssctl attach /dev/nullb0
begin
expect_fail -s 7 -m "zoned" vssctl diff-area add "$volume" --on /dev/nullb0
end
rmmod null_blk
# The same driver without zones
have null_blk nr_devices=1 gb=1 memory_backed=1 queue_mode=2
snapshot_of /dev/nullb0
rmmod null_blk
# By bios alone, as it can be had in 6.1, it keeps no count of what is in flight: writes from before
# the attach could not be waited for.
[[ $rw_page ]] || exit 0
have null_blk nr_devices=1 gb=1 memory_backed=1 queue_mode=0
expect_fail -s 7 -m "count its I/O" vssctl attach /dev/nullb0
[[ ! $(vssctl status --json | json volume) ]] || fail "it is tracked all the same"
rmmod null_blk
