#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# round.sh setup|load|last [KIND]: what goes on in the VM between two power failures;
# scripts/check-crash.sh runs it. The disks "origin", "area", those by which the area grows,
# "more0" and "more1", and "memory", which has what vssd keeps, lose what was not flushed;
# what the images must be is kept in a folder of the host's:
#
#   snaps/UUID	a snapshot that was reported as made
#   going/UUID	one whose deletion was begun
#   new/copy.0	the volume at the instant of one that is being made
#   parts	how many disks the diff area was reported to have
#   reverting	the UUID of one that the volume is being set back to
#   before	the volume as it was when that was begun
#   verified	made when all snapshots were found to be right
#   tired	made when there was load enough
#   failed	made when something was wrong that is not due to a power failure
#
# Each is a copy of the volume, taken while no write was let in.

state=/run/vss/share

# After the power failure all commands fail: that is no news.
if [[ $1 != inner ]]; then
	"$0" inner "$@" && exit
	for serial in origin area more0 more1 memory; do
		dd if="$(lsblk -dnpo SERIAL,NAME | awk -v s="$serial" '$1 == s { print $2 }')" of=/dev/null bs=4k count=1 \
			iflag=direct status=none || exit 3
	done
	: >$state/failed
	exit 1
fi

. "$(dirname "$0")/../vm/content-lib.sh"

kind=${3:-any}
volume=$(disk origin)
area=$(disk area)
more=("$(disk more0)" "$(disk more1)")
memory=$(disk memory)
# Whole disks: instant reads them while writes are held, so nothing may be dirty in the page cache.
ways=direct,vector,uring,dsync,flush,zero

setup()
{
	mkdir -p $state/{snaps,going,new}
	fill "$volume" "$RANDOM"
	blockdev --flushbufs "$volume"
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area add -q "$volume" --on "$area" --persistent
	set_parts 1
	run_ok vssctl detach -q "$volume"
	run_ok mkfs.ext4 -q "$memory"
	sync "$memory"
}

# set_parts N: so many disks the area has.  At once, for the power may fail now.
set_parts()
{
	echo "$1" >$state/parts.new
	mv $state/parts.new $state/parts
}

parts()
{
	vssctl diff-area list --json "$volume" | json used | wc -l
}

# aim KIND MOST: now the power is to fail, within as many writes and flushes.
aim()
{
	[[ $1 == "$kind" ]] || return 0
	kind=any
	echo $((RANDOM % $2 + 1)) >$state/aim.new
	mv $state/aim.new $state/aim
}

# known: the snapshots that there are, "UUID STATE DEVICE" each.
known()
{
	local json

	json=$(vssctl list --json) || return
	paste -d ' ' <(json id <<<"$json") <(json state <<<"$json") <(json device <<<"$json")
}

# right UUID DEVICE COPY
right()
{
	same "$2" "$3" || fail "snapshot $1 is not what the volume was"
	compared=$((compared + 1))
}

