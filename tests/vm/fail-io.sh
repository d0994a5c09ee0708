#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# I/O that fails at random where the block layer takes it (fail_make_request): of the diff
# area, and nothing is seen of that on the volume; of the volume, and who uses it gets the
# errors that he would have got without us. Images are right or give errors, and what was made
# before can be left and made anew.
#
# For the debug kernel; others have no such faults.

. "$(dirname "$0")/content-lib.sh"

faults=/sys/kernel/debug/fail_make_request
[[ -e $faults/probability ]] || skip "no fail_make_request: see make check-debug"
split "$(disk vd0)" 16M
volume=${parts[0]}
split "$(disk vd1)" 48M
area=${parts[0]}
load_vss
for setting in probability=0 interval=1 space=0 verbose=0 task-filter=N times=-1; do
	echo "${setting#*=}" >"$faults/${setting%%=*}"
done

# failing DEVICE PERCENT
failing()
{
	echo 1 >"/sys/class/block/${1##*/}/make-it-fail"
	echo "$2" >"$faults/probability"
}

all_well()
{
	local device

	echo 0 >"$faults/probability"
	for device in "$volume" "$area"; do
		echo 0 >"/sys/class/block/${device##*/}/make-it-fail"
	done
}
cleanup_push all_well

# load [FIO-OPTION]...
load()
{
	fio --name=load --filename="$volume" --direct=1 --rw=randwrite --bs=4k --ioengine=libaio --iodepth=16 \
		--number_ios=2000 --randseed="$RANDOM" --output="$TEST_TMP/fio.log" "$@"
}

# images_are_right WHAT: those of the snapshots that claim to be good.
images_are_right()
{
	local i

	for i in "${!all[@]}"; do
		if [[ $(vssctl show --json "${all[i]}" | json state) == alive ]]; then
			expect_same "$1, snapshot $i" "${devices[i]}" "$TEST_TMP/copy$i" --or-error
			good=$((good + 1))
		else
			lost=$((lost + 1))
		fi
	done
}

take()
{
	take_copy "$volume" "$TEST_TMP/copy${#all[@]}"
	snap --no-freeze "$volume"
	all+=("${ids[0]}") devices+=("${images[0]}")
}

good=0 lost=0
for kind in volatile persistent; do
	for percent in 1 10; do
		for failing in "$area" "$volume"; do
			what="$kind, $percent % of the I/O of $failing fails"
			echo "--- $what"
			fill "$volume"
			run_ok vssctl attach -q "$volume"
			if [[ $kind == volatile ]]; then
				run_ok vssctl diff-area add -q --force "$volume" --on "$area"
			else
				run_ok vssctl diff-area add -q --force "$volume" --on "$area" --persistent
			fi
			all=() devices=()
			take
			load
			take
			failing "$failing" "$percent"
			if [[ $failing == "$area" ]]; then
				load --verify=crc32c --verify_fatal=1 ||
					{ cat "$TEST_TMP/fio.log"; fail "$what: the volume does not work as before"; }
			else
				load --continue_on_error=all || :
				grep -Eq 'errors *: total=[1-9]' "$TEST_TMP/fio.log" ||
					{ cat "$TEST_TMP/fio.log"; fail "$what: nothing has failed"; }
			fi
			# What is asked of the module may fail now, and harms nothing.
			vssctl create --no-freeze -q "$volume" >"$TEST_TMP/created" 2>&1 || :
			vssctl delete -q "${all[0]}" >>"$TEST_TMP/created" 2>&1 && all=("${all[1]}") devices=("${devices[1]}") &&
				mv "$TEST_TMP/copy1" "$TEST_TMP/copy0"
			all_well
			images_are_right "$what"
			settle
			vssctl detach -q --force "$volume" || echo "the detach tells of a loss"
			[[ ! $(vssctl status --json | json volume) ]] || fail "$what: it is not detached"
		done
	done
done
echo "$good images right, $lost snapshots lost"
((good > 0 && lost > 0)) || fail "not both happened"

# Afterwards all is as ever.
fill "$volume"
track "$volume" "$area"
all=() devices=()
take
load
expect_same "afterwards" "${devices[0]}" "$TEST_TMP/copy0"
unsnap "${all[0]}"
run_ok vssctl detach -q "$volume"
