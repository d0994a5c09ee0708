// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel handle against a fake kernel: what requests look like on the wire,
 * how replies become structs, what errors say, and what happens when the other
 * side sends nonsense.
 */
#include "unit.h"

#include "fake-kernel.h"
#include "kernel-events.h"

#include <stdio.h>

static const struct vss_devno vda1 = { 254, 1 };
static const struct vss_uuid uuid1 = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };
static const struct vss_uuid uuid2 = { { 0xff, 0xee, 0xdd } };

struct fixture {
	struct fake_kernel *fake;
	struct vss_kernel *kernel;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vss_transport transport;
	struct vss_error error;

	f->fake = calloc(1, sizeof(*f->fake));
	transport = fake_transport(f->fake);
	assert_int_equal(vss_kernel_open_transport(&f->kernel, &transport, &error), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vss_kernel_close(f->kernel);
	assert_true(f->fake->closed);
	free(f->fake);
	free(f);
	return 0;
}

/* --------------------------------------------------------------------------
 * Pieces of answers
 */

static void put_volume(struct nl_msg *msg, uint32_t minor, const char *name)
{
	struct nlattr *nest = nla_nest_start(msg, VSS_A_VOLUME);

	nla_put_u32(msg, VSS_A_VOLUME_MAJOR, 254);
	nla_put_u32(msg, VSS_A_VOLUME_MINOR, minor);
	nla_put_string(msg, VSS_A_VOLUME_NAME, name);
	nla_put_u64(msg, VSS_A_VOLUME_SIZE, 1ULL << 40);
	nla_put_u32(msg, VSS_A_VOLUME_CHUNK_SIZE, 16384);
	nla_put_u64(msg, VSS_A_VOLUME_COPY_MEMORY, 1 << 26);
	nla_put_u32(msg, VSS_A_VOLUME_SNAPSHOTS, 3);
	nla_put_u32(msg, VSS_A_VOLUME_EPOCH, 5);
	nla_put_u64(msg, VSS_A_VOLUME_AREA_SIZE, 1 << 30);
	nla_put_u64(msg, VSS_A_VOLUME_AREA_USED, 1 << 20);
	nla_put_u64(msg, VSS_A_VOLUME_LOW_WATER, 1 << 24);
	nla_put_u64(msg, VSS_A_VOLUME_WRITES, 11);
	nla_put_u64(msg, VSS_A_VOLUME_WRITES_HELD, 12);
	nla_put_u64(msg, VSS_A_VOLUME_CHUNKS_COPIED, 13);
	nla_put_u64(msg, VSS_A_VOLUME_COPY_READS, 14);
	nla_put_u64(msg, VSS_A_VOLUME_AREA_WRITES, 15);
	nla_put_u64(msg, VSS_A_VOLUME_MEMORY, 16);
	nla_put_u32(msg, VSS_A_VOLUME_STATE, VSS_VOLUME_TRACKED);
	nla_put_u32(msg, VSS_A_VOLUME_OPENERS, 17);
	nla_nest_end(msg, nest);
}

static void put_area(struct nl_msg *msg, uint32_t id, const char *path)
{
	struct nlattr *nest = nla_nest_start(msg, VSS_A_AREA);

	nla_put_u32(msg, VSS_A_AREA_VOLUME_MAJOR, 254);
	nla_put_u32(msg, VSS_A_AREA_VOLUME_MINOR, 1);
	nla_put_u32(msg, VSS_A_AREA_ID, id);
	nla_put_u32(msg, VSS_A_AREA_TYPE, path ? VSS_AREA_FILE : VSS_AREA_DEVICE);
	nla_put_u32(msg, VSS_A_AREA_DEV_MAJOR, 254);
	nla_put_u32(msg, VSS_A_AREA_DEV_MINOR, 32);
	if (path)
		nla_put_string(msg, VSS_A_AREA_PATH, path);
	nla_put_u64(msg, VSS_A_AREA_SIZE, 1 << 28);
	nla_put_u64(msg, VSS_A_AREA_USED, 1 << 12);
	if (path)
		nla_put_flag(msg, VSS_A_AREA_ON_ORIGIN);
	nla_put_u32(msg, VSS_A_AREA_STATE, VSS_AREA_READY);
	nla_nest_end(msg, nest);
}

static void put_set(struct nl_msg *msg, unsigned int members, uint32_t state,
		    uint64_t hold_usec)
{
	struct nlattr *nest = nla_nest_start(msg, VSS_A_SET);

	nla_put(msg, VSS_A_SET_UUID, 16, uuid1.bytes);
	nla_put_u32(msg, VSS_A_SET_FLAGS, 0);
	nla_put_u32(msg, VSS_A_SET_STATE, state);
	nla_put_s32(msg, VSS_A_SET_ERROR, state == VSS_SET_FAILED ? -ETIMEDOUT : 0);
	nla_put_u32(msg, VSS_A_SET_HOLD_TIMEOUT_MS, 10000);
	nla_put_u32(msg, VSS_A_SET_FREEZE_TIMEOUT_MS, 60000);
	nla_put_u64(msg, VSS_A_SET_FREEZE_USEC, 1500);
	nla_put_u64(msg, VSS_A_SET_HOLD_USEC, hold_usec);
	for (unsigned int i = 0; i < members; i++) {
		struct nlattr *member = nla_nest_start(msg, VSS_A_SET_MEMBER);

		nla_put_u32(msg, VSS_A_MEMBER_MAJOR, 254);
		nla_put_u32(msg, VSS_A_MEMBER_MINOR, i);
		/* One of them is held only. */
		if (i == 5)
			nla_put_flag(msg, VSS_A_MEMBER_HOLD_ONLY);
		else
			nla_put(msg, VSS_A_MEMBER_SNAPSHOT_UUID, 16, uuid2.bytes);
		nla_put_u32(msg, VSS_A_MEMBER_LEVEL, i % 16);
		nla_nest_end(msg, member);
	}
	nla_nest_end(msg, nest);
}

static void put_snapshot(struct nl_msg *msg, uint64_t time, uint32_t minor, bool image)
{
	struct nlattr *nest = nla_nest_start(msg, VSS_A_SNAPSHOT);

	nla_put(msg, VSS_A_SNAPSHOT_UUID, 16, uuid2.bytes);
	nla_put(msg, VSS_A_SNAPSHOT_SET_UUID, 16, uuid1.bytes);
	nla_put_u32(msg, VSS_A_SNAPSHOT_MAJOR, 254);
	nla_put_u32(msg, VSS_A_SNAPSHOT_MINOR, minor);
	nla_put_string(msg, VSS_A_SNAPSHOT_VOLUME_NAME, "vda1");
	if (image) {
		nla_put_string(msg, VSS_A_SNAPSHOT_NAME, "vss7");
		nla_put_u32(msg, VSS_A_SNAPSHOT_DEV_MAJOR, 250);
		nla_put_u32(msg, VSS_A_SNAPSHOT_DEV_MINOR, 112);
	}
	nla_put_u32(msg, VSS_A_SNAPSHOT_EPOCH, 4);
	nla_put_u64(msg, VSS_A_SNAPSHOT_TIME, time);
	nla_put_u64(msg, VSS_A_SNAPSHOT_SIZE, 1 << 30);
	nla_put_u32(msg, VSS_A_SNAPSHOT_STATE, VSS_SNAPSHOT_ALIVE);
	nla_put_u32(msg, VSS_A_SNAPSHOT_LOST_REASON, VSS_LOST_NOT);
	nla_put_u32(msg, VSS_A_SNAPSHOT_FLAGS, VSS_SNAPSHOT_F_WRITABLE);
	nla_put_u64(msg, VSS_A_SNAPSHOT_COPIED, 21);
	nla_put_u64(msg, VSS_A_SNAPSHOT_OVERLAY, 22);
	nla_put_u32(msg, VSS_A_SNAPSHOT_MEMBERS, 5);
	nla_nest_end(msg, nest);
}

static struct nl_msg *reply_to(struct fake_kernel *fake)
{
	return fake_reply(fake->seq, FAKE_FAMILY, fake_genl(fake)->cmd, 0);
}

static void answer_ok(struct fake_kernel *fake)
{
	fake_ack(fake, 0, NULL, 0);
}

/* --------------------------------------------------------------------------
 * Opening
 */

static void opens(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->kernel->family, FAKE_FAMILY);
	assert_int_equal(f->kernel->events_group, FAKE_GROUP);
	assert_string_equal(vss_kernel_error(f->kernel), "");
	assert_int_equal(vss_kernel_result(f->kernel), S_OK);
}

