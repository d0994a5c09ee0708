/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the files that deal with LUNs: devices by their kernel names.
 *
 * Everything that only reads goes through a struct vss_lun_source, so that it
 * can be shown a made-up machine.
 */
#ifndef VSS_SRC_LUN_H
#define VSS_SRC_LUN_H

#include <vss/lun.h>

#include "dm.h"
#include "error.h"
#include "list.h"
#include "sysfs.h"

#define VSS_LUN_NODE_SIZE	(VSS_SYSFS_NAME_SIZE + 8)

struct vss_lun_source {
	const char *sysfs;	/* "/sys" */
	const char *dev;	/* "/dev" */
	const char *hidden;	/* marks of LUNs that are hidden */
	const char *kept;	/* the same over a start of the machine */
	int (*dm_table)(struct vss_devno dev, struct vss_dm_table *table);
};

extern const struct vss_lun_source vss_lun_system;

/* Record a failure and be its result code. */
#define lun_error(err, code, ...) ({								\
	vss_result result_ = (code);								\
	vss_error_set(err, vss_result_to_errno(result_), result_, __VA_ARGS__);			\
	result_; })

static inline vss_result lun_no_memory(struct vss_error *err)
{
	return lun_error(err, E_OUTOFMEMORY, "out of memory");
}

/* ---- lun-vpd.c ---- */

/* Add the designators of a VPD page 0x83 that identify the unit; false: it is damaged. */
vss_result vss_lun_parse_page83(const uint8_t *page, size_t size, struct vss_lun_info *lun,
				struct vss_error *err);
/* The serial number of a VPD page 0x80. */
vss_result vss_lun_parse_page80(const uint8_t *page, size_t size, struct vss_lun_info *lun,
				struct vss_error *err);
bool vss_lun_add_id(struct vss_lun_info *lun, uint8_t code_set, uint8_t type, const void *bytes, size_t size);
/* Text of a device without blanks around it and without what is not printable; NULL without memory. */
char *vss_lun_text(const void *bytes, size_t size);

/* ---- lun.c ---- */

/* Does it identify one unit for all the world? */
bool vss_lun_id_is_unique(const struct vss_storage_id *id);
bool vss_lun_has_unique_id(const struct vss_lun_info *lun);
/* Have they a unique identifier in common?  The first such one, or NULL. */
const struct vss_storage_id *vss_lun_shared_id(const struct vss_lun_info *a, const struct vss_lun_info *b);

/*
 * An identifier as the kernel spells it in the attribute "wwid" ("naa.6001...",
 * "eui.0025...", "t10.ATA ...", "uuid.1b4e...").
 */
#define VSS_LUN_ID_TEXT_SIZE	560
const char *vss_lun_id_text(const struct vss_storage_id *id, char text[VSS_LUN_ID_TEXT_SIZE]);

/* ---- lun-identify.c ---- */

enum vss_disk_kind {
	VSS_DISK_NONE,		/* no whole disk, or of a kind that is no LUN */
	VSS_DISK_SCSI,
	VSS_DISK_NVME,
	VSS_DISK_VIRTIO,
	VSS_DISK_MULTIPATH,
};
enum vss_disk_kind vss_disk_kind(const struct vss_lun_source *source, const char *name);

/* @probe: read the disk itself too, for its signature. */
vss_result vss_lun_identify_name(const struct vss_lun_source *source, const char *name, bool probe,
				 struct vss_lun_info *lun, struct vss_error *err);

/* Kernel name of a device node. */
vss_result vss_lun_name_of(const char *device, char name[VSS_SYSFS_NAME_SIZE], struct vss_error *err);

/* ---- lun-find.c ---- */

/* Call @fn for each device of the machine, until it returns other than 0; what it returned. */
int vss_lun_each_device(const struct vss_lun_source *source, int (*fn)(void *data, const char *name),
			void *data);
vss_result vss_lun_find_name(const struct vss_lun_source *source, const struct vss_lun_info *lun,
			     char name[VSS_SYSFS_NAME_SIZE], struct vss_error *err);
vss_result vss_lun_check_in(const struct vss_lun_source *source, const struct vss_lun_info *lun,
			    struct vss_error *err);

/* ---- lun-volume.c ---- */

vss_result vss_volume_luns_in(const struct vss_lun_source *source, const char *name,
			      struct vss_lun_mapping **mappings, size_t *n, struct vss_error *err);

/* ---- lun-plan.c ---- */

struct vss_volume_piece {
	uint64_t volume_offset, lun_offset, length;
	size_t disk;
};

/* What a volume is made of here. */
struct vss_volume_plan {
	char (*disks)[VSS_SYSFS_NAME_SIZE];	/* of each mapping */
	size_t nr_disks;
	struct vss_volume_piece *pieces;	/* in the volume's order, without gaps */
	size_t nr_pieces;
	uint64_t size;
};

vss_result vss_volume_plan_make(const struct vss_lun_source *source, const struct vss_lun_mapping *mappings,
				size_t n, bool use_destination, struct vss_volume_plan *plan,
				struct vss_error *err);
void vss_volume_plan_clear(struct vss_volume_plan *plan);

/*
 * The device that is just this, if there is one: the disk, a partition, a partition
 * of a multipath device.
 */
bool vss_volume_plan_device(const struct vss_lun_source *source, const struct vss_volume_plan *plan,
			    char name[VSS_SYSFS_NAME_SIZE]);

/* ---- lun-users.c ---- */

/*
 * VSS_E_VOLUME_IN_USE with who uses a disk or something on it.  A device-mapper device
 * with the UUID @except does not count, nor do partitions of multipath devices.
 */
vss_result vss_lun_check_unused(const char *name, const char *except, struct vss_error *err);

/* ---- lun-scan.c ---- */

/* A text for a file of sysfs; those of one group are written one after the other. */
struct vss_sysfs_write {
	char *path;
	const char *text;
	unsigned int group;
};

/*
 * Write them in processes of their own, as the kernel may take its time, and wait for
 * at most @timeout_ms.  S_FALSE when the time is over; what hangs goes on.  A file that
 * cannot be written to is no failure.
 */
vss_result vss_sysfs_write_all(const struct vss_sysfs_write *writes, size_t n, uint32_t timeout_ms,
			       struct vss_error *err);

/* Has udev dealt with a disk and its partitions, and multipath taken it if it wants to? */
bool vss_lun_is_settled(const char *name);

/* Milliseconds of a clock that nobody sets. */
uint64_t vss_lun_now(void);
void vss_lun_pause(void);

/* ---- lun-protect.c ---- */

/* UUIDs of device-mapper devices of ours begin so; the rest is the shadow copy's. */
#define VSS_VOLUME_DM_UUID	"VSS-"

/* The node of a device in devtmpfs, which is there without udev. */
void vss_lun_node(const char *name, char path[VSS_LUN_NODE_SIZE]);

/* The same as vss_volume_set_read_only(), by kernel name. */
vss_result vss_lun_set_read_only(const char *name, bool read_only, struct vss_error *err);

/* ---- lun-hide.c ---- */

/* Make or remove the marks. */
vss_result vss_lun_mark_in(const struct vss_lun_source *source, const struct vss_lun_info *lun, bool hidden,
			   struct vss_error *err);

#endif /* VSS_SRC_LUN_H */
