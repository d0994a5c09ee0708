/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files about reverts share.
 */
#ifndef PROVIDER_SYSTEM_REVERT_H
#define PROVIDER_SYSTEM_REVERT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <vss/blockdev.h>
#include <vss/error.h>
#include <vss/uuid.h>

/* ---- revert-identity.c ---- */

#define REVERT_ID_SIZE	256

/*
 * What a volume is known by.  Names and numbers of devices change from boot to boot.
 */
struct revert_identity {
	char name[VSS_BLOCKDEV_NODE_SIZE];	/* for people, and where there is nothing else */
	struct vss_devno dev;			/* holds for @boot only */
	struct vss_uuid boot;
	uint64_t size;				/* bytes */
	char device[REVERT_ID_SIZE];		/* WWN or serial number, or device mapper's UUID; "" if unknown */
	char fs[REVERT_ID_SIZE];		/* UUID of its file system; "" if unknown */
	char head[VSS_UUID_TEXT_SIZE];		/* sum of its first bytes; "" if not taken */
	struct vss_uuid veil;			/* snapshot that its veil names; null without one */
};

/*
 * Look at an open block device.  @sysfs: "/sys"; @path: its node.  What cannot be
 * found out is left empty.
 */
void revert_identify(const char *sysfs, const char *path, int fd, struct revert_identity *id);

/* The name of this boot; null if it cannot be read. */
void revert_boot(struct vss_uuid *boot);

/*
 * What libblkid finds on an open device: @value of @name, "" without it; @what: BLKID_SUBLKS_UUID, for
 * example.  As blkid_do_safeprobe(): 0 something, 1 nothing, negative several or an error.
 */
int revert_probe(int fd, int what, const char *name, char value[REVERT_ID_SIZE]);

/* UUID of the file system that an open device holds, "" without one. */
void revert_fs_uuid(int fd, char uuid[REVERT_ID_SIZE]);

/*
 * Is what was recorded the volume that is looked at?  @image_fs: UUID that it has as well
 * when half of it is set back.
 */
bool revert_is_same(const struct revert_identity *recorded, const char *image_fs,
		    const struct revert_identity *now);

/*
 * Does that same volume hold another file system by now, so that nothing matters that was half
 * written?  Only when it can be read and has one that is known: that it was written, as a mere
 * mount does, is no sign.
 */
bool revert_is_made_anew(const struct revert_identity *recorded, const char *image_fs,
			 const struct revert_identity *now);

/* ---- revert-record.c ---- */

enum revert_state {
	REVERT_PLANNED,			/* nothing is written yet */
	REVERT_WRITING,
	REVERT_FAILED,			/* half written */
	REVERT_DONE,			/* only the record was left */
};

struct revert_record {
	struct vss_uuid snapshot;
	enum revert_state state;
	struct revert_identity volume;
	char image_fs[REVERT_ID_SIZE];
	struct vss_uuid area;		/* the persistent diff area; null: the shadow copy ends with the boot */
	uint32_t epoch;			/* newer shadow copies came later than the revert */
	uint64_t overlay;		/* bytes that were written to the image */
	uint64_t writes;		/* that the module had seen */
	bool mixed;			/* an older revert had left the volume half written */
	unsigned int percent;
	char why[768];			/* of one that has failed */
	int fd;				/* of its file, -1 without */
};

/* Write it whole, in place of an older one.  0 or a negative errno. */
int revert_record_write(const char *state_dir, struct revert_record *record);

/*
 * It has ended: mark it done, remove its plan and itself.  0, or a negative errno when the
 * record is still there; then it is marked at least, if that can be.
 */
int revert_record_remove(const char *state_dir, struct revert_record *record);

/*
 * Remove one that another record has taken the place of.  0, or a negative errno when it is
 * still there, as it was.
 */
int revert_record_drop(const char *state_dir, const struct revert_record *record);

/* Close its file. */
void revert_record_close(struct revert_record *record);

/* Tell of each record there is; @record's file is the taker's to close. */
typedef void (*revert_record_fn)(void *data, struct revert_record *record);
void revert_records_read(const char *state_dir, revert_record_fn take, void *data);

/* Descriptor of the plan of a revert, for reading or made anew.  A negative errno without one. */
int revert_plan_open(const char *state_dir, const struct vss_uuid *snapshot, bool create);

/* Bytes that can be stored beside the records.  0 or a negative errno. */
int revert_record_room(const char *state_dir, uint64_t *bytes);

/* ---- revert-copy.c ---- */

/* No write reaches into a chunk that does not differ: it would be copied. */
#define REVERT_BLOCK	4096U

struct revert_work {
	int image, origin;		/* open for direct I/O */
	uint64_t size;			/* bytes, of both */
	uint64_t hidden;		/* of them at the start: neither looked at nor written, but for the plan */
	uint32_t block;			/* bytes compared and written: REVERT_BLOCK, or a larger sector */
	struct vss_uuid snapshot;
	int plan;			/* open, at its start */
	uint64_t count;			/* blocks in it */
	atomic_uint *percent;
	const atomic_bool *stop;
	void (*tell)(void *data, unsigned int percent);	/* of a good step further; may be NULL */
	void *data;
};

/*
 * The following give 0; -ECANCELED once @stop is set; or a negative errno with a sentence
 * in @err.
 *
 * Plan: note each block that differs, with a sum of what the volume has in each of its sectors.
 */
int revert_plan(struct revert_work *work, struct vss_error *err);

/*
 * Prove that since the plan nobody else has written: each sector is the image's, or what
 * the plan says.  @from: where the first one that differs is.  -ESTALE if somebody has.
 */
int revert_verify(struct revert_work *work, uint64_t *from, struct vss_error *err);

/* Write what the plan names from a block on, and bring it to disk. */
int revert_copy(struct revert_work *work, uint64_t from, struct vss_error *err);

/*
 * What the volume had in its first bytes before they were hidden is kept behind the plan.  0 or a
 * negative errno.
 */
int revert_plan_keep(int plan, const void *front, size_t size);
int revert_plan_kept(int plan, void *front, size_t size);

/* The most bytes of a plan for a diff area with @used bytes in use. */
uint64_t revert_plan_room(uint64_t used);

#endif /* PROVIDER_SYSTEM_REVERT_H */
