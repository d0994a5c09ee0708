# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the host-side programs of the VM harness share: where things are and
# which kernel is the one to test on. To be sourced.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=$top/build
export top build

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# The newest stock Debian 6.1 kernel that has an image, modules and headers to
# build ours with, whatever kernel this machine runs. The cloud and rt flavours end in -amd64 as well but
# are other kernels.
default_kver()
{
	local d v best=''

	for d in /lib/modules/6.1.*-amd64; do
		v=${d##*/}
		case $v in *-cloud-* | *-rt-*) continue ;; esac
		[[ -e $d/modules.dep && -e $d/build/Makefile && -r /boot/vmlinuz-$v ]] || continue
		best+=$v$'\n'
	done
	[[ $best ]] || return 1
	sort -V <<<"${best%$'\n'}" | tail -n 1
}
