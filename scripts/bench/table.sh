#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# table.sh SUMMARY OTHER: prints the table of a benchmark in Markdown.

set -euo pipefail
summary=$1 other=$2

echo "$(date -u +%Y-%m-%d), $(nproc) CPUs: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)."
echo "The VM's processors are emulated (QEMU TCG): ratios within this run count, not IOPS."
echo
for device in null_blk virtio; do
	jq -rs --arg device "$device" '
	map(select(.device == $device)) as $all
	| if ($all | length) == 0 then empty else
	  def peer($k): $all | map(select(.engine | startswith("dm-snapshot"))
		| select([.snapshots, .phase, .workload, .iodepth] == $k) | .ratio_bare) | max;
	  def of_vss($k): if .engine | startswith("vss") then peer($k) else null end;
	  def times($p): if $p then .ratio_bare / $p * 100 | round / 100 else null end;
	  def text: if . == null then "" else tostring end;
	  "### \($device)\n",
	  "| engine | chunk | snapshots | phase | workload | depth | IOPS | of bare | spread | best dm-snapshot | to that | p50 / p99 / p99.9 us | origin reads, writes | store writes, KiB, flushes |",
	  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
	  ($all[] | of_vss([.snapshots, .phase, .workload, .iodepth]) as $peer | "| \(.engine) | \(.chunk_kib) | \(.snapshots) | \(.phase) | \(.workload) | \(.iodepth) | \(.iops | round) | \(.ratio_bare) | \(.spread[0]) to \(.spread[1]) | \($peer | text) | \(times($peer) | text) | \(.p50_us | round) / \(.p99_us | round) / \(.p999_us | round) | \(.origin_reads), \(.origin_writes) | \(.store_writes), \(.store_kib), \(.store_flushes) |"),
	  "" end' "$summary"
done
echo "### Other figures"
echo
echo "| what | of | values |"
echo "| --- | --- | --- |"
jq -rs 'group_by([.what, .n])[] | "| \(.[0].what) | \(.[0].n) | \(map(.value) | sort | map(tostring) | join(", ")) |"' "$other"
