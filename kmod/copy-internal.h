/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that implement copy-before-write share; no other ones.
 *
 * Calls go one way: copy.c's to all others, those of copy-wait.c and copy-publish.c
 * to copy-read.c and copy-memory.c.  Back it goes by works.
 */
#ifndef VSS_COPY_INTERNAL_H
#define VSS_COPY_INTERNAL_H

#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/math.h>

#include "copy.h"

/* In the submitter's context, which may be reclaim: leave the last reserves. */
#define GFP_COPY		(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/* The chunks of its group that a copy has. */
static inline u16 vss_copy_mask(const struct vss_copy *copy)
{
	return GENMASK(copy->first + copy->n - 1, copy->first);
}

/* The first chunk of a copy, by its number on the volume. */
static inline u64 vss_copy_first_chunk(const struct vss_copy *copy)
{
	return ((u64)copy->group << VSS_GROUP_SHIFT) + copy->first;
}

/* The number of pieces that the content of a copy is in, once it has them. */
static inline unsigned int vss_copy_nr_vecs(const struct vss_copy *copy)
{
	return DIV_ROUND_UP(copy->bytes, 1U << copy->vec_shift);
}

/* copy-memory.c */
int vss_copy_memory_init(struct vss_volume *vol);
void vss_copy_memory_destroy(struct vss_volume *vol);
struct vss_copy *vss_copy_alloc(struct vss_volume *vol, u32 group,
				unsigned int first, unsigned int n);
void vss_copy_free(struct vss_copy *copy);
bool vss_copy_get_resources(struct vss_copy *copy);
bool vss_copy_drop(struct vss_copy *copy);

/* copy-read.c */
int vss_copy_read_init(struct vss_volume *vol);
void vss_copy_read_destroy(struct vss_volume *vol);
void vss_copies_read(struct list_head *ready);
bool vss_copy_probe_next(struct vss_copy *copy);

/* copy-wait.c */
int vss_copy_wait_init(struct vss_volume *vol);
void vss_copy_wait_destroy(struct vss_volume *vol);

/* copy-publish.c */
void vss_copy_publish_init(struct vss_volume *vol);

#endif /* VSS_COPY_INTERNAL_H */
