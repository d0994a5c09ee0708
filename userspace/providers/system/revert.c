// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Setting a volume back to a shadow copy of the system provider.
 *
 * The volume is unmounted, claimed until it is done, so that nobody mounts it meanwhile,
 * and written by a thread.  Newer shadow copies are deleted first, as in VSS; besides,
 * they would make each write a copy.  The older ones and that one stay.
 *
 * A revert that ends with its process (vssd was killed, the machine restarted) is begun
 * again by the next one from its record, as soon as the volume can be claimed.  Where the
 * shadow copy has not outlived the machine, its failure is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "internal.h"
#include "revert.h"
#include "stack.h"

/* udev looks at a device for a moment after it was unmounted. */
#define CLAIM_TRIES	30
#define CLAIM_POLL_MS	100
/* After a restart somebody may have mounted it. */
#define RESUME_POLL_MS	1000
#define NODE_TIMEOUT_MS	10000

struct system_revert {
	struct system_revert *next;
	struct system *s;
	struct vss_uuid snapshot;
	struct vss_devno dev;
	char volume[VSS_BLOCKDEV_NODE_SIZE];
	uint64_t size;
	int image, origin;		/* @origin: -1 until it is claimed */
	pthread_t thread;
	bool running;			/* there is a thread to join */
	atomic_uint percent;
	atomic_bool stop;
	atomic_bool ended;		/* what follows is final */
	vss_result result;
	struct vss_error err;
};

