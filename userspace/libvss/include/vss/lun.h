/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What identifies a LUN on whatever machine sees it (VDS_LUN_INFORMATION), and
 * which parts of it make up a volume: reading both here, and finding them again
 * there.  Documentation/transport.md, "LUNs and extents", tells how it fits together.
 *
 * A LUN is a disk of SCSI or NVMe, by itself or below a multipath device, which then
 * stands for all its paths.  A volume is such a disk, a partition of one (MBR, GPT),
 * or linear device-mapper devices (LVM's linear LVs) on them.  Whatever else lies
 * between a volume and its LUNs is refused: what was copied could not be found again.
 *
 * Functions read sysfs and devices, some wait for udev.  They need root, and may
 * block for as long as a disk needs to answer.
 */
#ifndef VSS_LUN_H
#define VSS_LUN_H

#include <stddef.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* VDS_STORAGE_BUS_TYPE, those that exist on Linux */
enum vss_bus_type {
	VSS_BUS_UNKNOWN		= 0,
	VSS_BUS_SCSI		= 1,
	VSS_BUS_ATA		= 3,
	VSS_BUS_FIBRE		= 6,
	VSS_BUS_USB		= 7,
	VSS_BUS_ISCSI		= 9,
	VSS_BUS_SAS		= 10,
	VSS_BUS_SATA		= 11,
	VSS_BUS_VIRTUAL		= 14,
	VSS_BUS_NVME		= 17,
};

/* A designator of SCSI VPD page 0x83; NVMe's NGUID and EUI-64 count as type 2, its UUID as 8. */
struct vss_storage_id {
	uint8_t code_set;	/* 1 binary, 2 ASCII, 3 UTF-8 */
	uint8_t type;		/* 1 T10 vendor, 2 EUI-64, 3 NAA, 8 SCSI name string, ... */
	uint8_t association;	/* 0 logical unit, 1 port, 2 device */
	uint8_t size;
	uint8_t bytes[255];
};

/**
 * struct vss_lun_info - A LUN.
 * @device_type: SCSI peripheral device type, 0 is a disk
 * @bus_type: enum vss_bus_type; not compared at import
 * @vendor, @product, @revision, @serial: as the device tells, without blanks at
 *	the end; NULL when it does not
 * @disk_signature: GPT disk GUID, or the MBR signature in the first four bytes;
 *	not compared at import
 * @ids, @nr_ids: storage identifiers
 * @size: bytes
 * @block_size: logical block size, bytes
 * @interconnect: how to reach it, of the provider's own making; NULL for none
 */
struct vss_lun_info {
	uint8_t device_type;
	enum vss_bus_type bus_type;
	char *vendor;
	char *product;
	char *revision;
	char *serial;
	struct vss_uuid disk_signature;
	struct vss_storage_id *ids;
	size_t nr_ids;
	uint64_t size;
	uint32_t block_size;
	char *interconnect;
};
void vss_lun_info_clear(struct vss_lun_info *lun);

/* Bytes of a LUN that belong to a volume, in the volume's order. */
struct vss_lun_extent {
	uint64_t volume_offset;
	uint64_t lun_offset;
	uint64_t length;
};

/* One LUN of a volume: the original, its copy once that is known, and the extents. */
struct vss_lun_mapping {
	struct vss_lun_info source;
	struct vss_lun_info destination;
	bool has_destination;
	struct vss_lun_extent *extents;
	size_t nr_extents;
};
void vss_lun_mapping_clear(struct vss_lun_mapping *mapping);

/* Free what vss_volume_luns() gave; NULL is allowed. */
void vss_lun_mappings_free(struct vss_lun_mapping *mappings, size_t n);

/* Copy a record; false without memory, @to is then empty. */
bool vss_lun_info_copy(struct vss_lun_info *to, const struct vss_lun_info *from);

/* ---- What a LUN is ---- */

/**
 * vss_lun_identify() - Describe the LUN that a disk of this machine is.
 * @device: node of the whole disk, or of a multipath device
 * @lun: receives the record, for vss_lun_info_clear(); empty after a failure
 * @err: receives the failure; may be NULL
 *
 * Of SCSI's designators (VPD page 0x83) those are taken that name the logical unit
 * for all the world: association 0 and type 1 (T10 vendor), 2 (EUI-64), 3 (NAA) or 8
 * (name).  Of NVMe: NGUID and EUI-64 as type 2; the UUID as type 8, its text with
 * "uuid." in front.  A disk that has none is described too; vss_lun_check() says
 * whether it may travel.
 *
 * Return: S_OK; VSS_E_OBJECT_NOT_FOUND no such device; VSS_E_VOLUME_NOT_SUPPORTED it is
 * no disk of SCSI, NVMe or virtio, or its own description is damaged; E_OUTOFMEMORY.
 */
vss_result vss_lun_identify(const char *device, struct vss_lun_info *lun, struct vss_error *err);

/**
 * vss_lun_check() - Can another machine know this LUN?
 * @lun: what vss_lun_identify() gave
 * @err: receives why not; may be NULL
 *
 * It must have a unique identifier, which no other disk of this machine has as well.
 *
 * Return: S_OK or VSS_E_VOLUME_NOT_SUPPORTED (Required Behaviors for Shadow Copy
 * Providers).
 */
vss_result vss_lun_check(const struct vss_lun_info *lun, struct vss_error *err);

/**
 * vss_lun_same() - Are these records of one LUN, as VSS compares them?
 * @a, @b: records, perhaps of different machines
 *
 * Compared are device type, vendor, product, serial number and unique identifiers,
 * these in any order.  Bus, revision, signature and sizes are not
 * (IVssHardwareSnapshotProvider::GetTargetLuns).
 */
bool vss_lun_same(const struct vss_lun_info *a, const struct vss_lun_info *b);

/**
 * vss_lun_name() - A LUN for people to read.
 * @lun: the record
 * @text: receives it, such as "naa.60014051234 (LIO-ORG disk0, serial 1234)"
 * @size: bytes of @text; VSS_LUN_NAME_SIZE is enough
 *
 * Return: @text.
 */
const char *vss_lun_name(const struct vss_lun_info *lun, char *text, size_t size);
#define VSS_LUN_NAME_SIZE	512

/* ---- Where it is ---- */

/**
 * vss_lun_find() - Which disk of this machine is a LUN?
 * @lun: what is known of it
 * @device: receives its node, to free(): the multipath device where it has one
 * @err: receives the failure; may be NULL
 *
 * A record without identifiers is looked for by its vendor, product and serial number.
 *
 * Return: S_OK; VSS_E_OBJECT_NOT_FOUND it is not here; VSS_E_MISSING_DISK a disk has one
 * of its identifiers but is not the same (vss_lun_same()); VSS_E_VOLUME_NOT_SUPPORTED
 * several disks claim to be it; E_OUTOFMEMORY.
 */
vss_result vss_lun_find(const struct vss_lun_info *lun, char **device, struct vss_error *err);

/**
 * vss_lun_rescan() - Look for LUNs that came or went.
 * @timeout_ms: milliseconds to wait; a bus that takes longer goes on by itself
 * @err: receives the failure; may be NULL
 *
 * SCSI hosts are scanned (iSCSI sessions are scanned with their hosts), disks that
 * are known are asked anew who they are, NVMe controllers are rescanned.
 *
 * Return: S_OK; S_FALSE some bus was not done in time; E_ACCESSDENIED, E_OUTOFMEMORY.
 */
vss_result vss_lun_rescan(uint32_t timeout_ms, struct vss_error *err);

/**
 * vss_lun_wait() - Make LUNs visible and wait until all are there.
 * @luns: the records
 * @n: how many
 * @timeout_ms: milliseconds to wait
 * @err: receives the failure, which names the LUN; may be NULL
 *
 * Scans at once and every few seconds.  A LUN is there when vss_lun_find() finds it
 * and udev has dealt with it.  What is wrong with one that arrived is told when the
 * time is over, for it may be about to leave.
 *
 * Return: S_OK; VSS_E_MISSING_DISK one did not arrive, or with another identity;
 * VSS_E_VOLUME_NOT_SUPPORTED one arrived twice; E_ACCESSDENIED, E_OUTOFMEMORY.
 */
vss_result vss_lun_wait(const struct vss_lun_info *const *luns, size_t n, uint32_t timeout_ms,
			struct vss_error *err);

/**
 * vss_lun_remove() - Take a disk off this machine, before the array takes it away.
 * @device: node of the whole disk or multipath device, which loses all its paths
 * @err: receives the failure; may be NULL
 *
 * What was written is flushed first.  An NVMe namespace is flushed only: it goes when
 * the target takes it away.
 *
 * Return: S_OK; VSS_E_VOLUME_IN_USE the text says who uses it; VSS_E_OBJECT_NOT_FOUND;
 * VSS_E_VOLUME_NOT_SUPPORTED not such a disk; E_ACCESSDENIED; VSS_E_UNEXPECTED data could
 * not be flushed, or the kernel refused.
 */
vss_result vss_lun_remove(const char *device, struct vss_error *err);

/**
 * vss_lun_hide() - Keep everybody's hands off a LUN that will arrive, or is here.
 * @lun: the record; it needs identifiers
 * @err: receives the failure; may be NULL
 *
 * From the next udev event on LVM, md, btrfs, udisks and systemd leave the disk and
 * its partitions alone, and there are no links to them by UUID or label.
 * Call it before vss_lun_wait().  It holds until vss_lun_unhide(), also over a start of the
 * machine where /var/lib/vss can be read when disks arrive.
 *
 * Return: S_OK; VSS_E_VOLUME_NOT_SUPPORTED no identifier; E_ACCESSDENIED, E_OUTOFMEMORY,
 * VSS_E_UNEXPECTED the mark could not be made.
 */
vss_result vss_lun_hide(const struct vss_lun_info *lun, struct vss_error *err);

/**
 * vss_lun_unhide() - Make it an ordinary disk again.
 * @lun: the record
 * @err: receives the failure; may be NULL
 *
 * udev is told to look at the disk and its partitions anew, if they are here.
 *
 * Return: S_OK, also when it was not hidden; E_ACCESSDENIED, VSS_E_UNEXPECTED.
 */
vss_result vss_lun_unhide(const struct vss_lun_info *lun, struct vss_error *err);

/**
 * vss_lun_check_volumes() - Does a disk hold nothing but these volumes?
 * @device: node of the whole disk or multipath device
 * @selected: mappings of the volumes, of this disk and others, by their sources
 * @n: how many
 * @err: receives the failure, which names the other volume; may be NULL
 *
 * For an array that is about to replace the content of the LUN (RecoverSet).  Partitions,
 * and what lies on them, count, and a disk without partitions on which something is
 * recognized.  What an inactive logical volume has of its physical volume cannot be told,
 * so that a physical volume is one more volume.
 *
 * Return: S_OK; VSS_E_UNSELECTED_VOLUME; VSS_E_OBJECT_NOT_FOUND; VSS_E_VOLUME_NOT_SUPPORTED
 * no disk; E_ACCESSDENIED, E_OUTOFMEMORY.
 */
vss_result vss_lun_check_volumes(const char *device, const struct vss_lun_mapping *selected, size_t n,
				 struct vss_error *err);

/**
 * vss_lun_check_idle() - May an array replace the content of a disk?
 * @device: node of the whole disk or multipath device
 * @err: receives the failure, which names the user; may be NULL
 *
 * Not while it, a partition of it or something that lies on it is used, tracked by the
 * kernel module, or read-only, which keeps uses from being told: nobody who reads a
 * file system expects its content to change below.
 *
 * Return: S_OK; VSS_E_VOLUME_IN_USE; VSS_E_OBJECT_NOT_FOUND; E_ACCESSDENIED, E_OUTOFMEMORY,
 * VSS_E_UNEXPECTED.
 */
vss_result vss_lun_check_idle(const char *device, struct vss_error *err);

/**
 * vss_lun_refresh() - Look anew at a disk whose content the array has replaced.
 * @device: node of the whole disk
 * @err: receives the failure; may be NULL
 *
 * What the kernel remembers of its content is dropped, and its partition table read.
 *
 * Return: S_OK; VSS_E_VOLUME_IN_USE a partition of it is; E_ACCESSDENIED, VSS_E_UNEXPECTED.
 */
vss_result vss_lun_refresh(const char *device, struct vss_error *err);

/* ---- Volumes ---- */

/**
 * vss_volume_luns() - Which LUNs, and which parts of them, make up a volume?
 * @volume: device node
 * @mappings: receives an array for vss_lun_mappings_free(), in the order in which the
 *	volume begins to use them; sources only
 * @n: receives its length
 * @err: receives the failure; may be NULL
 *
 * The extents of all LUNs together cover the volume without gaps.  Every LUN has passed
 * vss_lun_check().
 *
 * Return: S_OK; VSS_E_OBJECT_NOT_FOUND no such device; VSS_E_VOLUME_NOT_SUPPORTED the text
 * says what in the stack cannot travel; E_ACCESSDENIED, E_OUTOFMEMORY.
 */
vss_result vss_volume_luns(const char *volume, struct vss_lun_mapping **mappings, size_t *n,
			   struct vss_error *err);

/**
 * struct vss_volume_options - How to bring up a volume from its LUNs.
 * @id: identifier of the shadow copy.  A device that has to be made for it is called
 *	/dev/mapper/vss-ID
 * @use_destination: of mappings with a destination take that, not the source
 * @fs_uuid: UUID that its file system must have, as libblkid spells it; NULL or "" for any
 */
struct vss_volume_options {
	struct vss_uuid id;
	bool use_destination;
	const char *fs_uuid;
};

/**
 * vss_volume_from_luns() - Bring up a volume on this machine, read-only.
 * @mappings: its LUNs, which are here (vss_lun_wait()), and extents
 * @n: how many
 * @options: the rest
 * @device: receives its node, to free()
 * @err: receives the failure; may be NULL
 *
 * The volume is the disk itself, or the partition with exactly the recorded offset
 * and length (the table is read anew if it is not there), or else a linear
 * device-mapper device made of the extents: LVM, which would object to a second VG
 * with the same UUIDs, has no part in it.  Disks and volume are made read-only before
 * anything reads them.  Calling it again gives the same device.
 *
 * Return: S_OK; VSS_E_MISSING_DISK a LUN is not here or another; VSS_E_MISSING_VOLUME the
 * extents do not fit the LUNs, or the file system is another; VSS_E_VOLUME_IN_USE
 * somebody has opened the LUN for himself; VSS_E_VOLUME_NOT_SUPPORTED a LUN is here
 * twice; E_INVALIDARG the extents are not those of a volume; E_ACCESSDENIED, E_OUTOFMEMORY,
 * VSS_E_UNEXPECTED.
 */
vss_result vss_volume_from_luns(const struct vss_lun_mapping *mappings, size_t n,
				const struct vss_volume_options *options, char **device,
				struct vss_error *err);

/**
 * vss_volume_release() - Undo what vss_volume_from_luns() made.
 * @device: what it gave
 * @err: receives the failure; may be NULL
 *
 * Removes the device-mapper device if it made one.  LUNs stay, and stay read-only.
 *
 * Return: S_OK, also when there was nothing to do or the device is gone;
 * VSS_E_VOLUME_IN_USE; E_ACCESSDENIED, VSS_E_UNEXPECTED.
 */
vss_result vss_volume_release(const char *device, struct vss_error *err);

/**
 * vss_volume_set_read_only() - Protect a volume and its disks from writes, or stop that.
 * @device: disk, partition, multipath device or what vss_volume_from_luns() made
 * @read_only: which
 * @err: receives the failure; may be NULL
 *
 * Applies to the device, its partitions, and the disks below.
 *
 * Return: S_OK; VSS_E_VOLUME_IN_USE it is mounted, or one below it is (only when it is to
 * become read-only); VSS_E_VOLUME_NOT_SUPPORTED the array itself protects the LUN;
 * VSS_E_OBJECT_NOT_FOUND, E_ACCESSDENIED, E_OUTOFMEMORY, VSS_E_UNEXPECTED.
 */
vss_result vss_volume_set_read_only(const char *device, bool read_only, struct vss_error *err);

#ifdef __cplusplus
}
#endif

#endif /* VSS_LUN_H */
