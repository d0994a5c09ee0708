// SPDX-License-Identifier: GPL-2.0-only
/*
 * The image of a snapshot: a block device whose reads are sent on to wherever
 * the old content is: the bio itself if all of it is in one place, else by
 * clones.  No data is copied.
 *
 * A chunk that was not copied is read from the origin, and no lock is held
 * while that goes on: a write may overtake the read.  So the reader notes the
 * publish counters of the chunk groups when it finds no copy, and looks at
 * them again when the data have come.  Unchanged: no copy was published, so
 * no write was let through before our read had ended, and the data are old.
 * Changed: the chunks that have a copy now are read again, from it.  A copy is
 * final, so once is enough.
 */
#include <linux/highmem.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "cpupool.h"
#include "snapshot.h"
#include "volume.h"

/**
 * struct vss_image_io - a bio to an image being worked on
 * @bio:	the bio
 * @snap:	the snapshot
 * @pending:	pieces under way, and one for who maps the bio
 * @status:	the first error
 * @sent:	the bio itself was sent on, and bio_endio() was run on it
 * @start:	for the disk's statistics
 * @todo:	what is not mapped yet; with @sent the bio as it came
 * @work:	maps it when memory had to be waited for, or looks again
 * @origin:	with @sent: it was read from the origin
 * @remapped:	with @sent: the bio's BIO_REMAPPED
 * @seq:	with @sent: sum of the publish counters when no copy was found
 * @end_io:	with @sent: the bio's bi_end_io
 * @private:	with @sent: its bi_private
 * @bdev:	with @sent: its bi_bdev
 * @opf:	with @sent: its bi_opf, to which the devices below add theirs
 */
struct vss_image_io {
	struct bio		*bio;
	struct vss_snapshot	*snap;
	refcount_t		pending;
	blk_status_t		status;
	bool			sent;
	unsigned long		start;
	struct bvec_iter	todo;
	struct work_struct	work;

	bool			origin;
	bool			remapped;
	u32			seq;
	bio_end_io_t		*end_io;
	void			*private;
	struct block_device	*bdev;
	blk_opf_t		opf;
};

/**
 * struct vss_piece - a part of an image bio that is read from one place
 * @io:		the image bio
 * @iter:	the part, in sectors of the image
 * @origin:	it is read from the origin
 * @seq:	sum of the publish counters when no copy was found
 * @work:	looks again
 * @clone:	the read; must be the last member
 */
struct vss_piece {
	struct vss_image_io	*io;
	struct bvec_iter	iter;
	bool			origin;
	u32			seq;
	struct work_struct	work;
	struct bio		clone;
};

enum source {
	NOWHERE,
	ORIGIN,		/* not copied, not overwritten */
	STORE,		/* in the diff area */
	MEMORY,		/* in a copy that is on its way there */
	ZERO,		/* the diff area itself */
	UNREADABLE,
};

/**
 * struct run - adjacent sectors of an image that come from one place
 * @source:	where from
 * @nr:		sectors
 * @bdev:	for STORE
 * @sector:	for STORE
 * @seq:	for ORIGIN
 * @copy:	for MEMORY, with a reference
 * @chunk:	for MEMORY: the chunk within the group
 * @offset:	for MEMORY: byte within the chunk
 */
struct run {
	enum source		source;
	sector_t		nr;
	struct block_device	*bdev;
	sector_t		sector;
	u32			seq;
	struct vss_copy		*copy;
	unsigned int		chunk;
	unsigned int		offset;
};

/*
 * A major of our own, which LVM and others do not know and so do not scan; a
 * disk's partitions beyond these minors get numbers elsewhere.
 */
static int image_major;
#define IMAGE_MINORS	32

static struct vss_cpupool ios;
static mempool_t io_pool;
static struct bio_set piece_set;

/*
 * Works wait for memory that works of another kind give back, so each kind has
 * a queue, and with it a rescuer, of its own.
 */
