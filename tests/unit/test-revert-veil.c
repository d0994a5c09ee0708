// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The veil, in files in place of a volume, an image and a diff area's device: what a power
 * failure can leave while it is lowered and lifted is known for ours and gone on with, and one
 * foreign sector is found.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "revert-veil.h"

#define SECTOR	512
#define SIZE	(VSS_DISK_FRONT_SIZE + 8 * 4096)

static const uint8_t area[VSS_DISK_UUID_SIZE] = "the area's name";
static const struct vss_uuid snapshot = { "a snapshot's id" }, other_snapshot = { "another one's" };

struct volume {
	char dir[64];
	uint8_t *old, *new, *veil;	/* fronts, and what comes behind */
	struct vssctl_veiling v;
};

static int open_file(const struct volume *t, const char *name, int flags, const void *content, size_t size)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (content)
		assert_int_equal(write(fd, content, size), size);
	return fd;
}

static int setup(void **state)
{
	struct volume *t = calloc(1, sizeof(*t));
	uint8_t header[VSS_DISK_HEADER_SIZE] = { 0 };

	strcpy(t->dir, "/tmp/vss-test-veil-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->old = malloc(SIZE);
	t->new = malloc(SIZE);
	t->veil = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		t->old[i] = (uint8_t)(i * 2654435761U >> 24);
		t->new[i] = i % 5000 < 2500 ? t->old[i] : (uint8_t)(i * 40503U >> 8);
	}
	t->v.origin = open_file(t, "origin", O_RDWR | O_CREAT | O_EXCL, t->old, SIZE);
	t->v.image = open_file(t, "image", O_RDWR | O_CREAT | O_EXCL, t->new, SIZE);
	t->v.device = open_file(t, "area", O_RDWR | O_CREAT | O_EXCL, header, sizeof(header));
	memcpy(t->v.area, area, sizeof(area));
	t->v.wish.snapshot = snapshot;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct volume *t = *state;
	char command[128];

	close(t->v.origin);
	close(t->v.image);
	close(t->v.device);
	snprintf(command, sizeof(command), "rm -rf %s", t->dir);
	assert_int_equal(system(command), 0);
	free(t->old);
	free(t->new);
	free(t->veil);
	free(t);
	return 0;
}

static void expect_content(struct volume *t, const uint8_t *content)
{
	uint8_t now[SIZE];

	assert_int_equal(pread(t->v.origin, now, SIZE, 0), SIZE);
	assert_memory_equal(now, content, SIZE);
}

static void expect_front(struct volume *t, enum vssctl_front front)
{
	assert_int_equal(vssctl_wish_look(&t->v.wish, t->v.origin), front);
}

/* What comes after a power failure: the record is read anew. */
static void reread(struct volume *t, uint32_t state)
{
	assert_int_equal(vssctl_wish_read(t->v.device, area, &t->v.wish), 0);
	assert_int_equal(t->v.wish.state, state);
	assert_true(vss_uuid_equal(&t->v.wish.snapshot, &snapshot));
	assert_true(vssctl_wish_is_veiled(&t->v.wish));
}

/* What a veiled volume contains, by the record. */
static void know_veil(struct volume *t)
{
	memcpy(t->veil, t->old, SIZE);
	memset(t->veil, 0, VSS_DISK_FRONT_SIZE);
	memcpy(t->veil, t->v.wish.old_head, VSS_DISK_HEAD_SIZE);
}

/* Only the record gets written. */
static void fail_to_write(struct volume *t, int (*change)(struct vssctl_veiling *v, const char **what))
{
	const char *what;

	close(t->v.origin);
	t->v.origin = open_file(t, "origin", O_RDONLY, NULL, 0);
	assert_int_equal(change(&t->v, &what), -EBADF);
	assert_string_equal(what, "write the volume's first bytes");
	assert_int_equal(t->v.wish.state, VSS_DISK_REVERT_HEAD);
	close(t->v.origin);
	t->v.origin = open_file(t, "origin", O_RDWR, NULL, 0);
}

