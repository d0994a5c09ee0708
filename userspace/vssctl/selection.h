/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The components that could take part in a backup, and which of them do.
 */
#ifndef VSSCTL_SELECTION_H
#define VSSCTL_SELECTION_H

#include <vss/metadata.h>

#include "vssctl.h"

/* A component of a writer. */
struct vssctl_entry {
	struct vss_wm_component *handle;
	struct vss_component_info info;
	char *full;		/* logical path and name */
	bool top;		/* nothing selectable above it: it is added by itself */
	size_t carrier;		/* the top one that brings it along; itself for a top one */
	char outside[256];	/* a path of it, or of what it brings along, on no volume of the set */
	bool banned;		/* excluded by name, or left out for good */
	bool named;		/* asked for by name, itself or its writer */
	bool in;
};

struct vssctl_candidate {
	struct vss_writer_identity identity;
	struct vss_writer_metadata *metadata;
	struct vssctl_entry *entries;
	size_t count;
	bool banned;		/* the whole writer */
};

struct vssctl_selection {
	struct vssctl_candidate *writers;
	size_t count;
};
void vssctl_selection_clear(struct vssctl_selection *selection);

/* The components of a writer, with what follows from their logical paths; 0 or the exit code. */
int vssctl_candidate_read(struct vssctl *ctl, struct vssctl_candidate *writer);

/* A component that has to be in when anything of its writer is, and cannot; NULL for none. */
const struct vssctl_entry *vssctl_candidate_missing(const struct vssctl_candidate *writer);

/* Take a top component in, and what has to be in with it. */
void vssctl_candidate_take(struct vssctl_candidate *writer, struct vssctl_entry *entry);

/*
 * Components and those of other writers that they depend on are in or out together
 * (Dependencies between Components Managed by Different Writers): bring in what is
 * missing, or else leave out what depends on it, with a warning.  What was asked for by
 * name is not left out: that is a failure.  0 or the exit code.
 */
int vssctl_selection_follow(struct vssctl *ctl, struct vssctl_selection *selection);

#endif /* VSSCTL_SELECTION_H */
