#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vssctl files, with folders that stand for mounted shadow copies.
# Covers SEL-019, SEL-020, SEL-026.

command=files
. "${VSS_TOP:?}/tests/unit/cli-lib"

# lines LINE...: what was printed.
lines()
{
	printf '%s\n' "$@" | cmp -s - "$dir/out"
}

instance=0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e03
writer=b8a2b1de-5c8f-4f63-9d0a-7a44f1d3c003
mkdir -p "$dir/wm" "$dir/copy/data/sub" "$dir/copy/data/cache" "$dir/copy/spare" "$dir/copy/elsewhere"
for file in data/a data/sub/b data/cache/c data/x.tmp spare/conf elsewhere/no; do
	echo "$file" >"$dir/copy/$file"
done
ln -s ../../../../etc/passwd "$dir/copy/data/link"
cat >"$dir/bcd.xml" <<END
<BACKUP_COMPONENTS xmlns="x-schema:#VssComponentMetadata" version="1.2" bootableSystemStateBackup="no"
 selectComponents="yes" backupType="full"><WRITER_COMPONENTS instanceId="$instance" writerId="$writer">
 <COMPONENT componentName="data" componentType="filegroup"/></WRITER_COMPONENTS></BACKUP_COMPONENTS>
END
cat >"$dir/wm/wm-0.xml" <<END
<WRITER_METADATA xmlns="x-schema:#VssWriterMetadataInfo" version="1.1">
<IDENTIFICATION writerId="$writer" instanceId="$instance" friendlyName="App" usage="USER_DATA" dataSource="OTHER"/>
<BACKUP_LOCATIONS><EXCLUDE_FILES path="/srv/data/cache" filespec="*" recursive="yes"/>
<FILE_GROUP componentName="data" restoreMetadata="no" notifyOnBackupComplete="no" selectable="yes">
<FILE_LIST path="/srv/data" filespec="*" recursive="yes"/>
<FILE_LIST path="/srv/conf.d" filespec="conf" alternatePath="/srv/spare"/>
</FILE_GROUP></BACKUP_LOCATIONS></WRITER_METADATA>
END
set -- --backup-document "$dir/bcd.xml" --writer-documents "$dir/wm" --copy "/srv=$dir/copy"

echo "TAP version 13"

status=0
run 0 "$@" || status=1
lines "$dir/copy/data" "$dir/copy/data/a" "$dir/copy/data/cache" "$dir/copy/data/link" "$dir/copy/data/sub" \
	"$dir/copy/data/sub/b" "$dir/copy/data/x.tmp" "$dir/copy/spare" "$dir/copy/spare/conf" || status=1
result 'sources in the copies' $status

status=0
run 0 "$@" --relative-to "$dir/copy/" --exclude '/srv/**/*.tmp' --exclude '/srv/data/sub/**' || status=1
lines data data/a data/cache data/link data/sub spare spare/conf || status=1
run 0 "$@" --relative-to "$dir/copy" --exclude '/srv/data/?' || status=1
grep -qx data/sub/b "$dir/out" && ! grep -qx data/a "$dir/out" || status=1
run 2 "$@" --relative-to "$dir/copy/data" || status=1
grep -q "spare is not below" "$dir/err" || status=1
result 'names from a folder, and what the user excludes' $status

status=0
run 0 "$@" --relative-to "$dir/copy" --null || status=1
tar -C "$dir/copy" --no-recursion --null -T "$dir/out" -cf "$dir/backup.tar" 2>"$dir/err" || status=1
tar -tf "$dir/backup.tar" >"$dir/out" || status=1
lines data/ data/a data/cache/ data/link data/sub/ data/sub/b data/x.tmp spare/ spare/conf || status=1
result 'tar takes the list' $status

status=0
run 0 "$@" --json || status=1
grep -q "\"path\":\"/srv/conf.d/conf\",\"source\":\"$dir/copy/spare/conf\",\"type\":\"file\",\"size\":11" "$dir/out" ||
	status=1
grep -q '"path":"/srv/data/link".*"type":"link"' "$dir/out" || status=1
grep -q '"name":"data","files":9,.*"failed":false' "$dir/out" || status=1
result 'JSON has the normal paths, and the components' $status

status=0
sed -i 's|path="/srv/conf.d"|path="/opt/conf.d"|; s| alternatePath="/srv/spare"||' "$dir/wm/wm-0.xml"
run 2 "$@" || status=1
grep -q "component data: its folder /opt/conf.d lies on no volume" "$dir/err" || status=1
grep -q "the list is not complete: 1 of 1 components failed" "$dir/err" || status=1
grep -qx "$dir/copy/data/a" "$dir/out" || status=1
result 'a component that is not complete fails the command' $status

status=0
sed 's/selectComponents="yes"/selectComponents="no"/; s/<COMPONENT .*//; s/<WRITER_COMPONENTS.*//' "$dir/bcd.xml" \
	>"$dir/whole.xml"
echo '</BACKUP_COMPONENTS>' >>"$dir/whole.xml"
run 0 --backup-document "$dir/whole.xml" --writer-documents "$dir/wm" --copy "/srv=$dir/copy" --relative-to "$dir/copy" ||
	status=1
lines . data data/a data/cache data/link data/sub data/sub/b data/x.tmp elsewhere elsewhere/no spare spare/conf ||
	status=1
result 'whole volumes where no components were chosen' $status

status=0
run 1 || status=1
run 1 "$@" --set 0f3f2c1a-94f5-4c0a-8a5e-0d3f5c1b7e03 || status=1
run 1 "$@" --json --null || status=1
run 1 --backup-document "$dir/bcd.xml" --copy /srv || status=1
run 3 --backup-document "$dir/bcd.xml" --copy "/srv=$dir/none" || status=1
run 3 --backup-document "$dir/none.xml" || status=1
run 3 --backup-document "$dir/bcd.xml" --writer-documents "$dir/copy" --copy "/srv=$dir/copy" || status=1
run 3 --backup-document "$dir/bcd.xml" && grep -q 'names no shadow copy set' "$dir/err" || status=1
run 2 --backup-document "$dir/wm/wm-0.xml" --copy "/srv=$dir/copy" || status=1
run 2 "$@" --exclude relative && grep -q 'cannot be excluded' "$dir/err" || status=1
cp "$dir/wm/wm-0.xml" "$dir/wm/wm-1.xml"
! run 0 "$@" && grep -q 'wm-1.xml: the document of writer App was given twice' "$dir/err" || status=1
result 'what cannot be is told' $status

echo "1..$number"
exit $failed
