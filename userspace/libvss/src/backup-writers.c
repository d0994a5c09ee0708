// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writers as a requester sees them: which of them are asked, their metadata,
 * their status.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "requester.h"

/* ---- which writers are asked ---- */

static vss_result add_ids(struct vss_backup_components *bc, enum vss_call call, struct vss_id_list *list,
			  const struct vss_uuid *ids, uint32_t count)
{
	struct vss_uuid *grown;
	vss_result result = vss_requester_enter(bc, call);

	if (VSS_FAILED(result))
		return result;
	if (!ids || !count)
		return vss_requester_fail(bc, E_INVALIDARG,
					  "%s was called without an identifier; name at least one",
					  vss_call_name(call));
	/* The writers were asked already: no effect. */
	if (bc->order.gather_called)
		return S_OK;
	if (count > UINT32_MAX - list->count)
		return vss_requester_fail(bc, E_INVALIDARG, "%u identifiers are too many", count);
	grown = reallocarray(list->ids, (size_t)list->count + count, sizeof(*ids));
	if (!grown)
		return vss_requester_fail(bc, E_OUTOFMEMORY, "memory is out");
	memcpy(grown + list->count, ids, count * sizeof(*ids));
	list->ids = grown;
	list->count += count;
	return S_OK;
}

static void remove_ids(struct vss_id_list *list, const struct vss_uuid *ids, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		uint32_t j = 0;

		while (j < count && !vss_uuid_equal(&list->ids[i], &ids[j]))
			j++;
		if (j == count)
			list->ids[kept++] = list->ids[i];
	}
	list->count = kept;
}

vss_result vss_backup_components_enable_writer_classes(struct vss_backup_components *bc,
						       const struct vss_uuid *ids, uint32_t count)
{
	bool first = !bc->enabled.count;
	vss_result result = add_ids(bc, VSS_CALL_EnableWriterClasses, &bc->enabled, ids, count);

	if (VSS_FAILED(result) || bc->order.gather_called)
		return result;
	/* The first call takes back all that was disabled before, a later one its own classes. */
	if (first)
		vss_id_list_clear(&bc->disabled);
	else
		remove_ids(&bc->disabled, ids, count);
	return S_OK;
}

vss_result vss_backup_components_disable_writer_classes(struct vss_backup_components *bc,
							const struct vss_uuid *ids, uint32_t count)
{
	return add_ids(bc, VSS_CALL_DisableWriterClasses, &bc->disabled, ids, count);
}

vss_result vss_backup_components_disable_writer_instances(struct vss_backup_components *bc,
							  const struct vss_uuid *ids, uint32_t count)
{
	return add_ids(bc, VSS_CALL_DisableWriterInstances, &bc->disabled_instances, ids, count);
}

/* ---- metadata ---- */

static void clear_writer(struct vss_gathered_writer *writer)
{
	vss_writer_identity_clear(&writer->identity);
	vss_writer_metadata_free(writer->metadata);
	free(writer->xml);
	memset(writer, 0, sizeof(*writer));
}

void vss_requester_free_writers(struct vss_backup_components *bc)
{
	for (uint32_t i = 0; i < bc->nr_writers; i++)
		clear_writer(&bc->writers[i]);
	free(bc->writers);
	bc->writers = NULL;
	bc->nr_writers = 0;
}

/* False: the document is none, the writer is left out as one whose Identify failed. */
static bool take_writer(struct vss_gathered_writer *writer, const struct vss_uuid *instance, const char *xml)
{
	memset(writer, 0, sizeof(*writer));
	if (VSS_FAILED(vss_create_vss_examine_writer_metadata(xml, strlen(xml), &writer->metadata, NULL)))
		return false;
	if (VSS_FAILED(vss_examine_writer_metadata_get_identity(writer->metadata, &writer->identity)) ||
	    VSS_FAILED(vss_examine_writer_metadata_get_backup_schema(writer->metadata, &writer->schema)))
		return false;
	/* vssd's word counts: it knows who sent the document. */
	writer->identity.instance_id = *instance;
	writer->xml = strdup(xml);
	return writer->xml != NULL;
}

