/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A requester in the stand-in world of the call-order runner, for tests of the
 * API as a whole: library, D-Bus, coordinator.
 */
#ifndef TESTS_BACKUP_FIXTURE_H
#define TESTS_BACKUP_FIXTURE_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <vss/backup.h>

#include "world.h"

struct fixture {
	char dir[64];
	struct world *world;
	char *address;
	struct vss_backup_components *bc;
	struct vss_uuid instance;	/* of W, once gathered */
	struct vss_uuid set, snapshot;
};

#define assert_result(got, expected)	\
	assert_string_equal(vss_result_name(got), vss_result_name(expected))

static inline struct vss_backup_components *new_object(struct fixture *f)
{
	struct vss_backup_components *bc = NULL;
	struct vss_error err = { 0 };

	assert_result(vss_create_vss_backup_components(f->address, &bc, &err), S_OK);
	return bc;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "/tmp/vss-unit-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->world = world_new(f->dir);
	if (!f->world)
		return -1;
	f->address = world_address(f->world, 'A');
	f->bc = new_object(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	vss_backup_components_release(f->bc);
	world_free(f->world);
	rmdir(f->dir);
	free(f->address);
	free(f);
	return 0;
}

/* Wait for the end, with time passing; what QueryStatus says then. */
static inline vss_result ended(struct fixture *f, struct vss_async *async)
{
	vss_result result;

	world_set_time(f->world, WORLD_FAST);
	assert_result(vss_async_wait(async, 60000), S_OK);
	world_set_time(f->world, WORLD_STILL);
	assert_result(vss_async_query_status(async, &result), S_OK);
	vss_async_release(async);
	return result;
}

/* Make an asynchronous call that has only the handle for an argument, and wait. */
#define run_async(f, call) ({									\
	struct vss_async *async_ = NULL;							\
	vss_result result_ = vss_backup_components_##call((f)->bc, &async_);			\
												\
	result_ == S_OK ? ended(f, async_) : result_;						\
})

/* Initialized, in component mode, writers asked. */
static inline void begin_backup(struct fixture *f, uint32_t context)
{
	struct vss_writer_metadata *metadata;

	assert_result(vss_backup_components_initialize_for_backup(f->bc, NULL), S_OK);
	assert_result(vss_backup_components_set_context(f->bc, context), S_OK);
	assert_result(vss_backup_components_set_backup_state(f->bc, true, false, VSS_BT_FULL, false), S_OK);
	assert_result(run_async(f, gather_writer_metadata), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_get_writer_metadata(f->bc, 0, &f->instance, &metadata), S_OK);
	vss_writer_metadata_free(metadata);
}

static inline vss_result add(struct fixture *f, const char *path, const char *name)
{
	return vss_backup_components_add_component(f->bc, &f->instance, &world_writer_class, VSS_CT_FILEGROUP,
						   path, name);
}

/* A set of V1, prepared. */
static inline void begin_set(struct fixture *f)
{
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V1", NULL, &f->snapshot), S_OK);
	assert_result(run_async(f, prepare_for_backup), VSS_S_ASYNC_FINISHED);
}

#endif /* TESTS_BACKUP_FIXTURE_H */
