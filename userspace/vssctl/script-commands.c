// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands of scripts, as a table, and what each does.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print-service.h"
#include "script.h"

struct words {
	char **word;		/* after the command's own */
	size_t count;
};

struct script_command {
	const char *name;	/* one or two words */
	const char *usage;
	size_t min, max;	/* words that follow */
	int (*run)(struct vssctl_script *script, struct words *words);
};

static int bad_usage(struct vssctl_script *script, const char *format, const char *what)
{
	vssctl_fail(script->ctl, E_INVALIDARG, format, what);
	return VSSCTL_USAGE;
}

static bool is(const char *word, const char *what)
{
	return !strcasecmp(word, what);
}

/* ---- SET ---- */

static int set_context(struct vssctl_script *script, struct words *w)
{
	bool no_writers = w->count == 2 && is(w->word[1], "nowriters");
	uint32_t context;

	if (w->count == 2 && !no_writers)
		return bad_usage(script, "SET CONTEXT: \"%s\" is not understood", w->word[1]);
	if (is(w->word[0], "volatile"))
		context = no_writers ? VSS_CTX_FILE_SHARE_BACKUP : VSS_CTX_BACKUP;
	else if (is(w->word[0], "persistent"))
		context = no_writers ? VSS_CTX_NAS_ROLLBACK : VSS_CTX_APP_ROLLBACK;
	else if (is(w->word[0], "nowriters"))
		context = VSS_CTX_FILE_SHARE_BACKUP;
	else if (is(w->word[0], "clientaccessible"))
		context = no_writers || w->count == 1 ? VSS_CTX_CLIENT_ACCESSIBLE :
							VSS_CTX_CLIENT_ACCESSIBLE_WRITERS;
	else
		return bad_usage(script, "SET CONTEXT: there is no context \"%s\"", w->word[0]);
	script->context = context;
	return 0;
}

static int set_option(struct vssctl_script *script, struct words *w)
{
	static const struct {
		const char *name;
		uint32_t attribute;
	} options[] = {
		{ "differential", VSS_VOLSNAP_ATTR_DIFFERENTIAL },
		{ "plex", VSS_VOLSNAP_ATTR_PLEX },
		{ "transportable", VSS_VOLSNAP_ATTR_TRANSPORTABLE },
		{ "rollbackrecover", VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY },
		{ "txfrecover", VSS_VOLSNAP_ATTR_TXF_RECOVERY },
		{ "noautorecover", VSS_VOLSNAP_ATTR_NO_AUTORECOVERY },
	};
	struct vss_error error = { 0 };
	uint32_t modifiers = 0;

	for (size_t i = 0; i < w->count; i++) {
		uint32_t before = modifiers;

		for (size_t j = 0; j < sizeof(options) / sizeof(options[0]); j++)
			if (is(w->word[i], options[j].name))
				modifiers |= options[j].attribute;
		if (modifiers == before)
			return bad_usage(script, "SET OPTION: \"%s\" is no option, or given twice",
					 w->word[i]);
	}
	if (VSS_FAILED(vss_context_check(script->context | modifiers, &error)))
		return bad_usage(script, "SET OPTION: %s", error.text);
	script->modifiers = modifiers;
	return 0;
}

static int set_metadata(struct vssctl_script *script, struct words *w)
{
	char *path = strdup(w->word[0]);

	if (!path)
		return vssctl_fail(script->ctl, E_OUTOFMEMORY, "out of memory");
	free(script->metadata_path);
	script->metadata_path = path;
	return 0;
}

static int set_verbose(struct vssctl_script *script, struct words *w)
{
	if (!is(w->word[0], "on") && !is(w->word[0], "off"))
		return bad_usage(script, "SET VERBOSE: on or off, not \"%s\"", w->word[0]);
	script->ctl->verbose = is(w->word[0], "on");
	return 0;
}

