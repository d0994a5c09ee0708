// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Session objects: a requester's calls become calls of the core, which answers
 * long ones later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "bus-internal.h"
#include "cleanup.h"
#include "error.h"
#include "messages.h"

/* Arguments' UUIDs are lists of 64 and more only by mistake or malice. */
#define MAX_SELECTION	4096

/* A call that the core has not answered yet; the session may end before it. */
struct bus_call {
	sd_bus_message *m;
	int (*append)(sd_bus_message *reply, const struct vssd_reply *result);
};

/* ---- answers ---- */

static int append_document(sd_bus_message *reply, const struct vssd_reply *result)
{
	return vssd_wire_append_string(reply, result->document);
}

static int append_id(sd_bus_message *reply, const struct vssd_reply *result)
{
	return vssd_wire_append_uuid(reply, &result->id);
}

static int append_flag(sd_bus_message *reply, const struct vssd_reply *result)
{
	return sd_bus_message_append(reply, "b", (int)result->flag);
}

static int append_flag_value(sd_bus_message *reply, const struct vssd_reply *result)
{
	return sd_bus_message_append(reply, "bu", (int)result->flag, result->value);
}

static int append_text(sd_bus_message *reply, const struct vssd_reply *result)
{
	return vssd_wire_append_string(reply, result->text);
}

static int append_result(sd_bus_message *reply, const struct vssd_reply *result)
{
	return sd_bus_message_append(reply, "u", result->result);
}

static int append_nothing(sd_bus_message *reply, const struct vssd_reply *result)
{
	(void)reply;
	(void)result;
	return 0;
}

static int append_deleted(sd_bus_message *reply, const struct vssd_reply *result)
{
	int ret = sd_bus_message_append(reply, "i", result->deleted);

	if (ret < 0 || (ret = vssd_wire_append_uuid(reply, &result->id)) < 0 ||
	    (ret = sd_bus_message_append(reply, "u", result->result)) < 0)
		return ret;
	return vssd_wire_append_string(reply, VSS_FAILED(result->result) ? result->error.text : "");
}