static struct workqueue_struct *deferred_wq;
static struct workqueue_struct *map_wq;
static struct workqueue_struct *recheck_wq;
struct workqueue_struct *vss_overlay_wq;
static DEFINE_IDA(image_ida);

/* Bios for which no memory could be had without sleeping. */
static DEFINE_SPINLOCK(deferred_lock);
static struct bio_list deferred = BIO_EMPTY_LIST;
static void start_deferred(struct work_struct *work);
static DECLARE_WORK(deferred_work, start_deferred);

#define MIN_IOS		64
#define MIN_PIECES	128

static void map_work(struct work_struct *work);
static void recheck_work(struct work_struct *work);
static void recheck_sent_work(struct work_struct *work);

/**
 * vss_image_get() - an image bio is being worked on
 * @snap:	the snapshot
 */
void vss_image_get(struct vss_snapshot *snap)
{
	this_cpu_inc(*snap->begun);
	/* Counted first, then the state is looked at. */
	smp_mb();
}

/**
 * vss_image_put() - it has ended
 * @snap:	the snapshot
 */
void vss_image_put(struct vss_snapshot *snap)
{
	rcu_read_lock();	/* the snapshot may go once this is counted */
	this_cpu_inc(*snap->ended);
	/* Pairs with the barrier in vss_image_destroy()'s wait_event(). */
	smp_mb();
	if (READ_ONCE(snap->leaving))
		wake_up(&snap->quiet);
	rcu_read_unlock();
}

/* Have all bios ended that were begun? */
static bool is_quiet(struct vss_snapshot *snap)
{
	unsigned long begun = 0, ended = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += READ_ONCE(*per_cpu_ptr(snap->ended, cpu));
	/* In this order, as in the gate: equal sums mean that none is left. */
	smp_mb();
	for_each_possible_cpu(cpu)
		begun += READ_ONCE(*per_cpu_ptr(snap->begun, cpu));
	return begun == ended;
}

static void free_counts(struct vss_snapshot *snap)
{
	free_percpu(snap->begun);
	free_percpu(snap->ended);
}

/* May what was read from the image be trusted? */
static bool may_be_read(const struct vss_snapshot *snap)
{
	return vss_snapshot_is_good(snap) && vss_snapshot_is_whole(snap);
}

static void io_put(struct vss_image_io *io)
{
	struct vss_snapshot *snap = io->snap;
	struct bio *bio = io->bio;
	bool ended;

	if (!refcount_dec_and_test(&io->pending))
		return;
	/*
	 * Was the snapshot given up before the data came?  Then writes may
	 * have gone by without a copy, and slots may have been used again.
	 * Pairs with the barrier in end_life().  And what was read beyond the
	 * end that the disk had meanwhile is not what was there.
	 */
	smp_rmb();
	bio->bi_status = may_be_read(snap) ? io->status : BLK_STS_IOERR;
	bio_end_io_acct(bio, io->start);
	ended = io->sent;
	vss_cpupool_free(&ios, &io_pool, io);
	if (!ended)
		bio_endio(bio);
	else if (bio->bi_end_io)
		bio->bi_end_io(bio);
	vss_image_put(snap);
}

/* Add what one chunk's source is to a run that has one, if it fits. */
static bool extend(struct run *run, const struct run *next)
{
	if (run->source != next->source)
		return false;
	switch (run->source) {
	case STORE:
		if (run->bdev != next->bdev ||
		    run->sector + run->nr != next->sector)
			return false;
		break;
	case ORIGIN:
	case UNREADABLE:
		break;
	default:
		return false;
	}
	run->nr += next->nr;
	return true;
}

static void in_store(struct vss_volume *vol, u32 slot, unsigned int offset,
		     struct run *run)
{
	run->source = STORE;
	vss_area_locate(vol, slot, &run->bdev, &run->sector);
	run->sector += offset;
}

