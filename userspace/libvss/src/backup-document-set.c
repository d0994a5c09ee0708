// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SNAPSHOT_SET_DESCRIPTION: what a Backup Components Document says of a
 * transportable set, for another machine to import it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup-document-tree.h"
#include "error.h"
#include "xml-parse.h"

#define FORMAT	"linux-vss"

static void member_clear(struct vss_set_member *member)
{
	vss_free_snapshot_properties(&member->prop);
	free(member->filesystem);
	free(member->provider_data);
	for (size_t i = 0; i < member->nr_luns; i++)
		vss_lun_mapping_clear(&member->luns[i]);
	free(member->luns);
}

void vss_set_description_clear(struct vss_set_description *set)
{
	for (size_t i = 0; i < set->nr_members; i++)
		member_clear(&set->members[i]);
	free(set->members);
	free(set->originating_machine);
	memset(set, 0, sizeof(*set));
}

/* The set's element, of whatever format; NULL for none. */
static xmlNode *find_set(xmlNode *root)
{
	for (xmlNode *child = root->children; child; child = child->next)
		if (vss_xml_is(child, "SNAPSHOT_SET_DESCRIPTION"))
			return child;
	return NULL;
}

static bool is_ours(const xmlNode *set)
{
	const char *format = vss_xml_text(set, "format");

	return format && !strcmp(format, FORMAT);
}

static size_t count_children(const xmlNode *element, const char *name)
{
	size_t count = 0;

	for (const xmlNode *child = element->children; child; child = child->next)
		count += vss_xml_is(child, name);
	return count;
}

/* ---- judging ---- */

static vss_result judge_extents(const xmlNode *mapping, struct vss_error *err)
{
	for (const xmlNode *child = mapping->children; child; child = child->next) {
		uint64_t length, at, end;

		if (!vss_xml_is(child, "EXTENT"))
			continue;
		length = vss_xml_number(child, "length", 0);
		at = vss_xml_number(child, "volumeOffset", 0);
		if (!length || __builtin_add_overflow(at, length, &end) ||
		    __builtin_add_overflow(vss_xml_number(child, "lunOffset", 0), length, &end))
			return vss_xml_invalid(child, err, "is empty or ends beyond the largest device");
	}
	return S_OK;
}

/* A set of our format in itself. */
static vss_result judge_set(const xmlNode *set, struct vss_error *err)
{
	xmlHashTable *ids = xmlHashCreate(0);
	vss_result result = S_OK;

	if (!ids)
		return vss_xml_no_memory(err);
	for (const xmlNode *child = set->children; child && !result; child = child->next) {
		char id[VSS_UUID_TEXT_SIZE];
		struct vss_uuid uuid;

		if (!vss_xml_is(child, "SNAPSHOT_DESCRIPTION"))
			continue;
		vss_xml_uuid(child, "snapshotId", &uuid);
		vss_uuid_format(&uuid, id);
		if (xmlHashAddEntry(ids, (const xmlChar *)id, (void *)set))
			result = vss_xml_invalid(child, err, "the shadow copy %s is in the set twice", id);
		for (const xmlNode *mapping = child->children; mapping && !result; mapping = mapping->next)
			if (vss_xml_is(mapping, "LUN_MAPPING"))
				result = judge_extents(mapping, err);
	}
	if (!result && (uint64_t)xmlHashSize(ids) > vss_xml_number(set, "snapshotsCount", 0))
		result = vss_xml_invalid(set, err, "has more shadow copies than its snapshotsCount says");
	xmlHashFree(ids, NULL);
	return result;
}

vss_result vss_backup_document_judge_set(xmlNode *root, struct vss_error *err)
{
	const xmlNode *set = find_set(root);
	struct vss_uuid own, other;

	if (!set || !is_ours(set))
		return S_OK;
	vss_xml_uuid(set, "snapshotSetId", &own);
	if (!vss_xml_uuid(root, "snapshotSetId", &other) || !vss_uuid_equal(&own, &other))
		return vss_xml_invalid(set, err, "its snapshotSetId is not that of the document");
	return judge_set(set, err);
}

/* ---- reading: false without memory ---- */

