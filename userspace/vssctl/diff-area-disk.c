// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area check and dump: a persistent diff area as it is on its devices,
 * without the module.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "disk-tree.h"
#include "document.h"
#include "names.h"
#include "print.h"

/* Each command has one more option beside the common one. */
enum { OPT_AT = 1, OPT_OWN };

#define OPTION_AT	{ OPT_AT, "at", "OFFSET", "where the part begins on its device: one for each DEVICE, in order" }

static const struct vssctl_option check_options[] = {
	OPTION_AT,
	{ OPT_OWN, "no-data", NULL, "do not read the copies, only what describes them" },
	{ 0 },
};

static const struct vssctl_option dump_options[] = {
	OPTION_AT,
	{ OPT_OWN, "copies", NULL, "tell also where every copy is" },
	{ 0 },
};

struct devices {
	struct vssctl_disk_source *sources;
	struct vss_blockdev *found;	/* of those that are named by a tag */
	size_t count;
};

static void close_devices(struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		close(devices->sources[i].fd);
		vss_blockdev_clear(&devices->found[i]);
	}
	free(devices->sources);
	free(devices->found);
}

/*
 * Whoever uses it writes past the page cache, which may have what was there when somebody
 * looked before.
 */
static void tell_in_use(struct vssctl *ctl, const char *name, int fd)
{
	struct stat st;
	int other;

	if (fstat(fd, &st) || !S_ISBLK(st.st_mode))
		return;
	other = open(name, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (other >= 0) {
		close(other);
		return;
	}
	if (errno != EBUSY)
		return;
	ioctl(fd, BLKFLSBUF);
	vssctl_warn(ctl, "%s is in use: what is written to it while it is read may look like damage", name);
}

/* What can be read anywhere, and has an end. */
static int check_kind(struct vssctl *ctl, const char *name, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return vssctl_fail(ctl, vss_result_from_errno(errno), "%s cannot be read: %s", name, strerror(errno));
	if (S_ISBLK(st.st_mode) || S_ISREG(st.st_mode))
		return 0;
	return vssctl_fail(ctl, E_INVALIDARG, "%s is neither a block device nor a file with the content of one", name);
}

/* The next one, by a path or, as in /etc/vss/areas, by a tag. */
static int open_device(struct vssctl *ctl, const char *name, uint64_t offset, struct devices *devices)
{
	struct vss_blockdev *found = &devices->found[devices->count];
	int fd, ret;

	if (strchr(name, '=') && access(name, F_OK)) {
		ret = vssctl_resolve(ctl, name, found);
		if (ret)
			return ret;
		name = found->path;
	}
	/* Not to wait for who writes into a pipe. */
	fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		ret = vssctl_fail(ctl, errno == ENOENT ? VSS_E_OBJECT_NOT_FOUND : vss_result_from_errno(errno),
				  "%s cannot be read: %s", name, strerror(errno));
		vss_blockdev_clear(found);
		return ret;
	}
	devices->sources[devices->count++] = (struct vssctl_disk_source) {
		.fd = fd, .name = name, .offset = offset,
	};
	ret = check_kind(ctl, name, fd);
	if (!ret)
		tell_in_use(ctl, name, fd);
	return ret;
}

static int open_devices(struct vssctl *ctl, struct vssctl_args *args, const uint64_t *offsets, struct devices *devices)
{
	int ret = 0;

	devices->sources = calloc((size_t)args->argc, sizeof(*devices->sources));
	devices->found = calloc((size_t)args->argc, sizeof(*devices->found));
	if (!devices->sources || !devices->found)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "no memory");
	for (int i = 0; i < args->argc && !ret; i++)
		ret = open_device(ctl, args->argv[i], offsets[i], devices);
	return ret;
}