static void refuse_family(struct fake_kernel *fake)
{
	fake_ack(fake, -ENOENT, NULL, 0);
}

static void says_that_module_is_missing(void **state)
{
	struct fake_kernel *fake = calloc(1, sizeof(*fake));
	struct vss_transport transport = fake_transport(fake);
	struct vss_kernel *kernel;
	struct vss_error error;

	(void)state;
	fake->answer = refuse_family;
	assert_int_equal(vss_kernel_open_transport(&kernel, &transport, &error), -ENOENT);
	assert_int_equal(error.result, VSS_E_PROVIDER_NOT_REGISTERED);
	assert_non_null(strstr(error.text, "modprobe vss"));
	assert_true(fake->closed);
	free(fake);
}

/* --------------------------------------------------------------------------
 * Requests
 */

static void builds_attach(void **state)
{
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_volume_attach(f->kernel, vda1, 65536, 1 << 25, NULL), 0);
	assert_int_equal(fake_request(f->fake)->nlmsg_type, FAKE_FAMILY);
	assert_int_equal(fake_request(f->fake)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(fake_request(f->fake)->nlmsg_len, f->fake->request_size);
	assert_int_equal(fake_genl(f->fake)->cmd, VSS_CMD_VOLUME_ATTACH);
	assert_int_equal(fake_genl(f->fake)->version, VSS_GENL_VERSION);
	/* The kernel demands the flag. */
	assert_true(fake_nest(f->fake, VSS_A_VOLUME)->nla_type & NLA_F_NESTED);
	assert_int_equal(nla_parse_nested(tb, VSS_A_VOLUME_MAX, fake_nest(f->fake, VSS_A_VOLUME),
					  NULL), 0);
	assert_int_equal(nla_get_u32(tb[VSS_A_VOLUME_MAJOR]), 254);
	assert_int_equal(nla_get_u32(tb[VSS_A_VOLUME_MINOR]), 1);
	assert_int_equal(nla_get_u32(tb[VSS_A_VOLUME_CHUNK_SIZE]), 65536);
	assert_int_equal(nla_get_u64(tb[VSS_A_VOLUME_COPY_MEMORY]), 1 << 25);
	assert_null(tb[VSS_A_VOLUME_FORCE]);
}

static void leaves_defaults_out(void **state)
{
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_volume_attach(f->kernel, vda1, 0, 0, NULL), 0);
	nla_parse_nested(tb, VSS_A_VOLUME_MAX, fake_nest(f->fake, VSS_A_VOLUME), NULL);
	assert_null(tb[VSS_A_VOLUME_CHUNK_SIZE]);
	assert_null(tb[VSS_A_VOLUME_COPY_MEMORY]);
	/* The message is used again: nothing of the request before is left. */
	assert_int_equal(vss_kernel_volume_detach(f->kernel, vda1, true), 0);
	nla_parse_nested(tb, VSS_A_VOLUME_MAX, fake_nest(f->fake, VSS_A_VOLUME), NULL);
	assert_non_null(tb[VSS_A_VOLUME_FORCE]);
	assert_int_equal(nla_len(tb[VSS_A_VOLUME_FORCE]), 0);
	assert_int_equal(vss_kernel_volume_detach(f->kernel, vda1, false), 0);
	nla_parse_nested(tb, VSS_A_VOLUME_MAX, fake_nest(f->fake, VSS_A_VOLUME), NULL);
	assert_null(tb[VSS_A_VOLUME_FORCE]);
}