static bool get_storage_id(const xmlNode *node, struct vss_storage_id *id)
{
	const char *text = vss_xml_text(node, "identifier");

	id->code_set = (uint8_t)vss_xml_number(node, "codeSet", 0);
	id->type = (uint8_t)vss_xml_number(node, "type", 0);
	id->association = (uint8_t)vss_xml_number(node, "association", 0);
	for (; text[0] && text[1]; text += 2) {
		const char byte[3] = { text[0], text[1], 0 };

		id->bytes[id->size++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return true;
}

static bool get_lun(const xmlNode *node, struct vss_lun_info *lun)
{
	size_t count = count_children(node, "STORAGE_ID");

	lun->device_type = (uint8_t)vss_xml_number(node, "deviceType", 0);
	lun->bus_type = (enum vss_bus_type)vss_xml_number(node, "busType", VSS_BUS_UNKNOWN);
	lun->size = vss_xml_number(node, "size", 0);
	lun->block_size = (uint32_t)vss_xml_number(node, "blockSize", 0);
	vss_xml_uuid(node, "diskSignature", &lun->disk_signature);
	if (!vss_xml_copy_text(node, "vendor", &lun->vendor) || !vss_xml_copy_text(node, "product", &lun->product) ||
	    !vss_xml_copy_text(node, "revision", &lun->revision) || !vss_xml_copy_text(node, "serial", &lun->serial) ||
	    !vss_xml_copy_text(node, "interconnect", &lun->interconnect))
		return false;
	lun->ids = count ? calloc(count, sizeof(*lun->ids)) : NULL;
	if (count && !lun->ids)
		return false;
	for (const xmlNode *child = node->children; child; child = child->next)
		if (vss_xml_is(child, "STORAGE_ID"))
			get_storage_id(child, &lun->ids[lun->nr_ids++]);
	return true;
}

static void get_extent(const xmlNode *node, struct vss_lun_extent *extent)
{
	extent->volume_offset = vss_xml_number(node, "volumeOffset", 0);
	extent->lun_offset = vss_xml_number(node, "lunOffset", 0);
	extent->length = vss_xml_number(node, "length", 0);
}

static bool get_mapping(const xmlNode *node, struct vss_lun_mapping *mapping)
{
	size_t count = count_children(node, "EXTENT");

	mapping->extents = count ? calloc(count, sizeof(*mapping->extents)) : NULL;
	if (count && !mapping->extents)
		return false;
	for (const xmlNode *child = node->children; child; child = child->next) {
		if (vss_xml_is(child, "EXTENT"))
			get_extent(child, &mapping->extents[mapping->nr_extents++]);
		if (vss_xml_is(child, "SOURCE_LUN") && !get_lun(child, &mapping->source))
			return false;
		if (vss_xml_is(child, "DESTINATION_LUN")) {
			mapping->has_destination = true;
			if (!get_lun(child, &mapping->destination))
				return false;
		}
	}
	return true;
}

static bool get_member(const xmlNode *node, const struct vss_set_description *set, struct vss_set_member *member)
{
	struct vss_snapshot_prop *prop = &member->prop;
	size_t count = count_children(node, "LUN_MAPPING");

	vss_xml_uuid(node, "snapshotId", &prop->snapshot_id);
	vss_xml_uuid(node, "providerId", &prop->provider_id);
	prop->snapshot_set_id = set->set_id;
	prop->snapshots_count = set->snapshots_count;
	prop->attributes = (uint32_t)vss_xml_number(node, "attributes", 0);
	prop->creation_time = vss_xml_number(node, "creationTime", 0);
	prop->status = VSS_SS_CREATED;
	member->size = vss_xml_number(node, "volumeSize", 0);
	prop->device_object = strdup("");
	if (!prop->device_object || !vss_xml_copy_text(node, "originalVolume", &prop->original_volume_name) ||
	    !vss_xml_copy_text(node, "originatingMachine", &prop->originating_machine) ||
	    !vss_xml_copy_text(node, "serviceMachine", &prop->service_machine) ||
	    !vss_xml_copy_text(node, "exposedName", &prop->exposed_name) ||
	    !vss_xml_copy_text(node, "exposedPath", &prop->exposed_path) ||
	    !vss_xml_copy_text(node, "filesystem", &member->filesystem) ||
	    !vss_xml_copy_text(node, "providerData", &member->provider_data))
		return false;
	member->luns = count ? calloc(count, sizeof(*member->luns)) : NULL;
	if (count && !member->luns)
		return false;
	for (const xmlNode *child = node->children; child; child = child->next)
		if (vss_xml_is(child, "LUN_MAPPING") && !get_mapping(child, &member->luns[member->nr_luns++]))
			return false;
	return true;
}

static bool get_set(const xmlNode *node, struct vss_set_description *set)
{
	size_t count = count_children(node, "SNAPSHOT_DESCRIPTION");

	vss_xml_uuid(node, "snapshotSetId", &set->set_id);
	set->context = (uint32_t)vss_xml_number(node, "context", 0);
	set->snapshots_count = (uint32_t)vss_xml_number(node, "snapshotsCount", 0);
	set->creation_time = vss_xml_number(node, "creationTime", 0);
	if (!vss_xml_copy_text(node, "originatingMachine", &set->originating_machine))
		return false;
	set->members = count ? calloc(count, sizeof(*set->members)) : NULL;
	if (count && !set->members)
		return false;
	for (const xmlNode *child = node->children; child; child = child->next)
		if (vss_xml_is(child, "SNAPSHOT_DESCRIPTION") &&
		    !get_member(child, set, &set->members[set->nr_members++]))
			return false;
	return true;
}

/* Is it what it was when it was made? */
static vss_result check_digest(const xmlNode *node, const struct vss_set_description *set, struct vss_error *err)
{
	struct vss_uuid told, digest;

	if (!vss_set_digest(set, &digest))
		return vss_xml_no_memory(err);
	if (!vss_xml_uuid(node, "digest", &told))
		return vss_xml_invalid(node, err, "has no digest, so nobody can tell whether it was changed");
	if (!vss_uuid_equal(&told, &digest))
		return vss_xml_invalid(node, err, "does not match its digest: it was changed or damaged after it was "
				       "made; use the document as it was saved");
	return S_OK;
}

vss_result vss_backup_document_get_set(struct vss_backup_document *doc, struct vss_set_description *set,
				       struct vss_error *err)
{
	const xmlNode *node = find_set(xmlDocGetRootElement(doc->doc));
	vss_result result;

	memset(set, 0, sizeof(*set));
	if (!node || !is_ours(node)) {
		vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "%s",
			      node ? "the document describes its set as another system does; it can be imported only "
			      "there" : "the document has no description of its set; only that of a transportable set has "
			      "one");
		return VSS_E_OBJECT_NOT_FOUND;
	}
	result = get_set(node, set) ? check_digest(node, set, err) : vss_xml_no_memory(err);
	if (result)
		vss_set_description_clear(set);
	return result;
}

/* ---- writing: false without memory ---- */

/* An empty child of @parent; NULL without memory. */
static xmlNode *add_child(xmlNode *parent, const char *name)
{
	xmlNode *child = vss_xml_new(parent, name);

	return vss_xml_append(parent, child) ? child : NULL;
}

static bool put_storage_id(xmlNode *lun, const struct vss_storage_id *id)
{
	static const char digits[] = "0123456789abcdef";
	xmlNode *node = add_child(lun, "STORAGE_ID");
	char text[2 * sizeof(id->bytes) + 1];

	for (size_t i = 0; i < id->size; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 0xf];
	}
	text[2 * (size_t)id->size] = '\0';
	return node && vss_xml_set_number(node, "codeSet", id->code_set) &&
		vss_xml_set_number(node, "type", id->type) &&
		vss_xml_set_number(node, "association", id->association) &&
		vss_xml_set_text(node, "identifier", text);
}

