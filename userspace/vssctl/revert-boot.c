// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A revert at boot.  First the image is compared with the volume: what cannot be read
 * shows up before anything is lost.  Then newer snapshots are deleted, which would
 * make each write a copy, and what differs is written, the volume's head last.
 *
 * A power failure leaves a mixture under the old head, which says at the next boot that
 * nobody else has mounted it; so the area is loaded, and all is done again from the start.
 * The image does not change by that: what differs has a copy, and the rest is the same.
 * While the head is written both are on record, and each sector is that of either.
 *
 * One that vssd has begun has a veil in place of the old head, and is gone on with in the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vss/prepare.h>

#include "boot-vouch.h"
#include "names.h"
#include "pieces.h"
#include "revert-boot.h"
#include "revert-find.h"

#define PIECE	((size_t)1 << 20)	/* read at a time */
#define BLOCK	((size_t)4096)		/* compared and written; no write reaches into a chunk that is the same */
#define NODE_TIMEOUT_MS	10000
#define TELL_STEP	10		/* percent */
#define REVERTED	"/run/vss/reverted"

_Static_assert(BLOCK == VSS_DISK_HEAD_SIZE, "the head is the first block");

struct work {
	struct vssctl_boot_revert *r;
	struct vss_kernel_snapshot snapshot;
	int image, origin;
	uint8_t *new, *old;		/* a piece of each */
	uint8_t *differing;		/* a bit for each piece */
	size_t front;			/* bytes that come last: the head, or what the veil hides */
	uint64_t blocks;		/* that differ, without these */
	uint64_t written;		/* of them */
	unsigned int told;
};

/* ---- what is told ---- */

/* For whoever looks later: nothing keeps what the initramfs has printed. */
static void log_line(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "<4>vss: %s\n", text);
	close(fd);
}

static void done(struct vssctl_boot_revert *r)
{
	char id[VSS_UUID_TEXT_SIZE], text[512];

	snprintf(text, sizeof(text), "%s is set back to the snapshot %s, completely", r->volume,
		 vss_uuid_format(&r->wish.snapshot, id));
	vssctl_note(r->ctl, "%s", text);
	log_line(text);
}

/*
 * For vssd, whose records are on the volume as they were at the instant: that the set of the
 * snapshot was being made.  In each boot, for vssd may start in a later one.
 */
