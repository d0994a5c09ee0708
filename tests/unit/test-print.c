// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output: what the JSON holds, that it is valid, and what the text says.
 */
#include "unit.h"

#include "command.h"
#include "names.h"
#include "print.h"
#include "print-service.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

static const struct vss_uuid id1 = { { 0x11, 0x22 } };
static const struct vss_uuid set1 = { { 0xaa, 0xbb } };
static const char id1_text[] = "11220000-0000-0000-0000-000000000000";
static const char set1_text[] = "aabb0000-0000-0000-0000-000000000000";

struct fixture {
	struct vssctl ctl;
	char *out, *err;
	size_t out_size, err_size;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ctl.out = open_memstream(&f->out, &f->out_size);
	f->ctl.err = open_memstream(&f->err, &f->err_size);
	f->ctl.print = &vssctl_print_json;
	f->ctl.json = true;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fclose(f->ctl.out);
	fclose(f->ctl.err);
	free(f->out);
	free(f->err);
	free(f);
	return 0;
}

static void be_text(struct fixture *f)
{
	f->ctl.print = &vssctl_print_text;
	f->ctl.json = false;
}

static const char *text_of(struct fixture *f)
{
	fflush(f->ctl.out);
	return f->out;
}

/* Parse what was written; nothing may follow the document. */
static json_object *json_of(const char *text)
{
	enum json_tokener_error error;
	json_object *object = json_tokener_parse_verbose(text, &error);

	assert_int_equal(error, json_tokener_success);
	return object;
}

