/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What identifies a LUN on whatever machine sees it (VDS_LUN_INFORMATION), and
 * which parts of it make up a volume.
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

#ifdef __cplusplus
}
#endif

#endif /* VSS_LUN_H */
