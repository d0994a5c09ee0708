/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logical volumes, through LVM's own program.
 *
 * What is to be known of a copy is in its tags, so nothing else need be kept:
 *	vss.copy		made by us
 *	vss.new			its set is not complete yet
 *	vss.set=HEX		set it belongs to
 *	vss.serial=HEX		serial number of its LUN
 *	vss.NAME=VALUE		attribute of the original's LUN that an initiator sees
 */
#ifndef ARRAY_LVM_H
#define ARRAY_LVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <vss/error.h>

#define LVM_TAG_COPY	"vss.copy"
#define LVM_TAG_NEW	"vss.new"
#define LVM_TAG_SET	"vss.set="
#define LVM_TAG_SERIAL	"vss.serial="
#define LVM_TAG_ATTRIB	"vss.attrib."

struct lvm_lv {
	char *path;		/* "VG/LV" */
	const char *name;	/* within @path */
	char *pool;		/* "" for none */
	char *type;
	char *tags;		/* separated by commas */
	uint64_t size;
	bool active;
	dev_t device;		/* 0 when not active */
	double data, metadata;	/* a pool's, per cent in use */
	uint32_t thin_id;
};

struct lvm_list {
	struct lvm_lv *lvs;
	size_t n;
};

/* All that there are. */
int lvm_read(struct lvm_list *list, struct vss_error *err);
void lvm_list_clear(struct lvm_list *list);

/* Pointers into the list; NULL for none. */
const struct lvm_lv *lvm_find(const struct lvm_list *list, const char *path);
const struct lvm_lv *lvm_find_device(const struct lvm_list *list, dev_t device);
const struct lvm_lv *lvm_pool(const struct lvm_list *list, const struct lvm_lv *lv);

bool lvm_has_tag(const struct lvm_lv *lv, const char *tag);
/* The rest of the tag that begins with @prefix, to free(); NULL for none. */
char *lvm_tag_value(const struct lvm_lv *lv, const char *prefix);

/* "VG/LV" of names that LVM allows? */
bool lvm_path_valid(const char *path);

/*
 * "VG/LV" of the copy of @origin for a shadow copy, 32 hexadecimal digits; to free(), NULL
 * without memory.  A copy that has taken its original's place gives copies the name that
 * copies of the original had: names do not grow with each recovery.
 */
char *lvm_copy_path(const char *origin, const char *snapshot);

/* A thin snapshot that is not active; @tags ends with NULL. */
int lvm_copy(const char *origin, const char *name, const char *const tags[], struct vss_error *err);
/* The volumes are "VG/LV"; @n is not 0. */
int lvm_activate(const char *const paths[], size_t n, struct vss_error *err);
/* From now on they are active after a start of the array as well, and not new any more. */
int lvm_complete(const char *const paths[], size_t n, struct vss_error *err);
int lvm_remove(const char *const paths[], size_t n, struct vss_error *err);

#endif /* ARRAY_LVM_H */
