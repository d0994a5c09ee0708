// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The requester's connection to vssd: connecting, calls and their errors, and
 * the dictionaries of the interface (userspace/dbus/org.linuxvss.Vss1.*.xml).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "requester.h"

#define ERROR_PREFIX	"org.linuxvss.Vss1.Error."

/* A call ends when vssd or the connection does; the limits of time are vssd's. */
#define FOREVER		UINT64_MAX
/* How long a release waits for the session's end. */
#define CLOSE_USEC	(30 * UINT64_C(1000000))

vss_result vss_requester_bus_error(struct vss_error *err, const char *method, const sd_bus_error *error,
				   int code)
{
	static const struct {
		const char *name;
		vss_result result;
		const char *says;
	} known[] = {
		{ SD_BUS_ERROR_ACCESS_DENIED, E_ACCESSDENIED,
		  "the caller may not be a requester; run it as root or have the administrator allow it" },
		{ SD_BUS_ERROR_NO_MEMORY, E_OUTOFMEMORY, "memory is out" },
		{ SD_BUS_ERROR_LIMITS_EXCEEDED, E_OUTOFMEMORY, "a limit of the bus or of vssd was exceeded" },
		{ SD_BUS_ERROR_SERVICE_UNKNOWN, VSS_E_UNEXPECTED,
		  "vssd is not there; start it (systemctl start vssd)" },
		{ SD_BUS_ERROR_NO_REPLY, VSS_E_UNEXPECTED,
		  "vssd went away; see its log (journalctl -u vssd)" },
		{ SD_BUS_ERROR_UNKNOWN_OBJECT, VSS_E_UNEXPECTED,
		  "vssd has ended the session; see its log (journalctl -u vssd)" },
	};
	vss_result result = VSS_E_UNEXPECTED;

	if (error && error->name && !strncmp(error->name, ERROR_PREFIX, strlen(ERROR_PREFIX)) &&
	    vss_result_parse(error->name + strlen(ERROR_PREFIX), &result)) {
		vss_error_set(err, vss_result_to_errno(result), result, "%s",
			      error->message && *error->message ? error->message : vss_result_name(result));
		return result;
	}
	for (size_t i = 0; error && error->name && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(error->name, known[i].name))
			continue;
		vss_error_set(err, vss_result_to_errno(known[i].result), known[i].result, "%s failed: %s",
			      method, known[i].says);
		return known[i].result;
	}
	if (code == -EACCES || code == -EPERM)
		result = E_ACCESSDENIED;
	else if (code == -ENOMEM)
		result = E_OUTOFMEMORY;
	vss_error_set(err, code < 0 ? code : -EIO, result,
		      "%s failed, vssd cannot be spoken to: %s; see that it runs (systemctl status vssd)",
		      method, error && error->message ? error->message : strerror(code < 0 ? -code : EIO));
	return result;
}

vss_result vss_requester_bad_reply(struct vss_backup_components *bc, int code)
{
	return vss_requester_fail(
		bc, code == -ENOMEM ? E_OUTOFMEMORY : VSS_E_UNEXPECTED,
		"vssd's answer cannot be read: %s; see that vssd and libvss are of the same version",
		strerror(-code));
}

/* ---- connecting ---- */

static int on_progress(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct vss_backup_components *bc = data;
	const char *stage;
	uint32_t percent;

	(void)error;
	if (sd_bus_message_read(m, "us", &percent, &stage) >= 0)
		vss_async_progress(bc, percent);
	return 0;
}

static int connect_to(struct vss_backup_components *bc, const char *address)
{
	int r;

	if (!address)
		address = secure_getenv("VSS_BUS_ADDRESS");
	if (!address) {
		bc->destination = VSS_BUS_NAME;
		return sd_bus_open_system(&bc->bus);
	}
	r = sd_bus_new(&bc->bus);
	if (r >= 0)
		r = sd_bus_set_address(bc->bus, address);
	if (r >= 0)
		r = sd_bus_start(bc->bus);
	return r;
}

