/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The original volumes of a set that travels, on the machine that is to lose them
 * and to have the copies in their place: where they are mounted, unmounting, and
 * mounting the copies there.
 *
 * Functions give 0, or the exit code after the failure was reported.
 */
#ifndef VSSCTL_ORIGINALS_H
#define VSSCTL_ORIGINALS_H

#include "transport.h"

struct vssctl_mount {
	char *target;
	char *fstype;		/* NULL for any */
	char *options;		/* NULL for the default */
};

struct vssctl_original {
	const struct vss_set_member *member;	/* of the document */
	bool here;			/* one of its LUNs is on this machine */
	bool found;			/* as @blockdev */
	bool lvm;			/* it is a logical volume */
	struct vss_blockdev blockdev;
	struct vssctl_mount *mounts;	/* where it is mounted now, or was */
	size_t nr_mounts;
	char *copy;			/* device of the copy, once it is known */
};

struct vssctl_originals {
	struct vssctl *ctl;
	struct vssctl_original *volumes;
	size_t count;
	bool here;			/* of any */
};

int vssctl_originals_find(struct vssctl_originals *originals, struct vssctl_transport *t);
void vssctl_originals_clear(struct vssctl_originals *originals);

/* Refuse what is mounted or used otherwise, with who does it. */
int vssctl_originals_check_unused(struct vssctl_originals *originals);
/* Unmount them, deactivate logical volumes, and stop tracking them; the mounts are remembered. */
int vssctl_originals_unmount(struct vssctl_originals *originals);
/* Where fstab wants a volume, for those that were not mounted here. */
int vssctl_originals_read_fstab(struct vssctl_originals *originals);
/* Mount the copies where the originals were.  Gives how many mounts were made. */
int vssctl_originals_mount(struct vssctl_originals *originals, size_t *mounted);
/* Bring a copy up under the name that it has as a logical volume, where that can be. */
void vssctl_original_activate(struct vssctl *ctl, struct vssctl_original *original);

#endif /* VSSCTL_ORIGINALS_H */
