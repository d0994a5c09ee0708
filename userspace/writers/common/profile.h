/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a writer tells of itself, from the sections [writer], [component NAME]
 * and [exclude] of a configuration file: identity, components and their files.
 */
#ifndef WRITERS_PROFILE_H
#define WRITERS_PROFILE_H

#include <vss/writer.h>

#include "text.h"

/* A set of files: "DIR SPEC [recursive]". */
struct profile_files {
	char *path;
	char *spec;
	bool recursive;
};

struct profile_file_list {
	struct profile_files *items;
	size_t count;
};

struct profile_component {
	char *name;
	char *logical_path;
	char *caption;
	enum vss_component_type type;
	bool selectable;
	bool notify;			/* on BackupComplete */
	struct profile_file_list files;
	struct profile_file_list logs;
};

struct profile {
	char *name;
	struct vss_uuid class_id;
	char *instance_name;
	enum vss_application_level level;
	enum vss_usage_type usage;
	enum vss_source_type source;
	uint32_t window_ms;		/* most time from Freeze to Thaw, 0 for the default */
	enum vss_restoremethod restore_method;
	char *service;			/* that has to stop for a restore */
	uint32_t schema;
	struct profile_component *components;
	size_t nr_components;
	struct profile_file_list excludes;
};

/* A profile that says nothing yet. */
void profile_init(struct profile *profile);
void profile_clear(struct profile *profile);

/* Is it a section that profile_key() reads? */
bool profile_has_section(const char *section);

/* A key, or with @key NULL the beginning of a section: of the form of ini_fn. */
bool profile_key(struct profile *profile, const char *section, const char *argument,
		 const char *key, const char *value, char error[TEXT_ERROR_SIZE]);

/*
 * After the last key: a name there must be, a class follows from the name when
 * none was given (a UUID of version 5), so that it stays the same.
 */
bool profile_finish(struct profile *profile, char error[TEXT_ERROR_SIZE]);

/* What vss_writer_initialize() wants; points into the profile. */
void profile_config(const struct profile *profile, const char *address, struct vss_writer_config *config);

/* Identify: fill in the Writer Metadata Document. */
bool profile_identify(const struct profile *profile, struct vss_writer_metadata *metadata);

#endif /* WRITERS_PROFILE_H */
