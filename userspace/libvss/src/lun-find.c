// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which disk of this machine a LUN is, and whether it is the only one.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <vss/blockdev.h>

#include "cleanup.h"
#include "lun.h"

struct disk {
	char name[VSS_SYSFS_NAME_SIZE];
	struct vss_lun_info lun;
};

struct disks {
	const struct vss_lun_source *source;
	struct vss_list list;
};

int vss_lun_each_device(const struct vss_lun_source *source, int (*fn)(void *data, const char *name),
			void *data)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/class/block", source->sysfs);
	dir = opendir(path);
	while (dir && !ret && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < VSS_SYSFS_NAME_SIZE)
			ret = fn(data, entry->d_name);
	return ret;
}

static void disks_clear(struct disks *disks)
{
	struct disk *all = disks->list.items;

	for (size_t i = 0; i < disks->list.count; i++)
		vss_lun_info_clear(&all[i].lun);
	free(all);
}

#define _cleanup_disks_	__attribute__((cleanup(disks_clear)))

/* A disk that does not say who it is cannot be one that is looked for. */
static int add_disk(void *data, const char *name)
{
	char multipath[VSS_SYSFS_NAME_SIZE];
	struct disks *disks = data;
	struct vss_lun_info lun;
	struct disk *disk;
	vss_result result;

	if (vss_disk_kind(disks->source, name) == VSS_DISK_NONE ||
	    vss_sysfs_is_path(disks->source->sysfs, name, multipath))
		return 0;
	result = vss_lun_identify_name(disks->source, name, false, &lun, NULL);
	if (result == E_OUTOFMEMORY)
		return -1;
	if (result != S_OK)
		return 0;
	disk = vss_list_add(&disks->list);
	if (!disk) {
		vss_lun_info_clear(&lun);
		return -1;
	}
	strcpy(disk->name, name);
	disk->lun = lun;
	return 0;
}

static vss_result load(struct disks *disks, struct vss_error *err)
{
	disks->list.item_size = sizeof(struct disk);
	return vss_lun_each_device(disks->source, add_disk, disks) ? lun_no_memory(err) : S_OK;
}

static vss_result twice(const struct disk *a, const struct disk *b, const struct vss_lun_info *lun,
			struct vss_error *err)
{
	char text[VSS_LUN_NAME_SIZE];

	return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED,
			 "both %s and %s say that they are LUN %s; give each LUN an identifier and serial number of "
			 "its own, or, if they are paths to one LUN, set up multipath", a->name, b->name,
			 vss_lun_name(lun, text, sizeof(text)));
}

/* What people take for an identity where there is no better one. */
static bool same_serial(const struct vss_lun_info *a, const struct vss_lun_info *b)
{
	return a->serial && b->serial && a->serial[0] && !strcmp(a->serial, b->serial) &&
	       !strcmp(a->vendor ? a->vendor : "", b->vendor ? b->vendor : "") &&
	       !strcmp(a->product ? a->product : "", b->product ? b->product : "");
}

/* The text says what was seen instead, for that is often the clue. */
static vss_result not_found(const struct disks *disks, const struct vss_lun_info *lun, struct vss_error *err)
{
	char wanted[VSS_LUN_NAME_SIZE], other[VSS_LUN_NAME_SIZE];
	const struct disk *all = disks->list.items;

	vss_lun_name(lun, wanted, sizeof(wanted));
	/* All namespaces of an NVMe controller have its serial number. */
	for (size_t i = 0; i < disks->list.count; i++)
		if (all[i].lun.bus_type != VSS_BUS_NVME && same_serial(lun, &all[i].lun))
			return lun_error(err, VSS_E_OBJECT_NOT_FOUND,
					 "LUN %s is not here; %s has its serial number, but another identity, %s",
					 wanted, all[i].name, vss_lun_name(&all[i].lun, other, sizeof(other)));
	return lun_error(err, VSS_E_OBJECT_NOT_FOUND, "LUN %s is not here", wanted);
}

vss_result vss_lun_find_name(const struct vss_lun_source *source, const struct vss_lun_info *lun,
			     char name[VSS_SYSFS_NAME_SIZE], struct vss_error *err)
{
	struct disks disks _cleanup_disks_ = { .source = source };
	char wanted[VSS_LUN_NAME_SIZE], other[VSS_LUN_NAME_SIZE];
	bool by_id = vss_lun_has_unique_id(lun);
	const struct disk *found = NULL, *all;
	vss_result result = load(&disks, err);

	if (result != S_OK)
		return result;
	all = disks.list.items;
	for (size_t i = 0; i < disks.list.count; i++) {
		if (by_id ? !vss_lun_shared_id(lun, &all[i].lun) : !same_serial(lun, &all[i].lun))
			continue;
		if (found)
			return twice(found, &all[i], lun, err);
		found = &all[i];
	}
	if (!found)
		return not_found(&disks, lun, err);
	if (by_id && !vss_lun_same(lun, &found->lun))
		return lun_error(err, VSS_E_MISSING_DISK, "%s has an identifier of LUN %s, but is %s; the array "
				 "changed the LUN, or the document is of another one", found->name,
				 vss_lun_name(lun, wanted, sizeof(wanted)),
				 vss_lun_name(&found->lun, other, sizeof(other)));
	strcpy(name, found->name);
	return S_OK;
}

vss_result vss_lun_find(const struct vss_lun_info *lun, char **device, struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE], node[VSS_BLOCKDEV_NODE_SIZE];
	vss_result result = vss_lun_find_name(&vss_lun_system, lun, name, err);

	*device = NULL;
	if (result != S_OK)
		return result;
	vss_blockdev_node(name, node, sizeof(node));
	*device = strdup(node);
	return *device ? S_OK : lun_no_memory(err);
}

vss_result vss_lun_check_in(const struct vss_lun_source *source, const struct vss_lun_info *lun,
			    struct vss_error *err)
{
	struct disks disks _cleanup_disks_ = { .source = source };
	const struct disk *first = NULL, *all;
	char text[VSS_LUN_NAME_SIZE];
	vss_result result;

	if (!vss_lun_has_unique_id(lun))
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "LUN %s has no identifier by which another machine "
				 "could know it: none of type 1, 2, 3 or 8 for the unit in VPD page 0x83 (SCSI), no "
				 "UUID, NGUID or EUI-64 (NVMe)", vss_lun_name(lun, text, sizeof(text)));
	result = load(&disks, err);
	if (result != S_OK)
		return result;
	all = disks.list.items;
	for (size_t i = 0; i < disks.list.count; i++) {
		if (!vss_lun_shared_id(lun, &all[i].lun))
			continue;
		if (first)
			return twice(first, &all[i], lun, err);
		first = &all[i];
	}
	return S_OK;
}

vss_result vss_lun_check(const struct vss_lun_info *lun, struct vss_error *err)
{
	return vss_lun_check_in(&vss_lun_system, lun, err);
}
