#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Backups with writers through vssd: events in their order, documents, contexts,
# exposure, scripts; the content compared each time.
#
# Covers CLI-001..008, CLI-010..012, CLI-016..018, CLI-020..026, CTX-041,
# LIF-023, LIF-035, TIM-019, TIM-020, PRV-034, REV-011, SEL-014, SEL-021, SEC-006,
# BCD-027.

. "$(dirname "$0")/writers-lib.sh"

disk=$(disk vd0)
parts "$disk" 64 64 16
run_ok mkfs.ext4 -q "$(part "$disk" 1)"
run_ok mkfs.xfs -q -f "$(disk vd1)"
ext4=$(mount_tmp "$(part "$disk" 1)")
xfs=$(mount_tmp "$(disk vd1)")
raw=$(part "$disk" 3)
fill "$raw"
mkdir "$ext4/app" "$xfs/app"
for dir in "$ext4/app" "$xfs/app"; do
	dd if=/dev/urandom of="$dir/file" bs=64k count=40 status=none
done
load_vss
start_vssd
start_writer front "$ext4/app" --level front-end
start_writer back "$xfs/app" --level back-end --metadata
start_writer elsewhere /usr/share

# The end of a session is answered before writers have heard of it, and before the copies of an
# auto-release set are deleted.

# is_last NAME EVENT: a writer has been told of that, and of nothing later.
is_last()
{
	[[ $(events "$1" | tail -1) == "$2" ]]
}

no_copies()
{
	[[ ! $(snapshots) ]]
}

content()
{
	(cd "$1" && sha256sum app/file)
}

echo "--- an auto-release set for a program"
before=$(content "$ext4"; content "$xfs")
cat >"$TEST_TMP/use" <<'END'
set -e
mkdir -p $TEST_TMP/one $TEST_TMP/two
mount -o ro,noload "$VSS_DEVICE_1" $TEST_TMP/one
mount -o ro,norecovery,nouuid "$VSS_DEVICE_2" $TEST_TMP/two
# What comes after the instant is not in it.
dd if=/dev/urandom of="$EXT4/app/file" bs=64k count=40 conv=notrunc,fsync status=none
dd if=/dev/urandom of="$XFS/app/file" bs=64k count=40 conv=notrunc,fsync status=none
(cd $TEST_TMP/one && sha256sum app/file; cd $TEST_TMP/two && sha256sum app/file) >$TEST_TMP/seen
! sh -c "echo x >$TEST_TMP/one/app/new" 2>/dev/null
vssctl files --backup-document $TEST_TMP/bcd.xml --writer-documents $TEST_TMP/wm --relative-to $TEST_TMP |
	sort >$TEST_TMP/listed
umount $TEST_TMP/one $TEST_TMP/two
echo "$VSS_SHADOW_SET $VSS_VOLUME_1 $VSS_VOLUME_2" >$TEST_TMP/ids
END
EXT4=$ext4 XFS=$xfs run_ok vssctl create --exec "sh $TEST_TMP/use" \
	--backup-document "$TEST_TMP/bcd.xml" --writer-documents "$TEST_TMP/wm" \
	--env-file "$TEST_TMP/env" "$ext4" "$xfs"
[[ $(<"$TEST_TMP/seen") == "$before" ]] || fail "the images are not of the instant"
echo "sha256 of both images as expected"
[[ $(<"$TEST_TMP/listed") == $'one/app\none/app/file\ntwo/app\ntwo/app/file' ]] || fail "$(<"$TEST_TMP/listed")"
for name in front back; do
	wait_for 20 is_last $name BackupShutdown
	expect_events $name PrepareBackup PrepareSnapshot Freeze Thaw PostSnapshot BackupComplete BackupShutdown
done
expect_events elsewhere PrepareBackup

# Front end first, and thawed last.
when()
{
	awk -v e="$2" '$2 == e { print $1 }' "$TEST_TMP/$1.log"
}
(($(when front Freeze) < $(when back Freeze))) || fail "the back end was frozen before the front end"
(($(when back Thaw) < $(when front Thaw))) || fail "the front end was thawed before the back end"

