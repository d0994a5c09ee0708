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
#include "prepare.h"
#include "revert-boot.h"
#include "revert-find.h"

#define LAST_FLAG	"/run/vss/areas-vouched"
#define POLL_MS		200
#define MAX_WAIT	600

enum { OPT_TABLE = 1, OPT_WAIT, OPT_UNCLEAN, OPT_LAST, OPT_REVERT, OPT_LEAVE };

static const struct vssctl_option options[] = {
	{ OPT_TABLE, "table", "FILE", "instead of " VSSCTL_AREAS_TABLE },
	{ OPT_WAIT, "wait", "SECONDS", "so long for devices that are not there yet" },
	{ OPT_UNCLEAN, "unclean", NULL, "nobody has written to the volumes in this boot" },
	{ OPT_LAST, "last", NULL, "with --unclean: nobody can say so later in this boot" },
	{ OPT_REVERT, "revert", NULL, "set back what 'vssctl revert --at-boot' has asked for" },
	{ OPT_LEAVE, "leave", NULL, "the machine stops: detach what is not in use" },
	{ 0 },
};

/* What the names of a line stand for. */
struct row {
	struct vss_blockdev *found;	/* the volume's first */
	struct vss_devno *devs;		/* the same, as numbers */
	size_t nr;
	struct vss_devno parts[VSS_MAX_AREA_PARTS];	/* what is loaded of it */
	size_t nr_parts;
	bool exclusive;			/* nobody else writes the volume */
	bool done;			/* loaded, or given up */
};

struct boot {
	struct vssctl *ctl;
	struct vssctl_areas areas;
	const char *table;
	struct row *rows;		/* of each line */
	struct vssctl_areas_devs *devs;	/* of each line: its numbers */
	bool unclean, revert, leave;
	char **names;			/* whom to wait for; none: all */
	int nr_names;
};

static void row_clear(struct row *row)
{
	for (size_t i = 0; row->found && i < row->nr; i++)
		vss_blockdev_clear(&row->found[i]);
	free(row->found);
	free(row->devs);
}

static struct vss_devno resolve(const char *name, struct vss_blockdev *found)
{
	vss_blockdev_clear(found);
	if (vss_blockdev_resolve(name, found, NULL))
		return (struct vss_devno) { 0, 0 };
	return found->dev;
}

/* All lines, before the first is tried: any may name a device of another. */
static void look(struct boot *b)
{
	for (size_t i = 0; i < b->areas.count; i++) {
		struct row *row = &b->rows[i];

		for (size_t k = 0; k < row->nr && !row->done; k++)
			row->devs[k] = resolve(b->areas.lines[i].names[k], &row->found[k]);
	}
}

/* A volume that is half set back has neither UUID nor label. */
static int look_for_veiled(struct boot *b, size_t i)
{
	struct row *row = &b->rows[i];
	int ret = -ENOENT;

	for (size_t k = 1; k < row->nr && ret == -ENOENT && !row->found[0].path; k++)
		if (row->found[k].path)
			ret = vssctl_find_veiled(row->found[k].path, &row->found[0]);
	if (row->found[0].path)
		row->devs[0] = row->found[0].dev;
	if (ret != -ENOTUNIQ)
		return 0;
	return vssctl_fail(b->ctl, VSS_E_OBJECT_NOT_FOUND, "several devices look like the volume %s, which was half set back "
			   "when the machine stopped; remove the copies, and run 'vssctl diff-area boot'",
			   b->areas.lines[i].names[0]);
}

/* The first name of a line whose device is not there, or NULL. */
static const char *missing(const struct boot *b, size_t i)
{
	const struct row *row = &b->rows[i];

	for (size_t k = 0; k < row->nr; k++)
		if (!row->found[k].path)
			return b->areas.lines[i].names[k];
	return NULL;
}

/* Which one was meant nobody can tell, and the wrong one would lose its snapshots. */
static int check_shared(struct boot *b, size_t i)
{
	const size_t other = vssctl_areas_shared(b->devs, b->areas.count, i);
	const struct vssctl_areas_line *line = &b->areas.lines[i];

	if (other == b->areas.count)
		return 0;
	if (other == i)
		return vssctl_fail(b->ctl, E_INVALIDARG, "%s:%zu: two of the names of %s and its diff area stand for one "
				   "device; the line is left out", b->table, line->number, line->names[0]);
	return vssctl_fail(b->ctl, E_INVALIDARG, "%s:%zu: %s or a device of its diff area is the volume or a device of "
			   "line %zu as well; the line is left out", b->table, line->number, line->names[0],
			   b->areas.lines[other].number);
}

