// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl document show, check, rewrite: stored documents of either kind, which
 * their root element tells.  None of this needs vssd or the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "document.h"
#include "print.h"

void vssctl_document_clear(struct vssctl_document *document)
{
	vss_writer_metadata_free(document->metadata);
	vss_backup_document_free(document->backup);
	free(document->data);
	memset(document, 0, sizeof(*document));
}

/* ---- reading ---- */

static int fail_file(struct vssctl *ctl, const char *name, const char *what, int code)
{
	return vssctl_fail(ctl, vss_result_from_errno(code), "%s: %s: %s", name, what, strerror(code));
}

/* One byte more than the library takes is enough for it to refuse. */
static int read_all(int fd, struct vssctl_document *document)
{
	size_t room = 1 << 16;

	for (;;) {
		ssize_t n;

		if (!document->data || document->size == room) {
			char *data = realloc(document->data, document->data ? room *= 2 : room);

			if (!data)
				return ENOMEM;
			document->data = data;
		}
		n = read(fd, document->data + document->size, room - document->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n || document->size > VSS_DOCUMENT_MAX_SIZE)
			return 0;
		document->size += (size_t)n;
	}
}

static int read_file(struct vssctl *ctl, const char *name, struct vssctl_document *document)
{
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	int code;

	if (fd < 0)
		return fail_file(ctl, name, "cannot be opened", errno);
	code = read_all(fd, document);
	if (fd != STDIN_FILENO)
		close(fd);
	return code ? fail_file(ctl, name, "cannot be read", code) : 0;
}

/* The file as the document that it is; 0, or the exit code after a report. */
static int load(struct vssctl *ctl, const char *name, struct vssctl_document *document)
{
	int ret = read_file(ctl, name, document);
	struct vss_error error;
	vss_result result;

	if (ret)
		return ret;
	result = vss_document_get_kind(document->data, document->size, &document->kind, &error);
	if (!result && document->kind == VSS_DOCUMENT_WRITER_METADATA)
		result = vss_create_vss_examine_writer_metadata(document->data, document->size,
								&document->metadata, &error);
	else if (!result)
		result = vss_backup_document_parse(document->data, document->size, &document->backup, &error);
	return result ? vssctl_fail(ctl, result, "%s: %s", name, error.text) : 0;
}

static int no_options(struct vssctl_args *args)
{
	int opt;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return opt;
	return 0;
}

static void put_json(struct vssctl *ctl, json_object *object)
{
	fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE),
	      ctl->out);
	fputc('\n', ctl->out);
}

/* ---- show ---- */