static int append_metadata(sd_bus_message *reply, const struct vssd_reply *result)
{
	int ret = sd_bus_message_open_container(reply, 'a', "(ss)");

	for (size_t i = 0; ret >= 0 && i < result->nr_metadata; i++) {
		ret = sd_bus_message_open_container(reply, 'r', "ss");
		if (ret >= 0)
			ret = vssd_wire_append_uuid(reply, &result->metadata[i].instance_id);
		if (ret >= 0)
			ret = vssd_wire_append_string(reply, result->metadata[i].document);
		if (ret >= 0)
			ret = sd_bus_message_close_container(reply);
	}
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

static int append_snapshot(sd_bus_message *reply, const struct vssd_reply *result)
{
	static const struct vss_snapshot_prop none;

	return vssd_wire_append_snapshot(reply, result->nr_snapshots ? result->snapshots : &none);
}

static int append_snapshots(sd_bus_message *reply, const struct vssd_reply *result)
{
	int ret = sd_bus_message_open_container(reply, 'a', "a{sv}");

	for (size_t i = 0; ret >= 0 && i < result->nr_snapshots; i++)
		ret = vssd_wire_append_snapshot(reply, &result->snapshots[i]);
	return ret < 0 ? ret : sd_bus_message_close_container(reply);
}

static void on_done(void *data, const struct vssd_reply *result)
{
	struct bus_call *call = data;
	sd_bus_message *reply = NULL;
	int ret;

	if (VSS_FAILED(result->result) && call->append != append_deleted) {
		vssd_wire_reply_error(call->m, result->result, result->error.text);
	} else {
		ret = sd_bus_message_new_method_return(call->m, &reply);
		if (ret >= 0)
			ret = call->append(reply, result);
		if (ret >= 0)
			ret = sd_bus_send(NULL, reply, NULL);
		/* Or it is more than a message can hold; who waits must hear of it in any case. */
		if (ret < 0)
			vssd_wire_reply_error(call->m, ret == -ENOMEM ? E_OUTOFMEMORY : VSS_E_UNEXPECTED,
					      ret == -ENOMEM ? "vssd has not enough memory" :
					      "the answer is too large for a message; take part with fewer writers");
		sd_bus_message_unref(reply);
	}
	sd_bus_message_unref(call->m);
	free(call);
}

/* NULL without memory: then the method returns -ENOMEM. */
static struct bus_call *call_new(sd_bus_message *m,
				 int (*append)(sd_bus_message *, const struct vssd_reply *))
{
	struct bus_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->m = sd_bus_message_ref(m);
	call->append = append;
	return call;
}

/* ---- arguments ---- */

static int read_uuid(sd_bus_message *m, const char *what, struct vss_uuid *uuid, struct vss_error *err)
{
	const char *text;
	int ret = sd_bus_message_read_basic(m, 's', &text);

	if (ret < 0)
		return ret;
	if (vssd_wire_parse_uuid(text, uuid))
		return 0;
	return vss_error_set(err, -EINVAL, E_INVALIDARG, "the %s \"%.64s\" is not a UUID", what, text);
}

static int read_uuids(sd_bus_message *m, const char *what, struct vss_uuid **uuids, size_t *count,
		      struct vss_error *err)
{
	int ret = sd_bus_message_enter_container(m, 'a', "s");

	*uuids = NULL;
	*count = 0;
	if (ret < 0)
		return ret;
	while (!(ret = sd_bus_message_at_end(m, 0))) {
		struct vss_uuid *more = reallocarray(*uuids, *count + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		*uuids = more;
		ret = read_uuid(m, what, &more[*count], err);
		if (ret < 0)
			return ret;
		if (++*count > MAX_SELECTION)
			return vss_error_set(err, -EINVAL, E_INVALIDARG, "more than %d %ss are given",
					     MAX_SELECTION, what);
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_document(struct bus_session *s, sd_bus_message *m, const char **document,
			 struct vss_error *err)
{
	struct vssd_bus *bus = s->peer->link->bus;
	int ret = sd_bus_message_read_basic(m, 's', document);

	if (ret < 0)
		return ret;
	if (strlen(*document) <= bus->settings.limits.message_size)
		return 0;
	bus_log(bus, LOG_WARNING, VSSD_MESSAGE_DOCUMENT_INVALID,
		"a document of a requester of user %u was refused: it is longer than %u bytes",
		s->peer->user->uid, bus->settings.limits.message_size);
	return vss_error_set(err, -EINVAL, E_INVALIDARG,
			     "the document is longer than %u bytes; have MessageSize raised in "
			     "[Limits] of /etc/vss/vssd.conf", bus->settings.limits.message_size);
}

static int reply_result(sd_bus_message *m, vss_result result, const struct vss_error *err)
{
	if (VSS_FAILED(result))
		return vssd_wire_reply_error(m, result, err->text);
	return sd_bus_reply_method_return(m, NULL);
}

/* ---- methods that are answered at once ---- */

static int do_close(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	(void)err;
	bus_session_close(s);
	return sd_bus_reply_method_return(m, NULL);
}

static int do_initialize(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	int restore, ret = sd_bus_message_read(m, "b", &restore);

	if (ret < 0)
		return ret;
	return reply_result(m, vssd_session_initialize(s->session, restore, err), err);
}

static int do_set_context(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	uint32_t context;
	int ret = sd_bus_message_read(m, "u", &context);

	if (ret < 0)
		return ret;
	return reply_result(m, vssd_session_set_context(s->session, context, err), err);
}

static int do_start_snapshot_set(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	char text[VSS_UUID_TEXT_SIZE];
	struct vss_uuid set;
	vss_result result = vssd_session_start_snapshot_set(s->session, &set, err);

	if (VSS_FAILED(result))
		return vssd_wire_reply_error(m, result, err->text);
	return sd_bus_reply_method_return(m, "s", vss_uuid_format(&set, text));
}

static int do_abort(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return reply_result(m, vssd_session_abort(s->session, err), err);
}

static int do_cancel(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	/* Too late is no failure. */
	vss_error_set(err, 0, VSS_E_UNEXPECTED, "the call could not be cancelled");
	return reply_result(m, vssd_session_cancel(s->session), err);
}

static int do_document_saved(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	(void)err;
	vssd_session_document_saved(s->session);
	return sd_bus_reply_method_return(m, NULL);
}

static int do_gather_writer_status(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	const struct vssd_writer_status *statuses;
	sd_bus_message *reply = NULL;
	size_t count = 0;
	vss_result result = vssd_session_writer_status(s->session, &statuses, &count);
	int ret;

	vss_error_set(err, 0, result, "there is no writer status now; writers have to be asked for "
		      "their metadata first, and no other call may be under way");
	if (VSS_FAILED(result))
		return vssd_wire_reply_error(m, result, err->text);
	ret = sd_bus_message_new_method_return(m, &reply);
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; ret >= 0 && i < count; i++)
		ret = vssd_wire_append_status(reply, &statuses[i]);
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	if (ret >= 0)
		ret = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return ret;
}

/* ---- methods that take time ---- */

static int do_gather_writer_metadata(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	_cleanup_free_ struct vss_uuid *enable = NULL, *disable = NULL, *instances = NULL;
	struct vssd_selection selection = { 0 };
	struct bus_call *call;
	int ret;

	if ((ret = read_uuids(m, "writer class", &enable, &selection.nr_enable, err)) < 0 ||
	    (ret = read_uuids(m, "writer class", &disable, &selection.nr_disable, err)) < 0 ||
	    (ret = read_uuids(m, "writer instance", &instances, &selection.nr_instances, err)) < 0)
		return ret;
	selection.enable = enable;
	selection.disable = disable;
	selection.instances = instances;
	call = call_new(m, append_metadata);
	if (!call)
		return -ENOMEM;
	vssd_session_gather_writer_metadata(s->session, &selection, on_done, call);
	return 1;
}

static int do_add_to_snapshot_set(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct bus_call *call;
	struct vss_uuid provider;
	const char *volume;
	int ret;

	if ((ret = sd_bus_message_read_basic(m, 's', &volume)) < 0 ||
	    (ret = read_uuid(m, "provider", &provider, err)) < 0)
		return ret;
	call = call_new(m, append_id);
	if (!call)
		return -ENOMEM;
	vssd_session_add_to_snapshot_set(s->session, volume, &provider, on_done, call);
	return 1;
}

static int ask_about_volume(struct bus_session *s, sd_bus_message *m,
			    int (*append)(sd_bus_message *, const struct vssd_reply *),
			    void (*ask)(struct vssd_session *, const struct vss_uuid *, const char *,
					vssd_done, void *), struct vss_error *err)
{
	struct bus_call *call;
	struct vss_uuid provider;
	const char *volume;
	int ret;

	if ((ret = read_uuid(m, "provider", &provider, err)) < 0 ||
	    (ret = sd_bus_message_read_basic(m, 's', &volume)) < 0)
		return ret;
	call = call_new(m, append);
	if (!call)
		return -ENOMEM;
	ask(s->session, &provider, volume, on_done, call);
	return 1;
}

static int do_is_volume_supported(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return ask_about_volume(s, m, append_flag, vssd_session_is_volume_supported, err);
}

static int do_is_volume_snapshotted(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return ask_about_volume(s, m, append_flag_value, vssd_session_is_volume_snapshotted, err);
}

static int pass_document(struct bus_session *s, sd_bus_message *m,
			 int (*append)(sd_bus_message *, const struct vssd_reply *),
			 void (*pass)(struct vssd_session *, const char *, vssd_done, void *),
			 struct vss_error *err)
{
	struct bus_call *call;
	const char *document;
	int ret = read_document(s, m, &document, err);

	if (ret < 0)
		return ret;
	call = call_new(m, append);
	if (!call)
		return -ENOMEM;
	pass(s->session, document, on_done, call);
	return 1;
}

static int do_prepare_for_backup(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_document, vssd_session_prepare_for_backup, err);
}

static int do_do_snapshot_set(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_document, vssd_session_do_snapshot_set, err);
}

static int do_backup_complete(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_document, vssd_session_backup_complete, err);
}