static vss_result take_metadata(struct vss_backup_components *bc, sd_bus_message *reply)
{
	const char *instance, *xml;
	int r = sd_bus_message_enter_container(reply, 'a', "(ss)");

	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &instance, &xml)) > 0) {
		struct vss_gathered_writer *grown;
		struct vss_uuid id;

		grown = reallocarray(bc->writers, (size_t)bc->nr_writers + 1, sizeof(*grown));
		if (!grown)
			return vss_requester_bad_reply(bc, -ENOMEM);
		bc->writers = grown;
		if (!vss_requester_parse_uuid(instance, &id))
			return vss_requester_bad_reply(bc, -EBADMSG);
		if (take_writer(&grown[bc->nr_writers], &id, xml))
			bc->nr_writers++;
		else
			clear_writer(&grown[bc->nr_writers]);
	}
	return r < 0 ? vss_requester_bad_reply(bc, r) : S_OK;
}

static int append_ids(sd_bus_message *m, const struct vss_id_list *list)
{
	char text[VSS_UUID_TEXT_SIZE];
	int r = sd_bus_message_open_container(m, 'a', "s");

	for (uint32_t i = 0; r >= 0 && i < list->count; i++)
		r = sd_bus_message_append(m, "s", vss_uuid_format(&list->ids[i], text));
	return r < 0 ? r : sd_bus_message_close_container(m);
}

vss_result vss_backup_components_gather_writer_metadata(struct vss_backup_components *bc,
							struct vss_async **async)
{
	sd_bus_message *m;
	vss_result result;
	int r;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_GatherWriterMetadata, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_GatherWriterMetadata);
	if (VSS_FAILED(result))
		return result;
	m = vss_requester_message(bc, "GatherWriterMetadata");
	if (!m)
		return bc->error.result;
	r = append_ids(m, &bc->enabled);
	if (r >= 0)
		r = append_ids(m, &bc->disabled);
	if (r >= 0)
		r = append_ids(m, &bc->disabled_instances);
	if (r < 0) {
		sd_bus_message_unref(m);
		return vss_requester_fail(bc, E_OUTOFMEMORY, "memory is out");
	}
	return vss_async_start(bc, VSS_CALL_GatherWriterMetadata, m, take_metadata, async);
}

vss_result vss_backup_components_get_writer_metadata_count(struct vss_backup_components *bc, uint32_t *count)
{
	vss_result result;

	if (!count)
		return vss_requester_null(bc, VSS_CALL_GetWriterMetadataCount, "a place for the count");
	result = vss_requester_enter(bc, VSS_CALL_GetWriterMetadataCount);
	if (!VSS_FAILED(result))
		*count = bc->nr_writers;
	return result;
}

vss_result vss_backup_components_get_writer_metadata(struct vss_backup_components *bc, uint32_t index,
						     struct vss_uuid *instance_id,
						     struct vss_writer_metadata **metadata)
{
	struct vss_gathered_writer *writer;
	vss_result result;

	if (!instance_id || !metadata)
		return vss_requester_null(bc, VSS_CALL_GetWriterMetadata,
					  "a place for instance and metadata");
	result = vss_requester_enter(bc, VSS_CALL_GetWriterMetadata);
	if (VSS_FAILED(result))
		return result;
	if (index >= bc->nr_writers)
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "there is no writer metadata of index %u, only %u in all", index,
					  bc->nr_writers);
	writer = &bc->writers[index];
	result = vss_create_vss_examine_writer_metadata(writer->xml, strlen(writer->xml), metadata,
							&bc->error);
	if (!VSS_FAILED(result))
		*instance_id = writer->identity.instance_id;
	return result;
}

vss_result vss_backup_components_free_writer_metadata(struct vss_backup_components *bc)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_FreeWriterMetadata);

	if (VSS_FAILED(result))
		return result;
	/* The last chance to see which components their writers demand. */
	if (bc->order.stage == VSS_STAGE_BACKUP || bc->order.stage == VSS_STAGE_SET) {
		result = vss_requester_add_required(bc);
		if (VSS_FAILED(result))
			return result;
	}
	/* That they run is still known, for a restore. */
	for (uint32_t i = 0; i < bc->nr_writers; i++) {
		vss_writer_metadata_free(bc->writers[i].metadata);
		bc->writers[i].metadata = NULL;
		free(bc->writers[i].xml);
		bc->writers[i].xml = NULL;
	}
	return vss_requester_leave(bc, VSS_CALL_FreeWriterMetadata, S_OK);
}