static json_object *get(json_object *object, const char *key)
{
	json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static const char *get_string(json_object *object, const char *key)
{
	return json_object_get_string(get(object, key));
}

static struct vss_kernel_snapshot a_snapshot(void)
{
	return (struct vss_kernel_snapshot) {
		.uuid = id1,
		.set = set1,
		.volume = { 4000, 1 },
		.volume_name = "tva1",
		.name = "vss3",
		.dev = { 4001, 48 },
		.epoch = 9,
		.time = 1700000000123456789ULL,
		.size = 1ULL << 41,
		.state = VSS_SNAPSHOT_ALIVE,
		.copied = 1 << 20,
		.overlay = 4096,
		.members = 2,
	};
}

static void json_of_snapshots(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_snapshot snapshots[] = { a_snapshot(), a_snapshot() };
	json_object *doc, *one;

	snapshots[1].state = VSS_SNAPSHOT_LOST;
	snapshots[1].lost_reason = VSS_LOST_AREA_FULL;
	snapshots[1].flags = VSS_SNAPSHOT_F_WRITABLE;
	f->ctl.print->snapshots(&f->ctl, snapshots, 2);
	doc = json_of(text_of(f));
	assert_int_equal(json_object_array_length(get(doc, "snapshots")), 2);
	one = json_object_array_get_idx(get(doc, "snapshots"), 0);
	assert_string_equal(get_string(one, "id"), id1_text);
	assert_string_equal(get_string(one, "set"), set1_text);
	assert_string_equal(get_string(one, "volume"), "/dev/tva1");
	assert_string_equal(get_string(one, "device"), "/dev/vss3");
	assert_string_equal(get_string(one, "created"), "2023-11-14T22:13:20.123456789Z");
	assert_string_equal(get_string(one, "state"), "alive");
	assert_int_equal(json_object_get_uint64(get(one, "size")), 1ULL << 41);
	assert_false(json_object_get_boolean(get(one, "writable")));
	assert_false(json_object_object_get_ex(one, "lost_reason", NULL));
	one = json_object_array_get_idx(get(doc, "snapshots"), 1);
	assert_string_equal(get_string(one, "state"), "lost");
	assert_string_equal(get_string(one, "lost_reason"), "area-full");
	assert_true(json_object_get_boolean(get(one, "writable")));
	json_object_put(doc);
}

static void json_of_empty_lists(void **state)
{
	struct fixture *f = *state;
	json_object *doc;

	f->ctl.print->snapshots(&f->ctl, NULL, 0);
	doc = json_of(text_of(f));
	assert_int_equal(json_object_array_length(get(doc, "snapshots")), 0);
	json_object_put(doc);
}

static void json_of_created(void **state)
{
	struct fixture *f = *state;
	char path[] = "/srv/.vss/\"odd\"\n.diff";
	const struct vss_kernel_area area = {
		.volume = { 4000, 1 }, .type = VSS_AREA_FILE, .dev = { 4000, 1 }, .path = path,
		.size = 1 << 26, .on_origin = true, .state = VSS_AREA_READY,
	};
	const struct vssctl_created_snapshot snapshot = {
		.snapshot = a_snapshot(), .volume = "/dev/mapper/vg-lv",
		.device = "/dev/vss/by-id/x", .areas = &area, .area_count = 1,
	};
	const struct vssctl_created created = {
		.set = { .uuid = set1, .hold_usec = 800, .freeze_usec = 9000 },
		.snapshots = &snapshot, .count = 1,
	};
	json_object *doc, *one, *where;

	f->ctl.print->created(&f->ctl, &created);
	doc = json_of(text_of(f));
	assert_string_equal(get_string(doc, "set"), set1_text);
	assert_int_equal(json_object_get_int(get(doc, "hold_usec")), 800);
	assert_int_equal(json_object_get_int(get(doc, "freeze_usec")), 9000);
	one = json_object_array_get_idx(get(doc, "snapshots"), 0);
	assert_string_equal(get_string(one, "volume"), "/dev/mapper/vg-lv");
	assert_string_equal(get_string(one, "device"), "/dev/vss/by-id/x");
	where = json_object_array_get_idx(get(one, "diff_area"), 0);
	assert_string_equal(get_string(where, "path"), path);
	assert_true(json_object_get_boolean(get(where, "same_volume")));
	json_object_put(doc);
}

static void json_of_events(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_event low = {
		.type = VSS_EVENT_AREA_LOW, .time = 1, .volume = { 4000, 1 },
		.has = VSS_KERNEL_EVENT_VOLUME | VSS_KERNEL_EVENT_AREA,
		.area_size = 1000, .area_used = 990,
	};
	const struct vss_kernel_event failed = {
		.type = VSS_EVENT_SET_FAILED, .time = 2, .set = set1,
		.has = VSS_KERNEL_EVENT_SET | VSS_KERNEL_EVENT_ERROR, .error = -ETIMEDOUT,
	};
	static char path[] = "/srv/x";
	const struct vss_kernel_area area = {
		.volume = { 4000, 1 }, .path = path, .size = 4096,
	};
	json_object *doc;
	char *line, *rest;

	f->ctl.print->event(&f->ctl, &low);
	f->ctl.print->area_grown(&f->ctl, &area);
	f->ctl.print->event(&f->ctl, &failed);
	/* One object a line. */
	text_of(f);
	line = strtok_r(f->out, "\n", &rest);
	assert_non_null(line);
	doc = json_of(line);
	assert_string_equal(get_string(doc, "event"), "area-low");
	assert_int_equal(json_object_get_int(get(doc, "area_used")), 990);
	assert_false(json_object_object_get_ex(doc, "snapshot", NULL));
	json_object_put(doc);
	line = strtok_r(NULL, "\n", &rest);
	assert_non_null(line);
	doc = json_of(line);
	assert_string_equal(get_string(doc, "event"), "area-grown");
	assert_string_equal(get_string(get(doc, "diff_area"), "path"), path);
	json_object_put(doc);
	doc = json_of(rest);
	assert_string_equal(get_string(doc, "event"), "set-failed");
	assert_string_equal(get_string(doc, "set"), set1_text);
	assert_string_equal(get_string(doc, "error"), strerror(ETIMEDOUT));
	json_object_put(doc);
}

static void json_of_errors(void **state)
{
	struct fixture *f = *state;
	json_object *doc, *error;

	assert_int_equal(vssctl_fail(&f->ctl, VSS_E_OBJECT_NOT_FOUND, "no \"%s\"", "x"),
			 VSSCTL_NOT_FOUND);
	fflush(f->ctl.err);
	assert_string_equal(text_of(f), "");
	doc = json_of(f->err);
	error = get(doc, "error");
	assert_string_equal(get_string(error, "name"), "VSS_E_OBJECT_NOT_FOUND");
	assert_string_equal(get_string(error, "code"), "0x80042308");
	assert_string_equal(get_string(error, "message"), "no \"x\"");
	json_object_put(doc);
}

static void json_of_the_rest(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_volume volume = { .name = "tva1", .size = 5, .epoch = 2 };
	char path[] = "/srv/x";
	const struct vss_kernel_area area = { .path = path, .type = VSS_AREA_FILE };
	const struct vss_blockdev blockdev = {
		.dev = { 4000, 1 }, .path = path, .size = 77, .swap = true,
	};
	const bool tracked = true;
	const struct vssctl_check check = { VSSCTL_CHECK_WARN, "module", "not loaded" };
	const struct vss_kernel_module module = { .version = "1.2.3", .max_volumes = 9 };
	const struct vss_kernel_snapshot snapshot = a_snapshot();
	const struct vss_kernel_set set = { .state = VSS_SET_FAILED, .error = -EIO };
	struct vssctl *ctl = &f->ctl;
	json_object *doc;
	char *text;

	/* Each call is one document. */
#define CHECK(call, condition) do {						\
		long start = ftell(ctl->out);					\
		call;								\
		fflush(ctl->out);						\
		text = f->out + start;						\
		doc = json_of(text);						\
		assert_true(condition);						\
		json_object_put(doc);						\
	} while (0)
	CHECK(ctl->print->volumes(ctl, &volume, 1),
	      json_object_array_length(get(doc, "volumes")) == 1);
	CHECK(ctl->print->volume(ctl, &volume),
	      json_object_get_int(get(doc, "epoch")) == 2);
	CHECK(ctl->print->attached(ctl, &volume),
	      !strcmp(get_string(doc, "volume"), "/dev/tva1"));
	CHECK(ctl->print->detached(ctl, "/dev/tva1", &area, 1),
	      json_object_array_length(get(doc, "removed_files")) == 1);
	CHECK(ctl->print->areas(ctl, &area, 1),
	      json_object_array_length(get(doc, "diff_areas")) == 1);
	CHECK(ctl->print->area_added(ctl, &area), !strcmp(get_string(doc, "path"), "/srv/x"));
	CHECK(ctl->print->area_removed(ctl, &area, true),
	      !strcmp(get_string(doc, "path"), "/srv/x") &&
	      json_object_array_length(get(doc, "removed_files")) == 1);
	CHECK(ctl->print->area_removed(ctl, &area, false),
	      json_object_array_length(get(doc, "removed_files")) == 0);
	CHECK(ctl->print->blockdevs(ctl, &blockdev, &tracked, 1),
	      json_object_get_boolean(get(json_object_array_get_idx(get(doc, "volumes"), 0),
					  "attached")));
	CHECK(ctl->print->checks(ctl, &check, 1),
	      !strcmp(get_string(json_object_array_get_idx(get(doc, "checks"), 0), "state"),
		      "warn"));
	CHECK(ctl->print->version(ctl, NULL), !json_object_object_get_ex(doc, "module", NULL));
	CHECK(ctl->print->version(ctl, &module), !strcmp(get_string(doc, "module"), "1.2.3"));
	CHECK(ctl->print->snapshot(ctl, &snapshot), !strcmp(get_string(doc, "id"), id1_text));
	CHECK(ctl->print->set(ctl, &set1, &set, &snapshot, 1),
	      !strcmp(get_string(doc, "state"), "failed"));
	CHECK(ctl->print->deleted(ctl, &snapshot, 1),
	      json_object_array_length(get(doc, "deleted")) == 1);
#undef CHECK
}