static int set_show(struct vssctl_script *script, struct words *w)
{
	char *context = vss_context_name(script->context | script->modifiers);

	if (w->count)
		return bad_usage(script, "SET: there is no \"%s\" to set", w->word[0]);
	vssctl_note(script->ctl, "context   %s\nmetadata  %s\nverbose   %s", context ? context : "?",
		    script->metadata_path ? script->metadata_path : "(none)",
		    script->ctl->verbose ? "on" : "off");
	free(context);
	return 0;
}

/* ---- ADD ---- */

static int add_volume(struct vssctl_script *script, struct words *w)
{
	const char *alias = NULL;
	struct vss_uuid provider = { 0 };

	if (script->backup.created)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE,
				   "the set is made already; RESET begins a new one");
	for (size_t i = 1; i < w->count; i += 2) {
		if (i + 1 == w->count)
			return bad_usage(script, "ADD VOLUME: \"%s\" needs a value", w->word[i]);
		if (is(w->word[i], "alias"))
			alias = w->word[i + 1];
		else if (!is(w->word[i], "provider"))
			return bad_usage(script, "ADD VOLUME: \"%s\" is not understood", w->word[i]);
		else if (vssctl_parse_uuid(script->ctl, w->word[i + 1], &provider))
			return VSSCTL_USAGE;
	}
	return vssctl_backup_add_volume(&script->backup, w->word[0], alias, &provider);
}

static int add_alias(struct vssctl_script *script, struct words *w)
{
	struct vss_uuid id;

	return vssctl_parse_uuid(script->ctl, w->word[1], &id) ?:
	       vssctl_script_set_alias(script, w->word[0], w->word[1]);
}

static int add_show(struct vssctl_script *script, struct words *w)
{
	if (w->count)
		return bad_usage(script, "ADD: there is no \"%s\" to add", w->word[0]);
	for (size_t i = 0; i < script->backup.nr_volumes; i++)
		vssctl_note(script->ctl, "volume %s%s%s", script->backup.volumes[i].blockdev.path,
			    script->backup.volumes[i].alias ? " alias " : "",
			    script->backup.volumes[i].alias ? script->backup.volumes[i].alias : "");
	for (size_t i = 0; i < script->nr_aliases; i++)
		vssctl_note(script->ctl, "alias %s = %s", script->aliases[i].name,
			    script->aliases[i].value);
	return 0;
}

/* ---- WRITER ---- */

static int writer_verify(struct vssctl_script *script, struct words *w)
{
	return vssctl_backup_choose(&script->backup, &script->backup.include, w->word[0]);
}

static int writer_exclude(struct vssctl_script *script, struct words *w)
{
	return vssctl_backup_choose(&script->backup, &script->backup.exclude, w->word[0]);
}

/* ---- the backup ---- */

static int begin_backup(struct vssctl_script *script, struct words *w)
{
	(void)w;
	if (script->begun || script->backup.created)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE, "a backup was begun already");
	script->begun = true;
	return 0;
}

static int set_aliases(struct vssctl_script *script)
{
	const struct vssctl_backup *backup = &script->backup;
	char id[VSS_UUID_TEXT_SIZE], name[32];
	int ret;

	ret = vssctl_script_set_alias(script, "VSS_SHADOW_SET", vss_uuid_format(&backup->set, id));
	for (size_t i = 0; !ret && i < backup->nr_volumes; i++) {
		vss_uuid_format(&backup->volumes[i].snapshot, id);
		snprintf(name, sizeof(name), "VSS_SHADOW_%zu", i + 1);
		ret = vssctl_script_set_alias(script, name, id);
		if (!ret && backup->volumes[i].alias)
			ret = vssctl_script_set_alias(script, backup->volumes[i].alias, id);
	}
	return ret;
}

