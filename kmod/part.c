// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of a diff area: devices that are claimed, files that are pinned.
 *
 * A file is used below its file system, by its extents, so that no file system
 * code runs in the I/O path and a frozen file system can hold a diff area.
 * It is pinned like a swap file, which the file systems know: no write,
 * truncation, unlinking, or moving of its blocks.  It is pinned before its
 * extents are mapped, and stays so until it is removed or the volume detached.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/stat.h>
#include <linux/slab.h>

#include "area.h"
#include "event.h"
#include "log.h"
#include "netlink.h"
#include "snapshot.h"
#include "volume.h"

static sector_t bdev_abs(struct block_device *bdev, sector_t sector)
{
	return bdev->bd_start_sect + sector;
}

/* Does a range of the device lie on the volume, wholly or in part? */
static bool touches(const struct vss_volume *vol, struct block_device *bdev,
		    sector_t start, sector_t nr)
{
	sector_t s = bdev_abs(bdev, start);

	return bdev->bd_disk == vol->disk && s < vol->start + vol->nr_sectors &&
		vol->start < s + nr;
}

/* Would a write to @on's area end in a copy that needs @vol's area? */
static bool area_leads_to(struct vss_volume *on, struct vss_volume *vol,
			  unsigned int depth)
{
	struct vss_volume *next;
	struct vss_part *part;

	lockdep_assert_held(&vss_mutex);
	if (on == vol)
		return true;
	if (depth > 16)
		return true;
	list_for_each_entry(part, &on->area.parts, list) {
		list_for_each_entry(next, &vss_volumes, list) {
			if (next != on &&
			    touches(next, part->bdev, 0,
				    bdev_nr_sectors(part->bdev)) &&
			    area_leads_to(next, vol, depth + 1))
				return true;
		}
	}
	return false;
}

static int check_device(struct vss_volume *vol, struct block_device *bdev,
			struct netlink_ext_ack *extack)
{
	struct vss_volume *other;

	if (vss_image_is_image(bdev->bd_disk)) {
		NL_SET_ERR_MSG(extack,
			       "the image of a snapshot cannot hold a diff area");
		return -EINVAL;
	}
	if (bdev_logical_block_size(bdev) >
	    bdev_logical_block_size(vol->bdev)) {
		NL_SET_ERR_MSG(extack,
			       "the diff area's device has larger logical blocks than the volume");
		return -EINVAL;
	}
	if (bdev_is_zoned(bdev)) {
		NL_SET_ERR_MSG(extack, "a zoned device cannot hold a diff area");
		return -EOPNOTSUPP;
	}
	if (bdev_read_only(bdev)) {
		NL_SET_ERR_MSG(extack, "the diff area's device is read-only");
		return -EROFS;
	}
	list_for_each_entry(other, &vss_volumes, list) {
		if (other != vol &&
		    touches(other, bdev, 0, bdev_nr_sectors(bdev)) &&
		    area_leads_to(other, vol, 0)) {
			NL_SET_ERR_MSG(extack,
				       "the diff area lies on a volume whose own diff area lies on this one");
			return -ELOOP;
		}
	}
	return 0;
}

static struct vss_part *new_part(struct vss_volume *vol,
				 struct netlink_ext_ack *extack)
{
	struct vss_part *part;
	unsigned int nr = 0;

	lockdep_assert_held(&vss_mutex);
	list_for_each_entry(part, &vol->area.parts, list)
		nr++;
	if (nr >= VSS_MAX_AREA_PARTS) {
		NL_SET_ERR_MSG(extack, "the diff area has as many parts as it may have");
		return ERR_PTR(-EMLINK);
	}
	part = kzalloc(sizeof(*part), GFP_KERNEL);
	if (!part)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&part->list);
	return part;
}

/**
 * vss_area_enlist() - put a part into the list of those that the area has
 * @vol:	the volume
 * @part:	the part
 */
void vss_area_enlist(struct vss_volume *vol, struct vss_part *part)
{
	lockdep_assert_held(&vss_mutex);
	part->id = vol->area.next_id++;
	list_move_tail(&part->list, &vol->area.parts);
	vss_changed();
}

