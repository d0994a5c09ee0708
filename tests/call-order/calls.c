// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The calls of the notation: their arguments, and how each is made.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "requester.h"
#include "run.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define wrong(problem, ...)	(snprintf(problem, PROBLEM_SIZE, __VA_ARGS__), false)

struct named {
	const char *name;
	uint32_t value;
};

static const struct named *find_named(const struct named *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static bool is_number(const char *text, uint32_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*value = (uint32_t)strtoul(text, &end, 0);
	return !*end;
}

/* Argument @index, NULL when it was not given. */
static const char *argument(const struct token *token, size_t index)
{
	return index < token->nr_arguments ? token->arguments[index] : NULL;
}

static bool is_null_call(const struct run *run)
{
	return token_condition(run->token, CONDITION_NULL) != NULL;
}

/* ---- documents ---- */

static const char *const documents[] = { "xml", "xml2", "badxml", "localxml" };

static bool check_document(const struct token *token, char problem[PROBLEM_SIZE])
{
	const char *name = argument(token, 0);

	for (size_t i = 0; name && i < COUNT(documents); i++)
		if (!strcmp(documents[i], name))
			return true;
	return !name || wrong(problem, "\"%s\" is no document; there are xml, xml2, badxml, localxml", name);
}

static const char *document(const struct run *run)
{
	const char *const texts[] = { run->xml, run->xml2, run->badxml, run->localxml };
	const char *name = argument(run->token, 0);

	for (size_t i = 0; name && i < COUNT(documents); i++)
		if (!strcmp(documents[i], name))
			return texts[i];
	return NULL;
}

static vss_result initialize_for_backup(struct run *run, struct vss_async **async)
{
	vss_result result = vss_backup_components_initialize_for_backup(run->now->bc, document(run));

	(void)async;
	if (result == S_OK)
		run->now->initialized = true;
	return result;
}

static vss_result initialize_for_restore(struct run *run, struct vss_async **async)
{
	vss_result result = vss_backup_components_initialize_for_restore(run->now->bc, document(run));

	(void)async;
	if (result == S_OK)
		run->now->initialized = true;
	return result;
}

/* ---- context and kind of backup ---- */

static bool check_context(const struct token *token, char problem[PROBLEM_SIZE])
{
	uint32_t context;

	return (token->arguments[0] && vss_context_parse(token->arguments[0], &context)) ||
	       wrong(problem, "\"%s\" is no context", token->text);
}

static vss_result set_context(struct run *run, struct vss_async **async)
{
	uint32_t context = 0;
	vss_result result;

	(void)async;
	vss_context_parse(run->token->arguments[0], &context);
	result = vss_backup_components_set_context(run->now->bc, context);
	if (result == S_OK)
		run->now->context = context;
	return result;
}

enum { STATE_COMPONENTS = 100, STATE_VOLUMES, STATE_BOOTABLE, STATE_PARTIAL };

static const struct named backup_states[] = {
	{ "components", STATE_COMPONENTS },
	{ "volumes", STATE_VOLUMES },
	{ "volume", STATE_VOLUMES },
	{ "nocomponents", STATE_VOLUMES },
	{ "no components", STATE_VOLUMES },
	{ "bootable", STATE_BOOTABLE },
	{ "partial", STATE_PARTIAL },
	{ "undefined", VSS_BT_UNDEFINED },
	{ "full", VSS_BT_FULL },
	{ "incremental", VSS_BT_INCREMENTAL },
	{ "differential", VSS_BT_DIFFERENTIAL },
	{ "log", VSS_BT_LOG },
	{ "copy", VSS_BT_COPY },
	{ "other", VSS_BT_OTHER },
};

static bool check_backup_state(const struct token *token, char problem[PROBLEM_SIZE])
{
	uint32_t value;

	for (size_t i = 0; i < token->nr_arguments; i++)
		if (!token->arguments[i] ||
		    (!find_named(backup_states, COUNT(backup_states), token->arguments[i]) &&
		     !is_number(token->arguments[i], &value)))
			return wrong(problem, "\"%s\" has an argument that SetBackupState does not know",
				     token->text);
	return true;
}

static vss_result set_backup_state(struct run *run, struct vss_async **async)
{
	bool components = false, bootable = false, partial = false;
	uint32_t type = VSS_BT_FULL, value;

	(void)async;
	for (size_t i = 0; i < run->token->nr_arguments; i++) {
		const struct named *named;

		named = find_named(backup_states, COUNT(backup_states), run->token->arguments[i]);
		if (!named) {
			is_number(run->token->arguments[i], &type);
			continue;
		}
		value = named->value;
		components |= value == STATE_COMPONENTS;
		bootable |= value == STATE_BOOTABLE;
		partial |= value == STATE_PARTIAL;
		if (value < STATE_COMPONENTS)
			type = value;
	}
	return vss_backup_components_set_backup_state(run->now->bc, components, bootable,
						      (enum vss_backup_type)type, partial);
}

/* ---- writers ---- */

static bool check_writers(const struct token *token, char problem[PROBLEM_SIZE])
{
	for (size_t i = 0; i < token->nr_arguments; i++)
		if (token->arguments[i] && strcmp(token->arguments[i], "W") &&
		    strcmp(token->arguments[i], "GONE"))
			return wrong(problem, "\"%s\" is no writer; there are W and GONE",
				     token->arguments[i]);
	return true;
}

static vss_result disable_writer_classes(struct run *run, struct vss_async **async)
{
	struct vss_uuid ids[MAX_ARGUMENTS];
	uint32_t count = 0;

	(void)async;
	for (size_t i = 0; i < run->token->nr_arguments; i++)
		if (run->token->arguments[i])
			ids[count++] = *run->token->arguments[i] == 'W' ? world_writer_class :
									  world_gone_class;
	if (!run->token->nr_arguments)
		ids[count++] = world_writer_class;
	return vss_backup_components_disable_writer_classes(run->now->bc, is_null_call(run) ? NULL : ids,
							    count);
}

static vss_result gather_writer_metadata(struct run *run, struct vss_async **async)
{
	return vss_backup_components_gather_writer_metadata(run->now->bc, async);
}

static vss_result gather_writer_status(struct run *run, struct vss_async **async)
{
	return vss_backup_components_gather_writer_status(run->now->bc, async);
}

static bool check_index(const struct token *token, char problem[PROBLEM_SIZE])
{
	uint32_t value;

	return !argument(token, 0) || is_number(token->arguments[0], &value) ||
	       wrong(problem, "\"%s\" is no index", token->arguments[0]);
}

static vss_result get_writer_metadata(struct run *run, struct vss_async **async)
{
	struct vss_writer_metadata *metadata = NULL;
	struct vss_uuid instance;
	uint32_t index = 0;
	vss_result result;

	(void)async;
	if (argument(run->token, 0))
		is_number(argument(run->token, 0), &index);
	result = vss_backup_components_get_writer_metadata(run->now->bc, index, &instance,
							   is_null_call(run) ? NULL : &metadata);
	vss_writer_metadata_free(metadata);
	return result;
}

static vss_result get_writer_status(struct run *run, struct vss_async **async)
{
	struct vss_writer_status status = { 0 };
	uint32_t index = 0;
	vss_result result;

	(void)async;
	if (argument(run->token, 0))
		is_number(argument(run->token, 0), &index);
	result = vss_backup_components_get_writer_status(run->now->bc, index,
							 is_null_call(run) ? NULL : &status);
	vss_writer_status_clear(&status);
	return result;
}

static vss_result free_writer_metadata(struct run *run, struct vss_async **async)
{
	(void)async;
	return vss_backup_components_free_writer_metadata(run->now->bc);
}

static vss_result free_writer_status(struct run *run, struct vss_async **async)
{
	(void)async;
	return vss_backup_components_free_writer_status(run->now->bc);
}

/* ---- components ---- */

/* "W/C", "W/C.sub", "GONE/C", "W/(null)", "(null)/C" */
struct component_name {
	const struct vss_uuid *writer;
	const char *path;
	const char *name;
};

static bool read_component(const char *text, struct component_name *component, char problem[PROBLEM_SIZE])
{
	static const struct {
		const char *text, *path, *name;
	} known[] = {
		{ "C", NULL, "C" },
		{ "D", NULL, "D" },
		{ "NOFILES", NULL, "NOFILES" },
		{ "NOSUCH", NULL, "NOSUCH" },
		{ "(null)", NULL, NULL },
		{ "C.sub", "C", "sub" },
		{ "C.NOSUCH", "C", "NOSUCH" },
	};
	const char *slash = text ? strchr(text, '/') : NULL;

	if (!slash)
		return wrong(problem, "\"%s\" is no component; write WRITER/COMPONENT",
			     text ? text : "(null)");
	if (!strncmp(text, "W/", 2))
		component->writer = &world_writer_class;
	else if (!strncmp(text, "GONE/", 5))
		component->writer = &world_gone_class;
	else if (!strncmp(text, "(null)/", 7))
		component->writer = NULL;
	else
		return wrong(problem, "\"%s\" names no writer; there are W and GONE", text);
	for (size_t i = 0; i < COUNT(known); i++) {
		if (strcmp(known[i].text, slash + 1))
			continue;
		component->path = known[i].path;
		component->name = known[i].name;
		return true;
	}
	return wrong(problem,
		     "\"%s\" names no component; there are C, D, NOFILES, NOSUCH, (null) and C.sub", text);
}

static bool check_component(const struct token *token, char problem[PROBLEM_SIZE])
{
	struct component_name component;

	return read_component(argument(token, 0), &component, problem);
}

static struct component_name component_of(struct run *run)
{
	struct component_name component = { 0 };

	read_component(argument(run->token, 0), &component, run->problem);
	return component;
}

/* The writer's instance as the requester knows it; a made-up one for a writer that is not there. */
static struct vss_uuid instance_of(struct run *run, const struct vss_uuid *writer)
{
	struct vss_gathered_writer *found = writer ? vss_requester_find_writer(run->now->bc, NULL, writer) :
						     NULL;

	return found ? found->identity.instance_id : world_unknown_id;
}

static vss_result add_component(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);
	struct vss_uuid instance = instance_of(run, component.writer);

	(void)async;
	return vss_backup_components_add_component(run->now->bc, &instance, component.writer,
						   VSS_CT_FILEGROUP, component.path, component.name);
}

