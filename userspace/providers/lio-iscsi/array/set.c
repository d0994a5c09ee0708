// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of copies in creation.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "set.h"

/* A pool must not run full: everything in it would stop. */
#define POOL_LIMIT	95.0

/* ---- whose is it? ---- */

/* The lock of a set: a descriptor, or a negative errno; -EWOULDBLOCK: somebody works on it. */
static int lock_set(const char *id)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), ARRAY_FOLDER "/set-%s", id);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static void unlock_set(struct array_set *set)
{
	char path[128];

	if (set->lock < 0)
		return;
	snprintf(path, sizeof(path), ARRAY_FOLDER "/set-%s", set->id);
	unlink(path);
	close(keep_fd(set->lock));
}

static void forget(struct array_set *set)
{
	unlock_set(set);
	for (size_t i = 0; i < set->n; i++) {
		free(set->copies[i].origin);
		free(set->copies[i].path);
	}
	*set = (struct array_set){ .lock = -1 };
}

/* Copies that are not complete and that nobody works on. */
static int remove_abandoned(const struct array_view *view, const char *initiator, const char *target,
			    struct vss_error *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < view->lvm.n; i++) {
		const struct lvm_lv *lv = &view->lvm.lvs[i];
		const struct array_volume volume = { .path = lv->path };
		_cleanup_free_ char *id = NULL;
		struct array_set old = { .lock = -1 };

		if (!lvm_has_tag(lv, LVM_TAG_COPY) || !lvm_has_tag(lv, LVM_TAG_NEW))
			continue;
		id = lvm_tag_value(lv, LVM_TAG_SET);
		if (!id || strlen(id) != ARRAY_ID_SIZE - 1)
			continue;
		strcpy(old.id, id);
		old.lock = lock_set(id);
		if (old.lock < 0)
			continue;
		ret = array_delete(initiator, target, &volume, 1, err);
		forget(&old);
	}
	return ret;
}

/* ---- preparing ---- */

static int check_origin(const struct array_view *view, const char *path, struct vss_error *err)
{
	const struct lvm_lv *lv = lvm_find(&view->lvm, path), *pool;
	const struct lio_store *store = lv ? lio_store_by_device(&view->stores, lv->device) : NULL;

	if (!lv || !store || !lio_is_mapped(&view->access, store))
		return vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
				     "the array has no LUN %s that this machine may see", path);
	if (strcmp(lv->type, "thin"))
		return vss_error_set(err, -EINVAL, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER,
				     "the array's logical volume %s is of type %s, not a thin volume", path,
				     lv->type);
	pool = lvm_pool(&view->lvm, lv);
	if (!pool || pool->data > POOL_LIMIT || pool->metadata > POOL_LIMIT)
		return vss_error_set(err, -ENOSPC, VSS_E_INSUFFICIENT_STORAGE,
				     "the array's pool of %s is %.0f%% full (its metadata: %.0f%%); extend it or "
				     "delete shadow copies", path, pool ? pool->data : 0.0,
				     pool ? pool->metadata : 0.0);
	return 0;
}

