// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Growable array.
 */
#include <stdlib.h>
#include <string.h>

#include "list.h"

void *vss_list_add(struct vss_list *list)
{
	void *item;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		void *items = reallocarray(list->items, room, list->item_size);

		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	item = (char *)list->items + list->count++ * list->item_size;
	memset(item, 0, list->item_size);
	return item;
}
