#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Documentation/vss-mapping.md names every method of Windows' interfaces, and what it
# names of libvss is exported.

set -u
top=${VSS_TOP:?}
mapping=$top/Documentation/vss-mapping.md
map=$top/userspace/libvss/libvss.map
number=0
failed=0

check()
{
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1: $2"
		failed=1
	fi
}

echo "TAP version 13"
tab=$(printf '\t')
interface='' missing=''
while IFS= read -r line; do
	case $line in
	'#'*) ;;
	"$tab"*)
		grep -qw -- "${line#"$tab"}" "$mapping" || missing="$missing ${line#"$tab"}"
		;;
	*)
		[ -z "$interface" ] || check "$interface is mapped" "$missing"
		interface=$line missing=''
		;;
	esac
done <"$top/tests/vss/windows-methods.txt"
check "$interface is mapped" "$missing"

# Names in full, and those that begin with dots, "..._skip()", after the last one in full.
missing=''
for name in $(grep -o 'vss_[a-z0-9_]*()' "$mapping" | tr -d '()' | sort -u); do
	grep -qw "$name;" "$map" || missing="$missing $name"
done
check 'functions that are named are exported' "$missing"
for name in $(grep -o '\.\.\._[a-z_]*()' "$mapping" | tr -d '.()' | sort -u); do
	grep -q "${name};" "$map" || missing="$missing ...$name"
done
check 'functions that are named in short are exported' "$missing"

echo "1..$number"
exit $failed
