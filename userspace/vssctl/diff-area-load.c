// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl diff-area load: take a persistent diff area into use again.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "boot-vouch.h"
#include "command.h"
#include "disk.h"
#include "print.h"
#include "revert-veil.h"

enum { OPT_UNCLEAN = 1 };

static const struct vssctl_option options[] = {
	{ OPT_UNCLEAN, "unclean", NULL, "nobody has written to the volume since, whatever it looks like" },
	{ 0 },
};

static void clear_devices(struct vss_blockdev (*devices)[VSS_MAX_AREA_PARTS])
{
	for (size_t i = 0; i < VSS_MAX_AREA_PARTS; i++)
		vss_blockdev_clear(&(*devices)[i]);
}

static bool is_there(struct vss_devno dev, const struct vss_kernel_area *areas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (areas[i].dev.major == dev.major && areas[i].dev.minor == dev.minor)
			return true;
	return false;
}

/* One that was being added when the machine stopped is not part of the area. */
static void tell_strangers(struct vssctl *ctl, const struct vss_blockdev *volume,
			   const struct vss_blockdev *devices, size_t nr)
{
	struct vss_kernel_area *areas;
	size_t count;

	if (nr < 2 || vss_kernel_area_list(ctl->kernel, &volume->dev, &areas, &count))
		return;
	for (size_t i = 0; i < nr; i++)
		if (!is_there(devices[i].dev, areas, count))
			vssctl_warn(ctl, "%s is not part of the diff area of %s, for it was not added to the end; "
				    "add it again with 'vssctl diff-area add --persistent --force'",
				    devices[i].path, volume->path);
	vss_kernel_area_list_free(areas, count);
}

/* 1: it has; 0: it has not; -EIO that cannot be told. */
static int has_our_veil(const struct vssctl_disk *disk, int volume)
{
	for (size_t i = 0; disk->known && i < disk->nr_parts; i++) {
		const struct vssctl_disk_part *part = &disk->parts[i];
		struct vssctl_wish wish;
		int ret;

		if (!part->found || le32toh(part->super.state) == VSS_DISK_CLEAN)
			continue;
		ret = vssctl_wish_read(part->source.fd, part->super.area, &wish);
		if (ret == -EIO && wish.state)
			return ret;
		if (ret || !vssctl_wish_is_veiled(&wish))
			continue;
		switch (vssctl_wish_look(&wish, volume)) {
		case VSSCTL_FRONT_OURS:
			return 1;
		case VSSCTL_FRONT_UNKNOWN:
			return -EIO;
		default:
			return 0;
		}
	}
	return 0;
}

/* What the superblocks tell before the module reads them. */
struct looks {
	uint32_t chunk_size;	/* 0: not known */
	/*
	 * Was the volume being set back when the machine stopped?  As long as it has the veil nobody else
	 * has written it, and vssd can go on.  As above.
	 */
	int veiled;
};

/* @volume: open, or -1 */
static struct looks look(const struct vss_blockdev *devices, size_t nr, int volume)
{
	struct vssctl_disk_source sources[VSS_MAX_AREA_PARTS];
	struct vssctl_disk disk = { 0 };
	struct looks looks = { 0 };

	for (size_t i = 0; i < nr; i++)
		sources[i] = (struct vssctl_disk_source) {
			.fd = open(devices[i].path, O_RDONLY | O_CLOEXEC), .name = devices[i].path,
		};
	if (!vssctl_disk_read_supers(&disk, sources, nr)) {
		looks.chunk_size = disk.known ? disk.chunk_size : 0;
		looks.veiled = volume >= 0 ? has_our_veil(&disk, volume) : 0;
	}
	vssctl_disk_clear(&disk);
	for (size_t i = 0; i < nr; i++)
		if (sources[i].fd >= 0)
			close(sources[i].fd);
	return looks;
}

/* The kernel says that they differ, and not what would be right. */
static int check_chunk_size(struct vssctl *ctl, const struct vss_blockdev *volume, uint32_t size)
{
	struct vss_kernel_volume state;

	if (vss_kernel_volume_get(ctl->kernel, volume->dev, &state))
		return vssctl_fail_kernel(ctl);
	if (!size || size == state.chunk_size)
		return 0;
	return vssctl_fail(ctl, E_INVALIDARG, "%s is attached with chunks of %u KiB, and the diff area has chunks of %u KiB: detach "
			   "it, attach it with --chunk-size %uK, and load its diff area again", volume->path,
			   state.chunk_size >> 10, size >> 10, size >> 10);
}

