// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the records of vss/metadata.h own.
 */
#include <stdlib.h>
#include <string.h>

#include <vss/metadata.h>

void vss_writer_identity_clear(struct vss_writer_identity *identity)
{
	free(identity->writer_name);
	free(identity->instance_name);
	memset(identity, 0, sizeof(*identity));
}

void vss_wm_filedesc_clear(struct vss_wm_filedesc *filedesc)
{
	free(filedesc->path);
	free(filedesc->filespec);
	free(filedesc->alternate_location);
	memset(filedesc, 0, sizeof(*filedesc));
}

void vss_restore_method_clear(struct vss_restore_method *method)
{
	free(method->service);
	free(method->user_procedure);
	memset(method, 0, sizeof(*method));
}

void vss_component_info_clear(struct vss_component_info *info)
{
	free(info->logical_path);
	free(info->component_name);
	free(info->caption);
	memset(info, 0, sizeof(*info));
}

void vss_wm_dependency_clear(struct vss_wm_dependency *dependency)
{
	free(dependency->logical_path);
	free(dependency->component_name);
	memset(dependency, 0, sizeof(*dependency));
}
