// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hardware provider to begin one's own with.
 *
 *	cc -shared -fPIC -o provider-example.so provider-example.c \
 *		$(pkg-config --cflags --libs libvss)
 *	vss-provider-test ./provider-example.so
 *
 * Its array is a folder, /var/lib/vss-example or what VSS_EXAMPLE_ARRAY says: for each
 * LUN a file NAME.img with the content and a file NAME.lun with what the array knows
 * of it, where NAME are the 32 digits of its NAA identifier.  The first part of this
 * file, "the array", is what you replace by calls to yours; the second is what a
 * provider has to do for any array.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vss/provider.h>

/* ==== The array ============================================================= */

#define NAME_SIZE	33
#define MAX_LUNS	64

struct array_lun {
	char name[NAME_SIZE];
	char copy_of[NAME_SIZE];		/* "-": it is no copy */
	char set[VSS_UUID_TEXT_SIZE];		/* that the copy was made for; "-" */
	uint64_t size;
	int mapped;				/* this machine may see it */
	int writable;
};

static void array_path(const char *name, const char *suffix, char path[PATH_MAX])
{
	const char *array = getenv("VSS_EXAMPLE_ARRAY");

	snprintf(path, PATH_MAX, "%s/%s%s", array ? array : "/var/lib/vss-example", name, suffix);
}

/* False: there is no such LUN. */
static bool array_get(const char *name, struct array_lun *lun)
{
	char path[PATH_MAX];
	FILE *file;
	int got;

	memset(lun, 0, sizeof(*lun));
	array_path(name, ".lun", path);
	file = fopen(path, "re");
	if (!file)
		return false;
	snprintf(lun->name, sizeof(lun->name), "%.32s", name);
	got = fscanf(file, "size=%" SCNu64 " copy_of=%32s set=%36s mapped=%d writable=%d", &lun->size, lun->copy_of,
		     lun->set, &lun->mapped, &lun->writable);
	fclose(file);
	return got == 5;
}

static bool array_put(const struct array_lun *lun)
{
	char path[PATH_MAX], aside[PATH_MAX];
	FILE *file;
	bool good;

	array_path(lun->name, ".lun", path);
	array_path(lun->name, ".new", aside);
	file = fopen(aside, "we");
	if (!file)
		return false;
	good = fprintf(file, "size=%" PRIu64 "\ncopy_of=%s\nset=%s\nmapped=%d\nwritable=%d\n", lun->size, lun->copy_of,
		       lun->set, lun->mapped, lun->writable) > 0;
	good = !fclose(file) && good;
	return good && !rename(aside, path);
}

/* Room for a copy of @name, as a LUN of its own that nobody sees yet. */
static bool array_reserve(const char *name, const char *set, struct array_lun *copy)
{
	struct vss_uuid id;

	if (!array_get(name, copy) || vss_uuid_generate(&id))
		return false;
	/* NAA: 6 in the first half of a byte, and digits that are this copy's own. */
	id.bytes[0] = 0x60 | (id.bytes[0] & 0xf);
	for (size_t i = 0; i < sizeof(id.bytes); i++)
		sprintf(copy->name + 2 * i, "%02x", id.bytes[i]);
	snprintf(copy->copy_of, sizeof(copy->copy_of), "%.32s", name);
	snprintf(copy->set, sizeof(copy->set), "%.36s", set);
	copy->mapped = 0;
	copy->writable = 0;
	return array_put(copy);
}

/* The instant: a real array does this for all LUNs of a set at once, and in no time. */
static bool array_copy(const struct array_lun *copy)
{
	char from[PATH_MAX], to[PATH_MAX];
	ssize_t done = 1;
	int in, out;

	array_path(copy->copy_of, ".img", from);
	array_path(copy->name, ".img", to);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (in >= 0 && out >= 0 && done > 0)
		done = copy_file_range(in, NULL, out, NULL, 1U << 30, 0);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return in >= 0 && out >= 0 && !done;
}

/* Back again.  A real array can serve reads from the copy at once. */
static bool array_resync(const struct array_lun *copy)
{
	struct array_lun back = *copy;

	strcpy(back.name, copy->copy_of);
	strcpy(back.copy_of, copy->name);
	return array_copy(&back);
}

