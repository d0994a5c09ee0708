// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system provider: its functions as a provider, and its life.
 */
#include <stdlib.h>

#include "internal.h"

const struct vss_uuid system_id = { {
	0x8d, 0xc5, 0xf5, 0xd6, 0x3d, 0x0c, 0x4b, 0x0e, 0x9b, 0x1e, 0x6c, 0x1c, 0x1b, 0x0c, 0x7a, 0x51,
} };

/* There is one provider in a process, and load() has no other way to be told. */
static const char *state_dir;

/* The module is loaded when there is work for it; if it is there, an earlier life may have left work. */
static vss_result load(void **state, struct vss_error *err)
{
	struct system *s = calloc(1, sizeof(*s));
	struct vss_kernel *kernel;
	bool known;

	if (!s)
		return E_OUTOFMEMORY;
	s->state_dir = state_dir;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_mutex_init(&s->abort_mutex, NULL);
	/* Half a revert is told also when nothing can be known of shadow copies. */
	known = system_kernel_open(false, &kernel, err) == S_OK;
	if (kernel)
		system_attached_release(kernel, NULL);
	system_reverts_resume(s, kernel, known);
	vss_kernel_close(kernel);
	*state = s;
	return S_OK;
}

static vss_result unload(void *state, bool force)
{
	struct system *s = state;

	if (s->set && !force)
		return S_FALSE;
	system_set_undo(s);
	system_reverts_stop(s);
	pthread_mutex_destroy(&s->mutex);
	pthread_mutex_destroy(&s->abort_mutex);
	free(s);
	return S_OK;
}

const struct vss_provider_ops *vss_system_provider_get(const char *dir)
{
	static const struct vss_provider_ops ops = {
		.abi_version = VSS_PROVIDER_ABI_VERSION,
		.size = sizeof(ops),
		.id = { {
			0x8d, 0xc5, 0xf5, 0xd6, 0x3d, 0x0c, 0x4b, 0x0e,
			0x9b, 0x1e, 0x6c, 0x1c, 0x1b, 0x0c, 0x7a, 0x51,
		} },
		.version_id = { {
			0x5a, 0x1c, 0x0b, 0x52, 0x0e, 0x7f, 0x4d, 0x39,
			0x86, 0x0c, 0x44, 0x98, 0xd2, 0x31, 0x6f, 0x01,
		} },
		.name = "linux-vss system provider",
		.version = VSS_VERSION,
		.type = VSS_PROV_SYSTEM,
		.load = load,
		.unload = unload,
		.is_volume_supported = system_is_volume_supported,
		.is_volume_snapshotted = system_is_volume_snapshotted,
		.begin_prepare_snapshot = system_begin_prepare,
		.begin_hold = system_begin_hold,
		.end_prepare_snapshots = system_end_prepare,
		.pre_commit_snapshots = system_pre_commit,
		.hold_writes = system_hold,
		.commit_snapshots = system_commit,
		.release_writes = system_release,
		.post_commit_snapshots = system_post_commit,
		.pre_final_commit_snapshots = system_pre_final_commit,
		.post_final_commit_snapshots = system_post_final_commit,
		.abort_snapshots = system_abort,
		.get_snapshots = system_get_snapshots,
		.delete_snapshot = system_delete,
		.set_writable = system_set_writable,
		.revert_to_snapshot = system_revert,
		.query_revert_status = system_query_revert,
		.import_snapshot = system_import,
		.break_snapshot_set = system_break,
	};

	state_dir = dir;
	return &ops;
}