static int new_serial(char serial[ARRAY_ID_SIZE], struct vss_error *err)
{
	uint8_t bytes[(ARRAY_ID_SIZE - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return vss_error_errno(err, -EIO, "the array has no random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(serial + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The tags of a new copy; those of attributes are in @texts, which is for clear_tags(). */
struct tags {
	char set[64], serial[64];
	char *texts[16];
	const char *list[24];
};

static void clear_tags(struct tags *tags)
{
	for (size_t i = 0; tags->texts[i]; i++)
		free(tags->texts[i]);
}

static void fill_tags(struct tags *tags, const char *set, const char *serial, const struct lio_store *origin)
{
	size_t n = 4, texts = 0;

	snprintf(tags->set, sizeof(tags->set), LVM_TAG_SET "%s", set);
	snprintf(tags->serial, sizeof(tags->serial), LVM_TAG_SERIAL "%s", serial);
	tags->list[0] = LVM_TAG_COPY;
	tags->list[1] = LVM_TAG_NEW;
	tags->list[2] = tags->set;
	tags->list[3] = tags->serial;
	for (size_t i = 0; lio_attributes[i] && texts < 15; i++) {
		_cleanup_free_ char *value = lio_attribute(origin, lio_attributes[i]);

		if (value && asprintf(&tags->texts[texts], LVM_TAG_ATTRIB "%s=%s", lio_attributes[i],
				      value) > 0)
			tags->list[n++] = tags->texts[texts++];
		else
			tags->texts[texts] = NULL;
	}
}

static int make_copy(struct array_set *set, const struct array_wish *wish, const struct array_view *view,
		     struct vss_error *err)
{
	const struct lvm_lv *lv = lvm_find(&view->lvm, wish->origin);
	struct array_copy *copy = &set->copies[set->n];
	struct tags tags = { 0 };
	int ret = new_serial(copy->serial, err);

	if (ret)
		return ret;
	copy->origin = strdup(wish->origin);
	copy->path = lvm_copy_path(wish->origin, wish->snapshot);
	if (!copy->origin || !copy->path) {
		free(copy->origin);
		free(keep_ptr(copy->path));
		return vss_error_errno(err, -ENOMEM, "the array is out of memory");
	}
	set->n++;
	copy->thin.origin = lv->device;
	if (!lvm_path_valid(copy->path))
		return vss_error_set(err, -ENAMETOOLONG, VSS_E_PROVIDER_VETO,
				     "the name of the array's logical volume %s is too long for its copies' names",
				     wish->origin);
	fill_tags(&tags, set->id, copy->serial, lio_store_by_device(&view->stores, lv->device));
	ret = lvm_copy(wish->origin, strchr(copy->path, '/') + 1, tags.list, err);
	clear_tags(&tags);
	return ret;
}

/* The numbers in the pool that LVM gave to the copies. */
static int learn_numbers(struct array_set *set, struct vss_error *err)
{
	struct lvm_list list;
	int ret = lvm_read(&list, err);

	for (size_t i = 0; !ret && i < set->n; i++) {
		const struct lvm_lv *lv = lvm_find(&list, set->copies[i].path);

		if (!lv || lv->active)
			ret = vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO, "the array's copy %s is %s",
					    set->copies[i].path, lv ? "active, which it must not be yet" :
					    "missing");
		else
			set->copies[i].thin.id = lv->thin_id;
		if (lv)
			set->copies[i].thin.size = lv->size;
	}
	lvm_list_clear(&list);
	return ret;
}

static bool twice(const struct array_wish *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(wishes[i].origin, wishes[j].origin))
				return true;
	return false;
}

int array_set_prepare(struct array_set *set, const char *id, const struct array_wish *wishes, size_t n,
		      const char *initiator, const char *target, struct vss_error *err)
{
	_cleanup_view_ struct array_view view = { 0 };
	struct vss_error ignored;
	int ret;

	if (!n || n > ARRAY_MOST_LUNS || twice(wishes, n))
		return vss_error_set(err, -EINVAL, E_INVALIDARG,
				     "a set has 1 to %d LUNs, each once", ARRAY_MOST_LUNS);
	ret = array_view_read(initiator, target, &view, err);
	for (size_t i = 0; !ret && i < n; i++)
		ret = check_origin(&view, wishes[i].origin, err);
	if (!ret)
		ret = remove_abandoned(&view, initiator, target, err);
	if (ret)
		return ret;
	set->lock = lock_set(id);
	if (set->lock < 0)
		return vss_error_set(err, set->lock, VSS_E_PROVIDER_VETO,
				     "somebody else works on the set %s: %s", id, strerror(-set->lock));
	strcpy(set->id, id);
	for (size_t i = 0; !ret && i < n; i++)
		ret = make_copy(set, &wishes[i], &view, err);
	if (!ret)
		ret = learn_numbers(set, err);
	if (ret)
		array_set_undo(set, id, initiator, target, &ignored);
	return ret;
}

/* ---- the instant ---- */

int array_set_arm(struct array_set *set, struct vss_error *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < set->n; i++) {
		struct thin_copy *thin = &set->copies[i].thin;
		const uint64_t size = thin->size;

		ret = thin_look(thin, err);
		if (!ret && thin->size != size)
			ret = vss_error_set(err, -ESTALE, VSS_E_PROVIDER_VETO,
					    "the array's logical volume %s has changed its size; try again",
					    set->copies[i].origin);
		/* It is armed as often as somebody likes. */
		thin->size = size;
	}
	return ret;
}

int array_set_take(struct array_set *set, struct vss_error *err)
{
	struct thin_copy copies[ARRAY_MOST_LUNS];
	int ret;

	for (size_t i = 0; i < set->n; i++)
		copies[i] = set->copies[i].thin;
	ret = thin_take(copies, set->n, err);
	set->taken = !ret;
	return ret;
}

int array_set_complete(struct array_set *set, struct vss_error *err)
{
	const char *paths[ARRAY_MOST_LUNS];
	int ret;

	if (!set->taken)
		return vss_error_set(err, -EINVAL, VSS_E_BAD_STATE, "the set's copies were not taken");
	for (size_t i = 0; i < set->n; i++)
		paths[i] = set->copies[i].path;
	ret = lvm_complete(paths, set->n, err);
	if (!ret)
		forget(set);
	return ret;
}

int array_set_undo(struct array_set *set, const char *id, const char *initiator, const char *target,
		   struct vss_error *err)
{
	_cleanup_free_ struct array_volume *volumes = NULL;
	struct lvm_list list;
	size_t n = 0;
	int ret = lvm_read(&list, err);

	if (!ret)
		volumes = calloc(list.n + 1, sizeof(*volumes));
	if (!ret && !volumes)
		ret = vss_error_errno(err, -ENOMEM, "the array is out of memory");
	for (size_t i = 0; !ret && i < list.n; i++) {
		_cleanup_free_ char *its = lvm_tag_value(&list.lvs[i], LVM_TAG_SET);

		if (its && !strcmp(its, id) && lvm_has_tag(&list.lvs[i], LVM_TAG_COPY))
			volumes[n++].path = list.lvs[i].path;
	}
	if (!ret && n)
		ret = array_delete(initiator, target, volumes, n, err);
	lvm_list_clear(&list);
	if (!strcmp(set->id, id))
		forget(set);
	return ret;
}