static void lower(struct volume *t)
{
	const char *what;

	assert_int_equal(vssctl_veil_lower(&t->v, &what), 0);
	reread(t, VSS_DISK_REVERT_WRITING);
	know_veil(t);
	expect_content(t, t->veil);
	expect_front(t, VSSCTL_FRONT_OURS);
}

static void put(struct volume *t, size_t sector, const uint8_t *content)
{
	assert_int_equal(pwrite(t->v.origin, content + sector * SECTOR, SECTOR, (off_t)(sector * SECTOR)), SECTOR);
}

/* Each sector of the front from the veil or not, drawn anew; of the veil one at least. */
static void tear(struct volume *t, const uint8_t *shown)
{
	for (size_t i = 0; i < VSS_DISK_FRONT_SIZE / SECTOR; i++)
		put(t, i, rand() % 2 ? shown : t->veil);
	put(t, (size_t)rand() % 8, t->veil);
}

/* All of a head but the veil: it could be mounted, and tells nothing of that. */
static void show_head(struct volume *t, const uint8_t *shown)
{
	for (size_t i = 0; i < 8; i++)
		put(t, i, shown);
	expect_front(t, VSSCTL_FRONT_SHOWN);
	put(t, 0, t->veil);
	expect_front(t, VSSCTL_FRONT_OURS);
}

static void one_foreign_sector(struct volume *t)
{
	uint8_t was[SECTOR], foreign[SECTOR];

	for (size_t i = 0; i < VSS_DISK_FRONT_SIZE / SECTOR; i++) {
		const off_t at = (off_t)(i * SECTOR);

		assert_int_equal(pread(t->v.origin, was, SECTOR, at), SECTOR);
		memcpy(foreign, was, SECTOR);
		foreign[i] ^= 0x10;
		assert_int_equal(pwrite(t->v.origin, foreign, SECTOR, at), SECTOR);
		expect_front(t, VSSCTL_FRONT_FOREIGN);
		assert_int_equal(pwrite(t->v.origin, was, SECTOR, at), SECTOR);
	}
	expect_front(t, VSSCTL_FRONT_OURS);
}

/* Behind the front nothing is changed, and what is there in the end is the image's. */
static void lift(struct volume *t)
{
	const char *what;

	assert_int_equal(vssctl_veil_lift(&t->v, &what), 0);
	reread(t, VSS_DISK_REVERT_HEAD);
	memcpy(t->veil, t->new, VSS_DISK_FRONT_SIZE);
	expect_content(t, t->veil);
	expect_front(t, VSSCTL_FRONT_SHOWN);
}

static void hides_and_shows(void **state)
{
	struct volume *t = *state;
	struct vss_uuid named;

	assert_false(vssctl_looks_veiled(t->old, &named));
	lower(t);
	assert_true(vssctl_looks_veiled(t->veil, &named));
	assert_true(vss_uuid_equal(&named, &snapshot));
	one_foreign_sector(t);
	/* the old content is foreign by now, and so is the new */
	put(t, 9, t->old);
	expect_front(t, VSSCTL_FRONT_FOREIGN);
	put(t, 9, t->veil);
	lift(t);
}

static void cut_off_while_it_is_lowered(void **state)
{
	struct volume *t = *state;

	fail_to_write(t, vssctl_veil_lower);
	reread(t, VSS_DISK_REVERT_HEAD);
	know_veil(t);
	expect_content(t, t->old);
	for (int i = 0; i < 20; i++) {
		tear(t, t->old);
		expect_front(t, VSSCTL_FRONT_OURS);
	}
	show_head(t, t->old);
	one_foreign_sector(t);
	lower(t);
	lift(t);
}

static void cut_off_while_it_is_lifted(void **state)
{
	struct volume *t = *state;
	const char *what;

	lower(t);
	fail_to_write(t, vssctl_veil_lift);
	reread(t, VSS_DISK_REVERT_HEAD);
	for (int i = 0; i < 20; i++) {
		tear(t, t->new);
		expect_front(t, VSSCTL_FRONT_OURS);
	}
	show_head(t, t->new);
	one_foreign_sector(t);
	/* it is the same veil again, and so it can be cut off again */
	assert_int_equal(vssctl_veil_lower(&t->v, &what), 0);
	reread(t, VSS_DISK_REVERT_WRITING);
	expect_content(t, t->veil);
	lift(t);
}

