// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bringing up a volume from its LUNs on the machine that imports it.
 *
 * What is no whole disk and no partition, a logical volume above all, becomes a
 * linear device-mapper device of the recorded extents.  LVM is not asked: where the
 * original is, it would find each VG and PV a second time with the same UUIDs.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include <vss/blockdev.h>

#include "cleanup.h"
#include "lun.h"

#define SECTOR		512
#define SETTLE_MS	5000
#define DM_UUID_SIZE	(sizeof(VSS_VOLUME_DM_UUID) + VSS_UUID_TEXT_SIZE)

static void cleanup_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

/* ---- A device-mapper device ---- */

static vss_result make_table(const struct vss_volume_plan *plan, struct vss_dm_table *table, struct vss_error *err)
{
	for (size_t i = 0; i < plan->nr_pieces; i++) {
		const struct vss_volume_piece *piece = &plan->pieces[i];
		struct vss_devno dev;
		char params[64];

		if (vss_sysfs_devno("/sys", plan->disks[piece->disk], &dev))
			return lun_error(err, VSS_E_MISSING_DISK, "%s has gone", plan->disks[piece->disk]);
		snprintf(params, sizeof(params), "%u:%u %llu", dev.major, dev.minor,
			 (unsigned long long)(piece->lun_offset / SECTOR));
		if (!vss_dm_table_add(table, piece->length, "linear", params))
			return lun_no_memory(err);
	}
	return S_OK;
}

static bool same_table(const struct vss_dm_table *a, const struct vss_dm_table *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (a->targets[i].length != b->targets[i].length || strcmp(a->targets[i].type, b->targets[i].type) ||
		    strcmp(a->targets[i].params, b->targets[i].params))
			return false;
	return a->count == b->count;
}

/* Who is in the way, if that can be seen. */
static vss_result create_failed(const struct vss_volume_plan *plan, const char *name, int code,
				struct vss_error *err)
{
	for (size_t i = 0; code == -EBUSY && i < plan->nr_disks; i++)
		if (vss_lun_check_unused(plan->disks[i], NULL, err) == VSS_E_VOLUME_IN_USE)
			return VSS_E_VOLUME_IN_USE;
	vss_error_errno(err, code, "cannot make the device-mapper device %s: %s", name, strerror(-code));
	return vss_result_from_errno(code);
}

static vss_result map(const struct vss_volume_plan *plan, const struct vss_uuid *id,
		      char device[VSS_SYSFS_NAME_SIZE], struct vss_error *err)
{
	struct vss_dm_table table __attribute__((cleanup(vss_dm_table_clear))) = { 0 };
	char text[VSS_UUID_TEXT_SIZE], name[VSS_UUID_TEXT_SIZE + 8], uuid[DM_UUID_SIZE];
	vss_result result = make_table(plan, &table, err);
	struct vss_devno dev;
	int ret;

	if (result != S_OK)
		return result;
	vss_uuid_format(id, text);
	snprintf(name, sizeof(name), "vss-%s", text);
	snprintf(uuid, sizeof(uuid), VSS_VOLUME_DM_UUID "%s", text);
	ret = vss_dm_find(uuid, &dev);
	if (!ret) {
		struct vss_dm_table old __attribute__((cleanup(vss_dm_table_clear))) = { 0 };

		ret = vss_dm_table_read(dev, &old);
		if (!ret && !same_table(&old, &table))
			return lun_error(err, VSS_E_VOLUME_IN_USE, "there is another device %s already; \"dmsetup remove "
					 "%s\" if nothing uses it", name, name);
	} else if (ret == -ENODEV) {
		ret = vss_dm_create(name, uuid, &table, true);
		if (!ret)
			ret = vss_dm_find(uuid, &dev);
	}
	if (!ret)
		ret = vss_sysfs_name("/sys", dev, device);
	return ret ? create_failed(plan, name, ret, err) : S_OK;
}

/* ---- A disk or partition ---- */

/*
 * A table that was written after the disk arrived, or that the kernel could not read
 * then, is read anew.  This fails when a partition is in use, and then it was read.
 */
static void reread_partitions(const char *disk)
{
	char path[VSS_LUN_NODE_SIZE];
	_cleanup_fd_ int fd = -1;

	vss_lun_node(disk, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && ioctl(fd, BLKRRPART) && errno == EINVAL)
		errno = 0;	/* a disk that has no partitions */
}

