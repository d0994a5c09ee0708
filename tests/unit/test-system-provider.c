// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which shadow copies the system provider tells of, and where those are that it does not.
 */
#include "unit.h"

#include "error.h"
#include "fake-kernel.h"
#include "system/internal.h"

static const struct vss_uuid copy = { { 1, 2, 3 } };
static const struct vss_uuid area = { { 0xaa, 0xbb } };
static const struct vss_uuid other_area = { { 0xcc } };

/* What the module has: at first, and from the time of an answer on. */
struct module {
	struct fake_kernel fake;	/* first: answers get it */
	struct vss_kernel *kernel;
	bool has_copy, has_area;
	bool other, persistent;		/* another area; what is there is persistent */
	unsigned int answers, then;	/* loaded or detached after so many answers */
	bool area_then, copy_then;
	int error;
};

static void put_copy(struct fake_kernel *fake)
{
	struct nl_msg *msg = fake_reply(fake->seq, FAKE_FAMILY, VSS_CMD_SNAPSHOT_GET, 0);
	struct nlattr *nest = nla_nest_start(msg, VSS_A_SNAPSHOT);

	nla_put(msg, VSS_A_SNAPSHOT_UUID, 16, copy.bytes);
	nla_put(msg, VSS_A_SNAPSHOT_SET_UUID, 16, copy.bytes);
	nla_put_u32(msg, VSS_A_SNAPSHOT_MAJOR, 254);
	nla_put_u32(msg, VSS_A_SNAPSHOT_MINOR, 1);
	nla_put_string(msg, VSS_A_SNAPSHOT_VOLUME_NAME, "vda1");
	nla_put_string(msg, VSS_A_SNAPSHOT_NAME, "vss7");
	nla_put_u32(msg, VSS_A_SNAPSHOT_DEV_MAJOR, 250);
	nla_put_u32(msg, VSS_A_SNAPSHOT_DEV_MINOR, 112);
	nla_put_u32(msg, VSS_A_SNAPSHOT_EPOCH, 4);
	nla_put_u64(msg, VSS_A_SNAPSHOT_TIME, 5);
	nla_put_u64(msg, VSS_A_SNAPSHOT_SIZE, 1 << 30);
	nla_put_u32(msg, VSS_A_SNAPSHOT_STATE, VSS_SNAPSHOT_ALIVE);
	nla_put_u32(msg, VSS_A_SNAPSHOT_LOST_REASON, VSS_LOST_NOT);
	nla_put_u32(msg, VSS_A_SNAPSHOT_FLAGS, 0);
	nla_put_u64(msg, VSS_A_SNAPSHOT_COPIED, 0);
	nla_put_u64(msg, VSS_A_SNAPSHOT_OVERLAY, 0);
	nla_put_u32(msg, VSS_A_SNAPSHOT_MEMBERS, 3);
	nla_nest_end(msg, nest);
	fake_append(fake_new(fake), msg);
}

static void put_area(struct fake_kernel *fake, const struct module *m)
{
	struct nl_msg *msg = fake_reply(fake->seq, FAKE_FAMILY, VSS_CMD_AREA_GET, 0);
	struct nlattr *nest = nla_nest_start(msg, VSS_A_AREA);

	nla_put_u32(msg, VSS_A_AREA_VOLUME_MAJOR, 254);
	nla_put_u32(msg, VSS_A_AREA_VOLUME_MINOR, 1);
	nla_put_u32(msg, VSS_A_AREA_ID, 1);
	nla_put_u32(msg, VSS_A_AREA_TYPE, VSS_AREA_DEVICE);
	nla_put_u32(msg, VSS_A_AREA_DEV_MAJOR, 254);
	nla_put_u32(msg, VSS_A_AREA_DEV_MINOR, 32);
	nla_put_u64(msg, VSS_A_AREA_SIZE, 1 << 28);
	nla_put_u64(msg, VSS_A_AREA_USED, 1 << 12);
	nla_put_u32(msg, VSS_A_AREA_STATE, VSS_AREA_READY);
	if (m->persistent)
		nla_put(msg, VSS_A_AREA_UUID, 16, m->other ? other_area.bytes : area.bytes);
	nla_nest_end(msg, nest);
	fake_append(fake_new(fake), msg);
}

static void answer(struct fake_kernel *fake)
{
	struct module *m = (struct module *)fake;
	bool dump = fake_request(fake)->nlmsg_flags & NLM_F_DUMP;

	if (m->then && m->answers++ == m->then) {
		m->has_area = m->area_then;
		m->has_copy = m->copy_then;
	}
	if (m->error) {
		fake_ack(fake, m->error, NULL, 0);
		return;
	}
	if (fake_genl(fake)->cmd == VSS_CMD_AREA_GET && m->has_area)
		put_area(fake, m);
	if (fake_genl(fake)->cmd == VSS_CMD_SNAPSHOT_GET && m->has_copy)
		put_copy(fake);
	if (dump)
		fake_done(fake, 0);
	else
		fake_ack(fake, m->has_copy ? 0 : -ENOENT, NULL, 0);
}