static void text_of_lists(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_snapshot snapshot = a_snapshot();

	be_text(f);
	f->ctl.print->snapshots(&f->ctl, NULL, 0);
	assert_string_equal(text_of(f), "");
	f->ctl.print->snapshots(&f->ctl, &snapshot, 1);
	assert_non_null(strstr(text_of(f), "/dev/vss3"));
	assert_non_null(strstr(f->out, id1_text));
	assert_non_null(strstr(f->out, "2T"));
	assert_non_null(strstr(f->out, "alive"));
	/* One of two. */
	f->ctl.print->set(&f->ctl, &set1, NULL, &snapshot, 1);
	assert_non_null(strstr(text_of(f), "1 of 2"));
}

/* A lost one is not to be taken for a good one. */
static void text_of_shadows(void **state)
{
	static char device[] = "/dev/vss3", volume[] = "/dev/tva1";
	struct fixture *f = *state;
	struct vss_object_prop props[] = {
		{ .snap = { .snapshot_id = id1, .device_object = device, .original_volume_name = volume } },
	};

	be_text(f);
	props[0].snap.status = VSS_SS_CREATED;
	vssctl_print_shadows(&f->ctl, props, 1);
	assert_non_null(strstr(text_of(f), "STATE"));
	assert_non_null(strstr(f->out, "created"));
	assert_null(strstr(f->out, "lost"));
	props[0].snap.status = VSS_SS_ABORTED;
	vssctl_print_shadows(&f->ctl, props, 1);
	assert_non_null(strstr(text_of(f), "lost"));
}

