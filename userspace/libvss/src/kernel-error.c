// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From the errno of a command to the sentence and the VSS result code.
 */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "kernel.h"
#include "sysfs.h"

#include <vss/blockdev.h>

/* "cannot <verb> <subject>: ..." */
static const char *verb(enum vss_cmd cmd)
{
	switch (cmd) {
	case VSS_CMD_MODULE_GET:
		return "read the facts of the kernel module";
	case VSS_CMD_MODULE_TEST:
		return "verify the write hook on this kernel";
	case VSS_CMD_VOLUME_ATTACH:
		return "attach";
	case VSS_CMD_VOLUME_DETACH:
		return "detach";
	case VSS_CMD_VOLUME_GET:
		return "read the state of";
	case VSS_CMD_VOLUME_SET:
		return "change the limits of";
	case VSS_CMD_AREA_ADD:
		return "add to the diff area of";
	case VSS_CMD_AREA_EXTENTS:
		return "use the file for the diff area of";
	case VSS_CMD_AREA_GET:
		return "list diff areas";
	case VSS_CMD_AREA_REMOVE:
		return "remove a part of the diff area of";
	case VSS_CMD_SET_PREPARE:
		return "prepare snapshot set";
	case VSS_CMD_SET_STEP:
		return "create snapshot set";
	case VSS_CMD_SET_ABORT:
		return "abort snapshot set";
	case VSS_CMD_SET_GET:
		return "read snapshot set";
	case VSS_CMD_SNAPSHOT_GET:
		return "read snapshot";
	case VSS_CMD_SNAPSHOT_SET:
		return "change snapshot";
	case VSS_CMD_SNAPSHOT_DELETE:
		return "delete snapshot";
	default:
		return "run the command";
	}
}

/*
 * What an errno means for a command, its result code and what to do.  First
 * match wins; VSS_CMD_UNSPEC stands for every command.
 */
