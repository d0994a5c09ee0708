// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area boot: attach the volumes of /etc/vss/areas and load their diff
 * areas, before anybody writes to them.  Run by the initramfs for the root volume and
 * what else is there already, by systemd for the rest.
 *
 * A volume must not be kept from its users by this: what fails is told, the volume is
 * let go of, and the machine goes on.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "areas-table.h"
#include "command.h"
#include "disk.h"
#include "prepare.h"

#define USUAL_TABLE	"/etc/vss/areas"
#define POLL_MS		200
#define MAX_WAIT	600

enum { OPT_TABLE = 1, OPT_WAIT, OPT_UNCLEAN };

static const struct vssctl_option options[] = {
	{ OPT_TABLE, "table", "FILE", "instead of " USUAL_TABLE },
	{ OPT_WAIT, "wait", "SECONDS", "so long for devices that are not there yet" },
	{ OPT_UNCLEAN, "unclean", NULL, "nobody has written to the volumes in this boot" },
	{ 0 },
};

struct boot {
	struct vssctl *ctl;
	struct vssctl_areas areas;
	bool *done;			/* of each line: loaded, or given up */
	bool unclean;
	char **names;			/* whom to wait for; none: all */
	int nr_names;
};

struct pair {
	struct vss_blockdev volume, device;
};

static void pair_clear(struct pair *pair)
{
	vss_blockdev_clear(&pair->volume);
	vss_blockdev_clear(&pair->device);
}

/* True: both are there. */
static bool resolve(const struct vssctl_areas_line *line, struct pair *pair)
{
	struct vss_error err;

	return !vss_blockdev_resolve(line->volume, &pair->volume, &err) &&
	       !vss_blockdev_resolve(line->device, &pair->device, &err);
}

/* The chunk size that the volume has to be attached with. */
static int read_geometry(struct boot *b, const struct pair *pair, uint32_t *chunk)
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
	vssctl_disk_clear(&disk);
	if (source.fd >= 0)
		close(source.fd);
	return ret;
}

/* One that has a diff area has been loaded, or somebody has his own plans. */
static int attach(struct boot *b, const struct pair *pair, bool *loaded)
{
	struct vss_kernel_volume state;
	struct vss_kernel_area *areas;
	uint32_t chunk;
	size_t count;
	int ret;

	*loaded = false;
	if (!vss_kernel_volume_get(b->ctl->kernel, pair->volume.dev, &state)) {
		if (vss_kernel_area_list(b->ctl->kernel, &pair->volume.dev, &areas, &count))
			return vssctl_fail_kernel(b->ctl);
		vss_kernel_area_list_free(areas, count);
		*loaded = count;
		return 0;
	}
	ret = read_geometry(b, pair, &chunk);
	return ret ?: vssctl_attach_volume(b->ctl, &pair->volume, chunk, 0, &state);
}

static int load(struct boot *b, const struct pair *pair)
{
	/* What is mounted may have been written: nobody can vouch for it. */
	const bool vouched = b->unclean && !pair->volume.mount_point && !pair->volume.swap;
	struct vss_kernel_area area = { 0 };
	bool loaded;
	int ret = attach(b, pair, &loaded);

	if (ret || loaded)
		return ret;
	if (vss_kernel_area_add_persistent(b->ctl->kernel, pair->volume.dev, pair->device.dev,
					   vouched ? VSS_AREA_LOAD_UNCLEAN : VSS_AREA_LOAD, &area)) {
		ret = vssctl_fail_kernel(b->ctl);
		vss_kernel_volume_detach(b->ctl->kernel, pair->volume.dev, false);
		return ret;
	}
	vss_kernel_area_clear(&area);
	vssctl_note(b->ctl, "%s: diff area loaded from %s", pair->volume.path, pair->device.path);
	return 0;
}

static int try_line(struct boot *b, size_t i)
{
	struct pair pair __attribute__((cleanup(pair_clear))) = { 0 };
	int ret, lock;

	if (b->done[i] || !resolve(&b->areas.lines[i], &pair))
		return 0;
	b->done[i] = true;
	/* Only where there is something to load is the module needed. */
	ret = b->ctl->kernel ? 0 : vssctl_open_kernel(b->ctl);
	if (ret)
		return ret;
	lock = vssctl_lock(b->ctl);
	ret = load(b, &pair);
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

static int run_all(struct boot *b, uint64_t wait)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int ret = 0;

	for (uint64_t waited = 0;; waited += POLL_MS) {
		/* The first failure decides; each one is told. */
		for (size_t i = 0; i < b->areas.count; i++)
			ret = try_line(b, i) ?: ret;
		if (waited >= 1000 * wait || !is_waited_for(b))
			break;
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < b->areas.count; i++)
		if (!b->done[i] && is_named(b, b->areas.lines[i].volume))
			vssctl_warn(b->ctl, "%s or its diff area's device %s is not there (yet); if the volume is written "
				    "before both are, its snapshots are lost", b->areas.lines[i].volume,
				    b->areas.lines[i].device);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	const char *table = USUAL_TABLE;
	struct boot b = { .ctl = ctl };
	uint64_t wait = 0;
	bool bad;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_TABLE:
			table = optarg;
			break;
		case OPT_WAIT:
			if (!vssctl_number_value(args, "wait", 0, MAX_WAIT, &wait))
				return args->exit_code;
			break;
		case OPT_UNCLEAN:
			b.unclean = true;
			break;
		}
	}
	b.names = args->argv;
	b.nr_names = args->argc;
	ret = vssctl_areas_read(ctl, table, &b.areas, &bad);
	b.done = calloc(b.areas.count + 1, sizeof(*b.done));
	if (!ret && !b.done)
		ret = vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	if (!ret)
		ret = run_all(&b, wait);
	free(b.done);
	vssctl_areas_clear(&b.areas);
	return ret ?: bad ? VSSCTL_FAILURE : VSSCTL_OK;
}

const struct vssctl_command vssctl_diff_area_boot = {
	.name = "diff-area boot",
	.operands = "[VOLUME...]",
	.summary = "load the persistent diff areas of " USUAL_TABLE,
	.description = "Attach the volumes that " USUAL_TABLE " names and load their persistent diff areas,\n"
		       "with the snapshots in them.  To be run before they are mounted.  With --wait only\n"
		       "the VOLUMEs are waited for, if any are named.",
	.options = options,
	.max_operands = -1,
	.run = run,
};