static int do_pre_restore(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_document, vssd_session_pre_restore, err);
}

static int do_post_restore(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_document, vssd_session_post_restore, err);
}

static int do_import_snapshots(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_result, vssd_session_import_snapshots, err);
}

static int do_clean_up_import(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_result, vssd_session_clean_up_import, err);
}

static int do_mask_originals(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return pass_document(s, m, append_nothing, vssd_session_mask_originals, err);
}

static int do_query_snapshots(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct bus_call *call = call_new(m, append_snapshots);

	(void)err;
	if (!call)
		return -ENOMEM;
	vssd_session_query_snapshots(s->session, on_done, call);
	return 1;
}

static int about_snapshot(struct bus_session *s, sd_bus_message *m,
			  int (*append)(sd_bus_message *, const struct vssd_reply *),
			  void (*run)(struct vssd_session *, const struct vss_uuid *, vssd_done, void *),
			  struct vss_error *err)
{
	struct vss_uuid snapshot;
	struct bus_call *call;
	int ret = read_uuid(m, "shadow copy", &snapshot, err);

	if (ret < 0)
		return ret;
	call = call_new(m, append);
	if (!call)
		return -ENOMEM;
	run(s->session, &snapshot, on_done, call);
	return 1;
}

static int do_get_snapshot_properties(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return about_snapshot(s, m, append_snapshot, vssd_session_get_snapshot_properties, err);
}