static int gather_documents(struct vssctl_script *script, struct vssctl_documents *documents)
{
	struct vss_backup_components *bc = script->backup.bc;
	uint32_t count = 0;
	int ret = vssctl_backup_document(&script->backup, &documents->backup);

	if (!ret && vss_context_has_writers(script->backup.context))
		ret = vssctl_check(script->ctl, bc,
				   vss_backup_components_get_writer_metadata_count(bc, &count));
	if (!ret)
		documents->writers = calloc(count ? count : 1, sizeof(*documents->writers));
	while (!ret && documents->writers && documents->nr_writers < count) {
		struct vss_writer_metadata *metadata;
		struct vss_uuid instance;
		size_t n = documents->nr_writers;

		ret = vssctl_check(script->ctl, bc,
				   vss_backup_components_get_writer_metadata(bc, (uint32_t)n, &instance,
									     &metadata));
		if (ret)
			break;
		if (VSS_FAILED(vss_examine_writer_metadata_save_as_xml(metadata,
								       &documents->writers[n])))
			ret = vssctl_fail_error(script->ctl, vss_writer_metadata_error(metadata));
		else
			documents->nr_writers++;
		vss_writer_metadata_free(metadata);
	}
	return ret;
}

static int save_metadata(struct vssctl_script *script)
{
	struct vssctl_documents documents = { 0 };
	int ret;

	if (!script->metadata_path)
		return 0;
	ret = gather_documents(script, &documents) ?:
	      vssctl_archive_write(script->ctl, script->metadata_path, &documents);
	vssctl_documents_clear(&documents);
	return ret;
}

static void print_set(struct vssctl_script *script)
{
	struct vssctl_backup *backup = &script->backup;
	struct vss_snapshot_prop props[VSSCTL_MAX_VOLUMES] = { 0 };

	for (size_t i = 0; i < backup->nr_volumes; i++)
		if (vss_backup_components_get_snapshot_properties(backup->bc,
								  &backup->volumes[i].snapshot,
								  &props[i])) {
			props[i].snapshot_id = backup->volumes[i].snapshot;
			props[i].snapshot_set_id = backup->set;
			props[i].original_volume_name = strdup(backup->volumes[i].blockdev.path);
		}
	vssctl_print_set(script->ctl, &backup->set, props, backup->nr_volumes);
	for (size_t i = 0; i < backup->nr_volumes; i++)
		vss_free_snapshot_properties(&props[i]);
}

static int create(struct vssctl_script *script, struct words *w)
{
	struct vssctl_backup *backup = &script->backup;
	struct vss_error error = { 0 };
	int ret;

	(void)w;
	if (backup->bc)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE,
				   "the set is made already; RESET begins a new one");
	if (!backup->nr_volumes && !vss_context_has_writers(script->context))
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE, "no volume was added");
	backup->context = script->context | script->modifiers;
	if (VSS_FAILED(vss_context_check(backup->context, &error)))
		return vssctl_fail_error(script->ctl, &error);
	/* Without BEGIN BACKUP nobody tells writers of success: their logs stay. */
	backup->type = script->begun ? VSS_BT_FULL : VSS_BT_COPY;
	ret = vssctl_backup_create(backup);
	if (ret)
		return ret;
	ret = set_aliases(script) ?: save_metadata(script);
	if (ret)
		vssctl_backup_undo(backup);
	else
		print_set(script);
	return ret;
}

static int end_backup(struct vssctl_script *script, struct words *w)
{
	int ret;

	(void)w;
	if (!script->begun || !script->backup.created)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE,
				   "there is no backup to end: BEGIN BACKUP and CREATE come first");
	if (script->completed)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE, "the backup was ended already");
	ret = vssctl_backup_complete(&script->backup, true);
	if (ret)
		return ret;
	script->completed = true;
	return save_metadata(script);
}

/* ---- with shadow copies ---- */

static int expose(struct vssctl_script *script, struct words *w)
{
	struct vss_backup_components *bc;
	char *exposed = NULL, *path = NULL;
	struct vss_uuid id;
	int ret = vssctl_parse_uuid(script->ctl, w->word[0], &id);

	if (ret)
		return ret;
	path = realpath(w->word[1], NULL);
	if (!path)
		return vssctl_fail(script->ctl, VSS_E_OBJECT_NOT_FOUND, "there is no directory %s",
				   w->word[1]);
	ret = vssctl_connect_all(script->ctl, &bc);
	if (!ret) {
		ret = vssctl_check(script->ctl, bc,
				   vss_backup_components_expose_snapshot(bc, &id, NULL,
									 VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY,
									 path, &exposed));
		vss_backup_components_release(bc);
	}
	if (!ret)
		vssctl_note(script->ctl, "exposed at %s", exposed);
	free(exposed);
	free(path);
	return ret;
}

