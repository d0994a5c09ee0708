/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talking to vssd: connecting, waiting with progress, and saying what went
 * wrong.  All give 0, or the exit code after the failure was reported.
 */
#ifndef VSSCTL_REQUESTER_H
#define VSSCTL_REQUESTER_H

#include <systemd/sd-bus.h>
#include <vss/backup.h>

#include "vssctl.h"

#define VSSCTL_BUS_NAME		"org.linuxvss.Vss1"
#define VSSCTL_BUS_OBJECT	"/org/linuxvss/Vss1"

/* A connection to vssd, for the little that libvss has no function for.  Negative errno. */
int vssctl_open_bus(sd_bus **bus);

/* Does vssd run?  Asking does not start it. */
bool vssctl_vssd_running(void);

/* An object that is connected and nothing else. */
int vssctl_connect(struct vssctl *ctl, struct vss_backup_components **bc);

/* One for administration: initialized, with VSS_CTX_ALL. */
int vssctl_connect_all(struct vssctl *ctl, struct vss_backup_components **bc);

/* Report a failed call; success codes are not failures. */
int vssctl_check(struct vssctl *ctl, struct vss_backup_components *bc, vss_result result);

/*
 * Wait for the operation that a call started, with its percent on a terminal.
 * @result is what the call gave, @async where it put the operation; SIGINT cancels.
 * Gives the operation's own result, and a failure's sentence in @error.
 */
vss_result vssctl_await(struct vssctl *ctl, struct vss_backup_components *bc, vss_result result,
			struct vss_async **async, const char *what, struct vss_error *error);

/* The same, and report a failure.  @final, if not NULL, receives the operation's own result. */
int vssctl_wait(struct vssctl *ctl, struct vss_backup_components *bc, vss_result result,
		struct vss_async **async, const char *what, vss_result *final);

/* All shadow copies that the object may see, or all providers. */
struct vssctl_objects {
	struct vss_object_prop *props;
	size_t count;
};
int vssctl_query(struct vssctl *ctl, struct vss_backup_components *bc,
		 enum vss_object_type type, struct vssctl_objects *objects);
void vssctl_objects_clear(struct vssctl_objects *objects);

/* Statuses of all writers of the session; an array for vssctl_statuses_free(). */
int vssctl_writer_statuses(struct vssctl *ctl, struct vss_backup_components *bc,
			   struct vss_writer_status **statuses, size_t *count);
void vssctl_statuses_free(struct vss_writer_status *statuses, size_t count);

/* Read a whole file, "-" for standard input; text to free(). */
int vssctl_read_file(struct vssctl *ctl, const char *path, char **text, size_t *size);

/* Write a file that only its owner may read, at once or not at all. */
int vssctl_write_file(struct vssctl *ctl, const char *path, const char *data, size_t size);

#endif /* VSSCTL_REQUESTER_H */
