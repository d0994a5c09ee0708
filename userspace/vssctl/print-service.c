// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output of what vssd tells.
 */
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "print-service.h"

static void add_string(json_object *object, const char *key, const char *value)
{
	if (value && value[0])
		json_object_object_add(object, key, json_object_new_string(value));
}

static void add_uuid(json_object *object, const char *key, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	add_string(object, key, vss_uuid_format(uuid, text));
}

static void add_number(json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void put(struct vssctl *ctl, json_object *object)
{
	fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					     JSON_C_TO_STRING_NOSLASHESCAPE), ctl->out);
	fputc('\n', ctl->out);
	json_object_put(object);
}

static void put_array(struct vssctl *ctl, const char *key, json_object *array)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, key, array);
	put(ctl, object);
}

static const char *shadow_state(const struct vss_snapshot_prop *prop)
{
	return prop->status == VSS_SS_UNKNOWN ? "unavailable" : prop->status == VSS_SS_ABORTED ? "lost" : "created";
}

static json_object *shadow_to_json(const struct vss_snapshot_prop *prop)
{
	json_object *object = json_object_new_object();
	char time[VSSCTL_TIME_TEXT];
	char *attributes = vss_context_name(prop->attributes);

	add_uuid(object, "id", &prop->snapshot_id);
	add_uuid(object, "set", &prop->snapshot_set_id);
	add_number(object, "count", prop->snapshots_count);
	add_string(object, "state", shadow_state(prop));
	add_string(object, "volume", prop->original_volume_name);
	add_string(object, "device", prop->device_object);
	add_string(object, "originating_machine", prop->originating_machine);
	add_string(object, "service_machine", prop->service_machine);
	add_string(object, "exposed_name", prop->exposed_name);
	add_string(object, "exposed_path", prop->exposed_path);
	add_uuid(object, "provider", &prop->provider_id);
	add_number(object, "attributes", prop->attributes);
	add_string(object, "attribute_names", attributes);
	add_string(object, "time", vssctl_format_time_utc(prop->creation_time, time));
	free(attributes);
	return object;
}

static struct libscols_table *table_new(struct vssctl *ctl, const char *const *columns, size_t count)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_set_stream(table, ctl->out);
	for (size_t i = 0; i < count; i++)
		scols_table_new_column(table, columns[i], 0, 0);
	return table;
}

#define TABLE(ctl, columns) table_new(ctl, columns, sizeof(columns) / sizeof(columns[0]))

static void add_line(struct libscols_table *table, const char *const *values, size_t count)
{
	struct libscols_line *line = table ? scols_table_new_line(table, NULL) : NULL;

	for (size_t i = 0; line && i < count; i++)
		scols_line_set_data(line, i, values[i] ? values[i] : "");
}

#define LINE(table, ...) do {							\
	const char *const values_[] = { __VA_ARGS__ };				\
										\
	add_line(table, values_, sizeof(values_) / sizeof(values_[0]));		\
} while (0)

static void table_end(struct libscols_table *table)
{
	if (!table)
		return;
	if (scols_table_get_nlines(table))
		scols_print_table(table);
	scols_unref_table(table);
}

void vssctl_print_set(struct vssctl *ctl, const struct vss_uuid *set,
		      const struct vss_snapshot_prop *props, size_t count)
{
	char id[VSS_UUID_TEXT_SIZE];

	if (ctl->json) {
		json_object *object = json_object_new_object();
		json_object *array = json_object_new_array();

		for (size_t i = 0; i < count; i++)
			json_object_array_add(array, shadow_to_json(&props[i]));
		add_uuid(object, "set", set);
		json_object_object_add(object, "shadows", array);
		put(ctl, object);
		return;
	}
	if (!ctl->quiet)
		fprintf(ctl->out, "set             %s\n", vss_uuid_format(set, id));
	for (size_t i = 0; i < count; i++) {
		vss_uuid_format(&props[i].snapshot_id, id);
		if (ctl->quiet)
			fprintf(ctl->out, "%s\n", id);
		else
			fprintf(ctl->out, "%s\n  shadow copy   %s\n  device        %s\n",
				props[i].original_volume_name, id,
				props[i].device_object && props[i].device_object[0] ?
				props[i].device_object : "(transportable: none here)");
	}
}

