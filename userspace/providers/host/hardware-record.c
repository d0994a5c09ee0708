// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The adapter's records: which shadow copies there are, in memory and in one file
 * for each set.
 *
 * A file is a Backup Components Document with nothing in it but the set; what only
 * this machine knows of a copy, its state, is its provider data.  Files are written
 * aside, synced and renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup-document.h"
#include "hardware-internal.h"

/* Larger than any that was written. */
#define MAX_RECORD	(64U << 20)

static const char *const state_names[] = {
	[HW_CREATING] = "creating",
	[HW_HIDDEN] = "hidden",
	[HW_SHOWN] = "shown",
	[HW_FAILED] = "failed",
};

/* ---- in memory ---- */

static void copy_clear(struct hw_copy *copy)
{
	vss_free_snapshot_properties(&copy->member.prop);
	free(copy->member.filesystem);
	free(copy->member.provider_data);
	vss_lun_mappings_free(copy->member.luns, copy->member.nr_luns);
	free(copy->disks);
}

struct hw_set *hw_set_new(struct hardware *hw, const struct vss_uuid *id, uint32_t context)
{
	struct hw_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->about.set_id = *id;
	set->about.context = context;
	LIST_INSERT_HEAD(&hw->sets, set, link);
	return set;
}

void hw_set_free(struct hardware *hw, struct hw_set *set)
{
	if (hw->creating == set)
		hw->creating = NULL;
	for (size_t i = 0; i < set->nr_copies; i++)
		copy_clear(&set->copies[i]);
	free(set->copies);
	vss_set_description_clear(&set->about);
	LIST_REMOVE(set, link);
	free(set);
}

struct hw_set *hw_set_find(struct hardware *hw, const struct vss_uuid *id)
{
	struct hw_set *set;

	LIST_FOREACH(set, &hw->sets, link)
		if (vss_uuid_equal(&set->about.set_id, id))
			return set;
	return NULL;
}

struct hw_copy *hw_copy_add(struct hw_set *set)
{
	struct hw_copy *more = reallocarray(set->copies, set->nr_copies + 1, sizeof(*more));

	if (!more)
		return NULL;
	set->copies = more;
	more += set->nr_copies++;
	memset(more, 0, sizeof(*more));
	return more;
}

void hw_copy_remove(struct hw_set *set, size_t index)
{
	copy_clear(&set->copies[index]);
	set->nr_copies--;
	memmove(&set->copies[index], &set->copies[index + 1], (set->nr_copies - index) * sizeof(*set->copies));
}

struct hw_set *hw_copy_find(struct hardware *hw, const struct vss_uuid *snapshot, size_t *index)
{
	struct hw_set *set;

	LIST_FOREACH(set, &hw->sets, link)
		for (*index = 0; *index < set->nr_copies; (*index)++)
			if (vss_uuid_equal(&set->copies[*index].member.prop.snapshot_id, snapshot))
				return set;
	return NULL;
}

/* ---- reading ---- */

static bool read_file(const char *path, char **text, size_t *size)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *read_so_far = NULL;
	struct stat st;
	size_t done = 0;

	if (fd < 0 || fstat(fd, &st))
		return false;
	if (!S_ISREG(st.st_mode) || st.st_size > MAX_RECORD) {
		errno = EFBIG;
		return false;
	}
	read_so_far = malloc((size_t)st.st_size + 1);
	if (!read_so_far)
		return false;
	while (done < (size_t)st.st_size) {
		ssize_t got = read(fd, read_so_far + done, (size_t)st.st_size - done);

		if (got < 0)
			return false;
		if (!got)
			break;
		done += (size_t)got;
	}
	*text = keep_ptr(read_so_far);
	*size = done;
	return true;
}

static bool take_member(struct hw_set *set, struct vss_set_member *member)
{
	struct hw_copy *copy = hw_copy_add(set);

	if (!copy)
		return false;
	copy->member = *member;
	memset(member, 0, sizeof(*member));
	copy->imported = copy->member.prop.attributes & VSS_VOLSNAP_ATTR_IMPORTED;
	for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (copy->member.provider_data && !strcmp(copy->member.provider_data, state_names[i])) {
			copy->state = (enum hw_state)i;
			free(keep_ptr(copy->member.provider_data));
			return true;
		}
	return false;
}

/* NULL is good. */
static const char *load_one(struct hardware *hw, const char *path)
{
	struct vss_set_description about = { 0 };
	struct vss_backup_document *doc = NULL;
	static const char damaged[] = "it is no record of a set";
	_cleanup_free_ char *xml = NULL;
	const char *why = damaged;
	struct hw_set *set;
	size_t size;

	if (!read_file(path, &xml, &size))
		return strerror(errno);
	if (vss_backup_document_parse(xml, size, &doc, NULL) != S_OK)
		return damaged;
	if (vss_backup_document_get_set(doc, &about, NULL) == S_OK && !hw_set_find(hw, &about.set_id)) {
		set = hw_set_new(hw, &about.set_id, about.context);
		why = set ? NULL : "out of memory";
		for (size_t i = 0; !why && i < about.nr_members; i++)
			why = take_member(set, &about.members[i]) ? NULL : damaged;
		if (set) {
			set->about.snapshots_count = about.snapshots_count;
			set->about.creation_time = about.creation_time;
			set->about.originating_machine = keep_ptr(about.originating_machine);
			set->on_disk = true;
			if (why)
				hw_set_free(hw, set);
		}
	}
	vss_set_description_clear(&about);
	vss_backup_document_free(doc);
	return why;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && !strcmp(text + length - end_length, end);
}

