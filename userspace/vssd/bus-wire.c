// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Between C and D-Bus messages: dictionaries and errors.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-wire.h"
#include "bus.h"
#include "cleanup.h"
#include "error.h"

/* A dictionary is closed by the caller of this. */
static int open_dict(sd_bus_message *m)
{
	return sd_bus_message_open_container(m, 'a', "{sv}");
}

int vssd_wire_append_snapshot(sd_bus_message *m, const struct vss_snapshot_prop *prop)
{
	int ret = open_dict(m);

	if (ret < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "id", &prop->snapshot_id)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "set", &prop->snapshot_set_id)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "count", prop->snapshots_count)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "device", prop->device_object)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "volume", prop->original_volume_name)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "originating-machine", prop->originating_machine)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "service-machine", prop->service_machine)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "exposed-name", prop->exposed_name)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "exposed-path", prop->exposed_path)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "provider", &prop->provider_id)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "attributes", prop->attributes)) < 0 ||
	    (ret = vssd_wire_entry_u64(m, "time", prop->creation_time)) < 0 ||
	    /* Also VSS_SS_UNKNOWN, which is 0: left out it would be VSS_SS_CREATED. */
	    (ret = sd_bus_message_append(m, "{sv}", "state", "u", (uint32_t)prop->status)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

int vssd_wire_append_provider(sd_bus_message *m, const struct vss_provider_prop *prop)
{
	int ret = open_dict(m);

	if (ret < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "id", &prop->provider_id)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "name", prop->provider_name)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "type", prop->provider_type)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "version", prop->provider_version)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "version-id", &prop->provider_version_id)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

int vssd_wire_append_status(sd_bus_message *m, const struct vssd_writer_status *status)
{
	int ret = open_dict(m);

	if (ret < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "instance", &status->instance_id)) < 0 ||
	    (ret = vssd_wire_entry_uuid(m, "class", &status->class_id)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "name", status->name)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "state", status->state)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "failure", status->failure)) < 0 ||
	    (ret = vssd_wire_entry_u32(m, "application-code", status->application_code)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "application-message", status->application_message)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

int vssd_wire_append_volume(sd_bus_message *m, const struct vss_blockdev *volume)
{
	int ret = open_dict(m);

	if (ret < 0 ||
	    (ret = vssd_wire_entry_string(m, "path", volume->path)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "name", volume->name)) < 0 ||
	    (ret = vssd_wire_entry_u64(m, "size", volume->size)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "fstype", volume->fstype)) < 0 ||
	    (ret = vssd_wire_entry_string(m, "mount-point", volume->mount_point)) < 0)
		return ret;
	return sd_bus_message_close_container(m);
}

/* One property; unknown ones are passed over, for newer writers. */
static int read_writer_property(sd_bus_message *m, const char *key, struct vssd_writer_info *info,
				struct vss_error *err)
{
	static const char *const texts[] = { "class", "instance", "name", "instance-name" };
	static const char *const numbers[] = { "usage", "source", "level" };
	const char *text = NULL;
	uint32_t number = 0;
	uint64_t timeout = 0;
	int ret;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct vss_uuid *uuid = i == 0 ? &info->class_id : &info->instance_id;

		if (strcmp(key, texts[i]))
			continue;
		ret = sd_bus_message_read(m, "v", "s", &text);
		if (ret < 0)
			return ret;
		if (i == 2)
			info->name = text;
		else if (i == 3)
			info->instance_name = text[0] ? text : NULL;
		else if (vss_uuid_parse(text, uuid))
			return vss_error_set(err, -EINVAL, E_INVALIDARG,
					     "the writer's %s \"%.64s\" is not a UUID", key, text);
		return 0;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(key, numbers[i]))
			continue;
		ret = sd_bus_message_read(m, "v", "u", &number);
		if (ret < 0)
			return ret;
		if (number > (i == 0 ? VSS_UT_OTHER : i == 1 ? (uint32_t)VSS_ST_OTHER :
			      (uint32_t)VSS_APP_SYSTEM_RM))
			return vss_error_set(err, -EINVAL, E_INVALIDARG,
					     "the writer's %s %u is unknown", key, number);
		if (i == 0)
			info->usage = (enum vss_usage_type)number;
		else if (i == 1)
			info->source = (enum vss_source_type)number;
		else
			info->level = (enum vss_application_level)number;
		return 0;
	}
	if (strcmp(key, "freeze-timeout"))
		return sd_bus_message_skip(m, "v");
	ret = sd_bus_message_read(m, "v", "t", &timeout);
	info->freeze_timeout_ms = timeout > UINT32_MAX ? UINT32_MAX : (uint32_t)timeout;
	return ret;
}

struct writer_reader {
	struct vssd_writer_info *info;
	struct vss_error *err;
};

static int take_writer_property(sd_bus_message *m, const char *key, void *data)
{
	struct writer_reader *reader = data;

	return read_writer_property(m, key, reader->info, reader->err);
}

int vssd_wire_read_writer_info(sd_bus_message *m, struct vssd_writer_info *info, struct vss_error *err)
{
	struct writer_reader reader = { info, err };
	int ret;

	memset(info, 0, sizeof(*info));
	memset(err, 0, sizeof(*err));
	ret = vssd_wire_read_dict(m, take_writer_property, &reader);
	if (ret < 0 && err->result)
		return ret;
	if (ret < 0)
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "a property of the writer has the wrong type");
	if (vss_uuid_is_null(&info->class_id) || vss_uuid_is_null(&info->instance_id) ||
	    !info->name || !info->name[0])
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "a writer needs the properties class, instance and name");
	return 0;
}

int vssd_wire_reply_error(sd_bus_message *m, vss_result result, const char *text)
{
	_cleanup_free_ char *clean = vssd_wire_utf8(text);
	char name[128];

	snprintf(name, sizeof(name), "%s%s", VSSD_BUS_ERROR_PREFIX, vss_result_name(result));
	if (!clean)
		return -ENOMEM;
	return sd_bus_reply_method_errorf(m, name, "%s", clean);
}

/* Codes that a writer may answer with. */
static const vss_result writer_failures[] = {
	VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT, VSS_E_WRITERERROR_OUTOFRESOURCES,
	VSS_E_WRITERERROR_TIMEOUT, VSS_E_WRITERERROR_RETRYABLE, VSS_E_WRITERERROR_NONRETRYABLE,
	VSS_E_WRITERERROR_RECOVERY_FAILED, VSS_E_WRITERERROR_PARTIAL_FAILURE, E_OUTOFMEMORY,
	E_ACCESSDENIED,
};

vss_result vssd_wire_error_result(const sd_bus_error *error)
{
	const size_t prefix = strlen(VSSD_BUS_ERROR_PREFIX);

	if (!error || !error->name || strncmp(error->name, VSSD_BUS_ERROR_PREFIX, prefix))
		return VSS_E_UNEXPECTED;
	for (size_t i = 0; i < sizeof(writer_failures) / sizeof(writer_failures[0]); i++)
		if (!strcmp(error->name + prefix, vss_result_name(writer_failures[i])))
			return writer_failures[i];
	return VSS_E_UNEXPECTED;
}