static int run_show(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_document document __attribute__((cleanup(vssctl_document_clear))) = { 0 };
	json_object *tree;
	int ret;

	if (no_options(args))
		return args->exit_code;
	ret = load(ctl, args->argv[0], &document);
	if (ret)
		return ret;
	tree = document.metadata ? vssctl_metadata_tree(document.metadata) : vssctl_backup_tree(document.backup);
	if (ctl->json)
		put_json(ctl, tree);
	else
		vssctl_print_tree(ctl->out, tree, ctl->verbose);
	json_object_put(tree);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_document_show = {
	.name = "document show",
	.operands = "FILE",
	.summary = "show a stored document",
	.description = "Show what a Backup Components Document or a Writer Metadata Document says.  Long\n"
		       "texts are cut unless --verbose is given.  - is standard input.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_show,
};

/* ---- check ---- */

static void warn(json_object *warnings, const char *text)
{
	json_object_array_add(warnings, json_object_new_string(text));
}

/* What is allowed but wrong all the same. */
static json_object *find_warnings(struct vss_writer_metadata *metadata)
{
	json_object *warnings = json_object_new_array();
	struct vss_restore_method method;
	struct vss_wm_component *component;
	uint32_t schema, logs = 0, count = 0;

	if (!metadata)
		return warnings;
	for (; !vss_examine_writer_metadata_get_component(metadata, count, &component); count++) {
		struct vss_component_info info;

		if (vss_wm_component_get_component_info(component, &info))
			continue;
		logs += info.log_files;
		vss_component_info_clear(&info);
	}
	if (vss_examine_writer_metadata_get_restore_method(metadata, &method) == S_FALSE && count)
		warn(warnings, "the writer has components but no RESTORE_METHOD: requesters do not know how to restore "
		     "them");
	vss_restore_method_clear(&method);
	vss_examine_writer_metadata_get_backup_schema(metadata, &schema);
	if ((schema & VSS_BS_LOG) && !logs)
		warn(warnings, "backupSchema has VSS_BS_LOG, but no component has DATABASE_LOGFILES");
	return warnings;
}

enum { OPT_SCHEMA = 1 };

static const struct vssctl_option check_options[] = {
	{ OPT_SCHEMA, "schema", NULL, "by the installed RELAX NG schema too" },
	{ 0 },
};

static int run_check(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_document document __attribute__((cleanup(vssctl_document_clear))) = { 0 };
	json_object *result, *warnings;
	bool schema = false;
	int option, ret;

	while ((option = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		if (option == VSSCTL_OPTION_STOP)
			return args->exit_code;
		schema = true;
	}
	ret = load(ctl, args->argv[0], &document);
	if (!ret && schema)
		ret = vssctl_document_judge(ctl, args->argv[0], &document);
	if (ret)
		return ret;
	warnings = find_warnings(document.metadata);
	for (size_t i = 0; !ctl->json && i < json_object_array_length(warnings); i++)
		vssctl_warn(ctl, "%s: %s", args->argv[0],
			    json_object_get_string(json_object_array_get_idx(warnings, i)));
	vssctl_note(ctl, "%s: a valid %s", args->argv[0],
		    document.metadata ? "Writer Metadata Document" : "Backup Components Document");
	result = json_object_new_object();
	vssctl_tree_text(result, "document", document.metadata ? "writer-metadata" : "backup-components");
	vssctl_tree_bool(result, "valid", true);
	json_object_object_add(result, "warnings", warnings);
	if (ctl->json)
		put_json(ctl, result);
	json_object_put(result);
	return VSSCTL_OK;
}

const struct vssctl_command vssctl_document_check = {
	.name = "document check",
	.operands = "FILE",
	.options = check_options,
	.summary = "judge a stored document",
	.description = "Judge whether a file is a Backup Components Document or a Writer Metadata Document.\n"
		       "What is wrong is told with its line and element.  - is standard input.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_check,
};

/* ---- rewrite ---- */

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A new file takes the old one's place when it is complete; it may be the input. */
static int replace_file(const char *name, const char *text, size_t size)
{
	mode_t mask = umask(0);
	char *temporary;
	int fd, code;

	umask(mask);
	if (asprintf(&temporary, "%s.XXXXXX", name) < 0)
		return ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		code = errno;
		free(temporary);
		return code;
	}
	code = write_all(fd, text, size);
	if (!code && (fchmod(fd, 0666 & ~mask) || fsync(fd)))
		code = errno;
	if (close(fd) && !code)
		code = errno;
	if (!code && rename(temporary, name))
		code = errno;
	if (code)
		unlink(temporary);
	free(temporary);
	return code;
}

static int write_file(struct vssctl *ctl, const char *name, const char *text)
{
	struct stat status;
	int code, fd;

	if (!name || !strcmp(name, "-")) {
		/* A file gets what was saved and no more. */
		fprintf(ctl->out, "%s%s", text, isatty(fileno(ctl->out)) ? "\n" : "");
		return VSSCTL_OK;
	}
	if (stat(name, &status) || S_ISREG(status.st_mode)) {
		code = replace_file(name, text, strlen(text));
		return code ? fail_file(ctl, name, "cannot be written", code) : VSSCTL_OK;
	}
	fd = open(name, O_WRONLY | O_CLOEXEC);
	code = fd < 0 ? errno : write_all(fd, text, strlen(text));
	if (fd >= 0)
		close(fd);
	return code ? fail_file(ctl, name, "cannot be written", code) : VSSCTL_OK;
}

static int run_rewrite(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_document document __attribute__((cleanup(vssctl_document_clear))) = { 0 };
	struct vss_error error = { 0 };
	vss_result result;
	char *xml;
	int ret;

	if (no_options(args))
		return args->exit_code;
	ret = load(ctl, args->argv[0], &document);
	if (ret)
		return ret;
	if (document.metadata) {
		result = vss_examine_writer_metadata_save_as_xml(document.metadata, &xml);
		error = *vss_writer_metadata_error(document.metadata);
	} else {
		result = vss_backup_document_save(document.backup, &xml, &error);
	}
	if (result)
		return vssctl_fail(ctl, result, "%s: %s", args->argv[0], error.text);
	ret = write_file(ctl, args->argc > 1 ? args->argv[1] : NULL, xml);
	free(xml);
	return ret;
}

const struct vssctl_command vssctl_document_rewrite = {
	.name = "document rewrite",
	.operands = "FILE [OUTPUT]",
	.summary = "load a stored document and save it",
	.description = "Load a document and save it as UTF-8 without prolog, to standard output or to a file,\n"
		       "which may be the same.  What is not interpreted is kept.",
	.min_operands = 1,
	.max_operands = 2,
	.run = run_rewrite,
};