static const struct rule {
	enum vss_cmd cmd;
	int code;
	vss_result result;
	const char *meaning;
	const char *advice;
} rules[] = {
	{ VSS_CMD_UNSPEC, EPERM, E_ACCESSDENIED, "permission denied",
	  "run as root, outside of any container" },
	{ VSS_CMD_UNSPEC, ENOMEM, E_OUTOFMEMORY, "the kernel has not enough memory", NULL },
	{ VSS_CMD_MODULE_TEST, EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
	  "writes would pass the module unseen on this kernel", "see 'vssctl doctor'" },
	{ VSS_CMD_MODULE_TEST, EBUSY, VSS_E_PROVIDER_VETO,
	  "ftrace is switched off or another module owns the function",
	  "see 'vssctl doctor'" },
	{ VSS_CMD_VOLUME_ATTACH, EEXIST, VSS_E_OBJECT_ALREADY_EXISTS, "it is attached already",
	  NULL },
	{ VSS_CMD_VOLUME_ATTACH, EBUSY, VSS_E_VOLUME_IN_USE,
	  "it overlaps a volume that is attached, or ftrace cannot be used", NULL },
	{ VSS_CMD_VOLUME_ATTACH, ENOSPC, VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED,
	  "too many volumes are attached", "detach one" },
	{ VSS_CMD_VOLUME_ATTACH, EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
	  "this kind of device cannot be snapshotted", NULL },
	{ VSS_CMD_VOLUME_ATTACH, EAGAIN, VSS_E_HOLD_WRITES_TIMEOUT,
	  "writes from before the attach did not end in time", "try again" },
	{ VSS_CMD_VOLUME_ATTACH, ENODEV, VSS_E_OBJECT_NOT_FOUND, "there is no such device", NULL },
	{ VSS_CMD_VOLUME_ATTACH, ENXIO, VSS_E_OBJECT_NOT_FOUND, "there is no such device", NULL },
	{ VSS_CMD_VOLUME_DETACH, EBUSY, VSS_E_VOLUME_IN_USE, "it has snapshots",
	  "delete its snapshots first, or use --force" },
	{ VSS_CMD_VOLUME_DETACH, ETIMEDOUT, VSS_E_HOLD_WRITES_TIMEOUT,
	  "it is not tracked any more, but I/O of it or of its snapshots does not end",
	  "see to the device that hangs; then it is detached by itself" },
	{ VSS_CMD_VOLUME_DETACH, ENODEV, VSS_E_OBJECT_NOT_FOUND, "it is not attached", NULL },
	{ VSS_CMD_VOLUME_GET, ENODEV, VSS_E_OBJECT_NOT_FOUND, "it is not attached", NULL },
	{ VSS_CMD_VOLUME_SET, ENODEV, VSS_E_OBJECT_NOT_FOUND, "it is not attached", NULL },
	{ VSS_CMD_AREA_ADD, ENODEV, VSS_E_OBJECT_NOT_FOUND, "the volume is not attached",
	  "attach it first" },
	{ VSS_CMD_AREA_ADD, EBUSY, VSS_E_VOLUME_IN_USE, "the device or file is in use", NULL },
	{ VSS_CMD_AREA_ADD, EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
	  "this device or file cannot hold a diff area", NULL },
	{ VSS_CMD_AREA_ADD, ELOOP, VSS_E_NESTED_VOLUME_LIMIT,
	  "the diff area would lie on the volume it serves",
	  "choose a device that is independent of the volume" },
	{ VSS_CMD_AREA_ADD, ENOSPC, VSS_E_INSUFFICIENT_STORAGE, "there is no room for a chunk",
	  "choose a larger device" },
	{ VSS_CMD_AREA_ADD, EMLINK, VSS_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED,
	  "the diff area has its most parts", NULL },
	{ VSS_CMD_AREA_GET, ENODEV, VSS_E_OBJECT_NOT_FOUND, "the volume is not attached", NULL },
	{ VSS_CMD_AREA_EXTENTS, EBUSY, VSS_E_VOLUME_IN_USE,
	  "the file lies on the volume itself, which has snapshots that may still need its blocks",
	  "put the file on another device, or delete the snapshots first" },
	{ VSS_CMD_AREA_REMOVE, ENODEV, VSS_E_OBJECT_NOT_FOUND, "the volume is not attached",
	  NULL },
	{ VSS_CMD_AREA_REMOVE, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such part",
	  "see 'vssctl diff-area list'" },
	{ VSS_CMD_AREA_REMOVE, EBUSY, VSS_E_VOLUME_IN_USE, "the volume has snapshots", NULL },
	{ VSS_CMD_SET_PREPARE, EBUSY, VSS_E_SNAPSHOT_SET_IN_PROGRESS,
	  "a volume is in another set that is being created", "try again later" },
	{ VSS_CMD_SET_PREPARE, ENOSPC, VSS_E_INSUFFICIENT_STORAGE,
	  "a volume has no diff area or no room in it",
	  "give it room with 'vssctl diff-area add' or 'vssctl diff-area grow'" },
	{ VSS_CMD_SET_PREPARE, EEXIST, VSS_E_OBJECT_ALREADY_EXISTS, "the UUID is in use", NULL },
	{ VSS_CMD_SET_PREPARE, ENOENT, VSS_E_OBJECT_NOT_FOUND, "a volume is not attached",
	  "attach it first" },
	{ VSS_CMD_SET_PREPARE, ESTALE, VSS_E_BAD_STATE, "a volume was resized",
	  "detach it and attach it again" },
	{ VSS_CMD_SET_PREPARE, EOPNOTSUPP, VSS_E_VOLUME_NOT_SUPPORTED,
	  "a volume can be written past the module", "detach it" },
	{ VSS_CMD_SET_PREPARE, EMLINK, VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED,
	  "a volume has its most snapshots", "delete old ones first" },
	{ VSS_CMD_SET_STEP, EPERM, E_ACCESSDENIED, "the set belongs to another process", NULL },
	{ VSS_CMD_SET_STEP, ETIMEDOUT, VSS_E_FLUSH_WRITES_TIMEOUT, "its deadline passed",
	  "try again when the volumes are less busy, or allow more time" },
	{ VSS_CMD_SET_STEP, ECANCELED, VSS_E_BAD_STATE, "it was undone before", NULL },
	{ VSS_CMD_SET_STEP, ESTALE, VSS_E_BAD_STATE, "a volume became smaller meanwhile",
	  "detach it and attach it again" },
	{ VSS_CMD_SET_STEP, EBUSY, VSS_E_VOLUME_IN_USE,
	  "a file system could not be frozen because something else has frozen it",
	  "thaw it with 'fsfreeze -u' if nothing needs the freeze" },
	{ VSS_CMD_SET_STEP, ENOSPC, VSS_E_INSUFFICIENT_STORAGE, "the diff area is full",
	  "give it room with 'vssctl diff-area grow'" },
	{ VSS_CMD_SET_STEP, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such set in creation",
	  NULL },
	{ VSS_CMD_SET_ABORT, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such set in creation",
	  NULL },
	{ VSS_CMD_SET_GET, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such set in creation",
	  NULL },
	{ VSS_CMD_SNAPSHOT_GET, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such snapshot", NULL },
	{ VSS_CMD_SNAPSHOT_SET, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such snapshot", NULL },
	{ VSS_CMD_SNAPSHOT_SET, EBUSY, VSS_E_VOLUME_IN_USE, "its image is in use",
	  "unmount or close it first" },
	{ VSS_CMD_SNAPSHOT_DELETE, ENOENT, VSS_E_OBJECT_NOT_FOUND, "there is no such snapshot",
	  NULL },
	{ VSS_CMD_SNAPSHOT_DELETE, EBUSY, VSS_E_VOLUME_IN_USE, "its image is in use",
	  "unmount or close it first, or use --force" },
	{ VSS_CMD_SNAPSHOT_DELETE, ETIMEDOUT, VSS_E_HOLD_WRITES_TIMEOUT,
	  "it is deleted, but I/O of its image does not end",
	  "see to the device that hangs; then the image is removed by itself" },
};

static const struct rule *find_rule(enum vss_cmd cmd, int code)
{
	const struct rule *general = NULL;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].code != code)
			continue;
		if (rules[i].cmd == cmd)
			return &rules[i];
		if (rules[i].cmd == VSS_CMD_UNSPEC)
			general = &rules[i];
	}
	return general;
}

