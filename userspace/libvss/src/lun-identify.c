// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who a disk of this machine is: from sysfs, which has what the kernel asked the
 * device for, and from the disk's own first sectors.
 */
#include <blkid/blkid.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "lun.h"

const struct vss_lun_source vss_lun_system = {
	.sysfs = "/sys",
	.dev = "/dev",
	.hidden = "/run/vss/hidden",
	.kept = "/var/lib/vss/hidden",
	.dm_table = vss_dm_table_read,
};

static void cleanup_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

vss_result vss_lun_name_of(const char *device, char name[VSS_SYSFS_NAME_SIZE], struct vss_error *err)
{
	struct stat st;
	int code;

	if (stat(device, &st)) {
		code = -errno;
		vss_error_errno(err, code, "%s: %s", device, strerror(-code));
		return vss_result_from_errno(code);
	}
	if (!S_ISBLK(st.st_mode))
		return lun_error(err, VSS_E_OBJECT_NOT_FOUND, "%s is not a block device", device);
	if (vss_sysfs_name("/sys", (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) }, name))
		return lun_error(err, VSS_E_OBJECT_NOT_FOUND, "%s: there is no such device", device);
	return S_OK;
}

/* A whole attribute of a device, which may be binary; its size, or -1. */
static ssize_t read_attr(const struct vss_lun_source *source, const char *name, const char *attr,
			 void *buffer, size_t size)
{
	char path[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	size_t have = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/class/block/%s/%s", source->sysfs, name, attr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (have < size && (n = read(fd, (char *)buffer + have, size - have)) > 0)
		have += (size_t)n;
	return (ssize_t)have;
}

/* An attribute as text, into *@text; it stays as it is when there is none. */
static vss_result read_text(const struct vss_lun_source *source, const char *name, const char *attr,
			    char **text, struct vss_error *err)
{
	char buffer[512];
	ssize_t n = read_attr(source, name, attr, buffer, sizeof(buffer));
	char *found = n > 0 ? vss_lun_text(buffer, (size_t)n) : NULL;

	if (n > 0 && !found)
		return lun_no_memory(err);
	if (!found || !found[0]) {
		free(found);
		return S_OK;
	}
	free(*text);
	*text = found;
	return S_OK;
}

enum vss_disk_kind vss_disk_kind(const struct vss_lun_source *source, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX], text[256];
	const char *subsystem;
	ssize_t n;

	if (!vss_sysfs_attr(source->sysfs, name, "dm/uuid", text, sizeof(text)))
		return strncmp(text, "mpath-", 6) ? VSS_DISK_NONE : VSS_DISK_MULTIPATH;
	/* Partitions have none of "device"; paths of NVMe's own multipath are hidden. */
	if (!vss_sysfs_attr(source->sysfs, name, "hidden", text, sizeof(text)) && text[0] == '1')
		return VSS_DISK_NONE;
	snprintf(path, sizeof(path), "%s/class/block/%s/device/subsystem", source->sysfs, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return VSS_DISK_NONE;
	target[n] = '\0';
	subsystem = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	if (!strcmp(subsystem, "scsi"))
		return VSS_DISK_SCSI;
	if (!strncmp(subsystem, "nvme", 4))
		return VSS_DISK_NVME;
	return strcmp(subsystem, "virtio") ? VSS_DISK_NONE : VSS_DISK_VIRTIO;
}

/* By the parts of the path that its drivers gave it. */
static enum vss_bus_type scsi_bus(const struct vss_lun_source *source, const char *name)
{
	static const struct {
		const char *part;
		enum vss_bus_type bus;
	} parts[] = {
		{ "/usb", VSS_BUS_USB }, { "/session", VSS_BUS_ISCSI }, { "/rport-", VSS_BUS_FIBRE },
		{ "/end_device-", VSS_BUS_SAS }, { "/ata", VSS_BUS_SATA },
	};
	char path[PATH_MAX], real[PATH_MAX];

	snprintf(path, sizeof(path), "%s/class/block/%s", source->sysfs, name);
	if (!realpath(path, real))
		return VSS_BUS_SCSI;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(real, parts[i].part))
			return parts[i].bus;
	return VSS_BUS_SCSI;
}

static vss_result identify_scsi(const struct vss_lun_source *source, const char *name, struct vss_lun_info *lun,
				struct vss_error *err)
{
	_cleanup_free_ uint8_t *page = malloc(65536);
	char text[16];
	vss_result result;
	ssize_t n;

	if (!page)
		return lun_no_memory(err);
	lun->bus_type = scsi_bus(source, name);
	if (!vss_sysfs_attr(source->sysfs, name, "device/type", text, sizeof(text)))
		lun->device_type = (uint8_t)strtoul(text, NULL, 10);
	if (lun->device_type)
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "it is of SCSI device type %u, no disk",
				 lun->device_type);
	n = read_attr(source, name, "device/vpd_pg83", page, 65536);
	result = n > 0 ? vss_lun_parse_page83(page, (size_t)n, lun, err) : S_OK;
	if (result != S_OK)
		return result;
	n = read_attr(source, name, "device/vpd_pg80", page, 65536);
	result = n > 0 ? vss_lun_parse_page80(page, (size_t)n, lun, err) : S_OK;
	if (result == S_OK)
		result = read_text(source, name, "device/vendor", &lun->vendor, err);
	if (result == S_OK)
		result = read_text(source, name, "device/model", &lun->product, err);
	if (result == S_OK)
		result = read_text(source, name, "device/rev", &lun->revision, err);
	return result;
}

