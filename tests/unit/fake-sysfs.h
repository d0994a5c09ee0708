/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up machine: sysfs, mount table and swaps as files in a temporary
 * directory.  Its devices have names that no real machine has.
 */
#ifndef TESTS_UNIT_FAKE_SYSFS_H
#define TESTS_UNIT_FAKE_SYSFS_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stack.h"
#include "tree.h"

struct machine {
	char dir[64];
	char *sysfs, *mountinfo, *swaps;
	int mounts;
	struct vss_stack_source source;
};

/* A string to free(). */
static inline char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline char *text(const char *format, ...)
{
	va_list args;
	char *result;

	va_start(args, format);
	assert_true(vasprintf(&result, format, args) >= 0);
	va_end(args);
	return result;
}

static inline void machine_write(const char *path, const char *content)
{
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

/* Make a directory below sysfs, with those above it. */
static inline void machine_mkdir(struct machine *m, const char *path)
{
	char *full = text("%s/%s/", m->sysfs, path);

	for (char *p = full + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	free(full);
}

static inline void machine_attr(struct machine *m, const char *where, const char *attr,
				const char *content)
{
	char *path = text("%s/%s/%s", m->sysfs, where, attr);

	machine_write(path, content);
	free(path);
}

static inline struct machine *machine_new(void)
{
	struct machine *m = calloc(1, sizeof(*m));

	strcpy(m->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	m->sysfs = text("%s/sys", m->dir);
	m->mountinfo = text("%s/mountinfo", m->dir);
	m->swaps = text("%s/swaps", m->dir);
	machine_mkdir(m, "class/block");
	machine_mkdir(m, "dev/block");
	machine_mkdir(m, "fs/btrfs");
	machine_write(m->mountinfo, "");
	machine_write(m->swaps, "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n");
	m->source = (struct vss_stack_source) { m->sysfs, m->mountinfo, m->swaps };
	return m;
}

static inline void machine_free(struct machine *m)
{
	tree_remove(m->dir);
	free(m->sysfs);
	free(m->mountinfo);
	free(m->swaps);
	free(m);
}

/* @where: below devices/, such as "tva" or "tva/tva1". */
static inline void machine_device(struct machine *m, const char *where, unsigned int major,
				  unsigned int minor)
{
	const char *name = strrchr(where, '/') ? strrchr(where, '/') + 1 : where;
	char *dir = text("devices/%s", where);
	char *target = text("../../devices/%s", where);
	char *by_name = text("%s/class/block/%s", m->sysfs, name);
	char *by_number = text("%s/dev/block/%u:%u", m->sysfs, major, minor);
	char *number = text("%u:%u\n", major, minor);

	machine_mkdir(m, dir);
	machine_attr(m, dir, "dev", number);
	machine_attr(m, dir, "size", "2097152\n");
	assert_int_equal(symlink(target, by_name), 0);
	assert_int_equal(symlink(target, by_number), 0);
	free(dir);
	free(target);
	free(by_name);
	free(by_number);
	free(number);
}

static inline void machine_partition(struct machine *m, const char *where, unsigned int major,
				     unsigned int minor)
{
	char *dir = text("devices/%s", where);

	machine_device(m, where, major, minor);
	machine_attr(m, dir, "partition", "1\n");
	free(dir);
}

/* An entry in a directory that belongs to a device. */
static inline void machine_entry(struct machine *m, const char *dir, const char *entry,
				 const char *content)
{
	machine_mkdir(m, dir);
	machine_attr(m, dir, entry, content);
}

static inline void machine_slave(struct machine *m, const char *upper, const char *lower)
{
	char *dir = text("devices/%s/slaves", upper);

	machine_entry(m, dir, lower, "");
	free(dir);
}

static inline void machine_loop(struct machine *m, const char *loop, const char *file)
{
	char *dir = text("devices/%s/loop", loop);
	char *line = text("%s\n", file);

	machine_entry(m, dir, "backing_file", line);
	free(dir);
	free(line);
}

static inline void machine_btrfs(struct machine *m, const char *fsid, const char *member)
{
	char *dir = text("fs/btrfs/%s/devices", fsid);

	machine_entry(m, dir, member, "");
	free(dir);
}

static inline void machine_mount(struct machine *m, unsigned int major, unsigned int minor,
				 const char *target, const char *type, const char *source,
				 const char *options)
{
	char *line = text("%d 1 %u:%u / %s rw,relatime - %s %s %s\n", 20 + m->mounts++, major,
			  minor, target, type, source, options);

	machine_write(m->mountinfo, line);
	free(line);
}

static inline void machine_load(struct machine *m, struct vss_stack *stack)
{
	assert_int_equal(vss_stack_load(&m->source, stack), 0);
}

#endif /* TESTS_UNIT_FAKE_SYSFS_H */