# shellcheck disable=SC1091 # made just now
. "$TEST_TMP/env"
[[ $VSS_SHADOW_SET == "$(cut -d ' ' -f 1 "$TEST_TMP/ids")" ]] || fail "--env-file tells another set"
[[ $(stat -c %a "$TEST_TMP/bcd.xml") == 600 ]] || fail "others may read the document"
run_ok vssctl document check "$TEST_TMP/bcd.xml"
for file in "$TEST_TMP"/wm/wm-*.xml; do
	run_ok vssctl document check "$file"
done
grep -q "componentName=\"data\".*backupSucceeded=\"yes\"" "$TEST_TMP/bcd.xml" || fail "no success is recorded"
! grep -q elsewhere "$TEST_TMP/bcd.xml" || fail "a writer with nothing on the volumes is in"
wait_for 20 no_copies

echo "--- a writer that must be in, and is not on the volumes"
expect_fail -m "VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT" vssctl create --include elsewhere --exec true "$ext4"
expect_fail -s 3 vssctl create --include nobody --exec true "$ext4"
expect_fail -s 1 vssctl create --differential --plex "$ext4"
expect_fail -s 1 vssctl create --writers none --include front "$ext4"
wait_for 20 no_copies

echo "--- a program that fails aborts the backup"
: >"$TEST_TMP/front.log"
expect_fail vssctl create --exec false "$ext4"
wait_for 20 is_last front BackupShutdown
! events front | grep BackupComplete >/dev/null || fail "BackupComplete although the program failed"

echo "--- persistent, exposed, deleted"
sum=$(content "$xfs")
vssctl create --persistent --writers back --json --backup-document "$TEST_TMP/persistent.xml" \
	--writer-documents "$TEST_TMP/persistent" "$xfs" "$raw" >"$TEST_TMP/set"
mapfile -t ids < <(json id <"$TEST_TMP/set")
raw_sum=$(raw_sha "$raw")
vssctl list volumes --json >"$TEST_TMP/volumes"
for volume in "$(part "$disk" 1)" "$(disk vd1)" "$raw"; do
	json volume <"$TEST_TMP/volumes" | grep -x "$volume" >/dev/null || fail "$volume is not listed as one that could be copied"
done
! json volume <"$TEST_TMP/volumes" | grep '^/dev/vss' >/dev/null || fail "an image is listed as a volume"
dd if=/dev/urandom of="$xfs/app/file" bs=64k count=40 conv=notrunc,fsync status=none
scribble "$raw" 50
[[ $(vssctl list shadows --json | json id | sort) == "$(printf '%s\n' "${ids[@]}" | sort)" ]] || fail "not listed"
mkdir "$TEST_TMP/exposed"
run_ok vssctl expose "${ids[0]}" "$TEST_TMP/exposed"
[[ $(content "$TEST_TMP/exposed") == "$sum" ]] || fail "the exposed copy is not of the instant"
[[ $(vssctl list shadows --shadow "${ids[0]}" --json | json exposed_name) == "$TEST_TMP/exposed" ]] ||
	fail "the exposure is not told"
expect_fail vssctl expose "${ids[0]}" "$TEST_TMP/exposed"
echo x >"$xfs/app/new"
list=(vssctl files --backup-document "$TEST_TMP/persistent.xml" --writer-documents "$TEST_TMP/persistent")
[[ $("${list[@]}" --relative-to "$TEST_TMP/exposed") == $'app\napp/file' ]] || fail "not the files of the copy"
"${list[@]}" --json | grep "\"path\":\"$xfs/app/file\",\"source\":\"$TEST_TMP/exposed/app/file\"" >/dev/null ||
	fail "the file's own path is not told"
run_ok vssctl unexpose "${ids[0]}"
expect_fail -s 3 -m "is not mounted" "${list[@]}"
expect_fail -s 3 vssctl unexpose "${ids[0]}"
# Or somebody unmounts it.
run_ok vssctl expose "${ids[0]}" "$TEST_TMP/exposed"
run_ok umount "$TEST_TMP/exposed"
run_ok vssctl unexpose "${ids[0]}"
expect_sha "raw volume" "$(image "${ids[1]}")" "$raw_sum"
echo "--- a volume that the system lies on is not set back"
run_ok mount "$(disk vd1)" /boot
expect_fail -s 7 -m VSS_E_VOLUME_NOT_SUPPORTED vssctl revert --force "${ids[0]}"
run_ok umount /boot
echo "--- they outlive vssd"
stop_vssd KILL
start_vssd
[[ $(vssctl list shadows --json | json id | wc -l) == 2 ]] || fail "persistent copies are gone with vssd"
run_ok vssctl expose "${ids[0]}" "$TEST_TMP/exposed"
[[ $(content "$TEST_TMP/exposed") == "$sum" ]] || fail "the exposed copy is not of the instant"
settle
run_ok vssctl delete --force "${ids[0]}"
! mountpoint -q "$TEST_TMP/exposed" || fail "it is still mounted"
run_ok vssctl delete "${ids[1]}"
expect_fail -s 3 vssctl delete "${ids[1]}"

