// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The thread of a revert, and how one ends.
 *
 * A revert that ends with its process (vssd was killed, the machine restarted) goes on in
 * the next one, but only if it is proven that meanwhile nobody else has written the volume:
 * while nothing was written by the module's count of writes in the same boot, afterwards by
 * the plan, and by the veil in place of what it hides.  Without that proof its failure is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "revert-internal.h"

/* How often it is looked for what it waits for, and whether to stop. */
#define WAIT_POLL_MS	2000
#define STOP_POLL_MS	100

/* ---- ends ---- */

static void close_all(struct system_revert *r)
{
	/* Its image keeps the shadow copy from being deleted, the claim the volume from being mounted. */
	int *fds[] = { &r->image, &r->origin, &r->plan };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	revert_hide_close(r);
}

static void end(struct system_revert *r, vss_result result)
{
	close_all(r);
	r->result = result;
	r->err.result = result;
	atomic_store(&r->phase, REVERT_ENDED);
}

/* The sentence that is in r->err, with what it is about before it. */
static void explain(struct system_revert *r, vss_result result, const char *what)
{
	char why[sizeof(r->err.text)];

	snprintf(why, sizeof(why), "%s", r->err.text);
	vss_error_set(&r->err, -EIO, result, "%.400s: %.500s", what, why);
}

void revert_end_unchanged(struct system_revert *r, vss_result result)
{
	char what[sizeof(r->err.text)];

	if (r->record.mixed) {
		revert_end_mixture(r);
		return;
	}
	snprintf(what, sizeof(what), "nothing was written to %s", r->device);
	explain(r, result, what);
	/* One that is left says that it is done, or is found again as one that has written nothing. */
	revert_record_remove(r->s->state_dir, &r->record);
	end(r, result);
}

/* Whoever is to repair a mixture has to see it. */
static void show_mixture(struct system_revert *r)
{
	const struct vss_error why = r->err;

	if (!revert_is_hidden(r) || revert_show(r))
		revert_put_back(r);
	r->err = why;
}

static void identify(const struct system_revert *r, struct revert_identity *now)
{
	_cleanup_fd_ int fd = r->origin >= 0 ? -1 : open(r->device, O_RDONLY | O_DIRECT | O_CLOEXEC);

	memset(now, 0, sizeof(*now));
	if (r->origin >= 0 || fd >= 0)
		revert_identify("/sys", r->device, r->origin >= 0 ? r->origin : fd, now);
}

void revert_end_mixture(struct system_revert *r)
{
	struct revert_identity now;
	char what[sizeof(r->err.text)];
	unsigned int percent = atomic_load(&r->percent);

	if (percent < r->record.percent)
		percent = r->record.percent;
	show_mixture(r);
	identify(r, &now);
	snprintf(what, sizeof(what), "the revert was broken off at %u percent, and %s holds a mixture of its content "
		 "and the shadow copy's%s; revert it again, or restore it from a backup", percent, r->device,
		 vss_uuid_is_null(&now.veil) ? "" : " and shows no file system");
	explain(r, VSS_E_REVERT_VOLUME_LOST, what);
	r->mixture = true;
	r->record.state = REVERT_FAILED;
	r->record.percent = percent;
	snprintf(r->record.why, sizeof(r->record.why), "%.700s", r->err.text);
	if (r->origin >= 0)
		strcpy(r->record.volume.head, now.head);
	revert_record_write(r->s->state_dir, &r->record);
	end(r, VSS_E_REVERT_VOLUME_LOST);
}

/* Whichever of them it is. */
static void end_broken(struct system_revert *r)
{
	if (r->record.state == REVERT_PLANNED)
		revert_end_unchanged(r, VSS_E_PROVIDER_VETO);
	else
		revert_end_mixture(r);
}

void revert_finish(struct system_revert *r)
{
	int ret = revert_record_remove(r->s->state_dir, &r->record);
	char id[VSS_UUID_TEXT_SIZE];

	r->stuck = ret;
	if (ret)
		vss_error_set(&r->err, ret, VSS_E_PROVIDER_VETO, "%s is set back to the shadow copy, completely, but its "
			      "record %s/reverts/%s cannot be removed (%s); remove it", r->device, r->s->state_dir,
			      vss_uuid_format(&r->record.snapshot, id), strerror(-ret));
	end(r, ret ? VSS_E_PROVIDER_VETO : S_OK);
}

/* ---- work ---- */

/*
 * Before and after it is read: nobody has changed the image.  While it is open it can be made
 * writable, but not read-only again, so this cannot be missed.
 */