static void announce(const struct vssctl_boot_revert *r)
{
	char id[VSS_UUID_TEXT_SIZE];
	int fd;

	mkdir("/run/vss", 0755);
	fd = open(REVERTED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%s\n", vss_uuid_format(&r->wish.snapshot, id)) < 0)
		vssctl_warn(r->ctl, "cannot write " REVERTED ": %s; vssd may delete the snapshot", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* With the reason as in a sentence.  The exit code. */
static int give_up(struct vssctl_boot_revert *r, const char *why)
{
	const bool unchanged = r->wish.state == VSS_DISK_REVERT_WANTED;
	char id[VSS_UUID_TEXT_SIZE], text[1024];

	vss_uuid_format(&r->wish.snapshot, id);
	if (unchanged)
		snprintf(text, sizeof(text), "%s is not set back to the snapshot %s, and is as it was: %s", r->volume, id, why);
	else
		snprintf(text, sizeof(text), "the revert of %s to the snapshot %s was broken off and cannot go on: %s; the "
			 "volume holds a mixture of two contents: restore it from a backup", r->volume, id, why);
	log_line(text);
	vssctl_fail(r->ctl, unchanged ? VSS_E_PROVIDER_VETO : VSS_E_REVERT_VOLUME_LOST, "%s", text);
	/* Not again and again; but until somebody has mounted it, each boot is to stop here. */
	if (unchanged || r->mounted_since)
		vssctl_wish_clear(r->fd);
	/* Under the veil nobody mounts it by mistake. */
	return unchanged || r->mounted_since || (r->veiled && !r->shown) ? VSSCTL_FAILURE : VSSCTL_HALF_WRITTEN;
}

static int failed(struct vssctl_boot_revert *r, const char *what, int ret)
{
	char why[256];

	snprintf(why, sizeof(why), "cannot %s: %s", what, strerror(-ret));
	return give_up(r, why);
}

static int io_failed(struct vssctl_boot_revert *r, const char *what, uint64_t at, int ret)
{
	char where[128];

	snprintf(where, sizeof(where), "%s at byte %llu", what, (unsigned long long)at);
	return failed(r, where, ret);
}

static int kernel_failed(struct vssctl_boot_revert *r)
{
	return give_up(r, vss_kernel_error(r->ctl->kernel));
}

static int record_failed(struct vssctl_boot_revert *r, int ret)
{
	return failed(r, "record on the diff area's device how far it is", ret);
}

/* ---- pieces ---- */

static size_t piece_size(const struct work *w, uint64_t at)
{
	return w->snapshot.size - at < PIECE ? (size_t)(w->snapshot.size - at) : PIECE;
}

static int read_both(struct work *w, uint64_t at)
{
	int ret = vssctl_read_piece(w->image, w->new, piece_size(w, at), at);

	if (ret)
		return io_failed(w->r, "read the snapshot", at, ret);
	ret = vssctl_read_piece(w->origin, w->old, piece_size(w, at), at);
	return ret ? io_failed(w->r, "read the volume", at, ret) : 0;
}

static size_t block_size(size_t size, size_t at)
{
	return size - at < BLOCK ? size - at : BLOCK;
}

static bool differs(const struct work *w, size_t size, size_t at)
{
	return at < size && memcmp(w->new + at, w->old + at, block_size(size, at));
}

/* Console lines: few. */
static void tell(struct work *w, const char *what, uint64_t part, uint64_t whole)
{
	unsigned int percent = whole ? (unsigned int)(part * 100 / whole) : 100;

	if (percent < w->told + TELL_STEP)
		return;
	w->told = percent - percent % TELL_STEP;
	vssctl_note(w->r->ctl, "%s: %s, %u percent", w->r->volume, what, w->told);
	fflush(w->r->ctl->out);
}

/* ---- the passes ---- */

static int compare(struct work *w)
{
	int ret;

	w->told = 0;
	for (uint64_t at = 0; at < w->snapshot.size; at += PIECE) {
		const size_t size = piece_size(w, at);

		ret = read_both(w, at);
		if (ret)
			return ret;
		for (size_t i = at ? 0 : w->front; i < size; i += BLOCK) {
			if (!differs(w, size, i))
				continue;
			w->blocks++;
			w->differing[at / PIECE / 8] |= (uint8_t)(1 << at / PIECE % 8);
		}
		tell(w, "compared with the snapshot", at + size, w->snapshot.size);
	}
	return 0;
}

static int write_differing(struct work *w, uint64_t at)
{
	const size_t size = piece_size(w, at);
	size_t i = at ? 0 : w->front;
	int ret;

	while (i < size) {
		const size_t first = i;

		while (differs(w, size, i)) {
			i += BLOCK;
			w->written++;
		}
		if (i == first) {
			i += BLOCK;
			continue;
		}
		ret = vssctl_write_piece(w->origin, w->new + first, (i < size ? i : size) - first, at + first);
		if (ret)
			return io_failed(w->r, "write the volume", at + first, ret);
		tell(w, "set back", w->written, w->blocks);
	}
	return 0;
}

static int copy(struct work *w)
{
	int ret = 0;

	w->told = 0;
	for (uint64_t at = 0; at < w->snapshot.size && !ret; at += PIECE) {
		if (!(w->differing[at / PIECE / 8] & 1 << at / PIECE % 8))
			continue;
		ret = read_both(w, at) ?: write_differing(w, at);
	}
	if (!ret && fdatasync(w->origin))
		return failed(w->r, "flush the volume", -errno);
	return ret;
}

static int set_state(struct vssctl_boot_revert *r, uint32_t state)
{
	const uint32_t before = r->wish.state;
	int ret;

	r->wish.state = state;
	ret = vssctl_wish_write(r->fd, r->area, &r->wish);
	if (!ret)
		return 0;
	/* What has been done so far decides. */
	r->wish.state = before;
	return record_failed(r, ret);
}

/* From here on the volume is a mixture, under the head that it has. */
static int begin_writing(struct work *w)
{
	struct vssctl_boot_revert *r = w->r;
	int ret = read_both(w, 0);

	if (ret)
		return ret;
	memcpy(r->wish.old_head, w->old, BLOCK);
	memcpy(r->wish.new_head, w->old, BLOCK);
	return set_state(r, VSS_DISK_REVERT_WRITING);
}

/* What tells at the next boot whether somebody has mounted the volume, so not before the rest. */
static int copy_head(struct work *w)
{
	struct vssctl_boot_revert *r = w->r;
	int ret = read_both(w, 0);

	if (ret || !memcmp(w->new, w->old, BLOCK))
		return ret;
	memcpy(r->wish.new_head, w->new, BLOCK);
	ret = set_state(r, VSS_DISK_REVERT_HEAD);
	if (ret)
		return ret;
	ret = vssctl_write_piece(w->origin, w->new, BLOCK, 0);
	if (!ret && fdatasync(w->origin))
		ret = -errno;
	return ret ? io_failed(r, "write the volume", 0, ret) : 0;
}

/* ---- the snapshots ---- */

/* The newest first: each hands what it has down to the next. */
static int delete_newer(struct work *w)
{
	struct vss_kernel *kernel = w->r->ctl->kernel;
	struct vss_kernel_snapshot *found;
	size_t count;
	int ret = 0;

	if (vss_kernel_snapshot_list(kernel, NULL, &w->snapshot.volume, &found, &count))
		return kernel_failed(w->r);
	for (size_t i = count; i > 0 && !ret; i--)
		if (found[i - 1].epoch > w->snapshot.epoch &&
		    vss_kernel_snapshot_delete(kernel, &found[i - 1].uuid, true))
			ret = kernel_failed(w->r);
	free(found);
	return ret;
}

static int check_alive(struct vssctl_boot_revert *r, struct vss_kernel_snapshot *snapshot)
{
	char why[128];

	if (vss_kernel_snapshot_get(r->ctl->kernel, &r->wish.snapshot, snapshot))
		return kernel_failed(r);
	if (snapshot->state == VSS_SNAPSHOT_ALIVE)
		return 0;
	snprintf(why, sizeof(why), "the snapshot is lost (%s)", vssctl_lost_reason_name(snapshot->lost_reason));
	return give_up(r, why);
}

static int open_both(struct work *w)
{
	char *path = NULL;
	int ret = vss_snapshot_node(&w->snapshot, NODE_TIMEOUT_MS, &path);

	if (!ret) {
		w->image = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		ret = w->image < 0 ? -errno : 0;
	}
	free(path);
	if (ret)
		return failed(w->r, "open the snapshot's image", ret);
	w->origin = open(w->r->volume, O_RDWR | O_DIRECT | O_CLOEXEC);
	return w->origin < 0 ? failed(w->r, "open the volume", -errno) : 0;
}

static int get_memory(struct work *w)
{
	w->new = aligned_alloc(BLOCK, 2 * PIECE);
	w->old = w->new ? w->new + PIECE : NULL;
	w->differing = calloc(w->snapshot.size / PIECE / 8 + 1, 1);
	return w->new && w->differing ? 0 : give_up(w->r, "out of memory");
}

/* With the veil where there is one, else with the head. */
static int change_veil(struct work *w, int (*change)(struct vssctl_veiling *v, const char **what))
{
	struct vssctl_boot_revert *r = w->r;
	struct vssctl_veiling v = { .device = r->fd, .wish = r->wish, .origin = w->origin, .image = w->image };
	const char *what;
	int ret;

	memcpy(v.area, r->area, sizeof(v.area));
	ret = change(&v, &what);
	r->wish = v.wish;
	return ret ? failed(r, what, ret) : 0;
}

static int begin_copy(struct work *w)
{
	if (w->r->veiled)
		return change_veil(w, vssctl_veil_lower);
	return w->r->wish.state == VSS_DISK_REVERT_WANTED ? begin_writing(w) : 0;
}

static int end_copy(struct work *w)
{
	w->r->shown = true;
	return w->r->veiled ? change_veil(w, vssctl_veil_lift) : copy_head(w);
}

static int work(struct work *w)
{
	struct vssctl_boot_revert *r = w->r;
	int ret = compare(w);

	ret = ret ?: delete_newer(w) ?: begin_copy(w);
	/* What it has read is right only if it is alive afterwards. */
	ret = ret ?: copy(w) ?: check_alive(r, &w->snapshot);
	ret = ret ?: end_copy(w) ?: check_alive(r, &w->snapshot);
	if (ret)
		return ret;
	done(r);
	/* vssd's records are not on the volume of a revert that it has begun. */
	if (!r->veiled)
		announce(r);
	r->wish.state = r->veiled ? VSS_DISK_REVERT_ENDED : VSS_DISK_REVERT_DONE;
	ret = vssctl_wish_write(r->fd, r->area, &r->wish);
	if (!ret)
		return 0;
	return vssctl_fail(r->ctl, vss_result_from_errno(-ret), "that it is done cannot be recorded on %s: %s; so the next start "
			   "will say that it holds a mixture, which is not so", r->device, strerror(-ret));
}

static int set_back(struct vssctl_boot_revert *r)
{
	struct work w = { .r = r, .image = -1, .origin = -1, .front = r->veiled ? VSS_DISK_FRONT_SIZE : BLOCK };
	int ret = check_alive(r, &w.snapshot);

	/* Should it be broken off, the head has to tell at the next boot. */
	if (!ret && r->wish.state == VSS_DISK_REVERT_WANTED && !r->at_rest)
		ret = give_up(r, "it holds no ext2, ext3 or ext4, or one whose journal is to be replayed");
	if (!ret && r->wish.state != VSS_DISK_REVERT_WANTED)
		vssctl_note(r->ctl, "%s: a revert that was broken off goes on", r->volume);
	ret = ret ?: get_memory(&w) ?: open_both(&w);
	ret = ret ?: work(&w);
	free(w.new);
	free(w.differing);
	if (w.image >= 0)
		close(w.image);
	if (w.origin >= 0)
		close(w.origin);
	return ret;
}

/* ---- what the boot calls ---- */

/* The name of a volume may lead to a copy of it while the volume itself is hidden. */
static int check_volume(struct vssctl_boot_revert *r)
{
	struct vss_blockdev other = { 0 };
	int ret = vssctl_find_veiled(r->device, &other);

	if (!ret || ret == -ENOTUNIQ)
		ret = vssctl_fail(r->ctl, VSS_E_OBJECT_NOT_FOUND, "%s looks like the volume whose diff area is on %s, but that is "
				  "%s, which was half set back when the machine stopped; remove the copy", r->volume,
				  r->device, ret ? "one of several others" : other.path);
	else
		ret = 0;
	vss_blockdev_clear(&other);
	return ret;
}

static int judge(struct vssctl_boot_revert *r, int volume_fd)
{
	const enum vssctl_front found = vssctl_wish_look(&r->wish, volume_fd);
	int ret = 0;

	r->head_is_ours = found == VSSCTL_FRONT_OURS;
	r->mounted_since = found == VSSCTL_FRONT_FOREIGN;
	if (found == VSSCTL_FRONT_UNKNOWN)
		return vssctl_fail(r->ctl, E_FAIL, "%s was being set back, and cannot be read: its diff area on %s is not loaded",
				   r->volume, r->device);
	if (r->veiled && !r->head_is_ours)
		ret = check_volume(r);
	/* A volume that is not hidden: vssd sees to the rest. */
	if (found == VSSCTL_FRONT_SHOWN)
		vssctl_boot_revert_end(r);
	return ret;
}

int vssctl_boot_revert_begin(struct vssctl_boot_revert *r, int volume_fd)
{
	int ret;

	r->head_is_ours = r->mounted_since = r->veiled = r->shown = false;
	r->fd = open(r->device, O_RDWR | O_CLOEXEC);
	ret = r->fd < 0 ? -errno : vssctl_wish_read(r->fd, r->area, &r->wish);
	if (ret)
		vssctl_warn(r->ctl, "cannot read from %s whether %s is to be set back, so it is not: %s", r->device, r->volume,
			    ret == -EBADMSG ? "the record is damaged" : strerror(-ret));
	/* What it left nobody can tell; nor, loaded without that, would there be anything to go on with. */
	if (ret && (r->wish.state == VSS_DISK_REVERT_WRITING || r->wish.state == VSS_DISK_REVERT_HEAD))
		return vssctl_fail(r->ctl, vss_result_from_errno(-ret), "%s was being set back, and its diff area on %s cannot be "
				   "read, so that is not loaded", r->volume, r->device);
	r->veiled = !ret && vssctl_wish_is_veiled(&r->wish);
	if (ret || !r->wish.state || r->wish.state == VSS_DISK_REVERT_ENDED || !(r->asked || r->veiled)) {
		vssctl_boot_revert_end(r);
		return 0;
	}
	r->at_rest = vssctl_head_tells(volume_fd);
	if (r->wish.state == VSS_DISK_REVERT_WANTED || r->wish.state == VSS_DISK_REVERT_DONE)
		return 0;
	return judge(r, volume_fd);
}

int vssctl_boot_revert_run(struct vssctl_boot_revert *r, bool loaded)
{
	if (r->fd < 0)
		return 0;
	if (r->wish.state == VSS_DISK_REVERT_DONE) {
		announce(r);
		return 0;
	}
	/* Whoever has done that may have made it good, and must not lose that. */
	if (r->mounted_since)
		return give_up(r, "it was mounted or written since");
	return loaded ? set_back(r) : give_up(r, "the diff area could not be loaded");
}

void vssctl_boot_revert_end(struct vssctl_boot_revert *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
