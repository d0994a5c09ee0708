/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The provider ABI: what a provider of shadow copies offers to vssd.
 *
 * A provider is a struct of functions that run in a child process of vssd, the
 * provider host, which nothing else runs in.  They are called one at a time from
 * one thread, except abort_snapshots(), which may come from another thread while
 * end_prepare_snapshots(), pre_commit_snapshots(), hold_writes() or
 * commit_snapshots() has not returned, and must make that call return soon.
 *
 * The steps of a set, in this order (The Shadow Copy Creation Process for
 * Providers): begin_prepare_snapshot() for each volume; end_prepare_snapshots()
 * (may take long); writers are frozen; pre_commit_snapshots(); hold_writes();
 * commit_snapshots(); release_writes(); post_commit_snapshots(); writers are
 * thawed; pre_final_commit_snapshots(); writers may recover the shadow copies;
 * post_final_commit_snapshots().  From pre_commit_snapshots() to
 * release_writes() file systems may be frozen: no function may write to any file
 * or log then, nor wait for somebody who does.
 *
 * A function returns a VSS result code and says in @err what failed, on what,
 * and what to do; @err is never NULL, and empty before.  S_FALSE may come with a
 * reason too.  Any function may give E_OUTOFMEMORY and VSS_E_PROVIDER_VETO.  Codes other
 * than these and those named at struct vss_provider_ops become
 * VSS_E_UNEXPECTED_PROVIDER_ERROR.
 *
 * What a function gives back in pointers it has allocated with malloc(), and the host
 * frees it.  After a failure there is nothing to free.
 *
 * A software provider (VSS_PROV_SOFTWARE) makes and keeps its shadow copies by
 * itself.  A hardware provider (VSS_PROV_HARDWARE) speaks for an array: it is
 * asked about LUNs, copies LUNs, and makes copies visible to a machine or takes
 * them away.  What is the same for every array the provider host does for it:
 * which LUNs and extents a volume has, freezing, rescanning and waiting for
 * arrival, checking what arrived, finding the volume on it, keeping it read-only
 * and hidden, removing it from the machine, and remembering which shadow copies
 * there are.  So a hardware provider leaves out the functions of struct
 * vss_provider_ops marked (S), which are not called, and has those marked (H).
 *
 * Documentation/provider-guide.md goes through all of it, with the order of calls;
 * vss-provider-test(8) tests a plug-in against these rules.
 */
#ifndef VSS_PROVIDER_H
#define VSS_PROVIDER_H

#include <stddef.h>
#include <vss/lun.h>
#include <vss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VSS_PROVIDER_ABI_VERSION	1

/**
 * struct vss_provider_volume - A volume that a provider is asked about.
 * @path: device node
 * @luns, @nr_luns: what it lies on; none when that could not be found out
 */
struct vss_provider_volume {
	const char *path;
	const struct vss_lun_mapping *luns;
	size_t nr_luns;
};

/**
 * struct vss_provider_snapshot - What a provider tells of a shadow copy.
 * @prop: its properties; exposed_* and service_machine are vssd's own
 * @provider_data: what the provider needs to find it on another machine; NULL for
 *	nothing
 * @fs_uuid: of the file system that it must have, as libblkid spells it; NULL when
 *	nothing is known of one
 * @luns, @nr_luns: of a transportable one
 */
struct vss_provider_snapshot {
	struct vss_snapshot_prop prop;
	char *provider_data;
	char *fs_uuid;
	struct vss_lun_mapping *luns;
	size_t nr_luns;
};
void vss_provider_snapshot_clear(struct vss_provider_snapshot *snapshot);

/* What get_provider_capabilities() tells (VSS_PROVIDER_CAPABILITIES). */
#define VSS_PRV_CAPABILITY_COMPLIANT		0x0002U	/* supports all that is marked (H) as needed */
#define VSS_PRV_CAPABILITY_LUN_REPOINT		0x0004U	/* a LUN may be pointed to another content */
#define VSS_PRV_CAPABILITY_LUN_RESYNC		0x0008U	/* resync_luns() */
#define VSS_PRV_CAPABILITY_OFFLINE_CREATION	0x0010U	/* copies need no visible original */
#define VSS_PRV_CAPABILITY_MULTIPLE_IMPORT	0x0020U	/* a copy may be visible to several machines */
#define VSS_PRV_CAPABILITY_RECYCLING		0x0040U	/* on_reuse_luns() */
#define VSS_PRV_CAPABILITY_PLEX			0x0080U	/* split mirrors */
#define VSS_PRV_CAPABILITY_DIFFERENTIAL		0x0100U	/* copies that share room with the original */
#define VSS_PRV_CAPABILITY_CLUSTERED		0x0200U	/* identifiers that a cluster manager accepts */

