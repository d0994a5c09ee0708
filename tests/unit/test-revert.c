// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a revert by the system provider writes, and its records.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/revert.h"

#define SIZE	((3U << 20) + 12 * 512)	/* not whole pieces, nor whole blocks */

struct files {
	char dir[64];
	char *new, *old, *now;
	int image, origin;
	atomic_uint percent;
	atomic_bool stop;
};

static int open_file(const struct files *f, const char *name, const char *content)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, SIZE), SIZE);
	return fd;
}

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vss-test-revert-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->new = malloc(SIZE);
	f->old = malloc(SIZE);
	f->now = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		f->new[i] = f->old[i] = (char)(i * 2654435761U >> 24);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f->new);
	free(f->old);
	free(f->now);
	free(f);
	return 0;
}

static int copy(struct files *f, struct vss_error *err)
{
	int ret;

	f->image = open_file(f, "image", f->new);
	f->origin = open_file(f, "origin", f->old);
	ret = revert_copy(f->image, f->origin, SIZE, &f->percent, &f->stop, err);
	assert_int_equal(pread(f->origin, f->now, SIZE, 0), SIZE);
	close(f->image);
	close(f->origin);
	return ret;
}

/* Single bytes at edges of blocks and pieces, and long runs. */
static void writes_what_differs(void **state)
{
	static const size_t places[] = { 0, 16383, 16384, (1U << 20) - 1, 1U << 20, SIZE - 1 };
	struct vss_error err = { 0 };
	struct files *f = *state;

	for (size_t i = 0; i < COUNT(places); i++)
		f->old[places[i]] ^= 1;
	memset(f->old + 300000, 7, 200000);
	assert_int_equal(copy(f, &err), 0);
	assert_memory_equal(f->now, f->new, SIZE);
	assert_int_equal(atomic_load(&f->percent), 99);
}

/* A file that may only be read shows that nothing is written where nothing differs. */
static void writes_nothing_else(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	char path[96];
	int image = open_file(f, "image", f->new), origin = open_file(f, "origin", f->new);

	close(origin);
	snprintf(path, sizeof(path), "%s/origin", f->dir);
	origin = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(revert_copy(image, origin, SIZE, &f->percent, &f->stop, &err), 0);
	close(image);
	image = open_file(f, "image", f->new);
	assert_int_equal(pwrite(image, "x", 1, 2 << 20), 1);
	assert_int_equal(revert_copy(image, origin, SIZE, &f->percent, &f->stop, &err), -EBADF);
	assert_int_equal(err.result, VSS_E_REVERT_VOLUME_LOST);
	assert_non_null(strstr(err.text, "write the volume at byte 2097152"));
	close(image);
	close(origin);
}

/* An image that ends early is one that cannot be read: nothing is made up for it. */
static void image_fails(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;
	int image = open_file(f, "image", f->new), origin = open_file(f, "origin", f->old);

	assert_int_equal(ftruncate(image, 1 << 20), 0);
	assert_int_equal(revert_copy(image, origin, SIZE, &f->percent, &f->stop, &err), -EIO);
	assert_non_null(strstr(err.text, "read the shadow copy at byte 1048576"));
	close(image);
	close(origin);
}

static void stops_when_told(void **state)
{
	struct vss_error err = { 0 };
	struct files *f = *state;

	atomic_store(&f->stop, true);
	f->old[0] ^= 1;
	assert_int_equal(copy(f, &err), -ECANCELED);
	assert_memory_equal(f->now, f->old, SIZE);
}

/* ---- records ---- */

struct seen {
	size_t count;
	struct vss_uuid id;
	char volume[64], why[64];
};

static void see(void *data, const struct vss_uuid *snapshot, const char *volume, const char *why)
{
	struct seen *seen = data;

	seen->count++;
	seen->id = *snapshot;
	snprintf(seen->volume, sizeof(seen->volume), "%s", volume);
	snprintf(seen->why, sizeof(seen->why), "%s", why ? why : "(none)");
}

static void records(void **state)
{
	struct files *f = *state;
	char dir[96], path[200];
	struct seen seen = { 0 };
	struct vss_uuid id;
	int fd;

	/* the state directory is made too, as vssd's own is */
	snprintf(dir, sizeof(dir), "%s/state", f->dir);
	vss_uuid_generate(&id);
	revert_records_read(dir, see, &seen);
	revert_record_remove(dir, &id);
	assert_int_equal(seen.count, 0);
	assert_int_equal(revert_record_write(dir, &id, "/dev/a", NULL), 0);
	/* what is no record: half written, empty, of another name */
	snprintf(path, sizeof(path), "%s/reverts/00000000-0000-0000-0000-000000000001.new", dir);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "%s/reverts/00000000-0000-0000-0000-000000000001", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	revert_records_read(dir, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_true(vss_uuid_equal(&seen.id, &id));
	assert_string_equal(seen.volume, "/dev/a");
	assert_string_equal(seen.why, "(none)");
	assert_int_equal(write(fd, "no line's end", 13), 13);
	close(fd);
	assert_int_equal(revert_record_write(dir, &id, "/dev/a", "it was not to be"), 0);
	seen.count = 0;
	revert_records_read(dir, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.why, "it was not to be");
	revert_record_remove(dir, &id);
	seen.count = 0;
	revert_records_read(dir, see, &seen);
	assert_int_equal(seen.count, 0);
	/* where no record can be, no revert begins */
	assert_true(revert_record_write("/proc/none", &id, "/dev/a", NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_what_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(image_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_when_told, setup, teardown),
		cmocka_unit_test_setup_teardown(records, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
