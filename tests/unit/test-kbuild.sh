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

# What the headers of a kernel have that tells it from others.
opens_fmode='struct block_device *blkdev_get_by_dev(dev_t dev, fmode_t mode, void *holder);'
opens_blk_mode='struct block_device *blkdev_get_by_dev(dev_t dev, blk_mode_t mode, void *holder,
		const struct blk_holder_ops *hops);'
opens_handle='struct bdev_handle *bdev_open_by_dev(dev_t dev, blk_mode_t mode, void *holder,'
opens_file='struct file *bdev_file_open_by_dev(dev_t dev, blk_mode_t mode, void *holder,
		const struct blk_holder_ops *hops);'
rw_page='	int (*rw_page)(struct block_device *, sector_t, struct page *, enum req_op);'
features='#define BLK_FEAT_ROTATIONAL	((__force blk_features_t)(1u << 2))'
one_op='	int			(*pre_doit)(const struct genl_ops *ops,'
split_op='	int			(*pre_doit)(const struct genl_split_ops *ops,'
plain_fd='struct fd { struct file *file; unsigned int flags; };'
opaque_fd='#define fd_file(f) ((struct file *)((f).word & ~(FDPUT_FPUT|FDPUT_POS_UNLOCK)))'

holders='#ifdef CONFIG_BLOCK_HOLDER_DEPRECATED'

# header KERNEL FILE LINE...: a kernel's FILE has these lines.
header()
{
	file=$tmp/$1/include/$2
	shift 2
	mkdir -p "${file%/*}"
	printf '%s\n' "$@" >"$file"
}

# kernel NAME MAPLE BLKDEV NETLINK FILE [HOLDERS]
kernel()
{
	header "$1" linux/blkdev.h "$3" "${6-$holders}"
	header "$1" net/genetlink.h "$4"
	header "$1" linux/file.h "$5"
	[ -z "$2" ] || header "$1" linux/maple_tree.h ''
}

kernel 5.10 '' '' "$one_op" "$plain_fd"
kernel 5.15 '' "$opens_fmode$rw_page" "$one_op" "$plain_fd"
kernel 6.0 '' "$opens_fmode$rw_page" "$one_op" "$plain_fd"
kernel 6.1 maple "$opens_fmode$rw_page" "$one_op" "$plain_fd"
kernel 6.2 maple "$opens_fmode$rw_page" "$split_op" "$plain_fd"
kernel 6.4 maple "$opens_fmode" "$split_op" "$plain_fd"
kernel 6.6 maple "$opens_blk_mode" "$split_op" "$plain_fd"
kernel 6.8 maple "$opens_handle" "$split_op" "$plain_fd"
kernel 6.9 maple "$opens_file" "$split_op" "$plain_fd"
kernel 6.11 maple "$opens_file
$features" "$split_op" "$plain_fd"
kernel 6.12 maple "$opens_file
$features" "$split_op" "$opaque_fd"
kernel unseen maple "$opens_file
$features" "$split_op" "$opaque_fd" ''

# kbuild KERNEL CONFIG...: what Kbuild says, or the features that it finds.
kbuild()
{
	kernel=$1
	shift
	# shellcheck disable=SC2016 # make is to expand it
	printf 'include %s/kmod/Kbuild\nall:\n\t@echo "features: $(vss-features)"\n' "$top" \
		>"$tmp/Makefile"
	# Called by a make it would say which folder it is in, and miss that one's jobs.
	MAKEFLAGS='' make -s --no-print-directory -f "$tmp/Makefile" KERNELRELEASE=1.2.3 srctree="$tmp/$kernel" src="$top/kmod" \
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
	expect "6.1 is taken" "features: " "$(kbuild 6.1 $config)"
	expect "6.12 is taken" "-DVSS_HAVE_BDEV_FILE" "$(kbuild 6.12 $config)"
	for kernel in 5.10 5.15 6.0 6.2 6.4 6.6 6.8 6.9 6.11; do
		expect "$kernel is refused" "cannot be built for kernel 1.2.3: it is neither 6.1 nor 6.12 or later" \
			"$(kbuild $kernel $config)"
	done
	expect "one whose drivers take disks unseen is refused" "how its drivers take disks for others is not known" \
		"$(kbuild unseen $config)"
	expect "PREEMPT_RT is refused" "1.2.3: it has PREEMPT_RT" \
		"$(kbuild 6.12 $config CONFIG_PREEMPT_RT=y)"
	expect "another machine is refused" "x86-64 only" \
		"$(kbuild 6.12 $config CONFIG_X86_64=)"
	expect "no tracer is refused" "DYNAMIC_FTRACE is off" \
		"$(kbuild 6.12 $config CONFIG_DYNAMIC_FTRACE=)"
	expect "a tracer without arguments is refused" "HAVE_DYNAMIC_FTRACE_WITH_ARGS is missing" \
		"$(kbuild 6.12 $config CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS=)"
}
echo "1..$number"
exit $failed