vss_result vss_requester_connect(struct vss_backup_components *bc, const char *address)
{
	_cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
	const char *path, *id;
	vss_result result;
	int r = connect_to(bc, address);

	if (r < 0)
		return vss_requester_bus_error(&bc->error, "Connecting", NULL, r);
	r = sd_bus_message_new_method_call(bc->bus, &m, bc->destination, VSS_BUS_PATH, VSS_BUS_MANAGER,
					   "OpenSession");
	if (r < 0)
		return vss_requester_bus_error(&bc->error, "OpenSession", NULL, r);
	result = vss_requester_send(bc, sd_bus_message_ref(m), &reply);
	if (VSS_FAILED(result))
		return result;
	r = sd_bus_message_read(reply, "os", &path, &id);
	if (r < 0 || !vss_requester_parse_uuid(id, &bc->session_id))
		return vss_requester_bad_reply(bc, r < 0 ? r : -EBADMSG);
	bc->session = strdup(path);
	if (!bc->session)
		return vss_requester_bad_reply(bc, -ENOMEM);
	r = sd_bus_match_signal(bc->bus, NULL, bc->destination, bc->session, VSS_BUS_SESSION, "Progress",
				on_progress, bc);
	return r < 0 ? vss_requester_bus_error(&bc->error, "AddMatch", NULL, r) : S_OK;
}

void vss_requester_disconnect(struct vss_backup_components *bc)
{
	sd_bus_message *m = bc->session ? vss_requester_message(bc, "Close") : NULL;

	/*
	 * The reply comes after that of a call that still runs.  A vssd that hangs
	 * ends the session when it sees the connection gone.
	 */
	if (m)
		sd_bus_call(bc->bus, m, CLOSE_USEC, NULL, NULL);
	sd_bus_message_unref(m);
	vss_requester_pump(bc);
	vss_async_abandon(bc);
	bc->bus = sd_bus_flush_close_unref(bc->bus);
	free(bc->session);
	bc->session = NULL;
}

/* ---- calls ---- */

sd_bus_message *vss_requester_message(struct vss_backup_components *bc, const char *method)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bc->bus, &m, bc->destination, bc->session, VSS_BUS_SESSION,
					       method);

	if (r < 0)
		vss_requester_bus_error(&bc->error, method, NULL, r);
	return m;
}

static vss_result appended(struct vss_backup_components *bc, sd_bus_message **m, int r)
{
	if (r >= 0)
		return S_OK;
	sd_bus_message_unref(*m);
	*m = NULL;
	if (r == -ENOMEM)
		return vss_requester_fail(bc, E_OUTOFMEMORY, "memory is out");
	return vss_requester_fail(bc, E_INVALIDARG, "an argument cannot be sent to vssd: text must be UTF-8");
}

vss_result vss_requester_append(struct vss_backup_components *bc, sd_bus_message **m, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = sd_bus_message_appendv(*m, types, args);
	va_end(args);
	return appended(bc, m, r);
}

vss_result vss_requester_send(struct vss_backup_components *bc, sd_bus_message *m, sd_bus_message **reply)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *method = sd_bus_message_get_member(m);
	vss_result result = S_OK;
	int r = sd_bus_call(bc->bus, m, FOREVER, &error, reply);

	if (r < 0)
		result = vss_requester_bus_error(&bc->error, method, &error, r);
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
	/* Other messages may have come before the reply; nobody would wake up for them. */
	vss_requester_pump(bc);
	return result;
}

vss_result vss_requester_call(struct vss_backup_components *bc, const char *method,
			      sd_bus_message **reply, const char *types, ...)
{
	sd_bus_message *m = vss_requester_message(bc, method);
	vss_result result = S_OK;
	va_list args;

	if (!m)
		return bc->error.result;
	if (*types) {
		va_start(args, types);
		result = appended(bc, &m, sd_bus_message_appendv(m, types, args));
		va_end(args);
	}
	return VSS_FAILED(result) ? result : vss_requester_send(bc, m, reply);
}

void vss_requester_pump(struct vss_backup_components *bc)
{
	/* A connection that is lost answers what is pending with an error, and then fails. */
	while (bc->bus && sd_bus_process(bc->bus, NULL) > 0)
		;
}

/* ---- dictionaries ---- */

bool vss_requester_parse_uuid(const char *text, struct vss_uuid *id)
{
	memset(id, 0, sizeof(*id));
	return !*text || !vss_uuid_parse(text, id);
}

const char *vss_requester_format_uuid(const struct vss_uuid *id, char text[VSS_UUID_TEXT_SIZE])
{
	if (!id || vss_uuid_is_null(id))
		return "";
	return vss_uuid_format(id, text);
}

/* A field of a record that an entry of a dictionary fills. */
struct field {
	const char *key;
	char type;	/* 's' text, 'i' UUID as text, 'u', 't' */
	void *value;
};

