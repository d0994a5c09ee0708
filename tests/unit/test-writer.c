// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The writer API against a stand-in for vssd.  The letters and numbers in
 * comments are requirements.
 */
#include "unit.h"

#include <poll.h>
#include <time.h>

#include "backup-document.h"
#include "fake-vssd.h"
#include "writer.h"

#define SESSION		"11111111-1111-4111-8111-111111111111"
#define OTHER_SESSION	"22222222-2222-4222-8222-222222222222"
#define SET		"33333333-3333-4333-8333-333333333333"
#define CLASS		"44444444-4444-4444-8444-444444444444"

/* A writer that notes what it is called for. */
struct subject {
	struct fake_vssd vssd;
	struct fake_thread thread;
	struct vss_writer *writer;
	char log[1024];
	const char *fails;		/* the callback that returns false */
	/* Called within every callback; may be NULL. */
	void (*inside)(struct subject *s, const char *event);
	struct vss_writer_components *components;
	struct vss_uuid shutdown_set;
	/* What @inside found. */
	vss_result results[16];
	size_t nr_results;
	char *text;
	bool affected;
};

static bool called(struct subject *s, const char *event, struct vss_writer_components *components)
{
	size_t length = strlen(s->log);

	snprintf(s->log + length, sizeof(s->log) - length, "%s%s", length ? " " : "", event);
	s->components = components;
	if (s->inside)
		s->inside(s, event);
	s->components = NULL;
	return !s->fails || strcmp(s->fails, event) != 0;
}

static bool on_identify(struct vss_writer *writer, struct vss_writer_metadata *metadata, void *data)
{
	(void)writer;
	assert_non_null(metadata);
	return called(data, "identify", NULL);
}

static bool on_backup_shutdown(struct vss_writer *writer, const struct vss_uuid *set, void *data)
{
	struct subject *s = data;

	(void)writer;
	s->shutdown_set = *set;
	return called(s, "backup_shutdown", NULL);
}

