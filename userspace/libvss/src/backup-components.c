// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Components of a backup: which may be chosen, and what the requester says of
 * those that are (Working with Selectability for Backup).
 *
 * A selectable component stands for itself and all components below it in the
 * writer's tree of logical paths.  Those below it that are not selectable come
 * with it and never by themselves.  Components that are not selectable and have
 * no selectable one above them must be in as soon as any of their writer is.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "requester.h"

/* ---- the tree of logical paths ---- */

/* Documents made on Windows separate with "\", ours with "/". */
static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

/* Where @path goes on after @prefix, which ends at a separator or at the end; NULL when it does not. */
static const char *after_prefix(const char *path, const char *prefix)
{
	for (; *prefix; path++, prefix++)
		if (*path != *prefix && !(is_separator(*path) && is_separator(*prefix)))
			return NULL;
	if (*path && !is_separator(*path))
		return NULL;
	return *path ? path + 1 : path;
}

bool vss_component_is_below(const char *path, const char *top_path, const char *top_name)
{
	if (!path || !*path)
		return false;
	if (top_path && *top_path) {
		path = after_prefix(path, top_path);
		if (!path || !*path)
			return false;
	}
	return after_prefix(path, top_name) != NULL;
}

static inline void cleanup_info_fn(struct vss_component_info *info)
{
	vss_component_info_clear(info);
}
#define _cleanup_info_ __attribute__((cleanup(cleanup_info_fn)))

/* Is there a selectable component above @path; with @added_to, one that is in that part of the document? */
static bool has_selectable_above(struct vss_writer_metadata *metadata, const char *path,
				 struct vss_writer_components *added_to)
{
	struct vss_wm_component *component;

	for (uint32_t i = 0; !vss_examine_writer_metadata_get_component(metadata, i, &component); i++) {
		_cleanup_info_ struct vss_component_info info = { 0 };

		if (VSS_FAILED(vss_wm_component_get_component_info(component, &info)))
			continue;
		if (!info.selectable || !vss_component_is_below(path, info.logical_path, info.component_name))
			continue;
		if (!added_to || vss_writer_components_find(added_to, VSS_CT_UNDEFINED, info.logical_path,
							    info.component_name))
			return true;
	}
	return false;
}

/* ---- choosing ---- */

static const char *shown(const char *path)
{
	return path && *path ? path : "";
}

static vss_result add(struct vss_backup_components *bc, const struct vss_gathered_writer *writer,
		      const struct vss_component_info *info)
{
	struct vss_component *component;
	vss_result result;

	result = vss_backup_document_add_component(
		bc->document, &writer->identity.instance_id, &writer->identity.writer_id,
		writer->identity.instance_name, writer->schema, info->type, info->logical_path,
		info->component_name, NULL, &component);
	if (!VSS_FAILED(result))
		return S_OK;
	return vss_requester_fail(
		bc, result, "component \"%s\" of path \"%s\" of writer %s cannot be added%s",
		info->component_name, shown(info->logical_path), writer->identity.writer_name,
		result == VSS_E_OBJECT_ALREADY_EXISTS ? ": it was added already" : " to the document");
}

/* May this component be named by itself? */
static vss_result check_selectable(struct vss_backup_components *bc, const struct vss_gathered_writer *writer,
				   const struct vss_component_info *info)
{
	struct vss_writer_components *added;

	if (!info->selectable && has_selectable_above(writer->metadata, info->logical_path, NULL))
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "component \"%s\" of path \"%s\" of writer %s is not selectable; "
					  "add the selectable one above it, which brings it along",
					  info->component_name, shown(info->logical_path),
					  writer->identity.writer_name);
	added = vss_backup_document_find_writer(bc->document, &writer->identity.instance_id,
						&writer->identity.writer_id);
	if (added && has_selectable_above(writer->metadata, info->logical_path, added))
		return vss_requester_fail(
			bc, VSS_E_OBJECT_ALREADY_EXISTS,
			"component \"%s\" of path \"%s\" of writer %s is in the backup already, "
			"with the one above it",
			info->component_name, shown(info->logical_path), writer->identity.writer_name);
	return S_OK;
}

