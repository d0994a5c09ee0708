// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The Writer Metadata Document as a whole: loading and saving it, the index of
 * what is in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file-sets.h"
#include "writer-metadata-tree.h"
#include "xml-parse.h"

/* ---- index ---- */

static void component_free(struct vss_wm_component *component)
{
	if (!component)
		return;
	for (size_t i = 0; i < VSS_WM_LIST_COUNT; i++)
		vss_xml_list_clear(&component->lists[i]);
	vss_file_sets_free(component->file_sets);
	free(component);
}

/* No logical path and an empty one are the same. */
static const xmlChar *path_key(const char *logical_path)
{
	return (const xmlChar *)(logical_path ? logical_path : "");
}

struct vss_wm_component *vss_writer_metadata_find(struct vss_writer_metadata *metadata,
						  const char *logical_path, const char *name)
{
	return name ? xmlHashLookup2(metadata->by_name, (const xmlChar *)name, path_key(logical_path)) : NULL;
}

bool vss_wm_component_is_database(const struct vss_wm_component *component)
{
	return vss_xml_is(component->node, "DATABASE");
}

static bool list_children(struct vss_wm_component *component)
{
	for (xmlNode *child = component->node->children; child; child = child->next)
		for (size_t i = 0; i < VSS_WM_LIST_COUNT; i++)
			if (vss_xml_is(child, vss_wm_list_names[i]) &&
			    !vss_xml_list_add(&component->lists[i], child))
				return false;
	return true;
}

static bool push_component(struct vss_writer_metadata *metadata, struct vss_wm_component *component)
{
	if (metadata->count == metadata->room) {
		uint32_t room = metadata->room ? 2 * metadata->room : 8;
		struct vss_wm_component **components = reallocarray(metadata->components, room,
								    sizeof(*components));

		if (!components)
			return false;
		metadata->components = components;
		metadata->room = room;
	}
	metadata->components[metadata->count++] = component;
	return true;
}

vss_result vss_writer_metadata_add(struct vss_writer_metadata *metadata, xmlNode *node)
{
	const char *name = vss_xml_text(node, "componentName"), *path = vss_xml_text(node, "logicalPath");
	struct vss_wm_component *component;

	if (vss_writer_metadata_find(metadata, path, name))
		return vss_xml_invalid(node, &metadata->error, "the component \"%.200s\" of the logical path \"%.200s\" is "
				       "in the document twice", name, path ? path : "");
	component = calloc(1, sizeof(*component));
	if (!component)
		return vss_xml_no_memory(&metadata->error);
	component->metadata = metadata;
	component->node = node;
	if (!list_children(component) || !push_component(metadata, component)) {
		component_free(component);
		return vss_xml_no_memory(&metadata->error);
	}
	if (xmlHashAddEntry2(metadata->by_name, (const xmlChar *)name, path_key(path), component)) {
		metadata->count--;
		component_free(component);
		return vss_xml_no_memory(&metadata->error);
	}
	return S_OK;
}

static vss_result index_location(struct vss_writer_metadata *metadata, xmlNode *node)
{
	if (vss_xml_is(node, "FILE_GROUP") || vss_xml_is(node, "DATABASE"))
		return vss_writer_metadata_add(metadata, node);
	if (vss_xml_is(node, "EXCLUDE_FILES"))
		return vss_xml_list_add(&metadata->excludes, node) ? S_OK : vss_xml_no_memory(&metadata->error);
	if (vss_xml_is(node, "EXCLUDE_FILES_FROM_SNAPSHOT"))
		return vss_xml_list_add(&metadata->snapshot_excludes, node) ? S_OK :
			vss_xml_no_memory(&metadata->error);
	return S_OK;
}

static vss_result index_document(struct vss_writer_metadata *metadata)
{
	vss_result result = S_OK;
	xmlNode *child;

	metadata->by_name = xmlHashCreate(0);
	if (!metadata->by_name)
		return vss_xml_no_memory(&metadata->error);
	for (child = xmlDocGetRootElement(metadata->doc)->children; child; child = child->next) {
		if (vss_xml_is(child, "IDENTIFICATION"))
			metadata->identification = child;
		if (vss_xml_is(child, "RESTORE_METHOD"))
			metadata->restore_method = child;
		if (vss_xml_is(child, "BACKUP_LOCATIONS"))
			metadata->locations = child;
	}
	for (child = metadata->locations->children; child && !result; child = child->next)
		result = index_location(metadata, child);
	child = metadata->restore_method ? metadata->restore_method->children : NULL;
	for (; child && !result; child = child->next)
		if (vss_xml_is(child, "ALTERNATE_LOCATION_MAPPING") &&
		    !vss_xml_list_add(&metadata->mappings, child))
			result = vss_xml_no_memory(&metadata->error);
	return result;
}

/* ---- whole documents ---- */

/* What a handle has, but not the handle. */
static void clear(struct vss_writer_metadata *metadata)
{
	for (uint32_t i = 0; i < metadata->count; i++)
		component_free(metadata->components[i]);
	free(metadata->components);
	vss_xml_list_clear(&metadata->excludes);
	vss_xml_list_clear(&metadata->snapshot_excludes);
	vss_xml_list_clear(&metadata->mappings);
	xmlHashFree(metadata->by_name, NULL);
	xmlFreeDoc(metadata->doc);
}

void vss_writer_metadata_free(struct vss_writer_metadata *metadata)
{
	if (!metadata)
		return;
	clear(metadata);
	free(metadata);
}

const struct vss_error *vss_writer_metadata_error(const struct vss_writer_metadata *metadata)
{
	return &metadata->error;
}

vss_result vss_writer_metadata_of(xmlDoc *doc, struct vss_writer_metadata **metadata, struct vss_error *err)
{
	struct vss_writer_metadata *new = calloc(1, sizeof(*new));
	vss_result result;

	if (!new) {
		xmlFreeDoc(doc);
		return vss_xml_no_memory(err);
	}
	new->doc = doc;
	result = index_document(new);
	if (result) {
		if (err)
			*err = new->error;
		vss_writer_metadata_free(new);
		return result;
	}
	*metadata = new;
	return S_OK;
}

vss_result vss_create_vss_examine_writer_metadata(const char *xml, size_t size,
						  struct vss_writer_metadata **metadata, struct vss_error *err)
{
	xmlDoc *doc;
	vss_result result = vss_xml_parse(xml, size, &doc, err);

	if (result)
		return result;
	result = vss_xml_judge_document(doc, &vss_rule_writer_metadata, VSS_METADATA_NAMESPACE,
					"Writer Metadata Document", vss_writer_metadata_names, err);
	if (result) {
		xmlFreeDoc(doc);
		return result;
	}
	return vss_writer_metadata_of(doc, metadata, err);
}

vss_result vss_examine_writer_metadata_save_as_xml(struct vss_writer_metadata *metadata, char **xml)
{
	return vss_xml_save(metadata->doc, xml, &metadata->error);
}

vss_result vss_examine_writer_metadata_load_from_xml(struct vss_writer_metadata *metadata, const char *xml,
						     size_t size)
{
	struct vss_writer_metadata *new;
	vss_result result = vss_create_vss_examine_writer_metadata(xml, size, &new, &metadata->error);

	if (result)
		return result;
	clear(metadata);
	*metadata = *new;
	free(new);
	for (uint32_t i = 0; i < metadata->count; i++)
		metadata->components[i]->metadata = metadata;
	return S_OK;
}