void vssctl_print_shadows(struct vssctl *ctl, const struct vss_object_prop *props, size_t count)
{
	static const char *const columns[] = { "ID", "SET", "VOLUME", "DEVICE", "STATE", "CREATED",
					       "EXPOSED", "ATTRIBUTES" };
	struct libscols_table *table;

	if (ctl->json) {
		json_object *array = json_object_new_array();

		for (size_t i = 0; i < count; i++)
			json_object_array_add(array, shadow_to_json(&props[i].snap));
		put_array(ctl, "shadows", array);
		return;
	}
	table = TABLE(ctl, columns);
	for (size_t i = 0; i < count; i++) {
		const struct vss_snapshot_prop *s = &props[i].snap;
		char id[VSS_UUID_TEXT_SIZE], set[VSS_UUID_TEXT_SIZE], time[VSSCTL_TIME_TEXT];
		char *attributes = vss_context_name(s->attributes);

		LINE(table, vss_uuid_format(&s->snapshot_id, id),
		     vss_uuid_format(&s->snapshot_set_id, set), s->original_volume_name,
		     s->status == VSS_SS_UNKNOWN ? "(unavailable)" : s->device_object, shadow_state(s),
		     vssctl_format_time_local(s->creation_time, time), s->exposed_name, attributes);
		free(attributes);
	}
	table_end(table);
}

void vssctl_print_providers(struct vssctl *ctl, const struct vss_object_prop *props, size_t count)
{
	static const char *const columns[] = { "NAME", "TYPE", "ID", "VERSION" };
	json_object *array = json_object_new_array();
	struct libscols_table *table = ctl->json ? NULL : TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		const struct vss_provider_prop *p = &props[i].prov;
		char id[VSS_UUID_TEXT_SIZE];

		if (ctl->json) {
			json_object *object = json_object_new_object();

			add_uuid(object, "id", &p->provider_id);
			add_string(object, "name", p->provider_name);
			add_string(object, "type", vss_provider_type_name(p->provider_type));
			add_string(object, "version", p->provider_version);
			add_uuid(object, "version_id", &p->provider_version_id);
			json_object_array_add(array, object);
		}
		LINE(table, p->provider_name, vss_provider_type_name(p->provider_type),
		     vss_uuid_format(&p->provider_id, id), p->provider_version);
	}
	if (ctl->json)
		put_array(ctl, "providers", array);
	else
		json_object_put(array);
	table_end(table);
}

void vssctl_print_writers(struct vssctl *ctl, const struct vss_writer_status *statuses, size_t count)
{
	static const char *const columns[] = { "NAME", "STATE", "LAST ERROR", "CLASS", "INSTANCE" };
	json_object *array = json_object_new_array();
	struct libscols_table *table = ctl->json ? NULL : TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		const struct vss_writer_status *s = &statuses[i];
		char class[VSS_UUID_TEXT_SIZE], instance[VSS_UUID_TEXT_SIZE], state[64];

		vss_uuid_format(&s->writer_id, class);
		vss_uuid_format(&s->instance_id, instance);
		if (ctl->json) {
			json_object *object = json_object_new_object();

			add_string(object, "name", s->writer_name);
			add_string(object, "class", class);
			add_string(object, "instance", instance);
			add_string(object, "state", vss_writer_state_name(s->state));
			add_number(object, "state_number", s->state);
			add_string(object, "last_error", vss_result_name(s->failure));
			add_number(object, "application_code", s->application_code);
			add_string(object, "application_message", s->application_message);
			json_object_array_add(array, object);
		}
		snprintf(state, sizeof(state), "[%u] %s", (unsigned int)s->state,
			 vss_writer_state_name(s->state));
		LINE(table, s->writer_name, state,
		     s->failure == S_OK ? "no error" : vss_result_name(s->failure), class, instance);
	}
	if (ctl->json)
		put_array(ctl, "writers", array);
	else
		json_object_put(array);
	table_end(table);
}

static json_object *retained_to_json(const struct vssctl_retained *retained)
{
	json_object *object = json_object_new_object();
	json_object *kept = json_object_new_array();
	char time[VSSCTL_TIME_TEXT];

	for (int period = 0; period < VSSCTL_RETAIN_PERIODS; period++)
		if (retained->copy->kept[period])
			json_object_array_add(kept, json_object_new_string(vssctl_retain_period_names[period]));
	add_uuid(object, "id", &retained->prop->snapshot_id);
	add_string(object, "time", vssctl_format_time_utc(retained->prop->creation_time, time));
	json_object_object_add(object, "kept_for", kept);
	json_object_object_add(object, "ahead", json_object_new_boolean(retained->copy->ahead));
	json_object_object_add(object, "lost", json_object_new_boolean(retained->copy->lost));
	json_object_object_add(object, "deleted", json_object_new_boolean(retained->deleted));
	return object;
}

/* Why it is kept, or that it is not. */
static const char *retained_text(const struct vssctl_retained *retained, bool dry_run, char *text, size_t size)
{
	const struct vssctl_retain_copy *copy = retained->copy;
	size_t n = 0;

	if (retained->deleted || vssctl_retain_goes(copy)) {
		snprintf(text, size, "%s%s", copy->lost ? "lost: " : "",
			 dry_run ? "to be deleted" : retained->deleted ? "deleted" : "not deleted");
		return text;
	}
	snprintf(text, size, "%s", copy->ahead ? "its time is still to come" : "");
	for (int period = 0; period < VSSCTL_RETAIN_PERIODS; period++)
		if (copy->kept[period])
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
					      vssctl_retain_period_names[period]);
	return text;
}