/* The second argument of calls that set a text. */
static const char *text_argument(const struct token *token, const char *fallback)
{
	return token->nr_arguments > 1 ? token->arguments[1] : fallback;
}

static vss_result set_backup_options(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);

	(void)async;
	return vss_backup_components_set_backup_options(run->now->bc, component.writer, VSS_CT_FILEGROUP,
							component.path, component.name,
							text_argument(run->token, "option"));
}

static vss_result set_previous_backup_stamp(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);

	(void)async;
	return vss_backup_components_set_previous_backup_stamp(
		run->now->bc, component.writer, VSS_CT_FILEGROUP, component.path, component.name,
		text_argument(run->token, "stamp"));
}

static bool check_component_flag(const struct token *token, char problem[PROBLEM_SIZE])
{
	const char *flag = argument(token, 1);

	return check_component(token, problem) &&
	       (!flag || !strcmp(flag, "true") || !strcmp(flag, "false") ||
		wrong(problem, "\"%s\" is neither true nor false", flag));
}

static bool flag_of(const struct run *run)
{
	const char *flag = argument(run->token, 1);

	return !flag || !strcmp(flag, "true");
}

static vss_result set_backup_succeeded(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);
	struct vss_uuid instance = instance_of(run, component.writer);

	(void)async;
	return vss_backup_components_set_backup_succeeded(run->now->bc, &instance, component.writer,
							  VSS_CT_FILEGROUP, component.path, component.name,
							  flag_of(run));
}