#define PLAIN(name)									\
	static bool on_##name(struct vss_writer *writer, void *data)			\
	{										\
		(void)writer;								\
		return called(data, #name, NULL);					\
	}
#define WITH_COMPONENTS(name)								\
	static bool on_##name(struct vss_writer *writer, struct vss_writer_components *components, void *data) \
	{										\
		(void)writer;								\
		return called(data, #name, components);					\
	}

PLAIN(prepare_snapshot)
PLAIN(freeze)
PLAIN(thaw)
PLAIN(abort)
WITH_COMPONENTS(prepare_backup)
WITH_COMPONENTS(post_snapshot)
WITH_COMPONENTS(backup_complete)
WITH_COMPONENTS(pre_restore)
WITH_COMPONENTS(post_restore)

static const struct vss_writer_ops all_ops = {
	.identify = on_identify,
	.prepare_backup = on_prepare_backup,
	.prepare_snapshot = on_prepare_snapshot,
	.freeze = on_freeze,
	.thaw = on_thaw,
	.post_snapshot = on_post_snapshot,
	.abort = on_abort,
	.backup_complete = on_backup_complete,
	.backup_shutdown = on_backup_shutdown,
	.pre_restore = on_pre_restore,
	.post_restore = on_post_restore,
};

static const struct vss_writer_ops least_ops = {
	.prepare_snapshot = on_prepare_snapshot,
	.freeze = on_freeze,
	.thaw = on_thaw,
	.abort = on_abort,
};

static struct vss_writer_config config_for(struct subject *s)
{
	struct vss_writer_config config = {
		.writer_name = "Unit test writer",
		.instance_name = "one",
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_TRANSACTEDDB,
		.freeze_timeout_ms = 100,
		.address = s->vssd.address,
	};

	assert_int_equal(vss_uuid_parse(CLASS, &config.writer_id), 0);
	return config;
}

static void make_writer(struct subject *s, const struct vss_writer_ops *ops)
{
	struct vss_writer_config config = config_for(s);

	assert_int_equal(vss_writer_initialize(&config, ops, s, &s->writer, NULL), S_OK);
}

static void start(struct subject *s, const struct vss_writer_ops *ops)
{
	memset(s, 0, sizeof(*s));
	fake_start(&s->vssd, true);
	make_writer(s, ops);
	fake_thread_start(&s->thread, s->writer);
	fake_register(&s->vssd, NULL);
}

static void stop(struct subject *s)
{
	/* What the library calls when vssd is gone is of no interest to the tests' questions. */
	s->inside = NULL;
	fake_die(&s->vssd, true);
	fake_thread_stop(&s->thread);
	vss_writer_free(s->writer);
	fake_end(&s->vssd);
	free(s->text);
}

/* The events of a backup, which all have to go well. */
static void play(struct subject *s, struct fake_event *e, const char *const *events)
{
	for (; *events; events++) {
		fake_call(&s->vssd, *events, e);
		if (e->failure)
			fail_msg("%s: %s %s", *events, vss_result_name(e->failure), e->message);
	}
}

#define PLAY(s, e, ...)	play(s, e, (const char *const[]) { __VA_ARGS__, NULL })

static struct fake_event new_event(void)
{
	return (struct fake_event) { .session = SESSION, .set = SET };
}

/* Wait for the writer's thread to have logged @log. */
static void wait_log(struct subject *s, const char *log)
{
	for (int i = 0; i < 3000 && strcmp(s->log, log); i++)
		usleep(10000);
	assert_string_equal(s->log, log);
}

/* ---- making ---- */

/* EVT-012 */
static void four_callbacks_are_required(void **state)
{
	struct vss_writer_ops ops[4] = { least_ops, least_ops, least_ops, least_ops };
	static const char *const names[] = { "prepare_snapshot", "freeze", "thaw", "abort" };
	struct subject s = { 0 };
	struct vss_writer_config config = config_for(&s);
	struct vss_error error;

	(void)state;
	ops[0].prepare_snapshot = NULL;
	ops[1].freeze = NULL;
	ops[2].thaw = NULL;
	ops[3].abort = NULL;
	for (size_t i = 0; i < COUNT(ops); i++) {
		assert_int_equal(vss_writer_initialize(&config, &ops[i], NULL, &s.writer, &error), E_INVALIDARG);
		assert_non_null(strstr(error.text, names[i]));
	}
	assert_int_equal(vss_writer_initialize(&config, NULL, NULL, &s.writer, NULL), E_INVALIDARG);
	config.writer_name = "";
	assert_int_equal(vss_writer_initialize(&config, &least_ops, NULL, &s.writer, NULL), E_INVALIDARG);
	config.writer_name = "not UTF-8: \xff";
	assert_int_equal(vss_writer_initialize(&config, &least_ops, NULL, &s.writer, NULL), E_INVALIDARG);
	config.writer_name = "x";
	config.level = 17;
	assert_int_equal(vss_writer_initialize(&config, &least_ops, NULL, &s.writer, NULL), E_INVALIDARG);
}

/* EVT-032, TIM-002, WMD-006 */
static void registration_says_who_it_is(void **state)
{
	struct vss_writer *other;
	struct vss_uuid id, other_id;
	char text[VSS_UUID_TEXT_SIZE];
	struct vss_writer_config config;
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	vss_writer_get_instance_id(s.writer, &id);
	assert_string_equal(s.vssd.class_id, CLASS);
	assert_string_equal(s.vssd.instance_id, vss_uuid_format(&id, text));
	assert_string_equal(s.vssd.name, "Unit test writer");
	assert_string_equal(s.vssd.instance_name, "one");
	assert_int_equal(s.vssd.usage, VSS_UT_USERDATA);
	assert_int_equal(s.vssd.source, VSS_ST_TRANSACTEDDB);
	assert_int_equal(s.vssd.level, VSS_APP_FRONT_END);
	assert_int_equal(s.vssd.freeze_timeout, 100);
	config = config_for(&s);
	assert_int_equal(vss_writer_initialize(&config, &all_ops, NULL, &other, NULL), S_OK);
	vss_writer_get_instance_id(other, &other_id);
	assert_false(vss_uuid_equal(&id, &other_id));
	vss_writer_free(other);
	stop(&s);
}

/* EVT-034, EVT-035 */
static void subscribes_once(void **state)
{
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	vss_writer_stop(s.writer);
	pthread_join(s.thread.thread, NULL);
	assert_int_equal(s.thread.subscribed, S_OK);
	assert_int_equal(vss_writer_subscribe(s.writer), VSS_E_WRITER_ALREADY_SUBSCRIBED);
	/* The connection ends with the subscription. */
	fake_die(&s.vssd, true);
	assert_int_equal(vss_writer_unsubscribe(s.writer), S_OK);
	assert_int_equal(vss_writer_unsubscribe(s.writer), VSS_E_BAD_STATE);
	/* And again. */
	fake_listen(&s.vssd);
	fake_thread_start(&s.thread, s.writer);
	fake_register(&s.vssd, NULL);
	fake_thread_stop(&s.thread);
	fake_thread_start(&s.thread, s.writer);
	pthread_join(s.thread.thread, NULL);
	assert_int_equal(s.thread.subscribed, VSS_E_WRITER_ALREADY_SUBSCRIBED);
	vss_writer_free(s.writer);
	fake_end(&s.vssd);
}

/* SEC-003 */
static void refusal_is_told(void **state)
{
	struct subject s = { 0 };

	(void)state;
	fake_start(&s.vssd, true);
	make_writer(&s, &all_ops);
	fake_thread_start(&s.thread, s.writer);
	fake_register(&s.vssd, "org.linuxvss.Vss1.Error.E_ACCESSDENIED");
	pthread_join(s.thread.thread, NULL);
	assert_int_equal(s.thread.subscribed, E_ACCESSDENIED);
	assert_non_null(strstr(vss_writer_error(s.writer)->text, "because of the test"));
	vss_writer_free(s.writer);
	fake_end(&s.vssd);
}

/* ---- events ---- */

/* EVT-004, EVT-024 */
static void every_event_reaches_its_callback(void **state)
{
	struct fake_event e = new_event();
	char text[VSS_UUID_TEXT_SIZE];
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot", "BackupComplete",
	     "BackupShutdown", "PreRestore", "PostRestore");
	assert_string_equal(s.log, "prepare_backup prepare_snapshot freeze thaw post_snapshot backup_complete "
			    "backup_shutdown pre_restore post_restore");
	assert_string_equal(vss_uuid_format(&s.shutdown_set, text), SET);
	free(e.components);
	stop(&s);
	/* A restore has neither Abort nor BackupShutdown, also when vssd dies: EVT-020. */
	assert_null(strstr(s.log, "abort"));
}

/* EVT-012: defaults succeed */
static void missing_callbacks_succeed(void **state)
{
	struct fake_event e = new_event();
	struct subject s;
	char *document;

	(void)state;
	start(&s, &least_ops);
	document = fake_identify(&s.vssd);
	assert_non_null(strstr(document, "Unit test writer"));
	free(document);
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot", "BackupComplete",
	     "BackupShutdown", "PreRestore", "PostRestore");
	assert_string_equal(s.log, "prepare_snapshot freeze thaw");
	free(e.components);
	stop(&s);
}