static bool find_device(const struct vss_volume_plan *plan, char device[VSS_SYSFS_NAME_SIZE])
{
	const char *disk = plan->disks[plan->pieces[0].disk];

	if (vss_volume_plan_device(&vss_lun_system, plan, device))
		return true;
	if (plan->nr_pieces != 1 || vss_disk_kind(&vss_lun_system, disk) == VSS_DISK_MULTIPATH)
		return false;
	reread_partitions(disk);
	return vss_volume_plan_device(&vss_lun_system, plan, device);
}

static void settle(const char *name)
{
	uint64_t end = vss_lun_now() + SETTLE_MS;

	while (!vss_lun_is_settled(name) && vss_lun_now() < end)
		vss_lun_pause();
}

/* ---- The volume ---- */

static vss_result check_fs_uuid(const char *device, const char *uuid, struct vss_error *err)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe))) = NULL;
	const char *found = NULL;
	char path[VSS_LUN_NODE_SIZE];
	_cleanup_fd_ int fd = -1;

	if (!uuid || !uuid[0])
		return S_OK;
	vss_lun_node(device, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return lun_error(err, VSS_E_MISSING_VOLUME, "cannot read %s: %s", device, strerror(errno));
	probe = blkid_new_probe();
	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		return lun_no_memory(err);
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID);
	if (!blkid_do_safeprobe(probe))
		blkid_probe_lookup_value(probe, "UUID", &found, NULL);
	if (found && !strcasecmp(found, uuid))
		return S_OK;
	return lun_error(err, VSS_E_MISSING_VOLUME, "the file system on %s is not the recorded one: its UUID is %s, not "
			 "%s", device, found ? found : "not to be found", uuid);
}

/* The disk may be one that this machine itself uses, if the document is wrong. */
static vss_result protect(const struct vss_volume_plan *plan, struct vss_error *err)
{
	for (size_t i = 0; i < plan->nr_disks; i++) {
		vss_result result = vss_lun_set_read_only(plan->disks[i], true, err);

		if (result != S_OK)
			return result;
	}
	return S_OK;
}

static vss_result bring_up(const struct vss_volume_plan *plan, const struct vss_volume_options *options,
			   char device[VSS_SYSFS_NAME_SIZE], bool *mapped, struct vss_error *err)
{
	vss_result result = protect(plan, err);

	*mapped = false;
	if (result != S_OK)
		return result;
	if (find_device(plan, device)) {
		settle(device);
		/* Partitions that have just come have a flag of their own. */
		result = vss_lun_set_read_only(device, true, err);
	} else {
		result = map(plan, &options->id, device, err);
		*mapped = result == S_OK;
	}
	return result == S_OK ? check_fs_uuid(device, options->fs_uuid, err) : result;
}

vss_result vss_volume_from_luns(const struct vss_lun_mapping *mappings, size_t n,
				const struct vss_volume_options *options, char **device,
				struct vss_error *err)
{
	struct vss_volume_plan plan __attribute__((cleanup(vss_volume_plan_clear))) = { 0 };
	char name[VSS_SYSFS_NAME_SIZE], node[VSS_BLOCKDEV_NODE_SIZE];
	struct vss_error own = { 0 };
	vss_result result;
	bool mapped;

	if (!err)
		err = &own;
	*device = NULL;
	result = vss_volume_plan_make(&vss_lun_system, mappings, n, options->use_destination, &plan, err);
	if (result != S_OK)
		return result;
	result = bring_up(&plan, options, name, &mapped, err);
	if (result == S_OK) {
		vss_blockdev_node(name, node, sizeof(node));
		*device = strdup(node);
		if (!*device)
			result = lun_no_memory(err);
	}
	if (result != S_OK && mapped) {
		vss_lun_node(name, node);
		vss_volume_release(node, NULL);
	}
	return result;
}

vss_result vss_volume_release(const char *device, struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE], uuid[256];
	struct vss_devno dev;
	vss_result result;
	int ret;

	if (access(device, F_OK) && errno == ENOENT)
		return S_OK;
	result = vss_lun_name_of(device, name, err);
	if (result != S_OK)
		return result;
	if (vss_sysfs_attr("/sys", name, "dm/uuid", uuid, sizeof(uuid)) ||
	    strncmp(uuid, VSS_VOLUME_DM_UUID, strlen(VSS_VOLUME_DM_UUID)) || vss_sysfs_devno("/sys", name, &dev))
		return S_OK;
	result = vss_lun_check_unused(name, NULL, err);
	if (result != S_OK)
		return result;
	ret = vss_dm_remove(dev);
	if (!ret || ret == -ENXIO)
		return S_OK;
	vss_error_errno(err, ret, "cannot remove %s: %s", device, strerror(-ret));
	return vss_result_from_errno(ret);
}