verify()
{
	local uuid life device

	compared=0
	declare -A there=()
	while read -r uuid life device; do
		[[ $uuid ]] || continue
		there[$uuid]=1
		[[ $life == alive ]] || fail "snapshot $uuid is $life: $(vssctl list --json)"
		if [[ -e $state/snaps/$uuid ]]; then
			right "$uuid" "$device" "$state/snaps/$uuid"
		elif [[ -e $state/going/$uuid ]]; then
			echo "$uuid is still there"
			right "$uuid" "$device" "$state/going/$uuid"
			mv "$state/going/$uuid" "$state/snaps"
		elif [[ -e $state/new/copy.0 ]]; then
			echo "$uuid was made without anybody having been told"
			right "$uuid" "$device" $state/new/copy.0
			mv $state/new/copy.0 "$state/snaps/$uuid"
		else
			fail "where does $uuid come from?"
		fi
	done <<<"$known"
	for uuid in "$state"/snaps/*; do
		[[ ! -e $uuid || ${there[${uuid##*/}]:-} ]] || fail "snapshot ${uuid##*/} is not there any more"
	done
	rm -f $state/going/* $state/new/*
}

# is_sound DEVICE...
is_sound()
{
	vssctl diff-area check --json "$@" >"$TEST_TMP/check.json" 2>"$TEST_TMP/check.err"
}

# Reads what the power failure has left, without the module and with it.
load_area()
{
	local used devices=("$area" "${more[@]}")

	# A disk by which it has never begun to grow, or whose first superblocks are torn, is none.
	while ! is_sound "${devices[@]}"; do
		if ((${#devices[@]} == 1)) || ! grep -q 'has no valid superblock' "$TEST_TMP/check.json"; then
			cat "$TEST_TMP/check.json"
			fail "the area is not sound"
		fi
		unset "devices[-1]"
	done
	used=$(json used <"$TEST_TMP/check.json" | sed -n 1p)
	run_ok vssctl attach -q "$volume"
	[[ ! ${1:-} ]] || aim replay 8
	run_ok vssctl diff-area load -q "$@" "$volume" "${devices[@]}"
	settle
	[[ $(vol "$volume" area_used) == "$used" ]] ||
		fail "offline $used bytes are in use, the module counts $(vol "$volume" area_used)"
	known=$(known)
	(($(parts) >= $(<$state/parts))) || fail "of $(<$state/parts) disks of the area there are $(parts)"
	set_parts "$(parts)"
}

begin_writes()
{
	churn --seed "$RANDOM$RANDOM" --count 0 --max $((1 << (RANDOM % 8 + 12))) --jobs $((RANDOM % 4 + 1)) --ways $ways \
		--no-verify "$volume" >"$TEST_TMP/churn.log" 2>&1 &
	churn=$!
}

end_writes()
{
	kill $churn
	wait $churn || { cat "$TEST_TMP/churn.log"; fail churn; }
}

make_one()
{
	local out uuid

	out=$(instant --out $state/new "$volume") || fail instant
	uuid=${out%% *}
	mv $state/new/copy.0 "$state/snaps/$uuid"
}

# aimed KIND MOST COMMAND...: runs it; when it is aimed at, mostly without other writes, so
# that it is hit: it takes MOST writes and flushes itself, about.
aimed()
{
	local quiet=$((RANDOM % 3))

	if [[ $1 != "$kind" ]]; then
		"${@:3}"
	elif ((quiet)); then
		end_writes
		aim "$1" "$2"
		"${@:3}"
		begin_writes
	else
		aim "$1" 60
		"${@:3}"
	fi
}

delete_one()
{
	local uuid

	uuid=$(find $state/snaps -type f -printf '%f\n' | shuf -n 1)
	mv "$state/snaps/$uuid" $state/going
	# udev may be looking at the image.
	settle
	vssctl delete -q "$uuid" || fail delete
	rm "$state/going/$uuid"
}

# By the next disk, until all are parts.
grow()
{
	local nr

	nr=$(parts)
	((nr <= ${#more[@]})) || return 0
	# What growth that was cut short has left there is overwritten.
	run_ok vssctl diff-area add -q --force "$volume" --on "${more[nr - 1]}" --persistent
	set_parts $((nr + 1))
}

# There must be a disk left to grow by: with an empty area of one, if need be.
leave_one()
{
	local disk

	(($(parts) > ${#more[@]})) || return 0
	while [[ $(find $state/snaps -type f) ]]; do
		delete_one
	done
	settle
	run_ok vssctl detach -q "$volume"
	for disk in "${more[@]}"; do
		run_ok dd if=/dev/zero of="$disk" bs=64k count=1 oflag=direct conv=fsync status=none
	done
	run_ok vssctl attach -q "$volume"
	run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
	set_parts 1
}

# In order, and back.
reload()
{
	end_writes
	settle
	aim reload 12
	run_ok vssctl detach -q "$volume"
	load_area
	begin_writes
}

begin_service()
{
	mkdir -p /run/dbus /var/lib/vss
	run_ok mount "$memory" /var/lib/vss
	dbus-uuidgen --ensure
	dbus-daemon --system --fork --print-pid=3 3>"$TEST_TMP/bus.pid" || fail 'no system bus'
	vssd --foreground >"$TEST_TMP/vssd.log" 2>&1 &
	vssd=$!
	wait_for 60 grep -q 'is ready' "$TEST_TMP/vssd.log"
}

end_service()
{
	kill $vssd
	wait $vssd || { cat "$TEST_TMP/vssd.log"; fail 'vssd has failed'; }
	kill "$(<"$TEST_TMP/bus.pid")"
	wait_for 20 eval '! pgrep -x dbus-daemon >/dev/null'
	rm -f /run/dbus/pid /run/dbus/system_bus_socket
	wait_for 20 umount /var/lib/vss
}

# Until it has ended, or is told as failed; prints what is told.
await_revert()
{
	local out end=$((SECONDS + 60))

	while ((SECONDS < end)); do
		out=$(vssctl revert --status "$volume" 2>&1) && { echo 'ended'; return; }
		[[ $out == *'goes on when'* ]] || break
		sleep 1
	done
	echo "$out"
}

# is_back UUID: the volume is the snapshot.
is_back()
{
	same "$volume" "$state/snaps/$1" || fail "the volume is not snapshot $1"
}

# Without other writes: newer snapshots go with it.
revert_one()
{
	local uuid other newer='' aims=(5 30 100)

	end_writes
	settle
	uuid=$(find $state/snaps -type f -printf '%f\n' | shuf -n 1)
	# What comes after a cut must be what was there.
	sync "$volume"
	take_copy "$volume" $state/before
	for other in $(vssctl list --json | json id); do
		[[ ! $newer ]] || mv "$state/snaps/$other" $state/going
		[[ $other != "$uuid" ]] || newer=1
	done
	echo "$uuid" >$state/reverting.new
	mv $state/reverting.new $state/reverting
	begin_service
	aim revert "${aims[RANDOM % 3]}"
	run_ok vssctl revert --force "$uuid"
	[[ $(await_revert) == ended ]] || fail 'the revert has failed'
	is_back "$uuid"
	rm -f $state/reverting $state/before $state/going/*
	end_service
	begin_writes
}

# What a power failure has left of one.
after_revert()
{
	local uuid out

	uuid=$(<$state/reverting)
	begin_service
	out=$(await_revert)
	[[ ! $veiled || $out == ended ]] || fail "it was hidden, and does not go on: $out"
	case $out in
	ended)
		if same "$volume" "$state/snaps/$uuid" 2>/dev/null; then
			echo 'the revert is complete'
		else
			[[ ! $veiled ]] || fail 'it was hidden, and is not set back'
			same "$volume" $state/before || fail 'half a revert, and nobody tells'
			echo 'the revert had not begun'
		fi ;;
	*'broken off by a restart'*)
		same "$volume" $state/before || fail "half a revert, and that is told: $out"
		echo 'the revert was told to have changed nothing' ;;
	*'a mixture'*)
		out=$(same --either $state/before "$volume" "$state/snaps/$uuid") || fail 'not even a mixture'
		echo "the revert was told to have left a mixture: $out"
		run_ok vssctl revert --force "$uuid"
		[[ $(await_revert) == ended ]] || fail 'the revert has failed again'
		is_back "$uuid" ;;
	*) fail "what is this: $out" ;;
	esac
	rm -f $state/reverting $state/before
	end_service
	known=$(known)
}

load()
{
	local end=$((SECONDS + 15)) n

	[[ $kind != grow ]] || leave_one
	# There is something to lose from the first write on.
	for ((n = $(find $state/snaps -type f | wc -l); n < 2; n++)); do
		make_one
	done
	begin_writes
	# Early, for many power failures come early.
	[[ $kind == grow ]] || ((RANDOM % 3)) || grow
	while ((SECONDS < end)); do
		sleep "0.$((RANDOM % 8))"
		n=$(find $state/snaps -type f | wc -l)
		if [[ $kind == revert ]]; then
			sleep 3
			revert_one
		elif [[ $kind == reload ]] || ((RANDOM % 10 == 0)); then
			reload
		elif [[ $kind == grow ]] || ((RANDOM % 20 == 0)); then
			aimed grow 16 grow
		elif ((n < 2 || n < 5 && RANDOM % 2)); then
			aimed create 6 make_one
		else
			aimed delete 6 delete_one
		fi
		kill -0 $churn 2>/dev/null || { cat "$TEST_TMP/churn.log"; fail churn; }
	done
	: >$state/tired
	sleep 60
}

veiled=''
load_vss
if [[ $2 == setup ]]; then
	setup
	exit
fi
known=''
if [[ -e $state/reverting && $(head -c 8 "$volume" | tr -d '\0') == 'VSS veil' ]]; then
	# It is proof enough, and goes on to the end.
	veiled=1
	load_area
else
	load_area --unclean
fi
[[ ! -e $state/reverting ]] || after_revert
verify
echo "$compared snapshots compared, $(json dropped_groups <"$TEST_TMP/check.json" | sed -n 1p) groups dropped"
: >$state/verified
if [[ $2 == load ]]; then
	load
else
	mapfile -t ids < <(cut -d ' ' -f 1 -s <<<"$known")
	((${#ids[@]} == 0)) || unsnap "${ids[@]}"
	(($(vol "$volume" area_used) == 0)) || fail "$(vol "$volume" area_used) bytes in use without a snapshot"
	run_ok vssctl detach -q "$volume"
	is_sound "$area" "${more[@]}" || is_sound "$area" "${more[0]}" || is_sound "$area" ||
		{ cat "$TEST_TMP/check.json"; fail "the area is not sound"; }
fi
