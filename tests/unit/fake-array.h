/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A storage array and the machine that sees its LUNs, all in files of one folder: the
 * array is the example provider's, the machine is what the provider host's adapter
 * asks.  Processes that are forked share it.
 *
 * Of a LUN NAME the machine has these files: NAME.seen it has been scanned; NAME.hidden;
 * NAME.ro; NAME.busy somebody has mounted it.  A test makes NAME.late: it does not arrive;
 * NAME.other: it arrives with another serial number; NAME.bare: without identifiers.
 * NAME.fresh: its content was replaced, and the machine looked at it anew.
 * A volume's file system is its UUID, in the LUN's first bytes of it.
 */
#ifndef TESTS_UNIT_FAKE_ARRAY_H
#define TESTS_UNIT_FAKE_ARRAY_H

#include "../../userspace/providers/example/provider-example.c"

#include <sys/stat.h>

#include "error.h"
#include "host/hardware.h"
#include "tree.h"

#define FAKE_LUN_SIZE	(1U << 20)
#define FAKE_FS_UUID	"6f1c2d7e-0d57-4c0b-9d0a-51c6c2b4a6f1"

/* NAA names of the originals. */
#define LUN_A	"600000000000000000000000000000aa"
#define LUN_B	"600000000000000000000000000000bb"

static char fake_dir[64];

struct fake_part {
	const char *lun;
	uint64_t offset, length;
};

/* Volumes of the machine: two partitions of one LUN, and one over two LUNs. */
static const struct fake_volume {
	const char *path;
	struct fake_part parts[2];
} fake_volumes[] = {
	{ "/dev/fake-one", { { LUN_A, 0, 65536 } } },
	{ "/dev/fake-two", { { LUN_A, 65536, 65536 } } },
	{ "/dev/fake-wide", { { LUN_A, 131072, 65536 }, { LUN_B, 0, 65536 } } },
};

/* ---- files ---- */

static inline void fake_path(const char *name, const char *suffix, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.%s", fake_dir, name, suffix);
}

static inline bool fake_has(const char *name, const char *suffix)
{
	char path[PATH_MAX];

	fake_path(name, suffix, path);
	return !access(path, F_OK);
}