static void json_of_values(void **state)
{
	static char one[] = "/one", other[] = "/other";
	static char *const values[] = { one, other };
	struct fixture *f = *state;
	json_object *doc;
	size_t before;

	vssctl_print_values(&f->ctl, "exposed", NULL, 0);
	doc = json_of(text_of(f));
	assert_int_equal(json_object_array_length(get(doc, "exposed")), 0);
	json_object_put(doc);
	before = strlen(f->out);
	vssctl_print_values(&f->ctl, "exposed", values, 2);
	doc = json_of(text_of(f) + before);
	assert_int_equal(json_object_array_length(get(doc, "exposed")), 2);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(get(doc, "exposed"), 1)), "/other");
	json_object_put(doc);
	be_text(f);
	before = strlen(f->out);
	vssctl_print_values(&f->ctl, "exposed", values, 2);
	assert_string_equal(text_of(f) + before, "/one\n/other\n");
}

static void text_of_errors(void **state)
{
	struct fixture *f = *state;

	be_text(f);
	assert_int_equal(vssctl_fail(&f->ctl, E_ACCESSDENIED, "run as root"), VSSCTL_PERMISSION);
	fflush(f->ctl.err);
	assert_string_equal(f->err, "vssctl: E_ACCESSDENIED: run as root\n");
}

static void quiet_says_little(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_snapshot snapshot = a_snapshot();
	const struct vssctl_created_snapshot made = { .snapshot = snapshot };
	const struct vssctl_created created = { .snapshots = &made, .count = 1 };
	const struct vss_kernel_volume volume = { .name = "tva1" };
	char expected[64];

	be_text(f);
	f->ctl.quiet = true;
	f->ctl.print->attached(&f->ctl, &volume);
	f->ctl.print->deleted(&f->ctl, &snapshot, 1);
	assert_string_equal(text_of(f), "");
	f->ctl.print->created(&f->ctl, &created);
	snprintf(expected, sizeof(expected), "%s\n", id1_text);
	assert_string_equal(text_of(f), expected);
}

static void names_of_values(void **state)
{
	(void)state;
	assert_string_equal(vssctl_set_state_name(VSS_SET_HELD), "held");
	assert_string_equal(vssctl_event_type_name(VSS_EVENT_SET_FAILED), "set-failed");
	assert_string_equal(vssctl_snapshot_state_name(99), "unknown");
	assert_string_equal(vssctl_lost_reason_name(VSS_LOST_STALLED), "stalled");
}

