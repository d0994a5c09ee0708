// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl: volume snapshots from the command line.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"

static void usage(FILE *out)
{
	fputs("Usage: vssctl COMMAND [OPTION...] [OPERAND...]\n\n"
	      "Snapshots of live block devices.\n\nCommands:\n", out);
	for (const struct vssctl_command *const *c = vssctl_commands; *c; c++)
		fprintf(out, "  %-18s %s\n", (*c)->name, (*c)->summary);
	fputs("\nA volume is a block device, a mount point, UUID=..., LABEL=..., PARTUUID=... or\n"
	      "PARTLABEL=....  'vssctl COMMAND --help' tells about a command, vssctl(8) about all.\n",
	      out);
}

/* Does @name stand at the start of the arguments?  How many words it takes. */
static int matches(const char *name, int argc, char **argv)
{
	size_t first = strcspn(name, " ");

	if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], name, first))
		return 0;
	if (!name[first])
		return 1;
	return argc > 1 && !strcmp(argv[1], name + first + 1) ? 2 : 0;
}

/* Is it the first of two words? */
static bool is_group(const char *word)
{
	size_t n = strlen(word);

	for (const struct vssctl_command *const *c = vssctl_commands; *c; c++)
		if (!strncmp((*c)->name, word, n) && (*c)->name[n] == ' ')
			return true;
	return false;
}

static int run(struct vssctl *ctl, int argc, char **argv)
{
	for (const struct vssctl_command *const *c = vssctl_commands; *c; c++) {
		int words = matches((*c)->name, argc, argv);
		/* getopt takes the element before the options for the program's name. */
		struct vssctl_args args = {
			.ctl = ctl,
			.command = *c,
			.argc = argc - words + 1,
			.argv = argv + words - 1,
		};

		if (words)
			return (*c)->run(ctl, &args);
	}
	vssctl_fail(ctl, E_INVALIDARG, "there is no command \"%s%s%s\"; see 'vssctl --help'",
		    argv[0], is_group(argv[0]) && argc > 1 ? " " : "",
		    is_group(argv[0]) && argc > 1 ? argv[1] : "");
	return VSSCTL_USAGE;
}

int main(int argc, char **argv)
{
	struct vssctl ctl = { .out = stdout, .err = stderr, .print = &vssctl_print_text };
	int ret;

	if (argc < 2) {
		usage(stderr);
		return VSSCTL_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return VSSCTL_OK;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] += 2;
	/* Known from the start, so that a wrong command line is reported as JSON too. */
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--json")) {
			ctl.json = true;
			ctl.print = &vssctl_print_json;
		}
	}
	ret = run(&ctl, argc - 1, argv + 1);
	vss_kernel_close(ctl.kernel);
	if (fflush(stdout) || ferror(stdout)) {
		perror("vssctl: standard output");
		ret = ret ?: VSSCTL_FAILURE;
	}
	return ret;
}
