/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a backup components object, for backup*.c and async.c.
 *
 * A public function goes: vss_requester_enter() (order of calls), the checks of
 * its other arguments, its work, vss_requester_leave() (what it means for the
 * order of later calls).
 */
#ifndef VSS_SRC_REQUESTER_H
#define VSS_SRC_REQUESTER_H

#include <systemd/sd-bus.h>
#include <vss/backup.h>

#include "backup-document.h"
#include "call-order.h"

#define VSS_BUS_NAME		"org.linuxvss.Vss1"
#define VSS_BUS_PATH		"/org/linuxvss/Vss1"
#define VSS_BUS_MANAGER		"org.linuxvss.Vss1.Manager"
#define VSS_BUS_SESSION		"org.linuxvss.Vss1.Session"

/* Volumes in a set, at most. */
#define VSS_MAX_SET_VOLUMES	64

struct vss_id_list {
	struct vss_uuid *ids;
	uint32_t count;
};

/* A writer that answered Identify. */
struct vss_gathered_writer {
	struct vss_writer_identity identity;
	uint32_t schema;
	char *xml;				/* NULL after FreeWriterMetadata */
	struct vss_writer_metadata *metadata;	/* the same, parsed */
};

struct vss_backup_components {
	sd_bus *bus;
	const char *destination;	/* NULL on a private connection */
	char *session;			/* object path; NULL until there is one */
	struct vss_uuid session_id;
	struct vss_error error;
	struct vss_call_order order;
	struct vss_async *running;	/* what goes on in vssd; NULL for nothing */
	struct vss_backup_document *document;	/* NULL until initialized */
	struct vss_id_list enabled, disabled, disabled_instances;
	struct vss_gathered_writer *writers;
	uint32_t nr_writers;
	struct vss_writer_status *statuses;
	uint32_t nr_statuses;
	struct vss_uuid snapshots[VSS_MAX_SET_VOLUMES];	/* of the set in creation */
};

/* ---- the frame of a public function ---- */

/* May @call be made?  Else the code to return. */
vss_result vss_requester_enter(struct vss_backup_components *bc, enum vss_call call);
/* A call that is not asynchronous is done: @result, which is returned. */
vss_result vss_requester_leave(struct vss_backup_components *bc, enum vss_call call, vss_result result);
/* Both, for a call that may fail on one of its arguments: record it, return @result. */
vss_result vss_requester_fail(struct vss_backup_components *bc, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* An out pointer, or another that must be there, is NULL: E_INVALIDARG. */
vss_result vss_requester_null(struct vss_backup_components *bc, enum vss_call call, const char *what);

/* ---- the wire (requester-bus.c) ---- */

/* Connect and open a session. */
vss_result vss_requester_connect(struct vss_backup_components *bc, const char *address);
void vss_requester_disconnect(struct vss_backup_components *bc);

/* A new call of the session's; NULL with the error recorded. */
sd_bus_message *vss_requester_message(struct vss_backup_components *bc, const char *method);
/* Append arguments as sd_bus_message_append() does.  On failure @m is NULL afterwards. */
vss_result vss_requester_append(struct vss_backup_components *bc, sd_bus_message **m, const char *types, ...);

/* Send @m, which is unreferenced, and wait for the reply; @reply may be NULL. */
vss_result vss_requester_send(struct vss_backup_components *bc, sd_bus_message *m, sd_bus_message **reply);
/* The same for a call of the session with @types as arguments. */
vss_result vss_requester_call(struct vss_backup_components *bc, const char *method,
			      sd_bus_message **reply, const char *types, ...);
/* What an error of the bus means. */
vss_result vss_requester_bus_error(struct vss_error *err, const char *method, const sd_bus_error *error,
				   int code);
/* A reply of vssd that cannot be read. */
vss_result vss_requester_bad_reply(struct vss_backup_components *bc, int code);
/* Handle all messages that are there; what has ended is ended then. */
void vss_requester_pump(struct vss_backup_components *bc);

static inline void vss_requester_unref_message(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}
#define _cleanup_message_ __attribute__((cleanup(vss_requester_unref_message)))

/* UUIDs on the wire: "" is the null one. */
bool vss_requester_parse_uuid(const char *text, struct vss_uuid *id);
const char *vss_requester_format_uuid(const struct vss_uuid *id, char text[VSS_UUID_TEXT_SIZE]);

/* Read an a{sv} at the message's place. */
int vss_requester_read_snapshot(sd_bus_message *m, struct vss_snapshot_prop *prop);
int vss_requester_read_provider(sd_bus_message *m, struct vss_provider_prop *prop);
int vss_requester_read_status(sd_bus_message *m, struct vss_writer_status *status);

/* ---- asynchronous operations (async.c) ---- */

/* What to do with the reply; the result is that of the operation. */
typedef vss_result (*vss_async_reply)(struct vss_backup_components *bc, sd_bus_message *reply);

/* Send @m, which is unreferenced, as the operation of @call. */
vss_result vss_async_start(struct vss_backup_components *bc, enum vss_call call, sd_bus_message *m,
			   vss_async_reply take, struct vss_async **async);
/* The object goes away: whatever has no answer yet is aborted. */
void vss_async_abandon(struct vss_backup_components *bc);
/* AbortBackup was called: what runs will end as cancelled. */
void vss_async_aborted(struct vss_backup_components *bc);
/* Progress of what runs. */
void vss_async_progress(struct vss_backup_components *bc, uint32_t percent);

/* ---- documents and writers ---- */

/* The call passes the document and gets it back: arguments, and vss_async_reply. */
vss_result vss_requester_start_with_document(struct vss_backup_components *bc, enum vss_call call,
					     struct vss_async **async);
void vss_requester_free_writers(struct vss_backup_components *bc);
void vss_requester_free_statuses(struct vss_backup_components *bc);
void vss_id_list_clear(struct vss_id_list *list);

/* Writers that run, from GatherWriterMetadata; by instance, or by class where @instance_id is NULL. */
struct vss_gathered_writer *vss_requester_find_writer(struct vss_backup_components *bc,
						      const struct vss_uuid *instance_id,
						      const struct vss_uuid *writer_id);

/* How callers name a component of the document. */
struct vss_component_ref {
	const struct vss_uuid *instance_id;	/* NULL: any instance of the class */
	const struct vss_uuid *writer_id;
	enum vss_component_type type;
	const char *logical_path;
	const char *name;
};
/* E_INVALIDARG for arguments that name nothing; VSS_E_OBJECT_NOT_FOUND. */
vss_result vss_requester_find_component(struct vss_backup_components *bc, enum vss_call call,
					const struct vss_component_ref *ref,
					struct vss_component **component,
					struct vss_writer_components **writer);
/* Components that must be in because another one of their writer is (backup-components.c). */
vss_result vss_requester_add_required(struct vss_backup_components *bc);
/* Is the component (@path, @name) below the one of (@top_path, @top_name)? */
bool vss_component_is_below(const char *path, const char *top_path, const char *top_name);

#endif /* VSS_SRC_REQUESTER_H */
