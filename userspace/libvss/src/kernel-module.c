// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VSS_CMD_MODULE_*: facts about the module.
 */
#include <errno.h>

#include "kernel.h"
#include "parse.h"

static int take_module(struct nlattr *const *attrs, bool first, void *arg)
{
	(void)first;
	if (!attrs[VSS_A_MODULE])
		return -EPROTO;
	return vss_parse_module(attrs[VSS_A_MODULE], arg);
}

int vss_kernel_module_get(struct vss_kernel *kernel, struct vss_kernel_module *module)
{
	vss_kernel_request(kernel, VSS_CMD_MODULE_GET, false);
	return vss_kernel_exchange(kernel, NULL, take_module, module);
}

int vss_kernel_module_test(struct vss_kernel *kernel, struct vss_kernel_module *module)
{
	vss_kernel_request(kernel, VSS_CMD_MODULE_TEST, false);
	return vss_kernel_exchange(kernel, NULL, module ? take_module : NULL, module);
}