vss_result vss_kernel_result_of(enum vss_cmd cmd, int code)
{
	const struct rule *rule = find_rule(cmd, -code);

	return rule ? rule->result : vss_result_from_errno(code);
}

/* What completes the verb where a command is about all objects there are. */
static const char *plural(enum vss_cmd cmd)
{
	switch (cmd) {
	case VSS_CMD_VOLUME_GET:
		return " the volumes";
	case VSS_CMD_SET_GET:
	case VSS_CMD_SNAPSHOT_GET:
		return "s";
	default:
		return "";
	}
}

/* " /dev/vda1", " 8a6c..." or the plural. */
static void describe(enum vss_cmd cmd, const struct vss_subject *subject, char *text,
		     size_t size)
{
	char name[VSS_SYSFS_NAME_SIZE], node[VSS_BLOCKDEV_NODE_SIZE];
	char id[VSS_UUID_TEXT_SIZE];

	if (!subject) {
		snprintf(text, size, "%s", plural(cmd));
		return;
	}
	text[0] = '\0';
	if (subject->kind == VSS_SUBJECT_UUID) {
		snprintf(text, size, " %s", vss_uuid_format(&subject->uuid, id));
	} else if (subject->kind == VSS_SUBJECT_DEVICE &&
		 !vss_sysfs_name("/sys", subject->dev, name)) {
		vss_blockdev_node(name, node, sizeof(node));
		snprintf(text, size, " %s", node);
	} else if (subject->kind == VSS_SUBJECT_DEVICE) {
		snprintf(text, size, " device %u:%u", subject->dev.major, subject->dev.minor);
	}
}

/*
 * Does the path name what the request is about as a whole?  The sentence does
 * so already, and better.
 */
static bool names_subject(const char *attr)
{
	static const char *const paths[] = {
		"VSS_A_VOLUME.MAJOR", "VSS_A_VOLUME.MINOR", "VSS_A_AREA.VOLUME_MAJOR",
		"VSS_A_AREA.VOLUME_MINOR", "VSS_A_SET.UUID", "VSS_A_SNAPSHOT.UUID",
		"VSS_A_SNAPSHOT.SET_UUID",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(attr, paths[i]))
			return true;
	return false;
}

int vss_kernel_fail(struct vss_kernel *kernel, enum vss_cmd cmd,
		    const struct vss_subject *subject, int code)
{
	const struct rule *rule = find_rule(cmd, -code);
	const char *reason = strerror(-code);
	const char *attr = names_subject(kernel->extack_attr) ? "" : kernel->extack_attr;
	char what[VSS_BLOCKDEV_NODE_SIZE + 8];

	describe(cmd, subject, what, sizeof(what));
	if (kernel->extack[0])
		reason = kernel->extack;
	else if (rule)
		reason = rule->meaning;
	return vss_error_set(&kernel->error, code, vss_kernel_result_of(cmd, code),
			     "cannot %s%s: %s%s%s%s%s%s", verb(cmd), what, reason,
			     attr[0] ? " (" : "", attr, attr[0] ? ")" : "",
			     rule && rule->advice ? "; " : "",
			     rule && rule->advice ? rule->advice : "");
}

const char *vss_kernel_error(const struct vss_kernel *kernel)
{
	return kernel->error.text;
}

vss_result vss_kernel_result(const struct vss_kernel *kernel)
{
	return kernel->error.result;
}

const char *vss_kernel_extack(const struct vss_kernel *kernel)
{
	return kernel->extack;
}

const char *vss_kernel_extack_attr(const struct vss_kernel *kernel)
{
	return kernel->extack_attr;
}
