// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area boot: attach the volumes of /etc/vss/areas and load their diff
 * areas, before anybody writes to them.  Run by the initramfs for the root volume and
 * what else is there already, and by systemd for the rest, once, while nothing can be
 * mounted yet.  With --leave the reverse, when the machine stops.
 *
 * While a volume is loaded it is claimed, and mount(8) would find it busy.  For volumes that come
 * later udev runs this with --arrived, before others get to know of the device.  What fails is
 * told, the volume is let go of, and the machine goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "boot-load.h"
#include "boot-vouch.h"
#include "command.h"
#include "detach-volume.h"
#include "log-stream.h"
#include "names.h"
#include "revert-find.h"

#define LAST_FLAG	"/run/vss/areas-vouched"
#define POLL_MS		200
#define MAX_WAIT	600

enum { OPT_TABLE = 1, OPT_WAIT, OPT_UNCLEAN, OPT_LAST, OPT_REVERT, OPT_LEAVE, OPT_ARRIVED, OPT_SYSLOG };

static const struct vssctl_option options[] = {
	{ OPT_TABLE, "table", "FILE", "instead of " VSSCTL_AREAS_TABLE },
	{ OPT_WAIT, "wait", "SECONDS", "so long for devices that are not there yet" },
	{ OPT_UNCLEAN, "unclean", NULL, "nobody has written to the volumes in this boot" },
	{ OPT_LAST, "last", NULL, "with --unclean: nobody can say so later in this boot" },
	{ OPT_REVERT, "revert", NULL, "set back what 'vssctl revert --at-boot' has asked for" },
	{ OPT_LEAVE, "leave", NULL, "the machine stops: detach what is not in use" },
	{ OPT_ARRIVED, "arrived", "DEVICE", "only if it is one of the volumes, which has just come" },
	{ OPT_SYSLOG, "syslog", NULL, "tell it all to the system's log" },
	{ 0 },
};

static void row_clear(struct vssctl_boot_row *row)
{
	for (size_t i = 0; row->found && i < row->nr; i++)
		vss_blockdev_clear(&row->found[i]);
	free(row->found);
	free(row->devs);
}

/*
 * Devices are read for a name without a link in the last try only: one that does not answer must not keep
 * others from their areas, and until multipath has made its device the paths carry the name.
 */
static int find_device(const struct vssctl_boot *b, const char *name, struct vss_blockdev *found)
{
	struct vss_devno dev;

	if (!b->probing && vss_blockdev_peek(name, &dev))
		return -ENOENT;
	return vss_blockdev_resolve(name, found, NULL);
}

static struct vss_devno resolve(const struct vssctl_boot *b, const char *name, struct vss_blockdev *found)
{
	vss_blockdev_clear(found);
	if (find_device(b, name, found))
		return (struct vss_devno) { 0, 0 };
	return found->dev;
}

/* Is the line for whoever runs this? */
static bool is_asked_for(const struct vssctl_boot *b, const struct vssctl_boot_row *row)
{
	return !b->arrived.major || (row->devs[0].major == b->arrived.major && row->devs[0].minor == b->arrived.minor);
}

/* For udev by links alone: a device that is suspended, or asleep, may be what others wait for. */
static void look_at_links(const struct vssctl_areas_line *line, struct vssctl_boot_row *row)
{
	for (size_t k = 0; k < row->nr; k++)
		if (vss_blockdev_peek(line->names[k], &row->devs[k]))
			row->devs[k] = (struct vss_devno) { 0, 0 };
}

/* The first name of a line whose device is not there, or NULL. */
static const char *missing(const struct vssctl_boot *b, size_t i)
{
	const struct vssctl_boot_row *row = &b->rows[i];

	for (size_t k = 0; k < row->nr; k++)
		if (!row->devs[k].major)
			return b->areas.lines[i].names[k];
	return NULL;
}

/* All lines, before the first is tried: any may name a device of another. */
static void look(struct vssctl_boot *b)
{
	for (size_t i = 0; i < b->areas.count; i++) {
		struct vssctl_boot_row *row = &b->rows[i];

		if (b->arrived.major) {
			look_at_links(&b->areas.lines[i], row);
			if (!is_asked_for(b, row) || missing(b, i))
				continue;
		}
		for (size_t k = 0; k < row->nr && !row->done; k++)
			row->devs[k] = resolve(b, b->areas.lines[i].names[k], &row->found[k]);
	}
}