/* What on_lun_state_change() is told to do (VSS_ONLUNSTATECHANGE_*). */
#define VSS_ONLUNSTATECHANGE_NOTIFY_READ_WRITE		0x0001U	/* the copies are to become writable */
#define VSS_ONLUNSTATECHANGE_NOTIFY_LUN_PRE_RECOVERY	0x0002U	/* before resync_luns() */
#define VSS_ONLUNSTATECHANGE_NOTIFY_LUN_POST_RECOVERY	0x0004U	/* after resync_luns() */
#define VSS_ONLUNSTATECHANGE_DO_MASK_LUNS		0x0008U	/* take the copies from this machine */

/**
 * struct vss_provider_ops - A provider.
 * @abi_version: VSS_PROVIDER_ABI_VERSION
 * @size: sizeof(struct vss_provider_ops) at the time of building
 * @id, @version_id: its identifiers
 * @name, @version: for people
 * @type: VSS_PROV_SYSTEM is reserved
 * @load: called first; @state is passed to all others
 * @unload: S_FALSE refuses, unless @force
 * @is_volume_supported: (S) S_OK or S_FALSE: can shadow copies with this context be made of
 *	the volume?  A yes to a transportable context is a promise to transport
 * @is_volume_snapshotted: (S) are there shadow copies of it?
 * @begin_prepare_snapshot: take a volume into a set, which the first call starts
 *	(and, out of sequence, abandons an older one).  For a hardware provider
 *	@volume->luns are the LUNs to copy; a LUN that several volumes of the set lie on
 *	comes several times, and is copied once.  VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER,
 *	VSS_E_UNSUPPORTED_CONTEXT, VSS_E_BAD_STATE (another context than the set was begun
 *	with; vssd never does that), VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
 *	VSS_E_INSUFFICIENT_STORAGE, VSS_E_NESTED_VOLUME_LIMIT, VSS_E_PROVIDER_VETO
 * @begin_hold: take a volume that another provider copies into the set, for hold_writes()
 *	and release_writes() only; before end_prepare_snapshots().  NULL for a provider that
 *	has no hold_writes()
 * @end_prepare_snapshots: finish all that takes long.  VSS_E_INSUFFICIENT_STORAGE,
 *	VSS_E_PROVIDER_VETO, as all below
 * @pre_commit_snapshots: last preparations, with applications frozen
 * @hold_writes: flush and freeze file systems, then let no write through to any volume
 *	of the set.  VSS_E_FLUSH_WRITES_TIMEOUT, VSS_E_HOLD_WRITES_TIMEOUT.  NULL for a
 *	provider that leaves this to the system provider
 * @commit_snapshots: take the instant; within a second.  Nothing may be written to an
 *	original here: that would wait for the release, and the set fail with
 *	VSS_E_HOLD_WRITES_TIMEOUT
 * @release_writes: undo @hold_writes
 * @post_commit_snapshots: applications are still frozen
 * @pre_final_commit_snapshots: bring up the images, writable with
 *	VSS_VOLSNAP_ATTR_AUTORECOVER; leaves a transportable set hidden
 * @post_final_commit_snapshots: images are read-only from now
 * @abort_snapshots: undo a set at any step until it is finished, and one that an earlier life
 *	of the process has begun: whatever the array has of the set then goes.
 *	VSS_E_OBJECT_NOT_FOUND or S_OK: there is nothing of it
 * @get_snapshots: (S) all that exist, an array for the caller to clear and free()
 * @delete_snapshot: (S) VSS_E_OBJECT_NOT_FOUND, VSS_E_PROVIDER_VETO (in use, without @force)
 * @set_writable: (S) make the image writable or read-only; NULL when it cannot
 * @revert_to_snapshot: (S) start to set the volume back; NULL or E_NOTIMPL when it cannot.
 *	Newer shadow copies of the volume are lost with it: get_snapshots() has them no more, at
 *	the latest when the first byte is written.
 *	VSS_E_VOLUME_NOT_SUPPORTED, VSS_E_VOLUME_IN_USE, VSS_E_REVERT_IN_PROGRESS
 * @query_revert_status: (S) S_OK when no revert runs on the volume, VSS_S_ASYNC_PENDING with
 *	@percent while one does, or why it failed
 * @import_snapshot: (S) make a transported shadow copy visible here: what was recorded of
 *	it, changed to what it is here.  NULL when it cannot
 * @break_snapshot_set: (S) turn the shadow copies into ordinary volumes and forget them;
 *	NULL or VSS_E_PROVIDER_VETO when it cannot
 * @get_provider_capabilities: (H) VSS_PRV_CAPABILITY_*
 * @are_luns_supported: (H) S_OK or S_FALSE: can shadow copies with this context be made of
 *	all of these LUNs?  Never S_OK for what cannot in fact be done, S_OK also when only
 *	room is short at the moment; with a transportable context also a promise that the
 *	copies can be located elsewhere.  As IVssHardwareSnapshotProvider::AreLunsSupported
 * @fill_in_lun_info: (H) S_OK: the LUN is this array's, and @lun (as the machine knows it,
 *	@device) is completed with what the provider needs to find it, in @lun->interconnect
 *	above all, without a change to its identity; S_FALSE: it is not this array's.  Not an
 *	error for any device.  Also asked of copies that arrive, to compare them with what was
 *	recorded
 * @get_target_luns: (H) after post_commit_snapshots(): for each of @luns (the originals,
 *	each once) fill in @destination and @has_destination, so that the copy can be found by
 *	any machine on the storage, without reading it: identifiers, vendor, product, serial
 *	as the copy's disk will show them.  Identifiers must be the copy's own: no original
 *	and no other copy has one of them
 * @locate_luns: (H) make the copies (@luns[].destination) visible to this machine; do not
 *	rescan, do not wait for the devices.  S_OK also when they are visible already.
 *	VSS_E_OBJECT_NOT_FOUND: there is none of them
 * @on_lun_empty: (H) the copy @lun holds no shadow copy any more and has been removed from
 *	this machine (@device: the name it had, or NULL): take it from this machine and delete
 *	it.  S_OK also when it is gone already.  Also called for copies that were never made
 *	visible, in the clean-up after a failed import, and after abort_snapshots().
 *	VSS_E_PROVIDER_VETO for a LUN that is no copy of this provider's making: the record may
 *	come from a document that somebody has edited
 * @on_lun_state_change: (H) the copies in @luns change as @flags (VSS_ONLUNSTATECHANGE_*)
 *	say; @mask_originals with DO_MASK_LUNS: take the originals (@luns[].source) from this
 *	machine instead, as in the second step of a fast recovery
 * @resync_luns: (H) give the originals (@luns[].source) the content of their copies
 *	(@luns[].destination), each LUN as a whole, for RecoverSet; NULL without
 *	VSS_PRV_CAPABILITY_LUN_RESYNC.  Originals are visible, read-only and in nobody's use on
 *	this machine, copies perhaps nowhere.  It may return when reads of the originals give the
 *	copies' content, and go on in the background.  @flags (VSS_RECOVERY_*) were looked at
 *	before.  on_lun_state_change() comes before and after it, with _PRE_RECOVERY and
 *	_POST_RECOVERY, the latter also after a failure.  VSS_E_OBJECT_NOT_FOUND: the array has
 *	not got one of them any more; nothing was changed then
 * @on_reuse_luns: (H) NULL without VSS_PRV_CAPABILITY_RECYCLING; not called
 *
 * Functions that may be NULL are marked so; all others that are marked with the type of
 * the provider, or not at all, must be there.  Time limits: commit_snapshots() a second;
 * pre_commit_snapshots() and post_commit_snapshots() some seconds, applications wait;
 * the others as long as vssd.conf(5) says (Provider=).
 */
