// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-areas: "vssctl diff-area boot" alone, for the initramfs, which would get tens of
 * megabytes of libraries with vssctl.
 */
#include "command.h"

int main(int argc, char **argv)
{
	struct vssctl ctl = { .out = stdout, .err = stderr };
	struct vssctl_args args = { .ctl = &ctl, .command = &vssctl_diff_area_boot, .argc = argc, .argv = argv };
	int ret = vssctl_diff_area_boot.run(&ctl, &args);

	vss_kernel_close(ctl.kernel);
	return ret;
}
