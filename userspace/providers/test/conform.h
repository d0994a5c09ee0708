/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the conformance tests share: a plug-in, calls of its functions that are judged
 * by the rules of vss/provider.h, and telling what was wrong.
 *
 * Each test runs in a process of its own.  It tells the process that waits for it in
 * lines on a pipe; so a plug-in that crashes or hangs costs one test.
 */
#ifndef PROVIDER_CONFORM_H
#define PROVIDER_CONFORM_H

#include <stdio.h>
#include <vss/provider.h>

#include "host/hardware.h"

/**
 * struct conform_options - What is to be tested.
 * @plugin: path of the shared object; NULL when @ops is given
 * @ops: a provider that is in this program already
 * @volumes, @nr_volumes: devices that the provider may make shadow copies of
 * @machine: hardware_this_machine, but in tests
 * @only: run tests with this in their name; NULL for all
 * @timeout_ms: for each test
 * @originals: they may be put at risk: a bad plug-in would delete one
 */
struct conform_options {
	const char *plugin;
	const struct vss_provider_ops *ops;
	const char *const *volumes;
	size_t nr_volumes;
	const struct hardware_machine *machine;
	const char *only;
	uint32_t timeout_ms;
	bool originals;
};

/* Run all tests and print TAP; how many failed, or -1 when they could not be run. */
int conform_run(const struct conform_options *options, FILE *out);

/* ---- within a test ---- */

/* A volume with the LUNs that it lies on, for hardware providers. */
struct conform_volume {
	const char *path;
	struct vss_lun_mapping *luns;
	size_t nr_luns;
};

#define CONFORM_MAX_LUNS	256

struct conform {
	const struct conform_options *options;
	const struct vss_provider_ops *ops;
	bool hardware;
	int out;			/* the pipe */
	void *state;			/* the plug-in's */
	struct vss_error err;		/* of the last call */
	uint64_t started;		/* of the call under way, microseconds */
	struct vss_uuid set;		/* the last one begun */
	struct vss_uuid snapshots[64];
	struct conform_volume volumes[64];
	size_t nr_volumes;
	/* Originals of the set, each once, and what get_target_luns() said. */
	struct vss_lun_mapping luns[CONFORM_MAX_LUNS];
	size_t nr_luns;
	bool has_targets;
};

/* Functions, by the members of struct vss_provider_ops. */
enum conform_function {
	FN_load, FN_unload, FN_is_volume_supported, FN_is_volume_snapshotted, FN_begin_prepare_snapshot,
	FN_begin_hold, FN_end_prepare_snapshots, FN_pre_commit_snapshots, FN_hold_writes, FN_commit_snapshots,
	FN_release_writes, FN_post_commit_snapshots, FN_pre_final_commit_snapshots,
	FN_post_final_commit_snapshots, FN_abort_snapshots, FN_get_snapshots, FN_delete_snapshot,
	FN_set_writable, FN_revert_to_snapshot, FN_query_revert_status, FN_import_snapshot,
	FN_break_snapshot_set, FN_get_provider_capabilities, FN_are_luns_supported, FN_fill_in_lun_info,
	FN_get_target_luns, FN_locate_luns, FN_on_lun_empty, FN_on_lun_state_change, FN_resync_luns, FN_COUNT,
};

void conform_enter(struct conform *t, enum conform_function function);
void conform_judge(struct conform *t, enum conform_function function, vss_result result);

/* Call a function with the state in front and the error at the end; its code is judged. */
#define CALL(t, function, ...) ({							\
	conform_enter(t, FN_##function);						\
	vss_result result_ = (t)->ops->function((t)->state, ##__VA_ARGS__, &(t)->err);	\
	conform_judge(t, FN_##function, result_);					\
	result_; })

/* Something is wrong; @rule says where it is written that it should not be. */
void conform_wrong(struct conform *t, const char *rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The test does not apply, which is no failure. */
void conform_skip(struct conform *t, const char *why);
/* What the last call said, for conform_wrong(): its code and sentence. */
const char *conform_said(struct conform *t, vss_result result);

/* load() and unload(); false has been told. */
bool conform_load(struct conform *t);
void conform_unload(struct conform *t);
/* The volumes' LUNs, completed by the plug-in; false has been told. */
bool conform_find_volumes(struct conform *t);

enum conform_stage {
	STAGE_BEGIN,
	STAGE_END_PREPARE,
	STAGE_PRE_COMMIT,
	STAGE_HOLD,
	STAGE_COMMIT,
	STAGE_RELEASE,
	STAGE_POST_COMMIT,
	STAGE_TARGETS,
	STAGE_PRE_FINAL,
	STAGE_POST_FINAL,
	STAGE_COUNT,
};
const char *conform_stage_name(enum conform_stage stage);
/* A new set with all volumes, up to this stage; false has been told. */
bool conform_make(struct conform *t, uint32_t context, enum conform_stage last);
/* One step of the set that conform_make() has begun. */
vss_result conform_step(struct conform *t, enum conform_stage stage);
/* Take away what the set has left on the array. */
void conform_clean(struct conform *t);

/* ---- the tests ---- */

struct conform_test {
	const char *name;
	void (*run)(struct conform *t);
	enum { FOR_ALL, FOR_HARDWARE, FOR_SOFTWARE } whose;
	bool volumes;			/* it needs one */
};
extern const struct conform_test conform_life[], conform_order[], conform_luns[], conform_copies[];

#endif /* PROVIDER_CONFORM_H */