static void unpin_file(struct file *file)
{
	struct inode *inode = file_inode(file);

	inode_lock(inode);
	inode->i_flags &= ~S_SWAPFILE;
	inode_unlock(inode);
}

static void free_part(struct vss_part *part)
{
	if (part->file) {
		unpin_file(part->file);
		fput(part->file);
	}
	if (part->handle)
		vss_bdev_close_excl(part->handle, part);
	kvfree(part->raw);
	kfree(part);
}

/**
 * vss_area_destroy() - release all parts of a volume's area
 * @vol:	the volume, without I/O to the area
 */
void vss_area_destroy(struct vss_volume *vol)
{
	struct vss_area *area = &vol->area;
	struct vss_part *part, *next;

	list_for_each_entry_safe(part, next, &area->parts, list) {
		list_del(&part->list);
		free_part(part);
	}
	kvfree(area->bitmap);
	kvfree(rcu_access_pointer(area->extents));
	kvfree(rcu_access_pointer(area->own));
}

/**
 * vss_area_part() - find a part by its number
 * @vol:	the volume
 * @id:		the number
 *
 * Return: the part or NULL.
 */
struct vss_part *vss_area_part(struct vss_volume *vol, u32 id)
{
	struct vss_part *part;

	lockdep_assert_held(&vss_mutex);
	list_for_each_entry(part, &vol->area.parts, list) {
		if (part->id == id)
			return part;
	}
	return NULL;
}

/* There is more room from now on. */
static void announce_room(struct vss_volume *vol)
{
	vss_event_volume(vol, VSS_EVENT_AREA_ADDED);
	vss_copier_kick(vol);
}

/* Its room is not used any more, nor will it be. */
static int close_room(struct vss_volume *vol, struct vss_part *part,
		      struct netlink_ext_ack *extack)
{
	if (!list_empty(&vol->snaps)) {
		NL_SET_ERR_MSG(extack,
			       "the volume has snapshots: delete them first");
		return -EBUSY;
	}
	if (vol->nr_snaps) {
		NL_SET_ERR_MSG(extack,
			       "images of deleted snapshots are still being read: try again");
		return -EBUSY;
	}
	vss_copier_settle(vol);
	return vss_area_deactivate(vol, part, extack);
}

/**
 * vss_area_remove() - take a part away from a volume's area
 * @vol:	the volume
 * @part:	the part; gone if 0 is returned
 * @extack:	set on errors
 *
 * A part that gives no room yet can be removed at any time, others only while
 * the volume has no snapshots.
 *
 * Return: 0 or a negative errno: -EBUSY its room is needed, or the device of a
 * persistent area does not answer.
 */
int vss_area_remove(struct vss_volume *vol, struct vss_part *part,
		    struct netlink_ext_ack *extack)
{
	bool had_room = part->state != VSS_AREA_PINNED;
	int err;

	lockdep_assert_held(&vss_mutex);
	if (vol->log && !list_is_singular(&vol->area.parts)) {
		NL_SET_ERR_MSG(extack,
			       "a persistent diff area of several parts cannot lose one: detach the volume, then all are free");
		return -EOPNOTSUPP;
	}
	/* Nobody who waits for vss_mutex is to wait for what it will not answer. */
	if (vol->log && !vol->nr_snaps)
		vss_log_probe(vol->log);
	if (vol->log && vss_log_is_stuck(vol->log)) {
		NL_SET_ERR_MSG(extack,
			       "the diff area's device does not answer: remove it when it does");
		return -EBUSY;
	}
	if (vol->log && !vss_head_settle(vol->log)) {
		NL_SET_ERR_MSG(extack,
			       "the volume's device does not answer: remove the diff area when it does");
		return -EBUSY;
	}
	if (had_room) {
		err = close_room(vol, part, extack);
		if (err) {
			/* Settling may have put off what is to be recorded. */
			vss_head_written(vol);
			return err;
		}
	}
	if (vol->log)
		vss_log_wipe(vol);
	list_del(&part->list);
	vss_changed();
	free_part(part);
	if (had_room)
		vss_event_volume(vol, VSS_EVENT_AREA_REMOVED);
	return 0;
}

