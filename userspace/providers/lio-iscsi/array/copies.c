// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copies that exist.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "copies.h"
#include "error.h"

void array_view_clear(struct array_view *view)
{
	lvm_list_clear(&view->lvm);
	lio_stores_clear(&view->stores);
	lio_access_clear(&view->access);
}

int array_view_read(const char *initiator, const char *target, struct array_view *view,
		    struct vss_error *err)
{
	int ret;

	*view = (struct array_view){ 0 };
	ret = lio_access_find(initiator, target, &view->access, err);
	if (!ret)
		ret = lvm_read(&view->lvm, err);
	return ret ? ret : lio_stores_read(&view->stores, err);
}

const struct lio_store *array_store(const struct array_view *view, const struct lvm_lv *lv)
{
	const struct lio_store *store = lio_store_by_device(&view->stores, lv->device);
	_cleanup_free_ char *serial = store ? NULL : lvm_tag_value(lv, LVM_TAG_SERIAL);

	return serial ? lio_store_by_serial(&view->stores, serial) : store;
}

/* ---- making visible ---- */

static void clear_attributes(struct lio_attribute *attributes)
{
	while (attributes->name)
		free((attributes++)->value);
}

static int make_store(const struct lvm_lv *lv, struct vss_error *err)
{
	struct lio_attribute attributes[16] = { 0 };
	_cleanup_free_ char *serial = lvm_tag_value(lv, LVM_TAG_SERIAL), *device = NULL;
	size_t n = 0;
	int ret;

	if (!serial || asprintf(&device, "/dev/%s", lv->path) < 0)
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "the array's logical volume %s has no serial number in its tags", lv->path);
	for (size_t i = 0; lio_attributes[i]; i++) {
		char prefix[64];

		snprintf(prefix, sizeof(prefix), LVM_TAG_ATTRIB "%s=", lio_attributes[i]);
		attributes[n].value = lvm_tag_value(lv, prefix);
		if (attributes[n].value)
			attributes[n++].name = lio_attributes[i];
	}
	ret = lio_store_create(lv->name, device, serial, attributes, err);
	clear_attributes(attributes);
	return ret;
}

/* A copy that may be worked on; NULL with @err set.  A missing one gives -ENOENT. */
static const struct lvm_lv *find_copy(const struct array_view *view, const struct array_volume *volume,
				      int *ret, struct vss_error *err)
{
	const struct lvm_lv *lv = lvm_find(&view->lvm, volume->path);
	_cleanup_free_ char *serial = lv ? lvm_tag_value(lv, LVM_TAG_SERIAL) : NULL;

	if (!lv) {
		*ret = vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
				     "the array has no logical volume %s (any more)", volume->path);
		return NULL;
	}
	if (!lvm_has_tag(lv, LVM_TAG_COPY)) {
		*ret = vss_error_set(err, -EACCES, VSS_E_PROVIDER_VETO,
				     "the array's logical volume %s is no shadow copy", volume->path);
		return NULL;
	}
	if (volume->serial && (!serial || strcmp(serial, volume->serial))) {
		*ret = vss_error_set(err, -ESTALE, VSS_E_OBJECT_NOT_FOUND,
				     "the LUN of the array's logical volume %s has serial number %s, and %s was "
				     "asked for; the document is not of this shadow copy", volume->path,
				     serial ? serial : "(none)", volume->serial);
		return NULL;
	}
	*ret = 0;
	return lv;
}

int array_export(const char *initiator, const char *target, const struct array_volume volumes[], size_t n,
		 struct vss_error *err)
{
	_cleanup_view_ struct array_view view = { 0 };
	int ret = array_view_read(initiator, target, &view, err);
	_cleanup_free_ const char **asleep = calloc(n, sizeof(*asleep));
	size_t nr_asleep = 0;

	if (!ret && !asleep)
		ret = vss_error_errno(err, -ENOMEM, "the array is out of memory");
	for (size_t i = 0; !ret && i < n; i++) {
		const struct lvm_lv *lv = find_copy(&view, &volumes[i], &ret, err);

		if (lv && !lv->active)
			asleep[nr_asleep++] = lv->path;
	}
	if (!ret && nr_asleep)
		ret = lvm_activate(asleep, nr_asleep, err);
	for (size_t i = 0; !ret && i < n; i++) {
		const struct lvm_lv *lv = lvm_find(&view.lvm, volumes[i].path);
		const struct lio_store *store = array_store(&view, lv);

		/* One that is half made is made anew. */
		if (store && !store->enabled) {
			ret = lio_store_remove(store, err);
			store = NULL;
		}
		if (!ret && !store)
			ret = make_store(lv, err);
	}
	return ret;
}