/* ---- sets ---- */

static vss_result start_snapshot_set(struct run *run, struct vss_async **async)
{
	struct vss_uuid id;
	vss_result result;

	(void)async;
	result = vss_backup_components_start_snapshot_set(run->now->bc, is_null_call(run) ? NULL : &id);
	if (result != S_OK)
		return result;
	if (run->canned_sets) {
		run->canned_sets = false;
		run->nr_sets = 0;
	}
	if (run->nr_sets < MAX_SETS) {
		memset(&run->sets[run->nr_sets], 0, sizeof(run->sets[0]));
		run->sets[run->nr_sets++].id = id;
	}
	return result;
}

/* "V1", "V1..V64"; @last is @first for one volume.  0 for those that are none of V1 to V99 */
static bool read_volumes(const char *text, unsigned int *first, unsigned int *last)
{
	int end = -1;

	*first = *last = 0;
	if (!text || !strcmp(text, "BADVOL") || !strcmp(text, "NOSUP"))
		return true;
	if (sscanf(text, "V%u..V%u%n", first, last, &end) == 2 && end >= 0 && !text[end])
		return *first && *first <= *last && *last <= 99;
	*last = *first = 0;
	if (!world_is_volume(text))
		return false;
	*first = *last = (unsigned int)strtoul(text + 1, NULL, 10);
	return true;
}