void vssctl_print_retained(struct vssctl *ctl, const struct vssctl_retained *list, size_t count, bool dry_run)
{
	static const char *const columns[] = { "ID", "CREATED", "KEPT FOR" };
	json_object *array = json_object_new_array();
	struct libscols_table *table = ctl->json || ctl->quiet ? NULL : TABLE(ctl, columns);

	for (size_t i = 0; i < count; i++) {
		char id[VSS_UUID_TEXT_SIZE], time[VSSCTL_TIME_TEXT], text[64];

		vss_uuid_format(&list[i].prop->snapshot_id, id);
		if (ctl->json)
			json_object_array_add(array, retained_to_json(&list[i]));
		else if (ctl->quiet && list[i].deleted)
			fprintf(ctl->out, "%s\n", id);
		LINE(table, id, vssctl_format_time_local(list[i].prop->creation_time, time),
		     retained_text(&list[i], dry_run, text, sizeof(text)));
	}
	if (ctl->json)
		put_array(ctl, "copies", array);
	else
		json_object_put(array);
	table_end(table);
}

static void print_files(struct vssctl *ctl, struct vss_wm_component *component,
			const struct vss_component_info *info)
{
	static const char *const kinds[] = { "file", "database file", "log file" };
	vss_result (*const getters[])(struct vss_wm_component *, uint32_t,
				      struct vss_wm_filedesc *) = {
		vss_wm_component_get_file,
		vss_wm_component_get_database_file,
		vss_wm_component_get_database_log_file,
	};
	const uint32_t counts[] = { info->file_count, info->databases, info->log_files };

	for (size_t kind = 0; kind < 3; kind++)
		for (uint32_t i = 0; i < counts[kind]; i++) {
			struct vss_wm_filedesc f = { 0 };

			if (VSS_FAILED(getters[kind](component, i, &f)))
				continue;
			fprintf(ctl->out, "    %s: %s/%s%s\n", kinds[kind], f.path, f.filespec,
				f.recursive ? " and below" : "");
			vss_wm_filedesc_clear(&f);
		}
}

void vssctl_print_metadata(struct vssctl *ctl, struct vss_writer_metadata *metadata, bool full)
{
	struct vss_writer_identity identity = { 0 };
	struct vss_wm_component *component;
	char id[VSS_UUID_TEXT_SIZE];

	if (VSS_FAILED(vss_examine_writer_metadata_get_identity(metadata, &identity)))
		return;
	fprintf(ctl->out, "%s%s%s%s\n  class %s\n", identity.writer_name,
		identity.instance_name ? " (" : "",
		identity.instance_name ? identity.instance_name : "",
		identity.instance_name ? ")" : "", vss_uuid_format(&identity.writer_id, id));
	fprintf(ctl->out, "  instance %s\n  usage %s, source %s\n",
		vss_uuid_format(&identity.instance_id, id), vss_usage_type_name(identity.usage),
		vss_source_type_name(identity.source));
	for (uint32_t i = 0; !VSS_FAILED(vss_examine_writer_metadata_get_component(metadata, i,
										    &component)); i++) {
		struct vss_component_info info = { 0 };

		if (VSS_FAILED(vss_wm_component_get_component_info(component, &info)))
			continue;
		fprintf(ctl->out, "  %s %s%s%s%s%s\n", vss_component_type_name(info.type),
			info.logical_path ? info.logical_path : "", info.logical_path ? "/" : "",
			info.component_name, info.selectable ? ", selectable" : "",
			info.selectable_for_restore ? ", selectable for restore" : "");
		if (full)
			print_files(ctl, component, &info);
		vss_component_info_clear(&info);
	}
	vss_writer_identity_clear(&identity);
}

void vssctl_print_revert(struct vssctl *ctl, const char *volume, const char *state)
{
	json_object *object;

	if (!ctl->json)
		return;
	object = json_object_new_object();
	add_string(object, "volume", volume);
	add_string(object, "state", state);
	put(ctl, object);
}

void vssctl_print_values(struct vssctl *ctl, const char *key, char *const *values, size_t count)
{
	json_object *array;

	if (!ctl->json) {
		for (size_t i = 0; i < count; i++)
			fprintf(ctl->out, "%s\n", values[i]);
		return;
	}
	array = json_object_new_array();
	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, json_object_new_string(values[i]));
	put_array(ctl, key, array);
}

void vssctl_print_value(struct vssctl *ctl, const char *key, const char *value)
{
	json_object *object;

	if (!ctl->json) {
		fprintf(ctl->out, "%s\n", value);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
	put(ctl, object);
}
