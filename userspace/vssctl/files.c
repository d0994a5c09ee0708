// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl files: the files of a backup, for a program that copies them.
 */
#include <errno.h>
#include <glob.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "document.h"
#include "files.h"
#include "metadata-archive.h"
#include "requester.h"

enum {
	OPT_DOCUMENT = 1,
	OPT_WRITER_DOCUMENTS,
	OPT_SET,
	OPT_COPY,
	OPT_EXCLUDE,
	OPT_RELATIVE_TO,
	OPT_NULL,
};

#define MAX_GIVEN	256	/* of --copy, and of --exclude */

struct given {
	const char *items[MAX_GIVEN];
	size_t count;
};

struct files_command {
	struct vssctl *ctl;
	const char *document;
	const char *writer_documents;
	const char *relative_to;
	bool null;
	struct vss_uuid set;
	struct given copies;
	struct given excludes;

	struct vssctl_documents texts;
	struct vss_backup_document *backup;
	struct vss_writer_metadata **writers;
	size_t nr_writers;
	struct vss_backup_files *files;
};

static void command_clear(struct files_command *c)
{
	vss_backup_files_free(c->files);
	for (size_t i = 0; i < c->nr_writers; i++)
		vss_writer_metadata_free(c->writers[i]);
	free(c->writers);
	vss_backup_document_free(c->backup);
	vssctl_documents_clear(&c->texts);
}

/* ---- documents ---- */

static int add_writer(struct files_command *c, const char *name, const char *xml)
{
	struct vss_writer_metadata **more = reallocarray(c->writers, c->nr_writers + 1, sizeof(*more));
	struct vss_error error = { 0 };

	if (!more)
		return vssctl_fail(c->ctl, E_OUTOFMEMORY, "out of memory");
	c->writers = more;
	if (vss_create_vss_examine_writer_metadata(xml, strlen(xml), &more[c->nr_writers], &error))
		return vssctl_fail(c->ctl, error.result, "%s: %s", name, error.text);
	c->nr_writers++;
	if (vss_backup_files_add_writer(c->files, more[c->nr_writers - 1]))
		return vssctl_fail(c->ctl, vss_backup_files_error(c->files)->result, "%s: %s", name,
				   vss_backup_files_error(c->files)->text);
	return 0;
}

static int add_writer_folder(struct files_command *c)
{
	glob_t found = { 0 };
	char *pattern;
	int ret = 0;

	if (asprintf(&pattern, "%s/*.xml", c->writer_documents) < 0)
		return vssctl_fail(c->ctl, E_OUTOFMEMORY, "out of memory");
	if (glob(pattern, 0, NULL, &found) || !found.gl_pathc)
		ret = vssctl_fail(c->ctl, VSS_E_OBJECT_NOT_FOUND, "there are no documents (*.xml) in %s",
				  c->writer_documents);
	for (size_t i = 0; !ret && i < found.gl_pathc; i++) {
		char *xml = NULL;
		size_t size;

		ret = vssctl_read_file(c->ctl, found.gl_pathv[i], &xml, &size) ?: add_writer(c, found.gl_pathv[i], xml);
		free(xml);
	}
	globfree(&found);
	free(pattern);
	return ret;
}

static int load(struct files_command *c)
{
	struct vss_error error = { 0 };
	int ret = vssctl_archive_read(c->ctl, c->document, &c->texts);

	if (ret)
		return ret;
	if (vss_backup_document_parse(c->texts.backup, strlen(c->texts.backup), &c->backup, &error))
		return vssctl_fail(c->ctl, error.result, "%s: %s", c->document, error.text);
	if (vss_backup_files_new(c->backup, &c->files, &error))
		return vssctl_fail_error(c->ctl, &error);
	for (size_t i = 0; !ret && i < c->texts.nr_writers; i++)
		ret = add_writer(c, c->document, c->texts.writers[i]);
	if (!ret && c->writer_documents)
		ret = add_writer_folder(c);
	return ret;
}

/* ---- what was asked for ---- */

/* "MOUNT_POINT=DIRECTORY" */
static int add_copy(struct files_command *c, const char *text)
{
	const char *equals = strchr(text, '=');
	char *mount_point = equals ? strndup(text, (size_t)(equals - text)) : NULL;
	char *copy = equals ? realpath(equals + 1, NULL) : NULL;
	int ret = 0;

	if (!copy)
		ret = vssctl_fail(c->ctl, VSS_E_OBJECT_NOT_FOUND, "--copy %s: there is no directory %s", text,
				  equals ? equals + 1 : "");
	else if (!mount_point || vss_backup_files_add_volume(c->files, mount_point, NULL, copy))
		ret = vssctl_fail_error(c->ctl, vss_backup_files_error(c->files));
	free(mount_point);
	free(copy);
	return ret;
}