static bool check_volume(const struct token *token, char problem[PROBLEM_SIZE])
{
	unsigned int first, last;
	const char *provider = argument(token, 1);

	if (!read_volumes(argument(token, 0), &first, &last))
		return wrong(problem, "\"%s\" is no volume; there are V1 to V99, BADVOL, NOSUP",
			     argument(token, 0));
	return !provider || !strcmp(provider, "P1") || !strcmp(provider, "PX") ||
	       wrong(problem, "\"%s\" is no provider; there are P1 and PX", provider);
}

static bool check_one_volume(const struct token *token, char problem[PROBLEM_SIZE])
{
	unsigned int first, last;

	if (!check_volume(token, problem))
		return false;
	read_volumes(argument(token, 0), &first, &last);
	return first == last || wrong(problem, "\"%s\" is more than one volume", argument(token, 0));
}

static const struct vss_uuid *provider_of(const struct run *run)
{
	const char *name = argument(run->token, 1);

	if (!name)
		return NULL;
	if (!strcmp(name, "PX"))
		return &world_unknown_id;
	return run->now->context & VSS_VOLSNAP_ATTR_TRANSPORTABLE ? &world_array_id : &world_software_id;
}

static vss_result add_volume(struct run *run, const char *volume)
{
	struct made_set *set = run->nr_sets ? &run->sets[run->nr_sets - 1] : NULL;
	struct vss_uuid id;
	vss_result result;

	result = vss_backup_components_add_to_snapshot_set(run->now->bc, volume, provider_of(run),
							   is_null_call(run) ? NULL : &id);
	if (result == S_OK && set && set->nr_snapshots < MAX_SNAPSHOTS)
		set->snapshots[set->nr_snapshots++] = id;
	return result;
}

static vss_result add_to_snapshot_set(struct run *run, struct vss_async **async)
{
	unsigned int first, last;
	vss_result result = S_OK;
	char name[16];

	(void)async;
	read_volumes(argument(run->token, 0), &first, &last);
	if (!first)
		return add_volume(run, argument(run->token, 0));
	for (unsigned int i = first; i <= last && result == S_OK; i++) {
		snprintf(name, sizeof(name), "V%u", i);
		result = add_volume(run, name);
	}
	return result;
}

static vss_result prepare_for_backup(struct run *run, struct vss_async **async)
{
	return vss_backup_components_prepare_for_backup(run->now->bc, async);
}

static vss_result do_snapshot_set(struct run *run, struct vss_async **async)
{
	return vss_backup_components_do_snapshot_set(run->now->bc, async);
}

static vss_result backup_complete(struct run *run, struct vss_async **async)
{
	return vss_backup_components_backup_complete(run->now->bc, async);
}

static vss_result abort_backup(struct run *run, struct vss_async **async)
{
	(void)async;
	return vss_backup_components_abort_backup(run->now->bc);
}

static vss_result save_as_xml(struct run *run, struct vss_async **async)
{
	char *xml = NULL;
	vss_result result = vss_backup_components_save_as_xml(run->now->bc, is_null_call(run) ? NULL : &xml);

	(void)async;
	if (result == S_OK) {
		free(run->xml);
		run->xml = xml;
	}
	return result;
}

/* ---- shadow copies that exist ---- */

static bool is_indexed(const char *text, const char *prefix, uint32_t *index)
{
	size_t length = strlen(prefix);

	return !strncmp(text, prefix, length) && is_number(text + length, index);
}

static bool read_id(const char *text, char problem[PROBLEM_SIZE])
{
	uint32_t index;

	if (!text || !strcmp(text, "UNKNOWN") || !strcmp(text, "SP") || !strcmp(text, "SET") ||
	    !strcmp(text, "P1") || !strcmp(text, "PX") || is_indexed(text, "SET", &index) ||
	    is_indexed(text, "S", &index))
		return true;
	return wrong(problem, "\"%s\" names no shadow copy or set; there are S1, SET, SP, S0, UNKNOWN", text);
}

static struct vss_uuid id_of(const struct run *run, const char *text)
{
	uint32_t index;