static void fail_in_identify(struct subject *s, const char *event)
{
	(void)event;
	s->results[0] = vss_writer_set_writer_failure(s->writer, VSS_E_WRITERERROR_RETRYABLE);
}

/* EVT-009, EVT-011; and the writer's side of EVT-008 and EVT-010 */
static void identify_gives_a_document_or_nothing(void **state)
{
	struct vss_writer_metadata *metadata;
	struct vss_writer_identity identity;
	struct fake_event e = new_event();
	struct vss_uuid id;
	struct subject s;
	char *document;

	(void)state;
	start(&s, &all_ops);
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze");
	/* Also in the middle of a backup. */
	document = fake_identify(&s.vssd);
	assert_int_equal(vss_create_vss_examine_writer_metadata(document, strlen(document), &metadata, NULL),
			 S_OK);
	assert_int_equal(vss_examine_writer_metadata_get_identity(metadata, &identity), S_OK);
	vss_writer_get_instance_id(s.writer, &id);
	assert_true(vss_uuid_equal(&identity.instance_id, &id));
	assert_string_equal(identity.writer_name, "Unit test writer");
	vss_writer_identity_clear(&identity);
	vss_writer_metadata_free(metadata);
	free(document);
	PLAY(&s, &e, "Thaw");
	s.inside = fail_in_identify;
	s.fails = "identify";
	document = fake_identify(&s.vssd);
	assert_string_equal(document, "");
	assert_int_equal(s.results[0], VSS_E_BAD_STATE);
	free(document);
	free(e.components);
	stop(&s);
}

/* ---- failures ---- */

struct from_thread {
	struct vss_writer *writer;
	vss_result result;
};

static void *fail_from_thread(void *data)
{
	struct from_thread *f = data;

	f->result = vss_writer_set_writer_failure(f->writer, VSS_E_WRITERERROR_RETRYABLE);
	return NULL;
}

static void try_failures(struct subject *s, const char *event)
{
	static const vss_result codes[] = {
		VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT, VSS_E_WRITERERROR_OUTOFRESOURCES,
		VSS_E_WRITERERROR_TIMEOUT, VSS_E_WRITERERROR_NONRETRYABLE, VSS_E_WRITERERROR_RETRYABLE,
		S_OK, E_FAIL, VSS_E_BAD_STATE, VSS_E_WRITERERROR_PARTIAL_FAILURE,
	};
	struct from_thread other = { .writer = s->writer };
	pthread_t thread;

	(void)event;
	for (size_t i = 0; i < COUNT(codes); i++)
		s->results[s->nr_results++] = vss_writer_set_writer_failure(s->writer, codes[i]);
	pthread_create(&thread, NULL, fail_from_thread, &other);
	pthread_join(thread, NULL);
	s->results[s->nr_results++] = other.result;
}