echo "--- a script"
wait_for 20 has_writer front
# One document of all writers.
said=$(vssctl writers metadata --json)
[[ $(grep -c '"documents"' <<<"$said") == 1 && $(grep -o '<WRITER_METADATA ' <<<"$said" | wc -l) -gt 1 ]] ||
	fail "no array of documents: $said"
cat >"$TEST_TMP/script" <<'END'
rem the order of DiskShadow
set context persistent
set metadata %TEST_TMP%/meta.tar
writer verify front
begin backup
add volume %EXT4% alias data
create
expose %data% %TEST_TMP%/exposed
exec "cd $TEST_TMP/exposed && sha256sum app/file >$TEST_TMP/seen"
unexpose %data%
end backup
delete shadows set %VSS_SHADOW_SET%
list writers status
END
sum=$(content "$ext4")
EXT4=$ext4 run_ok vssctl exec "$TEST_TMP/script"
wait_for 20 is_last front BackupShutdown
[[ $(<"$TEST_TMP/seen") == "$sum" ]] || fail "the copy of the script is not of the instant"
# grep -q would end before tar, which is killed then.
tar -tf "$TEST_TMP/meta.tar" | grep -x bcd.xml >/dev/null || fail "no document in the archive"
# The documents cannot be written: the set goes, and what was there before stays.
mkdir "$TEST_TMP/little"
mount -t tmpfs -o size=8k none "$TEST_TMP/little"
cleanup_push umount "$TEST_TMP/little"
echo old >"$TEST_TMP/little/meta.tar"
before=$(vssctl list --json)
EXT4=$ext4 expect_fail -m 'cannot write' vssctl exec <(
	printf '%s\n' "set context persistent" "set metadata $TEST_TMP/little/meta.tar" "add volume %EXT4%" create
)
[[ $(vssctl list --json) == "$before" ]] || fail "a set is left: $(vssctl list)"
[[ $(ls "$TEST_TMP/little") == meta.tar && $(<"$TEST_TMP/little/meta.tar") == old ]] ||
	fail "the old archive is gone, or another one is left: $(ls -l "$TEST_TMP/little")"
expect_fail vssctl exec <(echo "end backup")
expect_fail -s 1 vssctl exec <(echo "no such command")
cat >"$TEST_TMP/restore" <<'END'
load metadata %TEST_TMP%/meta.tar
simulate restore
begin restore
end restore
END
: >"$TEST_TMP/front.log"
run_ok vssctl exec "$TEST_TMP/restore"
expect_events front PreRestore PostRestore
: >"$TEST_TMP/front.log"
run_ok vssctl restore --simulate "$TEST_TMP/bcd.xml"
[[ ! $(events front) ]] || fail "a simulated restore is told to writers"
run_ok vssctl restore --exec "echo files >$TEST_TMP/restored" "$TEST_TMP/bcd.xml"
expect_events front PreRestore PostRestore
[[ $(<"$TEST_TMP/restored") == files ]] || fail "the program did not run"

echo "--- a writer is not ready for the restore: the others go on"
rm "$TEST_TMP/restored"
stop_writer back
start_writer back "$xfs/app" --level back-end --metadata --inject prerestore:fail=nonretryable
: >"$TEST_TMP/front.log"
expect_fail -m 'failed in PreRestore' vssctl restore --exec "echo files >$TEST_TMP/restored" "$TEST_TMP/bcd.xml"
expect_events front PreRestore PostRestore
[[ ! -e $TEST_TMP/restored ]] || fail "the program ran"
[[ ! $(snapshots) ]] || fail "copies are left"
expect_writable "$ext4" "$xfs"
for volume in "$(part "$disk" 1)" "$(disk vd1)" "$raw"; do
	_untrack "$volume"
done
