#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# As fail-memory, with a diff area that stays: made, written to, left, loaded again, left
# with a snapshot deleted, and wiped. Memory is refused at any place meanwhile. A snapshot
# that claims to be good is right, whatever has failed before; and as soon as there is
# memory again the area can be loaded.
# vm: timeout=900

. "$(dirname "$0")/fail-memory-lib.sh"

disk=$(disk vd0)
areas=$(disk vd1)
parts "$disk" 4
parts "$areas" 8
volume=$(part "$disk" 1)
area=$(part "$areas" 1)

# overwrite: 32 blocks that lie scattered get new content, and what is longer than is copied at once none.
overwrite()
{
	scribble "$volume" 32 || fail "a write to the volume failed"
	blkdiscard -z -o 1M -l 2M "$volume" || fail "writing zeroes to the volume failed"
	blkdiscard -o 2M -l 1M "$volume" || fail "a discard of the volume failed"
}

# take: a snapshot; sums has by its name what it must hold.
take()
{
	local snap sum

	sum=$(raw_sha "$volume")
	# Its name is all that is there of one that was made and could not be told of.
	snap=$(vssctl create --json "$volume" 2>>"$TEST_TMP/tried" | json id) || failures=$((failures + 1))
	[[ ! $snap ]] || sums[$snap]=$sum
}

# look: every snapshot that claims to be good is right, or cannot be read.
look()
{
	local snap device

	for snap in "${!sums[@]}"; do
		device=/dev/vss/by-id/$snap
		[[ -b $device ]] || continue
		if dd if="$device" of="$TEST_TMP/image" bs=64k iflag=direct status=none 2>>"$TEST_TMP/tried"; then
			[[ $(digest <"$TEST_TMP/image") == "${sums[$snap]}" ]] ||
				fail "the image of $snap is wrong"
			good=$((good + 1))
		fi
	done
}

# load: takes the area into use, with whatever is in it.
load()
{
	"$1" vssctl attach --quiet "$volume"
	"$1" vssctl diff-area load --quiet "$volume" "$area"
	settle
	look
}

# may_lose CMD...: as run_ok, but snapshots may be lost by what was refused before.
may_lose()
{
	local status=0 out

	out=$("$@" 2>&1) || status=$?
	[[ $status == 0 || $out == *'snapshots are lost ('* ]] || fail "status $status: ${*@Q}: $out"
}

leave()
{
	settle
	try vssctl detach --quiet "$volume"
}

life()
{
	local -A sums=()
	local snap

	begin_life || return 0
	try vssctl attach --quiet "$volume"
	try vssctl diff-area add --quiet --force "$volume" --on "$area" --persistent
	take
	overwrite
	take
	overwrite
	settle
	look
	leave

	[[ $(vssctl status --json | json volume) ]] || load try
	overwrite
	snap=$(vssctl list --json 2>>"$TEST_TMP/tried" | json id | sed -n 1p)
	if [[ $snap ]]; then
		settle
		try vssctl delete --quiet "$snap"
		unset "sums[$snap]"
	fi
	look
	leave

	# From here on there is memory.
	refuse_none
	if [[ ! $(vssctl status --json | json volume) ]] && vssctl diff-area check "$area" >"$TEST_TMP/check" 2>&1; then
		load may_lose
	else
		look
	fi
	end_life "$volume"
	dd if=/dev/zero of="$area" bs=64k count=2 oflag=direct conv=notrunc status=none
}

each_place
