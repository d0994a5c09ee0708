// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl lun show: which LUNs, and which parts of them, make up a volume.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <vss/lun.h>

#include "command.h"
#include "print.h"

static const char *bus_name(enum vss_bus_type bus)
{
	switch (bus) {
	case VSS_BUS_SCSI:
		return "SCSI";
	case VSS_BUS_ATA:
		return "ATA";
	case VSS_BUS_FIBRE:
		return "Fibre Channel";
	case VSS_BUS_USB:
		return "USB";
	case VSS_BUS_ISCSI:
		return "iSCSI";
	case VSS_BUS_SAS:
		return "SAS";
	case VSS_BUS_SATA:
		return "SATA";
	case VSS_BUS_VIRTUAL:
		return "virtual";
	case VSS_BUS_NVME:
		return "NVMe";
	default:
		return "unknown";
	}
}

static const char *id_type_name(const struct vss_storage_id *id)
{
	switch (id->type) {
	case 1:
		return "T10 vendor";
	case 2:
		return "EUI-64";
	case 3:
		return "NAA";
	case 8:
		return "name";
	default:
		return "other";
	}
}

/* Hexadecimal digits, or the text that it is. */
static void format_id(const struct vss_storage_id *id, char text[2 * 255 + 1])
{
	bool binary = id->type == 2 || id->type == 3;

	text[0] = '\0';
	for (size_t i = 0; i < id->size; i++) {
		if (binary)
			sprintf(text + 2 * i, "%02x", id->bytes[i]);
		else
			sprintf(text + i, "%c", id->bytes[i] >= 0x20 && id->bytes[i] < 0x7f ? id->bytes[i] : '.');
	}
}

/* ---- Text ---- */

static void text_field(struct vssctl *ctl, const char *name, const char *value)
{
	if (value && value[0])
		fprintf(ctl->out, "  %-12s %s\n", name, value);
}

static void text_lun(struct vssctl *ctl, const struct vss_lun_info *lun)
{
	char text[2 * 255 + 1];

	text_field(ctl, "vendor", lun->vendor);
	text_field(ctl, "product", lun->product);
	text_field(ctl, "revision", lun->revision);
	text_field(ctl, "serial", lun->serial);
	text_field(ctl, "bus", bus_name(lun->bus_type));
	fprintf(ctl->out, "  %-12s %" PRIu64 " bytes, blocks of %u\n", "size", lun->size, lun->block_size);
	if (!vss_uuid_is_null(&lun->disk_signature))
		text_field(ctl, "signature", vss_uuid_format(&lun->disk_signature, text));
	for (size_t i = 0; i < lun->nr_ids; i++) {
		format_id(&lun->ids[i], text);
		fprintf(ctl->out, "  %-12s %s (%s)\n", "identifier", text, id_type_name(&lun->ids[i]));
	}
}

static void text_mapping(struct vssctl *ctl, const struct vss_lun_mapping *mapping)
{
	char name[VSS_LUN_NAME_SIZE], *device;

	fprintf(ctl->out, "LUN %s\n", vss_lun_name(&mapping->source, name, sizeof(name)));
	if (vss_lun_find(&mapping->source, &device, NULL) == S_OK) {
		text_field(ctl, "device", device);
		free(device);
	}
	text_lun(ctl, &mapping->source);
	for (size_t i = 0; i < mapping->nr_extents; i++)
		fprintf(ctl->out, "  %-12s %" PRIu64 " bytes, from %" PRIu64 " of the LUN to %" PRIu64
			" of the volume\n", "extent", mapping->extents[i].length, mapping->extents[i].lun_offset,
			mapping->extents[i].volume_offset);
}

/* ---- JSON ---- */

static void add_string(json_object *object, const char *key, const char *value)
{
	if (value && value[0])
		json_object_object_add(object, key, json_object_new_string(value));
}

