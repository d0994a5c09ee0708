// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Talking to vssd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "critical.h"
#include "requester.h"

#define TICK_MS		200
#define FETCH_COUNT	32
#define MAX_FILE	(64U << 20)

int vssctl_open_bus(sd_bus **bus)
{
	const char *address = secure_getenv("VSS_BUS_ADDRESS");
	int ret;

	if (!address || !address[0])
		return sd_bus_open_system(bus);
	ret = sd_bus_new(bus);
	if (ret >= 0)
		ret = sd_bus_set_address(*bus, address);
	if (ret >= 0)
		ret = sd_bus_start(*bus);
	return ret;
}

bool vssctl_vssd_running(void)
{
	const char *address = secure_getenv("VSS_BUS_ADDRESS");
	sd_bus *bus = NULL;
	bool running;

	if (address && address[0])
		return true;
	running = sd_bus_open_system(&bus) >= 0 &&
		  sd_bus_get_name_creds(bus, VSSCTL_BUS_NAME, 0, NULL) >= 0;
	sd_bus_flush_close_unref(bus);
	return running;
}

int vssctl_connect(struct vssctl *ctl, struct vss_backup_components **bc)
{
	struct vss_error error = { 0 };

	if (!VSS_FAILED(vss_create_vss_backup_components(NULL, bc, &error)))
		return 0;
	return vssctl_fail_error(ctl, &error);
}

int vssctl_check(struct vssctl *ctl, struct vss_backup_components *bc, vss_result result)
{
	const struct vss_error *error = vss_backup_components_error(bc);

	if (!VSS_FAILED(result))
		return 0;
	return vssctl_fail(ctl, result, "%s", error->text[0] ? error->text : "it failed");
}

int vssctl_connect_all(struct vssctl *ctl, struct vss_backup_components **bc)
{
	int ret = vssctl_connect(ctl, bc);

	if (ret)
		return ret;
	ret = vssctl_check(ctl, *bc, vss_backup_components_initialize_for_backup(*bc, NULL)) ?:
	      vssctl_check(ctl, *bc, vss_backup_components_set_context(*bc, VSS_CTX_ALL));
	if (ret) {
		vss_backup_components_release(*bc);
		*bc = NULL;
	}
	return ret;
}

/* Percent: on a terminal one line that is written over. */
static void show_percent(struct vssctl *ctl, struct vss_async *async, const char *what, bool terminal,
			 uint32_t *shown)
{
	uint32_t percent;

	if (ctl->quiet || ctl->json || (!terminal && !ctl->percent_lines) ||
	    vss_async_get_percent(async, &percent))
		return;
	if (!terminal)
		percent -= percent % 10;
	if (percent == *shown || (!terminal && !percent))
		return;
	fprintf(ctl->out, terminal ? "\r%s: %u%%\033[K" : "%s: %u%%\n", what, percent);
	fflush(ctl->out);
	*shown = percent;
}

/* The sentence of a failed call, with what was being done. */
static vss_result tell(struct vss_error *error, vss_result result, const char *what, const char *text)
{
	error->result = result;
	snprintf(error->text, sizeof(error->text), "%s%s%.900s", what ? what : "", what ? ": " : "", text);
	return result;
}

vss_result vssctl_await(struct vssctl *ctl, struct vss_backup_components *bc, vss_result result,
			struct vss_async **asyncp, const char *what, struct vss_error *error)
{
	vss_result status = VSS_S_ASYNC_PENDING;
	bool terminal = isatty(fileno(ctl->out)), cancelled = false;
	uint32_t shown = UINT32_MAX;
	struct vss_async *async;

	if (VSS_FAILED(result)) {
		const struct vss_error *known = vss_backup_components_error(bc);

		return tell(error, result, NULL, known->text[0] ? known->text : "it failed");
	}
	async = *asyncp;
	while (status == VSS_S_ASYNC_PENDING) {
		if (vss_async_wait(async, TICK_MS) || vss_async_query_status(async, &status))
			break;
		if (status == VSS_S_ASYNC_PENDING && !cancelled && vssctl_interrupted()) {
			vss_async_cancel(async);
			cancelled = true;
		}
		/* Lines stay: no 100 percent of something that had ended before. */
		if (terminal || status == VSS_S_ASYNC_PENDING || shown != UINT32_MAX)
			show_percent(ctl, async, what, terminal, &shown);
	}
	if (terminal && shown != UINT32_MAX)
		fputs("\r\033[K", ctl->out);
	if (status == VSS_S_ASYNC_PENDING)
		status = tell(error, VSS_E_UNEXPECTED, what, "vssd is gone");
	else if (status == VSS_S_ASYNC_CANCELLED)
		status = tell(error, E_ABORT, what, "interrupted");
	else if (VSS_FAILED(status))
		tell(error, status, what, vss_async_error(async)->text);
	vss_async_release(async);
	return status;
}

int vssctl_wait(struct vssctl *ctl, struct vss_backup_components *bc, vss_result result,
		struct vss_async **async, const char *what, vss_result *final)
{
	struct vss_error error = { 0 };
	vss_result status = vssctl_await(ctl, bc, result, async, what, &error);

