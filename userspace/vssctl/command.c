// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parsing of command lines and the help texts.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "size.h"

/* Beyond what commands use for their own options. */
enum {
	OPTION_JSON = 1000,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
};

const struct vssctl_option vssctl_common_options[] = {
	{ OPTION_JSON, "json", NULL, "write JSON" },
	{ OPTION_QUIET, "quiet", NULL, "write nothing but what was asked for (-q)" },
	{ OPTION_VERBOSE, "verbose", NULL, "say what is being done (-v)" },
	{ OPTION_HELP, "help", NULL, "show this help (-h)" },
	{ 0 },
};

static void print_options(FILE *out, const struct vssctl_option *options)
{
	for (; options && options->name; options++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", options->name,
			 options->value ? " " : "", options->value ? options->value : "");
		fprintf(out, "  %-26s %s\n", left, options->help);
	}
}

static void print_help(FILE *out, const struct vssctl_command *command)
{
	fprintf(out, "Usage: vssctl %s [OPTION...]%s%s\n\n%s\n\nOptions:\n", command->name,
		command->operands[0] ? " " : "", command->operands, command->description);
	print_options(out, command->options);
	print_options(out, command->more_options);
	print_options(out, vssctl_common_options);
	fprintf(out, "\nSizes take K, M, G and T; see vssctl(8) for exit codes.\n");
}

int vssctl_usage_error(struct vssctl_args *args, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	vssctl_fail(args->ctl, E_INVALIDARG, "%s; see 'vssctl %s --help'", text,
		    args->command->name);
	args->exit_code = VSSCTL_USAGE;
	return VSSCTL_USAGE;
}

bool vssctl_size_value(struct vssctl_args *args, const char *option, uint64_t *value)
{
	if (!vssctl_parse_size(optarg, value))
		return true;
	vssctl_usage_error(args, "--%s: \"%s\" is not a size", option, optarg);
	return false;
}

bool vssctl_number_value(struct vssctl_args *args, const char *option, uint64_t min,
			 uint64_t max, uint64_t *value)
{
	if (!vssctl_parse_number(optarg, value) && *value >= min && *value <= max)
		return true;
	vssctl_usage_error(args, "--%s: \"%s\" is not a number from %llu to %llu", option, optarg,
			   (unsigned long long)min, (unsigned long long)max);
	return false;
}

static void build_long_options(struct vssctl_args *args)
{
	const struct vssctl_option *lists[] = { args->command->options, args->command->more_options,
						vssctl_common_options };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct vssctl_option *o = lists[i]; o && o->name; o++)
			args->long_options[n++] = (struct option) {
				.name = o->name,
				.has_arg = o->value ? required_argument : no_argument,
				.val = o->id,
			};
	args->long_options[n] = (struct option) { 0 };
}

static int end_of_options(struct vssctl_args *args)
{
	const struct vssctl_command *command = args->command;
	int count = args->argc - optind;

	args->argv += optind;
	args->argc = count;
	if (count < command->min_operands)
		vssctl_usage_error(args, "something is missing: %s", command->operands);
	else if (command->max_operands >= 0 && count > command->max_operands)
		vssctl_usage_error(args, "unexpected \"%s\"", args->argv[command->max_operands]);
	else
		return VSSCTL_OPTION_END;
	return VSSCTL_OPTION_STOP;
}

int vssctl_next_option(struct vssctl_args *args)
{
	struct vssctl *ctl = args->ctl;

	if (!args->long_options[0].name) {
		build_long_options(args);
		optind = 0;	/* makes glibc's getopt start anew */
		opterr = 0;
	}
	for (;;) {
		int c = getopt_long(args->argc, args->argv, ":hqv", args->long_options, NULL);

		switch (c) {
		case -1:
			return end_of_options(args);
		case OPTION_JSON:
			/* main() has seen to it. */
			break;
		case OPTION_QUIET:
		case 'q':
			ctl->quiet = true;
			break;
		case OPTION_VERBOSE:
		case 'v':
			ctl->verbose = true;
			break;
		case OPTION_HELP:
		case 'h':
			print_help(ctl->out, args->command);
			args->exit_code = VSSCTL_OK;
			return VSSCTL_OPTION_STOP;
		case '?':
			vssctl_usage_error(args, "unknown option \"%s\"",
					   args->argv[optind - 1]);
			return VSSCTL_OPTION_STOP;
		case ':':
			vssctl_usage_error(args, "option \"%s\" needs a value",
					   args->argv[optind - 1]);
			return VSSCTL_OPTION_STOP;
		default:
			return c;
		}
	}
}
