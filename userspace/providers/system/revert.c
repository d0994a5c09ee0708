// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Setting a volume back to a shadow copy of the system provider.
 *
 * The volume is unmounted, claimed until it is done, so that nobody mounts it meanwhile,
 * and written by a thread.  Newer shadow copies are deleted before the first write, as in
 * VSS; besides, they would make each write a copy.  The older ones and that one stay.
 *
 * Here are the provider's functions, and the list of reverts: those that run, those of an
 * earlier life that wait, for the diff area of their shadow copy for example, and those whose
 * failure is told.  A failure that left a mixture of two contents is told again and again, until the
 * volume is set back anew, or has another file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "revert-internal.h"

static bool same(struct vss_devno a, struct vss_devno b)
{
	return a.major == b.major && a.minor == b.minor;
}

/* ---- life ---- */

static struct system_revert *revert_new(struct system *s, const struct revert_record *record)
{
	struct system_revert *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->s = s;
	r->record = *record;
	r->record.volume.veil = record->snapshot;
	r->image = r->origin = r->plan = -1;
	strcpy(r->device, record->volume.name);
	r->size = record->volume.size;
	atomic_store(&r->percent, record->percent);
	return r;
}

static void revert_free(struct system_revert *r)
{
	const int *fds[] = { &r->image, &r->origin, &r->plan };

	if (r->running) {
		atomic_store(&r->stop, true);
		pthread_join(r->thread, NULL);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	revert_hide_close(r);
	revert_record_close(&r->record);
	free(r);
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

static bool runs(const struct system_revert *r)
{
	return atomic_load(&r->phase) == REVERT_RUNS;
}

static struct system_revert *find_running(struct system *s, struct vss_devno dev)
{
	for (struct system_revert *r = s->reverts; r; r = r->next)
		if (runs(r) && same(r->dev, dev))
			return r;
	return NULL;
}

/* Whatever the volume is called today.  A waiting one may begin to run at any moment. */
static bool is_of(const struct system_revert *r, const struct revert_identity *now)
{
	return runs(r) ? same(r->dev, now->dev) : revert_is_same(&r->record.volume, r->record.image_fs, now);
}

static struct system_revert *find_other(struct system *s, const struct revert_identity *now)
{
	for (struct system_revert *r = s->reverts; r; r = r->next)
		if (is_of(r, now))
			return r;
	return NULL;
}

static int identify(const char *path, struct revert_identity *id)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	revert_identify("/sys", path, fd, id);
	return 0;
}

/* ---- begin ---- */

/* What is known of the volume, for the time after a restart. */
static vss_result describe(struct system_revert *r, struct vss_kernel *kernel,
			   const struct vss_kernel_snapshot *snapshot, struct vss_error *err)
{
	struct revert_record *record = &r->record;
	int ret = identify(r->device, &record->volume);

	/* Not one that an older revert has left. */
	record->volume.veil = record->snapshot;
	if (!ret && (!same(record->volume.dev, r->dev) || record->volume.size != r->size))
		ret = -ESTALE;
	if (!ret)
		ret = revert_area(kernel, r->dev, &record->area);
	if (ret) {
		vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot look at %s: %s", r->device, strerror(-ret));
		return VSS_E_PROVIDER_VETO;
	}
	record->overlay = snapshot->overlay;
	return S_OK;
}

/* A new one makes good what an older one has left; but not one that may go on. */
static vss_result check_other(struct system_revert *r, struct system_revert **other, struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];

	*other = find_other(r->s, &r->record.volume);
	if (!*other || atomic_load(&(*other)->phase) == REVERT_ENDED)
		return S_OK;
	if (atomic_load(&(*other)->waits_for) == REVERT_FOR_AREA)
		vss_error_set(err, -EBUSY, VSS_E_REVERT_IN_PROGRESS,
			      "a revert of %s is half done and waits for its diff area; load that with "
			      "'vssctl diff-area load', or remove %s/reverts/%s if it has gone for good, and start "
			      "vssd anew", r->device, r->s->state_dir, vss_uuid_format(&(*other)->record.snapshot, id));
	else
		vss_error_set(err, -EBUSY, VSS_E_REVERT_IN_PROGRESS,
			      "a revert of %s is half done; see 'vssctl revert --status'", r->device);
	return VSS_E_REVERT_IN_PROGRESS;
}

/*
 * The older record stays, so this one has to go.  Where that cannot be either, it must not say
 * that a mixture is complete, or that there is something to go on with.
 */
static void take_back(struct system_revert *r, const struct system_revert *other)
{
	if (!r->record.mixed) {
		revert_record_remove(r->s->state_dir, &r->record);
		return;
	}
	r->record.state = REVERT_FAILED;
	memcpy(r->record.why, other->record.why, sizeof(r->record.why));
	revert_record_write(r->s->state_dir, &r->record);
	revert_record_drop(r->s->state_dir, &r->record);
}