/* STA-008, STA-009 */
static void failures_are_checked(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	assert_int_equal(vss_writer_set_writer_failure(s.writer, VSS_E_WRITERERROR_RETRYABLE), VSS_E_BAD_STATE);
	s.inside = try_failures;
	fake_call(&s.vssd, "PrepareBackup", &e);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(s.results[i], S_OK);
	for (size_t i = 5; i < 9; i++)
		assert_int_equal(s.results[i], E_INVALIDARG);
	assert_int_equal(s.results[9], VSS_E_BAD_STATE);
	/* The last one that was allowed; and it counts though the callback returned true. */
	assert_int_equal(e.failure, VSS_E_WRITERERROR_RETRYABLE);
	free(e.components);
	stop(&s);
}

static void fail_ex(struct subject *s, const char *event)
{
	if (!strcmp(event, "prepare_backup"))
		vss_writer_set_writer_failure_ex(s->writer, VSS_E_WRITERERROR_PARTIAL_FAILURE, 0x1234,
						 "half of it: \xff");
	if (!strcmp(event, "prepare_snapshot")) {
		vss_writer_set_writer_failure(s->writer, VSS_E_WRITERERROR_TIMEOUT);
		vss_writer_set_writer_failure_ex(s->writer, S_OK, S_OK, NULL);
	}
}

/* STA-010, STA-017 */
static void failures_carry_messages(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	s.inside = fail_ex;
	fake_call(&s.vssd, "PrepareBackup", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_PARTIAL_FAILURE);
	assert_int_equal(e.application_code, 0x1234);
	/* What is not UTF-8 would cost the connection. */
	assert_string_equal(e.message, "half of it: ?");
	/* A failure that was taken back. */
	fake_call(&s.vssd, "PrepareSnapshot", &e);
	assert_int_equal(e.failure, S_OK);
	assert_int_equal(e.application_code, 0);
	assert_string_equal(e.message, "");
	/* One without a reason. */
	s.fails = "freeze";
	fake_call(&s.vssd, "Freeze", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_NONRETRYABLE);
	free(e.components);
	stop(&s);
}

/* ---- queries ---- */

static void try_queries(struct subject *s, const char *event)
{
	char set_text[VSS_UUID_TEXT_SIZE] = "-", session_text[VSS_UUID_TEXT_SIZE] = "-";
	vss_result set_result, device_result, other_result;
	struct vss_uuid set, session;
	char *device = NULL, *other = NULL, *line;
	uint32_t context = 0;

	if (vss_writer_get_session_id(s->writer, &session) == S_OK)
		vss_uuid_format(&session, session_text);
	vss_writer_get_context(s->writer, &context);
	set_result = vss_writer_get_current_snapshot_set_id(s->writer, &set);
	if (set_result == S_OK)
		vss_uuid_format(&set, set_text);
	device_result = vss_writer_get_snapshot_device_name(s->writer, "/dev/test-b", &device);
	other_result = vss_writer_get_snapshot_device_name(s->writer, "/dev/test-c", &other);
	assert_true(asprintf(&line, "%s%s %c %c %x %s %s %x %x %u%u%u;", s->text ? s->text : "", event,
			     session_text[0], set_text[0], context, device ? device : "-",
			     vss_writer_get_current_volume(s->writer, 1) ? "b" : "-", device_result, other_result,
			     vss_writer_get_backup_type(s->writer), vss_writer_get_restore_type(s->writer),
			     vss_writer_are_components_selected(s->writer)) >= 0);
	free(device);
	free(other);
	free(s->text);
	s->text = line;
}

