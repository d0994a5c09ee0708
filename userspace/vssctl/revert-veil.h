/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The veil: what hides a volume while it is being set back, so that after a power failure
 * nobody mounts the mixture, and whoever finds the veil knows that nobody has.  struct
 * vss_disk_veil in linux/vss_disk.h; the rules are in Documentation/disk-format.md.
 */
#ifndef VSSCTL_REVERT_VEIL_H
#define VSSCTL_REVERT_VEIL_H

#include "revert-wish.h"

struct vssctl_veiling {
	int device;			/* with the record: part 0 of the area */
	uint8_t area[VSS_DISK_UUID_SIZE];
	struct vssctl_wish wish;	/* as it is on record */
	int origin, image;		/* open, also for direct I/O */
};

/*
 * Is that head a veil, or one that is torn behind its first sector?  @snapshot: the one that its
 * volume was being set back to.  No proof: that takes the record.
 */
bool vssctl_looks_veiled(const uint8_t head[VSS_DISK_HEAD_SIZE], struct vss_uuid *snapshot);

/* Is there a volume on record that has, or is to get, a veil? */
bool vssctl_wish_is_veiled(const struct vssctl_wish *wish);

enum vssctl_front {
	VSSCTL_FRONT_OURS,		/* hidden, at least by a part of the veil, and nobody else has written it */
	VSSCTL_FRONT_SHOWN,		/* as before the veil or after it; who has written the volume it does not tell */
	VSSCTL_FRONT_FOREIGN,		/* somebody else has written it */
	VSSCTL_FRONT_UNKNOWN,		/* it cannot be read */
};

/*
 * Without a veil only the head is looked at, and is VSSCTL_FRONT_OURS or VSSCTL_FRONT_FOREIGN.
 * @volume: open, for reading at least.  Only for VSS_DISK_REVERT_WRITING and VSS_DISK_REVERT_HEAD.
 */
enum vssctl_front vssctl_wish_look(const struct vssctl_wish *wish, int volume);

/*
 * Hide the volume, or make sure that it is hidden where that has begun already.  @v->wish names
 * the snapshot; afterwards it is VSS_DISK_REVERT_WRITING, on record.  0, or a negative errno
 * with what could not be done in @what.  While the record is not veiled nothing was written.
 */
int vssctl_veil_lower(struct vssctl_veiling *v, const char **what);

/*
 * Give the volume the image's front; all else is on disk.  Afterwards the state is
 * VSS_DISK_REVERT_HEAD, until the caller removes the record.  As above.
 */
int vssctl_veil_lift(struct vssctl_veiling *v, const char **what);

/*
 * Without an image: give the volume the front back that it had before the veil, as the veil on it
 * tells.  @front: VSS_DISK_FRONT_SIZE bytes.  0; -ESTALE that is not the volume's, or it has no
 * veil of @snapshot, or somebody else has written what is hidden; another negative errno.
 */
int vssctl_veil_put_back(int volume, const struct vss_uuid *snapshot, const uint8_t *front);

#endif /* VSSCTL_REVERT_VEIL_H */