static void close_all(struct vssctl_disk_source *sources, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (sources[i].fd >= 0)
			close(sources[i].fd);
}

/*
 * One that was to be added when the machine stopped may not have got its header: it is
 * no part.  True: there is one like that, and it is left out.
 */
static bool leave_out_empty(struct boot *b, struct row *row, const struct vssctl_disk *disk,
			    struct vssctl_disk_source *sources)
{
	size_t kept = 0, nr = row->nr_parts;

	for (size_t i = 0; i < nr; i++)
		kept += disk->nr_parts == nr && disk->parts[i].found;
	if (disk->known || !kept || kept == nr)
		return false;
	for (size_t i = kept = 0; i < nr; i++) {
		if (disk->parts[i].found) {
			row->parts[kept] = row->parts[i];
			sources[kept++] = sources[i];
			continue;
		}
		vssctl_warn(b->ctl, "%s holds no part of a diff area: the one of %s is loaded without it, if it is whole",
			    sources[i].name, row->found[0].path);
		close(sources[i].fd);
	}
	row->nr_parts = kept;
	return true;
}

static int tell_unreadable(struct boot *b, const struct row *row, const struct vssctl_disk *disk)
{
	const char *why = disk->nr_problems ? disk->problems[disk->nr_problems - 1].text : "it cannot be read";

	if (row->nr_parts < 2 && (!disk->nr_parts || !disk->parts[0].found))
		return vssctl_fail(b->ctl, VSS_E_OBJECT_NOT_FOUND, "%s holds no diff area that %s could have back; see "
				   "'vssctl diff-area check %s'", row->found[1].path, row->found[0].path,
				   row->found[1].path);
	return vssctl_fail(b->ctl, VSS_E_OBJECT_NOT_FOUND, "the diff area of %s cannot be loaded: %s; see 'vssctl diff-area "
			   "check' with all its devices, and name these in its line", row->found[0].path, why);
}

/* The parts, the first of them, and the chunk size that the volume has to be attached with. */
static int read_geometry(struct boot *b, struct row *row, uint32_t *chunk, struct vssctl_boot_revert *revert)
{
	struct vssctl_disk_source sources[VSS_MAX_AREA_PARTS];
	struct vssctl_disk disk = { 0 };
	bool again = true;
	int ret = 0;

	for (size_t i = 0; i < row->nr_parts; i++)
		sources[i] = (struct vssctl_disk_source) {
			.fd = open(row->found[i + 1].path, O_RDONLY | O_CLOEXEC), .name = row->found[i + 1].path,
		};
	while (again) {
		vssctl_disk_clear(&disk);
		ret = vssctl_disk_read_supers(&disk, sources, row->nr_parts);
		again = !ret && leave_out_empty(b, row, &disk, sources);
	}
	if (ret || !disk.known)
		ret = tell_unreadable(b, row, &disk);
	else if (disk.volume_size != row->found[0].size)
		ret = vssctl_fail(b->ctl, E_INVALIDARG, "the diff area on %s is of a volume of another size than %s",
				  sources[0].name, row->found[0].path);
	*chunk = disk.chunk_size;
	if (!ret) {
		memcpy(revert->area, disk.parts[0].super.area, VSS_DISK_UUID_SIZE);
		revert->device = disk.parts[0].source.name;
		revert->clean = le32toh(disk.parts[0].super.state) == VSS_DISK_CLEAN;
	}
	vssctl_disk_clear(&disk);
	close_all(sources, row->nr_parts);
	return ret;
}

/* One that has a diff area has been loaded, or somebody has his own plans. */
static int find_state(struct boot *b, const struct row *row, bool *attached, bool *loaded)
{
	struct vss_kernel_volume state;
	struct vss_kernel_area *areas;
	size_t count;

	*loaded = false;
	*attached = !vss_kernel_volume_get(b->ctl->kernel, row->devs[0], &state);
	if (!*attached)
		return 0;
	if (vss_kernel_area_list(b->ctl->kernel, &row->devs[0], &areas, &count))
		return vssctl_fail_kernel(b->ctl);
	vss_kernel_area_list_free(areas, count);
	*loaded = count;
	return 0;
}

static int attach(struct boot *b, struct row *row, uint32_t chunk)
{
	struct vss_kernel_volume state;

	return vssctl_attach_volume(b->ctl, &row->found[0], chunk, 0, &state);
}

