#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dm-linear and a striped md array, in the long form also virtio and a mirror, are written
# to in all ways at once, each sector stamped, while there are many snapshots of all of
# them, which are read over and over and deleted in random order. No image has a sector
# that is newer than its instant, lost, torn or astray, or other than at its first look;
# see stamps.c. In the long form up to 512 snapshots, and for longer.
# vm: thread=multi

. "$(dirname "$0")/content-lib.sh"

# To be given anew for the same order of deletion.
RANDOM=${SEED:-3}

need mdadm
load_vss
split "$(disk vd0)" 3M 8M 4M
virtio=${parts[0]} linear=${parts[1]} leg=${parts[2]}
split "$(disk sd0)" 4M 4M
sd=("${parts[@]}")
split "$(disk nvme0)" 4M
nvme=${parts[0]}
split "$(disk vd3)" 500M 500M
# No snapshot is to be lost because room is short.
areas=("$(disk vd1)" "$(disk vd2)" "${parts[@]}")
run_ok dmsetup create stamped --table "0 3072 linear $linear 4096
	3072 3072 linear $linear 512"
run_ok mdadm --quiet --create /dev/md/mirror --run --level=1 --raid-devices=2 --metadata=1.0 \
	--assume-clean --bitmap=none "$leg" "${sd[0]}"
run_ok mdadm --quiet --create /dev/md/stripes --run --level=0 --raid-devices=2 --metadata=1.0 \
	--chunk=8 "$nvme" "${sd[1]}"
settle
volumes=(/dev/mapper/stamped "$(readlink -f /dev/md/stripes)")
chunks=(4K 4K)
ways=('' '')
pause=15
if [[ ${LONG:-} ]]; then
	pause=60
	volumes+=("$virtio" "$(readlink -f /dev/md/mirror)")
	chunks+=(16K 64K)
	# A hint that one leg takes and the other does not leaves two that differ, and what
	# is read depends on which one is asked.
	ways+=('' "--ways direct,buffered,mmap,nowait,dsync,zero")
fi

# udev would look at each image, which takes longer than everything else here.
udevadm control --stop-exec-queue
cleanup_push udevadm control --start-exec-queue
# What a program changes in its mapping while the kernel writes it goes to the disk torn, and
# once more when it is synced. So nobody writes but who was told to.
cleanup_push sysctl -q vm.dirty_writeback_centisecs="$(sysctl -n vm.dirty_writeback_centisecs)"
sysctl -q vm.dirty_writeback_centisecs=0

loads=()
for i in "${!volumes[@]}"; do
	track "${volumes[i]}" "${areas[i]}" --chunk-size "${chunks[i]}"
	# shellcheck disable=SC2086 # an option and its value
	stamps --jobs 2 --pause "$pause" --seed "$i" ${ways[i]} work \
		"$TEST_TMP/table$i" "${volumes[i]}" >"$TEST_TMP/stamps$i" &
	loads+=($!)
done
for i in "${!volumes[@]}"; do
	wait_for 30 test -e "$TEST_TMP/table$i"
done

declare -A image_of table_of

# take WHICH...: a set of these volumes.
take()
{
	local i operands=() floors=() ceilings=()

	taken=$((${taken:-0} + 1))
	for i; do
		operands+=("${volumes[i]}")
		floors+=("$TEST_TMP/table$i" "$TEST_TMP/floor$i.$taken")
		ceilings+=("$TEST_TMP/table$i" "$TEST_TMP/ceiling$i.$taken")
	done
	stamps now "${floors[@]}"
	# Not vssctl, which waits for udev. A copy is for others.
	snap_busy --no-freeze --length 4096 "${operands[@]}"
	stamps now "${ceilings[@]}"
	rm "${copies[@]}"
	for i; do
		image_of[${ids[0]}]=${images[0]}
		table_of[${ids[0]}]=$i.$taken
		alive+=("${ids[0]}")
		ids=("${ids[@]:1}") images=("${images[@]:1}")
	done
}

# look ID...
look()
{
	local id t operands=()

	for id; do
		t=${table_of[$id]}
		operands+=("$TEST_TMP"/{floor,ceiling,seen}"$t" "${image_of[$id]}")
	done
	((!$#)) || stamps check "${operands[@]}" || fail "an image is wrong"
}

# round SETS WHICH...
round()
{
	local sets=$1 i id pick gone left

	shift
	alive=()
	for ((i = 0; i < sets; i++)); do
		take "$@"
		((sets > 8 && i % 8)) || look "${alive[$((RANDOM % ${#alive[@]}))]}"
	done
	# Something is to be copied for the last one too.
	sleep 1
	look "${alive[@]}"
	while ((${#alive[@]})); do
		left=$((${#alive[@]} / 2))
		gone=()
		while ((${#alive[@]} > left)); do
			pick=$((RANDOM % ${#alive[@]}))
			id=${alive[pick]}
			gone+=("$id")
			rm -f "$TEST_TMP"/{floor,ceiling,seen}"${table_of[$id]}"
			unset "alive[pick]"
			alive=("${alive[@]}")
		done
		vssctl delete -q "${gone[@]}" || fail "cannot delete ${gone[*]}"
		look "${alive[@]}"
	done
	for i in "${loads[@]}"; do
		kill -0 "$i" || fail "a writer has ended"
	done
	for i; do
		echo "$sets snapshots of ${volumes[i]}: $(vol "${volumes[i]}" chunks_copied) chunks copied since the start"
	done
}

all=("${!volumes[@]}")
round 1 "${all[@]}"
round 4 "${all[@]}"
if [[ ${LONG:-} ]]; then
	for i in {1..5}; do
		round 1 "${all[@]}"
		round 8 "${all[@]}"
	done
	round 64 "${all[@]}"
	round 512 0
	round 512 1
fi

kill "${loads[@]}"
for i in "${all[@]}"; do
	wait "${loads[i]}" || fail "a writer on ${volumes[i]} has failed"
	echo "${volumes[i]}: $(tr '\n' ';' <"$TEST_TMP/stamps$i")"
	expect_copied "all of it" "${volumes[i]}" 0
	# The volume itself, as if it were an image of now.
	stamps now "$TEST_TMP/table$i" "$TEST_TMP/last"
	stamps check "$TEST_TMP/last" "$TEST_TMP/last" "$TEST_TMP/seen.last$i" "${volumes[i]}" ||
		fail "${volumes[i]} does not hold what was written to it"
done