	if (!strcmp(text, "SP"))
		return run->persistent;
	if (!strcmp(text, "P1"))
		return world_software_id;
	if (!strcmp(text, "SET") && run->nr_sets)
		return run->sets[0].id;
	if (is_indexed(text, "SET", &index) && index && index <= run->nr_sets)
		return run->sets[index - 1].id;
	if (is_indexed(text, "S", &index) && index && run->nr_sets && index <= run->sets[0].nr_snapshots)
		return run->sets[0].snapshots[index - 1];
	return world_unknown_id;
}

static bool check_id(const struct token *token, char problem[PROBLEM_SIZE])
{
	return read_id(argument(token, 0), problem);
}

static vss_result get_snapshot_properties(struct run *run, struct vss_async **async)
{
	const char *name = argument(run->token, 0);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id;
	struct vss_snapshot_prop prop = { 0 };
	vss_result result;

	(void)async;
	result = vss_backup_components_get_snapshot_properties(run->now->bc, name ? &id : NULL,
							       is_null_call(run) ? NULL : &prop);
	vss_free_snapshot_properties(&prop);
	return result;
}

static const struct named object_types[] = {
	{ "snapshots", VSS_OBJECT_SNAPSHOT },
	{ "snapshot", VSS_OBJECT_SNAPSHOT },
	{ "providers", VSS_OBJECT_PROVIDER },
	{ "provider", VSS_OBJECT_PROVIDER },
	{ "sets", VSS_OBJECT_SNAPSHOT_SET },
	{ "set", VSS_OBJECT_SNAPSHOT_SET },
	{ "none", VSS_OBJECT_NONE },
	{ "unknown", VSS_OBJECT_UNKNOWN },
};

static bool check_query(const struct token *token, char problem[PROBLEM_SIZE])
{
	return (token->arguments[0] && find_named(object_types, COUNT(object_types), token->arguments[0])) ||
	       wrong(problem, "\"%s\" names nothing to query", token->text);
}

static vss_result query(struct run *run, struct vss_async **async)
{
	const struct named *type = find_named(object_types, COUNT(object_types), run->token->arguments[0]);
	struct vss_enum_object *objects = NULL;
	struct vss_object_prop prop;
	uint32_t fetched = 0;
	vss_result result;

	(void)async;
	result = vss_backup_components_query(run->now->bc, NULL, VSS_OBJECT_NONE,
					     (enum vss_object_type)type->value,
					     is_null_call(run) ? NULL : &objects);
	if (result == S_OK) {
		run->empty = vss_enum_object_next(objects, 1, &prop, &fetched) == S_FALSE && !fetched;
		if (fetched)
			vss_object_prop_clear(&prop);
	}
	vss_enum_object_release(objects);
	return result;
}

/* [KIND:]ID[:force] */
static bool check_delete(const struct token *token, char problem[PROBLEM_SIZE])
{
	size_t at = 0;

	if (token->arguments[0] && find_named(object_types, COUNT(object_types), token->arguments[0]))
		at++;
	if (at >= token->nr_arguments || !read_id(token->arguments[at], problem))
		return *problem ? false : wrong(problem, "\"%s\" does not say what to delete", token->text);
	if (++at < token->nr_arguments && token->arguments[at] && !strcmp(token->arguments[at], "force"))
		at++;
	return at == token->nr_arguments || wrong(problem, "\"%s\" has an argument too many", token->text);
}

static vss_result delete_snapshots(struct run *run, struct vss_async **async)
{
	const struct token *token = run->token;
	const struct named *type = token->arguments[0] ? find_named(object_types, COUNT(object_types),
								    token->arguments[0]) : NULL;
	const char *name = token->arguments[type ? 1 : 0];
	bool force = token->nr_arguments > (type ? 2 : 1);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id, left;
	enum vss_object_type kind = VSS_OBJECT_SNAPSHOT;
	int32_t deleted;

	(void)async;
	if (type)
		kind = (enum vss_object_type)type->value;
	else if (name && !strncmp(name, "SET", 3))
		kind = VSS_OBJECT_SNAPSHOT_SET;
	return vss_backup_components_delete_snapshots(run->now->bc, name ? &id : NULL, kind, force,
						      &deleted, &left);
}

static const struct named exposures[] = {
	{ "local", VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY },
	{ "remote", VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY },
	{ "both", VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY | VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY },
	{ "neither", 0 },
	{ "none", 0 },
};