static void sets_limits_apart(void **state)
{
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_VOLUME_MAX + 1];
	const uint64_t zero = 0;

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_volume_set(f->kernel, vda1, &zero, NULL, NULL), 0);
	nla_parse_nested(tb, VSS_A_VOLUME_MAX, fake_nest(f->fake, VSS_A_VOLUME), NULL);
	assert_int_equal(nla_get_u64(tb[VSS_A_VOLUME_LOW_WATER]), 0);
	assert_null(tb[VSS_A_VOLUME_COPY_MEMORY]);
}

static unsigned int count_attrs(struct nlattr *nest, int type)
{
	unsigned int count = 0;
	struct nlattr *attr;
	int left;

	nla_for_each_nested(attr, nest, left)
		count += nla_type(attr) == type;
	return count;
}

static unsigned int extents_seen, last_seen;

static void count_extents(struct fake_kernel *fake)
{
	struct nlattr *nest = fake_nest(fake, VSS_A_AREA);

	assert_true(count_attrs(nest, VSS_A_AREA_EXTENT) <= VSS_MAX_EXTENTS_MSG);
	extents_seen += count_attrs(nest, VSS_A_AREA_EXTENT);
	last_seen += count_attrs(nest, VSS_A_AREA_LAST);
	/* LAST is in the last message only. */
	assert_int_equal(last_seen, extents_seen == 1300);
	fake_ack(fake, 0, NULL, 0);
}

static void splits_extents(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_extent *extents = calloc(1300, sizeof(*extents));
	unsigned int before = f->fake->requests;

	extents_seen = last_seen = 0;
	for (size_t i = 0; i < 1300; i++)
		extents[i] = (struct vss_kernel_extent) { i << 20, 4096 };
	f->fake->answer = count_extents;
	assert_int_equal(vss_kernel_area_set_extents(f->kernel, vda1, 3, extents, 1300), 0);
	assert_int_equal(extents_seen, 1300);
	assert_int_equal(last_seen, 1);
	assert_int_equal(f->fake->requests - before, 3);
	free(extents);
}

static void builds_area_remove(void **state)
{
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_AREA_MAX + 1];

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_area_remove(f->kernel, vda1, 7), 0);
	assert_int_equal(fake_genl(f->fake)->cmd, VSS_CMD_AREA_REMOVE);
	nla_parse_nested(tb, VSS_A_AREA_MAX, fake_nest(f->fake, VSS_A_AREA), NULL);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_VOLUME_MAJOR]), 254);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_VOLUME_MINOR]), 1);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_ID]), 7);
}

static void builds_area_load(void **state)
{
	const struct vss_devno devs[] = { { 8, 16 }, { 259, 1048575 }, { 4095, 0 } };
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_AREA_MAX + 1], *nest, *attr;
	uint64_t more[2] = { 0 };
	size_t nr = 0;
	int left;

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_area_load(f->kernel, vda1, devs, 3, VSS_AREA_LOAD, 2, NULL), 0);
	assert_int_equal(fake_genl(f->fake)->cmd, VSS_CMD_AREA_ADD);
	nest = fake_nest(f->fake, VSS_A_AREA);
	nla_parse_nested(tb, VSS_A_AREA_MAX, nest, NULL);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_DEV_MAJOR]), 8);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_DEV_MINOR]), 16);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_MODE]), VSS_AREA_LOAD);
	assert_int_equal(nla_get_u32(tb[VSS_A_AREA_OPENERS]), 2);
	nla_for_each_nested(attr, nest, left) {
		if (nla_type(attr) != VSS_A_AREA_MORE)
			continue;
		assert_true(nr < 2);
		more[nr++] = nla_get_u64(attr);
	}
	assert_int_equal(nr, 2);
	assert_true(more[0] == (259ULL << 32 | 1048575));
	assert_true(more[1] == 4095ULL << 32);
	/* One device needs none. */
	assert_int_equal(vss_kernel_area_add_persistent(f->kernel, vda1, devs[0], VSS_AREA_CREATE, NULL), 0);
	assert_int_equal(count_attrs(fake_nest(f->fake, VSS_A_AREA), VSS_A_AREA_MORE), 0);
	assert_int_equal(count_attrs(fake_nest(f->fake, VSS_A_AREA), VSS_A_AREA_OPENERS), 0);
}

static void builds_prepare(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_member members[] = {
		{ .dev = { 254, 1 }, .snapshot = uuid1 },
		{ .dev = { 253, 0 }, .snapshot = uuid2, .level = 2 },
	};
	const struct vss_kernel_freeze freezes[] = { { 7, 3 } };
	const struct vss_kernel_set_request request = {
		.uuid = uuid2,
		.flags = VSS_SET_F_NO_FREEZE,
		.hold_timeout_ms = 500,
		.members = members,
		.member_count = 2,
		.freezes = freezes,
		.freeze_count = 1,
	};
	struct nlattr *tb[VSS_A_SET_MAX + 1], *member[VSS_A_MEMBER_MAX + 1];
	struct nlattr *freeze[VSS_A_FREEZE_MAX + 1];

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_set_prepare(f->kernel, &request, NULL), 0);
	nla_parse_nested(tb, VSS_A_SET_MAX, fake_nest(f->fake, VSS_A_SET), NULL);
	assert_memory_equal(nla_data(tb[VSS_A_SET_UUID]), uuid2.bytes, 16);
	assert_int_equal(nla_get_u32(tb[VSS_A_SET_FLAGS]), VSS_SET_F_NO_FREEZE);
	assert_int_equal(nla_get_u32(tb[VSS_A_SET_HOLD_TIMEOUT_MS]), 500);
	assert_null(tb[VSS_A_SET_FREEZE_TIMEOUT_MS]);
	assert_int_equal(count_attrs(fake_nest(f->fake, VSS_A_SET), VSS_A_SET_MEMBER), 2);
	/* The last one of each type is what the parser keeps. */
	nla_parse_nested(member, VSS_A_MEMBER_MAX, tb[VSS_A_SET_MEMBER], NULL);
	assert_int_equal(nla_get_u32(member[VSS_A_MEMBER_MAJOR]), 253);
	assert_int_equal(nla_get_u32(member[VSS_A_MEMBER_LEVEL]), 2);
	nla_parse_nested(freeze, VSS_A_FREEZE_MAX, tb[VSS_A_SET_FREEZE], NULL);
	assert_int_equal(nla_get_s32(freeze[VSS_A_FREEZE_FD]), 7);
	assert_int_equal(nla_get_u32(freeze[VSS_A_FREEZE_LEVEL]), 3);
}

