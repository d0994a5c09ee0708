// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the table of persistent diff areas.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "areas-table.h"

#define BLANKS	" \t\r\n"

static bool add(struct vssctl_areas *areas, const char *volume, const char *device)
{
	struct vssctl_areas_line *more = reallocarray(areas->lines, areas->count + 1, sizeof(*more));
	struct vssctl_areas_line *line;

	if (!more)
		return false;
	areas->lines = more;
	line = &more[areas->count++];
	line->volume = strdup(volume);
	line->device = strdup(device);
	return line->volume && line->device;
}

/* Both stand for one each: a second area of a volume, or volume of an area, is a mistake. */
static const char *contradiction(const struct vssctl_areas *areas, const char *volume, const char *device)
{
	if (!strcmp(volume, device))
		return "a volume cannot be its own diff area";
	for (size_t i = 0; i < areas->count; i++) {
		if (!strcmp(areas->lines[i].volume, volume))
			return "the volume has a line already";
		if (!strcmp(areas->lines[i].device, device))
			return "the device has a line already";
	}
	return NULL;
}

static const char *take(struct vssctl_areas *areas, char *text, bool *out_of_memory)
{
	char *volume = strtok(text, BLANKS), *device = volume ? strtok(NULL, BLANKS) : NULL;
	const char *wrong;

	if (!volume || volume[0] == '#')
		return NULL;
	if (!device || strtok(NULL, BLANKS))
		return "a line has the names of a volume and of a device";
	wrong = contradiction(areas, volume, device);
	if (!wrong && !add(areas, volume, device))
		*out_of_memory = true;
	return wrong;
}

int vssctl_areas_read(struct vssctl *ctl, const char *path, struct vssctl_areas *areas, bool *bad)
{
	FILE *file = fopen(path, "re");
	bool out_of_memory = false;
	size_t room = 0, number = 0;
	char *text = NULL;

	*areas = (struct vssctl_areas) { 0 };
	*bad = false;
	if (!file)
		return errno == ENOENT ? 0 : vssctl_fail(ctl, vss_result_from_errno(errno), "cannot read %s: %s",
							 path, strerror(errno));
	while (!out_of_memory && getline(&text, &room, file) >= 0) {
		const char *wrong = take(areas, text, &out_of_memory);

		number++;
		if (!wrong)
			continue;
		vssctl_fail(ctl, E_INVALIDARG, "%s:%zu: %s; the line is left out", path, number, wrong);
		*bad = true;
	}
	free(text);
	fclose(file);
	return out_of_memory ? vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory") : 0;
}

void vssctl_areas_clear(struct vssctl_areas *areas)
{
	for (size_t i = 0; i < areas->count; i++) {
		free(areas->lines[i].volume);
		free(areas->lines[i].device);
	}
	free(areas->lines);
	*areas = (struct vssctl_areas) { 0 };
}