/* Can a persistent area begin with the part, or grow by it? */
static int check_persistent(struct vss_volume *vol, const struct vss_part *part,
			    const struct vss_log_request *req,
			    struct netlink_ext_ack *extack)
{
	if (req->mode == VSS_AREA_VOLATILE) {
		if (!vol->log)
			return 0;
		NL_SET_ERR_MSG(extack,
			       "the diff area is persistent: so must its parts be");
		return -EOPNOTSUPP;
	}
	if (req->mode != VSS_AREA_CREATE && vol->log) {
		NL_SET_ERR_MSG(extack,
			       "the volume has a persistent diff area already");
		return -EBUSY;
	}
	if (!vol->log && (!list_empty(&vol->area.parts) || vol->nr_snaps)) {
		NL_SET_ERR_MSG(extack,
			       "a persistent diff area must be the volume's only one, from before its first snapshot on");
		return -EBUSY;
	}
	if (vol->set) {
		NL_SET_ERR_MSG(extack, "the volume is a member of a set in creation");
		return -EBUSY;
	}
	if (part->on_origin) {
		NL_SET_ERR_MSG(extack,
			       "a persistent diff area must not lie on its own volume's disk range");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* A device that may become a part, claimed. */
static struct vss_part *open_device(struct vss_volume *vol, dev_t dev,
				    const struct vss_log_request *req,
				    struct netlink_ext_ack *extack)
{
	struct vss_part *part;
	int err;

	part = new_part(vol, extack);
	if (IS_ERR(part))
		return part;
	part->type = VSS_AREA_DEVICE;

	part->handle = vss_bdev_open_excl(dev, part);
	if (IS_ERR(part->handle)) {
		err = PTR_ERR(part->handle);
		part->handle = NULL;
		if (err == -EBUSY)
			NL_SET_ERR_MSG(extack,
				       "the diff area's device is in use (mounted, or owned by another driver)");
		else
			NL_SET_ERR_MSG(extack, "the diff area's device cannot be opened");
		goto fail;
	}
	part->bdev = vss_handle_bdev(part->handle);
	if (touches(vol, part->bdev, 0, bdev_nr_sectors(part->bdev)) &&
	    (!vol->whole || !vss_bdev_is_partition(part->bdev))) {
		NL_SET_ERR_MSG(extack, "the volume cannot be its own diff area");
		err = -EINVAL;
		goto fail;
	}
	part->on_origin = touches(vol, part->bdev, 0,
				  bdev_nr_sectors(part->bdev));
	err = check_device(vol, part->bdev, extack);
	if (err)
		goto fail;

	part->raw = kvzalloc(sizeof(*part->raw), GFP_KERNEL);
	if (!part->raw) {
		err = -ENOMEM;
		goto fail;
	}
	part->nr_raw = 1;
	part->raw[0].nr = bdev_nr_sectors(part->bdev);
	err = check_persistent(vol, part, req, extack);
	if (err)
		goto fail;
	return part;

fail:
	free_part(part);
	return ERR_PTR(err);
}

/* Make devices parts of the area; those that do not become one are left in the list. */
static int add_parts(struct vss_volume *vol, struct list_head *parts,
		     const struct vss_log_request *req,
		     struct netlink_ext_ack *extack)
{
	struct vss_part *part = list_first_entry(parts, struct vss_part, list);
	int err;

	if (req->mode == VSS_AREA_VOLATILE) {
		err = vss_area_activate(vol, part, false, extack);
		if (!err)
			vss_area_enlist(vol, part);
		return err;
	}
	return vol->log ? vss_log_grow(vol, part, extack) :
			  vss_log_open(vol, parts, req, extack);
}

/**
 * vss_area_add_devices() - add block devices to a volume's area
 * @vol:	the volume
 * @devs:	the devices
 * @nr:		their number; 1 unless a persistent area is loaded
 * @req:	what to do with a persistent area; VSS_AREA_VOLATILE: it is none
 * @partp:	set to the new part, or to the first of them
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno: -EBUSY a device is in use.
 */
int vss_area_add_devices(struct vss_volume *vol, const dev_t *devs, u32 nr,
			 const struct vss_log_request *req,
			 struct vss_part **partp,
			 struct netlink_ext_ack *extack)
{
	bool load = req->mode != VSS_AREA_VOLATILE &&
		req->mode != VSS_AREA_CREATE;
	struct vss_part *part, *next;
	LIST_HEAD(parts);
	int err = 0;
	u32 i;

	for (i = 0; i < nr && !err; i++) {
		part = open_device(vol, devs[i], req, extack);
		err = PTR_ERR_OR_ZERO(part);
		if (!err)
			list_add_tail(&part->list, &parts);
	}
	err = err ?: add_parts(vol, &parts, req, extack);
	list_for_each_entry_safe(part, next, &parts, list) {
		list_del(&part->list);
		free_part(part);
	}
	if (err)
		return err;
	announce_room(vol);
	/* Those of a set in creation are shown by the set. */
	if (req->mode != VSS_AREA_VOLATILE && vss_log_show(vol))
		pr_warn("%pg: not all images of its snapshots could be made\n",
			vol->bdev);
	*partp = load ? list_first_entry(&vol->area.parts, struct vss_part,
					 list) :
			list_last_entry(&vol->area.parts, struct vss_part,
					list);
	return 0;
}

static int pin_file(struct file *file, struct netlink_ext_ack *extack)
{
	struct inode *inode = file_inode(file);
	const char *fs = inode->i_sb->s_type->name;
	int err = 0;

	if (!S_ISREG(inode->i_mode) || !(file->f_mode & FMODE_WRITE)) {
		NL_SET_ERR_MSG(extack,
			       "a diff-area file must be a regular file opened for writing");
		return -EINVAL;
	}
	/* Those whose blocks stay where they are while S_SWAPFILE is set. */
	if ((strcmp(fs, "ext4") && strcmp(fs, "xfs")) ||
	    !inode->i_sb->s_bdev) {
		NL_SET_ERR_MSG(extack, "a diff-area file must be on ext4 or XFS");
		return -EOPNOTSUPP;
	}
	if (vss_file_is_realtime(file)) {
		NL_SET_ERR_MSG(extack, "a diff-area file must not be on the realtime device");
		return -EOPNOTSUPP;
	}
	inode_lock(inode);
	if (IS_SWAPFILE(inode)) {
		NL_SET_ERR_MSG(extack, "the file is a swap file or a diff area already");
		err = -EBUSY;
	} else if (!inode->i_nlink) {
		NL_SET_ERR_MSG(extack, "the diff-area file was deleted");
		err = -ENOENT;
	} else if (mapping_writably_mapped(inode->i_mapping)) {
		NL_SET_ERR_MSG(extack, "the diff-area file is mapped for writing");
		err = -ETXTBSY;
	} else {
		inode->i_flags |= S_SWAPFILE;
	}
	inode_unlock(inode);
	if (err)
		return err;

	/* Nothing that was written before may land on our slots later. */
	inode_dio_wait(inode);
	err = filemap_write_and_wait(inode->i_mapping);
	if (err) {
		NL_SET_ERR_MSG(extack, "the diff-area file cannot be flushed");
		unpin_file(file);
	}
	return err;
}

/**
 * vss_area_add_file() - pin a file for a volume's area
 * @vol:	the volume
 * @fd:		the caller's descriptor of the file
 * @partp:	set to the new part, which has no room until its extents are told
 * @extack:	set on errors
 *
 * Return: 0 or a negative errno.
 */
int vss_area_add_file(struct vss_volume *vol, int fd, struct vss_part **partp,
		      struct netlink_ext_ack *extack)
{
	struct vss_part *part;
	struct file *file;
	int err;

	file = fget(fd);
	if (!file) {
		NL_SET_ERR_MSG(extack, "no such file descriptor");
		return -EBADF;
	}
	part = new_part(vol, extack);
	if (IS_ERR(part)) {
		fput(file);
		return PTR_ERR(part);
	}
	part->type = VSS_AREA_FILE;
	part->state = VSS_AREA_PINNED;
	if (vol->log) {
		NL_SET_ERR_MSG(extack,
			       "the diff area is persistent: it takes devices only");
		fput(file);
		err = -EOPNOTSUPP;
		goto fail;
	}

	err = pin_file(file, extack);
	if (err) {
		fput(file);
		goto fail;
	}
	part->file = file;
	part->bdev = file_inode(file)->i_sb->s_bdev;
	part->on_origin = touches(vol, part->bdev, 0,
				  bdev_nr_sectors(part->bdev));
	err = check_device(vol, part->bdev, extack);
	if (err)
		goto fail;
	if (part->on_origin && vol->nr_snaps) {
		NL_SET_ERR_MSG(extack,
			       "the diff area cannot grow on its own volume while that has a snapshot");
		err = -EBUSY;
		goto fail;
	}

	vss_area_enlist(vol, part);
	*partp = part;
	return 0;

fail:
	free_part(part);
	return err;
}

static u64 allocated_sectors(struct file *file)
{
	struct kstat stat;

	if (vfs_getattr(&file->f_path, &stat, STATX_BLOCKS,
			AT_STATX_SYNC_AS_STAT))
		return 0;
	return stat.blocks;
}

/**
 * vss_area_add_extents() - tell where a pinned file is
 * @vol:	the volume
 * @part:	the file
 * @ext:	extents in sectors of the file system's device
 * @nr:		number of them
 * @last:	there are no more: open the room for use
 * @extack:	set on errors
 *
 * On an error nothing has changed.
 *
 * Return: 0 or a negative errno.
 */
int vss_area_add_extents(struct vss_volume *vol, struct vss_part *part,
			 const struct vss_raw_extent *ext, u32 nr, bool last,
			 struct netlink_ext_ack *extack)
{
	sector_t size = bdev_nr_sectors(part->bdev);
	struct vss_raw_extent *raw, *old_raw = part->raw;
	u32 i, n = part->nr_raw, old_nr = part->nr_raw;
	u64 total = 0;
	int err = 0;

	lockdep_assert_held(&vss_mutex);
	if (part->state != VSS_AREA_PINNED) {
		NL_SET_ERR_MSG(extack, "this part of the diff area takes no extents");
		return -EINVAL;
	}

	raw = kvcalloc(n + nr, sizeof(*raw), GFP_KERNEL);
	if (!raw)
		return -ENOMEM;
	if (n)
		memcpy(raw, old_raw, n * sizeof(*raw));
	for (i = 0; i < nr; i++) {
		if (!IS_ALIGNED(ext[i].start | ext[i].nr,
				bdev_logical_block_size(part->bdev) >>
				SECTOR_SHIFT)) {
			NL_SET_ERR_MSG(extack, "an extent is not aligned to the device's blocks");
			err = -EINVAL;
			goto fail;
		}
		if (!ext[i].nr || ext[i].start >= size ||
		    ext[i].nr > size - ext[i].start) {
			NL_SET_ERR_MSG(extack, "an extent lies outside the device");
			err = -ERANGE;
			goto fail;
		}
		if (n && raw[n - 1].start + raw[n - 1].nr == ext[i].start)
			raw[n - 1].nr += ext[i].nr;
		else
			raw[n++] = ext[i];
	}
	for (i = 0; i < n; i++)
		total += raw[i].nr;
	if (total > allocated_sectors(part->file)) {
		NL_SET_ERR_MSG(extack,
			       "the extents are more than the file has (a sparse file?)");
		err = -EINVAL;
		goto fail;
	}
	part->raw = raw;
	part->nr_raw = n;
	if (last) {
		err = vss_area_activate(vol, part, false, extack);
		if (err)
			goto restore;
		announce_room(vol);
	}
	kvfree(old_raw);
	return 0;

restore:
	part->raw = old_raw;
	part->nr_raw = old_nr;
fail:
	kvfree(raw);
	return err;
}
