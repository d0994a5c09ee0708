// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of a diff area: which slots there are, and where they lie.  They
 * are made anew when a part begins to give room, and when it ceases to.
 *
 * A part that comes gets the numbers behind those that there are, which may be
 * in use.  When one goes, the slots that are left are numbered anew; so that is
 * done only while no slot is in use and none is promised.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "area.h"
#include "volume.h"

/* Slots are numbered by u32, less the values with a meaning of their own. */
#define MAX_SLOTS	(VSS_SLOT_NONE - 1)

/**
 * struct tables - tables being made, or those that were in use before
 * @extents:	the slots' places
 * @own:	own ranges, NULL if there can be none
 * @bitmap:	slots in use
 * @nr_slots:	slots there are
 */
struct tables {
	struct vss_extents	*extents;
	struct vss_own_ranges	*own;
	unsigned long		*bitmap;
	u32			nr_slots;
};

static int cmp_range(const void *a, const void *b)
{
	const struct vss_raw_extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Two slots on one sector would be two snapshots' ruin. */
static int check_overlap(const struct vss_part *part,
			 struct netlink_ext_ack *extack)
{
	struct vss_raw_extent *sorted;
	int err = 0;
	u32 i;

	sorted = kvcalloc(part->nr_raw, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, part->raw, part->nr_raw * sizeof(*sorted));
	sort(sorted, part->nr_raw, sizeof(*sorted), cmp_range, NULL);
	for (i = 1; i < part->nr_raw; i++) {
		if (sorted[i - 1].start + sorted[i - 1].nr > sorted[i].start)
			err = -EINVAL;
	}
	kvfree(sorted);
	if (err)
		NL_SET_ERR_MSG(extack, "extents overlap");
	return err;
}

/*
 * Extents of a part that are usable, as slots from @slot on; stored in @ext
 * unless that is NULL.
 */
static u32 count_extents(const struct vss_volume *vol, struct vss_part *part,
			 struct vss_extent *ext, u32 slot, u32 *nr_ext)
{
	u32 i, first = slot;

	*nr_ext = 0;
	for (i = 0; i < part->nr_raw; i++) {
		u64 n = vss_sector_to_chunk(vol, part->raw[i].nr);

		n = min_t(u64, n, MAX_SLOTS - slot);
		if (!n)
			continue;
		if (ext) {
			ext[*nr_ext] = (struct vss_extent) {
				.slot = slot,
				.nr = n,
				.sector = part->raw[i].start,
				.part = part,
			};
		}
		(*nr_ext)++;
		slot += n;
	}
	return slot - first;
}

/* Most own ranges that a part may have. */
static u32 count_own(const struct vss_part *part)
{
	return part->on_origin ? part->nr_raw : 0;
}

static void free_tables(struct tables *t)
{
	kvfree(t->extents);
	kvfree(t->own);
	kvfree(t->bitmap);
}

/* Empty tables, with room for so much. */
static int alloc_tables(struct tables *t, u32 nr_ext, u32 nr_own, u32 nr_slots)
{
	memset(t, 0, sizeof(*t));
	t->extents = kvzalloc(struct_size(t->extents, ext, nr_ext),
			      GFP_KERNEL);
	if (nr_own)
		t->own = kvzalloc(struct_size(t->own, range, nr_own),
				  GFP_KERNEL);
	t->bitmap = kvcalloc(BITS_TO_LONGS(nr_slots), sizeof(long),
			     GFP_KERNEL);
	if (t->extents && t->bitmap && (t->own || !nr_own))
		return 0;
	free_tables(t);
	return -ENOMEM;
}

static void add_own(struct vss_own_ranges *own, const struct vss_volume *vol,
		    const struct vss_part *part)
{
	u32 i;

	for (i = 0; i < part->nr_raw; i++) {
		sector_t s = part->bdev->bd_start_sect + part->raw[i].start;
		sector_t e = s + part->raw[i].nr;

		s = max(s, vol->start);
		e = min(e, vol->start + vol->nr_sectors);
		if (s >= e)
			continue;
		own->range[own->nr].start = s - vol->start;
		own->range[own->nr].nr = e - s;
		own->nr++;
	}
	sort(own->range, own->nr, sizeof(*own->range), cmp_range, NULL);
}

static void add_part(struct tables *t, const struct vss_volume *vol,
		     struct vss_part *part)
{
	u32 nr_ext;

	t->nr_slots += count_extents(vol, part,
				     t->extents->ext + t->extents->nr,
				     t->nr_slots, &nr_ext);
	t->extents->nr += nr_ext;
	if (part->on_origin)
		add_own(t->own, vol, part);
}

/**
 * vss_area_count_slots() - how many slots a part will have
 * @vol:	the volume
 * @part:	a part that is not activated
 *
 * Return: their number.
 */
u32 vss_area_count_slots(struct vss_volume *vol, struct vss_part *part)
{
	u32 nr_ext;

	return count_extents(vol, part, NULL, vol->area.nr_slots, &nr_ext);
}

/* The area's tables with those of @part behind them. */
static int tables_with(struct vss_volume *vol, struct vss_part *part,
		       struct tables *t, struct netlink_ext_ack *extack)
{
	struct vss_area *area = &vol->area;
	struct vss_own_ranges *own;
	struct vss_extents *old;
	u32 slots, nr_ext;
	int err;

	slots = count_extents(vol, part, NULL, area->nr_slots, &nr_ext);
	if (!slots) {
		NL_SET_ERR_MSG(extack, "no extent is large enough for a chunk");
		return -ENOSPC;
	}
	old = rcu_dereference_protected(area->extents,
					lockdep_is_held(&vss_mutex));
	own = rcu_dereference_protected(area->own,
					lockdep_is_held(&vss_mutex));
	err = alloc_tables(t, (old ? old->nr : 0) + nr_ext,
			   (own ? own->nr : 0) + count_own(part),
			   area->nr_slots + slots);
	if (err)
		return err;
	t->nr_slots = area->nr_slots;
	if (old) {
		t->extents->nr = old->nr;
		memcpy(t->extents->ext, old->ext,
		       old->nr * sizeof(*old->ext));
	}
	/* A file may lie beside the volume, on the same disk. */
	if (own && own->nr) {
		t->own->nr = own->nr;
		memcpy(t->own->range, own->range,
		       own->nr * sizeof(*own->range));
	}
	add_part(t, vol, part);
	return 0;
}

/* Tables of all other parts that give room, none of their slots in use. */
static int tables_without(struct vss_volume *vol, const struct vss_part *gone,
			  struct tables *t)
{
	u32 slots = 0, nr_ext = 0, nr_own = 0, n;
	struct vss_part *part;
	int err;

	list_for_each_entry(part, &vol->area.parts, list) {
		if (part == gone || part->state == VSS_AREA_PINNED)
			continue;
		slots += count_extents(vol, part, NULL, slots, &n);
		nr_ext += n;
		nr_own += count_own(part);
	}
	err = alloc_tables(t, nr_ext, nr_own, slots);
	if (err)
		return err;
	list_for_each_entry(part, &vol->area.parts, list) {
		if (part != gone && part->state != VSS_AREA_PINNED)
			add_part(t, vol, part);
	}
	return 0;
}

/* Put @t in the place of the area's tables; @t has these afterwards. */
static void swap_tables(struct vss_area *area, struct tables *t)
{
	lockdep_assert_held(&area->lock);
	t->extents = rcu_replace_pointer(area->extents, t->extents,
					 lockdep_is_held(&area->lock));
	t->own = rcu_replace_pointer(area->own, t->own,
				     lockdep_is_held(&area->lock));
	swap(area->bitmap, t->bitmap);
	swap(area->nr_slots, t->nr_slots);
	/* Where userspace has no wish: a fifth. */
	if (!area->low_set)
		area->low_water = area->nr_slots / 5;
	area->low_told = false;
}

/* All slots from @first on are in use until the part is opened. */
static void close_slots(struct vss_area *area, struct vss_part *part, u32 first)
{
	lockdep_assert_held(&area->lock);
	part->meta = area->nr_slots - first;
	part->used = part->meta;
	area->meta += part->meta;
	area->used += part->meta;
	bitmap_set(area->bitmap, first, part->meta);
	/* There is no less room than before. */
	area->low_told = true;
}

/* After a change: how many slots each part has. */
static void set_part_slots(struct vss_area *area)
{
	const struct vss_extents *extents;
	struct vss_part *part;
	u32 i;

	extents = rcu_dereference_protected(area->extents,
					    lockdep_is_held(&vss_mutex));
	list_for_each_entry(part, &area->parts, list)
		part->slots = 0;
	for (i = 0; extents && i < extents->nr; i++)
		extents->ext[i].part->slots += extents->ext[i].nr;
}

/**
 * vss_area_activate() - open a part's room for use
 * @vol:	the volume
 * @part:	a part of it, with its extents
 * @closed:	no copy gets its slots before vss_area_open()
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno; then nothing has changed.
 */
int vss_area_activate(struct vss_volume *vol, struct vss_part *part,
		      bool closed, struct netlink_ext_ack *extack)
{
	struct vss_area *area = &vol->area;
	struct tables t;
	u32 first;
	int err;

	lockdep_assert_held(&vss_mutex);
	if (part->on_origin && vol->nr_snaps) {
		NL_SET_ERR_MSG(extack,
			       "the diff area cannot grow on its own volume while that has a snapshot");
		return -EBUSY;
	}
	err = check_overlap(part, extack);
	if (!err)
		err = tables_with(vol, part, &t, extack);
	if (err)
		return err;

	spin_lock(&area->lock);
	if (area->bitmap)
		bitmap_copy(t.bitmap, area->bitmap, area->nr_slots);
	first = area->nr_slots;
	swap_tables(area, &t);
	if (closed)
		close_slots(area, part, first);
	part->state = VSS_AREA_READY;
	spin_unlock(&area->lock);

	set_part_slots(area);
	kvfree(t.bitmap);
	if (t.extents)
		kvfree_rcu(t.extents, rcu);
	if (t.own)
		kvfree_rcu(t.own, rcu);
	return 0;
}

/**
 * vss_area_deactivate() - close a part's room
 * @vol:	the volume, without snapshots
 * @part:	a part that gives room, NULL: all there are
 * @extack:	set on errors
 *
 * Nobody looks at the part afterwards: it may be freed.
 *
 * Return: 0 or a negative errno; then nothing has changed.
 */
int vss_area_deactivate(struct vss_volume *vol, struct vss_part *part,
			struct netlink_ext_ack *extack)
{
	struct vss_area *area = &vol->area;
	struct vss_part *p;
	/* Without any part as before the first: that asks for no memory. */
	struct tables t = {};
	int err;

	lockdep_assert_held(&vss_mutex);
	err = part ? tables_without(vol, part, &t) : 0;
	if (err)
		return err;

	spin_lock(&area->lock);
	/*
	 * Without snapshots only copies on their way have slots.  They need
	 * their part until they have ended, and the numbers of the others.
	 */
	if (area->used != area->meta || area->reserved) {
		err = -EBUSY;
	} else {
		/* Of a persistent area no part goes without the others. */
		area->used = 0;
		area->meta = 0;
		list_for_each_entry(p, &area->parts, list) {
			p->used = 0;
			p->meta = 0;
		}
		vss_area_forget_failure(area, part);
		swap_tables(area, &t);
		area->cursor = 0;
	}
	spin_unlock(&area->lock);
	if (err) {
		NL_SET_ERR_MSG(extack,
			       "copies of deleted snapshots are still being written: try again");
		free_tables(&t);
		return err;
	}

	if (part)
		part->slots = 0;
	set_part_slots(area);
	/* Whoever has found the part in the old extents. */
	synchronize_rcu();
	free_tables(&t);
	return 0;
}
