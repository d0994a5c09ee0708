// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Results of a query, to be taken one after another (IVssEnumObject).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enum-object.h"
#include "list.h"

struct vss_enum_object {
	struct vss_list list;	/* of struct vss_object_prop */
	size_t next;
};

struct vss_enum_object *vss_enum_object_new(void)
{
	struct vss_enum_object *objects = calloc(1, sizeof(*objects));

	if (objects)
		objects->list.item_size = sizeof(struct vss_object_prop);
	return objects;
}

int vss_enum_object_append(struct vss_enum_object *objects, struct vss_object_prop *prop)
{
	struct vss_object_prop *item = vss_list_add(&objects->list);

	if (!item) {
		vss_object_prop_clear(prop);
		return -ENOMEM;
	}
	*item = *prop;
	return 0;
}

static struct vss_object_prop *at(struct vss_enum_object *objects, size_t index)
{
	return (struct vss_object_prop *)objects->list.items + index;
}

void vss_object_prop_clear(struct vss_object_prop *prop)
{
	if (prop->type == VSS_OBJECT_SNAPSHOT)
		vss_free_snapshot_properties(&prop->snap);
	else if (prop->type == VSS_OBJECT_PROVIDER)
		vss_free_provider_properties(&prop->prov);
	memset(prop, 0, sizeof(*prop));
}

/* Give @to a text of its own; once one failed, the others become NULL. */
static void copy_text(char **to, bool *failed)
{
	char *from = *to;

	*to = from && !*failed ? strdup(from) : NULL;
	if (from && !*to)
		*failed = true;
}

/* Make @to, a plain copy of @from, own its texts. */
static int copy_object(struct vss_object_prop *to, const struct vss_object_prop *from)
{
	bool failed = false;

	*to = *from;
	if (to->type == VSS_OBJECT_SNAPSHOT) {
		copy_text(&to->snap.device_object, &failed);
		copy_text(&to->snap.original_volume_name, &failed);
		copy_text(&to->snap.originating_machine, &failed);
		copy_text(&to->snap.service_machine, &failed);
		copy_text(&to->snap.exposed_name, &failed);
		copy_text(&to->snap.exposed_path, &failed);
	} else {
		copy_text(&to->prov.provider_name, &failed);
		copy_text(&to->prov.provider_version, &failed);
	}
	if (failed)
		vss_object_prop_clear(to);
	return failed ? -ENOMEM : 0;
}

vss_result vss_enum_object_next(struct vss_enum_object *objects, uint32_t count,
				struct vss_object_prop *props, uint32_t *fetched)
{
	uint32_t i = 0;

	if (!objects || !fetched || (count && !props))
		return E_INVALIDARG;
	while (i < count && objects->next + i < objects->list.count) {
		if (copy_object(&props[i], at(objects, objects->next + i)) < 0) {
			while (i)
				vss_object_prop_clear(&props[--i]);
			*fetched = 0;
			return E_OUTOFMEMORY;
		}
		i++;
	}
	objects->next += i;
	*fetched = i;
	return i < count ? S_FALSE : S_OK;
}

vss_result vss_enum_object_skip(struct vss_enum_object *objects, uint32_t count)
{
	size_t left;

	if (!objects)
		return E_INVALIDARG;
	left = objects->list.count - objects->next;
	objects->next += count < left ? count : left;
	return count > left ? S_FALSE : S_OK;
}

vss_result vss_enum_object_reset(struct vss_enum_object *objects)
{
	if (!objects)
		return E_INVALIDARG;
	objects->next = 0;
	return S_OK;
}

vss_result vss_enum_object_clone(struct vss_enum_object *objects, struct vss_enum_object **clone)
{
	struct vss_enum_object *new;

	if (!objects || !clone)
		return E_INVALIDARG;
	new = vss_enum_object_new();
	for (size_t i = 0; new && i < objects->list.count; i++) {
		struct vss_object_prop prop;

		if (!copy_object(&prop, at(objects, i)) && !vss_enum_object_append(new, &prop))
			continue;
		vss_enum_object_release(new);
		new = NULL;
	}
	if (!new)
		return E_OUTOFMEMORY;
	new->next = objects->next;
	*clone = new;
	return S_OK;
}

void vss_enum_object_release(struct vss_enum_object *objects)
{
	if (!objects)
		return;
	for (size_t i = 0; i < objects->list.count; i++)
		vss_object_prop_clear(at(objects, i));
	free(objects->list.items);
	free(objects);
}