/* A volume that is half set back has neither UUID nor label. */
static int look_for_veiled(struct vssctl_boot *b, size_t i)
{
	struct vssctl_boot_row *row = &b->rows[i];
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

/* Which one was meant nobody can tell, and the wrong one would lose its snapshots. */
static int check_shared(struct vssctl_boot *b, size_t i)
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

static int try_line(struct vssctl_boot *b, size_t i)
{
	struct vssctl_boot_row *row = &b->rows[i];
	int ret, lock;

	if (row->done || !is_asked_for(b, row) || missing(b, i))
		return 0;
	ret = check_shared(b, i);
	/* Only where there is something to load is the module needed. */
	if (!ret && !b->ctl->kernel)
		ret = vssctl_open_kernel(b->ctl);
	if (ret) {
		row->done = true;
		return ret;
	}
	/* Who has it may be at it for an hour, and udev waits for this. */
	lock = b->arrived.major ? vssctl_trylock(b->ctl) : vssctl_lock(b->ctl);
	row->locked_out = lock == -EWOULDBLOCK;
	if (row->locked_out)
		return 0;
	row->done = true;
	ret = vssctl_boot_load(b, row);
	vssctl_unlock(lock);
	return ret;
}

static bool is_named(const struct vssctl_boot *b, const char *volume)
{
	struct vss_blockdev one __attribute__((cleanup(vss_blockdev_clear))) = { 0 };

	if (!b->nr_names)
		return true;
	if (find_device(b, volume, &one))
		one.dev = (struct vss_devno) { 0, 0 };
	for (int i = 0; i < b->nr_names; i++) {
		struct vss_blockdev other __attribute__((cleanup(vss_blockdev_clear))) = { 0 };

		if (!strcmp(b->names[i], volume))
			return true;
		if (one.dev.major && !find_device(b, b->names[i], &other) &&
		    one.dev.major == other.dev.major && one.dev.minor == other.dev.minor)
			return true;
	}
	return false;
}

static bool is_open(const struct vssctl_boot *b, size_t i)
{
	return !b->rows[i].done && is_asked_for(b, &b->rows[i]) && is_named(b, b->areas.lines[i].names[0]);
}

static bool is_waited_for(const struct vssctl_boot *b)
{
	for (size_t i = 0; i < b->areas.count; i++)
		if (is_open(b, i))
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

static void tell_missing(struct vssctl_boot *b, size_t i)
{
	const char *name = missing(b, i), *volume = b->areas.lines[i].names[0];

	if (b->rows[i].locked_out)
		vssctl_warn(b->ctl, "another command attaches or detaches volumes, so the diff area of %s is not loaded; run "
			    "'vssctl diff-area boot' before the volume is mounted", volume);
	else if (b->arrived.major)
		vssctl_warn(b->ctl, "%s is not there (yet), of the diff area of %s, which has come; when it is, run 'vssctl "
			    "diff-area boot' before the volume is mounted", name ?: "a device", volume);
	else
		vssctl_warn(b->ctl, "%s is not there (yet), of the volume %s and its diff area; the area has to come before "
			    "the volume does, or both before 'vssctl diff-area boot' is run and the volume mounted",
			    name ?: "a device", volume);
}

static int run_all(struct vssctl_boot *b, uint64_t wait)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	const uint64_t end = now_ms() + 1000 * wait;
	int ret = 0;

	for (;;) {
		const bool last = now_ms() >= end;

		b->probing = last && !b->arrived.major;
		look(b);
		for (size_t i = 0; i < b->areas.count; i++) {
			/* By then multipath and RAID devices are there. */
			if (last && !b->arrived.major && !b->rows[i].done)
				ret = worse(ret, look_for_veiled(b, i));
			ret = worse(ret, try_line(b, i));
		}
		if (last || !is_waited_for(b))
			break;
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < b->areas.count; i++)
		if (is_open(b, i))
			tell_missing(b, i);
	return ret;
}

static bool row_init(struct vssctl_boot_row *row, size_t nr)
{
	row->nr = nr;
	row->found = calloc(nr, sizeof(*row->found));
	row->devs = calloc(nr, sizeof(*row->devs));
	return row->found && row->devs;
}

/* With room for one at least: an empty table is a good one. */
static int run_table(struct vssctl_boot *b, uint64_t wait)
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

/* What nobody uses is detached in order. */
static int leave_volume(struct vssctl_boot *b, const struct vss_kernel_volume *volume)
{
	struct vss_kernel_area *areas;
	char name[VSSCTL_DEVICE_TEXT];
	size_t count;
	int ret, lock;

	vssctl_device_name(volume->dev, name);
	if (!is_named(b, name))
		return 0;
	ret = vss_kernel_area_list(b->ctl->kernel, &volume->dev, &areas, &count);
	if (ret)
		return ret == -ENODEV ? 0 : vssctl_fail_kernel(b->ctl);
	if (!count || !areas[0].persistent) {
		vss_kernel_area_list_free(areas, count);
		return 0;
	}
	lock = vssctl_lock(b->ctl);
	ret = vssctl_detach_volume(b->ctl, volume->dev, false, areas, count);
	vssctl_unlock(lock);
	vss_kernel_area_list_free(areas, count);
	if (ret)
		return vssctl_fail_kernel(b->ctl);
	vssctl_note(b->ctl, "%s: detached", name);
	return 0;
}

/*
 * The machine stops.  The kernel tells which volumes there are: they may have other names by now
 * than in the table, and devices that are named there need not answer.
 */
static int leave(struct vssctl_boot *b)
{
	struct vss_kernel_volume *volumes;
	size_t count;
	int ret = vssctl_open_kernel(b->ctl);

	if (ret)
		return ret;
	b->probing = true;
	if (vss_kernel_volume_list(b->ctl->kernel, &volumes, &count))
		return vssctl_fail_kernel(b->ctl);
	for (size_t i = 0; i < count; i++)
		ret = worse(ret, leave_volume(b, &volumes[i]));
	free(volumes);
	return ret;
}

/* By its number: nothing else need be there of a device that has just come. */
static int parse_arrived(struct vssctl_boot *b, const char *name)
{
	if (!vss_blockdev_peek(name, &b->arrived))
		return 0;
	return vssctl_fail(b->ctl, VSS_E_OBJECT_NOT_FOUND, "%s is no block device", name);
}

static int run_asked(struct vssctl_boot *b, const char *arrived, uint64_t wait, bool last)
{
	bool bad = false;
	int ret = arrived ? parse_arrived(b, arrived) : 0;

	if (ret)
		return ret;
	if (b->leave)
		return vssctl_module_loaded() ? leave(b) : 0;
	b->unclean = arrived ? vssctl_is_vouching(LAST_FLAG) : b->unclean && vssctl_may_vouch(b->ctl, LAST_FLAG, last);
	ret = vssctl_areas_read(b->ctl, b->table, &b->areas, &bad) ?: run_table(b, wait);
	vssctl_areas_clear(&b->areas);
	return ret ?: bad ? VSSCTL_FAILURE : VSSCTL_OK;
}

static int run_in_log(struct vssctl_boot *b, const char *arrived, uint64_t wait, bool last)
{
	struct vssctl *ctl = b->ctl;
	FILE *out = ctl->out, *err = ctl->err;
	FILE *notes = vssctl_log_stream(LOG_INFO), *faults = vssctl_log_stream(LOG_WARNING);
	int ret;

	ctl->out = notes ?: out;
	ctl->err = faults ?: err;
	ret = run_asked(b, arrived, wait, last);
	ctl->out = out;
	ctl->err = err;
	if (notes)
		fclose(notes);
	if (faults)
		fclose(faults);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vssctl_boot b = { .ctl = ctl, .table = VSSCTL_AREAS_TABLE };
	const char *arrived = NULL;
	bool last = false, in_log = false;
	uint64_t wait = 0;
	int opt;

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
		case OPT_ARRIVED:
			arrived = optarg;
			break;
		case OPT_SYSLOG:
			in_log = true;
			break;
		}
	}
	if (last && !b.unclean)
		return vssctl_usage_error(args, "--last needs --unclean");
	if (b.revert && !b.unclean)
		return vssctl_usage_error(args, "--revert needs --unclean");
	if (b.leave && (b.unclean || wait))
		return vssctl_usage_error(args, "--leave excludes --unclean and --wait");
	if (arrived && (b.leave || b.unclean || args->argc))
		return vssctl_usage_error(args, "--arrived excludes --leave, --unclean and VOLUMEs");
	b.names = args->argv;
	b.nr_names = args->argc;
	return in_log ? run_in_log(&b, arrived, wait, last) : run_asked(&b, arrived, wait, last);
}

const struct vssctl_command vssctl_diff_area_boot = {
	.name = "diff-area boot",
	.operands = "[VOLUME...]",
	.summary = "load the persistent diff areas of " VSSCTL_AREAS_TABLE,
	.description = "Attach the volumes that " VSSCTL_AREAS_TABLE " names and load their persistent diff areas,\n"
		       "with the snapshots in them.  To be run before they are mounted: what is in use is\n"
		       "left alone.  With --wait only the VOLUMEs are waited for, if any are named.\n"
		       "udev runs it with --arrived for each device that comes after the boot.",
	.options = options,
	.max_operands = -1,
	.run = run,
};
