#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A persistent diff area with very many copied chunks is loaded in a time that goes with
# the length of its log, however many snapshots there are, and takes at most 48 bytes of
# memory for a chunk. What that time is, beside that of reading and checking the log in
# userspace, is printed. 200,000 chunks, in the long form ten million too. With 512 snapshots
# there is no 513th.
# vm: timeout=1000

. "$(dirname "$0")/persist-lib.sh"

modprobe dm_zero || skip "no dm-zero"
tracing=/sys/kernel/tracing
if [[ ! -e $tracing/kprobe_events ]]; then
	run_ok mount -t tracefs tracefs $tracing
	cleanup_push umount $tracing
fi

# large NAME DISK MIB SECTORS: a disk that is there in its first MIB only, and has zeroes behind.
large()
{
	local sectors=$(($3 * 2048))

	dmsetup create "$1" <<-END || fail "no device $1"
		0 $sectors linear $2 0
		$sectors $(($4 - sectors)) zero
	END
	cleanup_push dmsetup remove --retry "$1"
}

chunks=200000 size=$((4 << 30))
[[ ! ${LONG:-} ]] || size=$((64 << 30))
large volume "$(disk vd0)" 8 $((size / 512))
large area "$(disk vd1)" 1000 $((size / 512))
volume=/dev/mapper/volume area=/dev/mapper/area
dd if=/dev/urandom of="$volume" bs=1M count=8 status=none oflag=direct
settle
load_vss
# As hundreds of images come and go.
udevadm control --stop-exec-queue
cleanup_push udevadm control --start-exec-queue
echo 'p:vsstest/begins vss:vss_log_replay' >>$tracing/kprobe_events
echo 'r:vsstest/ends vss:vss_log_replay' >>$tracing/kprobe_events
cleanup_push eval "vssctl detach -q --force $volume 2>/dev/null; echo 0 >$tracing/events/vsstest/enable; echo -:vsstest/begins >>$tracing/kprobe_events; echo -:vsstest/ends >>$tracing/kprobe_events"
echo 1 >$tracing/events/vsstest/enable

now()
{
	local t=${EPOCHREALTIME/[.,]/}

	echo $((t / 1000))
}

# replayed: how long the last replay took, in ms.
replayed()
{
	awk '/ begins: / { sub(":", "", $4); begin = $4 } / ends: / { sub(":", "", $4); end = $4 }
		END { printf "%d\n", (end - begin) * 1000 }' <(grep -E ' (begins|ends): ' $tracing/trace | sed -E 's/^ *.{0,16}-[0-9]+ +/x /')
}

# load CHUNKS [OPTION]...: makes such an area and loads it.
load()
{
	local n=$1 start memory idle took reading

	shift
	full-area "$@" "$area" "$size" "$n" >"$TEST_TMP/made" || fail "cannot make the area"
	run_ok vssctl attach -q --chunk-size 4K "$volume"
	idle=$(vol "$volume" memory)
	echo 3 >/proc/sys/vm/drop_caches
	start=$(now)
	full-area --read "$area" >"$TEST_TMP/read"
	reading=$(($(now) - start))
	: >$tracing/trace
	echo 3 >/proc/sys/vm/drop_caches
	run_ok vssctl diff-area load -q --unclean "$volume" "$area"
	took=$(replayed)
	memory=$(($(vol "$volume" memory) - idle))
	echo "$n chunks ($*): replayed in $took ms; the log read and checked in userspace in $reading ms; $((memory / n)) bytes of memory a chunk"
	[[ $(vol "$volume" area_used) == $((n * 4096)) ]] || fail "$(vol "$volume" area_used) bytes are in use: $(vssctl list --json | json lost_reason | sort | uniq -c)"
	((memory <= n * 48)) || fail "$memory bytes of memory"
	# What a slow and busy processor needs for each chunk, and for the disk of a snapshot.
	((took <= (reading * 15 + 5000 + n / 200) * slower)) || fail "that takes too long"
}

unload()
{
	run_ok vssctl detach -q --force "$volume"
}

load $chunks
unload
# The same places again and again, and of all snapshots mixed.
load $chunks --snapshots 512 --map --hot 400
expect_fail -m VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED vssctl create "$volume"
[[ $(vol "$volume" snapshots) == 512 ]] || fail "there are $(vol "$volume" snapshots) snapshots"
unload
[[ ${LONG:-} ]] || exit 0
load 1000000 --snapshots 512 --hot 2000
unload
for n in 1000000 10000000; do
	load $n
	unload
	load $n --snapshots 512
	unload
	load $n --snapshots 512 --map
	unload
done