static bool put_lun(xmlNode *mapping, const char *name, const struct vss_lun_info *lun)
{
	xmlNode *node = add_child(mapping, name);

	if (!node || !vss_xml_set_number(node, "deviceType", lun->device_type) ||
	    !vss_xml_set_number(node, "busType", (uint64_t)lun->bus_type) ||
	    !vss_xml_set_text(node, "vendor", lun->vendor) || !vss_xml_set_text(node, "product", lun->product) ||
	    !vss_xml_set_text(node, "revision", lun->revision) || !vss_xml_set_text(node, "serial", lun->serial) ||
	    (!vss_uuid_is_null(&lun->disk_signature) &&
	     !vss_xml_set_uuid(node, "diskSignature", &lun->disk_signature)) ||
	    !vss_xml_set_number(node, "size", lun->size) || !vss_xml_set_number(node, "blockSize", lun->block_size) ||
	    !vss_xml_set_text(node, "interconnect", lun->interconnect))
		return false;
	for (size_t i = 0; i < lun->nr_ids; i++)
		if (!put_storage_id(node, &lun->ids[i]))
			return false;
	return true;
}

static bool put_mapping(xmlNode *member, const struct vss_lun_mapping *mapping)
{
	xmlNode *node = add_child(member, "LUN_MAPPING");

	if (!node || !put_lun(node, "SOURCE_LUN", &mapping->source) ||
	    (mapping->has_destination && !put_lun(node, "DESTINATION_LUN", &mapping->destination)))
		return false;
	for (size_t i = 0; i < mapping->nr_extents; i++) {
		const struct vss_lun_extent *extent = &mapping->extents[i];
		xmlNode *child = add_child(node, "EXTENT");

		if (!child || !vss_xml_set_number(child, "volumeOffset", extent->volume_offset) ||
		    !vss_xml_set_number(child, "lunOffset", extent->lun_offset) ||
		    !vss_xml_set_number(child, "length", extent->length))
			return false;
	}
	return true;
}