static int read_string(sd_bus_message *m, const struct field *field)
{
	const char *text;
	char **value = field->value;
	char *copy;
	int r = sd_bus_message_read(m, "v", "s", &text);

	if (r < 0)
		return r;
	if (field->type == 'i')
		return vss_requester_parse_uuid(text, field->value) ? 0 : -EBADMSG;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*value);
	*value = copy;
	return 0;
}

static int read_value(sd_bus_message *m, const struct field *field)
{
	switch (field->type) {
	case 'u':
		return sd_bus_message_read(m, "v", "u", (uint32_t *)field->value);
	case 't':
		return sd_bus_message_read(m, "v", "t", (uint64_t *)field->value);
	default:
		return read_string(m, field);
	}
}

/* Entries that are not known, of a later version, are passed over. */
static int read_dictionary(sd_bus_message *m, const struct field *fields, size_t count)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		const char *key;
		size_t i;

		r = sd_bus_message_read(m, "s", &key);
		if (r < 0)
			return r;
		for (i = 0; i < count && strcmp(fields[i].key, key); i++)
			;
		r = i < count ? read_value(m, &fields[i]) : sd_bus_message_skip(m, "v");
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Text that is never NULL in a record. */
static int fill_text(char **text)
{
	if (!*text)
		*text = strdup("");
	return *text ? 0 : -ENOMEM;
}

int vss_requester_read_snapshot(sd_bus_message *m, struct vss_snapshot_prop *prop)
{
	uint32_t state = VSS_SS_CREATED;
	const struct field fields[] = {
		{ "id", 'i', &prop->snapshot_id },
		{ "set", 'i', &prop->snapshot_set_id },
		{ "count", 'u', &prop->snapshots_count },
		{ "device", 's', &prop->device_object },
		{ "volume", 's', &prop->original_volume_name },
		{ "originating-machine", 's', &prop->originating_machine },
		{ "service-machine", 's', &prop->service_machine },
		{ "exposed-name", 's', &prop->exposed_name },
		{ "exposed-path", 's', &prop->exposed_path },
		{ "provider", 'i', &prop->provider_id },
		{ "attributes", 'u', &prop->attributes },
		{ "time", 't', &prop->creation_time },
		{ "state", 'u', &state },
	};
	int r;

	memset(prop, 0, sizeof(*prop));
	r = read_dictionary(m, fields, sizeof(fields) / sizeof(fields[0]));
	prop->status = (enum vss_snapshot_state_ex)state;
	if (r >= 0)
		r = fill_text(&prop->device_object);
	if (r >= 0)
		r = fill_text(&prop->original_volume_name);
	if (r >= 0)
		r = fill_text(&prop->originating_machine);
	if (r >= 0)
		r = fill_text(&prop->service_machine);
	if (r < 0)
		vss_free_snapshot_properties(prop);
	return r;
}

int vss_requester_read_provider(sd_bus_message *m, struct vss_provider_prop *prop)
{
	uint32_t type = VSS_PROV_UNKNOWN;
	const struct field fields[] = {
		{ "id", 'i', &prop->provider_id },
		{ "name", 's', &prop->provider_name },
		{ "type", 'u', &type },
		{ "version", 's', &prop->provider_version },
		{ "version-id", 'i', &prop->provider_version_id },
	};
	int r;

	memset(prop, 0, sizeof(*prop));
	r = read_dictionary(m, fields, sizeof(fields) / sizeof(fields[0]));
	prop->provider_type = (enum vss_provider_type)type;
	if (r >= 0)
		r = fill_text(&prop->provider_name);
	if (r >= 0)
		r = fill_text(&prop->provider_version);
	if (r < 0)
		vss_free_provider_properties(prop);
	return r;
}

int vss_requester_read_status(sd_bus_message *m, struct vss_writer_status *status)
{
	uint32_t state = VSS_WS_UNKNOWN;
	const struct field fields[] = {
		{ "instance", 'i', &status->instance_id },
		{ "class", 'i', &status->writer_id },
		{ "name", 's', &status->writer_name },
		{ "state", 'u', &state },
		{ "failure", 'u', &status->failure },
		{ "application-code", 'u', &status->application_code },
		{ "application-message", 's', &status->application_message },
	};
	int r;

	memset(status, 0, sizeof(*status));
	r = read_dictionary(m, fields, sizeof(fields) / sizeof(fields[0]));
	status->state = (enum vss_writer_state)state;
	if (r >= 0)
		r = fill_text(&status->writer_name);
	if (r < 0)
		vss_writer_status_clear(status);
	return r;
}