/* EVT-037, EVT-038, EVT-039, STA-016 */
static void queries_belong_to_events(void **state)
{
	struct fake_event e = new_event();
	struct vss_uuid id;
	uint32_t context;
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	assert_int_equal(vss_writer_get_session_id(s.writer, &id), VSS_E_BAD_STATE);
	assert_int_equal(vss_writer_get_context(s.writer, &context), VSS_E_BAD_STATE);
	assert_int_equal(vss_writer_get_current_snapshot_set_id(s.writer, &id), VSS_E_BAD_STATE);
	assert_int_equal(vss_writer_get_current_volume_count(s.writer), 0);
	e.context = 9;
	e.backup_type = VSS_BT_COPY;
	e.restore_type = VSS_RTYPE_IMPORT;
	e.components_selected = true;
	e.volumes[0] = "/dev/test-a";
	e.volumes[1] = "/dev/test-b";
	s.inside = try_queries;
	free(fake_identify(&s.vssd));
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw");
	e.devices[0] = "/dev/image-a";
	e.devices[1] = "/dev/image-b";
	PLAY(&s, &e, "PostSnapshot");
	e.devices[0] = NULL;
	PLAY(&s, &e, "BackupComplete", "BackupShutdown", "Abort");
	assert_string_equal(s.text,
			    "identify - - 0 - - 80042301 80042301 000;"
			    "prepare_backup 1 - 9 - b 80042301 80042301 521;"
			    "prepare_snapshot 1 3 9 - b 80042301 80042301 521;"
			    "freeze 1 3 9 - b 80042301 80042301 521;"
			    "thaw 1 3 9 - b 80042301 80042301 521;"
			    "post_snapshot 1 3 9 /dev/image-b b 0 80042308 521;"
			    "backup_complete 1 - 9 - b 80042301 80042301 521;"
			    "backup_shutdown 1 - 9 - b 80042301 80042301 521;"
			    "abort 1 3 9 - b 80042301 80042301 521;");
	free(e.components);
	stop(&s);
}

/* ---- components ---- */

static char *make_part(void)
{
	struct vss_backup_document *doc;
	struct vss_component *component;
	struct vss_uuid class_id, instance;
	char *xml;

	assert_int_equal(vss_uuid_parse(CLASS, &class_id), 0);
	assert_int_equal(vss_uuid_parse(SESSION, &instance), 0);
	assert_int_equal(vss_backup_document_new(&doc, NULL), S_OK);
	assert_int_equal(vss_backup_document_add_component(doc, &instance, &class_id, NULL, VSS_BS_UNDEFINED,
							   VSS_CT_FILEGROUP, NULL, "files", NULL, &component),
			 S_OK);
	assert_int_equal(vss_backup_document_get_part(doc, &instance, &xml, NULL), S_OK);
	vss_backup_document_free(doc);
	return xml;
}

static void write_component(struct subject *s, const char *event)
{
	struct vss_component *component;
	uint32_t count = 0;

	if (!s->components)
		return;
	assert_int_equal(vss_writer_components_get_component_count(s->components, &count), S_OK);
	assert_int_equal(count, 1);
	assert_int_equal(vss_writer_components_get_component(s->components, 0, &component), S_OK);
	s->results[s->nr_results++] = vss_component_set_backup_stamp(component, event);
}

/* EVT-027, EVT-028, BCD-019, BCD-020 */
static void components_can_be_written_until_post_snapshot(void **state)
{
	struct fake_event e = new_event();
	char *part = make_part();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	s.inside = write_component;
	e.part = part;
	fake_call(&s.vssd, "PrepareBackup", &e);
	assert_non_null(strstr(e.components, "prepare_backup"));
	PLAY(&s, &e, "PrepareSnapshot", "Freeze", "Thaw");
	assert_string_equal(e.components, "");
	fake_call(&s.vssd, "PostSnapshot", &e);
	assert_non_null(strstr(e.components, "post_snapshot"));
	fake_call(&s.vssd, "BackupComplete", &e);
	assert_string_equal(e.components, "");
	assert_int_equal(s.nr_results, 3);
	assert_int_equal(s.results[0], S_OK);
	assert_int_equal(s.results[1], S_OK);
	assert_int_equal(s.results[2], VSS_E_BAD_STATE);
	/* In volume mode there are none. */
	e.part = NULL;
	fake_call(&s.vssd, "BackupComplete", &e);
	assert_int_equal(s.nr_results, 3);
	free(e.components);
	stop(&s);
	free(part);
}

static void write_restore(struct subject *s, const char *event)
{
	struct vss_component *component;

	(void)event;
	if (!s->components)
		return;
	assert_int_equal(vss_writer_components_get_component(s->components, 0, &component), S_OK);
	s->results[s->nr_results++] = vss_component_set_failure_msg(component, VSS_FAILURE_PRE_RESTORE, "busy");
}

/* BCD-021, BCD-035 */
static void components_cannot_be_written_in_post_restore(void **state)
{
	struct fake_event e = new_event();
	char *part = make_part();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	s.inside = write_restore;
	e.part = part;
	fake_call(&s.vssd, "PreRestore", &e);
	assert_non_null(strstr(e.components, "busy"));
	fake_call(&s.vssd, "PostRestore", &e);
	assert_string_equal(e.components, "");
	assert_int_equal(s.results[0], S_OK);
	assert_int_equal(s.results[1], VSS_E_BAD_STATE);
	/* What is no part is a failure, and no crash. */
	e.part = "<nonsense";
	fake_call(&s.vssd, "PreRestore", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_NONRETRYABLE);
	free(e.components);
	stop(&s);
	free(part);
}

