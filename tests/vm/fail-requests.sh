#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Wrong requests, over netlink and on vssctl's command line: each is refused with
# the error and exit code that are documented, and changes nothing.

. "$(dirname "$0")/set-lib.sh"

disk=$(disk vd0)
whole=$(disk vd2)
areas=$(disk vd1)
parts "$disk" 32 32
parts "$whole" 32 32
parts "$areas" 32 32 32
volume=$(part "$disk" 1)
other=$(part "$disk" 2)
fill "$volume"

# --- without the module -----------------------------------------------------------

run_ok vssctl --help >/dev/null
for command in create list show delete set-writable attach detach "diff-area add" \
	"diff-area grow" "diff-area remove" "diff-area list" status volumes events doctor version; do
	read -r -a words <<<"$command"
	vssctl "${words[@]}" --help | grep "^Usage: vssctl $command" >/dev/null || fail "no help for $command"
done
[[ ! -d /sys/module/vss ]] || fail "help has loaded the module"
expect_fail -s 1 vssctl
expect_fail -s 1 vssctl no-such-command
expect_fail -s 1 vssctl diff-area no-such-command
# The tool can load the module, and only root can.
expect_fail -s 5 setpriv --reuid=nobody --regid=nogroup --clear-groups vssctl status
mkdir -p /run/modprobe.d
echo "install vss /bin/false" >/run/modprobe.d/no-vss.conf
cleanup_push rm -f /run/modprobe.d/no-vss.conf
expect_fail -s 7 vssctl status
expect_fail -s 7 vssctl create "$volume"
rm /run/modprobe.d/no-vss.conf

# --- what must not change ---------------------------------------------------------

load_vss
track "$volume" "$(part "$areas" 1)"
snap=$(create "$volume")
snap_sum=$(raw_sha "$(image "$snap")")
volume_sum=$(raw_sha "$volume")
settle

# picture: everything the module lists, without counters that move by themselves.
picture()
{
	vssctl list --json
	vssctl diff-area list --json | grep -v '"used"'
	vssctl status --json | grep -Ev '"(writes|writes_held|memory|copy_reads|area_.*|chunks_copied)"'
	vssctl volumes --json
	lsblk -rno NAME,SIZE,TYPE,MOUNTPOINTS
}
picture >"$TEST_TMP/before"

unchanged()
{
	picture >"$TEST_TMP/after"
	diff -u "$TEST_TMP/before" "$TEST_TMP/after" || fail "a refused request has changed something"
}

echo "--- netlink"
if ! genl-bad "$volume" "$other" >"$TEST_TMP/genl-bad" 2>&1; then
	grep -v '^ok' "$TEST_TMP/genl-bad"
	fail "genl-bad"
fi
tail -n 1 "$TEST_TMP/genl-bad"
unchanged

# --- the command line ---------------------------------------------------------------

none=00000000-1111-4222-8333-444444444444

echo "--- wrong usage"
expect_fail -s 1 vssctl create
expect_fail -s 1 vssctl create --no-such-option "$other"
expect_fail -s 1 vssctl create --hold-timeout 0 "$other"
expect_fail -s 1 vssctl create --hold-timeout 60001 "$other"
expect_fail -s 1 vssctl create --hold-timeout many "$other"
expect_fail -s 1 vssctl create --freeze-timeout 600001 "$other"
expect_fail -s 1 vssctl create --set no-uuid "$other"
expect_fail -s 1 vssctl create --diff-area-size nothing "$other"
expect_fail -s 1 vssctl create --diff-area "$areas" --diff-area "$areas" "$other"
expect_fail -s 1 vssctl create "$other" "$other"
expect_fail -s 1 vssctl create --wait
expect_fail -s 1 vssctl attach
expect_fail -s 1 vssctl attach "$other" "$volume"
expect_fail -s 1 vssctl attach --chunk-size 5000 "$other"
expect_fail -s 1 vssctl attach --chunk-size 2K "$other"
expect_fail -s 1 vssctl attach --chunk-size 512K "$other"
expect_fail -s 1 vssctl attach --chunk-size=-1 "$other"
expect_fail -s 1 vssctl detach
expect_fail -s 1 vssctl delete
expect_fail -s 1 vssctl delete --volume "$volume"
expect_fail -s 1 vssctl delete --volume "$volume" --oldest --all
expect_fail -s 1 vssctl delete --oldest
expect_fail -s 1 vssctl delete --set "$none" "$snap"
expect_fail -s 1 vssctl delete not-an-id
expect_fail -s 1 vssctl show
expect_fail -s 1 vssctl show not-an-id
expect_fail -s 1 vssctl set-writable "$snap"
expect_fail -s 1 vssctl set-writable "$snap" perhaps
expect_fail -s 1 vssctl diff-area add "$volume" --on "$areas" --size 64M
expect_fail -s 1 vssctl diff-area grow "$volume"
expect_fail -s 1 vssctl diff-area remove "$volume"
expect_fail -s 1 vssctl diff-area remove "$volume" --id 0 "$(part "$areas" 1)"
expect_fail -s 1 vssctl diff-area remove "$volume" --id first
expect_fail -s 1 vssctl events --auto-grow 0
expect_fail -s 1 vssctl events --count none
unchanged