static int unexpose(struct vssctl_script *script, struct words *w)
{
	struct vss_backup_components *bc;
	struct vss_uuid id;
	int ret = vssctl_parse_uuid(script->ctl, w->word[0], &id) ?: vssctl_connect_all(script->ctl, &bc);

	if (ret)
		return ret;
	ret = vssctl_check(script->ctl, bc, vss_backup_components_unexpose_snapshot(bc, &id));
	vss_backup_components_release(bc);
	return ret;
}

/* With no backup made, the aliases are all a program can be told. */
static char **environment(struct vssctl_script *script)
{
	char **result;
	size_t n = 0;

	if (script->backup.created)
		return vssctl_backup_environment(&script->backup);
	result = calloc(script->nr_aliases + 1, sizeof(*result));
	for (size_t i = 0; result && i < script->nr_aliases; i++)
		if (asprintf(&result[n], "%s=%s", script->aliases[i].name,
			     script->aliases[i].value) >= 0)
			n++;
	if (result)
		result[n] = NULL;
	return result;
}

static int exec(struct vssctl_script *script, struct words *w)
{
	char **env = environment(script);
	int ret;

	if (!env)
		return vssctl_fail(script->ctl, E_OUTOFMEMORY, "out of memory");
	ret = vssctl_backup_exec(script->ctl, w->word[0], env);
	vssctl_environment_free(env);
	return ret;
}

static int load_metadata(struct vssctl_script *script, struct words *w)
{
	struct vssctl_documents documents;
	int ret = vssctl_archive_read(script->ctl, w->word[0], &documents);

	if (ret)
		return ret;
	vssctl_documents_clear(&script->loaded);
	script->loaded = documents;
	return 0;
}

static int import(struct vssctl_script *script, struct words *w)
{
	struct vss_backup_components *bc;
	struct vss_async *async;
	int ret;

	(void)w;
	if (!script->loaded.backup)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE,
				   "no document is loaded; use LOAD METADATA first");
	if (script->imported)
		return vssctl_fail(script->ctl, VSS_E_BAD_STATE, "the set was imported already");
	ret = vssctl_connect(script->ctl, &bc);
	if (ret)
		return ret;
	ret = vssctl_check(script->ctl, bc,
			   vss_backup_components_initialize_for_backup(bc, script->loaded.backup)) ?:
	      vssctl_check(script->ctl, bc, vss_backup_components_set_context(bc, VSS_CTX_ALL)) ?:
	      vssctl_wait(script->ctl, bc, vss_backup_components_import_snapshots(bc, &async), &async,
			  "importing", NULL);
	if (ret)
		vss_backup_components_release(bc);
	else
		script->imported = bc;
	return ret;
}

static int break_flags(struct vssctl_script *script, const char *id, uint32_t flags)
{
	struct vss_backup_components *bc;
	struct vss_async *async;
	struct vss_uuid set;
	int ret = vssctl_parse_uuid(script->ctl, id, &set) ?: vssctl_connect_all(script->ctl, &bc);

	if (ret)
		return ret;
	if (flags)
		ret = vssctl_wait(script->ctl, bc,
				  vss_backup_components_break_snapshot_set_ex(bc, &set, flags, &async),
				  &async, "breaking the set", NULL);
	else
		ret = vssctl_check(script->ctl, bc,
				   vss_backup_components_break_snapshot_set(bc, &set));
	vss_backup_components_release(bc);
	return ret;
}

static int break_set(struct vssctl_script *script, struct words *w)
{
	uint32_t flags = 0;

	for (size_t i = 0; i + 1 < w->count; i++) {
		if (is(w->word[i], "writable"))
			flags |= VSS_BREAKEX_FLAG_MAKE_READ_WRITE;
		else if (is(w->word[i], "revertid"))
			flags |= VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL;
		else if (!is(w->word[i], "readonly"))
			return bad_usage(script, "BREAK: \"%s\" is not understood", w->word[i]);
	}
	return break_flags(script, w->word[w->count - 1], flags);
}

