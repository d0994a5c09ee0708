/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output of what vssd tells: shadow copies, writers, providers; as text or JSON,
 * as the context says.
 */
#ifndef VSSCTL_PRINT_SERVICE_H
#define VSSCTL_PRINT_SERVICE_H

#include <vss/backup.h>

#include "retain-choice.h"
#include "vssctl.h"

/* A set that was made; with --quiet the ids alone. */
void vssctl_print_set(struct vssctl *ctl, const struct vss_uuid *set,
		      const struct vss_snapshot_prop *props, size_t count);

void vssctl_print_shadows(struct vssctl *ctl, const struct vss_object_prop *props, size_t count);
void vssctl_print_providers(struct vssctl *ctl, const struct vss_object_prop *props, size_t count);
void vssctl_print_writers(struct vssctl *ctl, const struct vss_writer_status *statuses, size_t count);

/* One writer's metadata: name and components, with @full also their files. */
void vssctl_print_metadata(struct vssctl *ctl, struct vss_writer_metadata *metadata, bool full);

/* What was decided about client-accessible copies, or with @dry_run would be; with --quiet the deleted ones' ids. */
struct vssctl_retained {
	const struct vss_snapshot_prop *prop;
	const struct vssctl_retain_copy *copy;
	bool deleted;
};
void vssctl_print_retained(struct vssctl *ctl, const struct vssctl_retained *list, size_t count, bool dry_run);

/* How far the revert of a volume is; JSON only, else nothing. */
void vssctl_print_revert(struct vssctl *ctl, const char *volume, const char *state);

/* One line of text, or an object with one string, or (JSON only) null. */
void vssctl_print_value(struct vssctl *ctl, const char *key, const char *value);

/* A line of text for each, or an object with an array of strings, which may be empty. */
void vssctl_print_values(struct vssctl *ctl, const char *key, char *const *values, size_t count);

#endif /* VSSCTL_PRINT_SERVICE_H */
