// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets that have been imported on this machine, which may be done once: their
 * documents are spent, also after the copies were deleted or broken.  A document
 * that is used again would hide and protect a volume that has long been in use.
 *
 * Each is an empty file state_dir/imported/SET.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <unistd.h>

#include "core-internal.h"

static struct spent *find(const struct vssd_core *core, const struct vss_uuid *set)
{
	struct spent *spent;

	TAILQ_FOREACH(spent, &core->spent, link)
		if (vss_uuid_equal(&spent->set, set))
			return spent;
	return NULL;
}

bool spent_find(const struct vssd_core *core, const struct vss_uuid *set)
{
	return find(core, set);
}

static int make_file(const struct vssd_core *core, const struct vss_uuid *set)
{
	_cleanup_free_ char *dir = vssd_printf("%s/imported", core->state_dir);
	_cleanup_fd_ int folder = -1, file = -1;
	char id[VSS_UUID_TEXT_SIZE];

	if ((mkdir(core->state_dir, 0700) < 0 && errno != EEXIST) || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return -errno;
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	file = openat(folder, vss_uuid_format(set, id), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return file < 0 || fsync(folder) < 0 ? -errno : 0;
}

static void save(void *arg)
{
	struct vssd_core *core = arg;
	struct spent *spent;
	char id[VSS_UUID_TEXT_SIZE];

	TAILQ_FOREACH(spent, &core->spent, link) {
		int result = spent->on_disk ? 0 : make_file(core, &spent->set);

		if (result)
			core_log(core, LOG_ERR, VSSD_MESSAGE_RECORD_FAILED, NULL,
				 "that set %s has been imported cannot be recorded in %s/imported: %s",
				 vss_uuid_format(&spent->set, id), core->state_dir, strerror(-result));
		else
			spent->on_disk = true;
	}
}

static void add(struct vssd_core *core, const struct vss_uuid *set, bool on_disk)
{
	struct spent *spent = vssd_alloc(sizeof(*spent));

	spent->set = *set;
	spent->on_disk = on_disk;
	TAILQ_INSERT_TAIL(&core->spent, spent, link);
}

void spent_add(struct vssd_core *core, const struct vss_uuid *set)
{
	if (find(core, set))
		return;
	add(core, set, false);
	if (core->state_dir)
		core_when_loud(core, save, core);
}

void spent_load(struct vssd_core *core)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	const struct set *set;
	struct vss_uuid id;

	if (!core->state_dir)
		return;
	path = vssd_printf("%s/imported", core->state_dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (!vss_uuid_parse(entry->d_name, &id) && !find(core, &id))
			add(core, &id, true);
	/* An earlier life may have ended in the middle of an import. */
	TAILQ_FOREACH(set, &core->sets, link)
		if (set->imported)
			spent_add(core, &set->id);
}

void spent_free(struct vssd_core *core)
{
	struct spent *spent;

	while ((spent = TAILQ_FIRST(&core->spent))) {
		TAILQ_REMOVE(&core->spent, spent, link);
		free(spent);
	}
}
