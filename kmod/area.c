// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slots of a diff area: which are free, where they are, and I/O to them.
 * Parts come and go in part.c, the tables that are read here in tables.c.
 */
#include <linux/bitmap.h>
#include <linux/blk-cgroup.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "area.h"
#include "volume.h"

/* Room kept free, while there are older snapshots to win it from. */
#define RESERVE_SLOTS	256U

/**
 * vss_area_init() - make an area without room
 * @area:	the area
 */
void vss_area_init(struct vss_area *area)
{
	INIT_LIST_HEAD(&area->parts);
	spin_lock_init(&area->lock);
}

static u32 free_slots(const struct vss_area *area)
{
	lockdep_assert_held(&area->lock);
	return area->nr_slots - area->used - area->reserved;
}

/**
 * vss_area_reserve() - have slots promised
 * @vol:	the volume
 * @n:		number of slots
 *
 * Does not sleep.
 *
 * Return: true if vss_area_take() will give so many.
 */
bool vss_area_reserve(struct vss_volume *vol, u32 n)
{
	struct vss_area *area = &vol->area;
	bool ok;

	spin_lock(&area->lock);
	ok = !area->failed && free_slots(area) >= n;
	if (ok)
		area->reserved += n;
	spin_unlock(&area->lock);
	return ok;
}

/**
 * vss_area_unreserve() - give a promise back
 * @area:	the area
 * @n:		number of slots
 */
void vss_area_unreserve(struct vss_area *area, u32 n)
{
	spin_lock(&area->lock);
	area->reserved -= n;
	spin_unlock(&area->lock);
}

static const struct vss_extent *find_extent(const struct vss_extents *extents,
					    u32 slot)
{
	u32 lo = 0, hi = extents->nr;

	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (extents->ext[mid].slot <= slot)
			lo = mid;
		else
			hi = mid;
	}
	return &extents->ext[lo];
}

/**
 * vss_area_take() - take reserved slots
 * @area:	the area
 * @want:	how many, not more than are reserved
 * @slot:	set to the first
 *
 * Return: how many were taken, at least 1, on adjacent sectors.
 */
u32 vss_area_take(struct vss_area *area, u32 want, u32 *slot)
{
	const struct vss_extents *extents;
	const struct vss_extent *ext;
	u32 first, end, n;

	spin_lock(&area->lock);
	first = find_next_zero_bit(area->bitmap, area->nr_slots, area->cursor);
	if (first >= area->nr_slots)
		first = find_first_zero_bit(area->bitmap, area->nr_slots);

	extents = rcu_dereference_protected(area->extents,
					    lockdep_is_held(&area->lock));
	ext = find_extent(extents, first);
	end = min3(first + want, ext->slot + ext->nr, area->nr_slots);
	n = find_next_bit(area->bitmap, end, first) - first;

	bitmap_set(area->bitmap, first, n);
	area->cursor = first + n;
	area->used += n;
	area->reserved -= n;
	ext->part->used += n;
	spin_unlock(&area->lock);

	*slot = first;
	return n;
}

/**
 * vss_area_claim() - take a certain slot
 * @area:	the area
 * @slot:	the slot, one that there is
 *
 * Return: false if it is in use.
 */
bool vss_area_claim(struct vss_area *area, u32 slot)
{
	const struct vss_extents *extents;
	bool free;

	spin_lock(&area->lock);
	extents = rcu_dereference_protected(area->extents,
					    lockdep_is_held(&area->lock));
	free = !test_bit(slot, area->bitmap);
	if (free) {
		set_bit(slot, area->bitmap);
		area->used++;
		find_extent(extents, slot)->part->used++;
	}
	spin_unlock(&area->lock);
	return free;
}

/**
 * vss_area_is_cut() - would slots be beyond a disk's end?
 * @vol:	the volume, under rcu_read_lock()
 * @disk:	the disk
 * @sectors:	its size
 *
 * Return: true if so.
 */
bool vss_area_is_cut(struct vss_volume *vol, const struct gendisk *disk,
		     sector_t sectors)
{
	const struct vss_extents *extents = rcu_dereference(vol->area.extents);
	u32 i;

	for (i = 0; extents && i < extents->nr; i++) {
		const struct vss_extent *ext = &extents->ext[i];
		struct block_device *bdev = ext->part->bdev;

		if (bdev->bd_disk == disk && bdev->bd_start_sect + ext->sector +
		    vss_chunk_to_sector(vol, ext->nr) > sectors)
			return true;
	}
	return false;
}