static void place_restore(struct subject *s, const char *event)
{
	char path[] = "/srv", name[] = "file", other[] = "other";
	const struct vss_directed_target target = { path, name, NULL, path, other, NULL };
	struct vss_component *component;

	(void)event;
	if (!s->components)
		return;
	assert_int_equal(vss_writer_components_get_component(s->components, 0, &component), S_OK);
	s->results[s->nr_results++] = vss_component_set_restore_target(component, VSS_RT_DIRECTED);
	s->results[s->nr_results++] = vss_component_add_directed_target(component, &target);
}

/* RST-019: in PreRestore a writer says where its files go, and at no other time. */
static void restores_are_placed_in_pre_restore(void **state)
{
	static const char *const events[] = { "PrepareBackup", "PostSnapshot", "BackupComplete", "PreRestore", "PostRestore" };

	(void)state;
	for (size_t i = 0; i < COUNT(events); i++) {
		bool pre_restore = !strcmp(events[i], "PreRestore");
		struct fake_event e = new_event();
		char *part = make_part();
		struct subject s;

		start(&s, &all_ops);
		if (!strcmp(events[i], "PostSnapshot"))
			PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw");
		s.inside = place_restore;
		e.part = part;
		fake_call(&s.vssd, events[i], &e);
		assert_int_equal(s.nr_results, 2);
		assert_int_equal(s.results[0], pre_restore ? S_OK : VSS_E_BAD_STATE);
		assert_int_equal(s.results[1], pre_restore ? S_OK : VSS_E_BAD_STATE);
		assert_int_equal(pre_restore, strstr(e.components, "restoreTarget=\"directed\"") &&
					      strstr(e.components, "DIRECTED_TARGET"));
		free(e.components);
		stop(&s);
		free(part);
	}
}

static void note_additional(struct subject *s, const char *event)
{
	struct vss_component *component;
	bool additional = false;

	(void)event;
	if (!s->components)
		return;
	assert_int_equal(vss_writer_components_get_component(s->components, 0, &component), S_OK);
	assert_int_equal(vss_component_get_additional_restores(component, &additional), S_OK);
	s->results[s->nr_results++] = additional ? S_OK : S_FALSE;
}

/* RST-017: in PreRestore and PostRestore a writer is told whether more restores come. */
static void additional_restores_are_known(void **state)
{
	(void)state;
	for (int additional = 0; additional <= 1; additional++) {
		struct fake_event e = new_event();
		char *part = make_part(), *told, *end = strstr(part, "/>");
		struct subject s;

		assert_non_null(end);
		assert_true(asprintf(&told, "%.*s additionalRestores=\"%s\"%s", (int)(end - part), part,
				     additional ? "yes" : "no", end) > 0);
		start(&s, &all_ops);
		s.inside = note_additional;
		e.part = told;
		fake_call(&s.vssd, "PreRestore", &e);
		fake_call(&s.vssd, "PostRestore", &e);
		assert_int_equal(s.nr_results, 2);
		assert_int_equal(s.results[0], additional ? S_OK : S_FALSE);
		assert_int_equal(s.results[1], additional ? S_OK : S_FALSE);
		free(e.components);
		stop(&s);
		free(told);
		free(part);
	}
}

/* ---- abort ---- */

/* EVT-017, EVT-018, EVT-019 */
static void after_abort_comes_nothing(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Abort", "Abort");
	fake_call(&s.vssd, "Thaw", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_RETRYABLE);
	fake_call(&s.vssd, "PostSnapshot", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_RETRYABLE);
	PLAY(&s, &e, "BackupShutdown");
	assert_string_equal(s.log, "prepare_backup prepare_snapshot freeze abort abort backup_shutdown");
	s.log[0] = '\0';
	/* No Abort after PostSnapshot. */
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot", "Abort");
	assert_string_equal(s.log, "prepare_backup prepare_snapshot freeze thaw post_snapshot");
	free(e.components);
	stop(&s);
}

/* Freeze, Thaw and PostSnapshot make sense in their order only. */
static void order_is_watched(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	fake_call(&s.vssd, "Freeze", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_NONRETRYABLE);
	fake_call(&s.vssd, "Thaw", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_NONRETRYABLE);
	fake_call(&s.vssd, "PostSnapshot", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_NONRETRYABLE);
	assert_string_equal(s.log, "");
	free(e.components);
	stop(&s);
}

