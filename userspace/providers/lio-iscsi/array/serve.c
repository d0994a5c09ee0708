// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a machine may ask of the array.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "serve.h"

#define MOST_LINE	65536
#define LOCK_WAIT_MS	20000
/* A set in creation of a machine that has gone silent */
#define SILENCE_MS	600000

/* What LIO tells of a backstore that is given no other names. */
#define LIO_VENDOR	"LIO-ORG"
#define LIO_PRODUCT	"IBLOCK"

/* ---- one at a time ---- */

static int take_lock(struct array_server *server, struct vss_error *err)
{
	_cleanup_fd_ int fd = open(ARRAY_FOLDER "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const struct timespec moment = { .tv_nsec = 20000000 };

	if (server->busy >= 0)
		return 0;
	if (fd < 0)
		return vss_error_errno(err, -errno, "the array cannot open " ARRAY_FOLDER "/lock: %s",
				       strerror(errno));
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += 20) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return vss_error_errno(err, -errno, "the array cannot lock: %s", strerror(errno));
		if (waited >= LOCK_WAIT_MS)
			return vss_error_set(err, -EBUSY, VSS_E_PROVIDER_VETO,
					     "the array is busy with another request; try again");
		nanosleep(&moment, NULL);
	}
	server->busy = keep_fd(fd);
	return 0;
}

static void drop_lock(struct array_server *server)
{
	if (server->busy >= 0)
		close(keep_fd(server->busy));
}

/* ---- what is asked ---- */

static const char *text(json_object *object, const char *key)
{
	json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
	       json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static json_object *array(json_object *object, const char *key, struct vss_error *err)
{
	json_object *value;

	if (json_object_object_get_ex(object, key, &value) && json_object_is_type(value, json_type_array) &&
	    json_object_array_length(value) > 0 && json_object_array_length(value) <= ARRAY_MOST_LUNS)
		return value;
	vss_error_set(err, -EINVAL, E_INVALIDARG, "the request has no list \"%s\" of 1 to %d", key,
		      ARRAY_MOST_LUNS);
	return NULL;
}

static bool is_id(const char *id)
{
	size_t n = 0;

	while (id && isxdigit((unsigned char)id[n]) && !isupper((unsigned char)id[n]))
		n++;
	return id && n == ARRAY_ID_SIZE - 1 && !id[n];
}

static const char *set_id(json_object *request, struct vss_error *err)
{
	const char *id = text(request, "set");

	if (is_id(id))
		return id;
	vss_error_set(err, -EINVAL, E_INVALIDARG, "the request names no set, by 32 hexadecimal digits");
	return NULL;
}

static int bad_volume(struct vss_error *err)
{
	return vss_error_set(err, -EINVAL, E_INVALIDARG, "the request does not name volumes as \"VG/LV\"");
}

/* ---- answers ---- */

static int op_hello(struct array_server *server, json_object *request, json_object *answer,
		    struct vss_error *err)
{
	struct lio_access access;
	int ret = lio_access_find(server->initiator, server->target, &access, err);

	(void)request;
	if (ret)
		return ret;
	json_object_object_add(answer, "version", json_object_new_int(1));
	json_object_object_add(answer, "target", json_object_new_string(access.target));
	json_object_object_add(answer, "initiator", json_object_new_string(server->initiator));
	json_object_object_add(answer, "vendor", json_object_new_string(LIO_VENDOR));
	json_object_object_add(answer, "product", json_object_new_string(LIO_PRODUCT));
	lio_access_clear(&access);
	return 0;
}

static json_object *describe(const struct lio_access *access, const struct lio_stores *stores,
			     const char *serial)
{
	const struct lio_store *store = serial ? lio_store_by_serial(stores, serial) : NULL;
	_cleanup_free_ char *path = NULL;
	json_object *row;
	bool thin;

	if (!store || !store->device || thin_name(store->device, &path, &thin))
		return NULL;
	row = json_object_new_object();
	json_object_object_add(row, "lv", json_object_new_string(path));
	json_object_object_add(row, "thin", json_object_new_boolean(thin));
	json_object_object_add(row, "mapped", json_object_new_boolean(lio_is_mapped(access, store)));
	return row;
}

static int op_find(struct array_server *server, json_object *request, json_object *answer,
		   struct vss_error *err)
{
	json_object *serials = array(request, "serials", err), *luns;
	struct lio_stores stores = { 0 };
	struct lio_access access;
	int ret;

	if (!serials)
		return -EINVAL;
	ret = lio_access_find(server->initiator, server->target, &access, err);
	if (!ret)
		ret = lio_stores_read(&stores, err);
	if (!ret) {
		luns = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(serials); i++)
			json_object_array_add(luns, describe(&access, &stores,
				json_object_get_string(json_object_array_get_idx(serials, i))));
		json_object_object_add(answer, "luns", luns);
	}
	lio_stores_clear(&stores);
	lio_access_clear(&access);
	return ret;
}