vss_result vss_backup_components_add_component(struct vss_backup_components *bc,
					       const struct vss_uuid *instance_id,
					       const struct vss_uuid *writer_id,
					       enum vss_component_type type,
					       const char *logical_path, const char *component_name)
{
	_cleanup_info_ struct vss_component_info info = { 0 };
	struct vss_gathered_writer *writer;
	struct vss_wm_component *component;
	vss_result result = vss_requester_enter(bc, VSS_CALL_AddComponent);

	if (VSS_FAILED(result))
		return result;
	if (!instance_id || !writer_id || !component_name || !*component_name)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"AddComponent was called without instance, class or name of a component");
	if (type != VSS_CT_DATABASE && type != VSS_CT_FILEGROUP)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"%d is no type of component; use VSS_CT_DATABASE or VSS_CT_FILEGROUP", (int)type);
	writer = vss_requester_find_writer(bc, instance_id, writer_id);
	if (!writer)
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "component \"%s\" cannot be added: its writer did not answer "
					  "GatherWriterMetadata; see that it runs (vssctl writers)",
					  component_name);
	if (vss_examine_writer_metadata_find_component(writer->metadata, logical_path, component_name,
						       &component) ||
	    VSS_FAILED(vss_wm_component_get_component_info(component, &info)) || info.type != type)
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "writer %s has no component \"%s\" of path \"%s\" and this type",
					  writer->identity.writer_name, component_name, shown(logical_path));
	result = check_selectable(bc, writer, &info);
	if (!VSS_FAILED(result))
		result = add(bc, writer, &info);
	return vss_requester_leave(bc, VSS_CALL_AddComponent, result);
}

/* ---- what cannot be left out ---- */

static vss_result add_required_of(struct vss_backup_components *bc, const struct vss_gathered_writer *writer,
				  struct vss_writer_components *added)
{
	struct vss_wm_component *component;

	for (uint32_t i = 0; !vss_examine_writer_metadata_get_component(writer->metadata, i, &component);
	     i++) {
		_cleanup_info_ struct vss_component_info info = { 0 };
		vss_result result = vss_wm_component_get_component_info(component, &info);

		if (VSS_FAILED(result))
			return vss_requester_fail(bc, result, "a component of writer %s cannot be read",
						  writer->identity.writer_name);
		if (info.selectable || has_selectable_above(writer->metadata, info.logical_path, NULL) ||
		    vss_writer_components_find(added, VSS_CT_UNDEFINED, info.logical_path,
					       info.component_name))
			continue;
		result = add(bc, writer, &info);
		if (VSS_FAILED(result))
			return result;
	}
	return S_OK;
}

vss_result vss_requester_add_required(struct vss_backup_components *bc)
{
	for (uint32_t i = 0; i < bc->nr_writers; i++) {
		const struct vss_gathered_writer *writer = &bc->writers[i];
		struct vss_writer_components *added;
		vss_result result;

		added = vss_backup_document_find_writer(bc->document, &writer->identity.instance_id,
							&writer->identity.writer_id);
		if (!added || !writer->metadata)
			continue;
		result = add_required_of(bc, writer, added);
		if (VSS_FAILED(result))
			return result;
	}
	return S_OK;
}

/* ---- finding what was chosen ---- */

vss_result vss_requester_find_component(struct vss_backup_components *bc, enum vss_call call,
					const struct vss_component_ref *ref,
					struct vss_component **component,
					struct vss_writer_components **writer)
{
	uint32_t count = vss_backup_document_writer_count(bc->document);

	if (!ref->writer_id || !ref->name || !*ref->name)
		return vss_requester_fail(bc, E_INVALIDARG,
					  "%s was called without class or name of a component",
					  vss_call_name(call));
	if (ref->type != VSS_CT_DATABASE && ref->type != VSS_CT_FILEGROUP)
		return vss_requester_fail(
			bc, E_INVALIDARG,
			"%d is no type of component; use VSS_CT_DATABASE or VSS_CT_FILEGROUP",
			(int)ref->type);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_writer_components *part = vss_backup_document_writer(bc->document, i);
		struct vss_uuid instance, class;

		if (VSS_FAILED(vss_writer_components_get_writer_info(part, &instance, &class)) ||
		    !vss_uuid_equal(&class, ref->writer_id) ||
		    (ref->instance_id && !vss_uuid_equal(&instance, ref->instance_id)))
			continue;
		*component = vss_writer_components_find(part, ref->type, ref->logical_path, ref->name);
		if (!*component)
			continue;
		if (writer)
			*writer = part;
		return S_OK;
	}
	return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
				  "component \"%s\" of path \"%s\" is not in the document; "
				  "only components that were added by AddComponent are",
				  ref->name, shown(ref->logical_path));
}

