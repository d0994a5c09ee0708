// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A controller of a snapshot set that stops wherever a test wants it to: it
 * prepares a set over volumes that are attached and have diff areas ("hold:VOLUME":
 * to be held only, which needs no diff area), then takes commands from standard input, one a line, and answers each with one line.
 *
 *   set-steps [--set UUID] [--hold-timeout MS] [--freeze-timeout MS] [--no-freeze]
 *             VOLUME...
 *
 * First line:  "prepared SET SNAPSHOT..." in the order of the volumes; "hold" in
 *              place of a snapshot
 * Commands:    frozen, held, committed, done    advance the set
 *              abort                            undo it
 *              get                              read its state
 *              sleep MS                         wait
 *              quit                             exit (the set is undone if not done)
 * Answers:     "ok COMMAND state=STATE freeze_usec=N hold_usec=N"
 *              "error COMMAND ERRNO RESULT: sentence"
 *
 * The end of the input is a quit.  Exit code 0 if no command failed, else 1; 2
 * for wrong usage.  Killed, it leaves the set to the kernel.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <vss/blockdev.h>
#include <vss/freeze.h>
#include <vss/kernel.h>

static const struct {
	const char *name;
	enum vss_set_state state;
} states[] = {
	{ "prepared", VSS_SET_PREPARED },
	{ "frozen", VSS_SET_FROZEN },
	{ "held", VSS_SET_HELD },
	{ "committed", VSS_SET_COMMITTED },
	{ "done", VSS_SET_DONE },
	{ "failed", VSS_SET_FAILED },
};

#define STATE_COUNT	(sizeof(states) / sizeof(states[0]))

struct controller {
	struct vss_kernel *kernel;
	struct vss_uuid set;
	struct vss_kernel_member members[VSS_MAX_MEMBERS];
	size_t count;
	bool failed;
};

static const char *state_name(uint32_t state)
{
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i].state == state)
			return states[i].name;
	return "unknown";
}

static void answer(struct controller *c, const char *command, int ret,
		   const struct vss_kernel_set *set)
{
	if (ret) {
		c->failed = true;
		printf("error %s %s %s: %s\n", command, strerrorname_np(-ret),
		       vss_result_name(vss_kernel_result(c->kernel)),
		       vss_kernel_error(c->kernel));
	} else if (set) {
		printf("ok %s state=%s freeze_usec=%llu hold_usec=%llu\n", command,
		       state_name(set->state), (unsigned long long)set->freeze_usec,
		       (unsigned long long)set->hold_usec);
	} else {
		printf("ok %s\n", command);
	}
}

static void sleep_ms(long ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* One command.  false: quit. */
static bool obey(struct controller *c, char *command)
{
	struct vss_kernel_set set;
	int ret;

	if (!strcmp(command, "quit"))
		return false;
	if (!strncmp(command, "sleep ", 6)) {
		sleep_ms(atol(command + 6));
		answer(c, "sleep", 0, NULL);
		return true;
	}
	if (!strcmp(command, "abort")) {
		answer(c, command, vss_kernel_set_abort(c->kernel, &c->set), NULL);
		return true;
	}
	if (!strcmp(command, "get")) {
		ret = vss_kernel_set_get(c->kernel, &c->set, &set);
		answer(c, command, ret, &set);
		return true;
	}
	for (size_t i = 0; i < STATE_COUNT; i++) {
		if (strcmp(command, states[i].name))
			continue;
		ret = vss_kernel_set_step(c->kernel, &c->set, states[i].state, &set);
		answer(c, command, ret, &set);
		return true;
	}
	c->failed = true;
	printf("error %s EINVAL E_INVALIDARG: no such command\n", command);
	return true;
}

static void obey_input(struct controller *c)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && !obey(c, line))
			return;
	}
}

static int prepare(struct controller *c, char **volumes, struct vss_kernel_set_request *request)
{
	struct vss_devno devs[VSS_MAX_MEMBERS];
	struct vss_freeze_plan plan;
	struct vss_error error;
	int ret;

	for (; volumes[c->count] && c->count < VSS_MAX_MEMBERS; c->count++) {
		const char *name = volumes[c->count];
		struct vss_blockdev blockdev;

		c->members[c->count].hold_only = !strncmp(name, "hold:", 5);
		if (vss_blockdev_resolve(c->members[c->count].hold_only ? name + 5 : name, &blockdev,
					 &error))
			goto fail;
		devs[c->count] = blockdev.dev;
		vss_blockdev_clear(&blockdev);
	}
	if (vss_freeze_plan_make(devs, c->count, &plan, &error))
		goto fail;
	for (size_t i = 0; i < c->count; i++) {
		c->members[i].dev = devs[i];
		c->members[i].level = plan.levels[i];
		vss_uuid_generate(&c->members[i].snapshot);
	}
	request->uuid = c->set;
	request->members = c->members;
	request->member_count = c->count;
	request->freezes = plan.freezes;
	request->freeze_count = request->flags & VSS_SET_F_NO_FREEZE ? 0 : plan.freeze_count;
	ret = vss_kernel_set_prepare(c->kernel, request, NULL);
	vss_freeze_plan_clear(&plan);
	if (ret)
		answer(c, "prepared", ret, NULL);
	return ret;
fail:
	printf("error prepared %s %s: %s\n", strerrorname_np(-error.code),
	       vss_result_name(error.result), error.text);
	return error.code;
}

static void print_prepared(const struct controller *c)
{
	char id[VSS_UUID_TEXT_SIZE];

	printf("prepared %s", vss_uuid_format(&c->set, id));
	for (size_t i = 0; i < c->count; i++)
		printf(" %s", c->members[i].hold_only ? "hold" :
		       vss_uuid_format(&c->members[i].snapshot, id));
	putchar('\n');
}

static int usage(void)
{
	fprintf(stderr, "usage: set-steps [--set UUID] [--hold-timeout MS] "
		"[--freeze-timeout MS] [--no-freeze] VOLUME...\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "set", required_argument, NULL, 's' },
		{ "hold-timeout", required_argument, NULL, 'h' },
		{ "freeze-timeout", required_argument, NULL, 'f' },
		{ "no-freeze", no_argument, NULL, 'n' },
		{ 0 },
	};
	struct vss_kernel_set_request request = { 0 };
	struct controller c = { 0 };
	struct vss_error error;
	int opt;

	vss_uuid_generate(&c.set);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 's':
			if (vss_uuid_parse(optarg, &c.set))
				return usage();
			break;
		case 'h':
			request.hold_timeout_ms = (uint32_t)atol(optarg);
			break;
		case 'f':
			request.freeze_timeout_ms = (uint32_t)atol(optarg);
			break;
		case 'n':
			request.flags |= VSS_SET_F_NO_FREEZE;
			break;
		default:
			return usage();
		}
	}
	if (optind == argc)
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (vss_kernel_open(&c.kernel, &error)) {
		printf("error prepared %s %s: %s\n", strerrorname_np(-error.code),
		       vss_result_name(error.result), error.text);
		return 1;
	}
	if (prepare(&c, argv + optind, &request)) {
		vss_kernel_close(c.kernel);
		return 1;
	}
	print_prepared(&c);
	/* As a controller has to that lives through a freeze. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	obey_input(&c);
	vss_kernel_close(c.kernel);
	return c.failed;
}
