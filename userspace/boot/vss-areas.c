// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-areas: "vssctl diff-area boot" alone, for the initramfs, which would get tens of
 * megabytes of libraries with vssctl.
 */
#include "command.h"
#include "print.h"

static void tell_error(struct vssctl *ctl, vss_result result, const char *text)
{
	fprintf(ctl->err, "vss-areas: %s: %s\n", vss_result_name(result), text);
}

/* The command prints nothing else by way of this. */
static const struct vssctl_printer printer = { .error = tell_error };

int main(int argc, char **argv)
{
	struct vssctl ctl = { .out = stdout, .err = stderr, .print = &printer };
	struct vssctl_args args = { .ctl = &ctl, .command = &vssctl_diff_area_boot, .argc = argc, .argv = argv };
	int ret = vssctl_diff_area_boot.run(&ctl, &args);

	vss_kernel_close(ctl.kernel);
	return ret;
}