struct vss_gathered_writer *vss_requester_find_writer(struct vss_backup_components *bc,
						      const struct vss_uuid *instance_id,
						      const struct vss_uuid *writer_id)
{
	for (uint32_t i = 0; i < bc->nr_writers; i++) {
		const struct vss_writer_identity *identity = &bc->writers[i].identity;

		if (vss_uuid_equal(&identity->writer_id, writer_id) &&
		    (!instance_id || vss_uuid_equal(&identity->instance_id, instance_id)))
			return &bc->writers[i];
	}
	return NULL;
}

/* ---- status ---- */

void vss_writer_status_clear(struct vss_writer_status *status)
{
	free(status->writer_name);
	free(status->application_message);
	memset(status, 0, sizeof(*status));
}

void vss_requester_free_statuses(struct vss_backup_components *bc)
{
	for (uint32_t i = 0; i < bc->nr_statuses; i++)
		vss_writer_status_clear(&bc->statuses[i]);
	free(bc->statuses);
	bc->statuses = NULL;
	bc->nr_statuses = 0;
}

static vss_result take_status(struct vss_backup_components *bc, sd_bus_message *reply)
{
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}");

	vss_requester_free_statuses(bc);
	while (r >= 0 && (r = sd_bus_message_at_end(reply, 0)) == 0) {
		struct vss_writer_status *grown;

		grown = reallocarray(bc->statuses, (size_t)bc->nr_statuses + 1, sizeof(*grown));
		if (!grown)
			return vss_requester_bad_reply(bc, -ENOMEM);
		bc->statuses = grown;
		r = vss_requester_read_status(reply, &grown[bc->nr_statuses]);
		if (r >= 0)
			bc->nr_statuses++;
	}
	return r < 0 ? vss_requester_bad_reply(bc, r) : S_OK;
}

vss_result vss_backup_components_gather_writer_status(struct vss_backup_components *bc,
						      struct vss_async **async)
{
	sd_bus_message *m;
	vss_result result;

	if (!async)
		return vss_requester_null(bc, VSS_CALL_GatherWriterStatus, "a place for the async object");
	result = vss_requester_enter(bc, VSS_CALL_GatherWriterStatus);
	if (VSS_FAILED(result))
		return result;
	m = vss_requester_message(bc, "GatherWriterStatus");
	return m ? vss_async_start(bc, VSS_CALL_GatherWriterStatus, m, take_status, async) : bc->error.result;
}

vss_result vss_backup_components_get_writer_status_count(struct vss_backup_components *bc, uint32_t *count)
{
	vss_result result;

	if (!count)
		return vss_requester_null(bc, VSS_CALL_GetWriterStatusCount, "a place for the count");
	result = vss_requester_enter(bc, VSS_CALL_GetWriterStatusCount);
	if (!VSS_FAILED(result))
		*count = bc->nr_statuses;
	return result;
}

vss_result vss_backup_components_get_writer_status(struct vss_backup_components *bc, uint32_t index,
						   struct vss_writer_status *status)
{
	const struct vss_writer_status *found;
	vss_result result;

	if (!status)
		return vss_requester_null(bc, VSS_CALL_GetWriterStatus, "a place for the status");
	result = vss_requester_enter(bc, VSS_CALL_GetWriterStatus);
	if (VSS_FAILED(result))
		return result;
	if (index >= bc->nr_statuses)
		return vss_requester_fail(bc, VSS_E_OBJECT_NOT_FOUND,
					  "there is no writer status of index %u, only %u in all", index,
					  bc->nr_statuses);
	found = &bc->statuses[index];
	*status = *found;
	status->writer_name = strdup(found->writer_name);
	status->application_message = found->application_message ? strdup(found->application_message) : NULL;
	if (!status->writer_name || (found->application_message && !status->application_message)) {
		vss_writer_status_clear(status);
		return vss_requester_fail(bc, E_OUTOFMEMORY, "memory is out");
	}
	return S_OK;
}

vss_result vss_backup_components_free_writer_status(struct vss_backup_components *bc)
{
	vss_result result = vss_requester_enter(bc, VSS_CALL_FreeWriterStatus);

	if (VSS_FAILED(result))
		return result;
	vss_requester_free_statuses(bc);
	return vss_requester_leave(bc, VSS_CALL_FreeWriterStatus, S_OK);
}
