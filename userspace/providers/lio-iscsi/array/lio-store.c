// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Backstores: which there are, and making one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "lio.h"
#include "lio-file.h"

#define SERIAL_LABEL	"T10 VPD Unit Serial Number: "

const char *const lio_attributes[] = {
	"block_size", "emulate_tpu", "emulate_tpws", "emulate_write_cache", "is_nonrot", NULL,
};

void lio_stores_clear(struct lio_stores *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->stores[i].path);
		free(list->stores[i].serial);
	}
	free(list->stores);
	*list = (struct lio_stores){ 0 };
}

static char *read_serial(const char *path)
{
	_cleanup_free_ char *wwn = lio_path("%s/wwn", path);
	_cleanup_free_ char *line = wwn ? lio_get(wwn, "vpd_unit_serial") : NULL;

	if (!line || strncmp(line, SERIAL_LABEL, strlen(SERIAL_LABEL)))
		return strdup("");
	return strdup(line + strlen(SERIAL_LABEL));
}

static int add_store(struct lio_stores *list, const char *path)
{
	struct lio_store *longer = realloc(list->stores, (list->n + 1) * sizeof(*longer));
	_cleanup_free_ char *device = lio_get(path, "udev_path"), *enabled = lio_get(path, "enable");
	struct lio_store *store;
	struct stat st;

	if (!longer)
		return -ENOMEM;
	list->stores = longer;
	store = &longer[list->n++];
	*store = (struct lio_store){ .path = strdup(path), .serial = read_serial(path) };
	if (device && !stat(device, &st) && S_ISBLK(st.st_mode))
		store->device = st.st_rdev;
	store->enabled = enabled && !strcmp(enabled, "1");
	return store->path && store->serial ? 0 : -ENOMEM;
}

int lio_stores_read(struct lio_stores *list, struct vss_error *err)
{
	size_t nr_hbas, n;
	char **hbas = lio_names(LIO_CORE, "", &nr_hbas);
	int ret = 0;

	*list = (struct lio_stores){ 0 };
	for (size_t i = 0; !ret && i < nr_hbas; i++) {
		_cleanup_free_ char *hba = lio_path(LIO_CORE "/%s", hbas[i]);
		char **names = strcmp(hbas[i], "alua") ? lio_names(hba ? hba : "", "", &n) : NULL;

		for (size_t j = 0; names && !ret && j < n; j++) {
			_cleanup_free_ char *path = lio_path("%s/%s", hba, names[j]);
			struct stat st;

			if (!path)
				ret = -ENOMEM;
			else if (!stat(path, &st) && S_ISDIR(st.st_mode))
				ret = add_store(list, path);
		}
		if (names)
			lio_names_free(names, n);
	}
	lio_names_free(hbas, nr_hbas);
	if (ret) {
		lio_stores_clear(list);
		return vss_error_errno(err, ret, "the array is out of memory");
	}
	return 0;
}

const struct lio_store *lio_store_by_serial(const struct lio_stores *list, const char *serial)
{
	for (size_t i = 0; i < list->n; i++)
		if (serial[0] && !strcmp(list->stores[i].serial, serial))
			return &list->stores[i];
	return NULL;
}

const struct lio_store *lio_store_by_device(const struct lio_stores *list, dev_t device)
{
	for (size_t i = 0; device && i < list->n; i++)
		if (list->stores[i].device == device)
			return &list->stores[i];
	return NULL;
}

char *lio_attribute(const struct lio_store *store, const char *name)
{
	_cleanup_free_ char *folder = lio_path("%s/attrib", store->path);

	return folder ? lio_get(folder, name) : NULL;
}

/* What a kernel without the attribute cannot do is left, but for the size of blocks. */
static int set_attributes(const char *store, const struct lio_attribute attributes[])
{
	_cleanup_free_ char *folder = lio_path("%s/attrib", store);
	int ret = folder ? 0 : -ENOMEM;

	for (; !ret && attributes->name; attributes++) {
		_cleanup_free_ char *now = lio_get(folder, attributes->name);

		if (!now || strcmp(now, attributes->value))
			ret = lio_put(folder, attributes->name, attributes->value);
		if (ret && strcmp(attributes->name, "block_size"))
			ret = 0;
	}
	return ret;
}

static int fill_store(const char *store, const char *device, const char *serial,
		      const struct lio_attribute attributes[])
{
	_cleanup_free_ char *control = lio_path("udev_path=%s", device), *wwn = lio_path("%s/wwn", store);
	_cleanup_free_ char *now = NULL;
	int ret;

	if (!control || !wwn)
		return -ENOMEM;
	ret = lio_put(store, "control", control);
	/* What a saved configuration is made from. */
	if (!ret)
		ret = lio_put(store, "udev_path", device);
	if (!ret)
		ret = lio_put(store, "enable", "1");
	if (!ret)
		ret = lio_put(wwn, "vpd_unit_serial", serial);
	if (!ret)
		ret = set_attributes(store, attributes);
	if (ret)
		return ret;
	now = read_serial(store);
	return now && !strcmp(now, serial) ? 0 : -EIO;
}

int lio_store_create(const char *name, const char *device, const char *serial,
		     const struct lio_attribute attributes[], struct vss_error *err)
{
	_cleanup_free_ char *hba = lio_make_numbered(LIO_CORE, "iblock_");
	_cleanup_free_ char *store = hba ? lio_path("%s/%s", hba, name) : NULL;
	int ret = 0;

	if (!hba || !store)
		ret = hba ? -ENOMEM : -errno;
	else if (mkdir(store, 0755))
		ret = -errno;
	else
		ret = fill_store(store, device, serial, attributes);
	if (!ret)
		return 0;
	if (store)
		rmdir(store);
	if (hba)
		rmdir(hba);
	return vss_error_errno(err, ret, "the array cannot make a backstore for %s: %s", device, strerror(-ret));
}