/* FOLDER and NAME; two stars in place of, or as the folder before, NAME take in all folders below. */
static int add_exclude(struct files_command *c, const char *text)
{
	char *folder = strdup(text), *name = folder ? strrchr(folder, '/') : NULL;
	bool recursive = false;
	size_t length;
	int ret = 0;

	if (!folder)
		return vssctl_fail(c->ctl, E_OUTOFMEMORY, "out of memory");
	if (name) {
		*name++ = '\0';
		length = strlen(folder);
		recursive = !strcmp(name, "**");
		if (length >= 3 && !strcmp(folder + length - 3, "/**")) {
			folder[length - 3] = '\0';
			recursive = true;
		}
	}
	if (vss_backup_files_exclude(c->files, name && folder[0] ? folder : name ? "/" : NULL, name, recursive))
		ret = vssctl_fail_error(c->ctl, vss_backup_files_error(c->files));
	free(folder);
	return ret;
}

static int prepare(struct files_command *c)
{
	int ret = load(c);

	for (size_t i = 0; !ret && i < c->copies.count; i++)
		ret = add_copy(c, c->copies.items[i]);
	for (size_t i = 0; !ret && i < c->excludes.count; i++)
		ret = add_exclude(c, c->excludes.items[i]);
	if (ret || c->copies.count)
		return ret;
	if (vss_uuid_is_null(&c->set) && !vss_backup_document_get_set_id(c->backup, &c->set))
		return vssctl_fail(c->ctl, VSS_E_OBJECT_NOT_FOUND,
				   "%s names no shadow copy set; give --set or --copy", c->document);
	return vssctl_files_add_set(c->ctl, c->files, &c->set);
}

/* ---- output ---- */

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "link";
	default:
		return "special";
	}
}