/* --------------------------------------------------------------------------
 * Command lines
 */

/* Run a command with arguments; none of those here gets as far as the kernel. */
static int run(struct fixture *f, const struct vssctl_command *command, char **argv)
{
	struct vssctl_args args = { .ctl = &f->ctl, .command = command, .argv = argv };

	while (argv[args.argc])
		args.argc++;
	return command->run(&f->ctl, &args);
}

#define RUN(f, command, ...) run(f, command, (char *[]) { command_name, __VA_ARGS__, NULL })

static void refuses_wrong_command_lines(void **state)
{
	struct fixture *f = *state;
	static char command_name[] = "vssctl";
	static char v[] = "/dev/nowhere", json[] = "--json", unknown[] = "--frobnicate";
	static char force[] = "--force", hold[] = "--hold-timeout", zero[] = "0", word[] = "many";
	static char chunk[] = "--chunk-size", odd[] = "5000", set[] = "--set", volume[] = "--volume";
	static char oldest[] = "--oldest", all[] = "--all", on[] = "--on", file[] = "--file";
	static char size[] = "--size", wait_for[] = "--wait", grow[] = "--auto-grow";
	static char id[] = "--id";

	assert_int_equal(RUN(f, &vssctl_create, json), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_create, v, unknown), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_create, v, hold), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_create, hold, zero, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_create, wait_for, word, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_create, set, word, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_attach, v, chunk, odd), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_attach, v, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_detach, force), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_delete, force), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_delete, volume, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_delete, volume, v, oldest, all), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_delete, set, v, oldest), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_delete, set, v, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_show, word), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_set_writable, v, word), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_add, v, on, v, file, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_grow, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_grow, v, size, odd, on, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_grow, v, size, word), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_remove, v), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_remove, v, id, word), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_diff_area_remove, v, v, id, zero), VSSCTL_USAGE);
	assert_int_equal(RUN(f, &vssctl_events, grow, word), VSSCTL_USAGE);
	assert_string_equal(text_of(f), "");
}

static void helps(void **state)
{
	struct fixture *f = *state;
	static char command_name[] = "vssctl", help[] = "--help", h[] = "-h";

	for (const struct vssctl_command *const *c = vssctl_commands; *c; c++) {
		assert_int_equal(RUN(f, *c, help), VSSCTL_OK);
		assert_int_equal(RUN(f, *c, h), VSSCTL_OK);
		assert_non_null(strstr(text_of(f), (*c)->summary[0] ? (*c)->name : ""));
	}
}

static void tables_fit(void **state)
{
	(void)state;
	for (const struct vssctl_command *const *c = vssctl_commands; *c; c++) {
		size_t count = 0;

		for (const struct vssctl_option *o = (*c)->options; o && o->name; o++) {
			count++;
			assert_int_equal(o->id, count);
		}
		for (const struct vssctl_option *o = (*c)->more_options; o && o->name; o++)
			count++;
		for (const struct vssctl_option *o = vssctl_common_options; o->name; o++)
			count++;
		assert_true(count < VSSCTL_MAX_OPTIONS);
		assert_true((*c)->max_operands < 0 ||
			    (*c)->min_operands <= (*c)->max_operands);
	}
}

#define OUTPUT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		OUTPUT_TEST(json_of_snapshots),
		OUTPUT_TEST(json_of_empty_lists),
		OUTPUT_TEST(json_of_created),
		OUTPUT_TEST(json_of_events),
		OUTPUT_TEST(json_of_errors),
		OUTPUT_TEST(json_of_the_rest),
		OUTPUT_TEST(text_of_lists),
		OUTPUT_TEST(text_of_shadows),
		OUTPUT_TEST(json_of_values),
		OUTPUT_TEST(text_of_errors),
		OUTPUT_TEST(quiet_says_little),
		cmocka_unit_test(names_of_values),
		OUTPUT_TEST(refuses_wrong_command_lines),
		OUTPUT_TEST(helps),
		cmocka_unit_test(tables_fit),
	};

	return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
