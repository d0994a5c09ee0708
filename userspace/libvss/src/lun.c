// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What records of LUNs, and providers' records of shadow copies, own.
 */
#include <stdlib.h>
#include <string.h>

#include <vss/lun.h>
#include <vss/provider.h>

void vss_lun_info_clear(struct vss_lun_info *lun)
{
	free(lun->vendor);
	free(lun->product);
	free(lun->revision);
	free(lun->serial);
	free(lun->ids);
	free(lun->interconnect);
	memset(lun, 0, sizeof(*lun));
}

void vss_lun_mapping_clear(struct vss_lun_mapping *mapping)
{
	vss_lun_info_clear(&mapping->source);
	vss_lun_info_clear(&mapping->destination);
	free(mapping->extents);
	memset(mapping, 0, sizeof(*mapping));
}

void vss_provider_snapshot_clear(struct vss_provider_snapshot *snapshot)
{
	vss_free_snapshot_properties(&snapshot->prop);
	free(snapshot->provider_data);
	for (size_t i = 0; i < snapshot->nr_luns; i++)
		vss_lun_mapping_clear(&snapshot->luns[i]);
	free(snapshot->luns);
	memset(snapshot, 0, sizeof(*snapshot));
}
