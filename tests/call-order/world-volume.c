// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stand-in volumes: V1 to V99, and NOSUP, which no provider takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "world-internal.h"

unsigned int volume_number(const char *name)
{
	unsigned int number;
	int end = -1;

	if (!strncmp(name, "/dev/", 5))
		name += 5;
	if (sscanf(name, "V%u%n", &number, &end) != 1 || end < 0 || name[end] || number > MAX_VOLUMES)
		return 0;
	return number;
}

static vss_result resolve(void *data, const char *name, struct vssd_volume *volume, struct vss_error *err)
{
	struct machine *machine = data;
	unsigned int number = volume_number(name);

	memset(volume, 0, sizeof(*volume));
	if (!number && strcmp(name, "NOSUP") && strcmp(name, "/dev/NOSUP")) {
		vss_error_set(err, -2, VSS_E_OBJECT_NOT_FOUND, "there is no volume %s", name);
		return VSS_E_OBJECT_NOT_FOUND;
	}
	snprintf(volume->path, sizeof(volume->path), "%s%s", strncmp(name, "/dev/", 5) ? "/dev/" : "", name);
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
