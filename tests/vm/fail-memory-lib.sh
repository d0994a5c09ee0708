# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Memory that the module does not get, to be sourced instead of set-lib.sh by tests that
# have a function life, which has the module do something, and then call each_place: at
# each place where the module asks for memory it gets none, once and then for ever. What
# was asked of it may fail then, but no more than that is life's to find out.
#
# For the debug kernel; others cannot refuse memory by who asks for it. FAULT_PLACES is a
# regular expression for those who want to look at some of the places only, by what is
# printed of them.

. "$(dirname "${BASH_SOURCE[0]}")/set-lib.sh"

faults=/sys/kernel/debug
[[ -e $faults/failslab/require-start && -e $faults/fail_page_alloc/require-start ]] ||
	skip "no failslab with a filter by stack: see make check-debug"

# Calls that end in an allocation, also those that make whole objects.
calls='(__)?k(v|z)?(m|c|re)alloc|kmem_cache_alloc|kmem_cache_create|kvmalloc|vmalloc|vzalloc'
calls+='|alloc_pages|get_free_page|get_zeroed_page|bio_alloc|bio_associate_blkg|bio_kmalloc|bioset_init|bio_init_clone'
calls+='|mempool_(alloc|init|create|resize)|alloc_workqueue|alloc_disk|device_add_disk'
calls+='|alloc_skb|nlmsg_|netlink_ack|netlink_broadcast|ida_alloc|idr_alloc|xa_(store|alloc|insert)'
calls+='|alloc_percpu|pcpu_alloc|kstrdup|kmemdup|kasprintf|register_|ftrace_set_filter|blkdev_get|bdev_file_open'
calls+='|freeze_bdev|thaw_bdev|freeze_super|d_path|file_path|vfs_fsync'
# What sounds like that and is not.
harmless='(mempool_|__)?free_pages?|.*unregister.*|(__)?bio_add_page|page_offset_base|_totalram_pages'
harmless+='|kmalloc_caches|__module_get|fget|ktime_get.*|vfs_(getattr|fileattr_get)|__asan_.*'

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

# begin_life: as nothing is there, not even the module; 1: it cannot be loaded.
begin_life()
{
	failures=0
	: >"$TEST_TMP/tried"
	[[ -d /sys/module/vss ]] || try modprobe vss
	if [[ ! -d /sys/module/vss ]]; then
		refuse_none
		return 1
	fi
	vssctl events >/dev/null 2>&1 &
	listener=$!
}

# end_life VOLUME: there is memory again, and nothing is left.
end_life()
{
	refuse_none
	settle
	kill "$listener"
	wait "$listener" || :
	if vssctl status --json | grep '"volume"' >/dev/null; then
		run_ok vssctl detach --quiet --force "$1"
	fi
}

unload()
{
	[[ ! -d /sys/module/vss ]] || wait_for 20 rmmod vss
}

# places SECTION: prints each call that asks for memory: the offset that it is at, its
# function, and what it calls.
places()
{
	{
		objdump -t "$module" | awk -v s="$1" '$3 == "F" && $4 == s { print $1, "in", $6 }'
		objdump -r -j "$1" "$module" |
			awk '$2 ~ /PLT32|PC32/ { sub(/[-+]0x.*/, "", $3); print $1, "call", $3 }'
	} | sort | awk -v calls="^[a-z_]*($calls)" -v harmless="^($harmless)\$" '
		$2 == "in" { name = $3 }
		$2 == "call" && $3 ~ calls && $3 !~ harmless { print $1, name, $3 }'
}

# Does the module call anything that the lists above should have, and have not?
all_known()
{
	local strange

	strange=$(nm -u "$module" | awk -v calls="^[a-z_]*($calls)" -v harmless="^($harmless)\$" '
		$2 ~ /alloc|page|dup|clone|create|new|get|register|open/ && $2 !~ calls && $2 !~ harmless { print $2 }')
	[[ ! $strange ]] || fail "do these ask for memory? $strange"
	# Code that is in neither of the two sections would be left out.
	strange=$(objdump -h "$module" | awk '$2 ~ /text/ && $2 != ".text" && $2 != ".init.text" { print $2 }' |
		while read -r section; do
			[[ ! $(places "$section") ]] || echo "$section"
		done)
	[[ ! $strange ]] || fail "memory is asked for in $strange, too"
}

# find_places: a line for each place in $TEST_TMP/sites: the address that it returns to,
# and what it is called.
find_places()
{
	local section base offset function symbol name

	load_vss
	text=$(address .text) init=$(address .init.text)
	rmmod vss
	load_vss
	[[ $(address .text) == "$text" && $(address .init.text) == "$init" ]] ||
		fail "the module does not come to lie where it was"
	rmmod vss
	all_known
	# Each relocation of a call is four bytes before the place that it returns to.
	for section in .text .init.text; do
		base=$text
		[[ $section == .text ]] || base=$init
		places "$section" | while read -r offset function symbol; do
			name="$function $symbol $section+0x$(printf '%x' $((16#$offset)))"
			[[ ! ${FAULT_PLACES:-} || $name =~ $FAULT_PLACES ]] ||
				continue
			printf '%d %s\n' $((base + 16#$offset + 4)) "$name"
		done
	done >"$TEST_TMP/sites"
	sites=$(wc -l <"$TEST_TMP/sites")
	[[ ${FAULT_PLACES:-} ]] || ((sites > 30)) || fail "only $sites places in $module: $(<"$TEST_TMP/sites")"
}

# each_place: life, with memory refused at each of the places, and without before and
# afterwards. life sets good to how many images it has found right.
each_place()
{
	local site where again once reached=0

	find_places
	good=0
	echo "--- all goes well"
	life
	unload
	((failures == 0 && good > 0)) || fail "$failures failures with nothing refused: $(<"$TEST_TMP/tried")"
	usual=$good
	good=0
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
	good=0
	unload
	life
	unload
	((failures == 0 && good == usual)) || fail "afterwards: $failures failures: $(<"$TEST_TMP/tried")"
}