static int add(struct boot *b, const struct row *row, uint32_t mode)
{
	struct vss_kernel_area area = { 0 };

	if (vssctl_load_area(b->ctl, row->devs[0], row->parts, row->nr_parts, mode,
			     mode == VSS_AREA_LOAD_UNCLEAN ? 1 : VSSCTL_CLAIM_TRIES, &area))
		return vssctl_fail_kernel(b->ctl);
	vss_kernel_area_clear(&area);
	return 0;
}

/* Who has it open without a claim could write it, now or before, unseen. */
static int check_alone(struct boot *b, const struct row *row)
{
	if (vssctl_is_alone(b->ctl, row->devs[0]))
		return 0;
	return vssctl_fail(b->ctl, VSS_E_VOLUME_IN_USE, "something has %s open, such as a virtual machine, and it is half set "
			   "back; end that, and run 'vssctl diff-area boot'", row->found[0].path);
}

/* With the volume claimed as @fd, so that nobody begins to use it before the end. */
static int load_claimed(struct boot *b, struct row *row, int fd, bool attached, bool proven)
{
	const bool after = vssctl_head_tells_of_mounts(fd);
	const bool tells = vssctl_head_tells(fd) || (after && row->exclusive);
	const char *hint = tells ? "" :
		after ? ": after an unclean end XFS, and ext2, ext3 and ext4 with a journal to be replayed cannot tell for sure that they were not written; see \"exclusive\" in vssctl(8)" :
		": after an unclean end only ext2, ext3 and ext4 can tell that they were not written";
	uint32_t mode = b->unclean && tells ? VSS_AREA_LOAD_CHECKED : VSS_AREA_LOAD;
	int ret;

	/* As good a sign as the head that the module has recorded. */
	if (proven)
		mode = VSS_AREA_LOAD_UNCLEAN;
	ret = add(b, row, mode);
	if (ret) {
		/* It may have been attached for something else. */
		if (!attached)
			vss_kernel_volume_detach(b->ctl->kernel, row->devs[0], false);
		return ret;
	}
	vssctl_note(b->ctl, "%s: diff area loaded from %s%s", row->found[0].path, row->found[1].path,
		    row->nr_parts > 1 ? " and others" : "");
	return vssctl_tell_lost(b->ctl, &row->found[0], b->unclean ? hint : VSSCTL_NOT_VOUCHED);
}

static int load_and_revert(struct boot *b, struct row *row, int fd, bool attached)
{
	struct vssctl_boot_revert revert = { .ctl = b->ctl, .volume = row->found[0].path, .fd = -1, .asked = b->revert };
	bool now, proven, loaded = false;
	int ret, reverted = 0;
	uint32_t chunk;

	memcpy(row->parts, row->devs + 1, (row->nr - 1) * sizeof(row->parts[0]));
	row->nr_parts = row->nr - 1;
	/* Attached or not: what the devices contain decides which of them are parts. */
	ret = read_geometry(b, row, &chunk, &revert);
	if (ret)
		return ret;
	ret = vssctl_boot_revert_begin(&revert, fd);
	/* What somebody has attached he may have for another area. */
	if (!ret && attached && !revert.veiled)
		vssctl_boot_revert_end(&revert);
	if (!ret && !attached)
		ret = attach(b, row, chunk);
	if (!ret && revert.veiled)
		ret = check_alone(b, row);
	if (ret) {
		vssctl_boot_revert_end(&revert);
		if (!attached)
			vss_kernel_volume_detach(b->ctl->kernel, row->devs[0], false);
		return ret;
	}
	/* A veil is one in any boot, the head only where nobody has mounted it before in this one. */
	proven = revert.head_is_ours && !revert.clean && (b->unclean || revert.veiled);
	ret = load_claimed(b, row, fd, attached, proven);
	if (!find_state(b, row, &now, &loaded))
		reverted = vssctl_boot_revert_run(&revert, loaded);
	vssctl_boot_revert_end(&revert);
	return reverted ?: ret;
}