vss_result hw_records_load(struct hardware *hw, struct vss_error *err)
{
	_cleanup_dir_ DIR *dir = opendir(hw->dir);
	const struct dirent *entry;

	if (!dir && errno == ENOENT)
		return S_OK;
	if (!dir)
		return hw_fail(err, VSS_E_PROVIDER_VETO, "the records of shadow copies in %s cannot be read: %s",
			       hw->dir, strerror(errno));
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;
		const char *why;

		if (asprintf(&path, "%s/%s", hw->dir, entry->d_name) < 0) {
			path = NULL;
			return hw_no_memory(err);
		}
		/* Half-written ones never came to their names. */
		if (ends_with(entry->d_name, ".new"))
			unlink(path);
		if (!ends_with(entry->d_name, ".xml"))
			continue;
		why = load_one(hw, path);
		if (why)
			fprintf(stderr, "vss-provider-host: provider \"%s\": the record %s is left alone, as it "
				"cannot be used: %s\n", hw->plugin->name, path, why);
	}
	return S_OK;
}

/* ---- writing ---- */

static int write_all(int fd, const char *text)
{
	size_t length = strlen(text);

	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

static int make_dir(const char *dir)
{
	_cleanup_free_ char *parent = strdup(dir);

	if (!parent)
		return -ENOMEM;
	*strrchr(parent, '/') = '\0';
	if (mkdir(parent, 0700) && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0700) && errno != EEXIST ? -errno : 0;
}

static int write_file(const char *dir, const char *path, const char *text)
{
	_cleanup_free_ char *aside = NULL;
	_cleanup_fd_ int fd = -1, dir_fd = -1;
	int ret = make_dir(dir);

	if (!ret && asprintf(&aside, "%s.new", path) < 0) {
		aside = NULL;
		ret = -ENOMEM;
	}
	if (ret)
		return ret;
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text);
	if (!ret && rename(aside, path))
		ret = -errno;
	if (ret)
		unlink(aside);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!ret && (dir_fd < 0 || fsync(dir_fd)))
		ret = -errno;
	return ret;
}

static char *path_of(const struct hardware *hw, const struct hw_set *set)
{
	char id[VSS_UUID_TEXT_SIZE], *path;

	return asprintf(&path, "%s/%s.xml", hw->dir, vss_uuid_format(&set->about.set_id, id)) < 0 ? NULL : path;
}

/* Its document; everything but the array of members is borrowed. */
static vss_result to_xml(const struct hardware *hw, const struct hw_set *set, char **xml, struct vss_error *err)
{
	struct vss_set_description about = set->about;
	struct vss_backup_document *doc = NULL;
	vss_result result;

	about.nr_members = set->nr_copies;
	about.members = calloc(set->nr_copies, sizeof(*about.members));
	if (!about.members)
		return hw_no_memory(err);
	if (about.snapshots_count < set->nr_copies)
		about.snapshots_count = (uint32_t)set->nr_copies;
	for (size_t i = 0; i < set->nr_copies; i++) {
		const struct hw_copy *copy = &set->copies[i];
		enum hw_state state = hw->creating == set ? HW_CREATING : copy->state;

		about.members[i] = copy->member;
		about.members[i].provider_data = (char *)state_names[state];
	}
	result = vss_backup_document_new(&doc, err);
	if (result == S_OK)
		result = vss_backup_document_put_set(doc, &about, err);
	if (result == S_OK)
		result = vss_backup_document_save(doc, xml, err);
	vss_backup_document_free(doc);
	free(about.members);
	return result;
}

vss_result hw_record_save(struct hardware *hw, struct hw_set *set, struct vss_error *err)
{
	_cleanup_free_ char *path = path_of(hw, set), *xml = NULL;
	struct vss_error why = { 0 };
	int ret;

	if (!path)
		return hw_no_memory(err);
	if (to_xml(hw, set, &xml, &why) != S_OK)
		return hw_fail(err, VSS_E_PROVIDER_VETO, "the record %s cannot be made: %.900s", path, why.text);
	ret = write_file(hw->dir, path, xml);
	if (ret)
		return hw_fail(err, VSS_E_PROVIDER_VETO, "the record %s cannot be written: %s; make room there, or see "
			       "to the file system", path, strerror(-ret));
	set->on_disk = true;
	return S_OK;
}

void hw_record_remove(struct hardware *hw, struct hw_set *set)
{
	_cleanup_free_ char *path = set->on_disk ? path_of(hw, set) : NULL;

	/* One that stays is of copies that are gone, which is found out when they are deleted. */
	if (path && unlink(path) && errno != ENOENT)
		fprintf(stderr, "vss-provider-host: cannot remove %s: %s\n", path, strerror(errno));
	hw_set_free(hw, set);
}