static void put_line(struct vssctl *ctl, json_object *object, bool first)
{
	fprintf(ctl->out, "%s\n    %s", first ? "" : ",",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void put_file_json(struct vssctl *ctl, const struct vss_backup_file *file, bool first)
{
	json_object *object = json_object_new_object();

	vssctl_tree_text(object, "path", file->path);
	vssctl_tree_text(object, "source", file->source);
	vssctl_tree_text(object, "type", type_name(file->mode));
	vssctl_tree_number(object, "size", file->size);
	vssctl_tree_text(object, "ranges", file->ranges);
	vssctl_tree_number(object, "component", file->component);
	put_line(ctl, object, first);
}

static void put_component_json(struct vssctl *ctl, const struct vss_backup_files_component *component, bool first)
{
	json_object *object = json_object_new_object();

	if (component->component_name) {
		vssctl_tree_uuid(object, "writer", &component->writer_id);
		vssctl_tree_uuid(object, "instance", &component->instance_id);
		vssctl_tree_text(object, "type", vss_component_type_name(component->type));
		vssctl_tree_text(object, "logical_path", component->logical_path);
		vssctl_tree_text(object, "name", component->component_name);
	}
	vssctl_tree_number(object, "files", component->files);
	vssctl_tree_number(object, "bytes", component->bytes);
	vssctl_tree_bool(object, "failed", component->failed);
	if (component->failed)
		vssctl_tree_text(object, "reason", component->reason);
	put_line(ctl, object, first);
}

/* Relative to the folder that was asked for, whose own name is "."; NULL when it is elsewhere. */
static const char *shown(const struct files_command *c, const char *source)
{
	size_t n = c->relative_to ? strlen(c->relative_to) : 0;

	if (n <= 1)
		return source + n;
	if (strncmp(source, c->relative_to, n) || (source[n] && source[n] != '/'))
		return NULL;
	return source[n] ? source + n + 1 : ".";
}

static int put_files(struct files_command *c)
{
	struct vss_backup_file file;
	struct vssctl *ctl = c->ctl;
	vss_result result;
	bool first = true;

	if (ctl->json)
		fprintf(ctl->out, "{\n  \"files\": [");
	while (!(result = vss_backup_files_next(c->files, &file))) {
		const char *name = shown(c, file.source);

		if (!name)
			return vssctl_fail(ctl, E_INVALIDARG, "%s is not below %s", file.source, c->relative_to);
		if (ctl->json)
			put_file_json(ctl, &file, first);
		else
			fprintf(ctl->out, "%s%c", name[0] ? name : ".", c->null ? '\0' : '\n');
		first = false;
	}
	if (VSS_FAILED(result))
		return vssctl_fail_error(ctl, vss_backup_files_error(c->files));
	return 0;
}

static int put_components(struct files_command *c)
{
	uint32_t count = vss_backup_files_component_count(c->files), failed = 0;
	struct vssctl *ctl = c->ctl;

	if (ctl->json)
		fprintf(ctl->out, "\n  ],\n  \"components\": [");
	for (uint32_t i = 0; i < count; i++) {
		struct vss_backup_files_component component;

		vss_backup_files_get_component(c->files, i, &component);
		if (ctl->json)
			put_component_json(ctl, &component, !i);
		failed += component.failed;
		if (component.failed)
			vssctl_warn(ctl, "component %s%s%s: %s", component.logical_path ? component.logical_path : "",
				    component.logical_path ? "/" : "",
				    component.component_name ? component.component_name : "(whole volumes)",
				    component.reason);
	}
	if (ctl->json)
		fprintf(ctl->out, "\n  ]\n}\n");
	if (failed)
		return vssctl_fail(ctl, E_FAIL, "the list is not complete: %u of %u components failed", failed, count);
	return 0;
}

/* ---- the command ---- */

static int keep(struct vssctl_args *args, struct given *given, const char *option)
{
	if (given->count == MAX_GIVEN)
		return vssctl_usage_error(args, "--%s: no more than %d are possible", option, MAX_GIVEN);
	given->items[given->count++] = optarg;
	return 0;
}

static int take_option(struct files_command *c, struct vssctl_args *args, int option)
{
	switch (option) {
	case OPT_DOCUMENT:
		c->document = optarg;
		return 0;
	case OPT_WRITER_DOCUMENTS:
		c->writer_documents = optarg;
		return 0;
	case OPT_SET:
		return vssctl_parse_uuid(c->ctl, optarg, &c->set);
	case OPT_COPY:
		return strchr(optarg, '=') ? keep(args, &c->copies, "copy") :
		       vssctl_usage_error(args, "--copy: \"%s\" is not MOUNT_POINT=DIRECTORY", optarg);
	case OPT_EXCLUDE:
		return keep(args, &c->excludes, "exclude");
	case OPT_RELATIVE_TO:
		c->relative_to = optarg;
		return 0;
	default:
		c->null = true;
		return 0;
	}
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct files_command c __attribute__((cleanup(command_clear))) = { .ctl = ctl };
	char *relative_to = NULL;
	int opt, ret = 0;

	while (!ret && (opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
		ret = take_option(&c, args, opt);
	}
	if (ret)
		return ret;
	if (!c.document)
		return vssctl_usage_error(args, "--backup-document is needed");
	if (c.copies.count && !vss_uuid_is_null(&c.set))
		return vssctl_usage_error(args, "--set and --copy exclude each other");
	if (ctl->json && (c.null || c.relative_to))
		return vssctl_usage_error(args, "--json goes with neither --null nor --relative-to");
	if (c.relative_to) {
		relative_to = realpath(c.relative_to, NULL);
		if (!relative_to)
			return vssctl_fail(ctl, vss_result_from_errno(errno), "--relative-to %s: %s", c.relative_to,
					   strerror(errno));
		c.relative_to = relative_to;
	}
	ret = prepare(&c);
	if (!ret) {
		ret = put_files(&c);
		if (!ret)
			ret = put_components(&c);
		else if (ctl->json)
			/* A document all the same: not all files, and no components. */
			fprintf(ctl->out, "\n  ]\n}\n");
	}
	free(relative_to);
	return ret;
}

static const struct vssctl_option options[] = {
	{ OPT_DOCUMENT, "backup-document", "FILE", "the Backup Components Document, or an archive" },
	{ OPT_WRITER_DOCUMENTS, "writer-documents", "DIR", "the writers' documents (*.xml)" },
	{ OPT_SET, "set", "ID", "this set instead of the document's" },
	{ OPT_COPY, "copy", "MOUNT_POINT=DIR", "a volume's copy is mounted at DIR (no vssd)" },
	{ OPT_EXCLUDE, "exclude", "PATH", "leave out /DIR/NAME, /DIR/**, /DIR/**/NAME" },
	{ OPT_RELATIVE_TO, "relative-to", "DIR", "print names as seen from there" },
	{ OPT_NULL, "null", NULL, "end names with a NUL, for tar --null -T -" },
	{ 0 },
};

const struct vssctl_command vssctl_files = {
	.name = "files",
	.operands = "",
	.summary = "list the files of a backup",
	.description = "Print what a backup has to read from the mounted shadow copies: the files of the\n"
		       "components in the document, without what is excluded, or those of whole volumes.\n"
		       "Directories are listed; archivers must not descend into them by themselves.",
	.options = options,
	.max_operands = 0,
	.run = run,
};