static void pause_ms(long ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

static bool same(struct vss_devno a, struct vss_devno b)
{
	return a.major == b.major && a.minor == b.minor;
}

/* ---- life ---- */

static struct system_revert *revert_new(struct system *s, const struct vss_uuid *snapshot)
{
	struct system_revert *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->s = s;
	r->snapshot = *snapshot;
	r->image = r->origin = -1;
	return r;
}

static void revert_free(struct system_revert *r)
{
	if (r->running) {
		atomic_store(&r->stop, true);
		pthread_join(r->thread, NULL);
	}
	if (r->image >= 0)
		close(r->image);
	if (r->origin >= 0)
		close(r->origin);
	free(r);
}

static struct system_revert *find(struct system *s, struct vss_devno dev)
{
	for (struct system_revert *r = s->reverts; r; r = r->next)
		if (same(r->dev, dev))
			return r;
	return NULL;
}

static void add(struct system *s, struct system_revert *r)
{
	r->next = s->reverts;
	s->reverts = r;
}

static void forget(struct system *s, struct system_revert *r)
{
	struct system_revert **at = &s->reverts;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	revert_free(r);
}

/* From here on the answer is fixed. */
static void end(struct system_revert *r, vss_result result)
{
	/* Its image keeps the shadow copy from being deleted, the claim the volume from being mounted. */
	close(r->image);
	r->image = -1;
	if (r->origin >= 0)
		close(r->origin);
	r->origin = -1;
	r->result = result;
	atomic_store(&r->ended, true);
}

static void end_failed(struct system_revert *r)
{
	char why[sizeof(r->err.text)];

	snprintf(why, sizeof(why), "%s", r->err.text);
	vss_error_set(&r->err, -EIO, VSS_E_REVERT_VOLUME_LOST,
		      "the revert was broken off at %u percent, and %s holds a mixture of its content and the "
		      "shadow copy's; revert it again, or restore it from a backup: %.300s",
		      atomic_load(&r->percent), r->volume, why);
	revert_record_write(r->s->state_dir, &r->snapshot, r->volume, r->err.text);
	end(r, VSS_E_REVERT_VOLUME_LOST);
}

/* ---- the volume and its image ---- */

static int open_claimed(const char *path)
{
	int fd = open(path, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static vss_result claim(struct system_revert *r, struct vss_error *err)
{
	for (int i = 0; i < CLAIM_TRIES; i++) {
		r->origin = open_claimed(r->volume);
		if (r->origin != -EBUSY)
			break;
		pause_ms(CLAIM_POLL_MS);
	}
	if (r->origin >= 0)
		return S_OK;
	if (r->origin == -EBUSY) {
		vss_error_set(err, -EBUSY, VSS_E_VOLUME_IN_USE,
			      "%s is in use: mounted, as swap, or by a device above it", r->volume);
		return VSS_E_VOLUME_IN_USE;
	}
	vss_error_set(err, r->origin, VSS_E_PROVIDER_VETO, "cannot open %s: %s", r->volume, strerror(-r->origin));
	return VSS_E_PROVIDER_VETO;
}

static vss_result open_image(struct system_revert *r, const struct vss_kernel_snapshot *snapshot,
			     struct vss_error *err)
{
	_cleanup_free_ char *path = NULL;
	int ret = vss_snapshot_node(snapshot, NODE_TIMEOUT_MS, &path);

	if (!ret) {
		r->image = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		ret = r->image < 0 ? -errno : 0;
	}
	if (!ret)
		return S_OK;
	vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot open the image of the shadow copy: %s", strerror(-ret));
	return VSS_E_PROVIDER_VETO;
}

/* Every mount of the file system on it, the last one first. */
static vss_result unmount(const struct system_revert *r, struct vss_error *err)
{
	vss_result result = S_OK;
	struct vss_stack stack;
	size_t dev, fs;

	if (vss_stack_load(&vss_stack_system, &stack)) {
		vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO, "cannot read what is mounted on this machine");
		return VSS_E_PROVIDER_VETO;
	}
	dev = vss_stack_find(&stack, r->dev);
	fs = dev == VSS_STACK_NONE ? VSS_STACK_NONE : vss_stack_fs_on(&stack, dev);
	for (size_t i = fs == VSS_STACK_NONE ? 0 : stack.fss[fs].mount_count; i > 0 && result == S_OK; i--) {
		const char *target = stack.fss[fs].mounts[i - 1].target;

		if (!umount2(target, UMOUNT_NOFOLLOW))
			continue;
		result = VSS_E_VOLUME_IN_USE;
		vss_error_set(err, -errno, result, "cannot unmount %s: %s; end what uses it (see 'fuser -m %s')",
			      target, strerror(errno), target);
	}
	vss_stack_clear(&stack);
	return result;
}

/* ---- whether it can be done ---- */

static vss_result check_area(struct vss_kernel *kernel, const struct system_revert *r, struct vss_error *err)
{
	struct vss_kernel_area *areas;
	bool on_origin = false;
	size_t count;

	if (vss_kernel_area_list(kernel, &r->dev, &areas, &count))
		return system_kernel_fail(kernel, system_allowed_object, err);
	for (size_t i = 0; i < count; i++)
		on_origin |= areas[i].on_origin;
	vss_kernel_area_list_free(areas, count);
	if (!on_origin)
		return S_OK;
	/* The old content is there, in the way of itself; and the file keeps it mounted. */
	vss_error_set(err, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
		      "the diff area of %s lies on it, so it cannot be set back; restore files from the shadow copy, "
		      "and give the volume a diff area elsewhere with 'vssctl diff-area add --on' before the next",
		      r->volume);
	return VSS_E_VOLUME_NOT_SUPPORTED;
}

/*
 * What was written to the image itself has no copy of the volume's content yet: these
 * writes take room, and without room the shadow copy would be lost half way.
 */
static vss_result check_room(struct vss_kernel *kernel, const struct system_revert *r,
			     const struct vss_kernel_snapshot *snapshot, struct vss_error *err)
{
	struct vss_kernel_volume volume;

	if (!snapshot->overlay)
		return S_OK;
	if (vss_kernel_volume_get(kernel, r->dev, &volume))
		return system_kernel_fail(kernel, system_allowed_object, err);
	/* Twice: some is left as a reserve, at which the oldest shadow copy goes. */
	if (volume.area_size - volume.area_used >= 2 * snapshot->overlay + volume.area_size / 16)
		return S_OK;
	vss_error_set(err, -ENOSPC, VSS_E_PROVIDER_VETO,
		      "the diff area of %s has too little room for a revert to a shadow copy that was written to; "
		      "give it %llu bytes more with 'vssctl diff-area grow'", r->volume,
		      (unsigned long long)(2 * snapshot->overlay + volume.area_size / 16));
	return VSS_E_PROVIDER_VETO;
}

static vss_result check(struct system *s, struct vss_kernel *kernel, const struct system_revert *r,
			const struct vss_kernel_snapshot *snapshot, struct vss_error *err)
{
	vss_result result = S_OK;

	if (snapshot->state != VSS_SNAPSHOT_ALIVE) {
		vss_error_set(err, -EIO, VSS_E_OBJECT_NOT_FOUND, "the shadow copy is lost, and cannot be read");
		return VSS_E_OBJECT_NOT_FOUND;
	}
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; s->set && i < s->set->count; i++)
		if (same(s->set->members[i].volume.dev, r->dev)) {
			vss_error_set(err, -EBUSY, VSS_E_VOLUME_IN_USE, "a shadow copy of %s is being made", r->volume);
			result = VSS_E_VOLUME_IN_USE;
		}
	pthread_mutex_unlock(&s->mutex);
	if (result == S_OK)
		result = check_area(kernel, r, err);
	return result == S_OK ? check_room(kernel, r, snapshot, err) : result;
}

/* ---- newer ones ---- */

static vss_result delete_newer(struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot,
			       struct vss_error *err)
{
	_cleanup_free_ struct vss_kernel_snapshot *found = NULL;
	size_t count;

	if (vss_kernel_snapshot_list(kernel, NULL, &snapshot->volume, &found, &count))
		return system_kernel_fail(kernel, system_allowed_object, err);
	/* The newest first: each hands what it has down to the next. */
	for (size_t i = count; i > 0; i--)
		if (found[i - 1].epoch > snapshot->epoch &&
		    vss_kernel_snapshot_delete(kernel, &found[i - 1].uuid, true) &&
		    vss_kernel_result(kernel) != VSS_E_OBJECT_NOT_FOUND)
			return system_kernel_fail(kernel, system_allowed_object, err);
	return S_OK;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct system_revert *r = arg;
	int ret;

	while (r->origin < 0 && !atomic_load(&r->stop)) {
		r->origin = open_claimed(r->volume);
		if (r->origin < 0)
			pause_ms(RESUME_POLL_MS);
	}
	ret = revert_copy(r->image, r->origin, r->size, &r->percent, &r->stop, &r->err);
	/* The record stays: the next life goes on with it. */
	if (ret == -ECANCELED)
		return NULL;
	if (ret) {
		end_failed(r);
		return NULL;
	}
	revert_record_remove(r->s->state_dir, &r->snapshot);
	end(r, S_OK);
	return NULL;
}

static bool start(struct system_revert *r)
{
	r->running = !pthread_create(&r->thread, NULL, run, r);
	return r->running;
}

/* ---- a provider's functions ---- */

static vss_result begin(struct system *s, struct vss_kernel *kernel, struct system_revert *r, bool force,
			struct vss_error *err)
{
	struct vss_kernel_snapshot snapshot;
	struct system_revert *before;
	vss_result result;
	int ret;

	if (vss_kernel_snapshot_get(kernel, &r->snapshot, &snapshot))
		return system_kernel_fail(kernel, system_allowed_object, err);
	r->dev = snapshot.volume;
	r->size = snapshot.size;
	vss_blockdev_node(snapshot.volume_name, r->volume, sizeof(r->volume));
	before = find(s, r->dev);
	if (before && !atomic_load(&before->ended)) {
		vss_error_set(err, -EBUSY, VSS_E_REVERT_IN_PROGRESS, "%s is being set back already", r->volume);
		return VSS_E_REVERT_IN_PROGRESS;
	}
	result = check(s, kernel, r, &snapshot, err);
	if (result == S_OK)
		result = open_image(r, &snapshot, err);
	if (result == S_OK && force)
		result = unmount(r, err);
	if (result == S_OK)
		result = claim(r, err);
	if (result != S_OK)
		return result;
	/* A new one that begins makes good what an older one has left. */
	if (before) {
		revert_record_remove(s->state_dir, &before->snapshot);
		forget(s, before);
	}
	ret = revert_record_write(s->state_dir, &r->snapshot, r->volume, NULL);
	if (ret) {
		vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot record in %s/reverts that %s is being set back: %s",
			      s->state_dir, r->volume, strerror(-ret));
		return VSS_E_PROVIDER_VETO;
	}
	result = delete_newer(kernel, &snapshot, err);
	if (result == S_OK && !start(r)) {
		vss_error_errno(err, -ENOMEM, "cannot start a thread");
		result = E_OUTOFMEMORY;
	}
	if (result != S_OK)
		revert_record_remove(s->state_dir, &r->snapshot);
	return result;
}