static int setup(void **state)
{
	struct module *m = calloc(1, sizeof(*m));
	struct vss_transport transport = fake_transport(&m->fake);
	struct vss_error error;

	assert_int_equal(vss_kernel_open_transport(&m->kernel, &transport, &error), 0);
	m->fake.answer = answer;
	m->persistent = true;
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct module *m = *state;

	vss_kernel_close(m->kernel);
	free(m);
	return 0;
}

static vss_result find(struct module *m, struct vss_error *err)
{
	memset(err, 0, sizeof(*err));
	return system_find(m->kernel, &copy, &area, err);
}

/* A copy is told with its persistent area, whose UUID finds it again; others without. */
static void tells_the_area(void **state)
{
	struct module *m = *state;
	struct vss_provider_snapshot *list;
	char expected[80] = "diff-area ";
	struct vss_error err = { 0 };
	size_t count;

	vss_uuid_format(&area, expected + strlen(expected));
	m->has_copy = m->has_area = true;
	for (int persistent = 1; persistent >= 0; persistent--) {
		m->persistent = persistent;
		assert_int_equal(system_list(m->kernel, &list, &count, &err), S_OK);
		assert_int_equal(count, 1);
		assert_true(vss_uuid_equal(&list[0].prop.snapshot_id, &copy));
		/* As many as were made, not as there are. */
		assert_int_equal(list[0].prop.snapshots_count, 3);
		if (persistent)
			assert_string_equal(list[0].provider_data, expected);
		else
			assert_null(list[0].provider_data);
		vss_provider_snapshot_clear(&list[0]);
		free(list);
	}
	m->error = -EIO;
	assert_true(VSS_FAILED(system_list(m->kernel, &list, &count, &err)));
}

static void finds_it(void **state)
{
	char id[VSS_UUID_TEXT_SIZE];
	struct module *m = *state;
	struct vss_error err;

	/* nothing is loaded, not even the module */
	assert_int_equal(find(m, &err), VSS_E_MISSING_DISK);
	assert_non_null(strstr(err.text, vss_uuid_format(&area, id)));
	assert_non_null(strstr(err.text, "vssctl diff-area load"));
	assert_int_equal(system_find(NULL, &copy, &area, &err), VSS_E_MISSING_DISK);
	/* another area, and one that is none to come back */
	m->has_area = m->other = true;
	assert_int_equal(find(m, &err), VSS_E_MISSING_DISK);
	m->other = m->persistent = false;
	assert_int_equal(find(m, &err), VSS_E_MISSING_DISK);
	/* it is loaded, without the copy and with it */
	m->persistent = true;
	assert_int_equal(find(m, &err), VSS_E_OBJECT_NOT_FOUND);
	m->has_copy = true;
	assert_int_equal(find(m, &err), S_OK);
	/* the module cannot be asked */
	m->error = -EIO;
	assert_int_equal(find(m, &err), VSS_E_PROVIDER_VETO);
}

/* The area comes or goes between any two questions: never is the copy lost by that. */
static void comes_and_goes(void **state)
{
	struct module *m = *state;
	struct vss_error err;

	for (unsigned int after = 1; after < 4; after++)
		for (int comes = 0; comes < 2; comes++) {
			vss_result result;

			m->answers = 0;
			m->then = after;
			m->has_area = m->has_copy = !comes;
			m->area_then = m->copy_then = comes;
			result = find(m, &err);
			assert_true(result == S_OK || result == VSS_E_MISSING_DISK);
		}
	/* loaded after the first question */
	m->answers = 0;
	m->then = 1;
	m->has_area = m->has_copy = false;
	m->area_then = m->copy_then = true;
	assert_int_equal(find(m, &err), S_OK);
	/* and detached after the area was seen without it */
	m->answers = 0;
	m->then = 3;
	m->has_area = true;
	m->has_copy = false;
	m->area_then = m->copy_then = false;
	assert_int_equal(find(m, &err), VSS_E_MISSING_DISK);
}

/* What was recorded by others is nothing to look for. */
static void other_records(void **state)
{
	static const char *const data[] = { NULL, "", "diff-area", "diff-area x", "lun 5" };
	struct vss_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(data); i++) {
		struct vss_provider_snapshot record = { .provider_data = (char *)data[i] };

		assert_int_equal(system_import(NULL, &record, &err), E_NOTIMPL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_the_area, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_it, setup, teardown),
		cmocka_unit_test_setup_teardown(comes_and_goes, setup, teardown),
		cmocka_unit_test(other_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