static int mask(struct vssctl_script *script, struct words *w)
{
	return break_flags(script, w->word[0], VSS_BREAKEX_FLAG_MASK_LUNS);
}

static int revert(struct vssctl_script *script, struct words *w)
{
	struct vss_backup_components *bc;
	struct vss_uuid id;
	int ret = vssctl_parse_uuid(script->ctl, w->word[0], &id) ?: vssctl_connect_all(script->ctl, &bc);

	if (ret)
		return ret;
	ret = vssctl_check(script->ctl, bc, vss_backup_components_revert_to_snapshot(bc, &id, false));
	vss_backup_components_release(bc);
	return ret;
}

/* ---- LIST, DELETE ---- */

static int list_shadows(struct vssctl_script *script, struct words *w)
{
	struct vss_backup_components *bc;
	struct vssctl_objects objects;
	bool all = w->count == 1 && is(w->word[0], "all");
	bool of_set = w->count == 2 && is(w->word[0], "set");
	struct vss_uuid id;
	size_t kept = 0;
	int ret;

	if (!all && !of_set && !(w->count == 2 && is(w->word[0], "id")))
		return bad_usage(script, "LIST SHADOWS: %s", "all, set ID or id ID");
	ret = (all ? 0 : vssctl_parse_uuid(script->ctl, w->word[1], &id)) ?:
	      vssctl_connect_all(script->ctl, &bc);
	if (ret)
		return ret;
	ret = vssctl_query(script->ctl, bc, VSS_OBJECT_SNAPSHOT, &objects);
	vss_backup_components_release(bc);
	if (ret)
		return ret;
	for (size_t i = 0; i < objects.count; i++) {
		const struct vss_snapshot_prop *s = &objects.props[i].snap;

		if (all || vss_uuid_equal(of_set ? &s->snapshot_set_id : &s->snapshot_id, &id))
			objects.props[kept++] = objects.props[i];
		else
			vss_object_prop_clear(&objects.props[i]);
	}
	objects.count = kept;
	vssctl_print_shadows(script->ctl, objects.props, objects.count);
	vssctl_objects_clear(&objects);
	return 0;
}

/* The command line's own commands, with the words of the script's. */
static int run_command(struct vssctl_script *script, const struct vssctl_command *command,
		       const char *option)
{
	char name[] = "vssctl", first[32];
	char *argv[] = { name, first, NULL };

	snprintf(first, sizeof(first), "%s", option ? option : "");
	return command->run(script->ctl, &(struct vssctl_args) {
		.ctl = script->ctl, .command = command, .argc = option ? 2 : 1, .argv = argv });
}

static int list_writers(struct vssctl_script *script, struct words *w)
{
	if (!w->count || is(w->word[0], "status"))
		return run_command(script, &vssctl_writers_status, NULL);
	if (is(w->word[0], "metadata"))
		return run_command(script, &vssctl_writers_metadata, NULL);
	if (is(w->word[0], "detailed"))
		return run_command(script, &vssctl_writers_metadata, "--full");
	return bad_usage(script, "LIST WRITERS: %s", "metadata, detailed or status");
}

static int list_providers(struct vssctl_script *script, struct words *w)
{
	(void)w;
	return run_command(script, &vssctl_list, "providers");
}

static bool to_delete(const struct words *w, const struct vss_uuid *id, const char *volume,
		      const struct vss_snapshot_prop *s)
{
	if (is(w->word[0], "set"))
		return vss_uuid_equal(&s->snapshot_set_id, id);
	if (is(w->word[0], "id"))
		return vss_uuid_equal(&s->snapshot_id, id);
	/* One that is not available would be forgotten: not without its being named. */
	if (s->status == VSS_SS_UNKNOWN)
		return false;
	if (is(w->word[0], "all"))
		return true;
	if (is(w->word[0], "exposed"))
		return s->exposed_name && !strcmp(s->exposed_name, w->word[1]);
	return !strcmp(s->original_volume_name, volume);
}