struct vss_provider_ops {
	uint32_t abi_version;
	size_t size;
	struct vss_uuid id;
	struct vss_uuid version_id;
	const char *name;
	const char *version;
	enum vss_provider_type type;

	vss_result (*load)(void **state, struct vss_error *err);
	vss_result (*unload)(void *state, bool force);

	vss_result (*is_volume_supported)(void *state, uint32_t context,
					  const struct vss_provider_volume *volume, struct vss_error *err);
	vss_result (*is_volume_snapshotted)(void *state, const struct vss_provider_volume *volume,
					    bool *present, uint32_t *compatibility, struct vss_error *err);

	vss_result (*begin_prepare_snapshot)(void *state, const struct vss_uuid *set,
					     const struct vss_uuid *snapshot, uint32_t context,
					     const struct vss_provider_volume *volume, struct vss_error *err);
	vss_result (*begin_hold)(void *state, const struct vss_uuid *set,
				 const struct vss_provider_volume *volume, struct vss_error *err);
	vss_result (*end_prepare_snapshots)(void *state, const struct vss_uuid *set, struct vss_error *err);
	vss_result (*pre_commit_snapshots)(void *state, const struct vss_uuid *set, struct vss_error *err);
	vss_result (*hold_writes)(void *state, const struct vss_uuid *set, uint32_t timeout_ms,
				  struct vss_error *err);
	vss_result (*commit_snapshots)(void *state, const struct vss_uuid *set, struct vss_error *err);
	vss_result (*release_writes)(void *state, const struct vss_uuid *set, struct vss_error *err);
	vss_result (*post_commit_snapshots)(void *state, const struct vss_uuid *set, struct vss_error *err);
	vss_result (*pre_final_commit_snapshots)(void *state, const struct vss_uuid *set,
						 uint32_t attributes, struct vss_error *err);
	vss_result (*post_final_commit_snapshots)(void *state, const struct vss_uuid *set, struct vss_error *err);
	vss_result (*abort_snapshots)(void *state, const struct vss_uuid *set, struct vss_error *err);

