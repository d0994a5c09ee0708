// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Meddles with a snapshot set in creation from a socket that does not own it.
 *
 *   set-foreign SET frozen|held|committed|done|abort|get
 *
 * Prints "ok COMMAND state=STATE error=ERRNO" or
 * "error COMMAND ERRNO RESULT: sentence".  Exit code 0 if the command was done,
 * 1 if it was refused, 2 for wrong usage.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <vss/kernel.h>

static const char *const states[] = {
	[VSS_SET_PREPARED] = "prepared",
	[VSS_SET_FROZEN] = "frozen",
	[VSS_SET_HELD] = "held",
	[VSS_SET_COMMITTED] = "committed",
	[VSS_SET_DONE] = "done",
	[VSS_SET_FAILED] = "failed",
};

#define STATE_COUNT	(sizeof(states) / sizeof(states[0]))

static const char *state_name(uint32_t state)
{
	return state < STATE_COUNT && states[state] ? states[state] : "unknown";
}

static int run(struct vss_kernel *kernel, const struct vss_uuid *uuid, const char *command,
	       struct vss_kernel_set *set)
{
	if (!strcmp(command, "abort"))
		return vss_kernel_set_abort(kernel, uuid);
	if (!strcmp(command, "get"))
		return vss_kernel_set_get(kernel, uuid, set);
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i] && !strcmp(command, states[i]))
			return vss_kernel_set_step(kernel, uuid, i, set);
	return -ENOSYS;
}

int main(int argc, char **argv)
{
	static struct vss_kernel_set set;
	struct vss_kernel *kernel;
	struct vss_error error;
	struct vss_uuid uuid;
	int ret;

	if (argc != 3 || vss_uuid_parse(argv[1], &uuid)) {
		fprintf(stderr, "usage: set-foreign SET frozen|held|committed|done|abort|get\n");
		return 2;
	}
	if (vss_kernel_open(&kernel, &error)) {
		fprintf(stderr, "set-foreign: %s\n", error.text);
		return 2;
	}
	ret = run(kernel, &uuid, argv[2], &set);
	if (ret)
		printf("error %s %s %s: %s\n", argv[2], strerrorname_np(-ret),
		       vss_result_name(vss_kernel_result(kernel)), vss_kernel_error(kernel));
	else if (strcmp(argv[2], "abort"))
		printf("ok %s state=%s error=%s\n", argv[2], state_name(set.state),
		       set.error ? strerrorname_np(-set.error) : "none");
	else
		printf("ok abort\n");
	vss_kernel_close(kernel);
	return ret ? 1 : 0;
}
