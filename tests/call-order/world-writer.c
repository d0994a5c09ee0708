// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stand-in writer W, and GONE, which is there only when told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world-internal.h"

static const char *const event_names[] = {
	[VSSD_EVENT_IDENTIFY] = "Identify",
	[VSSD_EVENT_PREPARE_BACKUP] = "PrepareBackup",
	[VSSD_EVENT_PREPARE_SNAPSHOT] = "PrepareSnapshot",
	[VSSD_EVENT_FREEZE] = "Freeze",
	[VSSD_EVENT_THAW] = "Thaw",
	[VSSD_EVENT_POST_SNAPSHOT] = "PostSnapshot",
	[VSSD_EVENT_ABORT] = "Abort",
	[VSSD_EVENT_BACKUP_COMPLETE] = "BackupComplete",
	[VSSD_EVENT_BACKUP_SHUTDOWN] = "BackupShutdown",
	[VSSD_EVENT_PRE_RESTORE] = "PreRestore",
	[VSSD_EVENT_POST_RESTORE] = "PostRestore",
};

#define SCHEMA	(VSS_BS_DIFFERENTIAL | VSS_BS_COPY | VSS_BS_WRITER_SUPPORTS_NEW_TARGET |		\
		 VSS_BS_ROLLFORWARD_RESTORE | VSS_BS_RESTORE_RENAME | VSS_BS_AUTHORITATIVE_RESTORE)

struct described {
	const char *path, *name, *files;
	bool selectable, for_restore;
};

/*
 * C and D are selectable and have files, NOFILES is and has none; below C is sub,
 * selectable for restore only.
 */
static const struct described plain[] = {
	{ NULL, "C", "/srv/c", true, true },
	{ NULL, "D", "/srv/d", true, true },
	{ NULL, "NOFILES", NULL, true, true },
	{ "C", "sub", "/srv/c/sub", false, true },
};

static const struct described tree[] = {
	{ NULL, "Executables", NULL, false, false },
	{ "Executables", "ConfigFiles", NULL, false, false },
	{ NULL, "LicenseInfo", NULL, true, false },
	{ NULL, "Security", NULL, true, false },
	{ "Security", "UserInfo", NULL, false, true },
	{ "Security", "Certificates", NULL, false, false },
	{ NULL, "writerData", NULL, true, false },
	{ "writerData", "Set1", NULL, false, false },
	{ "writerData/Set1", "Jan", NULL, false, false },
	{ "writerData/QueryLogs", "Query", NULL, false, false },
	{ "writerData", "Usage", NULL, true, false },
	{ "writerData/Usage", "Jan", NULL, false, false },
	/* Not below writerData, though its name begins so. */
	{ "writerDataOld", "Set1", NULL, true, false },
};

static vss_result describe_components(struct vss_writer_metadata *metadata,
				      const struct described *components, size_t count)
{
	vss_result result = S_OK;

	for (size_t i = 0; !VSS_FAILED(result) && i < count; i++) {
		const struct described *c = &components[i];

		result = vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, c->path,
								  c->name, NULL, false, true, c->selectable,
								  c->for_restore, 0);
		if (!VSS_FAILED(result) && c->files)
			result = vss_create_writer_metadata_add_files_to_file_group(
				metadata, c->path, c->name, c->files, "*", true, NULL, 0);
	}
	return result;
}

static bool describe(struct vss_writer_metadata *metadata, bool as_tree)
{
	vss_result result = vss_create_writer_metadata_set_backup_schema(metadata, SCHEMA);

	if (!VSS_FAILED(result))
		result = vss_create_writer_metadata_set_restore_method(
			metadata, VSS_RME_RESTORE_IF_CAN_REPLACE, NULL, NULL, VSS_WRE_ALWAYS, false);
	if (!VSS_FAILED(result) && as_tree)
		return !VSS_FAILED(describe_components(metadata, tree, sizeof(tree) / sizeof(tree[0])));
	if (!VSS_FAILED(result))
		result = describe_components(metadata, plain, sizeof(plain) / sizeof(plain[0]));
	if (!VSS_FAILED(result))
		result = vss_create_writer_metadata_add_alternate_location_mapping(metadata, "/srv/c", "*",
										   true, "/srv/alternate");
	return !VSS_FAILED(result);
}