/* Where a chunk's content is; under the shard lock. */
static void chunk_source(struct vss_snapshot *snap, struct vss_shard *shard,
			 u32 group, unsigned int c, bool found, u32 slot,
			 unsigned int offset, struct run *run)
{
	struct vss_volume *vol = snap->vol;
	struct vss_copy *copy;
	u32 own;

	if (vss_overlay_find(snap, ((u64)group << VSS_GROUP_SHIFT) + c,
			     &own)) {
		in_store(vol, own, offset, run);
		return;
	}
	if (!found) {
		run->source = ORIGIN;
		return;
	}
	if (slot == VSS_SLOT_UNREADABLE) {
		run->source = UNREADABLE;
		return;
	}
	copy = vss_copy_find(shard, group, c, slot);
	if (!copy) {
		in_store(vol, slot, offset, run);
		return;
	}
	run->source = MEMORY;
	run->copy = copy;
	run->chunk = c;
	run->offset = offset << SECTOR_SHIFT;
}

/*
 * Where the area lies on its own volume: zeroes, but what was written to the
 * image comes first.
 */
static void own_run(struct vss_snapshot *snap, sector_t sector, sector_t nr,
		    struct run *run)
{
	struct vss_volume *vol = snap->vol;
	unsigned int offset = sector & (vss_chunk_sectors(vol) - 1);
	u32 slot;

	run->source = ZERO;
	run->nr = nr;
	if (xa_empty(&snap->overlay))
		return;
	run->nr = min_t(sector_t, nr, vss_chunk_sectors(vol) - offset);
	if (vss_overlay_find(snap, vss_sector_to_chunk(vol, sector), &slot))
		in_store(vol, slot, offset, run);
}

/* The first sectors of the range that come from one place. */
static void next_run(struct vss_snapshot *snap, sector_t sector, sector_t nr,
		     struct run *run)
{
	struct vss_volume *vol = snap->vol;
	unsigned int chunk_sectors = vss_chunk_sectors(vol);
	bool own;

	memset(run, 0, sizeof(*run));
	nr = vss_area_own_range(&vol->area, sector, nr, &own);
	if (own) {
		own_run(snap, sector, nr, run);
		return;
	}

	while (nr) {
		u64 chunk = vss_sector_to_chunk(vol, sector);
		u64 last = vss_sector_to_chunk(vol, sector + nr - 1);
		u32 group = chunk >> VSS_GROUP_SHIFT;
		unsigned int c = chunk % VSS_GROUP_CHUNKS, end;
		struct vss_shard *shard = vss_map_shard(&vol->map, group);
		u32 slots[VSS_GROUP_CHUNKS];
		bool counted = false;
		u16 found;
		u32 seq;

		end = last >> VSS_GROUP_SHIFT == group ?
			last % VSS_GROUP_CHUNKS : VSS_GROUP_CHUNKS - 1;

		spin_lock(&shard->lock);
		found = vss_map_lookup(shard, group, GENMASK(end, c),
				       snap->epoch, slots);
		seq = atomic_read(vss_pubseq(vol, group));
		for (; c <= end; c++) {
			unsigned int offset = sector & (chunk_sectors - 1);
			sector_t n = min_t(sector_t, nr, chunk_sectors - offset);

			if (run->source == NOWHERE) {
				run->nr = n;
				chunk_source(snap, shard, group, c,
					     found & BIT(c), slots[c], offset,
					     run);
			} else {
				struct run next = { .nr = n };

				chunk_source(snap, shard, group, c,
					     found & BIT(c), slots[c], offset,
					     &next);
				if (!extend(run, &next)) {
					spin_unlock(&shard->lock);
					return;
				}
			}
			if (run->source == ORIGIN && !counted) {
				run->seq += seq;
				counted = true;
			}
			sector += n;
			nr -= n;
			if (run->source == MEMORY) {
				refcount_inc(&run->copy->refs);
				spin_unlock(&shard->lock);
				return;
			}
		}
		spin_unlock(&shard->lock);
	}
}

