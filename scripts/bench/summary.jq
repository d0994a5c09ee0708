# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs of fio (one object each) to measurements: medians over the repeats. A ratio
# is taken to the mean of the bare device's runs before and after it, in the same group
# and repeat, before the median.

def median: sort | if length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def digits($n): . * pow(10; $n) | round / pow(10; $n);

# The list of 4 KiB writes for larger chunks is another one: see measure.sh.
def chunk_of_list: if .chunk_kib > 16 and .workload == "4k-rand"
	and (.phase | startswith("read") | not) then .chunk_kib else 16 end;
def key: [.device, .rep, .group, .workload, .iodepth, chunk_of_list] | tostring;

(map(select(.engine == "bare")) | group_by(key)
	| map({ key: (.[0] | key), value: (map(.iops) | add / length) }) | from_entries) as $bare
| map(. + { ratio: (.iops / ($bare[key] // error("no bare run for \(.)"))) })
| map(select(.engine != "bare" or .chunk_kib == 16 or .workload == "4k-rand"))
| group_by([.device, .engine, .chunk_kib, .snapshots, .phase, .workload, .iodepth])
| sort_by(.[0].device, (.[0].engine | if . == "bare" then 0 elif startswith("vss") then 1 else 2 end),
	.[0].engine, .[0].snapshots)
| .[]
| . as $runs
| def med(f): $runs | map(f) | median;
  .[0]
| { device, engine, chunk_kib, snapshots, phase, workload, iodepth,
    iops: (med(.iops) | digits(1)), ratio_bare: (med(.ratio) | digits(3)),
    p99_us: (med(.p99_us) | digits(1)),
    origin_reads: (med(.origin_reads) | digits(4)),
    origin_writes: (med(.origin_writes) | digits(4)),
    store_writes: (med(.store_writes) | digits(4)),
    store_kib: (med(.store_kib) | digits(3)),
    store_flushes: (med(.store_flushes) | digits(4)),
    repeats: ($runs | length),
    spread: [($runs | map(.ratio) | min | digits(3)), ($runs | map(.ratio) | max | digits(3))],
    p50_us: (med(.p50_us) | digits(1)), p999_us: (med(.p999_us) | digits(1)) }