vss_result system_revert(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err)
{
	struct system_revert *r = revert_new(state, snapshot);
	struct vss_kernel *kernel;
	vss_result result;

	if (!r)
		return E_OUTOFMEMORY;
	result = system_kernel_open(false, &kernel, err);
	if (result == S_OK && !kernel)
		result = system_no_such(snapshot, err);
	if (result == S_OK)
		result = begin(state, kernel, r, force, err);
	vss_kernel_close(kernel);
	if (result == S_OK)
		add(state, r);
	else
		revert_free(r);
	return result;
}

static bool device_number(const char *path, struct vss_devno *dev)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return false;
	*dev = (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) };
	return true;
}

vss_result system_query_revert(void *state, const char *volume, uint32_t *percent, struct vss_error *err)
{
	struct system *s = state;
	struct system_revert *r = NULL;
	struct vss_devno dev;
	vss_result result;

	*percent = 0;
	if (device_number(volume, &dev))
		r = find(s, dev);
	if (!r)
		return S_OK;
	if (!atomic_load(&r->ended)) {
		*percent = atomic_load(&r->percent);
		return VSS_S_ASYNC_PENDING;
	}
	/* Told once. */
	result = r->result;
	if (result != S_OK) {
		*err = r->err;
		revert_record_remove(s->state_dir, &r->snapshot);
	}
	forget(s, r);
	return result;
}

