// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The provider lio-iscsi: shadow copies on a storage array that consists of LVM's thin
 * volumes and the kernel's iSCSI target.
 *
 * The work is done by vss-array-lio on the array.  What the array has of a set that is
 * not finished it undoes by itself when our connection ends; so a crash here leaves
 * nothing there.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "identity.h"
#include "lio-iscsi.h"

vss_result lio_fail(struct vss_error *err, vss_result result, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vss_error_set(err, vss_result_to_errno(result), result, "%s", text);
	return result;
}

const char *lio_volume_of(const struct vss_lun_info *lun, struct vss_error *err)
{
	const char *volume = lio_interconnect_volume(lun->interconnect);
	char name[VSS_LUN_NAME_SIZE];

	if (!volume)
		lio_fail(err, VSS_E_PROVIDER_VETO, "the record of LUN %s does not tell which logical volume of the array "
			 "it is; it is not from this provider, or was edited", vss_lun_name(lun, name, sizeof(name)));
	return volume;
}

/* The array is not asked yet: it may be down, and nobody may need it. */
static vss_result load(void **state, struct vss_error *err)
{
	struct lio *lio = calloc(1, sizeof(*lio));
	const char *path;

	if (!lio)
		return lio_fail(err, E_OUTOFMEMORY, "out of memory");
	if (lio_config_read(&lio->config, &path, err)) {
		lio_config_clear(&lio->config);
		free(lio);
		return VSS_E_PROVIDER_VETO;
	}
	lio->conn = connection_new(&lio->config, path);
	if (!lio->conn) {
		lio_config_clear(&lio->config);
		free(lio);
		return lio_fail(err, E_OUTOFMEMORY, "out of memory");
	}
	pthread_mutex_init(&lio->mutex, NULL);
	*state = lio;
	return S_OK;
}

static vss_result unload(void *state, bool force)
{
	struct lio *lio = state;

	if (lio->has_set && !force)
		return S_FALSE;
	lio_set_forget(lio);
	connection_free(lio->conn);
	lio_config_clear(&lio->config);
	pthread_mutex_destroy(&lio->mutex);
	free(lio);
	return S_OK;
}

static vss_result capabilities(void *state, uint64_t *capabilities, struct vss_error *err)
{
	(void)state;
	(void)err;
	*capabilities = VSS_PRV_CAPABILITY_COMPLIANT | VSS_PRV_CAPABILITY_DIFFERENTIAL |
			VSS_PRV_CAPABILITY_CLUSTERED;
	return S_OK;
}

const struct vss_provider_ops *vss_provider_get(void)
{
	static const struct vss_provider_ops ops = {
		.abi_version = VSS_PROVIDER_ABI_VERSION,
		.size = sizeof(ops),
		.id = { {
			0xa9, 0x1b, 0x4d, 0xa4, 0xd3, 0xcf, 0x43, 0x99,
			0xba, 0x02, 0x6e, 0xb8, 0x75, 0x6c, 0xd1, 0x92,
		} },
		.version_id = { {
			0xa2, 0x3a, 0xd2, 0xc9, 0x68, 0x07, 0x4b, 0xc1,
			0x93, 0x7f, 0xb6, 0x59, 0x84, 0x2a, 0xe0, 0xa1,
		} },
		.name = "lio-iscsi",
		.version = VSS_VERSION,
		.type = VSS_PROV_HARDWARE,
		.load = load,
		.unload = unload,
		.begin_prepare_snapshot = lio_begin_prepare,
		.end_prepare_snapshots = lio_end_prepare,
		.pre_commit_snapshots = lio_pre_commit,
		.commit_snapshots = lio_commit,
		.post_commit_snapshots = lio_post_commit,
		.pre_final_commit_snapshots = lio_pre_final,
		.post_final_commit_snapshots = lio_post_final,
		.abort_snapshots = lio_abort,
		.get_provider_capabilities = capabilities,
		.are_luns_supported = lio_luns_supported,
		.fill_in_lun_info = lio_fill_in,
		.get_target_luns = lio_target_luns,
		.locate_luns = lio_locate,
		.on_lun_empty = lio_lun_empty,
		.on_lun_state_change = lio_state_change,
	};

	return &ops;
}
