// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "create" through vssd: one backup from its start to BackupComplete.
 *
 * Auto-release shadow copies end with this process, so they are of use to what
 * --exec runs.
 */
#include <stdlib.h>
#include <string.h>

#include "create-shadow.h"
#include "critical.h"
#include "print-service.h"
#include "wait-for.h"

enum {
	OPT_CONTEXT = VSSCTL_SHADOW_OPTION_FIRST,
	OPT_PERSISTENT,
	OPT_WRITERS,
	OPT_INCLUDE,
	OPT_EXCLUDE,
	OPT_BACKUP_TYPE,
	OPT_PROVIDER,
	OPT_TRANSPORTABLE,
	OPT_DIFFERENTIAL,
	OPT_PLEX,
	OPT_NO_AUTORECOVERY,
	OPT_ROLLBACK_RECOVERY,
	OPT_DOCUMENT,
	OPT_WRITER_DOCUMENTS,
	OPT_EXEC,
	OPT_ENV_FILE,
	OPT_WAIT_FOR,
};

const struct vssctl_option vssctl_shadow_options[] = {
	{ OPT_CONTEXT, "context", "NAME", "VSS context: backup, app-rollback, ... (uses vssd)" },
	{ OPT_PERSISTENT, "persistent", NULL, "app-rollback, or nas-rollback without writers" },
	{ OPT_WRITERS, "writers", "LIST", "all, none, or the only ones, with commas" },
	{ OPT_INCLUDE, "include", "WRITER", "one that must take part, or WRITER:COMPONENT" },
	{ OPT_EXCLUDE, "exclude", "WRITER", "one that must not, or WRITER:COMPONENT" },
	{ OPT_BACKUP_TYPE, "backup-type", "TYPE", "full, incremental, differential, log, copy" },
	{ OPT_PROVIDER, "provider", "ID", "provider to use instead of the default choice" },
	{ OPT_TRANSPORTABLE, "transportable", NULL, "to be imported by another machine" },
	{ OPT_DIFFERENTIAL, "differential", NULL, "copy-on-write only" },
	{ OPT_PLEX, "plex", NULL, "full mirrors only" },
	{ OPT_NO_AUTORECOVERY, "no-autorecovery", NULL, "writers may not change the copies" },
	{ OPT_ROLLBACK_RECOVERY, "rollback-recovery", NULL, "for other uses than backup" },
	{ OPT_DOCUMENT, "backup-document", "FILE", "save the Backup Components Document" },
	{ OPT_WRITER_DOCUMENTS, "writer-documents", "DIR", "save the writers' documents" },
	{ OPT_EXEC, "exec", "COMMAND", "run it while the shadow copies exist" },
	{ OPT_WAIT_FOR, "wait-for", "FILE", "stay until FILE is there, then BackupComplete" },
	{ OPT_ENV_FILE, "env-file", "FILE", "write ids and devices as shell variables" },
	{ 0 },
};

static bool take_type(struct vssctl_shadow_options *options, struct vssctl_args *args)
{
	static const struct {
		const char *name;
		enum vss_backup_type type;
	} types[] = {
		{ "full", VSS_BT_FULL },
		{ "incremental", VSS_BT_INCREMENTAL },
		{ "differential", VSS_BT_DIFFERENTIAL },
		{ "log", VSS_BT_LOG },
		{ "copy", VSS_BT_COPY },
		{ "other", VSS_BT_OTHER },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(optarg, types[i].name)) {
			options->backup.type = types[i].type;
			return true;
		}
	vssctl_usage_error(args, "--backup-type: there is no type \"%s\"", optarg);
	return false;
}