bool system_reverting(struct system *s, struct vss_devno dev, struct vss_error *err)
{
	const struct system_revert *r = find(s, dev);

	if (!r || atomic_load(&r->ended))
		return false;
	vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO, "%s is being set back to a shadow copy (%u percent); "
		      "wait for it with 'vssctl revert --status'", r->volume, atomic_load(&r->percent));
	return true;
}

bool system_reverting_to(struct system *s, const struct vss_uuid *snapshot, struct vss_error *err)
{
	for (struct system_revert *r = s->reverts; r; r = r->next)
		if (vss_uuid_equal(&r->snapshot, snapshot))
			return system_reverting(s, r->dev, err);
	return false;
}

/* ---- after a restart ---- */

struct resume {
	struct system *s;
	struct vss_kernel *kernel;
};

static void resume_one(void *data, const struct vss_uuid *snapshot, const char *volume, const char *why)
{
	const struct resume *resume = data;
	struct system_revert *r = revert_new(resume->s, snapshot);
	struct vss_kernel_snapshot found;

	if (!r)
		return;
	snprintf(r->volume, sizeof(r->volume), "%s", volume);
	if (why) {
		/* It is not a device of now that the failure is about if the name stands for none. */
		vss_error_set(&r->err, -EIO, VSS_E_REVERT_VOLUME_LOST, "%s", why);
		r->result = VSS_E_REVERT_VOLUME_LOST;
		atomic_store(&r->ended, true);
	} else if (!resume->kernel || vss_kernel_snapshot_get(resume->kernel, snapshot, &found) ||
		   found.state != VSS_SNAPSHOT_ALIVE) {
		vss_error_set(&r->err, -EIO, VSS_E_REVERT_VOLUME_LOST, "the shadow copy was lost with a restart");
		end_failed(r);
	} else {
		r->dev = found.volume;
		r->size = found.size;
		vss_blockdev_node(found.volume_name, r->volume, sizeof(r->volume));
		if (delete_newer(resume->kernel, &found, &r->err) != S_OK ||
		    open_image(r, &found, &r->err) != S_OK || !start(r))
			end_failed(r);
	}
	if (atomic_load(&r->ended))
		device_number(r->volume, &r->dev);
	add(resume->s, r);
}

void system_reverts_resume(struct system *s, struct vss_kernel *kernel)
{
	struct resume resume = { s, kernel };

	revert_records_read(s->state_dir, resume_one, &resume);
}

void system_reverts_stop(struct system *s)
{
	while (s->reverts)
		forget(s, s->reverts);
}
