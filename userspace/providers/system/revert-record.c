// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of reverts: a file for each in STATE/reverts, named after the shadow copy, from
 * before the volume is changed until it is set back and on disk.  Lines of KEY=VALUE; the
 * first one, the state, has a fixed size and is changed in place where a file cannot be
 * replaced or removed.  Beside it, with ".plan" to its name, is what is to be written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "revert.h"

#define MAX_RECORD	8192
#define NAME_SIZE	(VSS_UUID_TEXT_SIZE + 8)

/* All of one length: see the header. */
static const char *const states[] = { "planned", "writing", "failed ", "done   " };

static int open_folder(const char *state_dir, bool create)
{
	_cleanup_fd_ int state = -1;
	int folder;

	if (create && mkdir(state_dir, 0700) && errno != EEXIST)
		return -errno;
	state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return -errno;
	if (create && mkdirat(state, "reverts", 0700) && errno != EEXIST)
		return -errno;
	folder = openat(state, "reverts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return folder < 0 ? -errno : folder;
}

static const char *file_name(const struct vss_uuid *snapshot, const char *suffix, char name[NAME_SIZE])
{
	char id[VSS_UUID_TEXT_SIZE];

	snprintf(name, NAME_SIZE, "%s%s", vss_uuid_format(snapshot, id), suffix);
	return name;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(fd, text, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		size -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

/* ---- text ---- */

/* A value is one line. */
static void one_line(char *text)
{
	while ((text = strchr(text, '\n')))
		*text++ = ' ';
}

static int format(const struct revert_record *r, char **text)
{
	const struct revert_identity *v = &r->volume;
	char boot[VSS_UUID_TEXT_SIZE], area[VSS_UUID_TEXT_SIZE];
	struct revert_record line = *r;

	/* What a disk or a file system is called is theirs to choose. */
	one_line(line.why);
	one_line(line.volume.name);
	one_line(line.volume.device);
	one_line(line.volume.fs);
	one_line(line.image_fs);
	return asprintf(text, "state=%s\nname=%s\ndev=%" PRIu32 ":%" PRIu32 "\nboot=%s\nsize=%" PRIu64
			"\ndevice=%s\nfs=%s\nhead=%s\nimage-fs=%s\narea=%s\nepoch=%" PRIu32
			"\noverlay=%" PRIu64 "\nwrites=%" PRIu64 "\nmixed=%d\npercent=%u\nwhy=%s\nend=\n",
			states[r->state], line.volume.name, v->dev.major, v->dev.minor, vss_uuid_format(&v->boot, boot),
			v->size, line.volume.device, line.volume.fs, v->head, line.image_fs,
			vss_uuid_format(&r->area, area), r->epoch,
			r->overlay, r->writes, r->mixed, r->percent, line.why);
}

static void take_text(char *to, size_t size, const char *value)
{
	snprintf(to, size, "%s", value);
}

static void take_uuid(struct vss_uuid *to, const char *value)
{
	if (vss_uuid_parse(value, to))
		memset(to, 0, sizeof(*to));
}

/* False: the line is none of a record. */
static bool take_line(struct revert_record *r, const char *key, const char *value)
{
	struct revert_identity *v = &r->volume;

	if (!strcmp(key, "state")) {
		for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
			if (!strcmp(value, states[i])) {
				r->state = (enum revert_state)i;
				return true;
			}
		return false;
	}
	if (!strcmp(key, "name"))
		take_text(v->name, sizeof(v->name), value);
	else if (!strcmp(key, "dev"))
		return sscanf(value, "%" SCNu32 ":%" SCNu32, &v->dev.major, &v->dev.minor) == 2;
	else if (!strcmp(key, "boot"))
		take_uuid(&v->boot, value);
	else if (!strcmp(key, "size"))
		v->size = strtoull(value, NULL, 10);
	else if (!strcmp(key, "device"))
		take_text(v->device, sizeof(v->device), value);
	else if (!strcmp(key, "fs"))
		take_text(v->fs, sizeof(v->fs), value);
	else if (!strcmp(key, "head"))
		take_text(v->head, sizeof(v->head), value);
	else if (!strcmp(key, "image-fs"))
		take_text(r->image_fs, sizeof(r->image_fs), value);
	else if (!strcmp(key, "area"))
		take_uuid(&r->area, value);
	else if (!strcmp(key, "epoch"))
		r->epoch = (uint32_t)strtoul(value, NULL, 10);
	else if (!strcmp(key, "overlay"))
		r->overlay = strtoull(value, NULL, 10);
	else if (!strcmp(key, "writes"))
		r->writes = strtoull(value, NULL, 10);
	else if (!strcmp(key, "mixed"))
		r->mixed = !strcmp(value, "1");
	else if (!strcmp(key, "percent"))
		r->percent = (unsigned int)strtoul(value, NULL, 10);
	else if (!strcmp(key, "why"))
		take_text(r->why, sizeof(r->why), value);
	return true;
}

/* True if it is whole, from the state to the end. */
static bool parse(struct revert_record *r, char *text)
{
	bool state = false, end = false;
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		if (!value || end)
			return false;
		*value++ = '\0';
		if (!take_line(r, line, value))
			return false;
		state |= !strcmp(line, "state");
		end = !strcmp(line, "end");
	}
	return state && end;
}

/* ---- files ---- */

int revert_record_write(const char *state_dir, struct revert_record *record)
{
	_cleanup_fd_ int folder = open_folder(state_dir, true), fd = -1;
	char name[NAME_SIZE], aside[NAME_SIZE];
	_cleanup_free_ char *text = NULL;
	int ret, size;

	if (folder < 0)
		return folder;
	size = format(record, &text);
	if (size < 0) {
		text = NULL;
		return -ENOMEM;
	}
	file_name(&record->snapshot, "", name);
	file_name(&record->snapshot, ".new", aside);
	fd = openat(folder, aside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, (size_t)size);
	if (!ret && renameat(folder, aside, folder, name))
		ret = -errno;
	if (!ret && fsync(folder))
		ret = -errno;
	if (ret) {
		unlinkat(folder, aside, 0);
		return ret;
	}
	revert_record_close(record);
	record->fd = keep_fd(fd);
	return 0;
}

static void mark_done(struct revert_record *record)
{
	char line[16];
	int size = snprintf(line, sizeof(line), "state=%s", states[REVERT_DONE]);

	record->state = REVERT_DONE;
	/* If neither this can be, removing it has to succeed. */
	if (record->fd >= 0 && pwrite(record->fd, line, (size_t)size, 0) == size)
		fdatasync(record->fd);
}

int revert_record_remove(const char *state_dir, struct revert_record *record)
{
	_cleanup_fd_ int folder = open_folder(state_dir, false);
	char name[NAME_SIZE];

	mark_done(record);
	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	if (unlinkat(folder, file_name(&record->snapshot, ".plan", name), 0) && errno != ENOENT)
		return -errno;
	if (unlinkat(folder, file_name(&record->snapshot, "", name), 0) && errno != ENOENT)
		return -errno;
	return fsync(folder) ? -errno : 0;
}

int revert_record_drop(const char *state_dir, const struct revert_record *record)
{
	_cleanup_fd_ int folder = open_folder(state_dir, false);
	char name[NAME_SIZE];

	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	if (unlinkat(folder, file_name(&record->snapshot, "", name), 0) && errno != ENOENT)
		return -errno;
	/* A plan without a record is nothing. */
	unlinkat(folder, file_name(&record->snapshot, ".plan", name), 0);
	fsync(folder);
	return 0;
}

void revert_record_close(struct revert_record *record)
{
	if (record->fd >= 0)
		close(record->fd);
	record->fd = -1;
}

static void read_one(int folder, const char *name, revert_record_fn take, void *data)
{
	_cleanup_free_ char *text = calloc(1, MAX_RECORD);
	struct revert_record record = { .fd = -1 };
	_cleanup_fd_ int fd = -1;

	if (!text || vss_uuid_parse(name, &record.snapshot))
		return;
	fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	/* What it was about cannot be told to anybody who asks; whoever reads the journal finds it. */
	if (fd < 0 || read(fd, text, MAX_RECORD - 1) <= 0 || !parse(&record, text)) {
		fprintf(stderr, "vss-provider-host: the record of a revert reverts/%s cannot be read or is damaged, and "
			"is left alone; the volume of that revert may be half written\n", name);
		return;
	}
	record.fd = keep_fd(fd);
	take(data, &record);
}

void revert_records_read(const char *state_dir, revert_record_fn take, void *data)
{
	int folder = open_folder(state_dir, false);
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;

	if (folder < 0)
		return;
	dir = fdopendir(folder);
	if (!dir) {
		close(folder);
		return;
	}
	while ((entry = readdir(dir)))
		read_one(dirfd(dir), entry->d_name, take, data);
}

int revert_plan_open(const char *state_dir, const struct vss_uuid *snapshot, bool create)
{
	_cleanup_fd_ int folder = open_folder(state_dir, create);
	char name[NAME_SIZE];
	int fd;

	if (folder < 0)
		return folder;
	fd = openat(folder, file_name(snapshot, ".plan", name),
		    O_RDWR | O_NOFOLLOW | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
	if (fd < 0)
		return -errno;
	if (create && fsync(folder)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int revert_record_room(const char *state_dir, uint64_t *bytes)
{
	_cleanup_fd_ int folder = open_folder(state_dir, true);
	struct statvfs st;

	if (folder < 0)
		return folder;
	if (fstatvfs(folder, &st))
		return -errno;
	*bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}