static vss_result check_image(struct system_revert *r, struct vss_kernel *kernel, struct vss_kernel_snapshot *snapshot)
{
	if (vss_kernel_snapshot_get(kernel, &r->record.snapshot, snapshot))
		return system_kernel_fail(kernel, system_allowed_object, &r->err);
	if (snapshot->state == VSS_SNAPSHOT_ALIVE && snapshot->overlay == r->record.overlay &&
	    (!snapshot->overlay || !(snapshot->flags & VSS_SNAPSHOT_F_WRITABLE)))
		return S_OK;
	vss_error_set(&r->err, -EIO, VSS_E_PROVIDER_VETO, "the shadow copy %s",
		      snapshot->state == VSS_SNAPSHOT_ALIVE ? "was written to meanwhile" : "was lost");
	return VSS_E_PROVIDER_VETO;
}

static void tell(void *data, unsigned int percent)
{
	struct system_revert *r = data;

	/* Only for what is told should it be broken off: a failure is none. */
	r->record.percent = percent;
	revert_record_write(r->s->state_dir, &r->record);
}

static struct revert_work work_of(struct system_revert *r)
{
	struct revert_work work = {
		.image = r->image,
		.origin = r->origin,
		.size = r->size,
		.block = REVERT_BLOCK,
		.snapshot = r->record.snapshot,
		.plan = r->plan,
		.percent = &r->percent,
		.stop = &r->stop,
		.tell = tell,
		.data = r,
	};
	int sector;

	if (!ioctl(r->origin, BLKSSZGET, &sector) && sector > (int)work.block)
		work.block = (uint32_t)sector;
	return work;
}

/* Claim the volume again. */
static vss_result regain(struct system_revert *r, struct vss_kernel *kernel, const struct vss_kernel_snapshot *snapshot,
			 struct vss_kernel_volume *volume)
{
	vss_result result = revert_claim(r, kernel, volume, &r->err);

	/* Not its end: the plan, or the count of writes, tells what was done to it meanwhile. */
	if (result == VSS_E_VOLUME_IN_USE)
		return result;
	return result == S_OK ? revert_check_newer(kernel, snapshot, r->record.epoch, &r->err) : result;
}

/* Has nobody else used it, as far as that can be seen at once?  A veil tells more than this. */
static int recognize(struct system_revert *r, const struct vss_kernel_volume *volume)
{
	struct revert_identity now;

	revert_identify("/sys", r->device, r->origin, &now);
	if (!revert_is_hidden(r) && !revert_is_same(&r->record.volume, r->record.image_fs, &now))
		return vss_error_set(&r->err, -ESTALE, VSS_E_OBJECT_NOT_FOUND, "%s is another volume than it was", r->device);
	/* It is the same boot, or it would not go on. */
	if (r->record.state == REVERT_PLANNED && volume->writes != r->record.writes)
		return vss_error_set(&r->err, -ESTALE, VSS_E_PROVIDER_VETO, "the revert was broken off, and %s may have been "
				     "written since; revert it again if it is to be set back", r->device);
	return 0;
}

/*
 * Compare: what cannot be done shows up then, before anything is lost.  Then the plan is on
 * disk, newer shadow copies have gone, and the record says that the volume is written.
 */
static int plan(struct system_revert *r, struct revert_work *work, struct vss_kernel *kernel,
		const struct vss_kernel_snapshot *snapshot)
{
	int ret = revert_plan(work, &r->err);

	if (ret)
		return ret;
	if (revert_delete_newer(kernel, snapshot, r->record.epoch, &r->err) != S_OK)
		return -EIO;
	r->record.state = REVERT_WRITING;
	ret = revert_record_write(r->s->state_dir, &r->record);
	if (!ret)
		return 0;
	r->record.state = REVERT_PLANNED;
	return vss_error_set(&r->err, ret, VSS_E_PROVIDER_VETO, "cannot record in %s/reverts that it is written: %s",
			     r->s->state_dir, strerror(-ret));
}

static int open_plan(struct system_revert *r)
{
	r->plan = revert_plan_open(r->s->state_dir, &r->record.snapshot, r->record.state == REVERT_PLANNED);
	if (r->plan >= 0)
		return 0;
	return vss_error_set(&r->err, r->plan, VSS_E_PROVIDER_VETO, "cannot open the plan of the revert in %s/reverts: %s",
			     r->s->state_dir, strerror(-r->plan));
}

