// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area boot: attach the volumes of /etc/vss/areas and load their diff
 * areas, before anybody writes to them.  Run by the initramfs for the root volume and
 * what else is there already, and by systemd for the rest, once, while nothing can be
 * mounted yet.  With --leave the reverse, when the machine stops.
 *
 * While a volume is loaded it is claimed, and mount(8) would find it busy.  So nothing here
 * runs when devices come later: that is left to whoever mounts them, with "diff-area load"
 * before that.  What fails is told, the volume is let go of, and the machine goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "areas-table.h"
#include "boot-vouch.h"
#include "command.h"
#include "disk.h"
#include "names.h"
#include "prepare.h"
#include "revert-boot.h"

#define USUAL_TABLE	"/etc/vss/areas"
#define LAST_FLAG	"/run/vss/areas-vouched"
#define POLL_MS		200
#define MAX_WAIT	600
/* udev looks at what has come, and has it open meanwhile; nobody else has a reason to. */
#define CLAIM_TRIES	15

enum { OPT_TABLE = 1, OPT_WAIT, OPT_UNCLEAN, OPT_LAST, OPT_REVERT, OPT_LEAVE };

static const struct vssctl_option options[] = {
	{ OPT_TABLE, "table", "FILE", "instead of " USUAL_TABLE },
	{ OPT_WAIT, "wait", "SECONDS", "so long for devices that are not there yet" },
	{ OPT_UNCLEAN, "unclean", NULL, "nobody has written to the volumes in this boot" },
	{ OPT_LAST, "last", NULL, "with --unclean: nobody can say so later in this boot" },
	{ OPT_REVERT, "revert", NULL, "set back what 'vssctl revert --at-boot' has asked for" },
	{ OPT_LEAVE, "leave", NULL, "the machine stops: detach what is not in use" },
	{ 0 },
};

struct pair {
	struct vss_blockdev volume, device;
};

struct boot {
	struct vssctl *ctl;
	struct vssctl_areas areas;
	const char *table;
	struct pair *pairs;		/* of each line: what its names stand for */
	struct vssctl_areas_devs *devs;	/* of each line: the same, as numbers */
	bool *done;			/* of each line: loaded, or given up */
	bool unclean, revert, leave;
	char **names;			/* whom to wait for; none: all */
	int nr_names;
};

static void pair_clear(struct pair *pair)
{
	vss_blockdev_clear(&pair->volume);
	vss_blockdev_clear(&pair->device);
}

static struct vss_devno resolve(const char *name, struct vss_blockdev *found)
{
	vss_blockdev_clear(found);
	if (vss_blockdev_resolve(name, found, NULL))
		return (struct vss_devno) { 0, 0 };
	return found->dev;
}

/* All lines, before the first is tried: any may name the device of another. */
static void look(struct boot *b)
{
	for (size_t i = 0; i < b->areas.count; i++) {
		if (b->done[i])
			continue;
		b->devs[i].volume = resolve(b->areas.lines[i].volume, &b->pairs[i].volume);
		b->devs[i].device = resolve(b->areas.lines[i].device, &b->pairs[i].device);
	}
}

/* Which one was meant nobody can tell, and the wrong one would lose its snapshots. */
static int check_shared(struct boot *b, size_t i)
{
	const size_t other = vssctl_areas_shared(b->devs, b->areas.count, i);
	const struct vssctl_areas_line *line = &b->areas.lines[i];

	if (other == b->areas.count)
		return 0;
	if (other == i)
		return vssctl_fail(b->ctl, E_INVALIDARG, "%s:%zu: %s and %s are one device; the line is left out",
				   b->table, line->number, line->volume, line->device);
	return vssctl_fail(b->ctl, E_INVALIDARG, "%s:%zu: %s or %s is the volume or the device of line %zu as well; the line "
			   "is left out", b->table, line->number, line->volume, line->device,
			   b->areas.lines[other].number);
}

