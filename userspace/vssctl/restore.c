// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl restore: what a restore is to the writers, around a program that brings the
 * files back.
 */
#include "command.h"
#include "critical.h"
#include "script.h"

enum { OPT_SIMULATE = 1, OPT_EXEC };

static const struct vssctl_option options[] = {
	{ OPT_SIMULATE, "simulate", NULL, "only find out whether it could be done" },
	{ OPT_EXEC, "exec", "COMMAND", "run it between PreRestore and PostRestore" },
	{ 0 },
};

static int restore(struct vssctl_script *script, const char *command)
{
	int ret = vssctl_script_begin_restore(script), ended;

	if (ret)
		return ret;
	ret = vssctl_backup_exec(script->ctl, command, NULL);
	/* Writers that have stopped for it are told to go on, whatever became of their files. */
	ended = vssctl_script_end_restore(script, ret ? VSS_RS_FAILED : VSS_RS_ALL);
	return ret ?: ended;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_script script;
	const char *command = NULL;
	bool simulate = false;
	sigset_t signals;
	size_t size;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_SIMULATE:
			simulate = true;
			break;
		case OPT_EXEC:
			command = optarg;
			break;
		}
	}
	if (simulate == !!command)
		return vssctl_usage_error(args, "give either --simulate or --exec COMMAND, which brings the "
					  "files back");
	vssctl_script_init(&script, ctl);
	vssctl_block_signals(&signals);
	ret = vssctl_read_file(ctl, args->argv[0], &script.loaded.backup, &size);
	if (!ret)
		ret = simulate ? vssctl_script_simulate_restore(&script) : restore(&script, command);
	vssctl_restore_signals(&signals);
	vssctl_script_clear(&script);
	return ret;
}

const struct vssctl_command vssctl_restore = {
	.name = "restore",
	.operands = "DOCUMENT",
	.summary = "restore what a document names, with the writers",
	.description = "Select all components of a Backup Components Document, send their writers\n"
		       "PreRestore, run a program that brings the files back, and send PostRestore.",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