/* Write what the plan names, from the block at @from on. */
static int copy(struct system_revert *r, struct revert_work *work, uint64_t from, struct vss_kernel *kernel, bool fresh)
{
	struct vss_kernel_snapshot snapshot;
	int ret = revert_hide(r);

	if (ret && fresh && !revert_is_hidden(r))
		r->record.state = REVERT_PLANNED;
	if (ret)
		return ret;
	work->hidden = revert_is_hidden(r) ? VSS_DISK_FRONT_SIZE : 0;
	ret = revert_copy(work, from, &r->err);
	if (ret)
		return ret;
	if (check_image(r, kernel, &snapshot) != S_OK)
		return -EIO;
	return revert_show(r);
}

/* 0, -ECANCELED, -EAGAIN while the volume is in use, or another negative errno with a sentence. */
static int work(struct system_revert *r, struct vss_kernel *kernel)
{
	const bool fresh = r->record.state == REVERT_PLANNED;
	struct vss_kernel_snapshot snapshot;
	struct vss_kernel_volume volume;
	struct revert_work work;
	vss_result result = check_image(r, kernel, &snapshot);
	uint64_t from = 0;
	int ret;

	if (result == S_OK && r->resumed)
		result = regain(r, kernel, &snapshot, &volume);
	if (result != S_OK)
		return atomic_load(&r->stop) ? -ECANCELED : result == VSS_E_VOLUME_IN_USE ? -EAGAIN : -EIO;
	work = work_of(r);
	ret = revert_hide_open(r, kernel, work.block, fresh);
	if (!ret && r->resumed)
		ret = recognize(r, &volume);
	if (!ret)
		ret = open_plan(r);
	if (ret)
		return ret;
	work.plan = r->plan;
	if (fresh) {
		ret = plan(r, &work, kernel, &snapshot);
	} else {
		ret = revert_hide_check(r, &work.hidden);
		if (!ret)
			ret = revert_verify(&work, &from, &r->err);
		/* A power failure may have brought newer ones back. */
		if (!ret && revert_delete_newer(kernel, &snapshot, r->record.epoch, &r->err) != S_OK)
			ret = -EIO;
	}
	if (ret)
		return ret;
	if (work.hidden || (fresh ? work.count : from != UINT64_MAX))
		ret = copy(r, &work, from, kernel, fresh);
	else if (fsync(r->origin))
		ret = vss_error_set(&r->err, -errno, VSS_E_REVERT_VOLUME_LOST, "cannot flush the volume: %s", strerror(errno));
	if (!ret && check_image(r, kernel, &snapshot) != S_OK)
		ret = -EIO;
	return ret;
}

/* True: it has to wait again. */
static bool run_with(struct system_revert *r, struct vss_kernel *kernel)
{
	int ret = work(r, kernel);

	switch (ret) {
	case 0:
		revert_finish(r);
		break;
	case -ECANCELED:
		/* The record stays: the next life goes on with it. */
		break;
	case -EAGAIN:
		close_all(r);
		r->err = (struct vss_error) { 0 };
		atomic_store(&r->waits_for, REVERT_FOR_VOLUME);
		atomic_store(&r->phase, REVERT_WAITS);
		return true;
	default:
		end_broken(r);
	}
	return false;
}

/* ---- one of an earlier life ---- */

/* Whether the module has it: 0; -EAGAIN that cannot be told now; -ENOENT no, or it is lost. */
static int ask_for_image(const struct system_revert *r, struct vss_kernel *kernel, struct vss_kernel_snapshot *snapshot)
{
	/* A lost one stays lost; any other state is passing. */
	if (!vss_kernel_snapshot_get(kernel, &r->record.snapshot, snapshot))
		return snapshot->state == VSS_SNAPSHOT_ALIVE ? 0 : snapshot->state == VSS_SNAPSHOT_LOST ? -ENOENT : -EAGAIN;
	return vss_kernel_result(kernel) == VSS_E_OBJECT_NOT_FOUND ? -ENOENT : -EAGAIN;
}

/* Where its shadow copy is: 0 here; -EAGAIN not yet; -ENOENT gone. */
static int look_for_image(const struct system_revert *r, struct vss_kernel *kernel, struct vss_kernel_snapshot *snapshot)
{
	struct vss_kernel_area *areas;
	bool loaded = false;
	size_t count;
	int ret = kernel ? ask_for_image(r, kernel, snapshot) : -ENOENT;

	if (ret != -ENOENT || vss_uuid_is_null(&r->record.area))
		return ret;
	if (!kernel || vss_kernel_area_list(kernel, NULL, &areas, &count))
		return -EAGAIN;
	for (size_t i = 0; i < count; i++)
		loaded |= areas[i].persistent && vss_uuid_equal(&areas[i].uuid, &r->record.area);
	vss_kernel_area_list_free(areas, count);
	/* It may have been loaded since the question before. */
	return loaded ? ask_for_image(r, kernel, snapshot) : -EAGAIN;
}

