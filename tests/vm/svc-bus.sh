#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The service is there when it is called, on the system bus without systemd and
# on a socket of its own; those who may not use it are refused; a set of two
# mounted volumes holds what they held.
#
# SEC-001 SEC-002 SEC-003 SEC-005 CLI-003 PRV-001 PRV-002 PRV-003 PRV-009 PRV-031
# PRV-033 LIF-035 LIF-019

. "$(dirname "$0")/svc-lib.sh"

ext4=$(disk vd0)
xfs=$(disk sd0)
run_ok mkfs.ext4 -q "$ext4"
run_ok mkfs.xfs -q -f "$xfs"
ext4_dir=$(mount_tmp "$ext4")
xfs_dir=$(mount_tmp "$xfs")

# --- activation
start_bus
[[ ! $(vssd_pid) ]] || fail "vssd runs before it is called"
start=${EPOCHREALTIME/./}
out=$(manager ListProviders)
echo "activated in $(((${EPOCHREALTIME/./} - start) / 1000)) ms: $out"
[[ $out == *"$SYSTEM_PROVIDER"* && $out == *"linux-vss system provider"* ]] ||
	fail "the system provider is not there"
[[ $(vssd_pid) ]] || fail "vssd was not started"
[[ $(host_pid) ]] || fail "the system provider has no process of its own"
[[ ! -d /sys/module/vss ]] || fail "the module is loaded before there is work for it"
run_ok busctl introspect "$VSS_NAME" "$VSS_PATH"
run_ok manager ListVolumes | grep "$ext4" >/dev/null
for f in Manager Session Writer; do
	[[ -s /usr/share/dbus-1/interfaces/$VSS_NAME.$f.xml ]] || fail "no description of $f"
done

# --- who may not
# refused USER METHOD [SIGNATURE ARGUMENT...]
refused()
{
	local user=$1 out

	shift
	out=$(as_user "$user" busctl call "$VSS_NAME" "$VSS_PATH" "$VSS_NAME.Manager" "$@" 2>&1) &&
		fail "$user may $1: $out"
	echo "$user, $1: $out"
	# By vssd, with a sentence, and not by the bus.
	[[ $out == *vssd.conf* ]] || fail "refused by somebody else"
}

test_class=11111111-2222-3333-4444-555555555555
writer=(RegisterWriter 'a{sv}o' 3 class s "$test_class" instance s 00000000-0000-0000-0000-000000000001
	name s 'Test Writer' /writer)
refused nobody OpenSession
refused nobody ListWriters
refused nobody AbortCreation
refused nobody "${writer[@]}"
expect_fail as_user nobody busctl call org.freedesktop.DBus /org/freedesktop/DBus \
	org.freedesktop.DBus RequestName su "$VSS_NAME" 0
expect_fail -m UUID manager RegisterWriter 'a{sv}o' 1 class s x /writer
stop_vssd

# --- who may, by the configuration
configure '[Requesters]' 'User = daemon' 'Group = games' '[Writers]' "Allow = mail $test_class" \
	'Allow = news Test*' 'Allow = nosuchuser *'
run_ok manager ListWriters
run_ok as_user daemon busctl call "$VSS_NAME" "$VSS_PATH" "$VSS_NAME.Manager" OpenSession
run_ok setpriv --reuid nobody --regid nogroup --groups games \
	busctl call "$VSS_NAME" "$VSS_PATH" "$VSS_NAME.Manager" OpenSession
# A writer's user is no requester, and the reverse.
refused mail OpenSession
refused daemon "${writer[@]}"
run_ok as_user mail busctl call "$VSS_NAME" "$VSS_PATH" "$VSS_NAME.Manager" "${writer[@]}"
run_ok as_user news busctl call "$VSS_NAME" "$VSS_PATH" "$VSS_NAME.Manager" "${writer[@]}"
refused mail RegisterWriter 'a{sv}o' 3 class s 99999999-2222-3333-4444-555555555555 instance s \
	00000000-0000-0000-0000-000000000001 name s 'Test Writer' /writer
stop_vssd