	if (final)
		*final = status;
	return VSS_FAILED(status) ? vssctl_fail_error(ctl, &error) : 0;
}

void vssctl_objects_clear(struct vssctl_objects *objects)
{
	for (size_t i = 0; i < objects->count; i++)
		vss_object_prop_clear(&objects->props[i]);
	free(objects->props);
	*objects = (struct vssctl_objects) { 0 };
}

int vssctl_query(struct vssctl *ctl, struct vss_backup_components *bc,
		 enum vss_object_type type, struct vssctl_objects *objects)
{
	struct vss_enum_object *found;
	vss_result result;
	uint32_t fetched;
	int ret;

	*objects = (struct vssctl_objects) { 0 };
	ret = vssctl_check(ctl, bc, vss_backup_components_query(bc, NULL, VSS_OBJECT_NONE, type,
								&found));
	if (ret)
		return ret;
	do {
		struct vss_object_prop *more = reallocarray(objects->props,
							    objects->count + FETCH_COUNT,
							    sizeof(*more));

		if (!more) {
			ret = vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
			break;
		}
		objects->props = more;
		result = vss_enum_object_next(found, FETCH_COUNT, more + objects->count, &fetched);
		if (VSS_FAILED(result)) {
			ret = vssctl_check(ctl, bc, result);
			break;
		}
		objects->count += fetched;
	} while (result == S_OK);
	vss_enum_object_release(found);
	if (ret)
		vssctl_objects_clear(objects);
	return ret;
}

void vssctl_statuses_free(struct vss_writer_status *statuses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vss_writer_status_clear(&statuses[i]);
	free(statuses);
}

int vssctl_writer_statuses(struct vssctl *ctl, struct vss_backup_components *bc,
			   struct vss_writer_status **statuses, size_t *count)
{
	struct vss_async *async;
	uint32_t n = 0;
	int ret;

	*statuses = NULL;
	*count = 0;
	ret = vssctl_wait(ctl, bc, vss_backup_components_gather_writer_status(bc, &async), &async,
			  "writer status", NULL) ?:
	      vssctl_check(ctl, bc, vss_backup_components_get_writer_status_count(bc, &n));
	if (ret)
		return ret;
	*statuses = calloc(n ? n : 1, sizeof(**statuses));
	if (!*statuses)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	while (!ret && *count < n) {
		ret = vssctl_check(ctl, bc,
				   vss_backup_components_get_writer_status(bc, (uint32_t)*count,
									   &(*statuses)[*count]));
		if (!ret)
			++*count;
	}
	if (ret) {
		vssctl_statuses_free(*statuses, *count);
		*statuses = NULL;
		*count = 0;
		return ret;
	}
	return vssctl_check(ctl, bc, vss_backup_components_free_writer_status(bc));
}

static int read_stream(struct vssctl *ctl, const char *path, FILE *file, char **text, size_t *size)
{
	size_t room = 0;

	*text = NULL;
	*size = 0;
	for (;;) {
		char *more;

		if (room - *size < 2) {
			room = room ? 2 * room : 65536;
			more = room > 2 * MAX_FILE ? NULL : realloc(*text, room);
			if (!more) {
				free(*text);
				*text = NULL;
				return vssctl_fail(ctl, E_OUTOFMEMORY, "%s is too large", path);
			}
			*text = more;
		}
		*size += fread(*text + *size, 1, room - *size - 1, file);
		if (feof(file))
			break;
		if (ferror(file)) {
			free(*text);
			*text = NULL;
			return vssctl_fail(ctl, vss_result_from_errno(errno), "cannot read %s: %s",
					   path, strerror(errno));
		}
	}
	(*text)[*size] = '\0';
	return 0;
}

int vssctl_read_file(struct vssctl *ctl, const char *path, char **text, size_t *size)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int ret;

	if (!file)
		return vssctl_fail(ctl, errno == ENOENT ? VSS_E_OBJECT_NOT_FOUND :
				   vss_result_from_errno(errno), "cannot open %s: %s", path,
				   strerror(errno));
	ret = read_stream(ctl, path, file, text, size);
	if (file != stdin)
		fclose(file);
	return ret;
}

int vssctl_write_file(struct vssctl *ctl, const char *path, const char *data, size_t size)
{
	char *aside;
	FILE *file;
	int fd;

	if (asprintf(&aside, "%s.XXXXXX", path) < 0)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	/* Its mode is 0600: documents may hold what writers keep to themselves. */
	fd = mkostemp(aside, O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file || fwrite(data, 1, size, file) != size || fflush(file) || fsync(fd) ||
	    rename(aside, path)) {
		int ret = vssctl_fail(ctl, vss_result_from_errno(errno), "cannot write %s: %s", path,
				      strerror(errno));

		if (file)
			fclose(file);
		else if (fd >= 0)
			close(fd);
		if (fd >= 0)
			unlink(aside);
		free(aside);
		return ret;
	}
	fclose(file);
	free(aside);
	return 0;
}
