// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Auto-recovery: do the components in a backup ask to be recovered on the shadow
 * copy, before it becomes read-only?
 */
#include <string.h>

#include "core-internal.h"

static bool begins_with_path(const char *path, const char *parent)
{
	size_t length = strlen(parent);

	return !strncmp(path, parent, length) &&
	       (!path[length] || path[length] == '\\' || path[length] == '/');
}

/* Is this component of the metadata in the backup, by itself or with an ancestor? */
static bool is_selected(struct vss_writer_components *selected, const struct vss_component_info *info)
{
	uint32_t count = 0;

	if (VSS_FAILED(vss_writer_components_get_component_count(selected, &count)))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = NULL, *name = NULL, *full = NULL, *full_slash = NULL;
		const char *own = info->logical_path ? info->logical_path : "";
		struct vss_component *component;

		if (VSS_FAILED(vss_writer_components_get_component(selected, i, &component)) ||
		    VSS_FAILED(vss_component_get_component_name(component, &name)) || !name)
			continue;
		vss_component_get_logical_path(component, &path);
		if (!strcmp(own, path ? path : "") && !strcmp(info->component_name, name))
			return true;
		full = vssd_printf("%s%s%s", path ? path : "", path && path[0] ? "\\" : "", name);
		full_slash = vssd_printf("%s%s%s", path ? path : "", path && path[0] ? "/" : "", name);
		if (begins_with_path(own, full) || begins_with_path(own, full_slash))
			return true;
	}
	return false;
}

bool participant_wants_recovery(struct participant *p, struct vss_backup_document *doc, uint32_t context)
{
	struct vss_writer_components *selected = NULL;
	uint32_t files, excluded, count = 0;
	struct vss_writer_metadata *metadata;
	bool wanted = false;

	if (p->session->backup.select_components) {
		selected = vss_backup_document_find_writer(doc, &p->instance_id, NULL);
		if (!selected)
			return false;
	}
	if (VSS_FAILED(vss_create_vss_examine_writer_metadata(p->metadata, strlen(p->metadata), &metadata, NULL)))
		return false;
	vss_examine_writer_metadata_get_file_counts(metadata, &files, &excluded, &count);
	for (uint32_t i = 0; i < count && !wanted; i++) {
		struct vss_component_info info = { 0 };
		struct vss_wm_component *component;

		if (VSS_FAILED(vss_examine_writer_metadata_get_component(metadata, i, &component)) ||
		    VSS_FAILED(vss_wm_component_get_component_info(component, &info)))
			continue;
		if ((info.component_flags & VSS_CF_BACKUP_RECOVERY) ||
		    ((info.component_flags & VSS_CF_APP_ROLLBACK_RECOVERY) &&
		     (context & VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY)))
			wanted = !selected || is_selected(selected, &info);
		vss_component_info_clear(&info);
	}
	vss_writer_metadata_free(metadata);
	return wanted;
}