/* The chunk size that the volume has to be attached with, and the area's name. */
static int read_geometry(struct boot *b, const struct pair *pair, uint32_t *chunk, uint8_t area[VSS_DISK_UUID_SIZE])
{
	struct vssctl_disk_source source = { .name = pair->device.path };
	struct vssctl_disk disk = { 0 };
	int ret = 0;

	source.fd = open(pair->device.path, O_RDONLY | O_CLOEXEC);
	if (source.fd < 0 || vssctl_disk_read_supers(&disk, &source, 1) || !disk.known)
		ret = vssctl_fail(b->ctl, VSS_E_OBJECT_NOT_FOUND, "%s holds no diff area that %s could have back; see "
				  "'vssctl diff-area check %s'", pair->device.path, pair->volume.path, pair->device.path);
	else if (disk.volume_size != pair->volume.size)
		ret = vssctl_fail(b->ctl, E_INVALIDARG, "the diff area on %s is of a volume of another size than %s",
				  pair->device.path, pair->volume.path);
	*chunk = disk.chunk_size;
	if (!ret)
		memcpy(area, disk.parts[0].super.area, VSS_DISK_UUID_SIZE);
	vssctl_disk_clear(&disk);
	if (source.fd >= 0)
		close(source.fd);
	return ret;
}

/* One that has a diff area has been loaded, or somebody has his own plans. */
static int find_state(struct boot *b, const struct pair *pair, bool *attached, bool *loaded)
{
	struct vss_kernel_volume state;
	struct vss_kernel_area *areas;
	size_t count;

	*loaded = false;
	*attached = !vss_kernel_volume_get(b->ctl->kernel, pair->volume.dev, &state);
	if (!*attached)
		return 0;
	if (vss_kernel_area_list(b->ctl->kernel, &pair->volume.dev, &areas, &count))
		return vssctl_fail_kernel(b->ctl);
	vss_kernel_area_list_free(areas, count);
	*loaded = count;
	return 0;
}

static int attach(struct boot *b, const struct pair *pair, uint32_t chunk)
{
	struct vss_kernel_volume state;

	return vssctl_attach_volume(b->ctl, &pair->volume, chunk, 0, &state);
}

/* The module finds them lost, and that is no error of its: here it is one. */
static int tell_lost(struct boot *b, const struct pair *pair, const char *hint)
{
	struct vss_kernel_snapshot *snapshots;
	size_t count, lost = 0;
	uint32_t reason = 0;

	if (vss_kernel_snapshot_list(b->ctl->kernel, NULL, &pair->volume.dev, &snapshots, &count))
		return vssctl_fail_kernel(b->ctl);
	for (size_t i = 0; i < count; i++) {
		if (snapshots[i].state != VSS_SNAPSHOT_LOST)
			continue;
		lost++;
		reason = snapshots[i].lost_reason;
	}
	free(snapshots);
	if (!lost)
		return 0;
	return vssctl_fail(b->ctl, E_FAIL, "%s: %zu of %zu snapshots are lost (%s)%s; see 'vssctl list', and delete them",
			   pair->volume.path, lost, count, vssctl_lost_reason_name(reason),
			   reason == VSS_LOST_UNTRACKED ? hint : "");
}

static int add(struct boot *b, const struct pair *pair, uint32_t mode)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct vss_kernel_area area = { 0 };
	int ret;

	for (int tries = CLAIM_TRIES;; nanosleep(&pause, NULL)) {
		ret = vss_kernel_area_add_persistent(b->ctl->kernel, pair->volume.dev, pair->device.dev, mode, &area);
		if (ret != -EBUSY || mode != VSS_AREA_LOAD_CHECKED || !--tries)
			break;
	}
	if (ret)
		return vssctl_fail_kernel(b->ctl);
	vss_kernel_area_clear(&area);
	return 0;
}

/* With the volume claimed as @fd, so that nobody begins to use it before the end. */
static int load_claimed(struct boot *b, const struct pair *pair, int fd, bool attached, bool head_is_ours)
{
	const bool tells = vssctl_head_tells(fd);
	const char *hint = tells ? "" : ": after an unclean end only ext2, ext3 and ext4 without a journal to be replayed can tell that they were not written";
	uint32_t mode = b->unclean && tells ? VSS_AREA_LOAD_CHECKED : VSS_AREA_LOAD;
	int ret;

	/* As good a sign as the head that the module has recorded. */
	if (b->unclean && head_is_ours)
		mode = VSS_AREA_LOAD_UNCLEAN;
	ret = add(b, pair, mode);
	if (ret) {
		/* It may have been attached for something else. */
		if (!attached)
			vss_kernel_volume_detach(b->ctl->kernel, pair->volume.dev, false);
		return ret;
	}
	vssctl_note(b->ctl, "%s: diff area loaded from %s", pair->volume.path, pair->device.path);
	return tell_lost(b, pair, b->unclean ? hint : ": it was not detached in order, or was written since");
}