static int delete_matching(struct vssctl_script *script, struct vss_backup_components *bc,
			   const struct words *w, const struct vss_uuid *id, const char *volume)
{
	struct vssctl_objects objects;
	struct vss_uuid nondeleted;
	size_t deleted = 0;
	int ret = vssctl_query(script->ctl, bc, VSS_OBJECT_SNAPSHOT, &objects);
	bool oldest = is(w->word[0], "oldest");
	const struct vss_snapshot_prop *first = NULL;

	if (ret)
		return ret;
	for (size_t i = 0; oldest && i < objects.count; i++) {
		const struct vss_snapshot_prop *s = &objects.props[i].snap;

		if (to_delete(w, id, volume, s) && (!first || s->creation_time < first->creation_time))
			first = s;
	}
	for (size_t i = 0; !ret && i < objects.count; i++) {
		const struct vss_snapshot_prop *s = &objects.props[i].snap;
		int32_t n;

		if (oldest ? s != first : !to_delete(w, id, volume, s))
			continue;
		/* With force one that is not available would be forgotten, and nobody has asked for that. */
		ret = vssctl_check(script->ctl, bc,
				   vss_backup_components_delete_snapshots(bc, &s->snapshot_id, VSS_OBJECT_SNAPSHOT,
									  s->status != VSS_SS_UNKNOWN, &n,
									  &nondeleted));
		deleted += !ret;
	}
	vssctl_objects_clear(&objects);
	if (!ret && !deleted && !is(w->word[0], "all"))
		return vssctl_fail(script->ctl, VSS_E_OBJECT_NOT_FOUND, "there is no such shadow copy");
	vssctl_note(script->ctl, "%zu shadow cop%s deleted", deleted, deleted == 1 ? "y" : "ies");
	return ret;
}

static int delete_shadows(struct vssctl_script *script, struct words *w)
{
	static const char *const kinds[] = { "all", "volume", "oldest", "set", "id", "exposed" };
	struct vss_blockdev blockdev = { 0 };
	struct vss_backup_components *bc;
	struct vss_uuid id = { 0 };
	bool known = false;
	int ret = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		known |= is(w->word[0], kinds[i]) && w->count == (i ? 2 : 1);
	if (!known)
		return bad_usage(script, "DELETE SHADOWS: %s",
				 "all, volume V, oldest V, set ID, id ID or exposed DIRECTORY");
	if (is(w->word[0], "volume") || is(w->word[0], "oldest"))
		ret = vssctl_resolve(script->ctl, w->word[1], &blockdev);
	else if (is(w->word[0], "set") || is(w->word[0], "id"))
		ret = vssctl_parse_uuid(script->ctl, w->word[1], &id);
	if (!ret)
		ret = vssctl_connect_all(script->ctl, &bc);
	if (!ret) {
		ret = delete_matching(script, bc, w, &id, blockdev.path);
		vss_backup_components_release(bc);
	}
	vss_blockdev_clear(&blockdev);
	return ret;
}

/* ---- the rest ---- */

static int reset(struct vssctl_script *script, struct words *w)
{
	(void)w;
	vssctl_script_reset(script);
	return 0;
}

static int leave(struct vssctl_script *script, struct words *w)
{
	(void)w;
	script->done = true;
	return 0;
}

static int begin_restore(struct vssctl_script *script, struct words *w)
{
	(void)w;
	return vssctl_script_begin_restore(script);
}

static int end_restore(struct vssctl_script *script, struct words *w)
{
	(void)w;
	return vssctl_script_end_restore(script, VSS_RS_ALL);
}

static int simulate_restore(struct vssctl_script *script, struct words *w)
{
	(void)w;
	return vssctl_script_simulate_restore(script);
}

static int help(struct vssctl_script *script, struct words *w);