/* Loaded as any other its shadow copies would be lost, and what is half set back a mixture for good. */
static int choose_mode(struct vssctl *ctl, const struct vss_blockdev *volume, int veiled, bool claimed, uint32_t *mode)
{
	if (veiled < 0)
		return vssctl_fail(ctl, E_FAIL, "%s was being set back when the machine stopped, and it or its diff area cannot "
				   "be read: that is not loaded", volume->path);
	if (!veiled)
		return 0;
	*mode = VSS_AREA_LOAD_UNCLEAN;
	if (claimed && vssctl_is_alone(ctl, volume->dev))
		return 0;
	return vssctl_fail(ctl, VSS_E_VOLUME_IN_USE, "%s is half set back, and something has it open; end that, and load its "
			   "diff area again", volume->path);
}

/* @fd: the volume, open, or -1: how it looks does not matter; @claimed: nobody else can claim it */
static int load(struct vssctl *ctl, struct vssctl_args *args, const struct vss_blockdev *volume, uint32_t mode,
		int fd, bool claimed)
{
	struct vss_blockdev devices[VSS_MAX_AREA_PARTS] __attribute__((cleanup(clear_devices))) = { 0 };
	struct vss_devno devs[VSS_MAX_AREA_PARTS];
	struct vss_kernel_area added = { 0 };
	size_t nr = (size_t)args->argc - 1;
	struct looks looks;
	int ret = 0, lock;

	for (size_t i = 0; i < nr && !ret; i++) {
		ret = vssctl_resolve(ctl, args->argv[i + 1], &devices[i]);
		devs[i] = devices[i].dev;
	}
	if (!ret)
		ret = vssctl_open_kernel(ctl);
	if (ret)
		return ret;
	looks = look(devices, nr, fd);
	ret = check_chunk_size(ctl, volume, looks.chunk_size) ?: choose_mode(ctl, volume, looks.veiled, claimed, &mode);
	if (ret)
		return ret;
	lock = vssctl_lock(ctl);
	ret = vssctl_load_area(ctl, volume->dev, devs, nr, mode, 1, claimed ? VSSCTL_CLAIM_TRIES : 1, &added);
	vssctl_unlock(lock);
	if (ret)
		return vssctl_fail_kernel(ctl);
	tell_strangers(ctl, volume, devices, nr);
	ctl->print->area_added(ctl, &added);
	vss_kernel_area_clear(&added);
	return vssctl_tell_lost(ctl, volume, mode == VSS_AREA_LOAD ? VSSCTL_NOT_VOUCHED : "");
}

/*
 * Nobody else is to have it: what he writes meanwhile, or has written, could not be told.  Where
 * it does not matter, for there is nothing that could be wrong, the module loads it all the same.
 */
static int claim_and_load(struct vssctl *ctl, struct vssctl_args *args, const struct vss_blockdev *volume)
{
	int fd = vssctl_claim_volume(volume->path, VSSCTL_CLAIM_TRIES), ret;
	bool claimed = fd >= 0;

	if (fd == -EBUSY) {
		fd = open(volume->path, O_RDONLY | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return vssctl_fail(ctl, vss_result_from_errno(-fd), "cannot open %s: %s", volume->path, strerror(-fd));
	ret = load(ctl, args, volume, VSS_AREA_LOAD, fd, claimed);
	close(fd);
	return ret;
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_blockdev volume __attribute__((cleanup(vss_blockdev_clear))) = { 0 };
	uint32_t mode = VSS_AREA_LOAD;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_UNCLEAN:
			mode = VSS_AREA_LOAD_UNCLEAN;
			break;
		}
	}
	ret = vssctl_resolve(ctl, args->argv[0], &volume);
	if (ret)
		return ret;
	return mode == VSS_AREA_LOAD_UNCLEAN ? load(ctl, args, &volume, mode, -1, false) : claim_and_load(ctl, args, &volume);
}

const struct vssctl_command vssctl_diff_area_load = {
	.name = "diff-area load",
	.operands = "VOLUME DEVICE...",
	.summary = "take over a persistent diff area and its snapshots",
	.description = "Give an attached volume back the persistent diff area that it had, with the\n"
		       "snapshots in it.  All devices of the area are to be named, in any order.  If\n"
		       "the volume may have been written since, the snapshots are lost: that is told, and\n"
		       "it fails, with the area loaded.  With good ones in it, the volume must not be\n"
		       "in use, or nobody could tell.",
	.options = options,
	.min_operands = 2,
	.max_operands = 1 + VSS_MAX_AREA_PARTS,
	.run = run,
};
