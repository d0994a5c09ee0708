/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A document of a set that travels, and what can be done with it: masking the
 * originals, importing, cleaning up.
 *
 * Functions give 0, or the exit code after the failure was reported.
 */
#ifndef VSSCTL_TRANSPORT_H
#define VSSCTL_TRANSPORT_H

#include <vss/document.h>

#include "requester.h"

struct vssctl_transport {
	struct vssctl *ctl;
	struct vss_backup_components *bc;	/* after vssctl_transport_open() */
	struct vss_set_description set;
	char *xml;
};

/* Read the document; it must be of a transportable set, and unaltered. */
int vssctl_transport_load(struct vssctl_transport *t, struct vssctl *ctl, const char *path);
/* Connect to vssd with it. */
int vssctl_transport_open(struct vssctl_transport *t);
/* Releases the object, and with it auto-release shadow copies that it imported. */
void vssctl_transport_clear(struct vssctl_transport *t);

/*
 * Import the set.  Try again for @seconds while nothing of it is to be found, or
 * another import is under way.  @result, if not NULL, receives the code, and
 * VSS_E_OBJECT_ALREADY_EXISTS is then no failure that is reported.
 */
int vssctl_transport_import(struct vssctl_transport *t, uint64_t seconds, vss_result *result);
int vssctl_transport_mask(struct vssctl_transport *t);
int vssctl_transport_clean_up(struct vssctl_transport *t, bool *found);
/* Its shadow copies that this machine has; to be cleared. */
int vssctl_transport_copies(struct vssctl_transport *t, struct vssctl_objects *copies);

#endif /* VSSCTL_TRANSPORT_H */
