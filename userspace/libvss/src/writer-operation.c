// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a writer may ask of the operation while a callback runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "writer.h"

static void free_strings(char **strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

void vss_writer_operation_clear(struct vss_writer_operation *operation)
{
	free_strings(operation->volumes, operation->nr_volumes);
	free_strings(operation->devices, operation->nr_devices);
	memset(operation, 0, sizeof(*operation));
}

static int read_uuid(sd_bus_message *m, struct vss_uuid *uuid)
{
	const char *text;
	int ret = sd_bus_message_read(m, "v", "s", &text);

	if (ret < 0)
		return ret;
	if (!text[0]) {
		memset(uuid, 0, sizeof(*uuid));
		return 0;
	}
	return vss_uuid_parse(text, uuid);
}

static int read_bool(sd_bus_message *m, bool *value)
{
	int number;
	int ret = sd_bus_message_read(m, "v", "b", &number);

	if (ret >= 0)
		*value = number;
	return ret;
}

static int read_strings(sd_bus_message *m, char ***strings, uint32_t *count)
{
	struct vss_list list = { .item_size = sizeof(char *) };
	const char *text;
	int ret = sd_bus_message_enter_container(m, 'v', "as");

	if (ret >= 0)
		ret = sd_bus_message_enter_container(m, 'a', "s");
	while (ret >= 0 && (ret = sd_bus_message_read_basic(m, 's', &text)) > 0) {
		char **item = vss_list_add(&list);

		if (!item || !(*item = strdup(text)))
			ret = -ENOMEM;
	}
	for (int i = 0; ret >= 0 && i < 2; i++)
		ret = sd_bus_message_exit_container(m);
	free_strings(*strings, *count);
	*strings = list.items;
	*count = (uint32_t)list.count;
	return ret;
}

static int read_entry(sd_bus_message *m, const char *key, struct vss_writer_operation *o)
{
	if (!strcmp(key, "session"))
		return read_uuid(m, &o->session);
	if (!strcmp(key, "set"))
		return read_uuid(m, &o->set);
	if (!strcmp(key, "context"))
		return sd_bus_message_read(m, "v", "u", &o->context);
	if (!strcmp(key, "backup-type"))
		return sd_bus_message_read(m, "v", "u", &o->backup_type);
	if (!strcmp(key, "restore-type"))
		return sd_bus_message_read(m, "v", "u", &o->restore_type);
	if (!strcmp(key, "components-selected"))
		return read_bool(m, &o->components_selected);
	if (!strcmp(key, "bootable-system-state"))
		return read_bool(m, &o->bootable_system_state);
	if (!strcmp(key, "partial-files"))
		return read_bool(m, &o->partial_files);
	if (!strcmp(key, "volumes"))
		return read_strings(m, &o->volumes, &o->nr_volumes);
	if (!strcmp(key, "devices"))
		return read_strings(m, &o->devices, &o->nr_devices);
	/* A later vssd may say more. */
	return sd_bus_message_skip(m, "v");
}

int vss_writer_operation_read(sd_bus_message *m, struct vss_writer_operation *operation)
{
	int ret;

	memset(operation, 0, sizeof(*operation));
	ret = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (ret >= 0 && (ret = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const char *key;

		ret = sd_bus_message_read_basic(m, 's', &key);
		if (ret >= 0)
			ret = read_entry(m, key, operation);
		if (ret >= 0)
			ret = sd_bus_message_exit_container(m);
	}
	if (ret >= 0)
		ret = sd_bus_message_exit_container(m);
	if (ret >= 0 && operation->nr_devices && operation->nr_devices != operation->nr_volumes)
		ret = -EINVAL;
	if (ret < 0)
		vss_writer_operation_clear(operation);
	return ret < 0 ? ret : 0;
}

int vss_writer_operation_copy(const struct vss_writer_operation *from, struct vss_writer_operation *to)
{
	*to = *from;
	to->devices = NULL;
	to->nr_devices = 0;
	to->nr_volumes = 0;
	to->volumes = calloc(from->nr_volumes ? from->nr_volumes : 1, sizeof(char *));
	if (!to->volumes)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->nr_volumes; i++) {
		to->volumes[i] = strdup(from->volumes[i]);
		if (!to->volumes[i]) {
			vss_writer_operation_clear(to);
			return -ENOMEM;
		}
		to->nr_volumes++;
	}
	return 0;
}

/* ---- public ---- */

static vss_result need_operation(struct vss_writer *writer, const char *what)
{
	if (writer->operation)
		return S_OK;
	return vss_writer_fail(writer, VSS_E_BAD_STATE, "there is no %s outside the handling of an event "
			       "of a backup or restore", what);
}

void vss_writer_get_instance_id(struct vss_writer *writer, struct vss_uuid *id)
{
	*id = writer->instance_id;
}

vss_result vss_writer_get_session_id(struct vss_writer *writer, struct vss_uuid *id)
{
	vss_result result = need_operation(writer, "session");

	if (result == S_OK)
		*id = writer->operation->session;
	return result;
}

vss_result vss_writer_get_context(struct vss_writer *writer, uint32_t *context)
{
	vss_result result = need_operation(writer, "context");

	if (result == S_OK)
		*context = writer->operation->context;
	return result;
}

vss_result vss_writer_get_current_snapshot_set_id(struct vss_writer *writer, struct vss_uuid *id)
{
	vss_result result = need_operation(writer, "shadow copy set");

	if (result != S_OK)
		return result;
	switch (writer->current) {
	case VSS_ON_PREPARE_SNAPSHOT:
	case VSS_ON_FREEZE:
	case VSS_ON_THAW:
	case VSS_ON_POST_SNAPSHOT:
	case VSS_ON_ABORT:
		break;
	default:
		return vss_writer_fail(writer, VSS_E_BAD_STATE, "the shadow copy set is known from "
				       "PrepareSnapshot to PostSnapshot only");
	}
	if (vss_uuid_is_null(&writer->operation->set))
		return vss_writer_fail(writer, VSS_E_BAD_STATE, "the backup was aborted before it had a "
				       "shadow copy set");
	*id = writer->operation->set;
	return S_OK;
}

enum vss_backup_type vss_writer_get_backup_type(struct vss_writer *writer)
{
	return writer->operation ? (enum vss_backup_type)writer->operation->backup_type : VSS_BT_UNDEFINED;
}

enum vss_restore_type vss_writer_get_restore_type(struct vss_writer *writer)
{
	return writer->operation ? (enum vss_restore_type)writer->operation->restore_type :
				   VSS_RTYPE_UNDEFINED;
}

bool vss_writer_are_components_selected(struct vss_writer *writer)
{
	return writer->operation && writer->operation->components_selected;
}

bool vss_writer_is_bootable_system_state_backed_up(struct vss_writer *writer)
{
	return writer->operation && writer->operation->bootable_system_state;
}

bool vss_writer_is_partial_file_support_enabled(struct vss_writer *writer)
{
	return writer->operation && writer->operation->partial_files;
}

uint32_t vss_writer_get_current_volume_count(struct vss_writer *writer)
{
	return writer->operation ? writer->operation->nr_volumes : 0;
}

const char *vss_writer_get_current_volume(struct vss_writer *writer, uint32_t index)
{
	if (!writer->operation || index >= writer->operation->nr_volumes)
		return NULL;
	return writer->operation->volumes[index];
}

vss_result vss_writer_get_snapshot_device_name(struct vss_writer *writer, const char *volume,
					       char **device)
{
	const struct vss_writer_operation *o = writer->operation;
	struct vss_devno wanted, dev;
	uint32_t i;

	*device = NULL;
	if (!o || writer->current != VSS_ON_POST_SNAPSHOT)
		return vss_writer_fail(writer, VSS_E_BAD_STATE,
				       "devices of shadow copies can be asked for in PostSnapshot only");
	for (i = 0; i < o->nr_volumes; i++)
		if (!strcmp(o->volumes[i], volume))
			break;
	/* By another name, such as a mount point. */
	if (i == o->nr_volumes && vss_writer_volume_devno(volume, &wanted))
		for (i = 0; i < o->nr_volumes; i++)
			if (vss_writer_volume_devno(o->volumes[i], &dev) &&
			    dev.major == wanted.major && dev.minor == wanted.minor)
				break;
	if (i == o->nr_volumes)
		return vss_writer_fail(writer, VSS_E_OBJECT_NOT_FOUND,
				       "%s is not a volume of the shadow copy set", volume);
	if (i >= o->nr_devices || !o->devices[i][0])
		return vss_writer_fail(writer, VSS_E_OBJECT_NOT_FOUND,
				       "the shadow copy of %s has no device on this machine", volume);
	*device = strdup(o->devices[i]);
	return *device ? S_OK : vss_writer_fail(writer, E_OUTOFMEMORY, "out of memory");
}

bool vss_writer_is_path_affected(struct vss_writer *writer, const char *path)
{
	struct vss_writer_paths now = { 0 };
	bool affected;

	if (!writer->operation || !path)
		return false;
	if (writer->paths.loaded)
		return vss_writer_paths_affected(&writer->paths, path);
	if (vss_writer_paths_load_names(&now, writer->operation->volumes, writer->operation->nr_volumes))
		return false;
	affected = vss_writer_paths_affected(&now, path);
	vss_writer_paths_clear(&now);
	return affected;
}

/* ---- failures ---- */

static vss_result may_fail(struct vss_writer *writer)
{
	if (writer->current == VSS_ON_NONE)
		return vss_writer_fail(writer, VSS_E_BAD_STATE,
				       "a writer's failure can be set within its callbacks only");
	if (writer->current == VSS_ON_IDENTIFY)
		return vss_writer_fail(writer, VSS_E_BAD_STATE,
				       "Identify fails by returning false; it has no failure code");
	/* The object itself must not be written from here: another thread works on it. */
	if (!pthread_equal(writer->thread, pthread_self()))
		return VSS_E_BAD_STATE;
	return S_OK;
}

static bool is_writer_error(vss_result failure)
{
	switch (failure) {
	case VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT:
	case VSS_E_WRITERERROR_OUTOFRESOURCES:
	case VSS_E_WRITERERROR_TIMEOUT:
	case VSS_E_WRITERERROR_RETRYABLE:
	case VSS_E_WRITERERROR_NONRETRYABLE:
		return true;
	default:
		return false;
	}
}

static vss_result set_failure(struct vss_writer *writer, vss_result failure, vss_result application_code,
			      const char *message)
{
	char *copy = NULL;

	if (message && message[0]) {
		copy = strdup(message);
		if (!copy)
			return vss_writer_fail(writer, E_OUTOFMEMORY, "out of memory");
	}
	free(writer->message);
	writer->message = copy;
	writer->failed = failure != S_OK;
	writer->failure = failure;
	writer->application_code = application_code;
	return S_OK;
}

vss_result vss_writer_set_writer_failure(struct vss_writer *writer, vss_result failure)
{
	vss_result result = may_fail(writer);

	if (result != S_OK)
		return result;
	if (!is_writer_error(failure))
		return vss_writer_fail(writer, E_INVALIDARG, "%s is not a failure that a writer may set: "
				       "use one of VSS_E_WRITERERROR_*", vss_result_name(failure));
	return set_failure(writer, failure, S_OK, NULL);
}

vss_result vss_writer_set_writer_failure_ex(struct vss_writer *writer, vss_result failure,
					    vss_result application_code, const char *message)
{
	vss_result result = may_fail(writer);

	if (result != S_OK)
		return result;
	if (failure != S_OK && failure != VSS_E_WRITERERROR_PARTIAL_FAILURE && !is_writer_error(failure))
		return vss_writer_fail(writer, E_INVALIDARG, "%s is not a failure that a writer may set: "
				       "use S_OK or one of VSS_E_WRITERERROR_*", vss_result_name(failure));
	return set_failure(writer, failure, application_code, message);
}
