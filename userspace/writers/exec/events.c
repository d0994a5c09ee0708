// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hook set as a writer.
 *
 * Once freeze has begun, thaw is run: at Thaw, or before abort, or at the next
 * start of the program.
 */
#include <stdlib.h>
#include <syslog.h>

#include "common/serve.h"
#include "environment.h"
#include "events.h"

/* An optional set's failures are logged (by hooks_run()) and count for nothing. */
static bool finish(struct hook_set *set, const struct hook_result *result)
{
	if (!result->failure || !set->required)
		return true;
	vss_writer_set_writer_failure_ex(set->writer, result->failure, (vss_result)result->code, result->message);
	return false;
}

static bool run(struct hook_set *set, enum hook_event event, struct vss_writer_components *components)
{
	char **env = environment_make(set->writer, set->profile.name, hook_names[event], components);
	struct hook_result result = { 0 };

	if (!env) {
		result.failure = VSS_E_WRITERERROR_OUTOFRESOURCES;
		text_error(result.message, "out of memory");
		return finish(set, &result);
	}
	hooks_run(set, event, env, &result);
	environment_free(env);
	return finish(set, &result);
}

static bool on_identify(struct vss_writer *writer, struct vss_writer_metadata *metadata, void *data)
{
	struct hook_set *set = data;

	(void)writer;
	return profile_identify(&set->profile, metadata);
}

static bool on_prepare_backup(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	(void)writer;
	return run(data, HOOK_PREPARE_BACKUP, components);
}

static bool on_prepare_snapshot(struct vss_writer *writer, void *data)
{
	(void)writer;
	return run(data, HOOK_PREPARE_SNAPSHOT, NULL);
}

static bool on_freeze(struct vss_writer *writer, void *data)
{
	(void)writer;
	hooks_set_frozen(data, true);
	return run(data, HOOK_FREEZE, NULL);
}

static bool thaw(struct hook_set *set)
{
	bool ok = run(set, HOOK_THAW, NULL);

	hooks_set_frozen(set, false);
	return ok;
}

static bool on_thaw(struct vss_writer *writer, void *data)
{
	(void)writer;
	return thaw(data);
}

static bool on_abort(struct vss_writer *writer, void *data)
{
	struct hook_set *set = data;
	bool ok = true;

	(void)writer;
	if (set->frozen)
		ok = thaw(set);
	return run(set, HOOK_ABORT, NULL) && ok;
}

static bool on_post_snapshot(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	(void)writer;
	return run(data, HOOK_POST_SNAPSHOT, components);
}

static bool on_backup_complete(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	(void)writer;
	return run(data, HOOK_BACKUP_COMPLETE, components);
}

static bool on_backup_shutdown(struct vss_writer *writer, const struct vss_uuid *set_id, void *data)
{
	(void)writer;
	(void)set_id;
	return run(data, HOOK_BACKUP_SHUTDOWN, NULL);
}

static bool on_pre_restore(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	(void)writer;
	return run(data, HOOK_PRE_RESTORE, components);
}

static bool on_post_restore(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	(void)writer;
	return run(data, HOOK_POST_RESTORE, components);
}

const struct vss_writer_ops hook_ops = {
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

void events_recover(struct hook_set *set)
{
	static const enum hook_event hooks[] = { HOOK_THAW, HOOK_ABORT };
	struct hook_result result;

	if (!hooks_left_frozen(set))
		return;
	serve_log(LOG_WARNING, "%s: an earlier run ended while the data was frozen: running thaw and abort",
		  set->profile.name);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		char **env = environment_make_bare(set->profile.name, hook_names[hooks[i]]);

		if (env)
			hooks_run(set, hooks[i], env, &result);
		environment_free(env);
	}
	hooks_set_frozen(set, false);
}