/* The publish counters of all groups that a piece of the origin touches. */
static u32 current_seq(struct vss_volume *vol, const struct bvec_iter *iter)
{
	u64 first = vss_sector_to_chunk(vol, iter->bi_sector);
	u64 last = vss_sector_to_chunk(vol, iter->bi_sector +
				       bvec_iter_sectors(*iter) - 1);
	u64 g;
	u32 sum = 0;

	for (g = first >> VSS_GROUP_SHIFT; g <= last >> VSS_GROUP_SHIFT; g++)
		sum += atomic_read(vss_pubseq(vol, g));
	return sum;
}

static void piece_done(struct bio *clone)
{
	struct vss_piece *piece = container_of(clone, struct vss_piece, clone);
	struct vss_image_io *io = piece->io;

	if (clone->bi_status) {
		io->status = clone->bi_status;
	} else if (piece->origin) {
		/* The data first, then the counters: see the file's header. */
		smp_rmb();
		if (current_seq(io->snap->vol, &piece->iter) != piece->seq) {
			INIT_WORK(&piece->work, recheck_work);
			queue_work(recheck_wq, &piece->work);
			return;
		}
	}
	bio_put(clone);
	io_put(io);
}

static void zero_part(struct bio *bio, struct bvec_iter start)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, start)
		memzero_bvec(&bv);
}

static void copy_part(struct bio *bio, struct bvec_iter start,
		      const struct run *run)
{
	unsigned int offset = run->offset;
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, start) {
		unsigned int done = 0;

		while (done < bv.bv_len) {
			struct page *page = vss_copy_page(run->copy, run->chunk,
							  offset);
			unsigned int n = min_t(unsigned int, bv.bv_len - done,
					       PAGE_SIZE -
					       offset_in_page(offset));

			memcpy_page(bv.bv_page, bv.bv_offset + done, page,
				    offset_in_page(offset), n);
			done += n;
			offset += n;
		}
	}
}

static bool send_piece(struct vss_image_io *io, struct bvec_iter part,
		       const struct run *run, gfp_t gfp)
{
	struct vss_volume *vol = io->snap->vol;
	struct block_device *bdev;
	struct vss_piece *piece;
	struct bio *clone;

	bdev = run->source == ORIGIN ? vol->bdev : run->bdev;
	clone = bio_alloc_clone(bdev, io->bio, gfp, &piece_set);
	if (!clone)
		return false;
	piece = container_of(clone, struct vss_piece, clone);
	piece->io = io;
	piece->iter = part;
	piece->origin = run->source == ORIGIN;
	piece->seq = run->seq;
	clone->bi_iter = part;
	if (run->source == STORE)
		clone->bi_iter.bi_sector = run->sector;
	clone->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	clone->bi_end_io = piece_done;
	refcount_inc(&io->pending);
	submit_bio_noacct(clone);
	return true;
}

/*
 * May the bio itself be sent on?  Not in a chain, which bio_endio() unrolls: each
 * would end within the end of the one before, however many there are.
 */
static bool may_be_sent(struct bio *bio)
{
	return !bio_flagged(bio, BIO_CHAIN) && !vss_gate_is_chained(bio) &&
		!(bio->bi_opf & (REQ_NOWAIT | REQ_POLLED));
}

static void sent_done(struct bio *bio)
{
	struct vss_image_io *io = bio->bi_private;

	/* As it came, for whoever it comes back to, or is to clone it. */
	bio->bi_end_io = io->end_io;
	bio->bi_private = io->private;
	bio->bi_bdev = io->bdev;
	bio->bi_opf = io->opf;
	bio->bi_iter = io->todo;
	if (io->remapped)
		bio_set_flag(bio, BIO_REMAPPED);
	else
		bio_clear_flag(bio, BIO_REMAPPED);

	if (bio->bi_status) {
		io->status = bio->bi_status;
	} else if (io->origin) {
		/* The data first, then the counters: see the file's header. */
		smp_rmb();
		if (current_seq(io->snap->vol, &io->todo) != io->seq) {
			INIT_WORK(&io->work, recheck_sent_work);
			queue_work(recheck_wq, &io->work);
			return;
		}
	}
	io_put(io);
}

