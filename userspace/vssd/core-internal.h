/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the coordinator share.
 *
 * Everything happens in the main loop: answers of writers and providers and
 * timers arrive as calls from it, never from within a call to them.  Whoever
 * waits for an answer holds ids, not pointers, to what others may remove
 * meanwhile (sets, snapshots), or is told of the removal (writers).
 *
 * Memory: vssd ends when there is none.  The kernel then ends a hold of writes by
 * itself, writers see their bus peer go, and the next life reconciles.
 */
#ifndef VSSD_CORE_INTERNAL_H
#define VSSD_CORE_INTERNAL_H

#include <sys/queue.h>
#include <syslog.h>

#include "backup-document.h"
#include "cleanup.h"
#include "core.h"
#include "error.h"
#include "messages.h"

#define VSSD_MAX_VOLUMES		64	/* in a set */
#define VSSD_MAX_CLIENT_ACCESSIBLE	64	/* shadow copies of a volume */
#define VSSD_MAX_FREEZE_MS		600000	/* what a writer may ask for; the kernel thaws then too */
#define VSSD_REVERT_POLL_USEC		UINT64_C(1000000)
#define VSSD_REVERT_MOST_USEC		UINT64_C(86400000000)

/* The bits of a context that make shadow copies of different kinds. */
#define VSSD_CONTEXT_KIND	(VSS_VOLSNAP_ATTR_PERSISTENT | VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE | \
				 VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE | VSS_VOLSNAP_ATTR_NO_WRITERS)

struct creation;
struct recovery_set;
struct op;
struct set;

/* ---- memory: these do not fail ---- */

void *vssd_alloc(size_t size);		/* zeroed */
char *vssd_strdup(const char *text);	/* NULL for NULL */
void vssd_replace(char **field, const char *text);
char *vssd_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- the core ---- */

struct log_line {
	TAILQ_ENTRY(log_line) link;
	int priority;
	const char *message_id;
	bool has_session;
	struct vss_uuid session;
	char *text;
};

/* Something that may touch a file system, and so waits while one may be frozen. */
struct loud {
	TAILQ_ENTRY(loud) link;
	void (*run)(void *arg);
	void *arg;
};

/* A record that is to be removed as soon as nothing is frozen. */
struct removal {
	TAILQ_ENTRY(removal) link;
	char *path;
};

/* A set that was imported here, and may not be again. */
struct spent {
	TAILQ_ENTRY(spent) link;
	struct vss_uuid set;
	bool on_disk;
};

/* A volume that is being set back. */
struct revert {
	TAILQ_ENTRY(revert) link;
	char *volume;
	struct vss_uuid provider_id;
	/* Newer shadow copies are there still: looked at again, less and less often. */
	struct vssd_core *core;
	struct vss_uuid snapshot;
	struct vssd_timer *timer;
	uint64_t usec;
};

TAILQ_HEAD(writer_list, vssd_writer);
TAILQ_HEAD(provider_list, vssd_provider);
TAILQ_HEAD(session_list, vssd_session);
TAILQ_HEAD(set_list, set);
TAILQ_HEAD(op_list, op);
TAILQ_HEAD(refresh_list, refresh);

struct vssd_core {
	struct vssd_settings settings;
	char *state_dir;
	char *reverted_file;
	char *machine;
	struct vssd_clock clock;
	struct vssd_volumes volumes;
	vssd_log_fn log;
	void *log_data;

	struct writer_list writers;
	struct provider_list providers;
	struct session_list sessions;
	struct set_list sets;		/* finished ones, and what an earlier life left */
	struct op_list ops;
	struct refresh_list refreshes;
	TAILQ_HEAD(, revert) reverts;
	TAILQ_HEAD(, spent) spent;

	struct vssd_session *creating;	/* has the one set in creation */
	struct op *importing;		/* the one import */
	struct op *resyncing;		/* the one RecoverSet */

	/* From the first Freeze until writes are released nothing touches a file system. */
	bool quiet;
	TAILQ_HEAD(, log_line) lines;
	TAILQ_HEAD(, loud) louds;
	TAILQ_HEAD(, removal) removals;

	/* What the administration's calls gave out. */
	struct vssd_writer_status *statuses;
	struct vss_provider_prop *props;
};

