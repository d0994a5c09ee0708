#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# At each place where the module asks for memory it gets none, once and then for ever:
# what was asked of it may fail, but the volume's own I/O does not, no image is wrong,
# nothing is left behind, and the module can be unloaded and loaded again. For the
# debug kernel; others cannot refuse memory by who asks for it. FAULT_PLACES is a
# regular expression for those who want to look at some of the places only.
# vm: timeout=900

. "$(dirname "$0")/set-lib.sh"

faults=/sys/kernel/debug
[[ -e $faults/failslab/require-start && -e $faults/fail_page_alloc/require-start ]] ||
	skip "no failslab with a filter by stack: see make check-debug"

# Calls that end in an allocation, also those that make whole objects.
calls='(__)?k(v|z)?(m|c|re)alloc|kmem_cache_alloc|kmem_cache_create|kvmalloc|vmalloc|vzalloc'
calls+='|alloc_pages|__get_free_page|bio_alloc|bio_kmalloc|bioset_init|bio_split'
calls+='|mempool_(alloc|init|create|resize)|alloc_workqueue|alloc_disk|device_add_disk'
calls+='|alloc_skb|nlmsg_|netlink_ack|ida_alloc|idr_alloc|xa_(store|alloc|insert)|alloc_percpu'
calls+='|kstrdup|kmemdup|kasprintf|register_|ftrace_set_filter|blkdev_get|bdev_file_open'
calls+='|freeze_bdev|thaw_bdev|freeze_super|d_path|file_path|vfs_fsync'

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 24
parts "$areas" 16 32
volume=$(part "$disk" 1)
area=$(part "$areas" 1)
run_ok mkfs.ext4 -q "$volume"
run_ok mkfs.ext4 -q "$(part "$areas" 2)"
dir=$(mount_tmp "$volume")
home=$(mount_tmp "$(part "$areas" 2)")
module=$(modinfo -n vss)

# address SECTION: where the module has it, as long as it is loaded.
address()
{
	cat "/sys/module/vss/sections/$1"
}

for f in failslab fail_page_alloc; do
	for setting in probability=0 interval=1 space=0 verbose=0 task-filter=N ignore-gfp-wait=N \
		stacktrace-depth=32; do
		echo "${setting#*=}" >"$faults/$f/${setting%%=*}"
	done
done
echo N >"$faults/fail_page_alloc/ignore-gfp-highmem"
echo 0 >"$faults/fail_page_alloc/min-order"

# refuse ADDRESS TIMES: whoever returns to ADDRESS gets no memory.
refuse()
{
	local f

	for f in failslab fail_page_alloc; do
		printf '0x%x\n' "$1" >"$faults/$f/require-start"
		printf '0x%x\n' $(($1 + 1)) >"$faults/$f/require-end"
		echo "$2" >"$faults/$f/times"
		echo 100 >"$faults/$f/probability"
	done
}

refuse_none()
{
	echo 0 >"$faults/failslab/probability"
	echo 0 >"$faults/fail_page_alloc/probability"
}
cleanup_push refuse_none

# was_refused: whether the one refusal that was ordered has happened.
was_refused()
{
	[[ $(<"$faults/failslab/times") == 0 || $(<"$faults/fail_page_alloc/times") == 0 ]]
}

# try CMD...: may fail.
try()
{
	"$@" >>"$TEST_TMP/tried" 2>&1 || failures=$((failures + 1))
}

unload()
{
	[[ ! -d /sys/module/vss ]] || wait_for 20 rmmod vss
}