bool vssctl_shadow_take_option(struct vssctl_shadow_options *options, struct vssctl_args *args,
			       int opt)
{
	options->used = true;
	switch (opt) {
	case OPT_CONTEXT:
		options->context = optarg;
		return true;
	case OPT_PERSISTENT:
		options->persistent = true;
		return true;
	case OPT_WRITERS:
		options->writers = optarg;
		return true;
	case OPT_INCLUDE:
		args->exit_code = vssctl_backup_choose(&options->backup, &options->backup.include,
						       optarg);
		return !args->exit_code;
	case OPT_EXCLUDE:
		args->exit_code = vssctl_backup_choose(&options->backup, &options->backup.exclude,
						       optarg);
		return !args->exit_code;
	case OPT_BACKUP_TYPE:
		return take_type(options, args);
	case OPT_PROVIDER:
		args->exit_code = vssctl_parse_uuid(args->ctl, optarg, &options->provider);
		return !args->exit_code;
	case OPT_TRANSPORTABLE:
		options->modifiers |= VSS_VOLSNAP_ATTR_TRANSPORTABLE;
		return true;
	case OPT_DIFFERENTIAL:
		options->modifiers |= VSS_VOLSNAP_ATTR_DIFFERENTIAL;
		return true;
	case OPT_PLEX:
		options->modifiers |= VSS_VOLSNAP_ATTR_PLEX;
		return true;
	case OPT_NO_AUTORECOVERY:
		options->modifiers |= VSS_VOLSNAP_ATTR_NO_AUTORECOVERY;
		return true;
	case OPT_ROLLBACK_RECOVERY:
		options->modifiers |= VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY;
		return true;
	case OPT_DOCUMENT:
		options->document = optarg;
		return true;
	case OPT_WRITER_DOCUMENTS:
		options->writer_documents = optarg;
		return true;
	case OPT_EXEC:
		options->command = optarg;
		return true;
	case OPT_WAIT_FOR:
		options->wait_for = optarg;
		return true;
	case OPT_ENV_FILE:
		options->env_file = optarg;
		return true;
	default:
		args->exit_code = VSSCTL_USAGE;
		return false;
	}
}

static int choose_writers(struct vssctl_shadow_options *options)
{
	char *list, *next, *name;
	int ret = 0;

	if (!options->writers || !strcmp(options->writers, "all") || !strcmp(options->writers, "none"))
		return 0;
	list = next = strdup(options->writers);
	if (!list)
		return vssctl_fail(options->backup.ctl, E_OUTOFMEMORY, "out of memory");
	while (!ret && (name = strsep(&next, ",")))
		if (name[0])
			ret = vssctl_backup_choose(&options->backup, &options->backup.only, name);
	free(list);
	return ret;
}

/* The context that all the options together ask for. */
static int choose_context(struct vssctl_shadow_options *options, struct vssctl_args *args)
{
	bool none = options->writers && !strcmp(options->writers, "none");
	struct vss_error error = { 0 };
	uint32_t context;

	if (options->context && options->persistent)
		return vssctl_usage_error(args, "--context and --persistent exclude each other");
	if (options->context && !vss_context_parse(options->context, &context))
		return vssctl_usage_error(args, "--context: there is no context \"%s\"",
					  options->context);
	if (!options->context)
		context = options->persistent ?
			  (none ? VSS_CTX_NAS_ROLLBACK : VSS_CTX_APP_ROLLBACK) :
			  (none ? VSS_CTX_FILE_SHARE_BACKUP : VSS_CTX_BACKUP);
	context |= options->modifiers;
	if (VSS_FAILED(vss_context_check(context, &error)))
		return vssctl_usage_error(args, "%s", error.text);
	/* Another machine knows of it by that file only; a command may want no other machine. */
	if ((context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) && !options->document && !options->command)
		return vssctl_usage_error(args, "--transportable needs --backup-document FILE, with which "
					  "another machine imports the set");
	if (none && vss_context_has_writers(context))
		return vssctl_usage_error(args, "--writers none does not go with context %s",
					  options->context);
	if (!vss_context_has_writers(context) &&
	    (options->backup.include.count || options->backup.exclude.count ||
	     options->backup.only.count))
		return vssctl_usage_error(args, "a context without writers has none to choose from");
	options->backup.context = context;
	return 0;
}

static int write_environment(struct vssctl_shadow_options *options, char **environment)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	int ret;

	if (!file)
		return vssctl_fail(options->backup.ctl, E_OUTOFMEMORY, "out of memory");
	for (char **e = environment; *e; e++) {
		const char *value = strchr(*e, '=') + 1;

		fprintf(file, "%.*s='", (int)(value - 1 - *e), *e);
		for (; *value; value++)
			fputs(*value == '\'' ? "'\\''" : (char[]){ *value, 0 }, file);
		fputs("'\n", file);
	}
	fclose(file);
	ret = vssctl_write_file(options->backup.ctl, options->env_file, text, size);
	free(text);
	return ret;
}

static int save_documents(struct vssctl_shadow_options *options)
{
	struct vssctl_backup *backup = &options->backup;
	char *xml = NULL;
	int ret = 0;

	if (options->document) {
		ret = vssctl_backup_document(backup, &xml) ?:
		      vssctl_write_file(backup->ctl, options->document, xml, strlen(xml));
		free(xml);
	}
	if (!ret && options->writer_documents)
		ret = vssctl_backup_save_metadata(backup, options->writer_documents);
	return ret;
}

