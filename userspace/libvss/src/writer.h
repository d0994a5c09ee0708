/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of a writer object.
 *
 * writer.c has its life and its loop, writer-bus.c the connection to vssd,
 * writer-event.c what happens when vssd calls, writer-operation.c what an event
 * says of the operation, writer-path.c where paths lie.
 */
#ifndef VSS_SRC_WRITER_H
#define VSS_SRC_WRITER_H

#include <pthread.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <vss/writer.h>

#include "list.h"
#include "stack.h"

#define VSS_BUS_NAME		"org.linuxvss.Vss1"
#define VSS_BUS_PATH		"/org/linuxvss/Vss1"
#define VSS_BUS_MANAGER		"org.linuxvss.Vss1.Manager"
#define VSS_BUS_WRITER		"org.linuxvss.Vss1.Writer"
#define VSS_BUS_WRITER_PATH	"/org/linuxvss/Vss1/writer"
#define VSS_BUS_ERROR_PREFIX	"org.linuxvss.Vss1.Error."

enum vss_writer_event {
	VSS_ON_NONE,
	VSS_ON_IDENTIFY,
	VSS_ON_PREPARE_BACKUP,
	VSS_ON_PREPARE_SNAPSHOT,
	VSS_ON_FREEZE,
	VSS_ON_THAW,
	VSS_ON_POST_SNAPSHOT,
	VSS_ON_ABORT,
	VSS_ON_BACKUP_COMPLETE,
	VSS_ON_BACKUP_SHUTDOWN,
	VSS_ON_PRE_RESTORE,
	VSS_ON_POST_RESTORE,
};

/* ---- writer-operation.c ---- */

/* The operation that an event belongs to. */
struct vss_writer_operation {
	struct vss_uuid session;
	struct vss_uuid set;		/* null without one */
	uint32_t context;
	uint32_t backup_type;
	uint32_t restore_type;
	bool components_selected;
	bool bootable_system_state;
	bool partial_files;
	char **volumes;
	uint32_t nr_volumes;
	char **devices;
	uint32_t nr_devices;
};

/* Read the dictionary at the message's position.  0 or a negative errno. */
int vss_writer_operation_read(sd_bus_message *m, struct vss_writer_operation *operation);
int vss_writer_operation_copy(const struct vss_writer_operation *from, struct vss_writer_operation *to);
void vss_writer_operation_clear(struct vss_writer_operation *operation);

/* ---- writer-path.c ---- */

/*
 * Where paths lie.  Made before anything is frozen; from then on only memory is
 * read, for a lookup through a frozen file system may wait for its thaw.
 */
struct vss_writer_paths {
	bool loaded;
	bool memory_only;		/* between Freeze and Thaw */
	struct vss_stack stack;
	struct libmnt_table *mounts;
	bool *inside;			/* by file system of the stack: wholly in the set */
	struct vss_list known;		/* of struct vss_writer_known_path */
};

/* Take the picture for the volumes of a set. 0 or a negative errno. */
int vss_writer_paths_load(struct vss_writer_paths *paths, const struct vss_stack_source *source,
			  const struct vss_devno *volumes, uint32_t count);
/* The same on this machine, for volumes by their names. */
int vss_writer_paths_load_names(struct vss_writer_paths *paths, char *const *names, uint32_t count);
void vss_writer_paths_clear(struct vss_writer_paths *paths);
bool vss_writer_paths_affected(struct vss_writer_paths *paths, const char *path);
/* The device that a volume's name stands for: a device node or a path on it. False: none. */
bool vss_writer_volume_devno(const char *name, struct vss_devno *dev);

/* ---- the object ---- */

/* How far the creation of a shadow copy has come, as seen from this writer. */
enum vss_writer_phase {
	VSS_PHASE_NONE,			/* of no interest yet; or its PostSnapshot is over */
	VSS_PHASE_PREPARED_BACKUP,
	VSS_PHASE_PREPARED_SNAPSHOT,
	VSS_PHASE_FROZEN,
	VSS_PHASE_THAWED,
	VSS_PHASE_ABORTED,		/* gets BackupShutdown, and nothing else */
};

/* A session that has been told something and not BackupShutdown. */
struct vss_writer_session {
	struct vss_writer_operation operation;	/* as of its last event */
	enum vss_writer_phase phase;
	vss_result abort_failure;	/* what its later events are answered with */
};

struct vss_writer {
	struct vss_writer_config config;	/* its strings are copies */
	struct vss_writer_ops ops;
	void *data;
	struct vss_uuid instance_id;
	struct vss_error error;

	/* The loop. */
	sd_event *event;
	sd_event_source *wake;		/* on wake_fd */
	int wake_fd;
	_Atomic int stopping;
	bool dispatching;
	bool subscribed;

	/* The connection. */
	sd_bus *bus;
	sd_bus_slot *registering;	/* the call that is under way */
	sd_event_source *retry;
	uint64_t retry_usec;		/* the next pause between attempts */
	char *vssd;			/* its unique name; NULL on a private connection */
	bool registered;
	bool owner_changed;		/* while a registration was under way */
	vss_result refusal;		/* of the last registration */

	/* The callback that runs. */
	enum vss_writer_event current;
	pthread_t thread;
	const struct vss_writer_operation *operation;
	bool failed;
	vss_result failure;
	vss_result application_code;
	char *message;

	/* What is under way. */
	struct vss_list sessions;	/* of struct vss_writer_session */
	struct vss_writer_paths paths;	/* of the set in creation */
	sd_event_source *limit;		/* of the time between Freeze and Thaw */
	struct vss_uuid limit_session;
	uint32_t limit_grace_ms;
};

/* Record a failure in the object and return its result code. */
vss_result vss_writer_fail(struct vss_writer *writer, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- writer-event.c ---- */

/* Offer the Writer interface on the connection.  0 or a negative errno. */
int vss_writer_event_offer(struct vss_writer *writer);
/* vssd has gone, or the writer goes: end what was under way. */
void vss_writer_event_lost(struct vss_writer *writer);

/* ---- writer-bus.c ---- */

/* Connect and register, waiting for the answer. */
vss_result vss_writer_bus_subscribe(struct vss_writer *writer);
/* Unregister if it can be done, and close. */
void vss_writer_bus_unsubscribe(struct vss_writer *writer);

#endif /* VSS_SRC_WRITER_H */