/* Events of other sessions do not disturb a shadow copy in creation. */
static void sessions_are_kept_apart(void **state)
{
	struct fake_event e = new_event(), other = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	other.session = OTHER_SESSION;
	other.set = NULL;
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze");
	PLAY(&s, &other, "PrepareBackup", "Abort", "BackupShutdown");
	assert_true(vss_uuid_is_null(&s.shutdown_set));
	PLAY(&s, &e, "Thaw", "PostSnapshot");
	free(e.components);
	free(other.components);
	stop(&s);
}

/* ---- vssd goes and comes ---- */

static void death_of_vssd_aborts(void **state)
{
	struct fake_event e = new_event();
	char first_instance[40];
	struct subject s;
	int fd;

	(void)state;
	start(&s, &all_ops);
	fd = vss_writer_get_fd(s.writer);
	strcpy(first_instance, s.vssd.instance_id);
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze");
	fake_die(&s.vssd, false);
	wait_log(&s, "prepare_backup prepare_snapshot freeze abort backup_shutdown");
	/* EVT-024: no shadow copy was made. */
	assert_true(vss_uuid_is_null(&s.shutdown_set));
	/* It comes back, on the same descriptor, as the same instance. */
	fake_register(&s.vssd, NULL);
	assert_int_equal(vss_writer_get_fd(s.writer), fd);
	assert_string_equal(s.vssd.instance_id, first_instance);
	s.log[0] = '\0';
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot");
	/* Now the shadow copy exists: EVT-018. */
	fake_die(&s.vssd, false);
	wait_log(&s, "prepare_backup prepare_snapshot freeze thaw post_snapshot backup_shutdown");
	assert_false(vss_uuid_is_null(&s.shutdown_set));
	fake_register(&s.vssd, NULL);
	free(e.components);
	stop(&s);
}

static void vssd_may_come_later(void **state)
{
	struct fake_event e = new_event();
	struct subject s = { 0 };

	(void)state;
	fake_start(&s.vssd, false);
	make_writer(&s, &all_ops);
	fake_thread_start(&s.thread, s.writer);
	usleep(250000);
	assert_false(vss_writer_is_registered(s.writer));
	fake_listen(&s.vssd);
	fake_register(&s.vssd, NULL);
	assert_int_equal(s.thread.subscribed, S_FALSE);
	PLAY(&s, &e, "PrepareBackup");
	assert_true(vss_writer_is_registered(s.writer));
	/* A registration that is refused then is tried again. */
	fake_die(&s.vssd, false);
	fake_register(&s.vssd, "org.linuxvss.Vss1.Error.VSS_E_OBJECT_ALREADY_EXISTS");
	for (;;) {
		sd_bus_message *m = fake_receive(&s.vssd);
		bool again;

		assert_non_null(m);
		again = sd_bus_message_is_method_call(m, "org.linuxvss.Vss1.Manager", "RegisterWriter");
		sd_bus_message_unref(m);
		if (again)
			break;
	}
	free(e.components);
	stop(&s);
}

/* TIM-003, in the library, for a vssd that hangs */
static void late_thaw_aborts(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	s.writer->limit_grace_ms = 100;
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze");
	wait_log(&s, "prepare_backup prepare_snapshot freeze abort");
	fake_call(&s.vssd, "Thaw", &e);
	assert_int_equal(e.failure, VSS_E_WRITERERROR_TIMEOUT);
	/* Thaw in time ends the limit. */
	s.writer->limit_grace_ms = 1000;
	s.log[0] = '\0';
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw");
	usleep(1500000);
	assert_string_equal(s.log, "prepare_backup prepare_snapshot freeze thaw");
	free(e.components);
	stop(&s);
}

/* EVT-035; and nothing stays frozen */
static void leaving_aborts(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze");
	fake_thread_stop(&s.thread);
	fake_die(&s.vssd, true);
	assert_int_equal(vss_writer_unsubscribe(s.writer), S_OK);
	assert_string_equal(s.log, "prepare_backup prepare_snapshot freeze abort backup_shutdown");
	vss_writer_free(s.writer);
	fake_end(&s.vssd);
	free(e.components);
}

static void *unsubscribe(void *data)
{
	struct fake_thread *t = data;

	t->subscribed = vss_writer_unsubscribe(t->writer);
	return NULL;
}