static int failed(struct system_revert *r)
{
	end_broken(r);
	return -EIO;
}

/* 0 it can run; -EAGAIN not yet; else it has ended. */
static int try_resume(struct system_revert *r, struct vss_kernel *kernel)
{
	struct vss_kernel_snapshot snapshot = { 0 };
	struct vss_uuid boot;
	int ret;

	/* It may be mounted by now. */
	if (kernel && revert_was_ended(r, kernel))
		return -EALREADY;
	revert_boot(&boot);
	if (r->record.state == REVERT_PLANNED &&
	    (vss_uuid_is_null(&boot) || !vss_uuid_equal(&boot, &r->record.volume.boot))) {
		vss_error_set(&r->err, -ESTALE, VSS_E_PROVIDER_VETO, "the revert was broken off by a restart of the "
			      "machine; revert it again if it is to be set back");
		return failed(r);
	}
	ret = look_for_image(r, kernel, &snapshot);
	if (ret == -EAGAIN) {
		atomic_store(&r->waits_for, REVERT_FOR_AREA);
		return ret;
	}
	if (ret) {
		/* What shows the mixture is to find it. */
		if (snapshot.volume_name[0])
			vss_blockdev_node(snapshot.volume_name, r->device, sizeof(r->device));
		vss_error_set(&r->err, ret, VSS_E_OBJECT_NOT_FOUND, "the shadow copy was lost before it could go on");
		return failed(r);
	}
	r->dev = snapshot.volume;
	r->resumed = true;
	vss_blockdev_node(snapshot.volume_name, r->device, sizeof(r->device));
	if (snapshot.size != r->size) {
		vss_error_set(&r->err, -ESTALE, VSS_E_OBJECT_NOT_FOUND, "%s has another size now", r->device);
		return failed(r);
	}
	return revert_open_image(r, &snapshot, &r->err) == S_OK ? 0 : failed(r);
}

/* One try, after a while.  -ECANCELED when told to stop. */
static int wait_to_resume(struct system_revert *r)
{
	const struct timespec pause = { .tv_nsec = STOP_POLL_MS * 1000000L };
	struct vss_kernel *kernel;
	int ret = -EAGAIN;

	for (int waited = 0; waited < WAIT_POLL_MS; waited += STOP_POLL_MS) {
		if (atomic_load(&r->stop))
			return -ECANCELED;
		nanosleep(&pause, NULL);
	}
	if (system_kernel_open(false, &kernel, NULL) == S_OK)
		ret = try_resume(r, kernel);
	else
		atomic_store(&r->waits_for, REVERT_FOR_MODULE);
	vss_kernel_close(kernel);
	return ret;
}

/* ---- the thread ---- */

/* Until it can run.  False: it has ended, or is told to stop. */
static bool wait_until_it_can(struct system_revert *r)
{
	int ret;

	do
		ret = wait_to_resume(r);
	while (ret == -EAGAIN);
	if (ret)
		return false;
	atomic_store(&r->phase, REVERT_RUNS);
	return true;
}

static void *run(void *arg)
{
	struct system_revert *r = arg;
	bool again = true;

	while (again) {
		struct vss_kernel *kernel;

		if (atomic_load(&r->phase) == REVERT_WAITS && !wait_until_it_can(r))
			break;
		again = false;
		if (system_kernel_open(false, &kernel, &r->err) == S_OK && kernel) {
			again = run_with(r, kernel);
		} else {
			if (!r->err.text[0])
				vss_error_set(&r->err, -ENOENT, VSS_E_PROVIDER_VETO, "the module was unloaded");
			end_broken(r);
		}
		vss_kernel_close(kernel);
	}
	return NULL;
}

static bool start(struct system_revert *r, enum revert_phase phase)
{
	atomic_store(&r->phase, phase);
	r->running = !pthread_create(&r->thread, NULL, run, r);
	return r->running;
}

bool revert_start(struct system_revert *r)
{
	return start(r, REVERT_RUNS);
}

void revert_resume(struct system_revert *r, struct vss_kernel *kernel, bool known)
{
	int ret = -EAGAIN;

	if (known)
		ret = try_resume(r, kernel);
	else
		atomic_store(&r->waits_for, REVERT_FOR_MODULE);
	if (ret && ret != -EAGAIN)
		return;
	if (start(r, ret ? REVERT_WAITS : REVERT_RUNS))
		return;
	vss_error_errno(&r->err, -ENOMEM, "cannot start a thread");
	end_broken(r);
}
