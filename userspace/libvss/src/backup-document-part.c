// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One writer's part of a Backup Components Document: WRITER_COMPONENTS as a
 * document of its own, on its way to the writer and back.
 *
 * A part comes back from a process that may be hostile.  It may change what
 * writers change and nothing else: the components are the same, and what the
 * requester has set in them is as it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup-document-tree.h"
#include "cleanup.h"
#include "error.h"
#include "xml-parse.h"

/* A document whose root is @node, with the namespaces that hold for it. */
static xmlDoc *document_around(const xmlNode *node)
{
	xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *copy = doc ? xmlDocCopyNode((xmlNode *)node, doc, 1) : NULL;

	if (!copy) {
		xmlFreeDoc(doc);
		return NULL;
	}
	xmlDocSetRootElement(doc, copy);
	return doc;
}

static vss_result no_such_writer(const struct vss_uuid *instance_id, struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];

	vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "the writer instance %s has no component in the document",
		      vss_uuid_format(instance_id, id));
	return VSS_E_OBJECT_NOT_FOUND;
}

vss_result vss_backup_document_get_part(struct vss_backup_document *doc, const struct vss_uuid *instance_id,
					char **xml, struct vss_error *err)
{
	struct vss_writer_components *writer = vss_backup_document_find_writer(doc, instance_id, NULL);
	vss_result result;
	xmlDoc *part;

	*xml = NULL;
	if (!writer)
		return S_FALSE;
	part = document_around(writer->node);
	if (!part)
		return vss_xml_no_memory(err);
	result = vss_xml_save(part, xml, err);
	xmlFreeDoc(part);
	return result;
}

/* ---- what came back ---- */

static const char *const requester_attributes[] = {
	"componentType", "componentCaption", "backupSucceeded", "backupOptions", "previousBackupStamp",
	"selectedForRestore", "restoreInstanceId", "additionalRestores", "restoreOptions", "restoreName",
	"authoritativeRestore", "rollForwardType", "rollForwardPoint", "fileRestoreStatus",
};

