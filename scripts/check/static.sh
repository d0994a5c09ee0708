#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# static.sh NAME: runs one of the checks below, which look at sources only.
# static.sh --list: prints their names. Status 4 is skipped.

set -uo pipefail
. "$(dirname "$0")/../vm/common.sh"
cd "$top" || exit 1

# Source files of the project below the given folders. Not asked from git, for
# that may be missing, or refuse a checkout of another user.
sources()
{
	find "$@" \( -name .git -o -path ./build \) -prune -o \
		-type f ! -name '*.mod.c' ! -name '.*.cmd' -print | sed 's,^\./,,' | sort
}

check_spdx()
{
	local f status=0

	while read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ' && continue
		echo "no SPDX line: $f"
		status=1
	done < <(sources . | grep -E '(\.([chS]|sh|py|rules|yaml|y|l|map|xsd|mk)|(^|/)(Makefile|Kbuild)|^scripts/.*|\.ci/run)$')
	return $status
}

check_shellcheck()
{
	local f scripts=()

	command -v shellcheck >/dev/null || { echo "SKIP: no shellcheck"; return 4; }
	while read -r f; do
		if [[ $f == *.sh ]] || head -n 3 "$f" | grep -qaE '^(#!/bin/(ba)?sh|# shellcheck shell=)'; then
			scripts+=("$f")
		fi
	done < <(sources scripts tests .ci)
	shellcheck -S style "${scripts[@]}"
}

# A build of its own: sparse runs only where something is compiled.
check_sparse()
{
	local kver tree

	command -v sparse >/dev/null || { echo "SKIP: no sparse"; return 4; }
	kver=$(scripts/vm/kver) || return 1
	tree=$build/sparse-$kver
	scripts/sync-tree.sh kmod "$tree/kmod" && scripts/sync-tree.sh uapi "$tree/uapi" || return 1
	make -j"$(nproc)" -C "/lib/modules/$kver/build" M="$tree/kmod" C=2 modules >"$tree/log" 2>&1 ||
		{ cat "$tree/log"; return 1; }
	! grep -E '(warning|error):' "$tree/log"
}

# checkpatch.pl comes from the kernel's source package: Debian's header packages
# leave it out. Unpacking it takes some seconds, so it is kept.
find_checkpatch()
{
	local archive dir=$build/checkpatch

	if [[ ! -e $dir/checkpatch.pl ]]; then
		archive=$(printf '%s\n' /usr/src/linux-source-*.tar.xz | sort -V | tail -n 1)
		[[ -e $archive ]] || return 1
		rm -rf "$dir.new"
		mkdir -p "$dir.new"
		tar -C "$dir.new" --strip-components 2 --wildcards -xf "$archive" \
			'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
			'*/scripts/const_structs.checkpatch' || return 1
		rm -rf "$dir"
		mv "$dir.new" "$dir"
	fi
}

# run_checkpatch IGNORED-TYPES FILE...
run_checkpatch()
{
	local ignored=$1

	shift
	(($#)) || { echo "no sources"; return 1; }
	perl "$build/checkpatch/checkpatch.pl" --no-tree --strict --terse --no-summary \
		--quiet --ignore "$ignored" -f "$@"
}

check_checkpatch()
{
	local kmod uapi status=0
	# LINUX_VERSION_CODE is what an out-of-tree module has to ask.
	local ignored=FILE_PATH_CHANGES,LINUX_VERSION_CODE,SPDX_LICENSE_TAG

	find_checkpatch || { echo "SKIP: no linux-source package"; return 4; }
	mapfile -t kmod < <(sources kmod tests/kmod | grep '\.[ch]$')
	mapfile -t uapi < <(sources uapi | grep '\.h$')
	run_checkpatch "$ignored" "${kmod[@]}" || status=1
	# Userspace, which reads these headers too, has no BIT().
	run_checkpatch "$ignored,BIT_MACRO" "${uapi[@]}" || status=1
	return $status
}

checks=(spdx shellcheck sparse checkpatch)
case ${1:-} in
--list) printf '%s\n' "${checks[@]}" ;;
*)
	[[ " ${checks[*]} " == *" ${1:-?} "* ]] || die "no check '${1:-}'"
	"check_$1"
	;;
esac
