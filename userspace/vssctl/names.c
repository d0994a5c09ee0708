// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol's enumerations, devices and times in words.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "names.h"

static const char *pick(const char *const *names, size_t count, uint32_t value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

#define PICK(names, value) pick(names, sizeof(names) / sizeof(names[0]), value)

const char *vssctl_hook_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VSS_HOOK_IDLE] = "idle",
		[VSS_HOOK_VERIFIED] = "verified",
		[VSS_HOOK_FAILED] = "failed",
	};

	return PICK(names, state);
}

const char *vssctl_volume_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VSS_VOLUME_TRACKED] = "tracked",
		[VSS_VOLUME_GONE] = "gone",
	};

	return PICK(names, state);
}

const char *vssctl_area_type_name(uint32_t type)
{
	static const char *const names[] = {
		[VSS_AREA_DEVICE] = "device",
		[VSS_AREA_FILE] = "file",
	};

	return PICK(names, type);
}

const char *vssctl_area_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VSS_AREA_PINNED] = "pinned",
		[VSS_AREA_READY] = "ready",
		[VSS_AREA_ERROR] = "error",
	};

	return PICK(names, state);
}

const char *vssctl_set_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VSS_SET_PREPARED] = "prepared",
		[VSS_SET_FROZEN] = "frozen",
		[VSS_SET_HELD] = "held",
		[VSS_SET_COMMITTED] = "committed",
		[VSS_SET_DONE] = "done",
		[VSS_SET_FAILED] = "failed",
	};

	return PICK(names, state);
}

const char *vssctl_snapshot_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VSS_SNAPSHOT_PREPARED] = "prepared",
		[VSS_SNAPSHOT_ALIVE] = "alive",
		[VSS_SNAPSHOT_LOST] = "lost",
		[VSS_SNAPSHOT_DELETING] = "deleting",
	};

	return PICK(names, state);
}

const char *vssctl_lost_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[VSS_LOST_NOT] = "none",
		[VSS_LOST_AREA_FULL] = "area-full",
		[VSS_LOST_AREA_ERROR] = "area-error",
		[VSS_LOST_NO_MEMORY] = "no-memory",
		[VSS_LOST_STALLED] = "stalled",
		[VSS_LOST_DETACHED] = "detached",
		[VSS_LOST_UNTRACKED] = "untracked",
		[VSS_LOST_DAMAGED] = "damaged",
		[VSS_LOST_RESIZED] = "resized",
	};

	return PICK(names, reason);
}

const char *vssctl_event_type_name(uint32_t type)
{
	static const char *const names[] = {
		[VSS_EVENT_VOLUME_ATTACHED] = "volume-attached",
		[VSS_EVENT_VOLUME_DETACHED] = "volume-detached",
		[VSS_EVENT_SNAPSHOT_CREATED] = "snapshot-created",
		[VSS_EVENT_SNAPSHOT_DELETED] = "snapshot-deleted",
		[VSS_EVENT_SNAPSHOT_LOST] = "snapshot-lost",
		[VSS_EVENT_AREA_LOW] = "area-low",
		[VSS_EVENT_AREA_ADDED] = "area-added",
		[VSS_EVENT_SET_DONE] = "set-done",
		[VSS_EVENT_SET_FAILED] = "set-failed",
		[VSS_EVENT_AREA_REMOVED] = "area-removed",
	};

	return PICK(names, type);
}

char *vssctl_device_name(struct vss_devno dev, char text[VSSCTL_DEVICE_TEXT])
{
	char link[64], target[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", dev.major, dev.minor);
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0) {
		snprintf(text, VSSCTL_DEVICE_TEXT, "%u:%u", dev.major, dev.minor);
		return text;
	}
	target[n] = '\0';
	base = strrchr(target, '/');
	vss_blockdev_node(base ? base + 1 : target, text, VSSCTL_DEVICE_TEXT);
	return text;
}

char *vssctl_format_time_utc(uint64_t time, char text[VSSCTL_TIME_TEXT])
{
	time_t seconds = (time_t)(time / 1000000000);
	char date[24];
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(text, VSSCTL_TIME_TEXT, "%s.%09uZ", date, (unsigned int)(time % 1000000000));
	return text;
}

char *vssctl_format_time_local(uint64_t time, char text[VSSCTL_TIME_TEXT])
{
	time_t seconds = (time_t)(time / 1000000000);
	struct tm tm;

	strftime(text, VSSCTL_TIME_TEXT, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	return text;
}