static int load(struct boot *b, struct row *row)
{
	bool attached, loaded;
	int fd, ret = find_state(b, row, &attached, &loaded);

	if (ret || loaded)
		return ret;
	fd = vssctl_claim_volume(row->found[0].path, VSSCTL_CLAIM_TRIES);
	if (fd == -EBUSY)
		return vssctl_fail(b->ctl, VSS_E_VOLUME_IN_USE,
				   "%s is in use already, so nobody can tell whether it was written: its diff area on %s is "
				   "not loaded; unmount it and run 'vssctl diff-area boot', or have the initramfs do that earlier",
				   row->found[0].path, row->found[1].path);
	if (fd < 0)
		return vssctl_fail(b->ctl, vss_result_from_errno(-fd), "cannot open %s: %s", row->found[0].path,
				   strerror(-fd));
	ret = load_and_revert(b, row, fd, attached);
	close(fd);
	return ret;
}

/* The machine stops: what nobody uses is detached in order. */
static int leave(struct boot *b, const struct row *row)
{
	struct vss_kernel_area *areas;
	size_t count;
	bool persistent;

	/* Not attached: nothing to do. */
	if (vss_kernel_area_list(b->ctl->kernel, &row->devs[0], &areas, &count))
		return 0;
	persistent = count && areas[0].persistent;
	vss_kernel_area_list_free(areas, count);
	if (!persistent)
		return 0;
	if (vss_kernel_volume_detach(b->ctl->kernel, row->devs[0], false))
		return vssctl_fail_kernel(b->ctl);
	vssctl_note(b->ctl, "%s: detached", row->found[0].path);
	return 0;
}

static int try_line(struct boot *b, size_t i)
{
	struct row *row = &b->rows[i];
	int ret, lock;

	/* To leave it takes the volume alone. */
	if (row->done || (b->leave ? !row->found[0].path : !!missing(b, i)))
		return 0;
	row->done = true;
	ret = b->leave ? 0 : check_shared(b, i);
	/* Only where there is something to load is the module needed. */
	if (!ret && !b->ctl->kernel)
		ret = vssctl_open_kernel(b->ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(b->ctl);
	ret = b->leave ? leave(b, row) : load(b, row);
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
		if (!b->rows[i].done && is_named(b, b->areas.lines[i].names[0]))
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
		const bool last = now_ms() >= end;

		look(b);
		for (size_t i = 0; i < b->areas.count; i++) {
			/* By then multipath and RAID devices are there. */
			if (last && !b->leave && !b->rows[i].done)
				ret = worse(ret, look_for_veiled(b, i));
			ret = worse(ret, try_line(b, i));
		}
		if (last || !is_waited_for(b))
			break;
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < b->areas.count; i++)
		if (!b->leave && !b->rows[i].done && is_named(b, b->areas.lines[i].names[0]))
			vssctl_warn(b->ctl, "%s is not there (yet), of the volume %s and its diff area; when all of them are, "
				    "load it with 'vssctl diff-area load' before the volume is mounted, or its snapshots are lost",
				    missing(b, i) ?: "a device", b->areas.lines[i].names[0]);
	return ret;
}

static bool row_init(struct row *row, size_t nr)
{
	row->nr = nr;
	row->found = calloc(nr, sizeof(*row->found));
	row->devs = calloc(nr, sizeof(*row->devs));
	return row->found && row->devs;
}

/* With room for one at least: an empty table is a good one. */
static int run_table(struct boot *b, uint64_t wait)
{
	const size_t room = b->areas.count + 1;
	bool good;
	int ret;

	b->rows = calloc(room, sizeof(*b->rows));
	b->devs = calloc(room, sizeof(*b->devs));
	good = b->rows && b->devs;
	for (size_t i = 0; good && i < b->areas.count; i++) {
		good = row_init(&b->rows[i], b->areas.lines[i].nr);
		b->rows[i].exclusive = b->areas.lines[i].exclusive;
		b->devs[i] = (struct vssctl_areas_devs) { .devs = b->rows[i].devs, .nr = b->rows[i].nr };
	}
	ret = good ? run_all(b, wait) : vssctl_fail(b->ctl, E_OUTOFMEMORY, "out of memory");
	for (size_t i = 0; b->rows && i < b->areas.count; i++)
		row_clear(&b->rows[i]);
	free(b->rows);
	free(b->devs);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct boot b = { .ctl = ctl, .table = VSSCTL_AREAS_TABLE };
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
	.summary = "load the persistent diff areas of " VSSCTL_AREAS_TABLE,
	.description = "Attach the volumes that " VSSCTL_AREAS_TABLE " names and load their persistent diff areas,\n"
		       "with the snapshots in them.  To be run before they are mounted: what is in use is\n"
		       "left alone.  With --wait only the VOLUMEs are waited for, if any are named.",
	.options = options,
	.max_operands = -1,
	.run = run,
};