static void put_tree(struct vssctl *ctl, json_object *tree)
{
	if (ctl->json)
		fprintf(ctl->out, "%s\n", json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PRETTY |
									 JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		vssctl_print_tree(ctl->out, tree, true);
}

/* What keeps it from being read: notes may come before. */
static const char *why_unreadable(const struct vssctl_disk *disk)
{
	size_t i = 0;

	while (i + 1 < disk->nr_problems && disk->problems[i].level != VSSCTL_DISK_UNREADABLE)
		i++;
	return disk->problems[i].text;
}

/* A sentence for people; programs have it in the tree. */
static int verdict(struct vssctl *ctl, const struct vssctl_disk *disk)
{
	size_t alive = 0;

	if (disk->nr_problems && disk->worst == VSSCTL_DISK_UNREADABLE)
		return vssctl_fail(ctl, VSS_E_UNEXPECTED, "the diff area cannot be read: %s", why_unreadable(disk));
	if (disk->nr_problems && disk->worst == VSSCTL_DISK_DAMAGE)
		return vssctl_fail(ctl, VSS_E_UNEXPECTED,
				   "the diff area is damaged: its snapshots are lost, the volume is not touched by that; "
				   "delete them, and make the area anew");
	if (disk->nr_problems && disk->worst == VSSCTL_DISK_CONTENT)
		return vssctl_fail(ctl, VSS_E_UNEXPECTED,
				   "copies are damaged or cannot be read, and the module does not compare them: images "
				   "that need them show wrong data, or fail; delete the snapshots, and see to the device");
	if (le32toh(disk->parts[0].super.state) == VSS_DISK_LOST) {
		vssctl_note(ctl, "the diff area is as it was written%s, and its snapshots are lost (%s): delete them, and make "
			    "the area anew", disk->nr_problems ? " but for what is noted" : "",
			    vssctl_lost_reason_name(le32toh(disk->parts[0].super.lost_reason)));
		return VSSCTL_OK;
	}
	for (size_t i = 0; i < disk->nr_snapshots; i++)
		alive += disk->snapshots[i].life == VSSCTL_DISK_ALIVE;
	vssctl_note(ctl, "the diff area is sound%s: %zu snapshots alive, %u of %u slots in use",
		    disk->nr_problems ? " but for what is noted" : "", alive, disk->used_slots,
		    disk->nr_slots - disk->meta_slots);
	if (disk->data_bare)
		vssctl_note(ctl, "%llu bytes of copies have no checksum, or not any more: that they are what was copied "
			    "cannot be verified", (unsigned long long)disk->data_bare);
	return VSSCTL_OK;
}

static int check(struct vssctl *ctl, struct vssctl_disk *disk)
{
	if (ctl->json) {
		json_object *tree = vssctl_disk_tree(disk, false);

		put_tree(ctl, tree);
		json_object_put(tree);
	} else {
		for (size_t i = 0; i < disk->nr_problems; i++)
			fprintf(ctl->out, "%s: %s\n", vssctl_disk_level_name(disk->problems[i].level),
				disk->problems[i].text);
	}
	return verdict(ctl, disk);
}

static int dump(struct vssctl *ctl, struct vssctl_disk *disk, bool copies)
{
	json_object *tree = vssctl_disk_tree(disk, copies);

	put_tree(ctl, tree);
	json_object_put(tree);
	return disk->known ? VSSCTL_OK : verdict(ctl, disk);
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	bool checking = args->command == &vssctl_diff_area_check;
	struct devices devices __attribute__((cleanup(close_devices))) = { 0 };
	struct vssctl_disk disk __attribute__((cleanup(vssctl_disk_clear))) = { 0 };
	uint64_t offsets[VSS_DISK_MAX_PARTS] = { 0 };
	bool data = checking, copies = false;
	size_t nr_offsets = 0;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_AT:
			if (nr_offsets == VSS_DISK_MAX_PARTS)
				return vssctl_usage_error(args, "--at is given too often");
			if (!vssctl_size_value(args, "at", &offsets[nr_offsets++]))
				return args->exit_code;
			break;
		case OPT_OWN:
			data = false;
			copies = !checking;
			break;
		}
	}
	if (nr_offsets && nr_offsets != (size_t)args->argc)
		return vssctl_usage_error(args, "give --at once for each device, or not at all");
	ret = open_devices(ctl, args, offsets, &devices);
	if (ret)
		return ret;
	if (vssctl_disk_read(&disk, devices.sources, devices.count, data))
		return vssctl_fail(ctl, E_OUTOFMEMORY, "no memory for what is in the diff area");
	return checking ? check(ctl, &disk) : dump(ctl, &disk, copies);
}

const struct vssctl_command vssctl_diff_area_check = {
	.name = "diff-area check",
	.operands = "DEVICE...",
	.summary = "verify a persistent diff area on its devices",
	.description = "Read a persistent diff area from the devices it is made of, without the module:\n"
		       "verify every checksum, of the copies as well as far as there is one for them.  The\n"
		       "volume must not be attached.",
	.options = check_options,
	.min_operands = 1,
	.max_operands = VSS_DISK_MAX_PARTS,
	.run = run,
};

const struct vssctl_command vssctl_diff_area_dump = {
	.name = "diff-area dump",
	.operands = "DEVICE...",
	.summary = "show what is in a persistent diff area",
	.description = "Show the superblocks, the snapshots and the usage of a persistent diff area, read\n"
		       "from the devices it is made of, without the module.",
	.options = dump_options,
	.min_operands = 1,
	.max_operands = VSS_DISK_MAX_PARTS,
	.run = run,
};
