// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stand-in volumes: V1 to V99, and NOSUP, which no provider takes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "world-internal.h"

/* Machines other than A have volumes of their own: /dev/B/V1. */
unsigned int volume_number(const char *name)
{
	unsigned int number;
	int end = -1;

	if (!strncmp(name, "/dev/", 5))
		name += 5;
	if (strchr(WORLD_MACHINES, *name) && name[1] == '/')
		name += 2;
	if (sscanf(name, "V%u%n", &number, &end) != 1 || end < 0 || name[end] || number > MAX_VOLUMES)
		return 0;
	return number;
}

/* The folder of the machine's volumes. */
static void volume_prefix(const struct machine *machine, char prefix[16])
{
	if (machine->letter == 'A')
		snprintf(prefix, 16, "/dev/");
	else
		snprintf(prefix, 16, "/dev/%c/", machine->letter);
}

static vss_result resolve(void *data, const char *name, struct vssd_volume *volume, struct vss_error *err)
{
	struct machine *machine = data;
	const char *own = name;
	unsigned int number;
	char prefix[16];

	memset(volume, 0, sizeof(*volume));
	volume_prefix(machine, prefix);
	if (!strncmp(name, prefix, strlen(prefix)))
		own = name + strlen(prefix);
	number = strchr(own, '/') ? 0 : volume_number(own);
	if ((!number && strcmp(own, "NOSUP")) ||
	    (machine->letter == 'A' && machine->world->volumes[number].original_hidden)) {
		vss_error_set(err, -ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no volume %s", name);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	snprintf(volume->path, sizeof(volume->path), "%s%s", prefix, own);
	volume->size = 1 << 30;
	volume->in_use = machine->world->volumes[number].mounted;
	return S_OK;
}

static bool is_nested(void *data, const char *volume, const char *other)
{
	(void)data;
	(void)volume;
	(void)other;
	return false;
}

static vss_result mount_image(void *data, const char *device, const char *dir, bool writable,
			      struct vss_error *err)
{
	(void)data;
	(void)device;
	(void)dir;
	(void)writable;
	(void)err;
	return S_OK;
}

static vss_result unmount_image(void *data, const char *dir, bool force, struct vss_error *err)
{
	(void)data;
	(void)dir;
	(void)force;
	(void)err;
	return S_OK;
}

void volumes_add(struct machine *machine)
{
	const struct vssd_volumes volumes = {
		.resolve = resolve,
		.is_nested = is_nested,
		.mount = mount_image,
		.unmount = unmount_image,
		.data = machine,
	};

	vssd_core_set_volumes(machine->core, &volumes);
}