static void array_delete(const char *name)
{
	char path[PATH_MAX];

	array_path(name, ".img", path);
	unlink(path);
	/* Last: as long as it is there the LUN can be found and deleted again. */
	array_path(name, ".lun", path);
	unlink(path);
}

/* Delete what was made for a set; how much that was, or -1. */
static int array_delete_set(const char *set)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int deleted = 0;
	DIR *dir;

	array_path("", "", path);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(dir))) {
		char *end = strstr(entry->d_name, ".lun");
		struct array_lun lun;

		if (!end || end - entry->d_name != NAME_SIZE - 1)
			continue;
		*end = '\0';
		if (!array_get(entry->d_name, &lun) || strcmp(lun.set, set))
			continue;
		array_delete(lun.name);
		deleted++;
	}
	closedir(dir);
	return deleted;
}

/* ==== The provider ========================================================== */

struct provider {
	pthread_mutex_t mutex;			/* of all below but @cancelled */
	atomic_bool cancelled;
	char set[VSS_UUID_TEXT_SIZE];		/* in creation; "" without one */
	bool prepared;
	bool committed;
	struct array_lun copies[MAX_LUNS];	/* copy_of is known from the beginning */
	size_t nr_copies;
};

/* What failed, on what, and what to do. */
static vss_result failure(struct vss_error *err, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static vss_result failure(struct vss_error *err, vss_result result, const char *format, ...)
{
	va_list args;

	err->result = result;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return result;
}

/* ---- LUNs ---- */

/* By which name does the array know it?  False: by none. */
static bool name_of(const struct vss_lun_info *lun, char name[NAME_SIZE])
{
	for (size_t i = 0; i < lun->nr_ids; i++) {
		const struct vss_storage_id *id = &lun->ids[i];

		if (id->type != 3 || id->association || id->size != 16)
			continue;
		for (size_t j = 0; j < id->size; j++)
			sprintf(name + 2 * j, "%02x", id->bytes[j]);
		return true;
	}
	return false;
}

static bool find_lun(const struct vss_lun_info *lun, struct array_lun *found)
{
	char name[NAME_SIZE];

	return name_of(lun, name) && array_get(name, found);
}

/* As the LUN's disk will show itself, on whatever machine. */
static bool describe(const struct array_lun *lun, struct vss_lun_info *info)
{
	struct vss_storage_id *id = calloc(1, sizeof(*id));

	memset(info, 0, sizeof(*info));
	info->vendor = strdup("EXAMPLE");
	info->product = strdup("FOLDER");
	info->serial = strndup(lun->name, 16);
	info->interconnect = strdup("folder");
	info->bus_type = VSS_BUS_VIRTUAL;
	info->size = lun->size;
	info->block_size = 512;
	info->ids = id;
	info->nr_ids = id ? 1 : 0;
	if (!info->vendor || !info->product || !info->serial || !info->interconnect || !id) {
		vss_lun_info_clear(info);
		return false;
	}
	*id = (struct vss_storage_id) { .code_set = 1, .type = 3, .size = 16 };
	for (size_t i = 0; i < id->size; i++) {
		unsigned int byte;

		sscanf(lun->name + 2 * i, "%2x", &byte);
		id->bytes[i] = (uint8_t)byte;
	}
	return true;
}

static vss_result get_provider_capabilities(void *state, uint64_t *capabilities, struct vss_error *err)
{
	(void)state;
	(void)err;
	*capabilities = VSS_PRV_CAPABILITY_COMPLIANT | VSS_PRV_CAPABILITY_MULTIPLE_IMPORT |
			VSS_PRV_CAPABILITY_PLEX | VSS_PRV_CAPABILITY_LUN_RESYNC;
	return S_OK;
}

/* Yes is a promise: never for what cannot be done, also not for a lack of room that may pass. */
static vss_result are_luns_supported(void *state, uint32_t context, const struct vss_lun_info *luns,
				     size_t nr_luns, struct vss_error *err)
{
	struct array_lun found;

	(void)state;
	/* These copies are whole ones; who wants only differences goes elsewhere. */
	if (context & VSS_VOLSNAP_ATTR_DIFFERENTIAL)
		return failure(err, S_FALSE, "this array makes full copies only");
	for (size_t i = 0; i < nr_luns; i++)
		if (!find_lun(&luns[i], &found))
			return failure(err, S_FALSE, "a LUN is not of this array");
	return nr_luns ? S_OK : S_FALSE;
}

static vss_result fill_in_lun_info(void *state, const char *device, struct vss_lun_info *lun,
				   struct vss_error *err)
{
	struct array_lun found;
	char *interconnect;

	(void)state;
	(void)device;
	if (!find_lun(lun, &found))
		return S_FALSE;
	interconnect = strdup("folder");
	if (!interconnect)
		return failure(err, E_OUTOFMEMORY, "out of memory");
	free(lun->interconnect);
	lun->interconnect = interconnect;
	return S_OK;
}

/* ---- a set ---- */

static void forget_set(struct provider *p)
{
	p->set[0] = '\0';
	p->nr_copies = 0;
	p->prepared = false;
	p->committed = false;
}

static vss_result add_lun(struct provider *p, const struct vss_lun_info *lun, struct vss_error *err)
{
	struct array_lun found;

	if (!find_lun(lun, &found))
		return failure(err, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, "a LUN of the volume is not of this array");
	/* Two volumes on one LUN: it is copied once. */
	for (size_t i = 0; i < p->nr_copies; i++)
		if (!strcmp(p->copies[i].copy_of, found.name))
			return S_OK;
	if (p->nr_copies == MAX_LUNS)
		return failure(err, VSS_E_PROVIDER_VETO, "a set has at most %d LUNs; make two sets", MAX_LUNS);
	strcpy(p->copies[p->nr_copies++].copy_of, found.name);
	return S_OK;
}

static vss_result begin_prepare(void *state, const struct vss_uuid *set, const struct vss_uuid *snapshot,
				uint32_t context, const struct vss_provider_volume *volume, struct vss_error *err)
{
	struct provider *p = state;
	char id[VSS_UUID_TEXT_SIZE];
	vss_result result = S_OK;
	size_t before;

	(void)snapshot;
	(void)context;
	vss_uuid_format(set, id);
	pthread_mutex_lock(&p->mutex);
	/* Out of sequence it is the start of a new set, and the end of an older one. */
	if (p->set[0] && (p->prepared || strcmp(p->set, id))) {
		array_delete_set(p->set);
		forget_set(p);
	}
	if (!p->set[0])
		atomic_store(&p->cancelled, false);
	before = p->nr_copies;
	for (size_t i = 0; result == S_OK && i < volume->nr_luns; i++)
		result = add_lun(p, &volume->luns[i].source, err);
	if (result == S_OK && !volume->nr_luns)
		result = failure(err, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, "%s lies on no LUN", volume->path);
	if (result == S_OK)
		strcpy(p->set, id);
	else
		p->nr_copies = before;
	pthread_mutex_unlock(&p->mutex);
	return result;
}

/* With the mutex, if this set is the one in creation and as far as it must be. */
static vss_result enter(struct provider *p, const struct vss_uuid *set, bool prepared, bool committed,
			struct vss_error *err)
{
	char id[VSS_UUID_TEXT_SIZE];

	pthread_mutex_lock(&p->mutex);
	if (strcmp(p->set, vss_uuid_format(set, id)) || p->prepared != prepared || p->committed != committed) {
		pthread_mutex_unlock(&p->mutex);
		return failure(err, VSS_E_PROVIDER_VETO, "the shadow copy set is not known, or not as far; start it anew");
	}
	return S_OK;
}

static vss_result leave(struct provider *p, vss_result result)
{
	pthread_mutex_unlock(&p->mutex);
	return result;
}

static vss_result check_cancelled(struct provider *p, struct vss_error *err)
{
	return atomic_load(&p->cancelled) ? failure(err, VSS_E_PROVIDER_VETO, "the shadow copy set was aborted") : S_OK;
}

/* All that takes long, and all that may fail for a lack of room. */
static vss_result end_prepare(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, false, false, err);

	if (result != S_OK)
		return result;
	p->prepared = true;
	for (size_t i = 0; result == S_OK && i < p->nr_copies; i++) {
		char name[NAME_SIZE];

		strcpy(name, p->copies[i].copy_of);
		result = check_cancelled(p, err);
		if (result == S_OK && !array_reserve(name, p->set, &p->copies[i]))
			result = failure(err, VSS_E_INSUFFICIENT_STORAGE, "no room for a copy of LUN %s: %s", name,
				      strerror(errno));
	}
	return leave(p, result);
}

