// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The Backup Components Document as a whole: loading and saving it, its root,
 * the writers and components in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup-document-tree.h"
#include "cleanup.h"
#include "error.h"
#include "xml-parse.h"

/* ---- index ---- */

static void component_free(struct vss_component *component)
{
	if (!component)
		return;
	for (size_t i = 0; i < VSS_LIST_COUNT; i++)
		vss_xml_list_clear(&component->lists[i]);
	free(component);
}

void vss_writer_components_unindex(struct vss_writer_components *writer)
{
	if (!writer)
		return;
	for (uint32_t i = 0; i < writer->count; i++)
		component_free(writer->components[i]);
	free(writer->components);
	xmlHashFree(writer->by_name, NULL);
	free(writer);
}

/* No logical path and an empty one are the same. */
static const xmlChar *path_key(const char *logical_path)
{
	return (const xmlChar *)(logical_path ? logical_path : "");
}

static bool list_children(struct vss_component *component)
{
	for (xmlNode *child = component->node->children; child; child = child->next)
		for (size_t i = 0; i < VSS_LIST_COUNT; i++)
			if (vss_xml_is(child, vss_component_list_names[i]) &&
			    !vss_xml_list_add(&component->lists[i], child))
				return false;
	return true;
}

/* One more pointer in an array that doubles. */
static bool push(void *array, uint32_t *count, uint32_t *room, void *item)
{
	void **items;

	memcpy(&items, array, sizeof(items));
	if (*count == *room) {
		uint32_t more = *room ? 2 * *room : 8;

		items = reallocarray(items, more, sizeof(*items));
		if (!items)
			return false;
		memcpy(array, &items, sizeof(items));
		*room = more;
	}
	items[(*count)++] = item;
	return true;
}

vss_result vss_writer_components_add(struct vss_writer_components *writer, xmlNode *node,
				     struct vss_component **component, struct vss_error *err)
{
	const char *name = vss_xml_text(node, "componentName"), *path = vss_xml_text(node, "logicalPath");
	struct vss_component *new;

	if (xmlHashLookup2(writer->by_name, (const xmlChar *)name, path_key(path)))
		return vss_xml_invalid(node, err, "the component \"%.200s\" of the logical path \"%.200s\" is in this "
				       "writer's part twice", name, path ? path : "");
	new = calloc(1, sizeof(*new));
	if (!new)
		return vss_xml_no_memory(err);
	new->writer = writer;
	new->node = node;
	if (!list_children(new) || !push(&writer->components, &writer->count, &writer->room, new)) {
		component_free(new);
		return vss_xml_no_memory(err);
	}
	if (xmlHashAddEntry2(writer->by_name, (const xmlChar *)name, path_key(path), new)) {
		writer->count--;
		component_free(new);
		return vss_xml_no_memory(err);
	}
	if (component)
		*component = new;
	return S_OK;
}

vss_result vss_writer_components_index(xmlNode *node, struct vss_error *error,
				       struct vss_writer_components **writer)
{
	struct vss_writer_components *new = calloc(1, sizeof(*new));
	vss_result result = S_OK;

	if (!new)
		return vss_xml_no_memory(error);
	new->error = error;
	new->access = VSS_ACCESS_ALL;
	new->node = node;
	vss_xml_uuid(node, "instanceId", &new->instance_id);
	vss_xml_uuid(node, "writerId", &new->writer_id);
	new->by_name = xmlHashCreate(0);
	if (!new->by_name)
		result = vss_xml_no_memory(error);
	for (xmlNode *child = node->children; child && !result; child = child->next)
		if (vss_xml_is(child, "COMPONENT"))
			result = vss_writer_components_add(new, child, NULL, error);
	if (result) {
		vss_writer_components_unindex(new);
		return result;
	}
	*writer = new;
	return S_OK;
}

static vss_result add_writer(struct vss_backup_document *doc, xmlNode *node, struct vss_writer_components **writer)
{
	struct vss_writer_components *new;
	char id[VSS_UUID_TEXT_SIZE];
	vss_result result = vss_writer_components_index(node, &doc->error, &new);

	if (result)
		return result;
	vss_uuid_format(&new->instance_id, id);
	if (xmlHashLookup(doc->by_instance, (const xmlChar *)id))
		result = vss_xml_invalid(node, &doc->error, "the writer instance %s is in the document twice", id);
	else if (!push(&doc->writers, &doc->count, &doc->room, new))
		result = vss_xml_no_memory(&doc->error);
	if (result) {
		vss_writer_components_unindex(new);
		return result;
	}
	if (xmlHashAddEntry(doc->by_instance, (const xmlChar *)id, new)) {
		doc->count--;
		vss_writer_components_unindex(new);
		return vss_xml_no_memory(&doc->error);
	}
	if (writer)
		*writer = new;
	return S_OK;
}