# All that the module does. Only what must not fail is looked at: the volume, and an
# image that claims to be good.
life()
{
	local snap='' image before

	failures=0
	[[ -d /sys/module/vss ]] || try modprobe vss
	if [[ ! -d /sys/module/vss ]]; then
		refuse_none
		return
	fi
	vssctl events >/dev/null 2>&1 &
	listener=$!
	try vssctl attach "$volume"
	try vssctl diff-area add --force "$volume" --on "$area"
	try vssctl diff-area add "$volume" --file "$home/area" --size 8M
	head -c 1M /dev/urandom >"$dir/old"
	sync -f "$dir"
	before=$(sha256sum <"$dir/old")
	snap=$(vssctl create --json "$volume" 2>>"$TEST_TMP/tried" | json id) ||
		failures=$((failures + 1))
	# What is written from here on is refused nothing by the file system.
	head -c 1M /dev/urandom >"$TEST_TMP/new"
	cat "$TEST_TMP/new" 1<>"$dir/old"
	sync -f "$dir"
	echo 1 >/proc/sys/vm/drop_caches
	cmp "$dir/old" "$TEST_TMP/new" || fail "the volume does not hold what was written to it"
	if [[ $snap && -b /dev/vss/by-id/$snap ]]; then
		image=$TEST_TMP/image
		mkdir -p "$image"
		if mount -o ro,noload "/dev/vss/by-id/$snap" "$image" 2>/dev/null; then
			if sha256sum <"$image/old" >"$TEST_TMP/sum" 2>/dev/null; then
				[[ $(<"$TEST_TMP/sum") == "$before" ]] || fail "the image is wrong"
				good=$((good + 1))
			fi
			umount "$image"
		fi
		try vssctl set-writable "$snap" on
		try dd if="$TEST_TMP/new" of="/dev/vss/by-id/$snap" bs=64k count=2 seek=8 oflag=direct
		settle
		try vssctl delete --force "$snap"
	fi
	try vssctl status
	try vssctl detach --force "$volume"
	refuse_none
	settle
	kill $listener
	wait $listener || :
	if vssctl status --json | grep -q '"volume"'; then
		run_ok vssctl detach --quiet --force "$volume"
	fi
	rm -f "$home/area"
}

good=0
: >"$TEST_TMP/tried"
load_vss
text=$(address .text) init=$(address .init.text)
rmmod vss
load_vss
[[ $(address .text) == "$text" && $(address .init.text) == "$init" ]] ||
	fail "the module does not come to lie where it was"
rmmod vss
echo "--- all goes well"
life
unload
((failures == 0 && good == 1)) || fail "$failures failures with nothing refused: $(<"$TEST_TMP/tried")"

# Each relocation of a call is four bytes before the place that it returns to.
for section in .text .init.text; do
	base=$text
	[[ $section == .text ]] || base=$init
	objdump -r -j "$section" "$module" | awk '$2 ~ /PLT32|PC32/ { print $1, $3 }' |
		grep -E " [a-z_]*($calls)" | grep -Ev "_caches|unregister|msg_put" |
		{ grep -E "${FAULT_PLACES:-.}" || :; } | while read -r offset symbol; do
		printf '%d %s\n' $((base + 16#$offset + 4)) "$section+0x$(printf '%x' $((16#$offset))) ${symbol%[-+]0x*}"
	done
done >"$TEST_TMP/sites"
sites=$(wc -l <"$TEST_TMP/sites")
[[ ${FAULT_PLACES:-} ]] || ((sites > 30)) || fail "only $sites places in $module: $(<"$TEST_TMP/sites")"

reached=0
while read -r -u 5 site where; do
	echo "--- $where"
	refuse "$site" 1
	life
	again=''
	if ! was_refused; then
		# Perhaps a place that is come by when the module is loaded.
		again=unload
		unload
		refuse "$site" 1
		life
	fi
	if was_refused; then
		reached=$((reached + 1))
		once=$failures
		$again
		refuse "$site" 1000000
		life
		echo "refused: $once failures; for ever: $failures"
	else
		echo "$where" >>"$TEST_TMP/unreached"
	fi
done 5<"$TEST_TMP/sites"

echo "$sites places, $reached reached, $good images read and right"
if [[ -e $TEST_TMP/unreached ]]; then
	sed 's/^/not reached: /' "$TEST_TMP/unreached"
fi
[[ ${FAULT_PLACES:-} ]] || ((reached > sites / 3)) || fail "too few places were reached"
: >"$TEST_TMP/tried"
good=0
unload
life
unload
((failures == 0 && good == 1)) || fail "afterwards: $(<"$TEST_TMP/tried")"