static bool put_member(xmlNode *set, const struct vss_set_member *member)
{
	const struct vss_snapshot_prop *prop = &member->prop;
	xmlNode *node = add_child(set, "SNAPSHOT_DESCRIPTION");

	if (!node || !vss_xml_set_uuid(node, "snapshotId", &prop->snapshot_id) ||
	    !vss_xml_set_uuid(node, "providerId", &prop->provider_id) ||
	    !vss_xml_set_text(node, "originalVolume", prop->original_volume_name ? prop->original_volume_name : "") ||
	    !vss_xml_set_number(node, "attributes", prop->attributes) ||
	    !vss_xml_set_number(node, "creationTime", prop->creation_time) ||
	    !vss_xml_set_text(node, "originatingMachine", prop->originating_machine) ||
	    !vss_xml_set_text(node, "serviceMachine", prop->service_machine) ||
	    !vss_xml_set_text(node, "exposedName", prop->exposed_name) ||
	    !vss_xml_set_text(node, "exposedPath", prop->exposed_path) ||
	    !vss_xml_set_text(node, "filesystem", member->filesystem) ||
	    !vss_xml_set_number(node, "volumeSize", member->size) ||
	    !vss_xml_set_text(node, "providerData", member->provider_data))
		return false;
	for (size_t i = 0; i < member->nr_luns; i++)
		if (!put_mapping(node, &member->luns[i]))
			return false;
	return true;
}

static bool put_set(xmlNode *node, const struct vss_set_description *set)
{
	struct vss_uuid digest;

	if (!vss_xml_set_text(node, "format", FORMAT) || !vss_xml_set_uuid(node, "snapshotSetId", &set->set_id) ||
	    !vss_xml_set_number(node, "context", set->context) ||
	    !vss_xml_set_number(node, "snapshotsCount", set->snapshots_count) ||
	    !vss_xml_set_text(node, "originatingMachine", set->originating_machine) ||
	    !vss_xml_set_number(node, "creationTime", set->creation_time) || !vss_set_digest(set, &digest) ||
	    !vss_xml_set_uuid(node, "digest", &digest))
		return false;
	for (size_t i = 0; i < set->nr_members; i++)
		if (!put_member(node, &set->members[i]))
			return false;
	return true;
}

/* ---- what callers pass in ---- */

static vss_result check_lun(const struct vss_lun_info *lun, struct vss_error *err)
{
	const char *const texts[] = { lun->vendor, lun->product, lun->revision, lun->serial, lun->interconnect };
	vss_result result = S_OK;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !result; i++)
		result = vss_xml_check_text("a text of a LUN record", texts[i], true, err);
	return result;
}

static vss_result check_member(const struct vss_set_member *member, struct vss_error *err)
{
	const struct vss_snapshot_prop *prop = &member->prop;
	const char *const texts[] = { prop->original_volume_name, prop->originating_machine, prop->service_machine,
				      prop->exposed_name, prop->exposed_path, member->filesystem,
				      member->provider_data };
	vss_result result = S_OK;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !result; i++)
		result = vss_xml_check_text("a text of a shadow copy's record", texts[i], true, err);
	for (size_t i = 0; i < member->nr_luns && !result; i++) {
		result = check_lun(&member->luns[i].source, err);
		if (!result)
			result = check_lun(&member->luns[i].destination, err);
	}
	return result;
}

vss_result vss_backup_document_put_set(struct vss_backup_document *doc, const struct vss_set_description *set,
				       struct vss_error *err)
{
	xmlNode *root = xmlDocGetRootElement(doc->doc), *old, *node;
	vss_result result = vss_xml_check_text("the name of the machine", set->originating_machine, true, err);

	for (size_t i = 0; i < set->nr_members && !result; i++)
		result = check_member(&set->members[i], err);
	if (result)
		return result;
	node = vss_xml_new(root, "SNAPSHOT_SET_DESCRIPTION");
	if (!node || !put_set(node, set)) {
		xmlFreeNode(node);
		return vss_xml_no_memory(err);
	}
	/* What would be refused when it is read is not written. */
	result = judge_set(node, err);
	if (result) {
		xmlFreeNode(node);
		return result == VSS_E_INVALID_XML_DOCUMENT ? E_INVALIDARG : result;
	}
	if (!vss_xml_set_uuid(root, "snapshotSetId", &set->set_id)) {
		xmlFreeNode(node);
		return vss_xml_no_memory(err);
	}
	old = find_set(root);
	if (old)
		xmlFreeNode(xmlReplaceNode(old, node));
	else if (!vss_xml_append(root, node))
		return vss_xml_no_memory(err);
	return S_OK;
}
