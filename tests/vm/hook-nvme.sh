#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# NVMe's own multipath: a namespace with two controllers is one disk. That has right
# images, and so has a device on it, while paths go and come back. What nobody counts the I/O
# of is refused: its partitions, and the disk itself before Linux 6.3.
#
# vm: paths=1

. "$(dirname "$0")/content-lib.sh"

[[ $(cat /sys/module/nvme_core/parameters/multipath 2>/dev/null) == Y ]] || skip "no NVMe multipath"

# controllers: prints the names of those that are usable.
controllers()
{
	local c

	for c in /sys/class/nvme/nvme*; do
		if grep -qs '^vss-paths' "$c/serial" && [[ $(<"$c/state") == live ]]; then
			echo "${c##*/}"
		fi
	done
}
has_paths() { (($(controllers | wc -l) == $1)); }

wait_for 20 has_paths 2
head=$(disk vss-paths)
split "$head" 24M 24M
load_vss

echo 1 >"/sys/block/${head##*/}/queue/iostats"
refused=("${parts[@]}") volumes=(/dev/mapper/logical)
if [[ $(uname -r) == 6.1.* ]]; then
	refused+=("$head")
else
	# Last, for all that is on it is overwritten.
	volumes+=("$head")
fi
for volume in "${refused[@]}"; do
	expect_fail -m "under NVMe's multipath only whole disks do" vssctl attach "$volume"
done
dmsetup create logical --table "0 $(blockdev --getsz "${parts[1]}") linear ${parts[1]} 0"
cleanup_push _remove_logical
_remove_logical() { [[ ! -e /dev/mapper/logical ]] || dmsetup remove --retry logical; }

for volume in "${volumes[@]}"; do
	[[ $volume != "$head" ]] || { settle; _remove_logical; }
	echo "--- $volume"
	fill "$volume"
	take_copy "$volume" "$TEST_TMP/before"
	track "$volume" "$(disk vd1)"
	snap --no-freeze "$volume"
	seed=1
	for controller in $(controllers); do
		start_load "$volume" churn --fill --seed $((seed++)) "$volume"
		echo 1 >"/sys/class/nvme/$controller/device/remove"
		wait "$load" || fail "a write failed when $controller went"
		has_paths 1 || fail "$controller is still there"
		expect_same "without $controller" "${images[0]}" "$TEST_TMP/before"
		echo 1 >/sys/bus/pci/rescan
		wait_for 20 has_paths 2
	done
	expect_changed "written to" "$volume" "$TEST_TMP/before"
	expect_copied "all" "$volume" 0
	expect_same "at the end" "${images[0]}" "$TEST_TMP/before"
	unsnap "${ids[@]}"
	run_ok vssctl detach -q "$volume"
done