/* The new record first: at no time is there none of what the volume holds. */
static vss_result put_on_record(struct system_revert *r, struct system_revert *other, struct vss_error *err)
{
	int ret;

	r->record.mixed = other && other->mixture &&
			  !revert_is_made_anew(&other->record.volume, other->record.image_fs, &r->record.volume);
	/* Taken when it has failed, if it does. */
	r->record.volume.head[0] = '\0';
	r->record.percent = r->record.mixed ? other->record.percent : 0;
	ret = revert_record_write(r->s->state_dir, &r->record);
	if (!ret && other && !vss_uuid_equal(&other->record.snapshot, &r->record.snapshot)) {
		ret = revert_record_drop(r->s->state_dir, &other->record);
		if (ret)
			take_back(r, other);
	}
	if (!ret) {
		if (other)
			forget(r->s, other);
		return S_OK;
	}
	vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot record in %s/reverts that %s is being set back: %s",
		      r->s->state_dir, r->device, strerror(-ret));
	return VSS_E_PROVIDER_VETO;
}

static vss_result begin(struct system_revert *r, struct vss_kernel *kernel, bool force, struct vss_error *err)
{
	struct vss_kernel_snapshot snapshot;
	struct vss_kernel_volume volume;
	struct system_revert *other;
	vss_result result;

	if (vss_kernel_snapshot_get(kernel, &r->record.snapshot, &snapshot))
		return system_kernel_fail(kernel, system_allowed_object, err);
	r->dev = snapshot.volume;
	r->size = snapshot.size;
	vss_blockdev_node(snapshot.volume_name, r->device, sizeof(r->device));
	if (find_running(r->s, r->dev)) {
		vss_error_set(err, -EBUSY, VSS_E_REVERT_IN_PROGRESS, "%s is being set back already", r->device);
		return VSS_E_REVERT_IN_PROGRESS;
	}
	result = revert_check(r, kernel, &snapshot, err);
	if (result == S_OK)
		result = describe(r, kernel, &snapshot, err);
	if (result == S_OK)
		result = check_other(r, &other, err);
	if (result == S_OK)
		result = revert_open_image(r, &snapshot, err);
	if (result == S_OK && force)
		result = revert_unmount(r, err);
	if (result == S_OK)
		result = revert_claim(r, kernel, &volume, err);
	if (result != S_OK)
		return result;
	revert_fs_uuid(r->image, r->record.image_fs);
	r->record.epoch = volume.epoch;
	r->record.writes = volume.writes;
	result = put_on_record(r, other, err);
	if (result != S_OK || revert_start(r))
		return result;
	vss_error_errno(err, -ENOMEM, "cannot start a thread");
	r->err = *err;
	revert_end_unchanged(r, E_OUTOFMEMORY);
	return E_OUTOFMEMORY;
}

vss_result system_revert(void *state, const struct vss_uuid *snapshot, bool force, struct vss_error *err)
{
	const struct revert_record record = { .snapshot = *snapshot, .state = REVERT_PLANNED, .fd = -1 };
	struct system_revert *r = revert_new(state, &record);
	struct system *s = state;
	struct vss_kernel *kernel;
	vss_result result;

	if (!r)
		return E_OUTOFMEMORY;
	/* vssd has asked just now, not its user: if this is refused, what it heard is to be told still. */
	for (struct system_revert *other = s->reverts; other; other = other->next)
		other->told = false;
	result = system_kernel_open(false, &kernel, err);
	if (result == S_OK && !kernel)
		result = system_no_such(snapshot, err);
	if (result == S_OK)
		result = begin(r, kernel, force, err);
	vss_kernel_close(kernel);
	/* What an older one has left is to be told still. */
	if (result == S_OK || r->mixture)
		add(state, r);
	else
		revert_free(r);
	return result;
}

/* ---- how far it is ---- */

static vss_result tell_waiting(const struct system_revert *r, struct vss_error *err)
{
	static const char *const when[] = {
		[REVERT_FOR_AREA] = "the persistent diff area of its shadow copy is loaded (see 'vssctl diff-area load'); "
				    "do not mount it before",
		[REVERT_FOR_VOLUME] = "it is no longer in use; it may hold a mixture of old and new, so unmount it, and "
				      "do not write to it",
		[REVERT_FOR_MODULE] = "the kernel module answers, which may be of another version than vssd; do not "
				      "mount it before",
	};

	vss_error_set(err, -EAGAIN, VSS_E_PROVIDER_VETO,
		      "a revert of %s was broken off at %u percent, and goes on when %s", r->record.volume.name,
		      atomic_load(&r->percent), when[atomic_load(&r->waits_for)]);
	return VSS_E_PROVIDER_VETO;
}

static vss_result tell_ended(struct system *s, struct system_revert *r, const struct revert_identity *now,
			     struct vss_error *err)
{
	vss_result result;