static void add_number(json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static json_object *lun_object(const struct vss_lun_info *lun)
{
	json_object *object = json_object_new_object(), *ids = json_object_new_array();
	char text[2 * 255 + 1];

	add_string(object, "vendor", lun->vendor);
	add_string(object, "product", lun->product);
	add_string(object, "revision", lun->revision);
	add_string(object, "serial", lun->serial);
	add_string(object, "bus", bus_name(lun->bus_type));
	add_number(object, "device_type", lun->device_type);
	add_number(object, "size", lun->size);
	add_number(object, "block_size", lun->block_size);
	if (!vss_uuid_is_null(&lun->disk_signature))
		add_string(object, "signature", vss_uuid_format(&lun->disk_signature, text));
	for (size_t i = 0; i < lun->nr_ids; i++) {
		json_object *id = json_object_new_object();

		format_id(&lun->ids[i], text);
		add_number(id, "type", lun->ids[i].type);
		add_number(id, "code_set", lun->ids[i].code_set);
		add_string(id, "value", text);
		json_object_array_add(ids, id);
	}
	json_object_object_add(object, "identifiers", ids);
	return object;
}

static json_object *mapping_object(const struct vss_lun_mapping *mapping)
{
	json_object *object = lun_object(&mapping->source), *extents = json_object_new_array();
	char *device;

	if (vss_lun_find(&mapping->source, &device, NULL) == S_OK) {
		add_string(object, "device", device);
		free(device);
	}
	for (size_t i = 0; i < mapping->nr_extents; i++) {
		json_object *extent = json_object_new_object();

		add_number(extent, "volume_offset", mapping->extents[i].volume_offset);
		add_number(extent, "lun_offset", mapping->extents[i].lun_offset);
		add_number(extent, "length", mapping->extents[i].length);
		json_object_array_add(extents, extent);
	}
	json_object_object_add(object, "extents", extents);
	return object;
}

static void put_json(struct vssctl *ctl, const char *volume, json_object *luns, const char *obstacle)
{
	json_object *object = json_object_new_object();

	add_string(object, "volume", volume);
	json_object_object_add(object, "transportable", json_object_new_boolean(!obstacle));
	add_string(object, "obstacle", obstacle);
	json_object_object_add(object, "luns", luns);
	fprintf(ctl->out, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* ---- The command ---- */

static void print_luns(struct vssctl *ctl, const char *volume, const struct vss_lun_mapping *mappings, size_t n)
{
	json_object *luns;

	if (!ctl->json) {
		for (size_t i = 0; i < n; i++)
			text_mapping(ctl, &mappings[i]);
		return;
	}
	luns = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		json_object_array_add(luns, mapping_object(&mappings[i]));
	put_json(ctl, volume, luns, NULL);
}

/* A disk that cannot travel is shown too, with what is in the way. */
static void print_obstacle(struct vssctl *ctl, const char *volume, const struct vss_lun_info *lun,
			   const char *obstacle)
{
	char name[VSS_LUN_NAME_SIZE];
	json_object *luns;

	if (!ctl->json) {
		fprintf(ctl->out, "LUN %s\n", vss_lun_name(lun, name, sizeof(name)));
		text_field(ctl, "device", volume);
		text_lun(ctl, lun);
		text_field(ctl, "cannot travel", obstacle);
		return;
	}
	luns = json_object_new_array();
	json_object_array_add(luns, lun_object(lun));
	put_json(ctl, volume, luns, obstacle);
}

static int show(struct vssctl *ctl, const char *volume)
{
	struct vss_lun_mapping *mappings;
	struct vss_lun_info lun;
	struct vss_error err;
	size_t n;

	if (vss_volume_luns(volume, &mappings, &n, &err) == S_OK) {
		print_luns(ctl, volume, mappings, n);
		vss_lun_mappings_free(mappings, n);
		return VSSCTL_OK;
	}
	if (vss_lun_identify(volume, &lun, NULL) != S_OK)
		return vssctl_fail_error(ctl, &err);
	print_obstacle(ctl, volume, &lun, err.text);
	vss_lun_info_clear(&lun);
	return VSSCTL_OK;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume = { 0 };
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	ret = vssctl_resolve(ctl, args->argv[0], &volume);
	if (!ret)
		ret = show(ctl, volume.path);
	vss_blockdev_clear(&volume);
	return ret;
}

const struct vssctl_command vssctl_lun_show = {
	.name = "lun show",
	.operands = "VOLUME",
	.summary = "show the LUNs of a volume",
	.description = "Show which LUNs, and which parts of them, make up a volume, and how other machines\n"
		       "know them.  Of a disk that cannot be transported it shows what is in the way.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
