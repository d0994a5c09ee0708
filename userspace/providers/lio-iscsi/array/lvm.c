// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logical volumes, through LVM's own program.
 */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "error.h"
#include "lvm.h"
#include "run.h"

#define MOST_ARGUMENTS	96

static void cleanup_json(json_object **json)
{
	json_object_put(*json);
}

#define _cleanup_json_	__attribute__((cleanup(cleanup_json)))

/* ---- reading ---- */

static const char *text_of(json_object *row, const char *key)
{
	json_object *value;

	return json_object_object_get_ex(row, key, &value) && json_object_get_string(value) ?
	       json_object_get_string(value) : "";
}

static bool take_row(json_object *row, struct lvm_lv *lv)
{
	const char *vg = text_of(row, "vg_name"), *name = text_of(row, "lv_name");
	const char *major = text_of(row, "lv_kernel_major");

	if (asprintf(&lv->path, "%s/%s", vg, name) < 0) {
		lv->path = NULL;
		return false;
	}
	lv->name = lv->path + strlen(vg) + 1;
	lv->pool = strdup(text_of(row, "pool_lv"));
	lv->type = strdup(text_of(row, "segtype"));
	lv->tags = strdup(text_of(row, "lv_tags"));
	lv->size = strtoull(text_of(row, "lv_size"), NULL, 10);
	lv->active = !strcmp(text_of(row, "lv_active"), "active");
	if (lv->active && atoi(major) > 0)
		lv->device = makedev(atoi(major), atoi(text_of(row, "lv_kernel_minor")));
	lv->data = strtod(text_of(row, "data_percent"), NULL);
	lv->metadata = strtod(text_of(row, "metadata_percent"), NULL);
	lv->thin_id = strtoul(text_of(row, "thin_id"), NULL, 10);
	return lv->pool && lv->type && lv->tags;
}

void lvm_list_clear(struct lvm_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->lvs[i].path);
		free(list->lvs[i].pool);
		free(list->lvs[i].type);
		free(list->lvs[i].tags);
	}
	free(list->lvs);
	list->lvs = NULL;
	list->n = 0;
}

int lvm_read(struct lvm_list *list, struct vss_error *err)
{
	static const char *const argv[] = {
		"lvm", "lvs", "--reportformat", "json", "--units", "b", "--nosuffix", "-o",
		"vg_name,lv_name,lv_size,pool_lv,segtype,lv_active,lv_tags,thin_id,data_percent,"
		"metadata_percent,lv_kernel_major,lv_kernel_minor", NULL,
	};
	_cleanup_json_ json_object *json = NULL;
	_cleanup_free_ char *output = NULL;
	json_object *report, *rows;
	int ret = array_run(argv, &output, err);

	*list = (struct lvm_list){ 0 };
	if (ret)
		return ret;
	json = json_tokener_parse(output);
	if (!json || !json_object_object_get_ex(json, "report", &report) ||
	    !json_object_is_type(report, json_type_array) || !json_object_array_length(report) ||
	    !json_object_object_get_ex(json_object_array_get_idx(report, 0), "lv", &rows) ||
	    !json_object_is_type(rows, json_type_array))
		return vss_error_set(err, -EPROTO, VSS_E_PROVIDER_VETO,
				     "the array's lvs gives a report that is not understood");
	list->lvs = calloc(json_object_array_length(rows) + 1, sizeof(*list->lvs));
	for (size_t i = 0; list->lvs && i < json_object_array_length(rows); i++) {
		list->n++;
		if (!take_row(json_object_array_get_idx(rows, i), &list->lvs[i])) {
			lvm_list_clear(list);
			break;
		}
	}
	return list->lvs ? 0 : vss_error_errno(err, -ENOMEM, "the array is out of memory");
}

const struct lvm_lv *lvm_find(const struct lvm_list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->lvs[i].path, path))
			return &list->lvs[i];
	return NULL;
}

const struct lvm_lv *lvm_find_device(const struct lvm_list *list, dev_t device)
{
	for (size_t i = 0; device && i < list->n; i++)
		if (list->lvs[i].device == device)
			return &list->lvs[i];
	return NULL;
}