static void asks_to_hold_only(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_member member = { .dev = { 8, 16 }, .hold_only = true, .snapshot = uuid2 };
	const struct vss_kernel_set_request request = {
		.uuid = uuid1,
		.members = &member,
		.member_count = 1,
	};
	struct nlattr *tb[VSS_A_SET_MAX + 1], *attrs[VSS_A_MEMBER_MAX + 1];

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_set_prepare(f->kernel, &request, NULL), 0);
	nla_parse_nested(tb, VSS_A_SET_MAX, fake_nest(f->fake, VSS_A_SET), NULL);
	nla_parse_nested(attrs, VSS_A_MEMBER_MAX, tb[VSS_A_SET_MEMBER], NULL);
	assert_non_null(attrs[VSS_A_MEMBER_HOLD_ONLY]);
	assert_null(attrs[VSS_A_MEMBER_SNAPSHOT_UUID]);
}

static void takes_all_members(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_member members[VSS_MAX_MEMBERS] = { 0 };
	const struct vss_kernel_set_request request = {
		.uuid = uuid1,
		.members = members,
		.member_count = VSS_MAX_MEMBERS,
	};

	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_set_prepare(f->kernel, &request, NULL), 0);
	assert_int_equal(count_attrs(fake_nest(f->fake, VSS_A_SET), VSS_A_SET_MEMBER),
			 VSS_MAX_MEMBERS);
}

/* --------------------------------------------------------------------------
 * Replies
 */

