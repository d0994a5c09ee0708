/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A revert of the system provider, from its call or its record until its end was told.
 */
#ifndef PROVIDER_SYSTEM_REVERT_INTERNAL_H
#define PROVIDER_SYSTEM_REVERT_INTERNAL_H

#include "internal.h"
#include "revert.h"
#include "vssctl/revert-veil.h"

enum revert_phase {
	REVERT_RUNS,			/* a thread works on it */
	REVERT_WAITS,			/* to go on; its volume and shadow copy are to stay as they are */
	REVERT_ENDED,			/* what it has come to is final */
};

enum revert_waits_for {
	REVERT_FOR_AREA,		/* that has its shadow copy, to be loaded */
	REVERT_FOR_VOLUME,		/* to be no longer in use */
	REVERT_FOR_MODULE,		/* to answer: another vss is loaded than this was made for */
};

struct system_revert {
	struct system_revert *next;
	struct system *s;
	struct revert_record record;
	struct vss_devno dev;		/* while it runs */
	char device[VSS_BLOCKDEV_NODE_SIZE];
	uint64_t size;
	int image, origin, plan;	/* -1 while they are not open */
	struct vssctl_veiling *veil;	/* what hides the volume; NULL while it is not open, or there can be none */
	pthread_t thread;
	bool running;			/* there is a thread to join */
	bool resumed;			/* it was begun in an earlier life */
	atomic_uint percent;
	atomic_bool stop;
	_Atomic enum revert_phase phase;
	_Atomic enum revert_waits_for waits_for;
	/* Of one that has ended: */
	vss_result result;
	struct vss_error err;
	bool mixture;			/* told until the volume is something else */
	bool told;			/* since it is something else */
	bool stuck;			/* it is complete, but its record cannot be removed */
};

/* ---- revert-check.c ---- */

/* Can the volume be set back?  Also: room for the record. */
vss_result revert_check(struct system_revert *r, struct vss_kernel *kernel,
			const struct vss_kernel_snapshot *snapshot, struct vss_error *err);

/* Open the image. */
vss_result revert_open_image(struct system_revert *r, const struct vss_kernel_snapshot *snapshot,
			     struct vss_error *err);

/* Unmount the volume wherever it is mounted, the last mount first. */
vss_result revert_unmount(const struct system_revert *r, struct vss_error *err);

/*
 * Open the volume so that nobody else can mount or claim it, and make sure that it is the
 * one which the module tracks and that nobody has it open.  @kernel's view of it goes to @volume.
 */
vss_result revert_claim(struct system_revert *r, struct vss_kernel *kernel, struct vss_kernel_volume *volume,
			struct vss_error *err);

/* The persistent diff area of a volume; null without one.  0 or a negative errno. */
int revert_area(struct vss_kernel *kernel, struct vss_devno dev, struct vss_uuid *area);

/* Delete the shadow copies newer than @snapshot up to epoch @last.  One newer than that is a failure. */
vss_result revert_delete_newer(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot, uint32_t last,
			       struct vss_error *err);
/* Is there one newer than that? */
vss_result revert_check_newer(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot, uint32_t last,
			      struct vss_error *err);

/* ---- revert-hide.c ---- */

/*
 * Can the volume be hidden while it is written?  Then after a power failure the revert goes on.
 * Opens what that takes; for a @fresh one it removes what is on record.  0, also where it cannot be; a
 * negative errno with a sentence in r->err.
 */
int revert_hide_open(struct system_revert *r, struct vss_kernel *kernel, uint32_t block, bool fresh);
void revert_hide_close(struct system_revert *r);

/*
 * Of one that was broken off: has hiding begun, and is all that is hidden as the revert has left it?
 * @hidden: bytes, 0: it has not begun.  0 or -ESTALE with a sentence.
 */
int revert_hide_check(struct system_revert *r, uint64_t *hidden);

/*
 * Hide it, and show it with what the image has there.  0, or a negative errno with a sentence; when it
 * is not hidden then, nothing was written to the volume.
 */
int revert_hide(struct system_revert *r);
int revert_show(struct system_revert *r);

/* When the image can be read no more: show the mixture with what the volume had there. */
void revert_put_back(struct system_revert *r);

/* It is hidden, as far as that is known. */
bool revert_is_hidden(const struct system_revert *r);

/* Has the boot completed it, as its diff area tells?  Then it ends here as well. */
bool revert_was_ended(struct system_revert *r, struct vss_kernel *kernel);

/* Is the volume to be set back to it at the next start of the machine? */
bool revert_is_wanted(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot);

/* ---- revert-run.c ---- */

/* Start the thread of one whose image is open. */
bool revert_start(struct system_revert *r);
/*
 * Go on with one of an earlier life, or wait until that can be.  @kernel: NULL without the module;
 * @known: that is so, or NULL is because it cannot be asked
 */
void revert_resume(struct system_revert *r, struct vss_kernel *kernel, bool known);
/* End one with the failure in r->err: nothing was written; or some was, perhaps by one before. */
void revert_end_unchanged(struct system_revert *r, vss_result result);
void revert_end_mixture(struct system_revert *r);
/* It is complete: try to remove its record, and end. */
void revert_finish(struct system_revert *r);

#endif /* PROVIDER_SYSTEM_REVERT_INTERNAL_H */