const struct lvm_lv *lvm_pool(const struct lvm_list *list, const struct lvm_lv *lv)
{
	size_t vg = lv->name - lv->path;

	for (size_t i = 0; lv->pool[0] && i < list->n; i++)
		if (!strncmp(list->lvs[i].path, lv->path, vg) && !strcmp(list->lvs[i].path + vg, lv->pool))
			return &list->lvs[i];
	return NULL;
}

/* ---- tags ---- */

/* The tag that begins with @prefix, or is it when @whole; its length goes to @length. */
static const char *find_tag(const struct lvm_lv *lv, const char *prefix, bool whole, size_t *length)
{
	const char *tag = lv->tags;

	while (*tag) {
		*length = strcspn(tag, ",");
		if (*length >= strlen(prefix) && !strncmp(tag, prefix, strlen(prefix)) &&
		    (!whole || *length == strlen(prefix)))
			return tag;
		tag += *length;
		if (*tag)
			tag++;
	}
	return NULL;
}

bool lvm_has_tag(const struct lvm_lv *lv, const char *tag)
{
	size_t length;

	return find_tag(lv, tag, true, &length);
}

char *lvm_tag_value(const struct lvm_lv *lv, const char *prefix)
{
	size_t length;
	const char *tag = find_tag(lv, prefix, false, &length);

	return tag ? strndup(tag + strlen(prefix), length - strlen(prefix)) : NULL;
}

static bool name_valid(const char *name, size_t length)
{
	if (!length || length > 120 || name[0] == '-' || name[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("+_.-", name[i]))
			return false;
	return true;
}

bool lvm_path_valid(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash && name_valid(path, slash - path) && name_valid(slash + 1, strlen(slash + 1));
}

char *lvm_copy_path(const char *origin, const char *snapshot)
{
	static const char infix[] = "_vss_";
	const size_t infix_length = sizeof(infix) - 1, digits = 32;
	size_t length = strlen(origin);
	const char *end = origin + length;
	char *path;

	if (length > infix_length + digits && !strncmp(end - digits - infix_length, infix, infix_length) &&
	    strspn(end - digits, "0123456789abcdef") == digits)
		length -= infix_length + digits;
	return asprintf(&path, "%.*s%s%s", (int)length, origin, infix, snapshot) < 0 ? NULL : path;
}

/* ---- changing ---- */

int lvm_copy(const char *origin, const char *name, const char *const tags[], struct vss_error *err)
{
	const char *argv[MOST_ARGUMENTS] = { "lvm", "lvcreate", "-q", "-s", "-an", "-ky", "-n", name };
	size_t n = 8;

	for (; *tags && n + 4 < MOST_ARGUMENTS; tags++) {
		argv[n++] = "--addtag";
		argv[n++] = *tags;
	}
	argv[n++] = origin;
	argv[n] = NULL;
	return array_run(argv, NULL, err);
}

static int run_for(const char *const command[], const char *const paths[], size_t n, struct vss_error *err)
{
	const char *argv[MOST_ARGUMENTS];
	size_t count = 0;

	while (command[count]) {
		argv[count] = command[count];
		count++;
	}
	if (count + n + 1 > MOST_ARGUMENTS)
		return vss_error_set(err, -E2BIG, E_INVALIDARG, "%zu logical volumes at once are too many", n);
	memcpy(argv + count, paths, n * sizeof(*paths));
	argv[count + n] = NULL;
	return array_run(argv, NULL, err);
}

int lvm_activate(const char *const paths[], size_t n, struct vss_error *err)
{
	static const char *const command[] = { "lvm", "lvchange", "-q", "-ay", "-K", NULL };

	return run_for(command, paths, n, err);
}

int lvm_complete(const char *const paths[], size_t n, struct vss_error *err)
{
	static const char *const command[] = { "lvm", "lvchange", "-q", "-kn", "--deltag", LVM_TAG_NEW, NULL };

	return run_for(command, paths, n, err);
}

int lvm_remove(const char *const paths[], size_t n, struct vss_error *err)
{
	static const char *const command[] = { "lvm", "lvremove", "-q", "-f", "-y", NULL };

	return run_for(command, paths, n, err);
}
