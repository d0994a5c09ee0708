/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's iSCSI target (LIO), over configfs.
 *
 * Words as in the kernel: a backstore is a device to export; a LUN of a portal group
 * has a backstore; the ACL of an initiator maps the LUNs that this one sees.  Targets,
 * ACLs and their passwords are the administrator's.
 */
#ifndef ARRAY_LIO_H
#define ARRAY_LIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <vss/error.h>

/* The portal group that an initiator is admitted to. */
struct lio_access {
	char *target;		/* its name, an IQN */
	char *group;		/* folder of the portal group */
	char *acl;		/* folder of the initiator's ACL in there */
};

/* @target may be NULL when only one admits the initiator. */
int lio_access_find(const char *initiator, const char *target, struct lio_access *access,
		    struct vss_error *err);
void lio_access_clear(struct lio_access *access);

struct lio_store {
	char *path;
	char *serial;
	dev_t device;		/* what is exported, 0 for no block device */
	bool enabled;
};

struct lio_stores {
	struct lio_store *stores;
	size_t n;
};

/* All backstores. */
int lio_stores_read(struct lio_stores *list, struct vss_error *err);
void lio_stores_clear(struct lio_stores *list);
/* Pointers into the list; NULL for none. */
const struct lio_store *lio_store_by_serial(const struct lio_stores *list, const char *serial);
const struct lio_store *lio_store_by_device(const struct lio_stores *list, dev_t device);

/* Attributes that an initiator sees and a copy has as its original; ends with NULL. */
extern const char *const lio_attributes[];
/* An attribute's value, to free(); NULL for none. */
char *lio_attribute(const struct lio_store *store, const char *name);

struct lio_attribute {
	const char *name;	/* NULL at the end of a list */
	char *value;
};

/* A backstore for a device; @name is unique. */
int lio_store_create(const char *name, const char *device, const char *serial,
		     const struct lio_attribute attributes[], struct vss_error *err);
/* Take it from all that have it mapped, and delete it. */
int lio_store_remove(const struct lio_store *store, struct vss_error *err);

bool lio_is_mapped(const struct lio_access *access, const struct lio_store *store);
/* S_OK also when it is done already. */
int lio_map(const struct lio_access *access, const struct lio_store *store, struct vss_error *err);
int lio_unmap(const struct lio_access *access, const struct lio_store *store, struct vss_error *err);

/*
 * Who else has it mapped and is logged in?  Its IQN, to free(); NULL for nobody.
 * An initiator that is not logged in cannot be using it.
 */
char *lio_other_user(const struct lio_access *access, const struct lio_store *store);
/* The names of all that have it mapped, for people, to free(). */
char *lio_mapped_to(const struct lio_store *store);

#endif /* ARRAY_LIO_H */