	vss_result (*get_snapshots)(void *state, struct vss_provider_snapshot **snapshots,
				    size_t *count, struct vss_error *err);
	vss_result (*delete_snapshot)(void *state, const struct vss_uuid *snapshot, bool force,
				      struct vss_error *err);
	vss_result (*set_writable)(void *state, const struct vss_uuid *snapshot, bool writable,
				   struct vss_error *err);
	vss_result (*revert_to_snapshot)(void *state, const struct vss_uuid *snapshot, bool force,
					 struct vss_error *err);
	vss_result (*query_revert_status)(void *state, const char *volume, uint32_t *percent,
					  struct vss_error *err);
	vss_result (*import_snapshot)(void *state, struct vss_provider_snapshot *snapshot,
				      struct vss_error *err);
	vss_result (*break_snapshot_set)(void *state, const struct vss_uuid *set, uint32_t flags,
					 struct vss_error *err);

	vss_result (*get_provider_capabilities)(void *state, uint64_t *capabilities, struct vss_error *err);
	vss_result (*are_luns_supported)(void *state, uint32_t context, const struct vss_lun_info *luns,
					 size_t nr_luns, struct vss_error *err);
	vss_result (*fill_in_lun_info)(void *state, const char *device, struct vss_lun_info *lun,
				       struct vss_error *err);
	vss_result (*get_target_luns)(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns,
				      size_t nr_luns, struct vss_error *err);
	vss_result (*locate_luns)(void *state, const struct vss_lun_mapping *luns, size_t nr_luns,
				  struct vss_error *err);
	vss_result (*on_lun_empty)(void *state, const char *device, const struct vss_lun_info *lun,
				   struct vss_error *err);
	vss_result (*on_lun_state_change)(void *state, const struct vss_lun_mapping *luns, size_t nr_luns,
					  uint32_t flags, bool mask_originals, struct vss_error *err);
	vss_result (*resync_luns)(void *state, const struct vss_lun_mapping *luns, size_t nr_luns,
				  uint32_t flags, struct vss_error *err);
	vss_result (*on_reuse_luns)(void *state, const struct vss_lun_mapping *luns, size_t nr_luns,
				    struct vss_error *err);
};

/* What a plug-in exports: its struct, which lives as long as the plug-in. */
const struct vss_provider_ops *vss_provider_get(void);

#ifdef __cplusplus
}
#endif

#endif /* VSS_PROVIDER_H */