# A mistake is told with its place, and nothing runs with half a configuration.
configure '[Writers]' 'Allow = mail'
expect_fail -s 78 -m 'test.conf:2:' vssd --foreground --no-bus
rm /etc/vss/vssd.conf.d/test.conf

# --- a set of two mounted volumes, on the bus
dd if=/dev/urandom of="$ext4_dir/file" bs=1M count=8 status=none
dd if=/dev/urandom of="$xfs_dir/file" bs=1M count=8 status=none
before=$(sha256sum <"$ext4_dir/file" && sha256sum <"$xfs_dir/file")
run_ok vssctl create --context nas-rollback "$ext4_dir" "$xfs_dir" 2>"$TEST_TMP/warnings"
cat "$TEST_TMP/warnings"
# They are to stay, and nobody has made that possible.
(($(grep -c 'warning: the shadow copy of /dev/.* will be gone at the next restart' "$TEST_TMP/warnings") == 2)) ||
	fail "the requester is not warned"
echo overwritten | dd of="$ext4_dir/file" conv=notrunc,fsync status=none
echo overwritten | dd of="$xfs_dir/file" conv=notrunc,fsync status=none
mapfile -t ids < <(shadows)
((${#ids[@]} >= 2)) || fail "no shadow copies"
run_ok vssctl list shadows
run_ok vssctl list providers

# check_images: mounts both images beside their volumes and compares the files.
check_images()
{
	local id fstype dir sums=()

	for id in $(snapshots); do
		dir=$(mktemp -d "$TEST_TMP/image-XXXXXX")
		[[ $(stat -L -c '%U %a' "/dev/vss/by-id/$id") == "root 600" || \
			$(stat -L -c '%U %a' "/dev/vss/by-id/$id") == "root 660" ]] ||
			fail "$(stat -L -c '%U %G %a' "/dev/vss/by-id/$id"): not for root alone"
		run_ok vssctl expose "$id" "$dir"
		fstype=$(findmnt -no FSTYPE,OPTIONS "$dir")
		echo "$id: $fstype"
		[[ $fstype == *ro,nosuid,nodev* ]] || fail "mounted as $fstype"
		sums+=("$(sha256sum <"$dir/file")")
		expect_fail touch "$dir/new"
		run_ok vssctl unexpose "$id"
		! mountpoint -q "$dir" || fail "still mounted"
	done
	[[ $(printf '%s\n' "${sums[@]}" | sort) == "$(sort <<<"$before")" ]] ||
		fail "the images' files are ${sums[*]}"
}
check_images

# The same after vssd was started anew.
stop_vssd
check_images
for id in $(snapshots); do
	run_ok vssctl delete "$id"
done
[[ ! $(snapshots) ]] || fail "snapshots are left"

# --- auto-release: gone with the requester
run_ok vssctl create --context file-share-backup --exec "vssctl list shadows" "$ext4_dir" "$xfs_dir"
wait_for 10 nothing_left
nothing_frozen "$ext4_dir" "$xfs_dir"

# --- what is no volume, what is no provider
expect_fail -m VSS_E_OBJECT_NOT_FOUND vssctl create --context file-share-backup /dev/nonexistent
expect_fail -m VSS_E_PROVIDER_NOT_REGISTERED vssctl create --context nas-rollback \
	--provider 00000000-0000-0000-0000-00000000000f "$ext4_dir"
expect_fail -m VSS_E_VOLUME_NOT_SUPPORTED vssctl create --context nas-rollback --plex "$ext4_dir"
stop_vssd

# --- a socket of its own
start_vssd --no-bus --socket "$TEST_TMP/socket"
export VSS_BUS_ADDRESS=unix:path=$TEST_TMP/socket
chmod 755 "$TEST_TMP"
run_ok vssctl list providers
run_ok vssctl create --context file-share-backup "$ext4_dir" "$xfs_dir"
wait_for 10 nothing_left
expect_fail -m E_ACCESSDENIED as_user nobody vssctl list providers
stop_vssd
grep -q 'user 65534 was refused' "$TEST_TMP/vssd.log" || fail "the refusal is not in the log"