/* One that an older revert has left, in any state, is replaced. */
static void another_record(void **state)
{
	struct volume *t = *state;

	for (uint32_t i = VSS_DISK_REVERT_WANTED; i <= VSS_DISK_REVERT_ENDED; i++) {
		struct vssctl_wish wish = { .state = i, .snapshot = other_snapshot };

		assert_int_equal(vssctl_wish_write(t->v.device, area, &wish), 0);
		assert_int_equal(vssctl_wish_read(t->v.device, area, &t->v.wish), 0);
		assert_false(vssctl_wish_is_veiled(&t->v.wish));
		t->v.wish.snapshot = snapshot;
		t->v.wish.heads_known = false;
		lower(t);
	}
	lift(t);
}

/* The area's device does not take the record: then nothing is written to the volume. */
static void no_record(void **state)
{
	struct volume *t = *state;
	const char *what;

	close(t->v.device);
	t->v.device = open_file(t, "area", O_RDONLY, NULL, 0);
	assert_int_equal(vssctl_veil_lower(&t->v, &what), -EBADF);
	assert_int_equal(t->v.wish.state, 0);
	assert_false(vssctl_wish_is_veiled(&t->v.wish));
	expect_content(t, t->old);
}

/* The lowering has failed half way, and it is lifted: not before all of it is there. */
static void lifted_half_way(void **state)
{
	struct volume *t = *state;

	fail_to_write(t, vssctl_veil_lower);
	know_veil(t);
	lift(t);
}

/* Without an image, and by what the volume itself has. */
static void put_back(void **state)
{
	struct volume *t = *state;
	uint8_t *front = aligned_alloc(4096, VSS_DISK_FRONT_SIZE);

	memcpy(front, t->old, VSS_DISK_FRONT_SIZE);
	assert_int_equal(vssctl_veil_put_back(t->v.origin, &snapshot, front), -ESTALE);
	lower(t);
	assert_int_equal(vssctl_veil_put_back(t->v.origin, &other_snapshot, front), -ESTALE);
	front[VSS_DISK_FRONT_SIZE - 1] ^= 1;
	assert_int_equal(vssctl_veil_put_back(t->v.origin, &snapshot, front), -ESTALE);
	front[VSS_DISK_FRONT_SIZE - 1] ^= 1;
	expect_content(t, t->veil);
	assert_int_equal(vssctl_veil_put_back(t->v.origin, &snapshot, front), 0);
	expect_content(t, t->old);
	free(front);
}

/* A veil of something else is none, nor is a record without its heads. */
static void not_ours(void **state)
{
	struct volume *t = *state;
	uint8_t byte = 0xff;

	lower(t);
	t->v.wish.snapshot = other_snapshot;
	assert_false(vssctl_wish_is_veiled(&t->v.wish));
	assert_int_equal(pwrite(t->v.device, &byte, 1, VSS_DISK_REVERT_OLD_AT + 100), 1);
	assert_int_equal(vssctl_wish_read(t->v.device, area, &t->v.wish), 0);
	assert_false(vssctl_wish_is_veiled(&t->v.wish));
	expect_front(t, VSSCTL_FRONT_FOREIGN);
	assert_int_equal(t->v.wish.state, VSS_DISK_REVERT_WRITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hides_and_shows, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_off_while_it_is_lowered, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_off_while_it_is_lifted, setup, teardown),
		cmocka_unit_test_setup_teardown(another_record, setup, teardown),
		cmocka_unit_test_setup_teardown(no_record, setup, teardown),
		cmocka_unit_test_setup_teardown(lifted_half_way, setup, teardown),
		cmocka_unit_test_setup_teardown(put_back, setup, teardown),
		cmocka_unit_test_setup_teardown(not_ours, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
