#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sync-tree.sh SRC DST: makes DST hold the source files of SRC and no other
# source files, touching none that is equal, so that a build in DST is
# incremental. The copy is what lets one checkout be built for several kernels:
# Kbuild puts a module's objects beside its sources.

set -euo pipefail
src=${1:?usage: sync-tree.sh SRC DST}
dst=${2:?usage: sync-tree.sh SRC DST}

list()
{
	[[ -d $1 ]] || return 0
	(cd "$1" && find . -type f ! -name '*.mod.c' ! -name '.*' \
		\( -name '*.[chS]' -o -name Kbuild -o -name Makefile -o -name '*.yaml' \) | sort)
}

mkdir -p "$dst"
comm -13 <(list "$src") <(list "$dst") | while read -r f; do
	rm -f "$dst/$f"
done
list "$src" | while read -r f; do
	cmp -s "$src/$f" "$dst/$f" || install -D -m 644 "$src/$f" "$dst/$f"
done