static int do_unexpose_snapshot(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	return about_snapshot(s, m, append_nothing, vssd_session_unexpose_snapshot, err);
}

static int do_delete_snapshots(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct bus_call *call;
	struct vss_uuid id;
	uint32_t type;
	int force, ret;

	if ((ret = read_uuid(m, "shadow copy or set", &id, err)) < 0 ||
	    (ret = sd_bus_message_read(m, "ub", &type, &force)) < 0)
		return ret;
	if (type >= VSS_OBJECT_TYPE_COUNT)
		return vss_error_set(err, -EINVAL, E_INVALIDARG, "there is no object type %u", type);
	call = call_new(m, append_deleted);
	if (!call)
		return -ENOMEM;
	vssd_session_delete_snapshots(s->session, &id, (enum vss_object_type)type, force, on_done, call);
	return 1;
}

static int do_expose_snapshot(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	const char *path_from_root, *expose;
	struct vss_uuid snapshot;
	struct bus_call *call;
	uint32_t attributes;
	int ret;

	if ((ret = read_uuid(m, "shadow copy", &snapshot, err)) < 0 ||
	    (ret = sd_bus_message_read(m, "sus", &path_from_root, &attributes, &expose)) < 0)
		return ret;
	call = call_new(m, append_text);
	if (!call)
		return -ENOMEM;
	/* An empty string stands for what is not given. */
	vssd_session_expose_snapshot(s->session, &snapshot, path_from_root[0] ? path_from_root : NULL,
				     attributes, expose[0] ? expose : NULL, on_done, call);
	return 1;
}

static int do_expose_to_clients(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct vss_uuid snapshot;
	struct bus_call *call;
	const char *folder;
	int ret;

	if ((ret = read_uuid(m, "shadow copy", &snapshot, err)) < 0 ||
	    (ret = sd_bus_message_read(m, "s", &folder)) < 0)
		return ret;
	call = call_new(m, append_text);
	if (!call)
		return -ENOMEM;
	vssd_session_expose_to_clients(s->session, &snapshot, folder, on_done, call);
	return 1;
}