void core_log(struct vssd_core *core, int priority, const char *message_id,
	      const struct vss_uuid *session, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void core_quiet(struct vssd_core *core);
void core_loud(struct vssd_core *core);
/* At once, or as soon as nothing is frozen. */
void core_when_loud(struct vssd_core *core, void (*run)(void *arg), void *arg);

struct vssd_timer *core_timer(struct vssd_core *core, uint64_t usec, void (*fire)(void *arg), void *arg);
void core_timer_stop(struct vssd_core *core, struct vssd_timer **timer);

/* Fill in an error whether or not the caller wants it; gives @result. */
vss_result core_error(struct vss_error *err, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define core_bad_state(err, ...)	core_error(err, VSS_E_BAD_STATE, __VA_ARGS__)

/* ---- writers ---- */

struct writer_call;
TAILQ_HEAD(writer_call_list, writer_call);

struct vssd_writer {
	TAILQ_ENTRY(vssd_writer) link;
	struct vssd_core *core;
	struct vssd_writer_info info;	/* with strings of its own */
	const struct vssd_writer_ops *ops;
	void *impl;
	struct writer_call_list calls;
	/* How it came out of the last session, for the administration. */
	enum vss_writer_state state;
	vss_result failure;
	vss_result application_code;
	char *message;
};

/* A writer in a session: one that has answered Identify. */
struct participant {
	struct vssd_session *session;
	struct vssd_writer *writer;	/* NULL when it has gone */
	struct vss_uuid instance_id;
	struct vss_uuid class_id;
	char *name;
	char *instance_name;
	int level;			/* of freezing, 0 first */
	uint32_t freeze_timeout_ms;
	char *metadata;

	enum vss_writer_state state;
	vss_result failure;
	vss_result application_code;
	char *message;

	bool told;		/* has been sent PrepareBackup */
	bool selected;		/* takes part after PrepareBackup */
	bool out;		/* has failed: only BackupShutdown is left for it */
	bool in_snapshot;	/* between PrepareSnapshot and the end of PostSnapshot */
	bool in_window;		/* between Freeze and Thaw */
	bool hung;		/* did not answer in time: nobody waits for it any more */
	bool restoring;		/* has been sent PreRestore */
	struct vss_uuid document_id;	/* its instance in the document of a restore */
	struct vssd_timer *window;
	uint64_t asked_at;
	struct writer_call *call;	/* the event under way */
	struct vssd_writer_status status;	/* what was given out last */
};

typedef void (*writer_answer)(struct participant *p, void *arg, const struct vssd_writer_reply *reply);

struct vssd_writer *writer_find(struct vssd_core *core, const struct vss_uuid *instance_id);
const char *event_name(enum vssd_event event);
/*
 * Send an event.  @answer is called once, unless participant_forget() or
 * participant_detach() comes first; with @timeout_ms 0 the caller watches the time.
 * False when the writer has gone.
 */
bool participant_send(struct participant *p, enum vssd_event event, struct vss_backup_document *doc,
		      uint32_t timeout_ms, writer_answer answer, void *arg);
/* Ask a writer who it is, for a participant to be. */
void participant_identify(struct participant *p, uint32_t timeout_ms, writer_answer answer, void *arg);
void participant_forget(struct participant *p);
/* The answer may come, but nobody waits for it. */
void participant_detach(struct participant *p);
/* Set the state of a failure and log it; the writer is out of the operation. */
void participant_fail(struct participant *p, enum vss_writer_state state,
		      const struct vssd_writer_reply *reply);
void participant_gone(struct participant *p, enum vss_writer_state state);
void participant_state(struct participant *p, enum vss_writer_state state);
void participant_free(struct participant *p);
/* Does a component of its that is in @doc, or any in volume mode, want recovery? */
bool participant_wants_recovery(struct participant *p, struct vss_backup_document *doc, uint32_t context);

/* ---- providers ---- */

struct provider_call;
TAILQ_HEAD(provider_call_list, provider_call);

typedef void (*provider_answer)(void *arg, struct vssd_provider *provider,
				const struct vssd_provider_reply *reply);

struct vssd_provider {
	TAILQ_ENTRY(vssd_provider) link;
	struct vssd_core *core;
	struct vss_provider_prop prop;
	bool holds;
	const struct vssd_provider_driver *driver;
	void *impl;
	struct provider_call_list queue;
	struct provider_call *active;
	struct provider_call *aborting;	/* may run beside @active */
	struct creation *reserved;	/* only its calls are started */
	bool stopping;			/* what it was asked is being answered with a failure */
};

const char *step_name(enum vssd_step step);
struct vssd_provider *provider_find(struct vssd_core *core, const struct vss_uuid *id);
/*
 * Ask a provider; calls to one provider go one after another.  The result in the
 * reply is one of those that the step may give.  @owner marks calls of a set in
 * creation.  What @request points to is copied, but for @record and @luns, which must
 * live until the answer.
 */
void provider_ask(struct vssd_provider *provider, struct creation *owner,
		  const struct vssd_provider_request *request, provider_answer answer, void *arg);
/* Undo @owner's set: its calls are not answered any more. */
void provider_abort(struct vssd_provider *provider, struct creation *owner,
		    const struct vss_uuid *set, provider_answer answer, void *arg);
/* Stop it by force, which also lets go of what it holds; what it was asked fails. */
void provider_stop(struct vssd_provider *provider, const char *why);
void provider_reserve(struct vssd_provider *provider, struct creation *owner);
void provider_free(struct vssd_provider *provider);

/* ---- sets ---- */

enum set_state {
	SET_CREATING,
	SET_CREATED,
	SET_DOOMED,	/* being deleted, or waiting to be by the next life */
};

struct snapshot {
	TAILQ_ENTRY(snapshot) link;
	struct set *set;
	struct vss_snapshot_prop prop;
	char *filesystem;
	char *provider_data;	/* with which the system provider knows where it is when it is not here */
	char *away;		/* why it is not here, though it is not lost: a sentence; else NULL */
	bool here;		/* its provider had it, when it was last asked */
	bool back;		/* it was away, and is not exposed again yet */
	uint64_t size;
	struct vss_lun_info *originals;	/* imported: the LUNs of its volume, where they are not its own */
	size_t nr_originals;
};
TAILQ_HEAD(snapshot_list, snapshot);

struct set {
	TAILQ_ENTRY(set) link;
	struct vssd_core *core;
	struct vss_uuid id;
	struct vss_uuid session;	/* that made or imported it */
	struct vssd_session *owner;	/* the same while it lives */
	uint32_t context;		/* with the attributes of all its copies */
	enum set_state state;
	bool undo;		/* DOOMED before it was finished: providers abort it first */
	bool releasing;		/* DOOMED, and that is under way */
	bool foreign;		/* made behind vssd's back */
	bool imported;
	bool saved;		/* its document was */
	bool provider_died;	/* one that had begun to prepare */
	bool on_disk;
	bool dirty;
	struct snapshot_list snapshots;
	size_t nr_snapshots;
};

struct set *set_new(struct vssd_core *core, const struct vss_uuid *id, uint32_t context);
struct snapshot *set_add(struct set *set, const struct vss_uuid *snapshot, const struct vss_uuid *provider,
			 const char *volume);
void snapshot_remove(struct snapshot *snapshot);
/* Out of the list and, with its record, forgotten. */
void set_remove(struct set *set);
void set_free(struct set *set);
struct set *set_find(struct vssd_core *core, const struct vss_uuid *id);
struct snapshot *snapshot_find(struct vssd_core *core, const struct vss_uuid *id);
bool set_visible(const struct set *set, const struct vssd_session *session);
struct set *set_find_visible(struct vssd_session *session, const struct vss_uuid *id);
struct snapshot *snapshot_find_visible(struct vssd_session *session, const struct vss_uuid *id);
/* Attributes of one of its copies, from the set's and what the provider says. */
void snapshot_update(struct snapshot *snapshot, const struct vss_provider_snapshot *known);
/* Add it to the description of its set, as the provider tells it. */
void snapshot_describe(const struct snapshot *snapshot, const struct vss_provider_snapshot *known,
		       struct vss_set_description *set);
/* One more of the originals' LUNs, copied. */
void snapshot_add_original(struct snapshot *snapshot, const struct vss_lun_info *lun);
void lun_copy(struct vss_lun_info *to, const struct vss_lun_info *from);
/* Ask the providers what there is, and bring the sets up to date; then go on. */
void sets_refresh(struct vssd_core *core, void (*then)(void *arg), void *arg);
/* vssd ends: those that wait for providers' answers are forgotten. */
void refreshes_free(struct vssd_core *core);
/* True and @op has failed: the copy is away, and nothing can be done with it. */
bool snapshot_refuse_away(const struct snapshot *snapshot, struct op *op);
/* If its provider does not have it: may it be in storage that is not here? */
bool snapshot_may_be_away(const struct snapshot *snapshot);
/* Delete it without anybody waiting.  What cannot be deleted is tried again when a session ends. */
void set_release(struct set *set);
/*
 * Bring images to their mount points again, where an earlier life had them: all, or only
 * those that were away.  An op is the argument, and ends.
 */
void restore_exposures(void *arg);
void restore_back_exposures(void *arg);
/* False and an error: still mounted. */
bool snapshot_unexpose(struct snapshot *snapshot, bool force, struct vss_error *err);
/*
 * The copy is gone, or away: what it was exposed at is unmounted by force when nothing is
 * frozen.  Where it is exposed again when it is back stays known.
 */
void snapshot_drop_exposure(struct snapshot *snapshot);

/* ---- sets that travel ---- */

/* Is it being imported? */
bool import_has(const struct vssd_core *core, const struct vss_uuid *set);
/*
 * The transportable set of a document, to be cleared.  VSS_E_NONTRANSPORTABLE_BCD, or why
 * it cannot be read or believed.
 */
vss_result transported_set(const char *document, struct vss_set_description *set, struct vss_error *err);
/* Does it say enough of each copy for another machine to find it? */
vss_result transported_check(const struct vssd_core *core, const struct vss_set_description *set,
			     struct vss_error *err);

void recovery_set_free(struct recovery_set *recovery);

bool spent_find(const struct vssd_core *core, const struct vss_uuid *set);
void spent_add(struct vssd_core *core, const struct vss_uuid *set);
void spent_load(struct vssd_core *core);
void spent_free(struct vssd_core *core);

/* ---- records ---- */

/* Write the record now; only while nothing is frozen. */
vss_result record_save(struct set *set, struct vss_error *err);
/* Write it as soon as nothing is frozen, and log a failure. */
void record_touch(struct set *set);
void record_remove(struct set *set);
void removal_free(struct removal *removal);
void records_load(struct vssd_core *core);

/* ---- sessions ---- */

enum session_mode { MODE_NONE, MODE_BACKUP, MODE_RESTORE };
enum session_stage {
	STAGE_NO_SET,
	STAGE_OPEN,		/* StartSnapshotSet */
	STAGE_DOING,		/* DoSnapshotSet */
	STAGE_CREATED,
	STAGE_ENDED,		/* failed or aborted: nothing more to be made */
};

struct vssd_session {
	TAILQ_ENTRY(vssd_session) link;
	struct vssd_core *core;
	struct vss_uuid id;
	vssd_progress_fn progress;
	void *data;

	enum session_mode mode;
	enum session_stage stage;
	uint32_t context;
	bool context_set;
	bool context_used;	/* a call has relied on it */
	bool gathered;
	bool prepared;		/* PrepareForBackup */
	bool restored;		/* PreRestore */
	bool completed;		/* BackupComplete */
	bool closing;
	struct vss_uuid set_id;
	struct set *set;	/* in creation; later in core->sets */
	struct op *op;		/* the call under way */
	struct creation *creation;

	struct participant **participants;
	size_t nr_participants;
	struct vss_backup_state backup;
	enum vss_restore_type restore_type;
	struct recovery_set *recovery;	/* what AddSnapshotToRecoverySet has collected, or NULL */
	struct vssd_writer_status *statuses;
};

#define for_each_participant(p, session)						\
	for (size_t p##_i = 0; p##_i < (session)->nr_participants &&			\
	     ((p) = (session)->participants[p##_i], true); p##_i++)

void session_unlock(struct vssd_session *session);
/* After close and once no set is under way: end what it had, and free it. */
void session_end(struct vssd_session *session);
void session_free(struct vssd_session *session);
/* Let the requester know how far it is. */
void session_progress(struct vssd_session *session, unsigned int percent, const char *stage);
bool session_writers(const struct vssd_session *session);	/* its context has writers */
vss_result session_parse(const char *document, struct vss_backup_document **doc, struct vss_error *err);

/* ---- calls that take time ---- */

struct op {
	TAILQ_ENTRY(op) link;
	struct vssd_core *core;
	struct vssd_session *session;	/* who waits for it, NULL when nobody does */
	struct vss_uuid session_id;
	vssd_done done;
	void *data;
	/* Stop, and finish with E_ABORT; NULL when that cannot be. */
	void (*cancel)(struct op *op);
	/* Free what it holds, but not itself. */
	void (*clear)(struct op *op);
};

/* NULL, and the caller is answered, when the session is busy or @mode is not its own. */
void *op_begin(struct vssd_session *session, size_t size, enum session_mode mode,
	       vssd_done done, void *data);
/* One that nobody waits for. */
void *op_begin_alone(struct vssd_core *core, size_t size);
/* Answer and free it. */
void op_finish(struct op *op, struct vssd_reply *reply);
void op_done(struct op *op);
void op_fail(struct op *op, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void op_fail_error(struct op *op, const struct vss_error *err);
/* Answer with E_ABORT; it goes on for itself. */
void op_abandon(struct op *op, const char *why);
void answer_failure(vssd_done done, void *data, vss_result result, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- the set in creation ---- */

/* @result and the sentence go to the requester; what has been done is undone. */
void creation_abort(struct creation *c, vss_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A writer has gone that has nothing to answer just now. */
void creation_writer_gone(struct creation *c, struct participant *p);
bool creation_has_provider(const struct creation *c, const struct vssd_provider *provider);
/* Forget it without undoing anything: vssd ends. */
void creation_drop(struct creation *c);

#endif /* VSSD_CORE_INTERNAL_H */