/* Hexadecimal digits with blanks or dashes between; bytes read, 0 if it is all zero. */
static size_t read_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t digits = 0;
	uint8_t any = 0;

	for (; *text && digits < 2 * size; text++) {
		if (!isxdigit((unsigned char)*text))
			continue;
		if (!(digits & 1))
			bytes[digits / 2] = 0;
		bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 |
					      (isdigit((unsigned char)*text) ? *text - '0' :
					       tolower((unsigned char)*text) - 'a' + 10));
		any |= bytes[digits / 2];
		digits++;
	}
	return any ? digits / 2 : 0;
}

static vss_result identify_nvme(const struct vss_lun_source *source, const char *name, struct vss_lun_info *lun,
				struct vss_error *err)
{
	/* NGUID and EUI-64 */
	static const struct {
		const char *attr;
		size_t size;
	} ids[] = { { "nguid", 16 }, { "eui", 8 } };
	uint8_t bytes[16];
	vss_result result;
	char text[256];

	lun->bus_type = VSS_BUS_NVME;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (!vss_sysfs_attr(source->sysfs, name, ids[i].attr, text, sizeof(text)) &&
		    read_hex(text, bytes, ids[i].size) == ids[i].size &&
		    !vss_lun_add_id(lun, 1, 2, bytes, ids[i].size))
			return lun_no_memory(err);
	/* The attribute "uuid" shows the NGUID, with a warning in the log, where there is no UUID. */
	if (!vss_sysfs_attr(source->sysfs, name, "wwid", text, sizeof(text)) && !strncmp(text, "uuid.", 5) &&
	    !vss_lun_add_id(lun, 3, 8, text, strlen(text)))
		return lun_no_memory(err);
	result = read_text(source, name, "device/model", &lun->product, err);
	if (result == S_OK)
		result = read_text(source, name, "device/firmware_rev", &lun->revision, err);
	if (result == S_OK)
		result = read_text(source, name, "device/serial", &lun->serial, err);
	return result;
}

/* A multipath device is who its paths are. */
static vss_result identify_paths(const struct vss_lun_source *source, const char *name, struct vss_lun_info *lun,
				 struct vss_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/class/block/%s/slaves", source->sysfs, name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return vss_lun_identify_name(source, entry->d_name, false, lun, err);
	return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "it has no paths");
}

/* GPT's disk GUID, or the MBR's signature in the first four bytes, as people write it. */
static void read_signature(const struct vss_lun_source *source, const char *name, struct vss_lun_info *lun)
{
	blkid_probe probe __attribute__((cleanup(cleanup_probe))) = NULL;
	_cleanup_fd_ int fd = -1;
	char path[PATH_MAX];
	const char *text;

	/* "cciss!c0d0" is how sysfs writes "cciss/c0d0". */
	snprintf(path, sizeof(path), "%s/%s", source->dev, name);
	for (char *p = path; (p = strchr(p, '!'));)
		*p = '/';
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	probe = fd < 0 ? NULL : blkid_new_probe();
	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		return;
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	if (blkid_do_safeprobe(probe) || blkid_probe_lookup_value(probe, "PTUUID", &text, NULL))
		return;
	if (vss_uuid_parse(text, &lun->disk_signature))
		read_hex(text, lun->disk_signature.bytes, 4);
}

static vss_result identify(const struct vss_lun_source *source, const char *name, bool probe,
			   struct vss_lun_info *lun, struct vss_error *err)
{
	vss_result result;
	char text[32];

	switch (vss_disk_kind(source, name)) {
	case VSS_DISK_SCSI:
		result = identify_scsi(source, name, lun, err);
		break;
	case VSS_DISK_NVME:
		result = identify_nvme(source, name, lun, err);
		break;
	case VSS_DISK_MULTIPATH:
		result = identify_paths(source, name, lun, err);
		break;
	case VSS_DISK_VIRTIO:
		result = read_text(source, name, "serial", &lun->serial, err);
		break;
	default:
		return lun_error(err, VSS_E_VOLUME_NOT_SUPPORTED, "it is no whole disk of SCSI, NVMe or virtio");
	}
	if (result != S_OK)
		return result;
	lun->size = vss_sysfs_size(source->sysfs, name);
	if (!vss_sysfs_attr(source->sysfs, name, "queue/logical_block_size", text, sizeof(text)))
		lun->block_size = (uint32_t)strtoul(text, NULL, 10);
	if (probe)
		read_signature(source, name, lun);
	return S_OK;
}

vss_result vss_lun_identify_name(const struct vss_lun_source *source, const char *name, bool probe,
				 struct vss_lun_info *lun, struct vss_error *err)
{
	struct vss_error why = { 0 };
	vss_result result;

	memset(lun, 0, sizeof(*lun));
	result = identify(source, name, probe, lun, &why);
	if (result == S_OK)
		return S_OK;
	vss_lun_info_clear(lun);
	return lun_error(err, result, "cannot tell which LUN %s is: %.800s", name, why.text);
}

vss_result vss_lun_identify(const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	char name[VSS_SYSFS_NAME_SIZE];
	vss_result result = vss_lun_name_of(device, name, err);

	memset(lun, 0, sizeof(*lun));
	return result == S_OK ? vss_lun_identify_name(&vss_lun_system, name, true, lun, err) : result;
}