	/* Perhaps somebody has made it possible meanwhile. */
	if (r->stuck)
		revert_finish(r);
	result = r->result;
	if (result != S_OK)
		*err = r->err;
	if (r->stuck)
		return result;
	if (!r->mixture) {
		forget(s, r);
		return result;
	}
	if (!r->record.volume.head[0] && now->head[0]) {
		strcpy(r->record.volume.head, now->head);
		revert_record_write(s->state_dir, &r->record);
	}
	if (!revert_is_made_anew(&r->record.volume, r->record.image_fs, now))
		return result;
	/* History, which is told once more. */
	if (!r->told || revert_record_remove(s->state_dir, &r->record)) {
		r->told = true;
		return result;
	}
	forget(s, r);
	return S_OK;
}

vss_result system_query_revert(void *state, const char *volume, uint32_t *percent, struct vss_error *err)
{
	struct revert_identity now = { 0 };
	struct system *s = state;
	struct system_revert *r;
	struct stat st;
	int ret;

	*percent = 0;
	if (!s->reverts || stat(volume, &st) || !S_ISBLK(st.st_mode))
		return S_OK;
	r = find_running(s, (struct vss_devno) { major(st.st_rdev), minor(st.st_rdev) });
	ret = r ? 0 : identify(volume, &now);
	if (ret) {
		vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot look at %s, whether one of the reverts that have "
			      "not ended well was its: %s", volume, strerror(-ret));
		return VSS_E_PROVIDER_VETO;
	}
	if (!r)
		r = find_other(s, &now);
	if (!r)
		return S_OK;
	*percent = atomic_load(&r->percent);
	switch (atomic_load(&r->phase)) {
	case REVERT_RUNS:
		return VSS_S_ASYNC_PENDING;
	case REVERT_WAITS:
		return tell_waiting(r, err);
	default:
		return tell_ended(s, r, &now, err);
	}
}

static bool refuse(const struct system_revert *r, struct vss_error *err)
{
	if (runs(r))
		vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO, "%s is being set back to a shadow copy (%u percent); "
			      "wait for it with 'vssctl revert --status'", r->device, atomic_load(&r->percent));
	else
		tell_waiting(r, err);
	return true;
}

static bool unfinished(const struct system_revert *r)
{
	return atomic_load(&r->phase) != REVERT_ENDED;
}

bool system_reverting(struct system *s, const struct vss_blockdev *volume, struct vss_error *err)
{
	struct system_revert *r = find_running(s, volume->dev);
	struct revert_identity now;
	bool any = false;
	int ret;

	if (r)
		return refuse(r, err);
	for (r = s->reverts; r; r = r->next)
		any |= unfinished(r);
	ret = any ? identify(volume->path, &now) : 0;
	if (ret)
		vss_error_set(err, ret, VSS_E_PROVIDER_VETO, "cannot look at %s, whether it is a volume that is to be "
			      "set back: %s", volume->path, strerror(-ret));
	if (!any || ret)
		return ret;
	for (r = s->reverts; r; r = r->next)
		if (unfinished(r) && is_of(r, &now))
			return refuse(r, err);
	return false;
}

bool system_reverting_to(struct system *s, const struct vss_uuid *snapshot, struct vss_error *err)
{
	for (struct system_revert *r = s->reverts; r; r = r->next)
		if (unfinished(r) && vss_uuid_equal(&r->record.snapshot, snapshot))
			return refuse(r, err);
	return false;
}

/* ---- after a restart ---- */

struct reader {
	struct system *s;
	struct vss_kernel *kernel;
	bool known;
};

static void take_record(void *data, struct revert_record *record)
{
	const struct reader *reader = data;
	struct system_revert *r = revert_new(reader->s, record);

	if (!r) {
		revert_record_close(record);
		return;
	}
	add(reader->s, r);
	switch (record->state) {
	case REVERT_DONE:
		revert_finish(r);
		if (!r->stuck)
			forget(reader->s, r);
		break;
	case REVERT_FAILED:
		/* Perhaps not for good: a boot goes on with whatever is hidden. */
		if (reader->kernel && revert_was_ended(r, reader->kernel)) {
			if (!r->stuck)
				forget(reader->s, r);
			break;
		}
		vss_error_set(&r->err, -EIO, VSS_E_REVERT_VOLUME_LOST, "%s", record->why);
		r->result = VSS_E_REVERT_VOLUME_LOST;
		r->mixture = true;
		atomic_store(&r->phase, REVERT_ENDED);
		break;
	default:
		revert_resume(r, reader->kernel, reader->known);
	}
}

void system_reverts_resume(struct system *s, struct vss_kernel *kernel, bool known)
{
	struct reader reader = { s, kernel, known };

	revert_records_read(s->state_dir, take_record, &reader);
}

void system_reverts_stop(struct system *s)
{
	while (s->reverts)
		forget(s, s->reverts);
}