/* All of the bio is to be read from one place: no clone is needed for that. */
static void send_bio(struct vss_image_io *io, const struct run *run)
{
	struct bio *bio = io->bio;

	io->sent = true;
	io->origin = run->source == ORIGIN;
	io->remapped = bio_flagged(bio, BIO_REMAPPED);
	io->seq = run->seq;
	io->end_io = bio->bi_end_io;
	io->private = bio->bi_private;
	io->bdev = bio->bi_bdev;
	io->opf = bio->bi_opf;
	bio->bi_end_io = sent_done;
	bio->bi_private = io;
	/* The device below counts it, and traces it, as it would a clone. */
	bio_clear_flag(bio, BIO_CGROUP_ACCT);
	bio_clear_flag(bio, BIO_TRACE_COMPLETION);
	bio_set_dev(bio, io->origin ? io->snap->vol->bdev : run->bdev);
	if (!io->origin)
		bio->bi_iter.bi_sector = run->sector;
	submit_bio_noacct(bio);
}

/*
 * Send a run of an image bio, the first of @todo, which is advanced; false:
 * memory could not be had with @gfp.  @copied_only: what is not copied has been
 * read already.
 */
static bool map_run(struct vss_image_io *io, struct bvec_iter *todo,
		    const struct run *run, bool copied_only, gfp_t gfp)
{
	struct bio *bio = io->bio;
	struct bvec_iter part = *todo;
	bool sent = true;

	part.bi_size = run->nr << SECTOR_SHIFT;
	switch (run->source) {
	case NOWHERE:
		break;	/* a bio without data */
	case ORIGIN:
		if (!copied_only)
			sent = send_piece(io, part, run, gfp);
		break;
	case STORE:
		sent = send_piece(io, part, run, gfp);
		break;
	case MEMORY:
		copy_part(bio, part, run);
		vss_copy_put(run->copy);
		break;
	case ZERO:
		zero_part(bio, part);
		break;
	default:
		io->status = BLK_STS_IOERR;
	}
	if (sent)
		bio_advance_iter(bio, todo, part.bi_size);
	return sent;
}

/* Map a range of an image bio and send its pieces; the rest as for map_run(). */
static bool map_range(struct vss_image_io *io, struct bvec_iter *todo,
		      bool copied_only, gfp_t gfp)
{
	while (todo->bi_size) {
		struct run run;

		next_run(io->snap, todo->bi_sector, bvec_iter_sectors(*todo),
			 &run);
		if (!map_run(io, todo, &run, copied_only, gfp))
			return false;
	}
	return true;
}

/* The origin was read while copies of it were published: look again. */
static void recheck_work(struct work_struct *work)
{
	struct vss_piece *piece = container_of(work, struct vss_piece, work);
	struct vss_image_io *io = piece->io;
	struct bvec_iter iter = piece->iter;

	bio_put(&piece->clone);
	map_range(io, &iter, true, GFP_NOIO);
	io_put(io);
}

/* The same, of a bio that was sent on itself. */
static void recheck_sent_work(struct work_struct *work)
{
	struct vss_image_io *io = container_of(work, struct vss_image_io, work);

	map_range(io, &io->todo, true, GFP_NOIO);
	io_put(io);
}

static void map_work(struct work_struct *work)
{
	struct vss_image_io *io = container_of(work, struct vss_image_io, work);

	map_range(io, &io->todo, false, GFP_NOIO);
	io_put(io);
}

static bool start_io(struct bio *bio, gfp_t gfp)
{
	struct vss_image_io *io = vss_cpupool_alloc(&ios, &io_pool, gfp);
	struct run run;

	if (!io)
		return false;
	io->bio = bio;
	io->snap = bio->bi_bdev->bd_disk->private_data;
	refcount_set(&io->pending, 1);
	io->status = BLK_STS_OK;
	io->sent = false;
	io->start = bio_start_io_acct(bio);
	io->todo = bio->bi_iter;
	next_run(io->snap, io->todo.bi_sector, bio_sectors(bio), &run);
	if ((run.source == ORIGIN || run.source == STORE) &&
	    run.nr == bio_sectors(bio) && may_be_sent(bio)) {
		send_bio(io, &run);
	} else if (map_run(io, &io->todo, &run, false, gfp) &&
		   map_range(io, &io->todo, false, gfp)) {
		io_put(io);
	} else {
		INIT_WORK(&io->work, map_work);
		queue_work(map_wq, &io->work);
	}
	return true;
}

