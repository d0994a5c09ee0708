# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the programs share that deal with kernels other than this machine's: where
# they are kept, and what a kept one consists of. To be sourced.
#
# Kernels are kept in $VSS_KERNELS (build/kernels), so that clones can share them.
# $VSS_KERNELS/NAME, complete as soon as it is there, has
#
#   release         what uname -r says on it
#   vm/             what a VM sees on top of this machine's /: usr/lib/modules
#   vm/boot/        vmlinuz-RELEASE
#   root/           a system with compiler and headers to build modules in, or
#   tree/           the kernel's own build tree

. "$(dirname "${BASH_SOURCE[0]}")/../vm/common.sh"

kernels=${VSS_KERNELS:-$build/kernels}
mkdir -p "$kernels"
kernels=$(cd "$kernels" && pwd -P)

# kernel_release NAME: of a kernel that is there.
kernel_release()
{
	cat "$kernels/$1/release"
}

# debug_recipe: what tells one debug kernel from another.
debug_recipe()
{
	cat "$top"/scripts/kernel/{debug-options,build-debug} | sha256sum
}
