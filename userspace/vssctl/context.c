// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What subcommands share: messages, the connection to the module, names of
 * volumes, the lock between processes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vss/prepare.h>

#include "print.h"
#include "vssctl.h"

int vssctl_fail(struct vssctl *ctl, vss_result result, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fflush(ctl->out);
	ctl->print->error(ctl, result, text);
	return vssctl_exit_of(result) ?: VSSCTL_FAILURE;
}

int vssctl_fail_error(struct vssctl *ctl, const struct vss_error *error)
{
	return vssctl_fail(ctl, error->result, "%s", error->text);
}

int vssctl_fail_kernel(struct vssctl *ctl)
{
	return vssctl_fail(ctl, vss_kernel_result(ctl->kernel), "%s",
			   vss_kernel_error(ctl->kernel));
}

void vssctl_warn(struct vssctl *ctl, const char *format, ...)
{
	va_list args;

	fflush(ctl->out);
	fputs("vssctl: warning: ", ctl->err);
	va_start(args, format);
	vfprintf(ctl->err, format, args);
	va_end(args);
	fputc('\n', ctl->err);
}

void vssctl_note(struct vssctl *ctl, const char *format, ...)
{
	va_list args;

	if (ctl->quiet || ctl->json)
		return;
	va_start(args, format);
	vfprintf(ctl->out, format, args);
	va_end(args);
	fputc('\n', ctl->out);
}

void vssctl_detail(struct vssctl *ctl, const char *format, ...)
{
	va_list args;

	if (!ctl->verbose || ctl->json)
		return;
	va_start(args, format);
	vfprintf(ctl->out, format, args);
	va_end(args);
	fputc('\n', ctl->out);
}

int vssctl_run_modprobe(bool dry_run)
{
	return vss_prepare_load_module(dry_run);
}

int vssctl_open_kernel(struct vssctl *ctl)
{
	struct vss_error error;
	int ret = vss_kernel_open(&ctl->kernel, &error);

	if (ret == -ENOENT && geteuid())
		return vssctl_fail(ctl, E_ACCESSDENIED,
				   "the kernel module vss is not loaded, and only root can load "
				   "it; run as root");
	if (ret == -ENOENT && !vssctl_run_modprobe(false)) {
		ret = vss_kernel_open(&ctl->kernel, &error);
		if (!ret)
			vssctl_note(ctl, "loaded the kernel module vss");
	}
	return ret ? vssctl_fail_error(ctl, &error) : 0;
}

bool vssctl_module_loaded(void)
{
	return !access("/sys/module/vss", F_OK);
}

int vssctl_resolve(struct vssctl *ctl, const char *name, struct vss_blockdev *blockdev)
{
	struct vss_error error;

	return vss_blockdev_resolve(name, blockdev, &error) ? vssctl_fail_error(ctl, &error) : 0;
}

int vssctl_resolve_tracked(struct vssctl *ctl, const char *name, struct vss_blockdev *blockdev)
{
	const char *base = strncmp(name, "/dev/", 5) ? name : name + 5;
	struct vss_kernel_volume *volumes;
	struct vss_error error;
	size_t count;

	if (!vss_blockdev_resolve(name, blockdev, &error))
		return 0;
	if (vss_kernel_volume_list(ctl->kernel, &volumes, &count))
		return vssctl_fail_kernel(ctl);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(volumes[i].name, base))
			continue;
		memset(blockdev, 0, sizeof(*blockdev));
		blockdev->dev = volumes[i].dev;
		blockdev->size = volumes[i].size;
		memcpy(blockdev->name, volumes[i].name, sizeof(blockdev->name));
		blockdev->path = strdup(name);
		free(volumes);
		return blockdev->path ? 0 : vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	}
	free(volumes);
	return vssctl_fail_error(ctl, &error);
}

int vssctl_parse_uuid(struct vssctl *ctl, const char *text, struct vss_uuid *uuid)
{
	if (!vss_uuid_parse(text, uuid))
		return 0;
	vssctl_fail(ctl, E_INVALIDARG, "\"%s\" is not a UUID", text);
	return VSSCTL_USAGE;
}

static int tell_lock(struct vssctl *ctl, int lock, const char *path)
{
	if (lock < 0 && lock != -EWOULDBLOCK)
		vssctl_detail(ctl, "no lock: %s: %s", path, strerror(-lock));
	return lock;
}

int vssctl_lock(struct vssctl *ctl)
{
	const char *path;
	int lock = vss_prepare_lock(&path);

	return tell_lock(ctl, lock, path);
}

int vssctl_trylock(struct vssctl *ctl)
{
	const char *path;
	int lock = vss_prepare_trylock(&path);

	return tell_lock(ctl, lock, path);
}

void vssctl_unlock(int lock)
{
	vss_prepare_unlock(lock);
}
