#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A kernel that the module cannot be built for is refused with one sentence, and those
# that it can are not: kmod/Kbuild with made-up headers and configurations.

set -u
top=${VSS_TOP:?}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
number=0
failed=0
config='CONFIG_X86_64=y CONFIG_BLOCK=y CONFIG_DYNAMIC_FTRACE=y CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS=y'

# headers NAME LINE...: a kernel whose linux/blkdev.h has these lines.
headers()
{
	name=$1
	shift
	mkdir -p "$tmp/$name/include/linux"
	printf '%s\n' "$@" >"$tmp/$name/include/linux/blkdev.h"
}

headers old 'struct block_device *blkdev_get_by_dev(dev_t dev, fmode_t mode, void *holder);'
headers between 'struct block_device *blkdev_get_by_dev(dev_t dev, blk_mode_t mode, void *holder,' \
	'		const struct blk_holder_ops *hops);'
headers handles 'struct bdev_handle *bdev_open_by_dev(dev_t dev, blk_mode_t mode, void *holder,'
headers new 'struct file *bdev_file_open_by_dev(dev_t dev, blk_mode_t mode, void *holder,' \
	'		const struct blk_holder_ops *hops);' \
	'#define BLK_FEAT_ROTATIONAL	((__force blk_features_t)(1u << 2))'

# kbuild KERNEL CONFIG...: what Kbuild says, or the features that it finds.
kbuild()
{
	kernel=$1
	shift
	# shellcheck disable=SC2016 # make is to expand it
	printf 'include %s/kmod/Kbuild\nall:\n\t@echo "features: $(vss-features)"\n' "$top" \
		>"$tmp/Makefile"
	# Called by a make it would say which folder it is in.
	make -s --no-print-directory -f "$tmp/Makefile" KERNELRELEASE=1.2.3 srctree="$tmp/$kernel" src="$top/kmod" \
		"$@" all 2>&1
}

# expect WHAT PATTERN TEXT: TEXT is one line, with PATTERN.
expect()
{
	number=$((number + 1))
	case $3 in
	*"
"*)
		;;
	*$2*)
		echo "ok $number - $1"
		return
		;;
	esac
	echo "not ok $number - $1: $3"
	failed=1
}

# shellcheck disable=SC2086 # words are meant
{
	expect "6.1 is taken" "features: " "$(kbuild old $config)"
	expect "6.12 is taken" "-DVSS_HAVE_BDEV_FILE" "$(kbuild new $config)"
	expect "what was between is refused" "cannot be built for kernel 1.2.3: the way it opens" \
		"$(kbuild between $config)"
	expect "so is what came after that" "the way it opens block devices" \
		"$(kbuild handles $config)"
	expect "PREEMPT_RT is refused" "1.2.3: it has PREEMPT_RT" \
		"$(kbuild new $config CONFIG_PREEMPT_RT=y)"
	expect "another machine is refused" "x86-64 only" \
		"$(kbuild new $config CONFIG_X86_64=)"
	expect "no tracer is refused" "DYNAMIC_FTRACE is off" \
		"$(kbuild new $config CONFIG_DYNAMIC_FTRACE=)"
	expect "a tracer without arguments is refused" "HAVE_DYNAMIC_FTRACE_WITH_ARGS is missing" \
		"$(kbuild new $config CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS=)"
}
echo "1..$number"
exit $failed