static bool check_expose(const struct token *token, char problem[PROBLEM_SIZE])
{
	const char *how = argument(token, 1);

	return read_id(argument(token, 0), problem) &&
	       (!how || find_named(exposures, COUNT(exposures), how) ||
		wrong(problem, "\"%s\" is no way to expose; there are local, remote, both, neither", how));
}

static vss_result expose_snapshot(struct run *run, struct vss_async **async)
{
	const char *name = argument(run->token, 0), *how = argument(run->token, 1);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id;
	uint32_t attributes = VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY;
	char *exposed = NULL, dir[256];
	vss_result result;

	(void)async;
	if (how)
		attributes = find_named(exposures, COUNT(exposures), how)->value;
	snprintf(dir, sizeof(dir), "%s/mnt", run->dir);
	result = vss_backup_components_expose_snapshot(run->now->bc, name ? &id : NULL,
						       argument(run->token, 2), attributes, dir,
						       is_null_call(run) ? NULL : &exposed);
	free(exposed);
	return result;
}

static vss_result unexpose_snapshot(struct run *run, struct vss_async **async)
{
	const char *name = argument(run->token, 0);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id;

	(void)async;
	return vss_backup_components_unexpose_snapshot(run->now->bc, name ? &id : NULL);
}

static vss_result break_snapshot_set(struct run *run, struct vss_async **async)
{
	const char *name = argument(run->token, 0);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id;

	(void)async;
	return vss_backup_components_break_snapshot_set(run->now->bc, name ? &id : NULL);
}

static const struct named break_flags[] = {
	{ "MASK", VSS_BREAKEX_FLAG_MASK_LUNS },
	{ "MASK_LUNS", VSS_BREAKEX_FLAG_MASK_LUNS },
	{ "READ_WRITE", VSS_BREAKEX_FLAG_MAKE_READ_WRITE },
	{ "MAKE_READ_WRITE", VSS_BREAKEX_FLAG_MAKE_READ_WRITE },
	{ "REVERT_ALL", VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL },
	{ "REVERT_IDENTITY_ALL", VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL },
	{ "REVERT_NONE", VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE },
	{ "REVERT_IDENTITY_NONE", VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE },
};

/* Names joined by "|" or ":", or a number */
static bool read_break_flags(const struct token *token, uint32_t *flags, char problem[PROBLEM_SIZE])
{
	*flags = 0;
	for (size_t i = 1; i < token->nr_arguments; i++) {
		char copy[128], *rest = copy, *part;

		snprintf(copy, sizeof(copy), "%s", token->arguments[i] ? token->arguments[i] : "(null)");
		while ((part = strsep(&rest, "|"))) {
			const struct named *flag = find_named(break_flags, COUNT(break_flags), part);
			uint32_t value;

			if (flag)
				value = flag->value;
			else if (!is_number(part, &value))
				return wrong(problem, "\"%s\" is no flag of BreakSnapshotSetEx", part);
			*flags |= value;
		}
	}
	return true;
}

static bool check_break(const struct token *token, char problem[PROBLEM_SIZE])
{
	uint32_t flags;

	return read_id(argument(token, 0), problem) && read_break_flags(token, &flags, problem);
}

static vss_result break_snapshot_set_ex(struct run *run, struct vss_async **async)
{
	const char *name = argument(run->token, 0);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id;
	uint32_t flags;

	read_break_flags(run->token, &flags, run->problem);
	return vss_backup_components_break_snapshot_set_ex(run->now->bc, name ? &id : NULL, flags, async);
}

static vss_result import_snapshots(struct run *run, struct vss_async **async)
{
	return vss_backup_components_import_snapshots(run->now->bc, async);
}

static bool check_revert(const struct token *token, char problem[PROBLEM_SIZE])
{
	return read_id(argument(token, 0), problem) &&
	       (!argument(token, 1) || !strcmp(argument(token, 1), "force") ||
		wrong(problem, "\"%s\" is no argument of RevertToSnapshot", argument(token, 1)));
}

static vss_result revert_to_snapshot(struct run *run, struct vss_async **async)
{
	const char *name = argument(run->token, 0);
	struct vss_uuid id = name ? id_of(run, name) : world_unknown_id;

	(void)async;
	return vss_backup_components_revert_to_snapshot(run->now->bc, name ? &id : NULL,
							argument(run->token, 1) != NULL);
}

