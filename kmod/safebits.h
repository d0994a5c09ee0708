/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One bit a chunk: "needs no copy before it is written".
 */
#ifndef VSS_SAFEBITS_H
#define VSS_SAFEBITS_H

#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct vss_safepage - the bits of 32768 chunks
 * @bits:	16 chunks (one group) a word; allocated when first set
 * @gen:	generation of the bits: those of another one do not count
 * @lock:	protects changes of this struct and of the bits
 */
struct vss_safepage {
	u16		*bits;
	u32		gen;
	spinlock_t	lock;	/* changes of the bits */
};

/**
 * struct vss_safebits - the bits of a volume
 * @pages:	their pages
 * @nr:		number of pages
 * @allocated:	pages that have memory
 */
struct vss_safebits {
	struct vss_safepage	*pages;
	u32			nr;
	atomic_t		allocated;
};

int vss_safebits_init(struct vss_safebits *safe, u64 nr_chunks);
void vss_safebits_destroy(struct vss_safebits *safe);
u64 vss_safebits_memory(const struct vss_safebits *safe);
u16 vss_safebits_get(const struct vss_safebits *safe, u32 group, u32 gen);
void vss_safebits_set(struct vss_safebits *safe, u32 group, u16 chunks,
		      u32 gen);

#endif /* VSS_SAFEBITS_H */