static inline void fake_set(const char *name, const char *suffix, bool there)
{
	char path[PATH_MAX];
	int fd;

	fake_path(name, suffix, path);
	if (!there) {
		unlink(path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	close(fd);
}

static inline void fake_lun_new(const char *name)
{
	struct array_lun lun = { .size = FAKE_LUN_SIZE, .copy_of = "-", .set = "-", .mapped = 1, .writable = 1 };
	char path[PATH_MAX];
	int fd;

	strcpy(lun.name, name);
	fake_path(name, "img", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, FAKE_LUN_SIZE) || !array_put(&lun))
		abort();
	for (off_t at = 0; at < FAKE_LUN_SIZE; at += 65536)
		if (pwrite(fd, FAKE_FS_UUID, 36, at) != 36)
			abort();
	close(fd);
	fake_set(name, "seen", true);
	fake_set(name, "allows", true);
}

static inline void fake_array_new(void)
{
	strcpy(fake_dir, "/tmp/vss-array-XXXXXX");
	if (!mkdtemp(fake_dir))
		abort();
	setenv("VSS_EXAMPLE_ARRAY", fake_dir, 1);
	fake_lun_new(LUN_A);
	fake_lun_new(LUN_B);
}

static inline void fake_array_free(void)
{
	tree_remove(fake_dir);
}

/* Call @then for each LUN of the array; how many there are. */
static inline size_t fake_each(void (*then)(const char *name))
{
	DIR *dir = opendir(fake_dir);
	struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir))) {
		char *end = strstr(entry->d_name, ".lun");

		if (!end || strcmp(end, ".lun"))
			continue;
		*end = '\0';
		count++;
		if (then)
			then(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return count;
}

/* ---- the machine ---- */

static inline vss_result fake_fail(struct vss_error *err, vss_result result, const char *what)
{
	vss_error_set(err, -EIO, result, "stand-in: %s", what);
	return result;
}

static inline void fake_scan_one(const char *name)
{
	struct array_lun lun;

	if (array_get(name, &lun) && lun.mapped && !fake_has(name, "late")) {
		fake_set(name, "seen", true);
		fake_set(name, "allows", lun.writable);
	}
}

static inline vss_result fake_rescan(uint32_t timeout_ms, struct vss_error *err)
{
	(void)timeout_ms;
	(void)err;
	fake_each(fake_scan_one);
	return S_OK;
}

static inline bool fake_is_seen(const char *name)
{
	struct array_lun lun;

	return fake_has(name, "seen") && array_get(name, &lun) && lun.mapped;
}

static inline vss_result fake_find(const struct vss_lun_info *lun, char **device, struct vss_error *err)
{
	char name[NAME_SIZE];

	*device = NULL;
	if (!name_of(lun, name) || !fake_is_seen(name))
		return fake_fail(err, VSS_E_OBJECT_NOT_FOUND, "the LUN is not here");
	if (fake_has(name, "other"))
		return fake_fail(err, VSS_E_MISSING_DISK, "a disk has its identifier and another serial number");
	return asprintf(device, "/dev/fake-disk-%s", name) < 0 ? E_OUTOFMEMORY : S_OK;
}

static inline const char *fake_name(const char *device)
{
	static const char start[] = "/dev/fake-disk-";

	return strncmp(device, start, strlen(start)) ? NULL : device + strlen(start);
}

static inline vss_result fake_describe(const char *name, struct vss_lun_info *lun)
{
	struct array_lun of;

	if (!array_get(name, &of) || !describe(&of, lun))
		return VSS_E_OBJECT_NOT_FOUND;
	/* What only the provider knows. */
	free(lun->interconnect);
	lun->interconnect = NULL;
	if (fake_has(name, "bare")) {
		free(lun->ids);
		lun->ids = NULL;
		lun->nr_ids = 0;
	}
	return S_OK;
}

static inline vss_result fake_identify(const char *device, struct vss_lun_info *lun, struct vss_error *err)
{
	const char *name = fake_name(device);

	if (!name || fake_describe(name, lun) != S_OK)
		return fake_fail(err, VSS_E_OBJECT_NOT_FOUND, "no such disk");
	return S_OK;
}

static inline vss_result fake_wait(const struct vss_lun_info *const *luns, size_t n, uint32_t timeout_ms,
				   struct vss_error *err)
{
	fake_rescan(timeout_ms, err);
	for (size_t i = 0; i < n; i++) {
		char *device;
		vss_result result = fake_find(luns[i], &device, err);

		free(device);
		if (result != S_OK)
			return fake_fail(err, VSS_E_MISSING_DISK, "a LUN did not arrive");
	}
	return S_OK;
}

static inline vss_result fake_remove(const char *device, struct vss_error *err)
{
	const char *name = fake_name(device);

	if (!name || !fake_has(name, "seen"))
		return fake_fail(err, VSS_E_OBJECT_NOT_FOUND, "no such disk");
	if (fake_has(name, "busy"))
		return fake_fail(err, VSS_E_VOLUME_IN_USE, "the disk is mounted");
	fake_set(name, "seen", false);
	fake_set(name, "ro", false);
	return S_OK;
}

static inline vss_result fake_mark(const struct vss_lun_info *lun, bool hidden, struct vss_error *err)
{
	char name[NAME_SIZE];

	if (!name_of(lun, name))
		return fake_fail(err, VSS_E_VOLUME_NOT_SUPPORTED, "no identifier");
	fake_set(name, "hidden", hidden);
	return S_OK;
}

static inline vss_result fake_hide(const struct vss_lun_info *lun, struct vss_error *err)
{
	return fake_mark(lun, true, err);
}

static inline vss_result fake_unhide(const struct vss_lun_info *lun, struct vss_error *err)
{
	return fake_mark(lun, false, err);
}

static inline vss_result fake_protect(const char *name, bool read_only, struct vss_error *err)
{
	if (read_only && fake_has(name, "busy") && !fake_has(name, "ro"))
		return fake_fail(err, VSS_E_VOLUME_IN_USE, "the disk is mounted");
	if (!read_only && !fake_has(name, "allows"))
		return fake_fail(err, VSS_E_VOLUME_NOT_SUPPORTED, "the array protects the LUN");
	fake_set(name, "ro", read_only);
	return S_OK;
}

/* A volume is a file that names its LUNs, one in a line. */
static inline vss_result fake_set_read_only(const char *device, bool read_only, struct vss_error *err)
{
	const char *name = fake_name(device);
	vss_result result = S_OK;
	char line[NAME_SIZE + 1];
	FILE *file;

	if (name)
		return fake_protect(name, read_only, err);
	file = fopen(device, "re");
	if (!file)
		return fake_fail(err, VSS_E_OBJECT_NOT_FOUND, "no such volume");
	while (result == S_OK && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		result = line[0] ? fake_protect(line, read_only, err) : S_OK;
	}
	fclose(file);
	return result;
}

static inline bool fake_read_fs(const char *lun, uint64_t offset, char uuid[37])
{
	char path[PATH_MAX];
	bool good;
	int fd;

	fake_path(lun, "img", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(uuid, 0, 37);
	good = fd >= 0 && pread(fd, uuid, 36, (off_t)offset) == 36;
	if (fd >= 0)
		close(fd);
	return good && uuid[0];
}

static inline vss_result fake_from_luns(const struct vss_lun_mapping *mappings, size_t n,
					const struct vss_volume_options *options, char **device,
					struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE], path[PATH_MAX], uuid[37];
	FILE *file;

	*device = NULL;
	snprintf(path, sizeof(path), "%s/volume-%s", fake_dir, vss_uuid_format(&options->id, id));
	file = fopen(path, "we");
	for (size_t i = 0; i < n; i++) {
		char name[NAME_SIZE];

		if (!options->use_destination || !mappings[i].has_destination ||
		    !name_of(&mappings[i].destination, name) || !fake_is_seen(name)) {
			fclose(file);
			unlink(path);
			return fake_fail(err, VSS_E_MISSING_DISK, "a LUN is not here");
		}
		fake_protect(name, true, err);
		fprintf(file, "%s\n", name);
		if (!i && options->fs_uuid && options->fs_uuid[0] &&
		    (!fake_read_fs(name, mappings[i].extents[0].lun_offset, uuid) || strcmp(uuid, options->fs_uuid))) {
			fclose(file);
			unlink(path);
			return fake_fail(err, VSS_E_MISSING_VOLUME, "the file system is another");
		}
	}
	fclose(file);
	*device = strdup(path);
	return *device ? S_OK : E_OUTOFMEMORY;
}

static inline vss_result fake_release(const char *device, struct vss_error *err)
{
	(void)err;
	if (!strncmp(device, fake_dir, strlen(fake_dir)))
		unlink(device);
	return S_OK;
}

/* Volumes of which a part is on the LUN, and that are not among the selected. */
static inline vss_result fake_check_idle(const char *device, struct vss_error *err)
{
	const char *name = fake_name(device);

	if (fake_has(name, "busy") || fake_has(name, "ro"))
		return fake_fail(err, VSS_E_VOLUME_IN_USE, "the disk is mounted or read-only");
	return S_OK;
}

static inline vss_result fake_check_volumes(const char *device, const struct vss_lun_mapping *selected, size_t n,
					    struct vss_error *err)
{
	const char *name = fake_name(device);
	char of[NAME_SIZE];

	if (!name)
		return fake_fail(err, VSS_E_OBJECT_NOT_FOUND, "no such disk");
	for (size_t i = 0; i < sizeof(fake_volumes) / sizeof(fake_volumes[0]); i++)
		for (size_t j = 0; j < 2 && fake_volumes[i].parts[j].lun; j++) {
			bool found = strcmp(fake_volumes[i].parts[j].lun, name);

			for (size_t k = 0; !found && k < n; k++)
				found = name_of(&selected[k].source, of) && !strcmp(of, name) && selected[k].nr_extents &&
					selected[k].extents[0].lun_offset == fake_volumes[i].parts[j].offset;
			if (!found)
				return fake_fail(err, VSS_E_UNSELECTED_VOLUME, fake_volumes[i].path);
		}
	return S_OK;
}

static inline vss_result fake_refresh(const char *device, struct vss_error *err)
{
	const char *name = fake_name(device);

	if (!name || !fake_is_seen(name))
		return fake_fail(err, VSS_E_OBJECT_NOT_FOUND, "no such disk");
	fake_set(name, "fresh", true);
	return S_OK;
}

static inline char *fake_fs_uuid(const char *device)
{
	char uuid[37];

	for (size_t i = 0; i < sizeof(fake_volumes) / sizeof(fake_volumes[0]); i++)
		if (!strcmp(fake_volumes[i].path, device) &&
		    fake_read_fs(fake_volumes[i].parts[0].lun, fake_volumes[i].parts[0].offset, uuid))
			return strdup(uuid);
	return NULL;
}

static inline vss_result fake_volume_luns(const char *volume, struct vss_lun_mapping **mappings, size_t *n,
					  struct vss_error *err)
{
	uint64_t at = 0;

	*mappings = NULL;
	*n = 0;
	for (size_t i = 0; i < sizeof(fake_volumes) / sizeof(fake_volumes[0]); i++) {
		const struct fake_volume *v = &fake_volumes[i];

		if (strcmp(v->path, volume))
			continue;
		*mappings = calloc(2, sizeof(**mappings));
		for (; *mappings && *n < 2 && v->parts[*n].lun; (*n)++) {
			struct vss_lun_mapping *m = &(*mappings)[*n];

			fake_describe(v->parts[*n].lun, &m->source);
			m->extents = calloc(1, sizeof(*m->extents));
			m->nr_extents = 1;
			*m->extents = (struct vss_lun_extent) { at, v->parts[*n].offset, v->parts[*n].length };
			at += v->parts[*n].length;
		}
		return *mappings ? S_OK : E_OUTOFMEMORY;
	}
	return fake_fail(err, VSS_E_VOLUME_NOT_SUPPORTED, "the volume lies on no LUN");
}

static const struct hardware_machine fake_machine = {
	.volume_luns = fake_volume_luns,
	.identify = fake_identify,
	.find = fake_find,
	.rescan = fake_rescan,
	.wait = fake_wait,
	.remove = fake_remove,
	.hide = fake_hide,
	.unhide = fake_unhide,
	.from_luns = fake_from_luns,
	.release = fake_release,
	.set_read_only = fake_set_read_only,
	.check_volumes = fake_check_volumes,
	.check_idle = fake_check_idle,
	.refresh = fake_refresh,
	.fs_uuid = fake_fs_uuid,
};

#endif /* TESTS_UNIT_FAKE_ARRAY_H */