static void answer_module(struct fake_kernel *fake)
{
	struct nl_msg *msg = reply_to(fake);
	struct nlattr *nest = nla_nest_start(msg, VSS_A_MODULE);

	nla_put_string(msg, VSS_A_MODULE_VERSION, "0.1.0");
	nla_put_u32(msg, VSS_A_MODULE_HOOK_STATE, VSS_HOOK_VERIFIED);
	nla_put_u64(msg, VSS_A_MODULE_HOOK_BIOS, 1ULL << 33);
	nla_put_u32(msg, VSS_A_MODULE_MAX_VOLUMES, 256);
	nla_put_u32(msg, VSS_A_MODULE_MAX_SNAPSHOTS, 512);
	nla_put_u32(msg, VSS_A_MODULE_MAX_MEMBERS, 64);
	nla_put_u32(msg, VSS_A_MODULE_VOLUMES, 2);
	/* From a module newer than this library. */
	nla_put_u32(msg, VSS_A_MODULE_MAX + 5, 99);
	nla_nest_end(msg, nest);
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static void reads_module(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_module module;

	f->fake->answer = answer_module;
	assert_int_equal(vss_kernel_module_get(f->kernel, &module), 0);
	assert_string_equal(module.version, "0.1.0");
	assert_int_equal(module.hook_state, VSS_HOOK_VERIFIED);
	assert_int_equal(module.hook_bios, 1ULL << 33);
	assert_int_equal(module.max_snapshots, 512);
	assert_int_equal(module.volumes, 2);
}

static void answer_volume(struct fake_kernel *fake)
{
	struct nl_msg *msg = reply_to(fake);

	put_volume(msg, 1, "vda1");
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static void reads_volume(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_volume v;

	f->fake->answer = answer_volume;
	assert_int_equal(vss_kernel_volume_get(f->kernel, vda1, &v), 0);
	assert_int_equal(v.dev.major, 254);
	assert_string_equal(v.name, "vda1");
	assert_int_equal(v.size, 1ULL << 40);
	assert_int_equal(v.snapshots, 3);
	assert_int_equal(v.epoch, 5);
	assert_int_equal(v.area_used, 1 << 20);
	assert_int_equal(v.writes, 11);
	assert_int_equal(v.writes_held, 12);
	assert_int_equal(v.chunks_copied, 13);
	assert_int_equal(v.copy_reads, 14);
	assert_int_equal(v.area_writes, 15);
	assert_int_equal(v.memory, 16);
	assert_int_equal(v.openers, 17);
}

/* Left over from an exchange that was given up, then the real answer. */
static void answer_late(struct fake_kernel *fake)
{
	struct nl_msg *msg = fake_reply(fake->seq - 1, FAKE_FAMILY, VSS_CMD_VOLUME_GET, 0);
	uint32_t seq = fake->seq;

	put_volume(msg, 9, "wrong");
	fake_append(fake_new(fake), msg);
	fake->seq = seq - 1;
	fake_ack(fake, -EIO, NULL, 0);
	fake->seq = seq;
	answer_volume(fake);
}

static void passes_over_late_answers(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_volume v;

	f->fake->answer = answer_late;
	assert_int_equal(vss_kernel_volume_get(f->kernel, vda1, &v), 0);
	assert_string_equal(v.name, "vda1");
}

static void answer_volumes(struct fake_kernel *fake)
{
	struct fake_datagram *d = fake_new(fake);

	assert_int_equal(fake_request(fake)->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	/* Nothing but the headers: a dump of volumes takes no attributes. */
	assert_int_equal(fake->request_size, NLMSG_HDRLEN + GENL_HDRLEN);
	for (uint32_t i = 0; i < 20; i++) {
		struct nl_msg *msg = reply_to(fake);

		put_volume(msg, i, "vda1");
		fake_append(d, msg);
	}
	fake_done(fake, 0);
}

static void lists_volumes(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_volume *volumes;
	size_t count;

	f->fake->answer = answer_volumes;
	assert_int_equal(vss_kernel_volume_list(f->kernel, &volumes, &count), 0);
	assert_int_equal(count, 20);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(volumes[i].dev.minor, i);
	free(volumes);
}

static void answer_nothing(struct fake_kernel *fake)
{
	fake_done(fake, 0);
}

static void lists_nothing(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_snapshot *snapshots = (void *)1;
	size_t count = 1;

	f->fake->answer = answer_nothing;
	assert_int_equal(vss_kernel_snapshot_list(f->kernel, NULL, NULL, &snapshots, &count), 0);
	assert_int_equal(count, 0);
	assert_null(snapshots);
}

static unsigned int interruptions;

/* Consistent only after two interruptions. */
static void answer_interrupted(struct fake_kernel *fake)
{
	bool interrupted = interruptions-- > 0;
	struct nl_msg *msg = reply_to(fake);

	if (interrupted)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP_INTR;
	put_area(msg, interruptions & 0xff, "/srv/.vss/a.diff");
	fake_append(fake_new(fake), msg);
	if (!interrupted) {
		msg = reply_to(fake);
		put_area(msg, 77, NULL);
		fake_append(fake_new(fake), msg);
	}
	fake_done(fake, 0);
}

static void reads_again_when_interrupted(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_area *areas;
	unsigned int before = f->fake->requests;
	size_t count;

	interruptions = 2;
	f->fake->answer = answer_interrupted;
	assert_int_equal(vss_kernel_area_list(f->kernel, NULL, &areas, &count), 0);
	assert_int_equal(f->fake->requests - before, 3);
	assert_int_equal(count, 2);
	assert_string_equal(areas[0].path, "/srv/.vss/a.diff");
	assert_true(areas[0].on_origin);
	assert_int_equal(areas[1].id, 77);
	assert_null(areas[1].path);
	assert_false(areas[1].on_origin);
	vss_kernel_area_list_free(areas, count);
}

static void gives_up_reading_again(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_area *areas;
	size_t count;

	interruptions = 1000000;
	f->fake->answer = answer_interrupted;
	assert_int_equal(vss_kernel_area_list(f->kernel, NULL, &areas, &count), -EBUSY);
}

static void answer_dump_error(struct fake_kernel *fake)
{
	struct nl_msg *msg = reply_to(fake);

	put_volume(msg, 1, "vda1");
	fake_append(fake_new(fake), msg);
	fake_done(fake, -EPERM);
}

static void reports_error_at_end_of_dump(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_volume *volumes;
	size_t count;

	f->fake->answer = answer_dump_error;
	assert_int_equal(vss_kernel_volume_list(f->kernel, &volumes, &count), -EPERM);
	assert_int_equal(vss_kernel_result(f->kernel), E_ACCESSDENIED);
	assert_non_null(strstr(vss_kernel_error(f->kernel), "read the state of the volumes:"));
}

static void answer_set(struct fake_kernel *fake)
{
	struct nl_msg *msg = reply_to(fake);

	put_set(msg, VSS_MAX_MEMBERS, VSS_SET_DONE, 900);
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static void reads_set(void **state)
{
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_SET_MAX + 1];
	struct vss_kernel_set set;

	f->fake->answer = answer_set;
	assert_int_equal(vss_kernel_set_step(f->kernel, &uuid1, VSS_SET_DONE, &set), 0);
	nla_parse_nested(tb, VSS_A_SET_MAX, fake_nest(f->fake, VSS_A_SET), NULL);
	assert_int_equal(nla_get_u32(tb[VSS_A_SET_STATE]), VSS_SET_DONE);
	assert_int_equal(set.state, VSS_SET_DONE);
	assert_int_equal(set.hold_usec, 900);
	assert_int_equal(set.freeze_usec, 1500);
	assert_int_equal(set.member_count, VSS_MAX_MEMBERS);
	assert_int_equal(set.members[63].dev.minor, 63);
	assert_int_equal(set.members[63].level, 15);
	assert_true(vss_uuid_equal(&set.members[63].snapshot, &uuid2));
	assert_false(set.members[63].hold_only);
	assert_true(set.members[5].hold_only);
	assert_true(vss_uuid_is_null(&set.members[5].snapshot));
}

static void answer_large_set(struct fake_kernel *fake)
{
	struct nl_msg *msg = reply_to(fake);

	put_set(msg, VSS_MAX_MEMBERS + 1, VSS_SET_DONE, 900);
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static void refuses_more_members_than_there_can_be(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_set set;

	f->fake->answer = answer_large_set;
	assert_int_equal(vss_kernel_set_get(f->kernel, &uuid1, &set), -EPROTO);
}

static void answer_snapshots(struct fake_kernel *fake)
{
	static const struct { uint64_t time; uint32_t minor; } order[] = {
		{ 3000, 1 }, { 1000, 2 }, { 2000, 2 }, { 2000, 1 },
	};

	for (size_t i = 0; i < COUNT(order); i++) {
		struct nl_msg *msg = reply_to(fake);

		put_snapshot(msg, order[i].time, order[i].minor, i != 0);
		fake_append(fake_new(fake), msg);
	}
	fake_done(fake, 0);
}

static void lists_snapshots_by_age(void **state)
{
	struct fixture *f = *state;
	struct nlattr *tb[VSS_A_SNAPSHOT_MAX + 1];
	struct vss_kernel_snapshot *s;
	size_t count;

	f->fake->answer = answer_snapshots;
	assert_int_equal(vss_kernel_snapshot_list(f->kernel, &uuid1, &vda1, &s, &count), 0);
	nla_parse_nested(tb, VSS_A_SNAPSHOT_MAX, fake_nest(f->fake, VSS_A_SNAPSHOT), NULL);
	assert_memory_equal(nla_data(tb[VSS_A_SNAPSHOT_SET_UUID]), uuid1.bytes, 16);
	assert_int_equal(nla_get_u32(tb[VSS_A_SNAPSHOT_MAJOR]), 254);
	assert_null(tb[VSS_A_SNAPSHOT_UUID]);
	assert_int_equal(count, 4);
	assert_int_equal(s[0].time, 1000);
	assert_int_equal(s[1].time, 2000);
	assert_int_equal(s[1].volume.minor, 1);
	assert_int_equal(s[2].volume.minor, 2);
	assert_int_equal(s[3].time, 3000);
	/* A member of a set in creation has no image. */
	assert_string_equal(s[3].name, "");
	assert_string_equal(s[0].name, "vss7");
	assert_int_equal(s[0].dev.minor, 112);
	assert_int_equal(s[0].copied, 21);
	assert_int_equal(s[0].overlay, 22);
	assert_int_equal(s[0].members, 5);
	free(s);
}

/* --------------------------------------------------------------------------
 * Errors
 */

static void refuse_with_text(struct fake_kernel *fake)
{
	struct nlattr *nest = fake_nest(fake, VSS_A_VOLUME);
	struct nlattr *chunk = nla_find(nla_data(nest), nla_len(nest), VSS_A_VOLUME_CHUNK_SIZE);

	fake_ack(fake, -EINVAL, "not a power of two",
		 (uint32_t)((unsigned char *)chunk - fake->request));
}

static void tells_text_and_attribute(void **state)
{
	struct fixture *f = *state;

	f->fake->answer = refuse_with_text;
	assert_int_equal(vss_kernel_volume_attach(f->kernel, vda1, 5000, 0, NULL), -EINVAL);
	assert_int_equal(vss_kernel_result(f->kernel), E_INVALIDARG);
	assert_string_equal(vss_kernel_extack(f->kernel), "not a power of two");
	assert_string_equal(vss_kernel_extack_attr(f->kernel), "VSS_A_VOLUME.CHUNK_SIZE");
	assert_non_null(strstr(vss_kernel_error(f->kernel),
			       ": not a power of two (VSS_A_VOLUME.CHUNK_SIZE)"));
	assert_non_null(strstr(vss_kernel_error(f->kernel), "cannot attach "));
	/* The next call starts anew. */
	f->fake->answer = answer_ok;
	assert_int_equal(vss_kernel_volume_detach(f->kernel, vda1, false), 0);
	assert_string_equal(vss_kernel_extack(f->kernel), "");
}

static void refuse_second_member(struct fake_kernel *fake)
{
	struct nlattr *nest = fake_nest(fake, VSS_A_SET), *attr;
	unsigned int seen = 0;
	int left;

	nla_for_each_nested(attr, nest, left) {
		if (nla_type(attr) != VSS_A_SET_MEMBER || ++seen != 2)
			continue;
		attr = nla_find(nla_data(attr), nla_len(attr), VSS_A_MEMBER_LEVEL);
		fake_ack(fake, -ERANGE, NULL, (uint32_t)((unsigned char *)attr - fake->request));
		return;
	}
}

static void counts_repeated_attributes(void **state)
{
	struct fixture *f = *state;
	const struct vss_kernel_member members[] = {
		{ .dev = { 254, 1 }, .snapshot = uuid1 },
		{ .dev = { 253, 0 }, .snapshot = uuid2, .level = 99 },
	};
	const struct vss_kernel_set_request request = {
		.uuid = uuid2, .members = members, .member_count = 2,
	};

	f->fake->answer = refuse_second_member;
	assert_int_equal(vss_kernel_set_prepare(f->kernel, &request, NULL), -ERANGE);
	assert_string_equal(vss_kernel_extack_attr(f->kernel), "VSS_A_SET.MEMBER[1].LEVEL");
}

static void refuse_missing(struct fake_kernel *fake)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);
	struct nlmsgerr err = { .error = -EINVAL, .msg = *fake_request(fake) };

	nlmsg_put(msg, 0, fake->seq, NLMSG_ERROR, 0, NLM_F_ACK_TLVS);
	/* Not capped: the whole request stands before the attributes. */
	nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO);
	nlmsg_append(msg, fake->request + NLMSG_HDRLEN, fake->request_size - NLMSG_HDRLEN,
		     NLMSG_ALIGNTO);
	nla_put_u32(msg, NLMSGERR_ATTR_MISS_TYPE, VSS_A_SNAPSHOT_FLAGS);
	nla_put_u32(msg, NLMSGERR_ATTR_MISS_NEST, NLMSG_HDRLEN + GENL_HDRLEN);
	fake_append(fake_new(fake), msg);
}

static void names_missing_attribute(void **state)
{
	struct fixture *f = *state;

	f->fake->answer = refuse_missing;
	assert_int_equal(vss_kernel_snapshot_set_flags(f->kernel, &uuid1, 0, NULL), -EINVAL);
	assert_string_equal(vss_kernel_extack_attr(f->kernel), "VSS_A_SNAPSHOT.FLAGS");
}

static void refuse_untracked(struct fake_kernel *fake)
{
	struct nlattr *nest = fake_nest(fake, VSS_A_VOLUME);

	fake_ack(fake, -ENODEV, "the volume is not tracked",
		 (uint32_t)((unsigned char *)nla_data(nest) - fake->request));
}

static void does_not_repeat_the_subject(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_volume v;

	f->fake->answer = refuse_untracked;
	assert_int_equal(vss_kernel_volume_get(f->kernel, vda1, &v), -ENODEV);
	assert_string_equal(vss_kernel_extack_attr(f->kernel), "VSS_A_VOLUME.MAJOR");
	assert_null(strstr(vss_kernel_error(f->kernel), "VSS_A_VOLUME"));
}

static void refuse_plainly(struct fake_kernel *fake)
{
	fake_ack(fake, -EBUSY, NULL, 0);
}

static void explains_without_text(void **state)
{
	struct fixture *f = *state;
	char expected[128];

	f->fake->answer = refuse_plainly;
	assert_int_equal(vss_kernel_snapshot_delete(f->kernel, &uuid1, false), -EBUSY);
	snprintf(expected, sizeof(expected), "cannot delete snapshot %s: its image is in use",
		 "01020304-0506-0708-090a-0b0c0d0e0f10");
	assert_ptr_equal(strstr(vss_kernel_error(f->kernel), expected),
			 vss_kernel_error(f->kernel));
	assert_non_null(strstr(vss_kernel_error(f->kernel), "--force"));
}

static uint64_t hold_usec;

/* The step fails; asked for it, the set tells how far it came. */
static void time_out(struct fake_kernel *fake)
{
	struct nl_msg *msg;

	if (fake_genl(fake)->cmd == VSS_CMD_SET_STEP) {
		fake_ack(fake, -ETIMEDOUT, "too slow", 0);
		return;
	}
	msg = reply_to(fake);
	put_set(msg, 1, VSS_SET_FAILED, hold_usec);
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static void tells_flush_from_hold(void **state)
{
	struct fixture *f = *state;
	struct vss_kernel_set set;

	f->fake->answer = time_out;
	hold_usec = 0;
	assert_int_equal(vss_kernel_set_step(f->kernel, &uuid1, VSS_SET_DONE, &set), -ETIMEDOUT);
	assert_int_equal(vss_kernel_result(f->kernel), VSS_E_FLUSH_WRITES_TIMEOUT);
	hold_usec = 10000000;
	assert_int_equal(vss_kernel_set_step(f->kernel, &uuid1, VSS_SET_DONE, &set), -ETIMEDOUT);
	assert_int_equal(vss_kernel_result(f->kernel), VSS_E_HOLD_WRITES_TIMEOUT);
	assert_non_null(strstr(vss_kernel_error(f->kernel), "too slow"));
}

/* --------------------------------------------------------------------------
 * Nonsense from the other side
 */

static void answer_without_nest(struct fake_kernel *fake)
{
	fake_append(fake_new(fake), reply_to(fake));
	fake_ack(fake, 0, NULL, 0);
}

static void answer_half_volume(struct fake_kernel *fake)
{
	struct nl_msg *msg = reply_to(fake);
	struct nlattr *nest = nla_nest_start(msg, VSS_A_VOLUME);

	nla_put_u32(msg, VSS_A_VOLUME_MAJOR, 254);
	nla_put_u16(msg, VSS_A_VOLUME_MINOR, 1);	/* too short */
	nla_nest_end(msg, nest);
	fake_append(fake_new(fake), msg);
	fake_ack(fake, 0, NULL, 0);
}

static void answer_short_ack(struct fake_kernel *fake)
{
	struct nl_msg *msg = nlmsg_alloc();

	nlmsg_put(msg, 0, fake->seq, NLMSG_ERROR, 0, 0);
	fake_append(fake_new(fake), msg);
}

static void answer_truncated(struct fake_kernel *fake)
{
	fake_new(fake)->error = -EMSGSIZE;
}

static void answer_bad_extack(struct fake_kernel *fake)
{
	struct nlmsghdr *hdr;

	fake_ack(fake, -EINVAL, "text", NLMSG_HDRLEN + 60000);
	hdr = (struct nlmsghdr *)fake->queue[(fake->tail - 1) % 32].data;
	/* Claims a request in front that is not there. */
	hdr->nlmsg_flags &= (uint16_t)~NLM_F_CAPPED;
}

static void survives_nonsense(void **state)
{
	static const struct {
		void (*answer)(struct fake_kernel *fake);
		int error;
	} cases[] = {
		{ answer_without_nest, -EPROTO },
		{ answer_half_volume, -EPROTO },
		{ answer_short_ack, -EPROTO },
		{ answer_truncated, -EMSGSIZE },
		{ answer_bad_extack, -EINVAL },
	};
	struct fixture *f = *state;
	struct vss_kernel_volume v;

	for (size_t i = 0; i < COUNT(cases); i++) {
		f->fake->answer = cases[i].answer;
		assert_int_equal(vss_kernel_volume_get(f->kernel, vda1, &v), cases[i].error);
		/* The handle is still of use. */
		f->fake->answer = answer_volume;
		assert_int_equal(vss_kernel_volume_get(f->kernel, vda1, &v), 0);
	}
}

static uint32_t random_state;

static uint32_t next_random(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

/* A right answer with some bytes changed. */
static void answer_damaged(struct fake_kernel *fake)
{
	struct fake_datagram *d;
	struct nl_msg *msg = reply_to(fake);

	put_set(msg, 3, VSS_SET_DONE, 1);
	put_area(msg, 1, "/srv/x");
	put_snapshot(msg, 1, 1, true);
	put_volume(msg, 1, "vda1");
	d = fake_new(fake);
	fake_append(d, msg);
	for (unsigned int i = 0; i < 1 + next_random() % 8; i++)
		d->data[NLMSG_HDRLEN + next_random() % (d->size - NLMSG_HDRLEN)] =
			(unsigned char)next_random();
	fake_ack(fake, 0, NULL, 0);
}

static void survives_damaged_replies(void **state)
{
	struct fixture *f = *state;

	f->fake->answer = answer_damaged;
	for (random_state = 1; random_state < 200000; random_state++) {
		uint32_t seed = random_state;
		struct vss_kernel_snapshot snapshot;
		struct vss_kernel_area area = { 0 };
		struct vss_kernel_volume volume;
		struct vss_kernel_set set;

		switch (seed % 4) {
		case 0:
			vss_kernel_volume_get(f->kernel, vda1, &volume);
			break;
		case 1:
			vss_kernel_set_get(f->kernel, &uuid1, &set);
			break;
		case 2:
			vss_kernel_snapshot_get(f->kernel, &uuid1, &snapshot);
			break;
		case 3:
			if (!vss_kernel_area_add_device(f->kernel, vda1, vda1, &area))
				vss_kernel_area_clear(&area);
			break;
		}
		random_state = seed + 96;
	}
}

/* --------------------------------------------------------------------------
 * Events
 */

static struct nl_msg *event_message(uint32_t type, uint16_t family, uint8_t cmd)
{
	struct nl_msg *msg = fake_reply(0, family, cmd, 0);
	struct nlattr *nest = nla_nest_start(msg, VSS_A_EVENT);

	nla_put_u32(msg, VSS_A_EVENT_TYPE, type);
	nla_put_u64(msg, VSS_A_EVENT_TIME, 1700000000000000000ULL);
	nla_put_u32(msg, VSS_A_EVENT_VOLUME_MAJOR, 254);
	nla_put_u32(msg, VSS_A_EVENT_VOLUME_MINOR, 1);
	if (type == VSS_EVENT_AREA_LOW) {
		nla_put_u64(msg, VSS_A_EVENT_AREA_SIZE, 1000);
		nla_put_u64(msg, VSS_A_EVENT_AREA_USED, 900);
	}
	if (type == VSS_EVENT_SET_FAILED) {
		nla_put(msg, VSS_A_EVENT_SET_UUID, 16, uuid1.bytes);
		nla_put_s32(msg, VSS_A_EVENT_ERROR, -ETIMEDOUT);
	}
	nla_nest_end(msg, nest);
	return msg;
}

static void takes_events_one_by_one(void **state)
{
	struct fake_kernel *fake = calloc(1, sizeof(*fake));
	struct vss_transport transport = fake_transport(fake);
	struct vss_kernel_events *events;
	struct vss_kernel_event event;
	struct fake_datagram *d;

	(void)state;
	assert_int_equal(vss_kernel_events_open_transport(&events, FAKE_FAMILY, FAKE_GROUP,
							  &transport, NULL), 0);
	assert_int_equal(fake->joined, FAKE_GROUP);
	assert_int_equal(vss_kernel_events_fd(events), 42);
	assert_int_equal(vss_kernel_events_next(events, &event), -EAGAIN);
	d = fake_new(fake);
	fake_append(d, event_message(VSS_EVENT_AREA_LOW, FAKE_FAMILY, VSS_CMD_EVENT));
	/* Not ours, passed over. */
	fake_append(d, event_message(VSS_EVENT_AREA_ADDED, FAKE_FAMILY + 1, VSS_CMD_EVENT));
	fake_append(d, event_message(VSS_EVENT_AREA_ADDED, FAKE_FAMILY, VSS_CMD_VOLUME_GET));
	fake_append(d, event_message(VSS_EVENT_SET_FAILED, FAKE_FAMILY, VSS_CMD_EVENT));
	fake_new(fake)->error = -ENOBUFS;
	fake_append(fake_new(fake), event_message(VSS_EVENT_SNAPSHOT_LOST, FAKE_FAMILY,
						  VSS_CMD_EVENT));

	assert_int_equal(vss_kernel_events_next(events, &event), 0);
	assert_int_equal(event.type, VSS_EVENT_AREA_LOW);
	assert_int_equal(event.has, VSS_KERNEL_EVENT_VOLUME | VSS_KERNEL_EVENT_AREA);
	assert_int_equal(event.area_used, 900);
	assert_int_equal(vss_kernel_events_next(events, &event), 0);
	assert_int_equal(event.type, VSS_EVENT_SET_FAILED);
	assert_int_equal(event.has, VSS_KERNEL_EVENT_VOLUME | VSS_KERNEL_EVENT_SET |
				    VSS_KERNEL_EVENT_ERROR);
	assert_int_equal(event.error, -ETIMEDOUT);
	assert_true(vss_uuid_equal(&event.set, &uuid1));
	assert_int_equal(vss_kernel_events_next(events, &event), -ENOBUFS);
	assert_int_equal(vss_kernel_events_next(events, &event), 0);
	assert_int_equal(event.type, VSS_EVENT_SNAPSHOT_LOST);
	assert_int_equal(vss_kernel_events_next(events, &event), -EAGAIN);
	vss_kernel_events_close(events);
	assert_true(fake->closed);
	free(fake);
}

#define HANDLE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		HANDLE_TEST(opens),
		cmocka_unit_test(says_that_module_is_missing),
		HANDLE_TEST(builds_attach),
		HANDLE_TEST(leaves_defaults_out),
		HANDLE_TEST(sets_limits_apart),
		HANDLE_TEST(splits_extents),
		HANDLE_TEST(builds_area_remove),
		HANDLE_TEST(builds_area_load),
		HANDLE_TEST(builds_prepare),
		HANDLE_TEST(asks_to_hold_only),
		HANDLE_TEST(takes_all_members),
		HANDLE_TEST(reads_module),
		HANDLE_TEST(reads_volume),
		HANDLE_TEST(passes_over_late_answers),
		HANDLE_TEST(lists_volumes),
		HANDLE_TEST(lists_nothing),
		HANDLE_TEST(reads_again_when_interrupted),
		HANDLE_TEST(gives_up_reading_again),
		HANDLE_TEST(reports_error_at_end_of_dump),
		HANDLE_TEST(reads_set),
		HANDLE_TEST(refuses_more_members_than_there_can_be),
		HANDLE_TEST(lists_snapshots_by_age),
		HANDLE_TEST(tells_text_and_attribute),
		HANDLE_TEST(counts_repeated_attributes),
		HANDLE_TEST(names_missing_attribute),
		HANDLE_TEST(does_not_repeat_the_subject),
		HANDLE_TEST(explains_without_text),
		HANDLE_TEST(tells_flush_from_hold),
		HANDLE_TEST(survives_nonsense),
		HANDLE_TEST(survives_damaged_replies),
		cmocka_unit_test(takes_events_one_by_one),
	};

	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