echo "--- what is not there"
expect_fail -s 3 vssctl create /dev/no-such-device
expect_fail -s 3 vssctl create UUID=$none
expect_fail -s 3 vssctl create LABEL=no-such-label
expect_fail -s 3 vssctl create "$volume" /dev/no-such-device
expect_fail -s 3 vssctl attach /no/such/mount-point
expect_fail -s 3 vssctl detach "$other"
expect_fail -s 3 vssctl status "$other"
expect_fail -s 3 vssctl show $none
expect_fail -s 3 vssctl delete $none
expect_fail -s 3 vssctl delete "$snap" $none
expect_fail -s 3 vssctl delete --set $none
expect_fail -s 3 vssctl set-writable $none on
expect_fail -s 3 vssctl diff-area add "$other" --on "$(part "$areas" 2)"
expect_fail -s 3 vssctl diff-area grow "$volume" --size +16M
expect_fail -s 3 vssctl diff-area remove "$other" --id 0
expect_fail -s 3 vssctl diff-area remove "$volume" --id 1
expect_fail -s 3 vssctl diff-area remove "$volume" "$(part "$areas" 2)"
expect_fail -s 3 vssctl diff-area remove "$volume" /etc/passwd
expect_fail -s 3 vssctl diff-area remove "$volume" /no/such/file
expect_fail -s 3 vssctl list --volume /dev/no-such-device
# A device number without a device
mknod "$TEST_TMP/node" b 250 77
expect_fail -s 3 vssctl attach "$TEST_TMP/node"
unchanged

echo "--- what is no block device"
for thing in /dev/null /etc/passwd /proc "$TEST_TMP" /etc; do
	expect_fail vssctl attach "$thing"
	expect_fail vssctl create "$thing"
done
unchanged

echo "--- what is in use"
expect_fail -s 4 vssctl attach "$volume"
expect_fail -s 4 vssctl attach "$disk"
expect_fail -s 4 vssctl create "$disk"
expect_fail -s 4 vssctl create "$volume" "$disk"
expect_fail -s 4 vssctl detach "$volume"
expect_fail -s 4 vssctl diff-area add "$volume" --on "$(part "$areas" 1)"
expect_fail -s 4 -m "has snapshots" vssctl diff-area remove "$volume" "$(part "$areas" 1)"
expect_fail -s 4 -m "has snapshots" vssctl diff-area remove "$volume" --id 0
unchanged
# The other way round: the disk first
vssctl attach --quiet "$whole"
expect_fail -s 4 vssctl attach "$(part "$whole" 1)"
expect_fail -s 4 vssctl create "$(part "$whole" 2)"
run_ok vssctl detach --quiet "$whole"
unchanged

echo "--- what cannot be tracked"
img=$(image "$snap")
expect_fail -s 7 vssctl attach "$img"
expect_fail -s 7 vssctl create "$img"
expect_fail vssctl diff-area add "$volume" --on "$img" --force
unchanged

echo "--- no room"
expect_fail -s 6 vssctl create --diff-area-size 64M "$other"
vssctl attach --quiet "$other"
if ctl_start a "$other"; then
	fail "a set without a diff area"
fi
[[ $ctl_answer == "error prepared ENOSPC "* ]] || fail "no diff area: $ctl_answer"
run_ok vssctl detach --quiet "$other"
unchanged

echo "--- who may not: SEC-010"
for command in status list "show $snap" "create $other" "attach $other" "detach --force $volume" \
	"delete --force $snap" "set-writable $snap on" "events --timeout 1" \
	"diff-area add $volume --on $(part "$areas" 2)" "diff-area remove $volume --id 0"; do
	read -r -a words <<<"$command"
	expect_fail -s 5 setpriv --reuid=nobody --regid=nogroup --clear-groups vssctl "${words[@]}"
	# root of a container, with and without a network of its own
	expect_fail -s 5 unshare -Ur vssctl "${words[@]}"
	status=0
	unshare -Urn vssctl "${words[@]}" >"$TEST_TMP/out" 2>&1 || status=$?
	[[ $status == 5 || $status == 7 ]] ||
		fail "vssctl $command in a container: status $status: $(<"$TEST_TMP/out")"
done
unchanged

echo "--- errors as JSON"
status=0
vssctl delete --json $none 2>"$TEST_TMP/json" >"$TEST_TMP/out" || status=$?
[[ $status == 3 && ! -s $TEST_TMP/out ]] || fail "status $status, output $(<"$TEST_TMP/out")"
[[ $(json name <"$TEST_TMP/json") == VSS_E_OBJECT_NOT_FOUND ]] || fail "no error in $(<"$TEST_TMP/json")"

expect_sha "the volume" "$volume" "$volume_sum"
expect_sha "its image" "$img" "$snap_sum"
settle
run_ok vssctl delete --quiet "$snap"
