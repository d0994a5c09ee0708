/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output: every subcommand hands its result to a printer, which writes it as
 * text or as JSON.
 */
#ifndef VSSCTL_PRINT_H
#define VSSCTL_PRINT_H

#include <vss/blockdev.h>
#include <vss/kernel.h>

struct vssctl;

/* What "create" made. */
struct vssctl_created {
	struct vss_kernel_set set;
	const struct vssctl_created_snapshot {
		struct vss_kernel_snapshot snapshot;
		const char *volume;		/* device node of the volume */
		const char *device;		/* device node of the image */
		const struct vss_kernel_area *areas;
		size_t area_count;
	} *snapshots;
	size_t count;
};

/* One line of "doctor". */
struct vssctl_check {
	enum vssctl_check_state {
		VSSCTL_CHECK_OK,
		VSSCTL_CHECK_WARN,
		VSSCTL_CHECK_FAIL,
		VSSCTL_CHECK_SKIP,
	} state;
	const char *name;
	char text[512];		/* what was found, and what to do */
};

struct vssctl_printer {
	void (*error)(struct vssctl *ctl, vss_result result, const char *text);
	void (*created)(struct vssctl *ctl, const struct vssctl_created *created);
	void (*snapshots)(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshots,
			  size_t count);
	/* Full detail: of one snapshot, or of a set with its snapshots. */
	void (*snapshot)(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshot);
	void (*set)(struct vssctl *ctl, const struct vss_uuid *uuid,
		    const struct vss_kernel_set *in_creation,
		    const struct vss_kernel_snapshot *snapshots, size_t count);
	void (*deleted)(struct vssctl *ctl, const struct vss_kernel_snapshot *snapshots,
			size_t count);
	void (*attached)(struct vssctl *ctl, const struct vss_kernel_volume *volume);
	void (*detached)(struct vssctl *ctl, const char *volume,
			 const struct vss_kernel_area *removed, size_t count);
	void (*areas)(struct vssctl *ctl, const struct vss_kernel_area *areas, size_t count);
	void (*area_added)(struct vssctl *ctl, const struct vss_kernel_area *area);
	/* As @area_added, among events. */
	void (*area_grown)(struct vssctl *ctl, const struct vss_kernel_area *area);
	/* @file_removed: also the file it was. */
	void (*area_removed)(struct vssctl *ctl, const struct vss_kernel_area *area,
			     bool file_removed);
	void (*volumes)(struct vssctl *ctl, const struct vss_kernel_volume *volumes,
			size_t count);
	/* Full detail of one volume. */
	void (*volume)(struct vssctl *ctl, const struct vss_kernel_volume *volume);
	/* @tracked tells for each device whether the module tracks it. */
	void (*blockdevs)(struct vssctl *ctl, const struct vss_blockdev *blockdevs,
			  const bool *tracked, size_t count);
	void (*event)(struct vssctl *ctl, const struct vss_kernel_event *event);
	void (*checks)(struct vssctl *ctl, const struct vssctl_check *checks, size_t count);
	/* @module is NULL when the module is not loaded. */
	void (*version)(struct vssctl *ctl, const struct vss_kernel_module *module);
};

extern const struct vssctl_printer vssctl_print_text;
extern const struct vssctl_printer vssctl_print_json;

#endif /* VSSCTL_PRINT_H */