static void print(struct vssctl_backup *backup)
{
	struct vss_snapshot_prop props[VSSCTL_MAX_VOLUMES] = { 0 };

	for (size_t i = 0; i < backup->nr_volumes; i++) {
		const struct vssctl_backup_volume *v = &backup->volumes[i];

		if (vss_backup_components_get_snapshot_properties(backup->bc, &v->snapshot, &props[i])) {
			props[i].snapshot_id = v->snapshot;
			props[i].snapshot_set_id = backup->set;
			props[i].attributes = backup->context;
			props[i].original_volume_name = strdup(v->blockdev.path);
		}
	}
	vssctl_print_set(backup->ctl, &backup->set, props, backup->nr_volumes);
	for (size_t i = 0; i < backup->nr_volumes; i++)
		vss_free_snapshot_properties(&props[i]);
}

static int use(struct vssctl_shadow_options *options)
{
	struct vssctl_backup *backup = &options->backup;
	char **environment = vssctl_backup_environment(backup);
	int ret = 0;

	if (!environment)
		return vssctl_fail(backup->ctl, E_OUTOFMEMORY, "out of memory");
	if (options->env_file)
		ret = write_environment(options, environment);
	if (!ret && options->command)
		ret = vssctl_backup_exec(backup->ctl, options->command, environment);
	if (!ret && options->wait_for)
		ret = vssctl_wait_for(backup->ctl, options->wait_for);
	vssctl_environment_free(environment);
	return ret;
}

/* What stays must not stay when something failed. */
static void undo(struct vssctl_backup *backup)
{
	struct vss_uuid nondeleted;
	int32_t deleted;

	vss_backup_components_abort_backup(backup->bc);
	if (!vss_context_is_auto_release(backup->context))
		vss_backup_components_delete_snapshots(backup->bc, &backup->set,
						       VSS_OBJECT_SNAPSHOT_SET, true, &deleted,
						       &nondeleted);
}

/*
 * Who imported an auto-release set is done with it when the command is, or has given word:
 * what is left of it goes, if only what is remembered of it here.  Without word nobody knows.
 */
static void forget_transported(struct vssctl_shadow_options *options)
{
	struct vssctl_backup *backup = &options->backup;
	struct vss_uuid nondeleted;
	int32_t deleted;

	if (!(backup->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE) || !vss_context_is_auto_release(backup->context) ||
	    (!options->command && !options->wait_for))
		return;
	if (VSS_FAILED(vss_backup_components_delete_snapshots(backup->bc, &backup->set, VSS_OBJECT_SNAPSHOT_SET, true,
							      &deleted, &nondeleted)))
		vssctl_warn(backup->ctl, "what the importing machine may have left of the set was not deleted: %s; "
			    "'vssctl import --cleanup' with its document does that later",
			    vss_backup_components_error(backup->bc)->text);
}

static int create(struct vssctl_shadow_options *options)
{
	struct vssctl_backup *backup = &options->backup;
	int ret = vssctl_backup_create(backup);

	if (ret)
		return ret;
	ret = save_documents(options);
	if (!ret) {
		print(backup);
		ret = use(options);
	}
	if (!ret)
		/* What the writers had to add at the end is in the document too. */
		ret = vssctl_backup_complete(backup, true) ?: save_documents(options);
	if (ret)
		undo(backup);
	else
		forget_transported(options);
	if (!ret && vss_context_is_auto_release(backup->context) &&
	    !(backup->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE))
		vssctl_note(backup->ctl, "auto-release: the shadow copies are deleted now%s",
			    options->command || options->wait_for ? "" : "; use --exec, or --persistent");
	return ret;
}

int vssctl_create_shadow(struct vssctl_shadow_options *options, struct vssctl_args *args)
{
	struct vssctl_backup *backup = &options->backup;
	sigset_t signals;
	int ret = choose_writers(options) ?: choose_context(options, args);

	if (!ret && options->wait_for)
		ret = vssctl_wait_for_check(backup->ctl, options->wait_for);
	for (int i = 0; !ret && i < args->argc; i++)
		ret = vssctl_backup_add_volume(backup, args->argv[i], NULL, &options->provider);
	if (ret)
		return ret;
	vssctl_block_signals(&signals);
	ret = create(options);
	vssctl_restore_signals(&signals);
	return ret;
}