static vss_result query_revert_status(struct run *run, struct vss_async **async)
{
	return vss_backup_components_query_revert_status(run->now->bc, argument(run->token, 0), async);
}

/* What the administrator does to the storage, beside VSS. */
static vss_result mask_original(struct run *run, struct vss_async **async)
{
	(void)async;
	if (!world_is_volume(argument(run->token, 0)))
		return VSS_E_OBJECT_NOT_FOUND;
	world_set_original(run->world, argument(run->token, 0), false);
	return S_OK;
}

static vss_result set_read_write(struct run *run, struct vss_async **async)
{
	struct vss_uuid id = id_of(run, argument(run->token, 0));

	(void)async;
	return world_make_writable(run->world, &id);
}

/* ---- restore ---- */

static vss_result set_selected_for_restore(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);

	(void)async;
	return vss_backup_components_set_selected_for_restore(run->now->bc, component.writer,
							      VSS_CT_FILEGROUP, component.path,
							      component.name, flag_of(run));
}

static vss_result set_restore_options(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);

	(void)async;
	return vss_backup_components_set_restore_options(run->now->bc, component.writer, VSS_CT_FILEGROUP,
							 component.path, component.name,
							 text_argument(run->token, "option"));
}

static bool check_subcomponent(const struct token *token, char problem[PROBLEM_SIZE])
{
	const char *repair = argument(token, 2);

	return check_component(token, problem) &&
	       (!repair || !strcmp(repair, "repair") || !strcmp(repair, "true") || !strcmp(repair, "false") ||
		wrong(problem, "\"%s\" is no argument of AddRestoreSubcomponent", repair));
}

/* W/C:sub; "(null)" leaves the logical path out */
static vss_result add_restore_subcomponent(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);
	const char *sub = argument(run->token, 1), *repair = argument(run->token, 2);

	(void)async;
	return vss_backup_components_add_restore_subcomponent(
		run->now->bc, component.writer, VSS_CT_FILEGROUP, component.path, component.name,
		sub ? component.name : NULL, sub ? sub : "sub", repair && strcmp(repair, "false"));
}

/* W/C[:PATH[:FILES[:DESTINATION]]]; without them those of the component */
static vss_result add_new_target(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);
	const struct token *token = run->token;
	const char *own = component.name && !strcmp(component.name, "D") ? "/srv/d" : "/srv/c";

	(void)async;
	return vss_backup_components_add_new_target(
		run->now->bc, component.writer, VSS_CT_FILEGROUP, component.path, component.name,
		token->nr_arguments > 1 ? token->arguments[1] : own,
		token->nr_arguments > 2 ? token->arguments[2] : "*", true,
		token->nr_arguments > 3 ? token->arguments[3] : "/srv/new");
}

static const struct named restore_statuses[] = {
	{ "UNDEFINED", VSS_RS_UNDEFINED },
	{ "NONE", VSS_RS_NONE },
	{ "ALL", VSS_RS_ALL },
	{ "FAILED", VSS_RS_FAILED },
};

static bool check_restore_status(const struct token *token, char problem[PROBLEM_SIZE])
{
	const char *status = argument(token, 1);
	uint32_t value;

	return check_component(token, problem) &&
	       (!status || find_named(restore_statuses, COUNT(restore_statuses), status) ||
		is_number(status, &value) || wrong(problem, "\"%s\" is no status of a restore", status));
}

static vss_result set_file_restore_status(struct run *run, struct vss_async **async)
{
	struct component_name component = component_of(run);
	const char *status = argument(run->token, 1);
	const struct named *named = status ? find_named(restore_statuses, COUNT(restore_statuses), status) :
					     NULL;
	uint32_t value = named ? named->value : VSS_RS_ALL;

	(void)async;
	if (status && !named)
		is_number(status, &value);
	return vss_backup_components_set_file_restore_status(run->now->bc, component.writer, VSS_CT_FILEGROUP,
							     component.path, component.name,
							     (enum vss_file_restore_status)value);
}

static vss_result pre_restore(struct run *run, struct vss_async **async)
{
	return vss_backup_components_pre_restore(run->now->bc, async);
}

static vss_result post_restore(struct run *run, struct vss_async **async)
{
	return vss_backup_components_post_restore(run->now->bc, async);
}

/* ---- the table ---- */

