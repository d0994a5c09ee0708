// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which volumes the system provider takes.
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "stack.h"

/* What a copy-on-write snapshot in the machine that made it is not. */
#define OTHER_KINDS	(VSS_VOLSNAP_ATTR_PLEX | VSS_VOLSNAP_ATTR_TRANSPORTABLE)

/* Both are codes for "no" that only tell a requester different reasons. */
static vss_result not_supported(struct vss_error *err, vss_result result)
{
	if (result == VSS_E_NESTED_VOLUME_LIMIT)
		return result;
	if (err)
		err->result = VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
	return VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
}

/* An image, or what lies on one, would be a shadow copy of a shadow copy. */
static vss_result check_nesting(const struct vss_blockdev *volume, struct vss_error *err)
{
	vss_result result = S_OK;
	struct vss_stack stack;
	size_t upper;

	if (vss_stack_load(&vss_stack_system, &stack)) {
		vss_error_set(err, -EIO, VSS_E_PROVIDER_VETO,
			      "cannot read which devices of this machine lie on which");
		return VSS_E_PROVIDER_VETO;
	}
	upper = vss_stack_find(&stack, volume->dev);
	for (size_t i = 0; upper != VSS_STACK_NONE && result == S_OK && i < stack.dev_count; i++) {
		if (!vss_sysfs_is_image(stack.devs[i].name) ||
		    (i != upper && !vss_stack_lies_on(&stack, upper, i)))
			continue;
		vss_error_set(err, -ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
			      "%s lies on /dev/%s, which is a shadow copy itself", volume->path,
			      stack.devs[i].name);
		result = VSS_E_NESTED_VOLUME_LIMIT;
	}
	vss_stack_clear(&stack);
	return result;
}

/* The kernel alone knows whether it sees every write, and it says so by attaching. */
static vss_result probe(struct vss_kernel *kernel, const struct vss_blockdev *volume, struct vss_error *err)
{
	int lock = vss_prepare_lock(NULL);
	bool expected = system_attached_expect(kernel, volume);
	int ret = vss_kernel_volume_attach(kernel, volume->dev, 0, 0, NULL);

	if (!ret)
		ret = vss_kernel_volume_detach(kernel, volume->dev, false);
	if (expected)
		system_attached_forget(volume->dev);
	vss_prepare_unlock(lock);
	switch (ret) {
	case 0:
	case -EEXIST:
		return S_OK;
	case -EOPNOTSUPP:
	case -EBUSY:
	case -EROFS:
	case -EINVAL:
	case -ENODEV:
	case -ENXIO:
		system_kernel_fail(kernel, system_allowed_begin, err);
		return not_supported(err, S_OK);
	default:
		return system_kernel_fail(kernel, system_allowed_begin, err);
	}
}

static vss_result judge(struct vss_kernel *kernel, const struct vss_blockdev *volume, bool *full,
			struct vss_error *err)
{
	struct vss_kernel_module module;
	struct vss_kernel_volume state;
	vss_result result;
	int ret;

	if (vss_blockdev_check_origin(volume, err))
		return not_supported(err, S_OK);
	result = check_nesting(volume, err);
	if (result != S_OK)
		return result;
	ret = vss_kernel_volume_get(kernel, volume->dev, &state);
	if (ret == -ENODEV)
		return probe(kernel, volume, err);
	if (ret)
		return system_kernel_fail(kernel, system_allowed_begin, err);
	if (state.state == VSS_VOLUME_GONE) {
		vss_error_set(err, -ENODEV, VSS_E_OBJECT_NOT_FOUND,
			      "the device of %s was removed", volume->path);
		return not_supported(err, S_OK);
	}
	if (vss_kernel_module_get(kernel, &module))
		return system_kernel_fail(kernel, system_allowed_begin, err);
	*full = state.snapshots >= module.max_snapshots;
	return S_OK;
}

vss_result system_volume_judge(struct vss_kernel *kernel, const char *path, uint32_t context,
			       struct vss_blockdev *volume, bool *full, struct vss_error *err)
{
	vss_result result;

	*full = false;
	if (context & OTHER_KINDS) {
		vss_error_set(err, -EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER,
			      "the system provider makes differential shadow copies only, which "
			      "cannot be %s", context & VSS_VOLSNAP_ATTR_PLEX ? "plexes" : "transported");
		return VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER;
	}
	if (vss_blockdev_resolve(path, volume, err))
		return not_supported(err, S_OK);
	result = judge(kernel, volume, full, err);
	if (result != S_OK)
		vss_blockdev_clear(volume);
	return result;
}

vss_result system_is_volume_supported(void *state, uint32_t context,
				      const struct vss_provider_volume *volume, struct vss_error *err)
{
	struct vss_blockdev dev = { 0 };
	struct vss_kernel *kernel;
	vss_result result = system_kernel_open(true, &kernel, err);
	bool full;

	(void)state;
	if (result != S_OK)
		return result;
	result = system_volume_judge(kernel, volume->path, context, &dev, &full, err);
	vss_kernel_close(kernel);
	vss_blockdev_clear(&dev);
	if (result == VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER)
		return S_FALSE;
	return result;
}

vss_result system_is_volume_snapshotted(void *state, const struct vss_provider_volume *volume,
					bool *present, uint32_t *compatibility, struct vss_error *err)
{
	struct vss_kernel_volume tracked;
	struct vss_blockdev dev;
	struct vss_kernel *kernel;
	vss_result result;
	int ret;

	(void)state;
	*present = false;
	*compatibility = 0;
	if (vss_blockdev_resolve(volume->path, &dev, err))
		return VSS_E_OBJECT_NOT_FOUND;
	result = system_kernel_open(false, &kernel, err);
	if (kernel) {
		ret = vss_kernel_volume_get(kernel, dev.dev, &tracked);
		if (!ret && tracked.snapshots) {
			*present = true;
			/* It would fill the diff area with blocks that nobody changed. */
			*compatibility = VSS_SC_DISABLE_DEFRAG;
		} else if (ret && ret != -ENODEV) {
			result = system_kernel_fail(kernel, system_allowed_object, err);
		}
		vss_kernel_close(kernel);
	}
	vss_blockdev_clear(&dev);
	return result;
}
