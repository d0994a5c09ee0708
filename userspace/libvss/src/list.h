/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Growable array for the replies of a dump.
 */
#ifndef VSS_SRC_LIST_H
#define VSS_SRC_LIST_H

#include <stddef.h>

struct vss_list {
	void *items;
	size_t item_size;
	size_t count;
	size_t room;
};

/*
 * One more element, zeroed; NULL when memory is out.  Earlier elements may
 * move.
 */
void *vss_list_add(struct vss_list *list);

#endif /* VSS_SRC_LIST_H */
