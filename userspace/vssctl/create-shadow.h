/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "create" through vssd: with a context, writers and documents.
 */
#ifndef VSSCTL_CREATE_SHADOW_H
#define VSSCTL_CREATE_SHADOW_H

#include "backup.h"
#include "command.h"

struct vssctl_shadow_options {
	bool used;			/* any of them was given */
	struct vssctl_backup backup;
	struct vss_uuid provider;
	const char *context;
	const char *writers;
	uint32_t modifiers;
	bool persistent;
	const char *document;
	const char *writer_documents;
	const char *command;
	const char *env_file;
	const char *wait_for;
};

/* Beyond the letters of short options. */
enum { VSSCTL_SHADOW_OPTION_FIRST = 300 };
extern const struct vssctl_option vssctl_shadow_options[];

/* False after the failure was reported, with args->exit_code. */
bool vssctl_shadow_take_option(struct vssctl_shadow_options *options, struct vssctl_args *args,
			       int opt);

/* 0 or the exit code. */
int vssctl_create_shadow(struct vssctl_shadow_options *options, struct vssctl_args *args);

#endif /* VSSCTL_CREATE_SHADOW_H */