static int op_prepare(struct array_server *server, json_object *request, json_object *answer,
		      struct vss_error *err)
{
	json_object *luns = array(request, "luns", err), *rows;
	struct array_wish wishes[ARRAY_MOST_LUNS];
	const char *id = set_id(request, err);
	size_t n = luns ? json_object_array_length(luns) : 0;
	int ret;

	if (!luns || !id)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		json_object *lun = json_object_array_get_idx(luns, i);

		wishes[i].origin = text(lun, "lv");
		wishes[i].snapshot = text(lun, "snapshot");
		if (!wishes[i].origin || !lvm_path_valid(wishes[i].origin) || !is_id(wishes[i].snapshot))
			return bad_volume(err);
	}
	/* One that is abandoned for another. */
	if (server->set.id[0]) {
		char old[ARRAY_ID_SIZE];

		strcpy(old, server->set.id);
		ret = array_set_undo(&server->set, old, server->initiator, server->target, err);
		if (ret)
			return ret;
	}
	ret = array_set_prepare(&server->set, id, wishes, n, server->initiator, server->target, err);
	if (ret)
		return ret;
	rows = json_object_new_array();
	for (size_t i = 0; i < server->set.n; i++) {
		const struct array_copy *copy = &server->set.copies[i];
		json_object *row = json_object_new_object();

		json_object_object_add(row, "lv", json_object_new_string(copy->origin));
		json_object_object_add(row, "copy", json_object_new_string(copy->path));
		json_object_object_add(row, "serial", json_object_new_string(copy->serial));
		json_object_array_add(rows, row);
	}
	json_object_object_add(answer, "luns", rows);
	return 0;
}

/* The set in creation, if it is the one that is asked for. */
static struct array_set *own_set(struct array_server *server, json_object *request, struct vss_error *err)
{
	const char *id = set_id(request, err);

	if (id && !strcmp(server->set.id, id))
		return &server->set;
	if (id)
		vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND,
			      "the array has no set %s in creation on this connection", id);
	return NULL;
}

/* Nobody else changes anything from here to the instant, LVM's own users excepted. */
static int op_arm(struct array_server *server, json_object *request, json_object *answer,
		  struct vss_error *err)
{
	struct array_set *set = own_set(server, request, err);
	int ret;

	(void)answer;
	if (!set)
		return -ENOENT;
	ret = array_set_arm(set, err);
	return ret ? ret : 1;
}

static int op_take(struct array_server *server, json_object *request, json_object *answer,
		   struct vss_error *err)
{
	struct array_set *set = own_set(server, request, err);

	(void)answer;
	if (!set)
		return -ENOENT;
	return set->taken ? 0 : array_set_take(set, err);
}

static int op_complete(struct array_server *server, json_object *request, json_object *answer,
		       struct vss_error *err)
{
	struct array_set *set = own_set(server, request, err);

	(void)answer;
	return set ? array_set_complete(set, err) : -ENOENT;
}

static int op_undo(struct array_server *server, json_object *request, json_object *answer,
		   struct vss_error *err)
{
	const char *id = set_id(request, err);

	(void)answer;
	return id ? array_set_undo(&server->set, id, server->initiator, server->target, err) : -EINVAL;
}

/* The volumes of a request; the array is the caller's to free. */
static struct array_volume *volumes(json_object *request, size_t *n, struct vss_error *err)
{
	json_object *luns = array(request, "luns", err);
	_cleanup_free_ struct array_volume *list = NULL;

	*n = luns ? json_object_array_length(luns) : 0;
	list = calloc(*n + 1, sizeof(*list));
	for (size_t i = 0; luns && list && i < *n; i++) {
		json_object *lun = json_object_array_get_idx(luns, i);

		list[i].path = text(lun, "lv");
		list[i].serial = text(lun, "serial");
		if (!list[i].path || !lvm_path_valid(list[i].path)) {
			bad_volume(err);
			return NULL;
		}
	}
	return luns ? keep_ptr(list) : NULL;
}

static int op_volumes(struct array_server *server, json_object *request, json_object *answer,
		      struct vss_error *err)
{
	const char *op = text(request, "op"), *initiator = server->initiator, *target = server->target;
	size_t n;
	_cleanup_free_ struct array_volume *list = volumes(request, &n, err);

	(void)answer;
	if (!list)
		return -EINVAL;
	if (!strcmp(op, "export"))
		return array_export(initiator, target, list, n, err);
	if (!strcmp(op, "map"))
		return array_map(initiator, target, server->set.id, list, n, err);
	if (!strcmp(op, "unmap"))
		return array_unmap(initiator, target, list, n, err);
	return array_delete(initiator, target, list, n, err);
}