/**
 * vss_area_open() - let copies have the slots of a part
 * @vol:	the volume
 * @part:	the part, activated closed
 * @meta:	slots at its beginning that no copy gets for good
 */
void vss_area_open(struct vss_volume *vol, struct vss_part *part, u32 meta)
{
	struct vss_area *area = &vol->area;
	const struct vss_extents *extents;
	u32 n = part->slots - meta, i = 0;

	spin_lock(&area->lock);
	extents = rcu_dereference_protected(area->extents,
					    lockdep_is_held(&area->lock));
	/* A device is one extent. */
	while (extents->ext[i].part != part)
		i++;
	bitmap_clear(area->bitmap, extents->ext[i].slot + meta, n);
	part->used -= n;
	part->meta -= n;
	area->used -= n;
	area->meta -= n;
	area->low_told = false;
	spin_unlock(&area->lock);
}

static void free_slots_from(struct vss_area *area, u32 slot, u32 nr)
{
	const struct vss_extents *extents;

	lockdep_assert_held(&area->lock);
	extents = rcu_dereference_protected(area->extents,
					    lockdep_is_held(&area->lock));
	while (nr) {
		const struct vss_extent *ext = find_extent(extents, slot);
		u32 n = min(nr, ext->slot + ext->nr - slot);

		bitmap_clear(area->bitmap, slot, n);
		area->used -= n;
		ext->part->used -= n;
		slot += n;
		nr -= n;
	}
	if (area->nr_slots - area->used >= area->low_water)
		area->low_told = false;
}

/**
 * vss_area_free() - a slot is not used any more, and not being written
 * @area:	the area
 * @slot:	the slot
 */
void vss_area_free(struct vss_area *area, u32 slot)
{
	spin_lock(&area->lock);
	free_slots_from(area, slot, 1);
	spin_unlock(&area->lock);
}

/**
 * vss_area_free_run() - the same of adjacent slots
 * @area:	the area
 * @slot:	the first
 * @nr:		their number
 */
void vss_area_free_run(struct vss_area *area, u32 slot, u32 nr)
{
	spin_lock(&area->lock);
	free_slots_from(area, slot, nr);
	spin_unlock(&area->lock);
}

/**
 * vss_area_set_dying() - slots will be freed by vss_area_free_dying()
 * @area:	the area
 * @n:		number of slots
 */
void vss_area_set_dying(struct vss_area *area, u32 n)
{
	spin_lock(&area->lock);
	area->dying += n;
	spin_unlock(&area->lock);
}

/**
 * vss_area_free_dying() - free a slot whose write had to end first
 * @area:	the area
 * @slot:	the slot
 */
void vss_area_free_dying(struct vss_area *area, u32 slot)
{
	spin_lock(&area->lock);
	area->dying--;
	free_slots_from(area, slot, 1);
	spin_unlock(&area->lock);
}

static bool short_of(const struct vss_area *area, u32 n)
{
	lockdep_assert_held(&area->lock);
	return area->failed || free_slots(area) + area->dying < n;
}

/**
 * vss_area_short_of() - will too few slots be free, unless some are won?
 * @area:	the area
 * @n:		slots that are needed
 *
 * Return: true if slots must be won for them.
 */
bool vss_area_short_of(struct vss_area *area, u32 n)
{
	bool is_short;

	spin_lock(&area->lock);
	is_short = short_of(area, n);
	spin_unlock(&area->lock);
	return is_short;
}

/**
 * vss_area_is_crowded() - should room be won before there is none?
 * @area:	the area
 *
 * Return: true if so.
 */
bool vss_area_is_crowded(struct vss_area *area)
{
	bool crowded;

	spin_lock(&area->lock);
	/* A part that is not open yet must not make less of what there is. */
	crowded = short_of(area, min((area->nr_slots - area->meta) / 64,
				     RESERVE_SLOTS));
	spin_unlock(&area->lock);
	return crowded;
}

/**
 * vss_area_is_low() - is a low-space event due?
 * @area:	the area
 *
 * Says yes once, until there is enough room again.
 *
 * Return: true if the event is to be sent.
 */
