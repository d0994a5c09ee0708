// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof that the hook works on this kernel, before anyone relies on it.
 *
 * There have been kernels where a module of this kind was built, was loaded,
 * and saw nothing: compilers inline and clone functions, patches move the path.
 * So when the hook is installed, bios are sent to a private disk through both
 * entries of the block layer, one to be let pass and one to be taken; and at
 * each attach a read is sent to the device itself.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "compat.h"
#include "hook.h"
#include "shrink.h"
#include "volume.h"

/**
 * struct probe - the bio that is sent to see what becomes of it
 * @bio:	the bio
 * @take:	the hook is to take it
 * @seen:	times the hook saw it
 * @taken:	times the hook took it
 * @arrived:	times it came to the disk
 * @done:	it has ended
 */
struct probe {
	struct bio		*bio;
	bool			take;
	atomic_t		seen;
	atomic_t		taken;
	atomic_t		arrived;
	struct completion	done;
};

/* Under vss_mutex; its bio is compared with all that pass the hook. */
static struct probe probe;

/**
 * vss_selftest_saw() - the hook shows a bio
 * @bio:	the bio
 *
 * Return: what to do with it.
 */
notrace enum vss_selftest_verdict vss_selftest_saw(struct bio *bio)
{
	if (likely(bio != READ_ONCE(probe.bio)))
		return VSS_SELFTEST_OTHER;
	atomic_inc(&probe.seen);
	return probe.take ? VSS_SELFTEST_TAKE : VSS_SELFTEST_PASS;
}

/**
 * vss_selftest_took() - the hook gives a bio that it took
 * @bio:	the bio
 *
 * Return: true if it was one of the self-test, which has ended it.
 */
bool vss_selftest_took(struct bio *bio)
{
	if (likely(bio != READ_ONCE(probe.bio)))
		return false;
	atomic_inc(&probe.taken);
	bio_endio(bio);
	return true;
}

static void probe_end_io(struct bio *bio)
{
	complete(&probe.done);
}

static void test_submit_bio(struct bio *bio)
{
	if (bio == READ_ONCE(probe.bio))
		atomic_inc(&probe.arrived);
	bio_endio(bio);
}

static const struct block_device_operations test_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= test_submit_bio,
};

static void send_probe(struct bio *bio, bool take,
		       void (*submit)(struct bio *bio))
{
	lockdep_assert_held(&vss_mutex);
	init_completion(&probe.done);
	atomic_set(&probe.seen, 0);
	atomic_set(&probe.taken, 0);
	atomic_set(&probe.arrived, 0);
	probe.take = take;
	/* The hook sees the probe as it is set up above. */
	smp_store_release(&probe.bio, bio);
	bio->bi_end_io = probe_end_io;
	submit(bio);
	wait_for_completion_io(&probe.done);
	WRITE_ONCE(probe.bio, NULL);
}

static void via_submit_bio(struct bio *bio)
{
	submit_bio(bio);
}

static void via_noacct(struct bio *bio)
{
	submit_bio_noacct(bio);
}

static bool entry_works(struct block_device *bdev, struct page *page,
			void (*submit)(struct bio *bio), bool take)
{
	struct bio_vec vec;
	struct bio bio;

	bio_init(&bio, bdev, &vec, 1, REQ_OP_WRITE);
	__bio_add_page(&bio, page, SECTOR_SIZE, 0);
	send_probe(&bio, take, submit);
	bio_uninit(&bio);
	return atomic_read(&probe.seen) == 1 &&
		atomic_read(&probe.taken) == take &&
		atomic_read(&probe.arrived) == !take;
}

/**
 * vss_selftest_run() - prove that the hook fires and can take bios
 * @extack:	set on errors
 *
 * Return: 0, -EOPNOTSUPP if it does not, or another negative errno.
 */
int vss_selftest_run(struct netlink_ext_ack *extack)
{
	struct gendisk *disk;
	struct page *page;
	int err = -ENOMEM;
	bool works;

	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	disk = vss_alloc_disk();
	if (IS_ERR_OR_NULL(disk))
		goto free_page;
	strscpy(disk->disk_name, "vss-selftest", DISK_NAME_LEN);
	disk->fops = &test_fops;
	disk->flags |= GENHD_FL_HIDDEN | GENHD_FL_NO_PART;
	set_capacity(disk, 8);
	err = add_disk(disk);
	if (err) {
		NL_SET_ERR_MSG(extack, "the self-test's disk could not be made");
		goto put_disk;
	}

	works = entry_works(disk->part0, page, via_submit_bio, false) &&
		entry_works(disk->part0, page, via_submit_bio, true) &&
		entry_works(disk->part0, page, via_noacct, false) &&
		entry_works(disk->part0, page, via_noacct, true);
	if (!works) {
		NL_SET_ERR_MSG(extack,
			       "self-test failed: on this kernel writes pass the hook unseen");
		err = -EOPNOTSUPP;
	} else if (!vss_shrink_is_seen(disk)) {
		NL_SET_ERR_MSG(extack,
			       "self-test failed: on this kernel disks become smaller unseen");
		err = -EOPNOTSUPP;
	}
	del_gendisk(disk);
put_disk:
	put_disk(disk);
free_page:
	__free_page(page);
	return err;
}

/**
 * vss_selftest_device() - prove that bios of a device pass the hook
 * @bdev:	the device
 * @extack:	set on errors
 *
 * Return: 0, -EOPNOTSUPP if they do not, or a negative errno.
 */
int vss_selftest_device(struct block_device *bdev,
			struct netlink_ext_ack *extack)
{
	struct bio_vec vec;
	struct page *page;
	struct bio bio;
	int err;

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	bio_init(&bio, bdev, &vec, 1, REQ_OP_READ);
	__bio_add_page(&bio, page, bdev_logical_block_size(bdev), 0);
	send_probe(&bio, false, via_submit_bio);
	err = blk_status_to_errno(bio.bi_status);
	bio_uninit(&bio);
	__free_page(page);
	if (atomic_read(&probe.seen) == 0) {
		NL_SET_ERR_MSG(extack,
			       "self-test failed: what is sent to this device passes the hook unseen");
		return -EOPNOTSUPP;
	}
	if (err)
		NL_SET_ERR_MSG(extack, "the device cannot be read");
	return err;
}