static json_object *list_row(const struct array_view *view, const struct lvm_lv *lv)
{
	_cleanup_free_ char *set = lvm_tag_value(lv, LVM_TAG_SET), *serial = lvm_tag_value(lv, LVM_TAG_SERIAL);
	const struct lio_store *store = array_store(view, lv);
	_cleanup_free_ char *mapped = store ? lio_mapped_to(store) : NULL;
	json_object *row = json_object_new_object();

	json_object_object_add(row, "lv", json_object_new_string(lv->path));
	json_object_object_add(row, "set", set ? json_object_new_string(set) : NULL);
	json_object_object_add(row, "serial", serial ? json_object_new_string(serial) : NULL);
	json_object_object_add(row, "complete", json_object_new_boolean(!lvm_has_tag(lv, LVM_TAG_NEW)));
	json_object_object_add(row, "mapped", json_object_new_string(mapped ? mapped : ""));
	return row;
}

static int op_list(struct array_server *server, json_object *request, json_object *answer,
		   struct vss_error *err)
{
	_cleanup_view_ struct array_view view = { 0 };
	int ret = array_view_read(server->initiator, server->target, &view, err);
	json_object *rows;

	(void)request;
	if (ret)
		return ret;
	rows = json_object_new_array();
	for (size_t i = 0; i < view.lvm.n; i++)
		if (lvm_has_tag(&view.lvm.lvs[i], LVM_TAG_COPY))
			json_object_array_add(rows, list_row(&view, &view.lvm.lvs[i]));
	json_object_object_add(answer, "copies", rows);
	return 0;
}

/* ---- lines ---- */

static const struct {
	const char *name;
	/* 0; 1 keeps the lock; a negative errno with @err set */
	int (*fn)(struct array_server *server, json_object *request, json_object *answer,
		  struct vss_error *err);
	bool locks;
} operations[] = {
	{ "hello", op_hello, false },
	{ "find", op_find, false },
	{ "list", op_list, false },
	{ "prepare", op_prepare, true },
	{ "arm", op_arm, true },
	{ "take", op_take, true },
	{ "complete", op_complete, true },
	{ "undo", op_undo, true },
	{ "export", op_volumes, true },
	{ "map", op_volumes, true },
	{ "unmap", op_volumes, true },
	{ "delete", op_volumes, true },
};

static int perform(struct array_server *server, json_object *request, json_object *answer,
		   struct vss_error *err)
{
	const char *op = json_object_is_type(request, json_type_object) ? text(request, "op") : NULL;
	int ret = 0;

	for (size_t i = 0; op && i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, op))
			continue;
		if (operations[i].locks)
			ret = take_lock(server, err);
		if (!ret)
			ret = operations[i].fn(server, request, answer, err);
		if (operations[i].locks && ret != 1)
			drop_lock(server);
		return ret < 0 ? ret : 0;
	}
	return vss_error_set(err, -EINVAL, E_INVALIDARG, "the array does not know the request \"%.32s\"",
			     op ? op : "");
}

static bool answer_line(struct array_server *server, const char *line)
{
	json_object *request = json_tokener_parse(line), *answer = json_object_new_object();
	struct vss_error err = { 0 };
	int ret = perform(server, request, answer, &err);
	bool said;

	json_object_object_add(answer, "ok", json_object_new_boolean(!ret));
	if (ret) {
		json_object_object_add(answer, "result", json_object_new_string(vss_result_name(err.result)));
		json_object_object_add(answer, "error", json_object_new_string(err.text));
	}
	said = printf("%s\n", json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN)) > 0 &&
	       !fflush(stdout);
	json_object_put(answer);
	json_object_put(request);
	return said;
}

/* 1, 0 at the end, or a negative errno. */
static int read_more(struct array_server *server, char *buffer, size_t *used)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;

	if (poll(&in, 1, server->set.id[0] ? SILENCE_MS : -1) == 0)
		return -ETIMEDOUT;
	got = read(STDIN_FILENO, buffer + *used, MOST_LINE - *used);
	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	*used += got;
	return got > 0;
}

static int serve_lines(struct array_server *server, struct vss_error *err)
{
	_cleanup_free_ char *buffer = malloc(MOST_LINE + 1);
	size_t used = 0;
	int ret = buffer ? 1 : -ENOMEM;

	while (ret == 1) {
		char *end;

		if (used == MOST_LINE)
			return vss_error_set(err, -E2BIG, E_INVALIDARG, "a request is too long");
		ret = read_more(server, buffer, &used);
		if (ret != 1)
			break;
		while ((end = memchr(buffer, '\n', used))) {
			*end = '\0';
			if (!answer_line(server, buffer))
				return 0;
			used -= end + 1 - buffer;
			memmove(buffer, end + 1, used);
		}
	}
	return ret ? vss_error_errno(err, ret, "no more requests: %s", strerror(-ret)) : 0;
}

int array_serve(struct array_server *server, struct vss_error *err)
{
	int ret = serve_lines(server, err), ret2 = 0;
	char id[ARRAY_ID_SIZE];

	drop_lock(server);
	if (!server->set.id[0])
		return ret;
	strcpy(id, server->set.id);
	ret2 = take_lock(server, err);
	if (!ret2)
		ret2 = array_set_undo(&server->set, id, server->initiator, server->target, err);
	drop_lock(server);
	return ret ? ret : ret2;
}
