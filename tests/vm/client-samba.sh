#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Client-accessible shadow copies: Samba's clients see them as previous versions and
# get the old content; the mounts follow the copies. Retention keeps what it should,
# at times made up by setting the VM's clock. LIF-026
# vm: alone=1

. "$(dirname "$0")/writers-lib.sh"

# It sets the clock: never on a machine that somebody uses.
[[ -d /run/vss/io && $VSS_SRC ]] || fail "this is not the VM"
need smbd smbclient
volume=$(disk vd0)
run_ok mkfs.ext4 -q "$volume"
dir=$(mount_tmp "$volume")
load_vss
start_vssd

# --- a share, for guests ------------------------------------------------------

samba=$TEST_TMP/samba
previous=$TEST_TMP/previous
mkdir -p "$samba" "$previous" "$dir/docs"
chmod 755 "$TEST_TMP" "$dir" "$previous"
cat >"$TEST_TMP/smb.conf" <<-SMB_CONF
	[global]
		map to guest = bad user
		interfaces = lo
		bind interfaces only = yes
		smb ports = 445
		disable spoolss = yes
		load printers = no
		server role = standalone server
		private dir = $samba
		lock directory = $samba
		state directory = $samba
		cache directory = $samba
		pid directory = $samba
		ncalrpc dir = $samba/ncalrpc
		log file = $samba/log
	[docs]
		path = $dir/docs
		guest ok = yes
		read only = yes
		vfs objects = shadow_copy2
		shadow:snapdir = $previous
SMB_CONF
# It has helpers in its process group.
smbd --configfile="$TEST_TMP/smb.conf" --foreground >"$TEST_TMP/smbd.log" 2>&1 &
cleanup_push eval "kill -- -$! $! 2>/dev/null; wait $!"
cleanup_push eval "cat $samba/log* $TEST_TMP/smbd.log"

# smb COMMANDS: what a client of the share does.
smb()
{
	smbclient --configfile="$TEST_TMP/smb.conf" -N //127.0.0.1/docs -c "$1" 2>&1
}

# versions FILE: prints the previous versions that a client is told of, in order.
versions()
{
	smb "allinfo $1" | grep -o '^@GMT-[-.0-9]*' | sort || :
}

answers()
{
	smb ls >/dev/null
}
wait_for 60 answers

# --- one previous version -----------------------------------------------------

# client_copy: makes one, prints its id.
client_copy()
{
	vssctl create --context client-accessible --json "$dir" | json id
}

# name_of ID: the previous version's name, from the time that vssd tells.
name_of()
{
	date -u -d "$(vssctl list shadows --shadow "$1" --json | json time)" +@GMT-%Y.%m.%d-%H.%M.%S
}

echo 'as it was first' >"$dir/docs/file"
first=$(client_copy)
name=$(name_of "$first")
echo 'as it is by now, and longer' >"$dir/docs/file"
[[ ! $(versions file) ]] || fail "a previous version before one was exposed"
expect_fail -m E_INVALIDARG vssctl expose "$first" "$previous"
expect_fail -s 3 vssctl expose --samba "$first" "$previous/none"
run_ok vssctl expose --samba "$first" "$previous"
[[ $(ls "$previous") == "$name" ]] || fail "$(ls "$previous") instead of $name"
[[ $(<"$previous/$name/docs/file") == 'as it was first' ]] || fail "not the old content"
expect_fail touch "$previous/$name/docs/new"
smb 'allinfo file'
[[ $(versions file) == "$name" ]] || fail "a client sees '$(versions file)'"
run_ok smb "get $name\\file $TEST_TMP/old; get file $TEST_TMP/new"
[[ $(<"$TEST_TMP/old") == 'as it was first' ]] || fail "a client gets '$(<"$TEST_TMP/old")'"
[[ $(<"$TEST_TMP/new") == 'as it is by now, and longer' ]] || fail "a client gets '$(<"$TEST_TMP/new")' of the file itself"