vss_result vss_backup_components_get_writer_components_count(struct vss_backup_components *bc,
							     uint32_t *count)
{
	vss_result result;

	if (!count)
		return vss_requester_null(bc, VSS_CALL_GetWriterComponentsCount, "a place for the count");
	result = vss_requester_enter(bc, VSS_CALL_GetWriterComponentsCount);
	if (!VSS_FAILED(result))
		*count = vss_backup_document_writer_count(bc->document);
	return result;
}

vss_result vss_backup_components_get_writer_components(struct vss_backup_components *bc, uint32_t index,
						       struct vss_writer_components **components)
{
	uint32_t count;
	vss_result result;

	if (!components)
		return vss_requester_null(bc, VSS_CALL_GetWriterComponents, "a place for the components");
	result = vss_requester_enter(bc, VSS_CALL_GetWriterComponents);
	if (VSS_FAILED(result))
		return result;
	count = vss_backup_document_writer_count(bc->document);
	if (index >= count)
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "there is no writer of index %u in the document, only %u in all",
					  index, count);
	*components = vss_backup_document_writer(bc->document, index);
	return S_OK;
}

/* ---- what is said of a component ---- */

/* Order of calls, then the component. */
static vss_result start(struct vss_backup_components *bc, enum vss_call call,
			const struct vss_component_ref *ref, struct vss_component **component)
{
	vss_result result = vss_requester_enter(bc, call);

	return VSS_FAILED(result) ? result : vss_requester_find_component(bc, call, ref, component, NULL);
}

static vss_result finish(struct vss_backup_components *bc, enum vss_call call,
			 const struct vss_component *component, vss_result result)
{
	if (VSS_FAILED(result))
		bc->error = *vss_component_error(component);
	return vss_requester_leave(bc, call, result);
}

vss_result vss_backup_components_set_backup_options(struct vss_backup_components *bc,
						    const struct vss_uuid *writer_id,
						    enum vss_component_type type, const char *logical_path,
						    const char *component_name, const char *options)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start(bc, VSS_CALL_SetBackupOptions, &ref, &component);

	if (VSS_FAILED(result))
		return result;
	if (!options)
		return vss_requester_null(bc, VSS_CALL_SetBackupOptions, "options");
	return finish(bc, VSS_CALL_SetBackupOptions, component,
		      vss_component_set_backup_options(component, options));
}

vss_result vss_backup_components_set_previous_backup_stamp(struct vss_backup_components *bc,
							   const struct vss_uuid *writer_id,
							   enum vss_component_type type,
							   const char *logical_path,
							   const char *component_name, const char *stamp)
{
	const struct vss_component_ref ref = { NULL, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = start(bc, VSS_CALL_SetPreviousBackupStamp, &ref, &component);

	if (VSS_FAILED(result))
		return result;
	if (!stamp)
		return vss_requester_null(bc, VSS_CALL_SetPreviousBackupStamp, "a stamp");
	return finish(bc, VSS_CALL_SetPreviousBackupStamp, component,
		      vss_component_set_previous_backup_stamp(component, stamp));
}

vss_result vss_backup_components_set_backup_succeeded(struct vss_backup_components *bc,
						      const struct vss_uuid *instance_id,
						      const struct vss_uuid *writer_id,
						      enum vss_component_type type, const char *logical_path,
						      const char *component_name, bool succeeded)
{
	const struct vss_component_ref ref = { instance_id, writer_id, type, logical_path, component_name };
	struct vss_component *component;
	vss_result result = vss_requester_enter(bc, VSS_CALL_SetBackupSucceeded);

	if (VSS_FAILED(result))
		return result;
	if (!instance_id)
		return vss_requester_null(bc, VSS_CALL_SetBackupSucceeded, "the writer's instance");
	result = vss_requester_find_component(bc, VSS_CALL_SetBackupSucceeded, &ref, &component, NULL);
	if (VSS_FAILED(result))
		return result;
	return finish(bc, VSS_CALL_SetBackupSucceeded, component,
		      vss_component_set_backup_succeeded(component, succeeded));
}
