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

# check_build PROGRAM COMMAND: what a checker has to say while the module is built. A build
# of its own: it runs only where something is compiled.
check_build()
{
	local kver tree

	command -v "$1" >/dev/null || { echo "SKIP: no $1"; return 4; }
	kver=$(scripts/vm/kver) || return 1
	tree=$build/$1-$kver
	scripts/sync-tree.sh kmod "$tree/kmod" && scripts/sync-tree.sh uapi "$tree/uapi" || return 1
	make -j"$(nproc)" -C "/lib/modules/$kver/build" M="$tree/kmod" C=2 CHECK="$2" modules \
		>"$tree/log" 2>&1 || { cat "$tree/log"; return 1; }
	! grep -E '(warning|error|warn):' "$tree/log"
}

# On the tree that the tests' module is built in: where that was done, nothing is
# compiled again. -Werror, which is for the compiler, goes to sparse as well.
check_sparse()
{
	local log

	command -v sparse >/dev/null || { echo "SKIP: no sparse"; return 4; }
	log=$(mktemp "$build/sparse-XXXXXX") || return 1
	# shellcheck disable=SC2064 # its name is known now
	trap "rm -f '$log'" EXIT
	flock "$build/.lock" make --no-print-directory -j"$(nproc)" vm-module C=2 CHECK=sparse \
		>"$log" 2>&1 || { cat "$log"; return 1; }
	! grep -E '(warning|error|warn):' "$log" || return 1
	grep -q '^ *CHECK ' "$log" || { echo "sparse has looked at nothing"; return 1; }
}

# No package of Debian 12.
check_smatch() { check_build smatch 'smatch -p=kernel'; }

# kernel_scripts NAME FILE...: files of the kernel's scripts/ in build/NAME, from the kernel's
# source package: Debian's header packages leave them out. Unpacking takes some seconds,
# so they are kept.
kernel_scripts()
{
	local archive dir=$build/$1

	shift
	[[ ! -d $dir ]] || return 0
	archive=$(printf '%s\n' /usr/src/linux-source-*.tar.xz | sort -V | tail -n 1)
	[[ -e $archive ]] || { echo "SKIP: no linux-source package"; return 1; }
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	tar -C "$dir.new" --strip-components 2 --wildcards -xf "$archive" "${@/#/*/scripts/}" &&
		mv "$dir.new" "$dir"
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

	kernel_scripts checkpatch checkpatch.pl spelling.txt const_structs.checkpatch || return 4
	mapfile -t kmod < <(sources kmod tests/kmod | grep '\.[ch]$')
	mapfile -t uapi < <(sources uapi | grep '\.h$')
	run_checkpatch "$ignored" "${kmod[@]}" || status=1
	# Userspace, which reads these headers too, has no BIT().
	run_checkpatch "$ignored,BIT_MACRO" "${uapi[@]}" || status=1
	return $status
}

# The kernel's own rules for spatch. make coccicheck wants the whole source tree, for
# nothing but these files.
check_coccicheck()
{
	local rule options found status=0

	command -v spatch >/dev/null || { echo "SKIP: no spatch (Debian's coccinelle)"; return 4; }
	kernel_scripts coccinelle coccinelle || return 4
	while read -r rule; do
		options=$(sed -n 's,^// Options: *,,p' "$rule")
		# These need a compiler for OCaml; one is about one driver, the other sparse does too.
		[[ $rule != */check_bq27xxx_data.cocci && $rule != */badzero.cocci ]] || continue
		# shellcheck disable=SC2086 # several words
		found=$(timeout 600 spatch -D report --no-show-diff --very-quiet $options --cocci-file "$rule" \
			--dir kmod -I uapi 2>"$build/coccinelle.log") ||
			{ cat "$build/coccinelle.log"; echo "spatch failed: $rule"; status=1; }
		[[ -z $found ]] || { echo "$found"; status=1; }
	done < <(find "$build/coccinelle" -name '*.cocci' | sort)
	return $status
}

checks=(spdx shellcheck sparse checkpatch)
# These take minutes.
[[ ! ${LONG:-} ]] || checks+=(coccicheck smatch)
case ${1:-} in
--list) printf '%s\n' "${checks[@]}" ;;
*)
	[[ " ${checks[*]} " == *" ${1:-?} "* ]] || die "no check '${1:-}'"
	"check_$1"
	;;
esac