static int load_and_revert(struct boot *b, const struct pair *pair, int fd, bool attached)
{
	struct vssctl_boot_revert revert = {
		.ctl = b->ctl, .volume = pair->volume.path, .device = pair->device.path, .fd = -1,
	};
	bool now, loaded = false;
	int ret = 0, reverted = 0;
	uint32_t chunk;

	/* What somebody has attached he may have for another area. */
	if (!attached) {
		ret = read_geometry(b, pair, &chunk, revert.area);
		if (ret)
			return ret;
		if (b->revert)
			vssctl_boot_revert_begin(&revert, fd);
		ret = attach(b, pair, chunk);
	}
	ret = ret ?: load_claimed(b, pair, fd, attached, revert.head_is_ours);
	if (!find_state(b, pair, &now, &loaded))
		reverted = vssctl_boot_revert_run(&revert, loaded);
	vssctl_boot_revert_end(&revert);
	return reverted ?: ret;
}

static int load(struct boot *b, const struct pair *pair)
{
	bool attached, loaded;
	int fd, ret = find_state(b, pair, &attached, &loaded);

	if (ret || loaded)
		return ret;
	fd = vssctl_claim_volume(pair->volume.path, CLAIM_TRIES);
	if (fd == -EBUSY)
		return vssctl_fail(b->ctl, VSS_E_VOLUME_IN_USE,
				   "%s is in use already, so nobody can tell whether it was written: its diff area on %s is "
				   "not loaded; unmount it and run 'vssctl diff-area boot', or have the initramfs do that earlier",
				   pair->volume.path, pair->device.path);
	if (fd < 0)
		return vssctl_fail(b->ctl, vss_result_from_errno(-fd), "cannot open %s: %s", pair->volume.path,
				   strerror(-fd));
	ret = load_and_revert(b, pair, fd, attached);
	close(fd);
	return ret;
}

/* The machine stops: what nobody uses is detached in order. */
static int leave(struct boot *b, const struct pair *pair)
{
	struct vss_kernel_area *areas;
	size_t count;
	bool persistent;

	/* Not attached: nothing to do. */
	if (vss_kernel_area_list(b->ctl->kernel, &pair->volume.dev, &areas, &count))
		return 0;
	persistent = count && areas[0].persistent;
	vss_kernel_area_list_free(areas, count);
	if (!persistent)
		return 0;
	if (vss_kernel_volume_detach(b->ctl->kernel, pair->volume.dev, false))
		return vssctl_fail_kernel(b->ctl);
	vssctl_note(b->ctl, "%s: detached", pair->volume.path);
	return 0;
}