/* Applications are frozen from here on. */
static vss_result pre_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, true, false, err);

	return result == S_OK ? leave(p, check_cancelled(p, err)) : result;
}

/* File systems are frozen: no log, no file of this machine. */
static vss_result commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, true, false, err);

	if (result != S_OK)
		return result;
	for (size_t i = 0; result == S_OK && i < p->nr_copies; i++) {
		result = check_cancelled(p, err);
		if (result == S_OK && !array_copy(&p->copies[i]))
			result = failure(err, VSS_E_PROVIDER_VETO, "LUN %s was not copied; see the array's own log",
				      p->copies[i].copy_of);
	}
	p->committed = result == S_OK;
	return leave(p, result);
}

/* File systems go on, applications not yet. */
static vss_result after_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, true, true, err);

	return result == S_OK ? leave(p, S_OK) : result;
}

static vss_result get_target_luns(void *state, const struct vss_uuid *set, struct vss_lun_mapping *luns,
				  size_t nr_luns, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, true, true, err);

	if (result != S_OK)
		return result;
	for (size_t i = 0; result == S_OK && i < nr_luns; i++) {
		char name[NAME_SIZE] = "";

		name_of(&luns[i].source, name);
		for (size_t j = 0; j < p->nr_copies; j++)
			if (!strcmp(p->copies[j].copy_of, name))
				luns[i].has_destination = describe(&p->copies[j], &luns[i].destination);
		if (!luns[i].has_destination)
			result = failure(err, VSS_E_PROVIDER_VETO, "there is no copy of LUN %s in the set", name);
	}
	return leave(p, result);
}