static void start_deferred(struct work_struct *work)
{
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&deferred_lock);
	bios = deferred;
	bio_list_init(&deferred);
	spin_unlock_irq(&deferred_lock);
	while ((bio = bio_list_pop(&bios)))
		start_io(bio, GFP_NOIO);
}

/*
 * Runs below submit_bio_noacct(), where to sleep for an element of a pool could
 * be to sleep for a bio that waits for our return: so no sleep here, and the
 * rest is left to a worker when memory is short.
 */
static void image_submit_bio(struct bio *bio)
{
	struct vss_snapshot *snap = bio->bi_bdev->bd_disk->private_data;

	vss_image_get(snap);
	if (!may_be_read(snap)) {
		bio_io_error(bio);
		vss_image_put(snap);
		return;
	}
	if (op_is_write(bio_op(bio))) {
		vss_overlay_write(snap, bio);
		return;
	}

	if (!start_io(bio, GFP_NOWAIT | __GFP_NOWARN)) {
		unsigned long flags;

		spin_lock_irqsave(&deferred_lock, flags);
		bio_list_add(&deferred, bio);
		spin_unlock_irqrestore(&deferred_lock, flags);
		queue_work(deferred_wq, &deferred_work);
	}
}

/* Under the disk's open_mutex. */
static VSS_DISK_OPEN(image_open)
{
	struct vss_snapshot *snap = vss_disk_of_open->private_data;

	return READ_ONCE(snap->closing) ? -ENXIO : 0;
}

static const struct block_device_operations image_fops = {
	.owner		= THIS_MODULE,
	.open		= image_open,
	.submit_bio	= image_submit_bio,
};

static struct vss_snapshot *dev_snapshot(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%pUb\n", &dev_snapshot(dev)->uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t set_uuid_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%pUb\n", &dev_snapshot(dev)->set_uuid);
}
static DEVICE_ATTR_RO(set_uuid);

static ssize_t volume_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%pg\n", dev_snapshot(dev)->vol->bdev);
}
static DEVICE_ATTR_RO(volume);

static struct attribute *image_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_set_uuid.attr,
	&dev_attr_volume.attr,
	NULL,
};

static const struct attribute_group image_group = {
	.name	= "vss",
	.attrs	= image_attrs,
};

static const struct attribute_group *image_groups[] = {
	&image_group,
	NULL,
};

/**
 * vss_image_is_image() - is a disk the image of a snapshot?
 * @disk:	the disk
 *
 * Return: true if it is.
 */
bool vss_image_is_image(const struct gendisk *disk)
{
	return disk->fops == &image_fops;
}

/**
 * vss_image_create() - allocate the image device of a snapshot
 * @snap:	the snapshot
 *
 * Return: 0 or a negative errno.
 */
int vss_image_create(struct vss_snapshot *snap)
{
	struct vss_volume *vol = snap->vol;
	struct vss_part *part;
	struct gendisk *disk;
	int id, err;

	id = ida_alloc_max(&image_ida, MINORMASK / IMAGE_MINORS, GFP_KERNEL);
	if (id < 0)
		return id;
	snap->begun = alloc_percpu(unsigned long);
	snap->ended = alloc_percpu(unsigned long);
	disk = snap->begun && snap->ended ? vss_alloc_disk() : NULL;
	if (IS_ERR_OR_NULL(disk)) {
		free_counts(snap);
		ida_free(&image_ida, id);
		return -ENOMEM;
	}
	snprintf(disk->disk_name, DISK_NAME_LEN, "vss%d", id);
	disk->major = image_major;
	disk->first_minor = id * IMAGE_MINORS;
	disk->minors = IMAGE_MINORS;
	disk->fops = &image_fops;
	disk->private_data = snap;
	/* Partitions show up on the image of a disk, not of a volume. */
	if (!vol->whole)
		disk->flags |= GENHD_FL_NO_PART;
	err = vss_disk_limits_init(disk, vol->bdev);
	list_for_each_entry(part, &vol->area.parts, list)
		err = err ?: vss_disk_limits_stack(disk, part->bdev);
	if (err) {
		put_disk(disk);
		free_counts(snap);
		ida_free(&image_ida, id);
		return err;
	}
	set_capacity(disk, vol->nr_sectors);
	set_disk_ro(disk, true);
	snap->disk = disk;
	return 0;
}