static int do_break_snapshot_set(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct bus_call *call;
	struct vss_uuid set;
	uint32_t flags;
	int ret;

	if ((ret = read_uuid(m, "set", &set, err)) < 0 ||
	    (ret = sd_bus_message_read(m, "u", &flags)) < 0)
		return ret;
	call = call_new(m, append_nothing);
	if (!call)
		return -ENOMEM;
	vssd_session_break_snapshot_set(s->session, &set, flags, on_done, call);
	return 1;
}

static int do_revert_to_snapshot(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct vss_uuid snapshot;
	struct bus_call *call;
	int force, ret;

	if ((ret = read_uuid(m, "shadow copy", &snapshot, err)) < 0 ||
	    (ret = sd_bus_message_read(m, "b", &force)) < 0)
		return ret;
	call = call_new(m, append_nothing);
	if (!call)
		return -ENOMEM;
	vssd_session_revert_to_snapshot(s->session, &snapshot, force, on_done, call);
	return 1;
}

static int do_query_revert_status(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct bus_call *call;
	const char *volume;
	int ret = sd_bus_message_read_basic(m, 's', &volume);

	(void)err;
	if (ret < 0)
		return ret;
	call = call_new(m, append_nothing);
	if (!call)
		return -ENOMEM;
	vssd_session_query_revert_status(s->session, volume, on_done, call);
	return 1;
}

static int do_add_snapshot_to_recovery_set(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	const char *document, *destination;
	struct vss_uuid snapshot;
	int ret;

	if ((ret = sd_bus_message_read_basic(m, 's', &document)) < 0 ||
	    (ret = read_uuid(m, "shadow copy", &snapshot, err)) < 0 ||
	    (ret = sd_bus_message_read_basic(m, 's', &destination)) < 0)
		return ret;
	return reply_result(m, vssd_session_add_snapshot_to_recovery_set(s->session, document, &snapshot,
									 destination[0] ? destination : NULL, err), err);
}

static int do_recover_set(struct bus_session *s, sd_bus_message *m, struct vss_error *err)
{
	struct bus_call *call;
	uint32_t flags;
	int ret = sd_bus_message_read_basic(m, 'u', &flags);

	(void)err;
	if (ret < 0)
		return ret;
	call = call_new(m, append_nothing);
	if (!call)
		return -ENOMEM;
	vssd_session_recover_set(s->session, flags, on_done, call);
	return 1;
}

/* ---- the object ---- */

/*
 * A method returns as sd-bus handlers do, but for -EINVAL with @err set: that
 * is the answer.
 */
static const struct session_method {
	const char *name;
	int (*run)(struct bus_session *s, sd_bus_message *m, struct vss_error *err);
} methods[] = {
	{ "Close", do_close },
	{ "Initialize", do_initialize },
	{ "SetContext", do_set_context },
	{ "GatherWriterMetadata", do_gather_writer_metadata },
	{ "GatherWriterStatus", do_gather_writer_status },
	{ "StartSnapshotSet", do_start_snapshot_set },
	{ "AddToSnapshotSet", do_add_to_snapshot_set },
	{ "IsVolumeSupported", do_is_volume_supported },
	{ "IsVolumeSnapshotted", do_is_volume_snapshotted },
	{ "PrepareForBackup", do_prepare_for_backup },
	{ "DoSnapshotSet", do_do_snapshot_set },
	{ "BackupComplete", do_backup_complete },
	{ "PreRestore", do_pre_restore },
	{ "PostRestore", do_post_restore },
	{ "Abort", do_abort },
	{ "Cancel", do_cancel },
	{ "DocumentSaved", do_document_saved },
	{ "GetSnapshotProperties", do_get_snapshot_properties },
	{ "QuerySnapshots", do_query_snapshots },
	{ "DeleteSnapshots", do_delete_snapshots },
	{ "ExposeSnapshot", do_expose_snapshot },
	{ "ExposeToClients", do_expose_to_clients },
	{ "UnexposeSnapshot", do_unexpose_snapshot },
	{ "BreakSnapshotSet", do_break_snapshot_set },
	{ "ImportSnapshots", do_import_snapshots },
	{ "CleanUpImport", do_clean_up_import },
	{ "MaskOriginals", do_mask_originals },
	{ "AddSnapshotToRecoverySet", do_add_snapshot_to_recovery_set },
	{ "RecoverSet", do_recover_set },
	{ "RevertToSnapshot", do_revert_to_snapshot },
	{ "QueryRevertStatus", do_query_revert_status },
};