static int map_one(const struct array_view *view, const char *own_set, const struct lvm_lv *lv,
		   struct vss_error *err)
{
	const struct lio_store *store = array_store(view, lv);
	_cleanup_free_ char *set = lvm_tag_value(lv, LVM_TAG_SET), *user = NULL;

	if (lvm_has_tag(lv, LVM_TAG_NEW) && (!own_set || !set || strcmp(set, own_set)))
		return vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO,
				     "the shadow copy %s of the array is not complete", lv->path);
	if (!store)
		return vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO, "the array does not export %s", lv->path);
	user = lio_other_user(&view->access, store);
	if (user)
		return vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO,
				     "the shadow copy %s of the array is visible to %s, and may be so to one "
				     "machine only; delete or unimport it there", lv->path, user);
	return lio_map(&view->access, store, err);
}

int array_map(const char *initiator, const char *target, const char *own_set,
	      const struct array_volume volumes[], size_t n, struct vss_error *err)
{
	_cleanup_view_ struct array_view view = { 0 };
	int ret = array_export(initiator, target, volumes, n, err);

	if (!ret)
		ret = array_view_read(initiator, target, &view, err);
	for (size_t i = 0; !ret && i < n; i++) {
		const struct lvm_lv *lv = find_copy(&view, &volumes[i], &ret, err);

		if (lv)
			ret = map_one(&view, own_set, lv, err);
	}
	return ret;
}

/* ---- taking away ---- */

int array_unmap(const char *initiator, const char *target, const struct array_volume volumes[], size_t n,
		struct vss_error *err)
{
	_cleanup_view_ struct array_view view = { 0 };
	int ret = array_view_read(initiator, target, &view, err);

	for (size_t i = 0; !ret && i < n; i++) {
		const struct lvm_lv *lv = lvm_find(&view.lvm, volumes[i].path);
		const struct lio_store *store = lv ? array_store(&view, lv) : NULL;

		if (!lv)
			ret = vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
					    "the array has no logical volume %s (any more)", volumes[i].path);
		else if (store && volumes[i].serial && strcmp(store->serial, volumes[i].serial))
			ret = vss_error_set(err, -ESTALE, VSS_E_OBJECT_NOT_FOUND,
					    "the LUN of the array's logical volume %s has serial number %s, and "
					    "%s was asked for", volumes[i].path, store->serial, volumes[i].serial);
		else if (store)
			ret = lio_unmap(&view.access, store, err);
	}
	return ret;
}

int array_delete(const char *initiator, const char *target, const struct array_volume volumes[], size_t n,
		 struct vss_error *err)
{
	_cleanup_view_ struct array_view view = { 0 };
	int ret = array_view_read(initiator, target, &view, err);
	_cleanup_free_ const char **there = calloc(n, sizeof(*there));
	size_t nr_there = 0;

	if (!ret && !there)
		ret = vss_error_errno(err, -ENOMEM, "the array is out of memory");
	/* All are looked at before the first is touched. */
	for (size_t i = 0; !ret && i < n; i++) {
		const struct lvm_lv *lv = find_copy(&view, &volumes[i], &ret, err);
		const struct lio_store *store = lv ? array_store(&view, lv) : NULL;
		_cleanup_free_ char *user = store ? lio_other_user(&view.access, store) : NULL;

		if (ret == -ENOENT)
			ret = 0;
		else if (user)
			ret = vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO,
					    "the shadow copy %s of the array is visible to %s; delete it there",
					    volumes[i].path, user);
		else if (lv)
			there[nr_there++] = lv->path;
	}
	for (size_t i = 0; !ret && i < nr_there; i++) {
		const struct lio_store *store = array_store(&view, lvm_find(&view.lvm, there[i]));

		if (store)
			ret = lio_store_remove(store, err);
	}
	if (!ret && nr_there)
		ret = lvm_remove(there, nr_there, err);
	return ret;
}