/* ---- whole documents ---- */

void vss_backup_document_free(struct vss_backup_document *doc)
{
	if (!doc)
		return;
	for (uint32_t i = 0; i < doc->count; i++)
		vss_writer_components_unindex(doc->writers[i]);
	free(doc->writers);
	xmlHashFree(doc->by_instance, NULL);
	xmlFreeDoc(doc->doc);
	free(doc);
}

static xmlNode *root_of(const struct vss_backup_document *doc)
{
	return xmlDocGetRootElement(doc->doc);
}

/* Takes @tree, also on failure. */
static vss_result document_of(xmlDoc *tree, struct vss_backup_document **doc, struct vss_error *err)
{
	struct vss_backup_document *new = calloc(1, sizeof(*new));
	vss_result result = S_OK;

	if (!new) {
		xmlFreeDoc(tree);
		return vss_xml_no_memory(err);
	}
	new->doc = tree;
	new->by_instance = xmlHashCreate(0);
	if (!new->by_instance)
		result = vss_xml_no_memory(&new->error);
	for (xmlNode *child = root_of(new)->children; child && !result; child = child->next)
		if (vss_xml_is(child, "WRITER_COMPONENTS"))
			result = add_writer(new, child, NULL);
	if (result) {
		if (err)
			*err = new->error;
		vss_backup_document_free(new);
		return result;
	}
	*doc = new;
	return S_OK;
}

vss_result vss_backup_document_new(struct vss_backup_document **doc, struct vss_error *err)
{
	xmlDoc *tree = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *root = tree ? xmlNewDocNode(tree, NULL, (const xmlChar *)"BACKUP_COMPONENTS", NULL) : NULL;

	if (!root) {
		xmlFreeDoc(tree);
		return vss_xml_no_memory(err);
	}
	xmlDocSetRootElement(tree, root);
	xmlSetNs(root, xmlNewNs(root, (const xmlChar *)VSS_BACKUP_NAMESPACE, NULL));
	if (!root->ns || !vss_xml_set_text(root, "version", "1.2") ||
	    !vss_xml_set_yes_no(root, "bootableSystemStateBackup", false) ||
	    !vss_xml_set_yes_no(root, "selectComponents", false) ||
	    !vss_xml_set_word(root, "backupType", vss_words_backup_type, VSS_BT_UNDEFINED) ||
	    !vss_xml_set_yes_no(root, "partialFileSupport", false)) {
		xmlFreeDoc(tree);
		return vss_xml_no_memory(err);
	}
	return document_of(tree, doc, err);
}

vss_result vss_backup_document_parse(const char *xml, size_t size, struct vss_backup_document **doc,
				     struct vss_error *err)
{
	xmlDoc *tree;
	vss_result result = vss_xml_parse(xml, size, &tree, err);

	if (result)
		return result;
	result = vss_xml_judge_document(tree, &vss_rule_backup_components, VSS_BACKUP_NAMESPACE,
					"Backup Components Document", vss_backup_document_names, err);
	if (!result)
		result = vss_backup_document_judge_set(xmlDocGetRootElement(tree), err);
	if (result) {
		xmlFreeDoc(tree);
		return result;
	}
	return document_of(tree, doc, err);
}

vss_result vss_backup_document_save(struct vss_backup_document *doc, char **xml, struct vss_error *err)
{
	return vss_xml_save(doc->doc, xml, err);
}

const struct vss_error *vss_backup_document_error(const struct vss_backup_document *doc)
{
	return &doc->error;
}

/* ---- root ---- */

void vss_backup_document_get_backup_state(struct vss_backup_document *doc, struct vss_backup_state *state)
{
	const xmlNode *root = root_of(doc);

	state->select_components = vss_xml_yes_no(root, "selectComponents");
	state->bootable_system_state = vss_xml_yes_no(root, "bootableSystemStateBackup");
	state->backup_type = (enum vss_backup_type)vss_xml_word(root, "backupType", vss_words_backup_type,
								VSS_BT_UNDEFINED);
	state->partial_file_support = vss_xml_yes_no(root, "partialFileSupport");
}

