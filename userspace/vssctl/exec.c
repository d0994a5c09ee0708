// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl exec: run a script in DiskShadow's command language, or ask for commands.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "critical.h"
#include "script.h"

static int run_stream(struct vssctl_script *script, FILE *in, const char *name)
{
	bool interactive = in == stdin && isatty(STDIN_FILENO);
	struct vssctl *ctl = script->ctl;
	unsigned int number = 0;
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	while (!script->done) {
		if (interactive) {
			fputs("VSS> ", ctl->out);
			fflush(ctl->out);
		}
		if (getline(&line, &size, in) < 0)
			break;
		number++;
		ret = vssctl_script_line(script, line);
		fflush(ctl->out);
		/* At a terminal one goes on after a mistake, a script does not. */
		if (ret && !interactive) {
			vssctl_warn(ctl, "%s ends at line %u: %s", name, number,
				    strtok(line, "\r\n") ? line : "");
			break;
		}
	}
	if (ferror(in))
		ret = vssctl_fail(ctl, vss_result_from_errno(errno), "cannot read %s: %s", name,
				  strerror(errno));
	free(line);
	return interactive ? 0 : ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_script script;
	const char *name;
	sigset_t signals;
	FILE *in = stdin;
	int ret;

	while (vssctl_next_option(args) != VSSCTL_OPTION_END)
		return args->exit_code;
	name = args->argc ? args->argv[0] : "-";
	if (strcmp(name, "-"))
		in = fopen(name, "re");
	if (!in)
		return vssctl_fail(ctl, errno == ENOENT ? VSS_E_OBJECT_NOT_FOUND :
				   vss_result_from_errno(errno), "cannot open %s: %s", name,
				   strerror(errno));
	vssctl_script_init(&script, ctl);
	/* At the prompt Ctrl-C ends the program, as it does in others. */
	if (in != stdin)
		vssctl_block_signals(&signals);
	ret = run_stream(&script, in, name);
	vssctl_script_clear(&script);
	if (in != stdin) {
		vssctl_restore_signals(&signals);
		fclose(in);
	}
	return ret;
}

const struct vssctl_command vssctl_exec = {
	.name = "exec",
	.operands = "[SCRIPT]",
	.summary = "run a script in DiskShadow's language",
	.description = "Run a script in DiskShadow's command language; without one, ask for commands.\n"
		       "HELP lists them.  A script ends at the first command that fails.",
	.max_operands = 1,
	.run = run,
};