static const struct call calls[] = {
	/* name, arguments, asynchronous, administration, check, make */
#define CALL(name, least, most, async, administration, check, make) \
	{ name, least, most, async, administration, check, make }
	CALL("AbortBackup", 0, 0, false, false, NULL, abort_backup),
	CALL("AddComponent", 1, 1, false, false, check_component, add_component),
	CALL("AddNewTarget", 1, 4, false, false, check_component, add_new_target),
	CALL("AddRestoreSubcomponent", 1, 3, false, false, check_subcomponent, add_restore_subcomponent),
	CALL("AddToSnapshotSet", 1, 2, false, false, check_volume, add_to_snapshot_set),
	CALL("BackupComplete", 0, 0, true, false, NULL, backup_complete),
	CALL("BreakSnapshotSet", 1, 1, false, true, check_id, break_snapshot_set),
	CALL("BreakSnapshotSetEx", 1, 4, true, true, check_break, break_snapshot_set_ex),
	CALL("Cancel", 0, 0, false, false, NULL, NULL),
	CALL("DeleteSnapshots", 1, 3, false, true, check_delete, delete_snapshots),
	CALL("DisableWriterClasses", 0, MAX_ARGUMENTS, false, false, check_writers, disable_writer_classes),
	CALL("DoSnapshotSet", 0, 0, true, false, NULL, do_snapshot_set),
	CALL("ExposeSnapshot", 1, 3, false, true, check_expose, expose_snapshot),
	CALL("FreeWriterMetadata", 0, 0, false, false, NULL, free_writer_metadata),
	CALL("FreeWriterStatus", 0, 0, false, false, NULL, free_writer_status),
	CALL("GatherWriterMetadata", 0, 0, true, false, NULL, gather_writer_metadata),
	CALL("GatherWriterStatus", 0, 0, true, false, NULL, gather_writer_status),
	CALL("GetSnapshotProperties", 1, 1, false, true, check_id, get_snapshot_properties),
	CALL("GetWriterMetadata", 0, 1, false, false, check_index, get_writer_metadata),
	CALL("GetWriterStatus", 0, 1, false, false, check_index, get_writer_status),
	CALL("ImportSnapshots", 0, 0, true, false, NULL, import_snapshots),
	CALL("InitializeForBackup", 0, 1, false, false, check_document, initialize_for_backup),
	CALL("InitializeForRestore", 0, 1, false, false, check_document, initialize_for_restore),
	CALL("Kill", 0, 0, false, false, NULL, NULL),
	CALL("MaskOriginal", 1, 1, false, false, check_one_volume, mask_original),
	CALL("PostRestore", 0, 0, true, false, NULL, post_restore),
	CALL("PreRestore", 0, 0, true, false, NULL, pre_restore),
	CALL("PrepareForBackup", 0, 0, true, false, NULL, prepare_for_backup),
	CALL("Query", 1, 1, false, true, check_query, query),
	CALL("QueryRevertStatus", 1, 1, true, true, check_one_volume, query_revert_status),
	CALL("QueryStatus", 0, 0, false, false, NULL, NULL),
	CALL("Release", 0, 0, false, false, NULL, NULL),
	CALL("RevertToSnapshot", 1, 2, false, true, check_revert, revert_to_snapshot),
	CALL("SaveAsXML", 0, 0, false, false, NULL, save_as_xml),
	CALL("SetBackupOptions", 1, 2, false, false, check_component, set_backup_options),
	CALL("SetBackupState", 0, 4, false, false, check_backup_state, set_backup_state),
	CALL("SetBackupSucceeded", 1, 2, false, false, check_component_flag, set_backup_succeeded),
	CALL("SetContext", 1, 1, false, false, check_context, set_context),
	CALL("SetFileRestoreStatus", 1, 2, false, false, check_restore_status, set_file_restore_status),
	CALL("SetPreviousBackupStamp", 1, 2, false, false, check_component, set_previous_backup_stamp),
	CALL("SetReadWrite", 1, 1, false, false, check_id, set_read_write),
	CALL("SetRestoreOptions", 1, 2, false, false, check_component, set_restore_options),
	CALL("SetSelectedForRestore", 1, 2, false, false, check_component_flag, set_selected_for_restore),
	CALL("StartSnapshotSet", 0, 0, false, false, NULL, start_snapshot_set),
	CALL("UnexposeSnapshot", 1, 1, false, true, check_id, unexpose_snapshot),
#undef CALL
};

const struct call *call_find(const char *name)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}
