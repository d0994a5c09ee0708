/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subcommands and their options as data: parsing, --help and the checks that
 * the manual page and the shell completion are complete all read these tables.
 */
#ifndef VSSCTL_COMMAND_H
#define VSSCTL_COMMAND_H

#include <getopt.h>

#include "vssctl.h"

struct vssctl_args;

struct vssctl_option {
	int id;			/* what vssctl_next_option() returns, from 1 on */
	const char *name;	/* without dashes */
	const char *value;	/* name of its value for --help, NULL if it has none */
	const char *help;
};

struct vssctl_command {
	const char *name;		/* "create", "diff-area add" */
	const char *operands;		/* for --help: "VOLUME..." */
	const char *summary;		/* one line, for the list of commands */
	const char *description;	/* a paragraph, for its own help */
	const struct vssctl_option *options;	/* ends with a zeroed one */
	const struct vssctl_option *more_options;	/* likewise, NULL for none */
	int min_operands;
	int max_operands;		/* -1: any number */
	int (*run)(struct vssctl *ctl, struct vssctl_args *args);
};

#define VSSCTL_MAX_OPTIONS	40

/* The command line of one subcommand while it is parsed. */
struct vssctl_args {
	struct vssctl *ctl;
	const struct vssctl_command *command;
	int argc;
	char **argv;			/* operands, after the last option was taken */
	struct option long_options[VSSCTL_MAX_OPTIONS];
	int exit_code;			/* with VSSCTL_OPTION_STOP */
};

#define VSSCTL_OPTION_END	(-1)	/* operands follow in args->argv */
#define VSSCTL_OPTION_STOP	(-2)	/* return args->exit_code */

/*
 * The next option; its value is in optarg.  Common options are dealt with
 * inside.
 */
int vssctl_next_option(struct vssctl_args *args);

/* Take a size, a number or a UUID from optarg; false after reporting it. */
bool vssctl_size_value(struct vssctl_args *args, const char *option, uint64_t *value);
bool vssctl_number_value(struct vssctl_args *args, const char *option, uint64_t min,
			 uint64_t max, uint64_t *value);

/* Report a usage error; returns the exit code. */
int vssctl_usage_error(struct vssctl_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* All subcommands, in the order of the help; ends with NULL. */
extern const struct vssctl_command *const vssctl_commands[];

/* Options that every command has; ends with a zeroed one. */
extern const struct vssctl_option vssctl_common_options[];

extern const struct vssctl_command vssctl_abort;
extern const struct vssctl_command vssctl_attach;
extern const struct vssctl_command vssctl_break;
extern const struct vssctl_command vssctl_create;
extern const struct vssctl_command vssctl_delete;
extern const struct vssctl_command vssctl_detach;
extern const struct vssctl_command vssctl_diff_area_add;
extern const struct vssctl_command vssctl_diff_area_boot;
extern const struct vssctl_command vssctl_diff_area_check;
extern const struct vssctl_command vssctl_diff_area_dump;
extern const struct vssctl_command vssctl_diff_area_grow;
extern const struct vssctl_command vssctl_diff_area_list;
extern const struct vssctl_command vssctl_diff_area_load;
extern const struct vssctl_command vssctl_diff_area_remove;
extern const struct vssctl_command vssctl_diff_area_resize;
extern const struct vssctl_command vssctl_doctor;
extern const struct vssctl_command vssctl_document_check;
extern const struct vssctl_command vssctl_document_rewrite;
extern const struct vssctl_command vssctl_document_show;
extern const struct vssctl_command vssctl_events;
extern const struct vssctl_command vssctl_exec;
extern const struct vssctl_command vssctl_expose;
extern const struct vssctl_command vssctl_files;
extern const struct vssctl_command vssctl_import;
extern const struct vssctl_command vssctl_list;
extern const struct vssctl_command vssctl_lun_show;
extern const struct vssctl_command vssctl_mask;
extern const struct vssctl_command vssctl_recover;
extern const struct vssctl_command vssctl_resync;
extern const struct vssctl_command vssctl_restore;
extern const struct vssctl_command vssctl_retain;
extern const struct vssctl_command vssctl_revert;
extern const struct vssctl_command vssctl_set_writable;
extern const struct vssctl_command vssctl_show;
extern const struct vssctl_command vssctl_status;
extern const struct vssctl_command vssctl_unexpose;
extern const struct vssctl_command vssctl_version;
extern const struct vssctl_command vssctl_volumes;
extern const struct vssctl_command vssctl_writers_metadata;
extern const struct vssctl_command vssctl_writers_status;

#endif /* VSSCTL_COMMAND_H */