/* EVT-035: vssd is told */
static void leaving_unregisters(void **state)
{
	sd_bus_message *m;
	const char *instance;
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	fake_thread_stop(&s.thread);
	assert_int_equal(pthread_create(&s.thread.thread, NULL, unsubscribe, &s.thread), 0);
	m = fake_receive(&s.vssd);
	assert_non_null(m);
	assert_true(sd_bus_message_is_method_call(m, "org.linuxvss.Vss1.Manager", "UnregisterWriter"));
	assert_true(sd_bus_message_read(m, "s", &instance) >= 0);
	assert_string_equal(instance, s.vssd.instance_id);
	assert_true(sd_bus_reply_method_return(m, "") >= 0);
	sd_bus_message_unref(m);
	assert_true(sd_bus_flush(s.vssd.bus) >= 0);
	pthread_join(s.thread.thread, NULL);
	assert_int_equal(s.thread.subscribed, S_OK);
	assert_false(vss_writer_is_registered(s.writer));
	assert_null(fake_receive(&s.vssd));
	vss_writer_free(s.writer);
	fake_end(&s.vssd);
}

static void try_nesting(struct subject *s, const char *event)
{
	(void)event;
	s->results[0] = vss_writer_dispatch(s->writer);
	s->results[1] = vss_writer_run(s->writer);
	s->results[2] = vss_writer_unsubscribe(s->writer);
}

static void callbacks_cannot_dispatch(void **state)
{
	struct fake_event e = new_event();
	struct subject s;

	(void)state;
	start(&s, &all_ops);
	s.inside = try_nesting;
	PLAY(&s, &e, "PrepareBackup");
	for (int i = 0; i < 3; i++)
		assert_int_equal(s.results[i], VSS_E_BAD_STATE);
	free(e.components);
	stop(&s);
}

/* A loop of the user's own: the descriptor says when there is something to do. */
struct own_loop {
	struct vss_writer *writer;
	int turns;
	bool ending;
};

static void *own_loop(void *data)
{
	struct own_loop *loop = data;
	struct pollfd fd = { .fd = vss_writer_get_fd(loop->writer), .events = POLLIN };

	vss_writer_subscribe(loop->writer);
	while (!__atomic_load_n(&loop->ending, __ATOMIC_SEQ_CST)) {
		if (poll(&fd, 1, 50) > 0)
			vss_writer_dispatch(loop->writer);
		loop->turns++;
	}
	return NULL;
}

static void any_loop_will_do(void **state)
{
	struct fake_event e = new_event();
	struct own_loop loop = { 0 };
	struct subject s = { 0 };
	pthread_t thread;

	(void)state;
	fake_start(&s.vssd, true);
	make_writer(&s, &all_ops);
	loop.writer = s.writer;
	assert_int_equal(pthread_create(&thread, NULL, own_loop, &loop), 0);
	fake_register(&s.vssd, NULL);
	s.writer->limit_grace_ms = 100;
	PLAY(&s, &e, "PrepareBackup", "PrepareSnapshot", "Freeze");
	/* A timer shows on the descriptor too. */
	wait_log(&s, "prepare_backup prepare_snapshot freeze abort");
	fake_die(&s.vssd, false);
	fake_register(&s.vssd, NULL);
	PLAY(&s, &e, "PrepareBackup");
	/* It waits; it does not spin. */
	assert_true(loop.turns < 200);
	__atomic_store_n(&loop.ending, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	fake_die(&s.vssd, true);
	vss_writer_free(s.writer);
	fake_end(&s.vssd);
	free(e.components);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_callbacks_are_required),
		cmocka_unit_test(registration_says_who_it_is),
		cmocka_unit_test(subscribes_once),
		cmocka_unit_test(refusal_is_told),
		cmocka_unit_test(every_event_reaches_its_callback),
		cmocka_unit_test(missing_callbacks_succeed),
		cmocka_unit_test(identify_gives_a_document_or_nothing),
		cmocka_unit_test(failures_are_checked),
		cmocka_unit_test(failures_carry_messages),
		cmocka_unit_test(queries_belong_to_events),
		cmocka_unit_test(components_can_be_written_until_post_snapshot),
		cmocka_unit_test(components_cannot_be_written_in_post_restore),
		cmocka_unit_test(restores_are_placed_in_pre_restore),
		cmocka_unit_test(additional_restores_are_known),
		cmocka_unit_test(after_abort_comes_nothing),
		cmocka_unit_test(order_is_watched),
		cmocka_unit_test(sessions_are_kept_apart),
		cmocka_unit_test(death_of_vssd_aborts),
		cmocka_unit_test(vssd_may_come_later),
		cmocka_unit_test(late_thaw_aborts),
		cmocka_unit_test(leaving_aborts),
		cmocka_unit_test(leaving_unregisters),
		cmocka_unit_test(callbacks_cannot_dispatch),
		cmocka_unit_test(any_loop_will_do),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