/**
 * vss_image_show() - make the image device visible
 * @snap:	the snapshot, committed
 *
 * Reads a table of partitions from the image of a disk.
 *
 * Return: 0 or a negative errno.
 */
int vss_image_show(struct vss_snapshot *snap)
{
	int err;

	err = device_add_disk(NULL, snap->disk, image_groups);
	if (err)
		return err;
	/* Pairs with put_image(): who finds it visible finds its number. */
	smp_store_release(&snap->disk_added, true);
	return 0;
}

/**
 * vss_image_destroy() - remove the image device
 * @snap:	the snapshot, not alive
 *
 * Waits for its readers, which may hang with the diff area.
 */
void vss_image_destroy(struct vss_snapshot *snap)
{
	int id = snap->disk->first_minor / IMAGE_MINORS;

	if (snap->disk_added)
		del_gendisk(snap->disk);
	WRITE_ONCE(snap->leaving, true);
	wait_event(snap->quiet, is_quiet(snap));
	flush_work(&snap->overlay_work);
	/* See vss_image_put().  There may be hundreds, one after the other. */
	synchronize_rcu_expedited();
	put_disk(snap->disk);
	free_counts(snap);
	ida_free(&image_ida, id);
}

static void destroy_queues(void)
{
	if (vss_overlay_wq)
		destroy_workqueue(vss_overlay_wq);
	if (deferred_wq)
		destroy_workqueue(deferred_wq);
	if (map_wq)
		destroy_workqueue(map_wq);
	if (recheck_wq)
		destroy_workqueue(recheck_wq);
}

/**
 * vss_image_module_init() - set up what all images share
 *
 * Return: 0 or -ENOMEM.
 */
int vss_image_module_init(void)
{
	unsigned int flags = WQ_MEM_RECLAIM | WQ_UNBOUND;
	int err;

	err = vss_cpupool_init(&ios, "vss_image_io",
			       sizeof(struct vss_image_io));
	if (err)
		return err;
	err = mempool_init_slab_pool(&io_pool, MIN_IOS, ios.cache);
	if (err)
		goto no_pool;
	err = bioset_init(&piece_set, MIN_PIECES,
			  offsetof(struct vss_piece, clone), 0);
	if (err)
		goto no_bios;
	deferred_wq = alloc_workqueue("vss-deferred", flags, 0);
	map_wq = alloc_workqueue("vss-map", flags, 0);
	recheck_wq = alloc_workqueue("vss-recheck", flags, 0);
	vss_overlay_wq = alloc_workqueue("vss-overlay", flags, 0);
	err = -ENOMEM;
	if (!deferred_wq || !map_wq || !recheck_wq || !vss_overlay_wq)
		goto no_queues;
	image_major = register_blkdev(0, "vss");
	if (image_major > 0)
		return 0;
	err = image_major;

no_queues:
	destroy_queues();
	bioset_exit(&piece_set);
no_bios:
	mempool_exit(&io_pool);
no_pool:
	vss_cpupool_exit(&ios);
	return err;
}

/**
 * vss_image_module_exit() - free what vss_image_module_init() made
 */
void vss_image_module_exit(void)
{
	unregister_blkdev(image_major, "vss");
	destroy_queues();
	bioset_exit(&piece_set);
	mempool_exit(&io_pool);
	vss_cpupool_exit(&ios);
	ida_destroy(&image_ida);
}