static bool is_owner(const struct bus_session *s, sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	return !s->peer->name || (sender && !strcmp(sender, s->peer->name));
}

static int run_method(struct bus_session *s, const struct session_method *method, sd_bus_message *m)
{
	struct vss_error err = { 0 };
	int ret = method->run(s, m, &err);

	if (ret < 0 && VSS_FAILED(err.result))
		return vssd_wire_reply_error(m, err.result, err.text);
	if (ret == -ENOMEM)
		return vssd_wire_reply_error(m, E_OUTOFMEMORY, "vssd has not enough memory");
	return ret;
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct bus_session *s = data;

	(void)error;
	if (!is_owner(s, m))
		return vssd_wire_reply_error(m, E_ACCESSDENIED, "this session belongs to another peer");
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (sd_bus_message_is_method_call(m, NULL, methods[i].name))
			return run_method(s, &methods[i], m);
	return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_METHOD, "there is no such method");
}

/* Who may call is judged here and not by capabilities of the caller. */
#define OPEN	SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Close", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Initialize", SD_BUS_ARGS("b", restore),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("SetContext", SD_BUS_ARGS("u", context),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GatherWriterMetadata", SD_BUS_ARGS("as", enable, "as", disable, "as", instances),
				SD_BUS_RESULT("a(ss)", writers), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GatherWriterStatus", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", writers), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("StartSnapshotSet", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("s", set), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("AddToSnapshotSet", SD_BUS_ARGS("s", volume, "s", provider),
				SD_BUS_RESULT("s", snapshot), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("IsVolumeSupported", SD_BUS_ARGS("s", provider, "s", volume),
				SD_BUS_RESULT("b", supported), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("IsVolumeSnapshotted", SD_BUS_ARGS("s", provider, "s", volume),
				SD_BUS_RESULT("b", present, "u", compatibility), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("PrepareForBackup", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("s", document), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("DoSnapshotSet", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("s", document), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("BackupComplete", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("s", document), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("PreRestore", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("s", document), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("PostRestore", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("s", document), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Abort", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("DocumentSaved", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GetSnapshotProperties", SD_BUS_ARGS("s", snapshot),
				SD_BUS_RESULT("a{sv}", properties), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("QuerySnapshots", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", snapshots), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("DeleteSnapshots", SD_BUS_ARGS("s", id, "u", type, "b", force),
				SD_BUS_RESULT("i", deleted, "s", nondeleted, "u", result, "s", message), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ExposeSnapshot", SD_BUS_ARGS("s", snapshot, "s", path_from_root, "u", attributes, "s", expose),
				SD_BUS_RESULT("s", exposed), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ExposeToClients", SD_BUS_ARGS("s", snapshot, "s", folder),
				SD_BUS_RESULT("s", exposed), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("UnexposeSnapshot", SD_BUS_ARGS("s", snapshot),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("BreakSnapshotSet", SD_BUS_ARGS("s", set, "u", flags),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ImportSnapshots", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("u", result), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("CleanUpImport", SD_BUS_ARGS("s", document),
				SD_BUS_RESULT("u", result), on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("MaskOriginals", SD_BUS_ARGS("s", document),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("AddSnapshotToRecoverySet",
				SD_BUS_ARGS("s", document, "s", snapshot, "s", destination),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RecoverSet", SD_BUS_ARGS("u", flags),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RevertToSnapshot", SD_BUS_ARGS("s", snapshot, "b", force),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_METHOD_WITH_ARGS("QueryRevertStatus", SD_BUS_ARGS("s", volume),
				SD_BUS_NO_RESULT, on_call, OPEN),
	SD_BUS_SIGNAL_WITH_ARGS("Progress", SD_BUS_ARGS("u", percent, "s", stage), 0),
	SD_BUS_VTABLE_END,
};

/* To the session's peer only. */
static void on_progress(void *data, unsigned int percent, const char *stage)
{
	struct bus_session *s = data;
	sd_bus_message *m = NULL;
	int ret = sd_bus_message_new_signal(s->peer->link->conn, &m, s->path, VSSD_BUS_SESSION,
					    "Progress");

	if (ret >= 0)
		ret = sd_bus_message_append_basic(m, 'u', &percent);
	if (ret >= 0)
		ret = vssd_wire_append_string(m, stage);
	if (ret >= 0 && s->peer->name)
		ret = sd_bus_message_set_destination(m, s->peer->name);
	if (ret >= 0)
		sd_bus_send(s->peer->link->conn, m, NULL);
	sd_bus_message_unref(m);
}

/* The path is the session's id without dashes, which may not be in one. */
static char *object_path(const struct vss_uuid *id)
{
	char *path;
	int length = asprintf(&path, "%s/session/", VSSD_BUS_PATH);

	if (length < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		char *longer;

		if (asprintf(&longer, "%s%02x", path, id->bytes[i]) < 0)
			longer = NULL;
		free(path);
		path = longer;
		if (!path)
			return NULL;
	}
	return path;
}

static int session_start(struct bus_session *s)
{
	s->session = vssd_session_open(s->peer->link->bus->core, on_progress, s);
	if (!s->session)
		return -ENOMEM;
	s->path = object_path(vssd_session_id(s->session));
	if (!s->path)
		return -ENOMEM;
	return sd_bus_add_object_vtable(s->peer->link->conn, &s->slot, s->path, VSSD_BUS_SESSION,
					vtable, s);
}

void bus_session_close(struct bus_session *s)
{
	struct bus_user *user = s->peer->user;

	/* Its pending call is answered by this. */
	if (s->session)
		vssd_session_close(s->session);
	LIST_REMOVE(s, entry);
	user->sessions--;
	sd_bus_slot_unref(s->slot);
	free(s->path);
	free(s);
}

int bus_session_open(struct bus_peer *peer, sd_bus_message *m)
{
	const struct vssd_bus_limits *limits = &peer->link->bus->settings.limits;
	char id[VSS_UUID_TEXT_SIZE];
	struct bus_session *s;

	if (peer->user->sessions >= limits->sessions) {
		bus_log(peer->link->bus, LOG_WARNING, VSSD_MESSAGE_LIMIT_REACHED,
			"a session of user %u was refused: the user has %u already",
			peer->user->uid, peer->user->sessions);
		return vssd_wire_reply_error(m, E_ACCESSDENIED, "your user has too many sessions; end "
					     "one, or have Sessions raised in [Limits] of "
					     "/etc/vss/vssd.conf");
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->peer = peer;
	peer->user->sessions++;
	LIST_INSERT_HEAD(&peer->sessions, s, entry);
	if (session_start(s) < 0) {
		bus_session_close(s);
		return vssd_wire_reply_error(m, E_OUTOFMEMORY, "vssd has not enough memory");
	}
	return sd_bus_reply_method_return(m, "os", s->path,
					  vss_uuid_format(vssd_session_id(s->session), id));
}