vss_result vss_backup_document_set_backup_state(struct vss_backup_document *doc,
						const struct vss_backup_state *state)
{
	xmlNode *root = root_of(doc);

	if (!vss_xml_word_text(vss_words_backup_type, (int)state->backup_type)) {
		vss_error_set(&doc->error, -EINVAL, E_INVALIDARG, "%d is no backup type (enum vss_backup_type)",
			      (int)state->backup_type);
		return E_INVALIDARG;
	}
	if (vss_xml_set_yes_no(root, "selectComponents", state->select_components) &&
	    vss_xml_set_yes_no(root, "bootableSystemStateBackup", state->bootable_system_state) &&
	    vss_xml_set_word(root, "backupType", vss_words_backup_type, (int)state->backup_type) &&
	    vss_xml_set_yes_no(root, "partialFileSupport", state->partial_file_support))
		return S_OK;
	return vss_xml_no_memory(&doc->error);
}

enum vss_restore_type vss_backup_document_get_restore_state(struct vss_backup_document *doc)
{
	return (enum vss_restore_type)vss_xml_word(root_of(doc), "restoreType", vss_words_restore_type,
						   VSS_RTYPE_UNDEFINED);
}

vss_result vss_backup_document_set_restore_state(struct vss_backup_document *doc, enum vss_restore_type type)
{
	if (type != VSS_RTYPE_UNDEFINED && !vss_xml_word_text(vss_words_restore_type, (int)type)) {
		vss_error_set(&doc->error, -EINVAL, E_INVALIDARG, "%d is no restore type (enum vss_restore_type)",
			      (int)type);
		return E_INVALIDARG;
	}
	return vss_xml_set_word(root_of(doc), "restoreType", vss_words_restore_type, (int)type) ? S_OK :
		vss_xml_no_memory(&doc->error);
}

bool vss_backup_document_get_set_id(struct vss_backup_document *doc, struct vss_uuid *id)
{
	return vss_xml_uuid(root_of(doc), "snapshotSetId", id);
}

vss_result vss_backup_document_set_set_id(struct vss_backup_document *doc, const struct vss_uuid *id)
{
	return vss_xml_set_uuid(root_of(doc), "snapshotSetId", id) ? S_OK : vss_xml_no_memory(&doc->error);
}

/* ---- writers and components ---- */

uint32_t vss_backup_document_writer_count(struct vss_backup_document *doc)
{
	return doc->count;
}

struct vss_writer_components *vss_backup_document_writer(struct vss_backup_document *doc, uint32_t index)
{
	return index < doc->count ? doc->writers[index] : NULL;
}

struct vss_writer_components *vss_backup_document_find_writer(struct vss_backup_document *doc,
							      const struct vss_uuid *instance_id,
							      const struct vss_uuid *writer_id)
{
	char id[VSS_UUID_TEXT_SIZE];

	if (instance_id)
		return xmlHashLookup(doc->by_instance, (const xmlChar *)vss_uuid_format(instance_id, id));
	for (uint32_t i = 0; writer_id && i < doc->count; i++)
		if (vss_uuid_equal(&doc->writers[i]->writer_id, writer_id))
			return doc->writers[i];
	return NULL;
}

char *vss_writer_components_instance_name(struct vss_writer_components *components)
{
	char *name;

	vss_xml_copy_text(components->node, "instanceName", &name);
	return name;
}

uint32_t vss_writer_components_backup_schema(struct vss_writer_components *components)
{
	return (uint32_t)vss_xml_number(components->node, "backupSchema", VSS_BS_UNDEFINED);
}

struct vss_component *vss_writer_components_find(struct vss_writer_components *components,
						 enum vss_component_type type,
						 const char *logical_path, const char *name)
{
	struct vss_component *found = name ? xmlHashLookup2(components->by_name, (const xmlChar *)name,
							    path_key(logical_path)) : NULL;

	if (!found || type == VSS_CT_UNDEFINED ||
	    vss_xml_word(found->node, "componentType", vss_words_component_type, VSS_CT_UNDEFINED) == (int)type)
		return found;
	return NULL;
}

static vss_result new_writer(struct vss_backup_document *doc, const struct vss_uuid *instance_id,
			     const struct vss_uuid *writer_id, const char *instance_name, uint32_t backup_schema,
			     struct vss_writer_components **writer)
{
	xmlNode *root = root_of(doc), *node = vss_xml_new(root, "WRITER_COMPONENTS"), *set = NULL;
	vss_result result;