/* The copies exist now; the host opens and deletes them, by their LUNs. */
static vss_result post_final_commit(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	vss_result result = enter(p, set, true, true, err);

	if (result != S_OK)
		return result;
	forget_set(p);
	return leave(p, S_OK);
}

static vss_result pre_final_commit(void *state, const struct vss_uuid *set, uint32_t attributes,
				   struct vss_error *err)
{
	(void)attributes;
	return after_commit(state, set, err);
}

/* The set may also be one that an earlier life of this process has begun. */
static vss_result abort_set(void *state, const struct vss_uuid *set, struct vss_error *err)
{
	struct provider *p = state;
	char id[VSS_UUID_TEXT_SIZE];
	int deleted;

	/* A step that is under way returns soon after this. */
	atomic_store(&p->cancelled, true);
	pthread_mutex_lock(&p->mutex);
	vss_uuid_format(set, id);
	deleted = array_delete_set(id);
	if (!strcmp(p->set, id))
		forget_set(p);
	atomic_store(&p->cancelled, false);
	pthread_mutex_unlock(&p->mutex);
	return deleted < 0 ? failure(err, VSS_E_PROVIDER_VETO, "the array's folder cannot be read") : S_OK;
}

/* ---- copies ---- */

static vss_result map_all(const struct vss_lun_mapping *luns, size_t nr_luns, bool source, int mapped,
			  struct vss_error *err)
{
	for (size_t i = 0; i < nr_luns; i++) {
		const struct vss_lun_info *lun = source ? &luns[i].source : &luns[i].destination;
		struct array_lun found;

		if (!find_lun(lun, &found))
			return failure(err, VSS_E_OBJECT_NOT_FOUND, "the array has no LUN with the serial number %s",
				    lun->serial ? lun->serial : "-");
		found.mapped = mapped;
		if (!array_put(&found))
			return failure(err, VSS_E_PROVIDER_VETO, "LUN %s cannot be %smapped: %s", found.name,
				    mapped ? "" : "un", strerror(errno));
	}
	return S_OK;
}

/* No rescan and no waiting: the host does that. */
static vss_result locate_luns(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, struct vss_error *err)
{
	(void)state;
	return map_all(luns, nr_luns, false, 1, err);
}

static vss_result on_lun_empty(void *state, const char *device, const struct vss_lun_info *lun,
			       struct vss_error *err)
{
	struct array_lun found;

	(void)state;
	(void)device;
	if (!find_lun(lun, &found))
		return S_OK;
	/* The record may come from a document that was edited: delete only what is a copy. */
	if (!strcmp(found.copy_of, "-"))
		return failure(err, VSS_E_PROVIDER_VETO, "LUN %s is no shadow copy and is not deleted", found.name);
	array_delete(found.name);
	return S_OK;
}