static const enum vss_component_list requester_lists[] = {
	VSS_LIST_RESTORE_SUBCOMPONENTS, VSS_LIST_NEW_TARGETS, VSS_LIST_MAPPINGS,
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The same attributes with the same values. */
static bool same_attributes(const xmlNode *a, const xmlNode *b)
{
	size_t count = 0;

	for (const xmlAttr *x = a->properties; x; x = x->next) {
		if (!x->ns && !same_text(vss_xml_text(a, (const char *)x->name), vss_xml_text(b, (const char *)x->name)))
			return false;
		count++;
	}
	for (const xmlAttr *x = b->properties; x; x = x->next)
		count--;
	return !count;
}

static vss_result judge_component(const struct vss_component *before, const struct vss_component *after,
				  struct vss_error *err)
{
	for (size_t i = 0; i < sizeof(requester_attributes) / sizeof(requester_attributes[0]); i++)
		if (!same_text(vss_xml_text(before->node, requester_attributes[i]),
			       vss_xml_text(after->node, requester_attributes[i])))
			return vss_xml_invalid(after->node, err, "the writer has changed %s, which only the "
					       "requester sets", requester_attributes[i]);
	for (size_t i = 0; i < sizeof(requester_lists) / sizeof(requester_lists[0]); i++) {
		const struct vss_xml_list *a = &before->lists[requester_lists[i]];
		const struct vss_xml_list *b = &after->lists[requester_lists[i]];
		bool same = a->count == b->count;

		for (size_t k = 0; same && k < a->count; k++)
			same = same_attributes(a->nodes[k], b->nodes[k]);
		if (!same)
			return vss_xml_invalid(after->node, err, "the writer has changed %s, which only the "
					       "requester sets", vss_component_list_names[requester_lists[i]]);
	}
	return S_OK;
}

static vss_result judge_part(struct vss_writer_components *before, struct vss_writer_components *after,
			     struct vss_error *err)
{
	vss_result result = S_OK;

	if (!vss_uuid_equal(&before->instance_id, &after->instance_id) ||
	    !vss_uuid_equal(&before->writer_id, &after->writer_id) ||
	    !same_text(vss_xml_text(before->node, "instanceName"), vss_xml_text(after->node, "instanceName")) ||
	    vss_writer_components_backup_schema(before) != vss_writer_components_backup_schema(after))
		return vss_xml_invalid(after->node, err, "this is not the part of the writer that it is from");
	for (uint32_t i = 0; i < after->count && !result; i++) {
		const xmlNode *node = after->components[i]->node;
		const struct vss_component *was =
			vss_writer_components_find(before, VSS_CT_UNDEFINED, vss_xml_text(node, "logicalPath"),
						   vss_xml_text(node, "componentName"));

		if (!was)
			return vss_xml_invalid(node, err, "the requester has not added this component");
		result = judge_component(was, after->components[i], err);
	}
	if (!result && before->count != after->count)
		result = vss_xml_invalid(after->node, err, "has %u components, but %u were sent to the writer",
					 after->count, before->count);
	return result;
}

/*
 * Let the handles of @writer stand for what @after stands for: callers keep them.
 * Both have the same components.
 */
static void take_over(struct vss_writer_components *writer, struct vss_writer_components *after)
{
	writer->node = after->node;
	for (uint32_t i = 0; i < after->count; i++) {
		struct vss_component *new = after->components[i];
		struct vss_component *old = vss_writer_components_find(writer, VSS_CT_UNDEFINED,
								       vss_xml_text(new->node, "logicalPath"),
								       vss_xml_text(new->node, "componentName"));

		old->node = new->node;
		for (size_t k = 0; k < VSS_LIST_COUNT; k++) {
			struct vss_xml_list list = old->lists[k];

			old->lists[k] = new->lists[k];
			new->lists[k] = list;
		}
	}
}

vss_result vss_backup_document_put_part(struct vss_backup_document *doc, const struct vss_uuid *instance_id,
					const char *xml, size_t size, struct vss_error *err)
{
	struct vss_writer_components *writer = vss_backup_document_find_writer(doc, instance_id, NULL);
	struct vss_writer_components *part, *after;
	struct vss_error *error = err ? err : &doc->error;
	vss_result result;
	xmlNode *copy;

	if (!writer)
		return no_such_writer(instance_id, error);
	result = vss_writer_part_parse(xml, size, VSS_PART_READ_ONLY, &part, error);
	if (result)
		return result;
	result = judge_part(writer, part, error);
	copy = result ? NULL : xmlDocCopyNode(part->node, doc->doc, 1);
	vss_writer_part_free(part);
	if (result)
		return result;
	if (!copy)
		return vss_xml_no_memory(error);
	result = vss_writer_components_index(copy, &doc->error, &after);
	if (result) {
		xmlFreeNode(copy);
		*error = doc->error;
		return result;
	}
	xmlFreeNode(xmlReplaceNode(writer->node, copy));
	take_over(writer, after);
	vss_writer_components_unindex(after);
	return S_OK;
}

/* ---- the writer's side ---- */

static const enum vss_document_access access_of_part[] = {
	[VSS_PART_READ_ONLY] = VSS_ACCESS_READ_ONLY,
	[VSS_PART_BACKUP] = VSS_ACCESS_BACKUP,
	[VSS_PART_RESTORE] = VSS_ACCESS_RESTORE,
};

vss_result vss_writer_part_parse(const char *xml, size_t size, enum vss_part_access access,
				 struct vss_writer_components **components, struct vss_error *err)
{
	struct vss_error error = { 0 };
	struct vss_writer_components *part;
	xmlDoc *doc;
	vss_result result = vss_xml_parse(xml, size, &doc, err);

	if (result)
		return result;
	result = vss_xml_judge_document(doc, &vss_rule_writer_components, VSS_BACKUP_NAMESPACE,
					"writer's part of a Backup Components Document", vss_backup_document_names,
					&error);
	if (!result)
		result = vss_writer_components_index(xmlDocGetRootElement(doc), &error, &part);
	if (result) {
		if (err)
			*err = error;
		xmlFreeDoc(doc);
		return result;
	}
	part->doc = doc;
	part->error = &part->own_error;
	part->access = access_of_part[access];
	*components = part;
	return S_OK;
}

vss_result vss_writer_part_save(struct vss_writer_components *components, char **xml, struct vss_error *err)
{
	return vss_xml_save(components->doc, xml, err);
}

void vss_writer_part_free(struct vss_writer_components *components)
{
	xmlDoc *doc = components ? components->doc : NULL;

	vss_writer_components_unindex(components);
	xmlFreeDoc(doc);
}