/* Two words before one: the first that matches is taken. */
static const struct script_command commands[] = {
	{ "SET CONTEXT", "{VOLATILE|PERSISTENT|CLIENTACCESSIBLE} [NOWRITERS], or NOWRITERS", 1, 2, set_context },
	{ "SET OPTION", "[DIFFERENTIAL|PLEX] [TRANSPORTABLE] [ROLLBACKRECOVER] [TXFRECOVER] [NOAUTORECOVER]",
	  1, 6, set_option },
	{ "SET METADATA", "FILE.tar", 1, 1, set_metadata },
	{ "SET VERBOSE", "{ON|OFF}", 1, 1, set_verbose },
	{ "SET", "", 0, 1, set_show },
	{ "ADD VOLUME", "VOLUME [ALIAS NAME] [PROVIDER ID]", 1, 5, add_volume },
	{ "ADD ALIAS", "NAME ID", 2, 2, add_alias },
	{ "ADD", "", 0, 1, add_show },
	{ "WRITER VERIFY", "WRITER[:COMPONENT]", 1, 1, writer_verify },
	{ "WRITER EXCLUDE", "WRITER[:COMPONENT]", 1, 1, writer_exclude },
	{ "BEGIN BACKUP", "", 0, 0, begin_backup },
	{ "END BACKUP", "", 0, 0, end_backup },
	{ "CREATE", "", 0, 0, create },
	{ "EXEC", "COMMAND", 1, 1, exec },
	{ "EXPOSE", "ID DIRECTORY", 2, 2, expose },
	{ "UNEXPOSE", "ID", 1, 1, unexpose },
	{ "LOAD METADATA", "FILE.tar", 1, 1, load_metadata },
	{ "IMPORT", "", 0, 0, import },
	{ "BREAK", "[READONLY|WRITABLE] [REVERTID] SET", 1, 3, break_set },
	{ "MASK", "SET", 1, 1, mask },
	{ "REVERT", "ID", 1, 1, revert },
	{ "LIST SHADOWS", "{ALL|SET ID|ID ID}", 1, 2, list_shadows },
	{ "LIST WRITERS", "[METADATA|DETAILED|STATUS]", 0, 1, list_writers },
	{ "LIST PROVIDERS", "", 0, 0, list_providers },
	{ "DELETE SHADOWS", "{ALL|VOLUME V|OLDEST V|SET ID|ID ID|EXPOSED DIRECTORY}", 1, 2, delete_shadows },
	{ "BEGIN RESTORE", "", 0, 0, begin_restore },
	{ "END RESTORE", "", 0, 0, end_restore },
	{ "SIMULATE RESTORE", "", 0, 0, simulate_restore },
	{ "RESET", "", 0, 0, reset },
	{ "HELP", "", 0, 0, help },
	{ "EXIT", "", 0, 0, leave },
	{ "QUIT", "", 0, 0, leave },
};

static int help(struct vssctl_script *script, struct words *w)
{
	(void)w;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(script->ctl->out, "%-18s %s\n", commands[i].name, commands[i].usage);
	return 0;
}

/* How many of the words are the command's name; 0 when it is another. */
static size_t name_words(const struct script_command *command, char **words, size_t count)
{
	size_t first = strcspn(command->name, " ");

	if (!count || strlen(words[0]) != first || strncasecmp(words[0], command->name, first))
		return 0;
	if (!command->name[first])
		return 1;
	return count > 1 && is(words[1], command->name + first + 1) ? 2 : 0;
}

static int run_words(struct vssctl_script *script, char **words, size_t count)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		size_t taken = name_words(&commands[i], words, count);
		struct words rest = { words + taken, count - taken };

		if (!taken)
			continue;
		if (rest.count < commands[i].min || rest.count > commands[i].max) {
			vssctl_fail(script->ctl, E_INVALIDARG, "usage: %s %s", commands[i].name,
				    commands[i].usage);
			return VSSCTL_USAGE;
		}
		return commands[i].run(script, &rest);
	}
	return bad_usage(script, "there is no command \"%s\"; HELP lists all", words[0]);
}

int vssctl_script_line(struct vssctl_script *script, const char *line)
{
	char *words[VSSCTL_MAX_WORDS], *buffer;
	size_t count;
	int ret = vssctl_script_split(script, line, &buffer, words, &count);

	if (!ret && count)
		ret = run_words(script, words, count);
	free(buffer);
	return ret;
}