echo "--- a second, exposed by the volume's name; what is not client-accessible stays out"
kept=$(vssctl create --context nas-rollback --json "$dir" | json id)
expect_fail -m E_INVALIDARG vssctl expose --samba "$kept" "$previous"
second=$(client_copy)
echo 'third' >"$dir/docs/file"
[[ $(vssctl expose --samba --json "$dir" "$previous" | tr -d ' \n') == "{\"exposed\":[\"$previous/$(name_of "$second")\"]}" ]] ||
	fail "what was exposed is not told"
[[ $(vssctl expose --samba --json "$dir" "$previous" | tr -d ' \n') == '{"exposed":[]}' ]] || fail "something is exposed twice"
[[ $(versions file) == "$(printf '%s\n' "$name" "$(name_of "$second")")" ]] || fail "a client sees '$(versions file)'"
run_ok smb "get $(name_of "$second")\\file $TEST_TMP/old"
[[ $(<"$TEST_TMP/old") == 'as it is by now, and longer' ]] || fail "a client gets '$(<"$TEST_TMP/old")'"

echo "--- they outlive vssd, and go with the copy"
stop_vssd KILL
start_vssd
[[ $(versions file | wc -l) == 2 ]] || fail "$(ls "$previous")"
run_ok vssctl unexpose "$first"
[[ $(versions file) == "$(name_of "$second")" ]] || fail "a client sees '$(versions file)'"
settle
run_ok vssctl delete "$second"
[[ ! $(ls "$previous") ]] || fail "left: $(ls "$previous")"
[[ ! $(versions file) ]] || fail "a client sees '$(versions file)'"

# --- retention ----------------------------------------------------------------

echo "--- retention"
expect_fail -s 1 -m 'say how many' vssctl retain "$dir"
expect_fail -s 1 -m '64' vssctl retain --hourly 60 --weekly 5 "$dir"
run_ok vssctl delete "$first"
export TZ=UTC
real=$(date +%s)
cleanup_push date -s "@$real"
day=$(date -d '00:30 next monday + 7 days' +%s)
keep=(--hourly 2 --daily 2 --weekly 2 --samba "$previous")
# Monday 0:30, the next Monday, Tuesday, Wednesday at 8:30, 9:30 and 9:45; in minutes.
for minutes in 0 10080 11520 13440 13500 13515; do
	date -s "@$((day + 60 * minutes))" >/dev/null
	echo "version $minutes" >"$dir/docs/file"
	if ((minutes == 13515)); then
		vssctl retain --create --dry-run --json "${keep[@]}" "$dir" >"$TEST_TMP/dry"
		[[ $(grep -c '"deleted": *true' "$TEST_TMP/dry") == 1 ]] || fail "$(<"$TEST_TMP/dry")"
	fi
	run_ok vssctl retain --create "${keep[@]}" "$dir"
done
# Two hours: the last and 13440; two days: the last and 11520; two weeks: the last and 0.
for minutes in 0 11520 13440 13515; do
	date -u -d "@$((day + 60 * minutes))" +@GMT-%Y.%m.%d-%H.%M
done >"$TEST_TMP/wanted"
versions file | sed 's/...$//' | diff "$TEST_TMP/wanted" - || fail "not those that were to be kept"
oldest=$(versions file | head -n 1)
run_ok smb "get $oldest\\file $TEST_TMP/old"
[[ $(<"$TEST_TMP/old") == 'version 0' ]] || fail "a client gets '$(<"$TEST_TMP/old")'"
vssctl list shadows --json | json id | grep -x "$kept" >/dev/null || fail "retention took what is not its own"
vssctl retain "${keep[@]}" --json "$dir" >"$TEST_TMP/again"
! grep -q '"deleted": *true' "$TEST_TMP/again" || fail "a second run deletes more"
for id in $(vssctl list shadows --json | json id); do
	run_ok vssctl delete "$id"
done
[[ ! $(ls "$previous") ]] || fail "left: $(ls "$previous")"