	for (xmlNode *child = root->children; child && !set; child = child->next)
		if (vss_xml_is(child, "SNAPSHOT_SET_DESCRIPTION"))
			set = child;
	if (!node || !vss_xml_set_uuid(node, "instanceId", instance_id) ||
	    !vss_xml_set_uuid(node, "writerId", writer_id) ||
	    !vss_xml_set_text(node, "instanceName", instance_name && *instance_name ? instance_name : NULL) ||
	    !vss_xml_set_number(node, "backupSchema", backup_schema) ||
	    !(set ? xmlAddPrevSibling(set, node) : xmlAddChild(root, node))) {
		xmlFreeNode(node);
		return vss_xml_no_memory(&doc->error);
	}
	result = add_writer(doc, node, writer);
	if (result) {
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
	return result;
}

static void remove_last_writer(struct vss_backup_document *doc)
{
	struct vss_writer_components *writer = doc->writers[--doc->count];
	char id[VSS_UUID_TEXT_SIZE];

	xmlHashRemoveEntry(doc->by_instance, (const xmlChar *)vss_uuid_format(&writer->instance_id, id), NULL);
	xmlUnlinkNode(writer->node);
	xmlFreeNode(writer->node);
	vss_writer_components_unindex(writer);
}

static vss_result check_new_component(struct vss_backup_document *doc, const struct vss_writer_components *writer,
				      const struct vss_uuid *writer_id, const char *instance_name,
				      enum vss_component_type type, const char *logical_path, const char *name,
				      const char *caption)
{
	struct vss_error *err = &doc->error;
	vss_result result = vss_xml_check_text("the instance name", instance_name, true, err);

	if (!result)
		result = vss_xml_check_text("the logical path", logical_path, true, err);
	if (!result)
		result = vss_xml_check_text("the name of the component", name, false, err);
	if (!result)
		result = vss_xml_check_text("the caption", caption, true, err);
	if (result)
		return result;
	if (!*name || !vss_xml_word_text(vss_words_component_type, (int)type)) {
		vss_error_set(err, -EINVAL, E_INVALIDARG,
			      "a component needs a name that is not empty and a type, database or file group");
		return E_INVALIDARG;
	}
	if (!writer)
		return S_OK;
	if (!vss_uuid_equal(&writer->writer_id, writer_id)) {
		vss_error_set(err, -EINVAL, E_INVALIDARG,
			      "the writer instance is in the document with another class; pass the class that its "
			      "metadata has");
		return E_INVALIDARG;
	}
	if (xmlHashLookup2(writer->by_name, (const xmlChar *)name, path_key(logical_path))) {
		vss_error_set(err, -EEXIST, VSS_E_OBJECT_ALREADY_EXISTS,
			      "the component \"%.200s\" of the logical path \"%.200s\" is in the document already", name,
			      logical_path ? logical_path : "");
		return VSS_E_OBJECT_ALREADY_EXISTS;
	}
	return S_OK;
}

static bool fill_component(xmlNode *node, enum vss_component_type type, const char *logical_path, const char *name,
			   const char *caption)
{
	return vss_xml_set_text(node, "componentName", name) &&
		vss_xml_set_word(node, "componentType", vss_words_component_type, (int)type) &&
		(!logical_path || !*logical_path || vss_xml_set_text(node, "logicalPath", logical_path)) &&
		(!caption || !*caption || vss_xml_set_text(node, "componentCaption", caption));
}

vss_result vss_backup_document_add_component(struct vss_backup_document *doc, const struct vss_uuid *instance_id,
					     const struct vss_uuid *writer_id, const char *instance_name,
					     uint32_t backup_schema, enum vss_component_type type,
					     const char *logical_path, const char *name, const char *caption,
					     struct vss_component **component)
{
	struct vss_writer_components *writer = vss_backup_document_find_writer(doc, instance_id, NULL);
	vss_result result = check_new_component(doc, writer, writer_id, instance_name, type, logical_path, name,
						caption);
	xmlNode *node;

	if (!result && !writer)
		result = new_writer(doc, instance_id, writer_id, instance_name, backup_schema, &writer);
	if (result)
		return result;
	node = vss_xml_new(writer->node, "COMPONENT");
	if (!node || !fill_component(node, type, logical_path, name, caption) || !xmlAddChild(writer->node, node)) {
		xmlFreeNode(node);
		node = NULL;
		result = vss_xml_no_memory(&doc->error);
	} else {
		result = vss_writer_components_add(writer, node, component, &doc->error);
	}
	if (!result)
		return S_OK;
	if (node) {
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
	/* A writer is in the document only with a component. */
	if (!writer->count)
		remove_last_writer(doc);
	return result;
}