static vss_result on_lun_state_change(void *state, const struct vss_lun_mapping *luns, size_t nr_luns,
				      uint32_t flags, bool mask_originals, struct vss_error *err)
{
	(void)state;
	if (flags & VSS_ONLUNSTATECHANGE_DO_MASK_LUNS)
		return map_all(luns, nr_luns, mask_originals, 0, err);
	for (size_t i = 0; i < nr_luns && (flags & VSS_ONLUNSTATECHANGE_NOTIFY_READ_WRITE); i++) {
		struct array_lun found;

		if (!find_lun(&luns[i].destination, &found))
			return failure(err, VSS_E_OBJECT_NOT_FOUND, "the array does not have the LUN any more");
		found.writable = 1;
		if (!array_put(&found))
			return failure(err, VSS_E_PROVIDER_VETO, "LUN %s stays read-only: %s", found.name, strerror(errno));
	}
	return S_OK;
}

/* All are looked at before the first is changed. */
static vss_result resync_luns(void *state, const struct vss_lun_mapping *luns, size_t nr_luns, uint32_t flags,
			      struct vss_error *err)
{
	struct array_lun original, copy;

	(void)state;
	(void)flags;
	for (size_t i = 0; i < nr_luns; i++)
		if (!find_lun(&luns[i].source, &original) || !find_lun(&luns[i].destination, &copy) ||
		    strcmp(copy.copy_of, original.name))
			return failure(err, VSS_E_OBJECT_NOT_FOUND, "the array has no such copy of the LUN with the serial "
				       "number %s", luns[i].source.serial ? luns[i].source.serial : "-");
	for (size_t i = 0; i < nr_luns; i++)
		if (!find_lun(&luns[i].destination, &copy) || !array_resync(&copy))
			return failure(err, VSS_E_PROVIDER_VETO, "LUN %s was not resynchronized; see the array's own log",
				       copy.copy_of);
	return S_OK;
}

/* ---- life ---- */

static vss_result load(void **state, struct vss_error *err)
{
	struct provider *p = calloc(1, sizeof(*p));

	if (!p)
		return failure(err, E_OUTOFMEMORY, "out of memory");
	pthread_mutex_init(&p->mutex, NULL);
	*state = p;
	return S_OK;
}

static vss_result unload(void *state, bool force)
{
	struct provider *p = state;

	/* Not while a set is in creation, if that can be helped. */
	if (p->set[0] && !force)
		return S_FALSE;
	pthread_mutex_destroy(&p->mutex);
	free(p);
	return S_OK;
}

static const struct vss_provider_ops ops = {
	.abi_version = VSS_PROVIDER_ABI_VERSION,
	.size = sizeof(ops),
	/* Make your own, with uuidgen; a new version_id for each version. */
	.id = { { 0x4d, 0x0c, 0x62, 0x1f, 0x8a, 0x3e, 0x4b, 0x57, 0x9a, 0x12, 0x6e, 0x5d, 0x70, 0x3f, 0x21, 0xc8 } },
	.version_id = { { 0xe0, 0x9b, 0x2d, 0x44, 0x51, 0x7c, 0x4f, 0x0e, 0x8d, 0x36, 0x1a, 0xc9, 0x55, 0x02, 0xb7, 0x6a } },
	.name = "example",
	.version = "1",
	.type = VSS_PROV_HARDWARE,
	.load = load,
	.unload = unload,
	.begin_prepare_snapshot = begin_prepare,
	.end_prepare_snapshots = end_prepare,
	.pre_commit_snapshots = pre_commit,
	.commit_snapshots = commit,
	.post_commit_snapshots = after_commit,
	.pre_final_commit_snapshots = pre_final_commit,
	.post_final_commit_snapshots = post_final_commit,
	.abort_snapshots = abort_set,
	.get_provider_capabilities = get_provider_capabilities,
	.are_luns_supported = are_luns_supported,
	.fill_in_lun_info = fill_in_lun_info,
	.get_target_luns = get_target_luns,
	.locate_luns = locate_luns,
	.on_lun_empty = on_lun_empty,
	.on_lun_state_change = on_lun_state_change,
	.resync_luns = resync_luns,
};

const struct vss_provider_ops *vss_provider_get(void)
{
	return &ops;
}
