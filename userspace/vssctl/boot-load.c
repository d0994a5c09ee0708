// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading the diff area of one volume at boot, or when it has come.  What fails is told, and the
 * volume is let go of.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "boot-load.h"
#include "boot-vouch.h"
#include "disk.h"
#include "prepare.h"
#include "revert-boot.h"

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
static bool leave_out_empty(struct vssctl_boot *b, struct vssctl_boot_row *row, const struct vssctl_disk *disk,
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

static int tell_unreadable(struct vssctl_boot *b, const struct vssctl_boot_row *row, const struct vssctl_disk *disk)
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
static int read_geometry(struct vssctl_boot *b, struct vssctl_boot_row *row, uint32_t *chunk, struct vssctl_boot_revert *revert)
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
static int find_state(struct vssctl_boot *b, const struct vssctl_boot_row *row, bool *attached, bool *loaded)
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

static int attach(struct vssctl_boot *b, struct vssctl_boot_row *row, uint32_t chunk)
{
	struct vss_kernel_volume state;

	return vssctl_attach_volume(b->ctl, &row->found[0], chunk, 0, &state);
}

static int add(struct vssctl_boot *b, const struct vssctl_boot_row *row, uint32_t mode)
{
	/* udev has a disk open while this runs for it. */
	const uint32_t openers = b->arrived.major && vssctl_is_reader(getppid(), row->devs[0]) ? 2 : 1;
	struct vss_kernel_area area = { 0 };

	if (vssctl_load_area(b->ctl, row->devs[0], row->parts, row->nr_parts, mode, openers,
			     mode == VSS_AREA_LOAD_UNCLEAN ? 1 : VSSCTL_CLAIM_TRIES, &area))
		return vssctl_fail_kernel(b->ctl);
	vss_kernel_area_clear(&area);
	return 0;
}

/* Who has it open without a claim could write it, now or before, unseen. */
static int check_alone(struct vssctl_boot *b, const struct vssctl_boot_row *row)
{
	if (vssctl_is_alone(b->ctl, row->devs[0]))
		return 0;
	return vssctl_fail(b->ctl, VSS_E_VOLUME_IN_USE, "something has %s open, such as a virtual machine, and it is half set "
			   "back; end that, and run 'vssctl diff-area boot'", row->found[0].path);
}

/* With the volume claimed as @fd, so that nobody begins to use it before the end. */
static int load_claimed(struct vssctl_boot *b, struct vssctl_boot_row *row, int fd, bool attached, bool proven)
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

static bool is_half_done(const struct vssctl_boot_revert *revert)
{
	return revert->veiled || revert->wish.state == VSS_DISK_REVERT_WRITING ||
	       revert->wish.state == VSS_DISK_REVERT_HEAD;
}

static int tell_half_done(struct vssctl_boot *b, const struct vssctl_boot_row *row, const struct vssctl_boot_revert *revert)
{
	return vssctl_fail(b->ctl, VSS_E_BAD_STATE, "%s was half set back when the machine stopped; %s", row->found[0].path,
			   revert->veiled ? "to complete that, run 'vssctl diff-area boot'" :
			   "do not mount it, but start the machine with it and its diff area plugged in, which completes that");
}

/* The initramfs stops where a file system would be mounted that is a mixture; it cannot be under the veil. */
static int seen_to(const struct vssctl_boot_revert *revert, int ret)
{
	return ret && revert->asked && is_half_done(revert) && !revert->veiled && !revert->mounted_since ?
		VSSCTL_HALF_WRITTEN : ret;
}

static int load_and_revert(struct vssctl_boot *b, struct vssctl_boot_row *row, int fd, bool attached)
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
	/* udev ends what takes minutes, and nobody vouches for what the initramfs would go on with. */
	if (!ret && b->arrived.major && is_half_done(&revert))
		ret = tell_half_done(b, row, &revert);
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
		return seen_to(&revert, ret);
	}
	/* A veil is one in any boot, the head only where nobody has mounted it before in this one. */
	proven = revert.head_is_ours && !revert.clean && (b->unclean || revert.veiled);
	ret = load_claimed(b, row, fd, attached, proven);
	if (!find_state(b, row, &now, &loaded))
		reverted = vssctl_boot_revert_run(&revert, loaded);
	vssctl_boot_revert_end(&revert);
	return reverted ?: ret;
}

int vssctl_boot_load(struct vssctl_boot *b, struct vssctl_boot_row *row)
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
