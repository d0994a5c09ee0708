#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vssctl document show, check and rewrite: what they print, where, and with which
# exit status.

command=document
. "${VSS_TOP:?}/tests/unit/cli-lib"
documents=${VSS_TOP:?}/tests/documents

echo "TAP version 13"

status=0
for f in "$documents"/*.xml; do
	run 0 check "$f" && grep -q ': a valid ' "$dir/out" && [ ! -s "$dir/err" ] || status=1
	run 0 show "$f" && grep -q '^document  ' "$dir/out" || status=1
	run 0 show --json "$f" && grep -q '"document":"\(backup-components\|writer-metadata\)"' "$dir/out" || status=1
done
result 'good documents are shown and found good' $status

status=0
run 0 show "$documents/writer-database.xml" && grep -q '^name  *PostgreSQL – größte Datenbank$' "$dir/out" &&
	grep -q 'path /etc/postgresql/15/main, filespec \*.conf' "$dir/out" || status=1
run 0 show "$documents/writer-indented.xml" && grep -q 'caption  *Names of hosts' "$dir/out" || status=1
result 'names and files are shown' $status

sed 's/usage="SYSTEM_SERVICE"/usage="\xc2\x9b[31m"/' "$documents/writer-excludes.xml" >"$dir/a.xml"
status=0
run 2 check "$dir/a.xml" &&
	grep -q 'VSS_E_INVALID_XML_DOCUMENT: .*a.xml: line 1: element IDENTIFICATION: attribute usage is "??\[31m"' \
		"$dir/err" && [ ! -s "$dir/out" ] || status=1
sed 's/recursive="yes"/recursive="maybe"/' "$documents/writer-database.xml" >"$dir/b.xml"
run 2 check "$dir/b.xml" &&
	grep -q 'line 19: element EXCLUDE_FILES: attribute recursive is "maybe", but must be yes or no' "$dir/err" || status=1
head -c 700 "$documents/writer-database.xml" >"$dir/c.xml"
run 2 check "$dir/c.xml" && grep -q 'VSS_E_CORRUPT_XML_DOCUMENT: .*: line 6: ' "$dir/err" || status=1
run 2 check --json "$dir/c.xml" && grep -q '"error":.*"name":"VSS_E_CORRUPT_XML_DOCUMENT"' "$dir/err" || status=1
run 2 show "$dir/c.xml" || status=1
run 2 rewrite "$dir/c.xml" "$dir/new.xml" && [ ! -e "$dir/new.xml" ] || status=1
result 'bad documents are told with line and element' $status

status=0
run 3 check "$dir/none.xml" && grep -q 'none.xml: cannot be opened' "$dir/err" || status=1
run 2 check "$dir" || status=1
run 1 check || status=1
run 1 rewrite a b c || status=1
: >"$dir/empty.xml"
run 2 check "$dir/empty.xml" && grep -q 'the document is empty' "$dir/err" || status=1
result 'files that are none' $status

sed -e 's/backupSchema="881"/backupSchema="25"/' -e '/<DATABASE_LOGFILES/d' -e '/<RESTORE_METHOD/,/<\/RESTORE_METHOD/d' \
	"$documents/writer-database.xml" >"$dir/warn.xml"
status=0
run 0 check "$dir/warn.xml" && grep -q 'no RESTORE_METHOD' "$dir/err" && grep -q 'VSS_BS_LOG' "$dir/err" || status=1
run 0 check --json "$dir/warn.xml" && [ "$(grep -c 'RESTORE_METHOD\|VSS_BS_LOG' "$dir/out")" -eq 2 ] || status=1
result 'what will not serve is a warning' $status	# WMD-007, WMD-030

status=0
run 0 rewrite "$documents/backup.xml" "$dir/new.xml" && cmp -s "$documents/backup.xml" "$dir/new.xml" || status=1
run 0 rewrite "$documents/backup.xml" && cmp -s "$documents/backup.xml" "$dir/out" || status=1
"$vssctl" document rewrite - <"$documents/backup.xml" >"$dir/out" && cmp -s "$dir/out" "$documents/backup.xml" || status=1
cp "$documents/writer-indented.xml" "$dir/same.xml"
run 0 rewrite "$dir/same.xml" "$dir/same.xml" && run 0 check "$dir/same.xml" || status=1
cp "$dir/same.xml" "$dir/once.xml"
run 0 rewrite "$dir/same.xml" "$dir/same.xml" && cmp -s "$dir/once.xml" "$dir/same.xml" || status=1
run 3 rewrite "$documents/backup.xml" "$dir/no/such/folder.xml" || status=1
# Nothing is left behind.
[ -z "$(find "$dir" -name '*.xml.*')" ] || status=1
result 'rewriting' $status

{
	printf '\377\376'
	iconv -f UTF-8 -t UTF-16LE "$documents/writer-excludes.xml"
} >"$dir/utf16.xml"
status=0
run 0 check "$dir/utf16.xml" || status=1
run 0 rewrite "$dir/utf16.xml" && cmp -s "$dir/out" "$documents/writer-excludes.xml" || status=1
result 'UTF-16 becomes UTF-8' $status

VSS_SCHEMA_DIR=$VSS_TOP/userspace/libvss/schema
export VSS_SCHEMA_DIR
status=0
for f in "$documents"/*.xml; do
	run 0 check --schema "$f" && grep -q ': a valid ' "$dir/out" || status=1
done
# It is these files that judge: with the other kind's nothing is right.
mkdir "$dir/schema"
cp "$VSS_SCHEMA_DIR/backup-components.rng" "$dir/schema/writer-metadata.rng"
VSS_SCHEMA_DIR=$dir/schema
run 2 check --schema "$documents/writer-database.xml" && grep -q 'line [0-9]*: .*writer-metadata.rng' "$dir/err" ||
	status=1
run 3 check --schema "$documents/backup.xml" && grep -q 'backup-components.rng cannot be read' "$dir/err" || status=1
unset VSS_SCHEMA_DIR
result 'documents are judged by the schemas' $status

echo "1..$number"
exit $failed
