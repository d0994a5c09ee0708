#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Compares vss with the bare device, dm-snapshot and dm-thin in one VM and prints the
# table; build/bench.jsonl has a line for each measurement, build/bench-other.jsonl one for each
# hold, set and figure of memory. Called by "make bench", which builds first. QUICK=1
# measures less; REPEATS and BENCH_SECONDS bound the rest.
# SECTIONS names what is measured, of "io hold coordination"; ENGINES what is compared
# with the bare device, of "vss vss-P dm-snapshot-N dm-snapshot-P dm-thin" (vss-P is vss with
# a persistent diff area); BENCH_CPU the emulated processor.

set -uo pipefail
. "$(dirname "$0")/vm/common.sh"
cd "$top" || exit 1

# Of the quick form's 4 minutes, of which what is built is a part: for the firmware before the VM counts,
# for memory and holds, for the end and the table.
limit=240 reserve=$((1 + 18 + 4))
left='' started=${BENCH_STARTED:-$EPOCHSECONDS}
kver=${KVER:-$(default_kver)}
mode=full repeats=${REPEATS:-3} seconds=${BENCH_SECONDS:-6000} sections="io hold coordination"
if [[ ${QUICK:-} && $QUICK != 0 ]]; then
	mode=quick repeats=${REPEATS:-2} seconds=${BENCH_SECONDS:-45} sections="io hold"
	# What VMs are made of is made once in a clone: that is a part of the time, too.
	for part in "tsc-khz" "mkinitramfs $kver" "mkkernel $kver /boot/vmlinuz-$kver" "pack-product $kver"; do
		# shellcheck disable=SC2086 # several words
		scripts/vm/$part >/dev/null || exit
	done
	# Whoever says how long it may take has more time.
	[[ ${BENCH_SECONDS:-} ]] || left=$((limit - reserve - (EPOCHSECONDS - started)))
fi

sections=${SECTIONS:-$sections}
for section in $sections; do
	[[ $section =~ ^(io|hold|coordination)$ ]] ||
		die "SECTIONS: there are io, hold and coordination, no \"$section\""
done

# The VM writes here; of a run before nothing must remain, or its figures are taken for this one's.
dir=$build/bench
rm -rf "$dir" "$build/bench.jsonl" "$build/bench-other.jsonl" "$build/bench.txt"
# No fast string operations: QEMU would announce them and copy byte by byte, so that
# moving 16 KiB in memory costs more than all the code of an I/O. Nor the instruction
# for CRC-32C (sse4.2), which it computes bit by bit, nor AVX, with which copying costs more.
scripts/vm/run --kernel "$kver" --no-disks --mem 3072 --dir "$dir" \
	--cpu "${BENCH_CPU:-max,-erms,-fsrm,-sse4.2,-avx,-avx2}" \
	--timeout $((seconds + 3600)) --cache none --aio native \
	--disk virtio:640M:bench-o --disk virtio:640M:bench-s \
	-- scripts/bench/guest.sh "$mode" "$repeats" "$seconds" "$sections" "${ENGINES:-}" "$left" || exit

cp "$dir/io/bench-other.jsonl" "$build/bench-other.jsonl" || exit
tell_other()
{
	echo "build/bench-other.jsonl: $(wc -l <"$build/bench-other.jsonl") other figures"
}
if [[ " $sections " != *" io "* ]]; then
	scripts/bench/table.sh /dev/null "$build/bench-other.jsonl" || exit
	echo
	tell_other
	exit
fi
raw=$dir/io/bench-raw.jsonl
jq -cs -f scripts/bench/summary.jq "$raw" >"$dir/summary.jsonl" || exit
jq -c 'del(.repeats, .spread, .p50_us, .p999_us)' "$dir/summary.jsonl" >"$build/bench.jsonl" || exit
{
	scripts/bench/table.sh "$dir/summary.jsonl" "$build/bench-other.jsonl"
	if [[ -s $dir/io/bench-left-out ]]; then
		echo
		echo "Left out, for the time was over: $(paste -sd ';' "$dir/io/bench-left-out" | sed 's/;/; /g')."
	fi
} | tee "$build/bench.txt"
echo
echo "build/bench.jsonl: $(wc -l <"$build/bench.jsonl") measurements; build/bench.txt: this table"
tell_other