bool vss_area_is_low(struct vss_area *area)
{
	bool low = false;

	spin_lock(&area->lock);
	if (!area->low_told && area->nr_slots - area->used < area->low_water) {
		area->low_told = true;
		low = true;
	}
	spin_unlock(&area->lock);
	return low;
}

static void mark_failed(struct vss_area *area)
{
	const struct vss_extents *extents;
	u32 i;

	lockdep_assert_held(&area->lock);
	extents = rcu_dereference_protected(area->extents,
					    lockdep_is_held(&area->lock));
	for (i = 0; i < extents->nr; i++) {
		struct vss_part *part = extents->ext[i].part;

		if (part->bdev == area->failed_bdev)
			WRITE_ONCE(part->state, VSS_AREA_ERROR);
	}
}

/**
 * vss_area_mark_failed() - show in the parts' states where a write failed
 * @area:	an area with @failed set
 */
void vss_area_mark_failed(struct vss_area *area)
{
	spin_lock(&area->lock);
	mark_failed(area);
	spin_unlock(&area->lock);
}

/**
 * vss_area_forget_failure() - a part goes, and maybe what has failed with it
 * @area:	an area with no write on its way; under vss_mutex and @area->lock
 * @gone:	the part, NULL: all of them
 */
void vss_area_forget_failure(struct vss_area *area,
			     const struct vss_part *gone)
{
	const struct vss_part *part;
	bool failed = false;

	lockdep_assert_held(&area->lock);
	if (!area->failed)
		return;
	mark_failed(area);
	list_for_each_entry(part, &area->parts, list)
		failed |= gone && part != gone && part->state == VSS_AREA_ERROR;
	WRITE_ONCE(area->failed, failed);
	/* All on it are marked, and it may go. */
	area->failed_bdev = NULL;
}

/**
 * vss_area_usage() - how large and how full an area is
 * @vol:	the volume
 * @size:	set to the bytes there are
 * @used:	set to the bytes in use
 */
void vss_area_usage(struct vss_volume *vol, u64 *size, u64 *used)
{
	struct vss_area *area = &vol->area;

	spin_lock(&area->lock);
	*size = (u64)(area->nr_slots - area->meta) << vol->chunk_shift;
	*used = (u64)(area->used - area->meta) << vol->chunk_shift;
	spin_unlock(&area->lock);
}

/**
 * vss_area_set_low_water() - choose when an area counts as low
 * @vol:	the volume
 * @bytes:	an event is sent when fewer bytes than this are free
 */
void vss_area_set_low_water(struct vss_volume *vol, u64 bytes)
{
	struct vss_area *area = &vol->area;
	u64 slots = DIV_ROUND_UP_ULL(bytes, 1ULL << vol->chunk_shift);

	spin_lock(&area->lock);
	area->low_water = min_t(u64, slots, U32_MAX);
	area->low_set = true;
	area->low_told = false;
	spin_unlock(&area->lock);
}

/**
 * vss_area_low_water() - when an area counts as low
 * @vol:	the volume
 *
 * Return: bytes.
 */
u64 vss_area_low_water(struct vss_volume *vol)
{
	return (u64)READ_ONCE(vol->area.low_water) << vol->chunk_shift;
}

/**
 * vss_area_memory() - bytes of memory that the area's tables take
 * @area:	the area
 *
 * Return: bytes.
 */
u64 vss_area_memory(struct vss_area *area)
{
	const struct vss_extents *extents;
	u64 sum = BITS_TO_LONGS(READ_ONCE(area->nr_slots)) * sizeof(long);

	rcu_read_lock();
	extents = rcu_dereference(area->extents);
	if (extents)
		sum += struct_size(extents, ext, extents->nr);
	rcu_read_unlock();
	return sum;
}

/**
 * vss_area_locate() - where a slot is
 * @vol:	the volume
 * @slot:	the slot, in use
 * @bdev:	set to its device, which stays as long as the slot is in use
 * @sector:	set to its first sector there
 *
 * Return: how many slots from this one on lie on adjacent sectors.
 */
u32 vss_area_locate(struct vss_volume *vol, u32 slot,
		    struct block_device **bdev, sector_t *sector)
{
	const struct vss_extent *ext;
	u32 n;

	rcu_read_lock();
	ext = find_extent(rcu_dereference(vol->area.extents), slot);
	*bdev = ext->part->bdev;
	*sector = ext->sector + vss_chunk_to_sector(vol, slot - ext->slot);
	n = ext->slot + ext->nr - slot;
	rcu_read_unlock();
	return n;
}