static char *make_document(const struct standin_writer *writer)
{
	const struct vss_writer_identity identity = {
		.instance_id = writer->instance_id,
		.writer_id = writer->class_id,
		.writer_name = (char *)writer->name,
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_OTHER,
	};
	struct vss_writer_metadata *metadata = NULL;
	char *xml = NULL;

	if (VSS_FAILED(vss_create_writer_metadata(&identity, &metadata, NULL)) ||
	    !describe(metadata, writer->machine->world->tree) ||
	    VSS_FAILED(vss_examine_writer_metadata_save_as_xml(metadata, &xml)))
		abort();
	vss_writer_metadata_free(metadata);
	return xml;
}

static void give(struct answer *answer)
{
	const struct vssd_writer_reply reply = {
		.failure = answer->failure,
		.document = answer->document,
		.message = VSS_FAILED(answer->failure) ? "the stand-in was told to fail" : NULL,
	};

	answer->writer_done(answer->arg, &reply);
}

static void go_away(struct answer *answer)
{
	struct standin_writer *writer = answer->impl;

	if (!writer->writer)
		return;
	vssd_writer_remove(writer->writer, true);
	writer->writer = NULL;
}

static void note_event(struct standin_writer *writer, enum vssd_event event)
{
	struct world *world = writer->machine->world;
	size_t used = strlen(world->events);

	if (writer != &world->machines[0].writer)
		return;
	snprintf(world->events + used, sizeof(world->events) - used, "%s%s", used ? " " : "",
		 event_names[event]);
}

static void on_event(void *impl, enum vssd_event event, const struct vssd_operation *operation,
		     vssd_writer_done done, void *arg)
{
	struct standin_writer *writer = impl;
	struct world *world = writer->machine->world;
	const struct world_fault *fault = &world->fault;
	bool hit = fault->writer && fault->event == event && writer == &writer->machine->writer;
	struct answer *answer = answer_new(world, impl, arg, hit && fault->writer_dies ? go_away : give);

	(void)operation;
	note_event(writer, event);
	answer->writer_done = done;
	answer->event = event;
	if (hit && fault->writer_fails)
		answer->failure = VSS_E_WRITERERROR_NONRETRYABLE;
	else if (event == VSSD_EVENT_IDENTIFY)
		answer->document = make_document(writer);
	answer_send(answer, hit ? fault->writer_seconds : 0);
}

static void on_forget(void *impl, void *arg)
{
	struct standin_writer *writer = impl;

	answer_forget(writer->machine->world, impl, arg);
}

static const struct vssd_writer_ops ops = { on_event, on_forget };

bool writer_arrive(struct standin_writer *writer)
{
	const struct vssd_writer_info info = {
		.class_id = writer->class_id,
		.instance_id = writer->instance_id,
		.name = writer->name,
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_OTHER,
		.level = VSS_APP_FRONT_END,
	};

	return !VSS_FAILED(
		vssd_writer_add(writer->machine->core, &info, &ops, writer, &writer->writer, NULL));
}

bool writers_add(struct machine *machine)
{
	machine->writer.machine = machine->gone.machine = machine;
	machine->writer.class_id = world_writer_class;
	machine->gone.class_id = world_gone_class;
	machine->writer.name = "W";
	machine->gone.name = "GONE";
	if (vss_uuid_generate(&machine->writer.instance_id) < 0 ||
	    vss_uuid_generate(&machine->gone.instance_id) < 0)
		return false;
	return writer_arrive(&machine->writer);
}