static int try_line(struct boot *b, size_t i)
{
	const struct pair *pair = &b->pairs[i];
	int ret, lock;

	if (b->done[i] || !pair->volume.path || !pair->device.path)
		return 0;
	b->done[i] = true;
	ret = b->leave ? 0 : check_shared(b, i);
	/* Only where there is something to load is the module needed. */
	if (!ret && !b->ctl->kernel)
		ret = vssctl_open_kernel(b->ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(b->ctl);
	ret = b->leave ? leave(b, pair) : load(b, pair);
	vssctl_unlock(lock);
	return ret;
}

static bool is_named(const struct boot *b, const char *volume)
{
	struct vss_blockdev one __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	struct vss_error err;

	if (!b->nr_names)
		return true;
	if (vss_blockdev_resolve(volume, &one, &err))
		one.dev = (struct vss_devno) { 0, 0 };
	for (int i = 0; i < b->nr_names; i++) {
		struct vss_blockdev other __attribute__((cleanup(vss_blockdev_clear))) = { 0 };

		if (!strcmp(b->names[i], volume))
			return true;
		if (one.dev.major && !vss_blockdev_resolve(b->names[i], &other, &err) &&
		    one.dev.major == other.dev.major && one.dev.minor == other.dev.minor)
			return true;
	}
	return false;
}

static bool is_waited_for(const struct boot *b)
{
	for (size_t i = 0; i < b->areas.count; i++)
		if (!b->done[i] && is_named(b, b->areas.lines[i].volume))
			return true;
	return false;
}

/* Whatever is set as the time at boot, and however long a try takes. */
static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The last failure decides, but for one that is to be seen; each one is told. */
static int worse(int before, int now)
{
	return before == VSSCTL_HALF_WRITTEN || !now ? before : now;
}

static int run_all(struct boot *b, uint64_t wait)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	const uint64_t end = now_ms() + 1000 * wait;
	int ret = 0;

	for (;;) {
		look(b);
		for (size_t i = 0; i < b->areas.count; i++)
			ret = worse(ret, try_line(b, i));
		if (now_ms() >= end || !is_waited_for(b))
			break;
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < b->areas.count; i++)
		if (!b->leave && !b->done[i] && is_named(b, b->areas.lines[i].volume))
			vssctl_warn(b->ctl, "%s or its diff area's device %s is not there (yet); when both are, load it with "
				    "'vssctl diff-area load' before the volume is mounted, or its snapshots are lost",
				    b->areas.lines[i].volume, b->areas.lines[i].device);
	return ret;
}

/* With room for one at least: an empty table is a good one. */
static int run_table(struct boot *b, uint64_t wait)
{
	const size_t room = b->areas.count + 1;
	int ret;

	b->pairs = calloc(room, sizeof(*b->pairs));
	b->devs = calloc(room, sizeof(*b->devs));
	b->done = calloc(room, sizeof(*b->done));
	if (b->pairs && b->devs && b->done)
		ret = run_all(b, wait);
	else
		ret = vssctl_fail(b->ctl, E_OUTOFMEMORY, "out of memory");
	for (size_t i = 0; b->pairs && i < b->areas.count; i++)
		pair_clear(&b->pairs[i]);
	free(b->pairs);
	free(b->devs);
	free(b->done);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct boot b = { .ctl = ctl, .table = USUAL_TABLE };
	bool bad, last = false;
	uint64_t wait = 0;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_TABLE:
			b.table = optarg;
			break;
		case OPT_WAIT:
			if (!vssctl_number_value(args, "wait", 0, MAX_WAIT, &wait))
				return args->exit_code;
			break;
		case OPT_UNCLEAN:
			b.unclean = true;
			break;
		case OPT_LAST:
			last = true;
			break;
		case OPT_REVERT:
			b.revert = true;
			break;
		case OPT_LEAVE:
			b.leave = true;
			break;
		}
	}
	if (last && !b.unclean)
		return vssctl_usage_error(args, "--last needs --unclean");
	if (b.revert && !b.unclean)
		return vssctl_usage_error(args, "--revert needs --unclean");
	if (b.leave && (b.unclean || wait))
		return vssctl_usage_error(args, "--leave excludes --unclean and --wait");
	if (b.leave && !vssctl_module_loaded())
		return VSSCTL_OK;
	b.unclean = b.unclean && vssctl_may_vouch(ctl, LAST_FLAG, last);
	b.names = args->argv;
	b.nr_names = args->argc;
	ret = vssctl_areas_read(ctl, b.table, &b.areas, &bad) ?: run_table(&b, wait);
	vssctl_areas_clear(&b.areas);
	return ret ?: bad ? VSSCTL_FAILURE : VSSCTL_OK;
}

const struct vssctl_command vssctl_diff_area_boot = {
	.name = "diff-area boot",
	.operands = "[VOLUME...]",
	.summary = "load the persistent diff areas of " USUAL_TABLE,
	.description = "Attach the volumes that " USUAL_TABLE " names and load their persistent diff areas,\n"
		       "with the snapshots in them.  To be run before they are mounted: what is in use is\n"
		       "left alone.  With --wait only the VOLUMEs are waited for, if any are named.",
	.options = options,
	.max_operands = -1,
	.run = run,
};