/**
 * vss_area_own_range() - does the area lie here on its own volume?
 * @area:	the area
 * @sector:	first sector, relative to the volume
 * @nr:		number of sectors, at least 1
 * @own:	set: the first sectors belong to the area, or do not
 *
 * Return: for how many of the @nr sectors @own is the answer.
 */
sector_t vss_area_own_range(struct vss_area *area, sector_t sector, sector_t nr,
			    bool *own)
{
	const struct vss_own_ranges *ranges;
	sector_t n = nr;
	u32 lo = 0, hi;

	*own = false;
	if (!rcu_access_pointer(area->own))
		return nr;
	rcu_read_lock();
	ranges = rcu_dereference(area->own);
	if (!ranges)
		goto out;

	/* The first range that ends behind @sector. */
	hi = ranges->nr;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		const struct vss_raw_extent *r = &ranges->range[mid];

		if (r->start + r->nr <= sector)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < ranges->nr) {
		const struct vss_raw_extent *r = &ranges->range[lo];

		if (r->start <= sector) {
			*own = true;
			n = min(nr, r->start + r->nr - sector);
		} else {
			n = min(nr, r->start - sector);
		}
	}
out:
	rcu_read_unlock();
	return n;
}

static void area_end_io(struct bio *bio)
{
	struct vss_area_io *io = bio->bi_private;

	io->done(bio);
}

/**
 * vss_area_owns_bio() - is a write one of ours to a volume's own area?
 * @vol:	the volume
 * @end_io:	its bi_end_io
 * @private:	its bi_private
 *
 * Return: true if it is.
 */
bool vss_area_owns_bio(const struct vss_volume *vol, bio_end_io_t *end_io,
		       void *private)
{
	return end_io == area_end_io &&
		((struct vss_area_io *)private)->vol == vol;
}

/**
 * vss_area_submit() - send a bio to a diff area
 * @bio:	the bio, with device, sector and pages set
 * @io:		what to do when it ends; must stay until then
 *
 * Runs on nobody's account: what a throttled writer makes us copy must not
 * wait for that writer's limit.
 */
void vss_area_submit(struct bio *bio, struct vss_area_io *io)
{
	bio->bi_private = io;
	bio->bi_end_io = area_end_io;
	bio_associate_blkg_from_css(bio, blkcg_root_css);
	submit_bio_noacct(bio);
}

struct sync_io {
	struct vss_area_io	io;
	struct completion	done;
};

static void sync_done(struct bio *bio)
{
	struct sync_io *sync = container_of(bio->bi_private, struct sync_io,
					    io);

	complete(&sync->done);
}

/**
 * vss_area_rw_sync() - read or write a part of a slot and wait for it
 * @vol:	the volume
 * @slot:	the slot
 * @offset:	first byte within the slot, a multiple of 512
 * @pages:	the data, from the beginning of the first page
 * @bytes:	length, a multiple of 512
 * @opf:	REQ_OP_READ or REQ_OP_WRITE
 *
 * Return: 0 or a negative errno.
 */
int vss_area_rw_sync(struct vss_volume *vol, u32 slot, unsigned int offset,
		     struct page **pages, unsigned int bytes, blk_opf_t opf)
{
	unsigned int nr = DIV_ROUND_UP(bytes, PAGE_SIZE), i;
	struct sync_io sync = { .io = { .vol = vol, .done = sync_done } };
	struct block_device *bdev;
	struct bio_vec *vecs;
	sector_t sector;
	struct bio bio;

	vecs = kcalloc(nr, sizeof(*vecs), GFP_NOIO);
	if (!vecs)
		return -ENOMEM;

	vss_area_locate(vol, slot, &bdev, &sector);
	bio_init(&bio, bdev, vecs, nr, opf);
	bio.bi_iter.bi_sector = sector + (offset >> SECTOR_SHIFT);
	for (i = 0; i < nr; i++)
		__bio_add_page(&bio, pages[i],
			       min_t(unsigned int, bytes - i * PAGE_SIZE,
				     PAGE_SIZE), 0);
	init_completion(&sync.done);
	vss_area_submit(&bio, &sync.io);
	wait_for_completion_io(&sync.done);
	kfree(vecs);
	return blk_status_to_errno(bio.bi_status);
}
