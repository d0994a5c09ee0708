// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the table of persistent diff areas.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "areas-table.h"

#define BLANKS	" \t\r\n"
/* The last word of a line, perhaps. */
#define EXCLUSIVE "exclusive"

/* In the order in which the kernel finds things. */
static const char *const changing[] = {
	"/dev/@(sd|vd|xvd|hd|dasd)[a-z]?([a-z])?([a-z])*([0-9])",
	"/dev/@(nvme|loop|dm-|md|md_d|mmcblk|nbd|rbd|zd|ram|zram|sr|bcache|pmem|ublkb)[0-9]*([0-9a-z])",
	"/dev/block/*",
	"/dev/disk/by-diskseq/*",
};

static const char *const tags[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=" };

struct table {
	struct vssctl *ctl;
	const char *path;
	struct vssctl_areas *areas;
	bool bad, out_of_memory;
};

static void refuse(struct table *t, size_t number, const char *name, const char *wrong)
{
	vssctl_fail(t->ctl, E_INVALIDARG, "%s:%zu: %s%s; the line is left out", t->path, number, name, wrong);
	t->bad = true;
}

/* What is wrong with a name, or NULL. */
static const char *name_fault(const char *name)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!strncmp(name, tags[i], strlen(tags[i])))
			return name[strlen(tags[i])] ? NULL : " has no value";
	if (strncmp(name, "/dev/", strlen("/dev/")))
		return " is not the name of a device: use UUID=, LABEL=, PARTUUID= or PARTLABEL=, or a path below /dev";
	/* Nothing is to pass by another spelling. */
	if (strstr(name, "//") || strstr(name, "/./") || strstr(name, "/../"))
		return " is not written plainly: leave out what \"//\", \"/./\" and \"/../\" stand for";
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		if (!fnmatch(changing[i], name, FNM_EXTMATCH))
			return " may be another device after the next boot: use UUID=, PARTUUID= or PARTLABEL=, a link "
			       "below /dev/disk/by-id, /dev/mapper/NAME or /dev/VG/LV, or for an array /dev/md/NAME "
			       "(\"udevadm info --query=symlink DEVICE\" tells the links)";
	return NULL;
}

static void line_clear(struct vssctl_areas_line *line)
{
	for (size_t i = 0; i < line->nr; i++)
		free(line->names[i]);
	free(line->names);
}

static bool add(struct vssctl_areas *areas, const char *const *names, size_t nr, size_t number, bool exclusive)
{
	struct vssctl_areas_line *more = reallocarray(areas->lines, areas->count + 1, sizeof(*more));
	struct vssctl_areas_line line = { .number = number, .exclusive = exclusive };

	if (!more)
		return false;
	areas->lines = more;
	line.names = calloc(nr, sizeof(*line.names));
	while (line.names && line.nr < nr && (line.names[line.nr] = strdup(names[line.nr])))
		line.nr++;
	if (line.nr < nr) {
		line_clear(&line);
		return false;
	}
	more[areas->count++] = line;
	return true;
}

static bool is_among(const char *name, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* One that has a fault is told. */
static bool are_good(struct table *t, const char *const *names, size_t nr, size_t number)
{
	if (nr < 2) {
		refuse(t, number, "", "a line has the names of a volume and of its diff area's devices");
		return false;
	}
	for (size_t i = 0; i < nr; i++) {
		const char *fault = name_fault(names[i]);

		if (!fault && is_among(names[i], names, i))
			fault = is_among(names[i], names, 1) ? ": a volume cannot be its own diff area" :
							       " is named twice";
		if (fault) {
			refuse(t, number, names[i], fault);
			return false;
		}
	}
	return true;
}

static void take(struct table *t, char *text, size_t number)
{
	const char *names[VSSCTL_AREAS_NAMES];
	char *name = strtok(text, BLANKS);
	bool exclusive = false;
	size_t nr = 0;

	if (!name || name[0] == '#')
		return;
	for (; name; name = strtok(NULL, BLANKS)) {
		if (exclusive) {
			refuse(t, number, name, ": \"" EXCLUSIVE "\" is the last word of a line");
			return;
		}
		exclusive = !strcmp(name, EXCLUSIVE);
		if (exclusive)
			continue;
		if (nr == VSSCTL_AREAS_NAMES) {
			refuse(t, number, "", "a diff area has no more than 64 devices");
			return;
		}
		names[nr++] = name;
	}
	if (are_good(t, names, nr, number) && !add(t->areas, names, nr, number, exclusive))
		t->out_of_memory = true;
}

static bool have_common(const struct vssctl_areas_line *a, const struct vssctl_areas_line *b)
{
	for (size_t i = 0; i < a->nr; i++)
		if (is_among(a->names[i], (const char *const *)b->names, b->nr))
			return true;
	return false;
}

/* Which of them was meant, nobody can tell: all that have a name in common are left out. */
static void leave_out_shared(struct table *t)
{
	struct vssctl_areas *areas = t->areas;
	size_t kept = 0;
	bool *shared = calloc(areas->count + 1, sizeof(*shared));

	t->out_of_memory = !shared;
	for (size_t i = 0; shared && i < areas->count; i++) {
		for (size_t j = 0; j < areas->count && !shared[i]; j++)
			shared[i] = j != i && have_common(&areas->lines[i], &areas->lines[j]);
		if (shared[i])
			refuse(t, areas->lines[i].number, "", "its volume or a device is in another line as well");
	}
	for (size_t i = 0; shared && i < areas->count; i++) {
		if (shared[i])
			line_clear(&areas->lines[i]);
		else
			areas->lines[kept++] = areas->lines[i];
	}
	if (shared)
		areas->count = kept;
	free(shared);
}

int vssctl_areas_read(struct vssctl *ctl, const char *path, struct vssctl_areas *areas, bool *bad)
{
	struct table t = { .ctl = ctl, .path = path, .areas = areas };
	FILE *file = fopen(path, "re");
	size_t room = 0, number = 0;
	char *text = NULL;

	*areas = (struct vssctl_areas) { 0 };
	*bad = false;
	if (!file)
		return errno == ENOENT ? 0 : vssctl_fail(ctl, vss_result_from_errno(errno), "cannot read %s: %s",
							 path, strerror(errno));
	while (!t.out_of_memory && getline(&text, &room, file) >= 0)
		take(&t, text, ++number);
	free(text);
	fclose(file);
	if (!t.out_of_memory)
		leave_out_shared(&t);
	*bad = t.bad;
	return t.out_of_memory ? vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory") : 0;
}

void vssctl_areas_clear(struct vssctl_areas *areas)
{
	for (size_t i = 0; i < areas->count; i++)
		line_clear(&areas->lines[i]);
	free(areas->lines);
	*areas = (struct vssctl_areas) { 0 };
}

static bool same(struct vss_devno a, struct vss_devno b)
{
	return (a.major || a.minor) && a.major == b.major && a.minor == b.minor;
}

static bool is_one_of(struct vss_devno dev, const struct vss_devno *devs, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (same(dev, devs[i]))
			return true;
	return false;
}

size_t vssctl_areas_shared(const struct vssctl_areas_devs *devs, size_t count, size_t i)
{
	const struct vssctl_areas_devs *line = &devs[i];

	for (size_t k = 1; k < line->nr; k++)
		if (is_one_of(line->devs[k], line->devs, k))
			return i;
	for (size_t j = 0; j < count; j++)
		for (size_t k = 0; j != i && k < line->nr; k++)
			if (is_one_of(line->devs[k], devs[j].devs, devs[j].nr))
				return j;
	return count;
}
