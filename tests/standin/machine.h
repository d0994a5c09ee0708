/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up machine around vssd's core: simulated time, writers and providers
 * that do what a test says, volumes that are only names.
 *
 * Everything that would happen later (answers, deaths, a requester's change of
 * mind) is a timer; machine_run() lets them fire in order until nothing is left.
 * All events and calls are written down, one word each, so that their order can
 * be compared with what it has to be: "W1.Freeze", "system.HoldWrites".
 */
#ifndef TESTS_STANDIN_MACHINE_H
#define TESTS_STANDIN_MACHINE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "backup-document.h"
#include "core.h"
#include <vss/metadata.h>

#define MACHINE_MAX	8
#define MACHINE_EVENTS	(VSSD_EVENT_POST_RESTORE + 1)
#define MACHINE_STEPS	VSSD_STEP_COUNT
#define MACHINE_ANSWER_USEC	1000

static const char *const machine_events[] = {
	"Identify", "PrepareBackup", "PrepareSnapshot", "Freeze", "Thaw", "PostSnapshot", "Abort",
	"BackupComplete", "BackupShutdown", "PreRestore", "PostRestore",
};
static const char *const machine_steps[] = {
	"IsVolumeSupported", "IsVolumeSnapshotted", "BeginPrepare", "EndPrepare", "PreCommit", "HoldWrites",
	"Commit", "ReleaseWrites", "PostCommit", "PreFinalCommit", "PostFinalCommit", "Abort", "GetSnapshots",
	"Delete", "SetWritable", "Revert", "QueryRevert", "Import", "Break", "BeginHold", "MaskOriginals",
	"Resync", "Find",
};

/* What somebody does when it is asked something. */
enum fault {
	FAULT_NONE,
	FAULT_FAILS,
	FAULT_HANGS,		/* never answers */
	FAULT_DIES,
	FAULT_SLOW,		/* answers after a time */
};
struct behaviour {
	enum fault fault;
	vss_result result;
	uint64_t usec;
	void (*hook)(void *arg);	/* besides, a moment after it was asked */
	void *arg;
};

struct machine;

struct vssd_timer {
	TAILQ_ENTRY(vssd_timer) link;
	uint64_t when;
	void (*fire)(void *arg);
	void *arg;
};

/* An answer on its way. */
struct machine_answer {
	TAILQ_ENTRY(machine_answer) link;
	struct machine *m;
	struct standin_writer *writer;
	struct standin_provider *provider;
	unsigned int what;
	void *arg;
	vssd_writer_done writer_done;
	vssd_provider_done provider_done;
	struct vssd_timer *timer;
	struct behaviour behaviour;
	bool lost;	/* with its provider's process */
	struct vssd_provider_request request;
	char volume[64];
};

struct standin_writer {
	struct machine *m;
	struct vssd_writer *handle;	/* NULL: gone */
	struct vssd_writer_info info;
	char name[16];
	struct behaviour on[MACHINE_EVENTS];
	char *document;
	char *give_back;	/* components to answer with */
	unsigned int seen[MACHINE_EVENTS];
	bool frozen;
	uint32_t component_flags;
	bool has_subcomponent;	/* "C\sub", with the flags instead of "C" */
	bool never_restores;
	bool excludes_from_snapshot;	/* files that it would rather not have in the copy */
	struct vss_uuid shutdown_set;
	uint32_t context;	/* of the last event */
	char devices[256];	/* of PostSnapshot */
	char components[4096];	/* of the last event that had some */
};

struct standin_snapshot {
	struct vss_uuid id;
	struct vss_uuid set;
	uint32_t context;
	char volume[64];
	bool committed;
	bool final;
	bool imported;
};

struct standin_provider {
	struct machine *m;
	struct vssd_provider *handle;
	struct vss_provider_prop prop;
	bool holds;
	char name[16];
	char supported[256];	/* volumes it takes, each with blanks around it */
	uint32_t refused;	/* attributes of contexts that it does not take */
	struct behaviour on[MACHINE_STEPS];
	unsigned int seen[MACHINE_STEPS];
	unsigned int kills;
	bool holding;
	bool busy;		/* a call has not returned */
	struct standin_snapshot snapshots[128];
	size_t nr_snapshots;
	char held[256];		/* volumes that it was to hold only, of the last set */
	struct vss_uuid held_set;
	struct vss_uuid absent[4];	/* not found by an import */
	size_t nr_absent;
	bool has_area;		/* copies are in an area, and it says so */
	bool area_away;
	const char *away_volume;	/* that of this volume only; NULL: all */
	bool loses;		/* its copies, for want of room, once they are committed */
	bool has_luns;
	bool copies_identity;	/* its copies bear the identifiers of their originals */
	size_t masked;		/* LUNs, of the last time */
	size_t resynced;
	uint32_t resync_flags;
	unsigned int revert_polls;	/* how often a revert is still pending */
	unsigned int revert_lists;	/* how often copies are listed until those newer than it go */
	struct vss_uuid reverted;	/* to which copy */
	uint32_t attributes;	/* of PreFinalCommit */
};

struct machine {
	uint64_t now;
	TAILQ_HEAD(, vssd_timer) timers;
	TAILQ_HEAD(, machine_answer) answers;
	struct vssd_core *core;
	struct standin_writer writers[MACHINE_MAX];
	size_t nr_writers;
	struct standin_provider providers[MACHINE_MAX];
	size_t nr_providers;
	char *trace;
	char *log;
	char state_dir[64];
	char reverted_file[64];
	char mounts[4][2][128];	/* device, folder */
	size_t nr_mounts;
	char dirs[4][128];	/* made to be mounted on */
	size_t nr_dirs;
	char gone[64];		/* a volume that does not resolve */
	char in_use[64];
	char system[64];	/* the volume that the running system lies on */
	char no_dir[64];	/* a mount point that is not there */
	bool luns_away;		/* the originals' LUNs are masked from this machine */
	bool frozen_trouble;	/* a file system was touched while it might be frozen */
};

/* ---- time ---- */

static uint64_t machine_now(void *data)
{
	return ((struct machine *)data)->now;
}

static struct vssd_timer *machine_start(void *data, uint64_t delay, void (*fire)(void *arg), void *arg)
{
	struct machine *m = data;
	struct vssd_timer *timer = calloc(1, sizeof(*timer)), *other;

	timer->when = m->now + delay;
	timer->fire = fire;
	timer->arg = arg;
	TAILQ_FOREACH(other, &m->timers, link)
		if (other->when > timer->when) {
			TAILQ_INSERT_BEFORE(other, timer, link);
			return timer;
		}
	TAILQ_INSERT_TAIL(&m->timers, timer, link);
	return timer;
}

static void machine_stop(void *data, struct vssd_timer *timer)
{
	struct machine *m = data;

	TAILQ_REMOVE(&m->timers, timer, link);
	free(timer);
}

static bool machine_step(struct machine *m)
{
	struct vssd_timer *timer = TAILQ_FIRST(&m->timers);
	void (*fire)(void *arg);
	void *arg;

	if (!timer)
		return false;
	m->now = timer->when > m->now ? timer->when : m->now;
	fire = timer->fire;
	arg = timer->arg;
	machine_stop(m, timer);
	fire(arg);
	return true;
}

/* Until nothing is left that would happen. */
static inline void machine_run(struct machine *m)
{
	for (unsigned int i = 0; machine_step(m); i++)
		if (i > 1000000) {
			fputs("machine_run: no end\n", stderr);
			abort();
		}
}

/* ---- what is written down ---- */

static inline void machine_note(char **text, const char *who, const char *what)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s.%s", *text ? *text : "", *text && (*text)[0] ? " " : "", who, what) < 0)
		abort();
	free(*text);
	*text = longer;
}

static inline void machine_forget_trace(struct machine *m)
{
	free(m->trace);
	m->trace = strdup("");
}

static inline bool machine_anything_frozen(struct machine *m)
{
	for (size_t i = 0; i < m->nr_writers; i++)
		if (m->writers[i].frozen)
			return true;
	for (size_t i = 0; i < m->nr_providers; i++)
		if (m->providers[i].holding)
			return true;
	return false;
}

static bool machine_anything_held(struct machine *m)
{
	for (size_t i = 0; i < m->nr_providers; i++)
		if (m->providers[i].holding)
			return true;
	return false;
}

static void machine_log(void *data, int priority, const char *message_id, const struct vss_uuid *session,
			const char *text)
{
	struct machine *m = data;
	char *longer;

	(void)message_id;
	(void)session;
	if (machine_anything_held(m))
		m->frozen_trouble = true;
	if (asprintf(&longer, "%s<%d>%s\n", m->log, priority, text) < 0)
		abort();
	free(m->log);
	m->log = longer;
}

/* ---- answers ---- */

static struct machine_answer *answer_new(struct machine *m, const struct behaviour *behaviour, void *arg,
					 void (*fire)(void *arg))
{
	struct machine_answer *a = calloc(1, sizeof(*a));

	a->m = m;
	a->behaviour = *behaviour;
	a->arg = arg;
	TAILQ_INSERT_TAIL(&m->answers, a, link);
	if (behaviour->hook)
		machine_start(m, 0, behaviour->hook, behaviour->arg);
	if (behaviour->fault != FAULT_HANGS)
		a->timer = machine_start(m, behaviour->fault == FAULT_SLOW ? behaviour->usec :
					    MACHINE_ANSWER_USEC, fire, a);
	return a;
}

static void answer_free(struct machine_answer *a)
{
	if (a->timer)
		machine_stop(a->m, a->timer);
	TAILQ_REMOVE(&a->m->answers, a, link);
	free(a);
}

static void answer_forget(struct machine *m, void *arg)
{
	struct machine_answer *a;

	TAILQ_FOREACH(a, &m->answers, link)
		if (a->arg == arg) {
			answer_free(a);
			return;
		}
	/* The core forgot what it had not asked. */
	abort();
}

/* ---- writers ---- */

/* A writer's process ends. */
static inline void writer_die(struct standin_writer *w)
{
	struct machine_answer *a, *next;
	struct vssd_writer *handle = w->handle;

	for (a = TAILQ_FIRST(&w->m->answers); a; a = next) {
		next = TAILQ_NEXT(a, link);
		if (a->writer == w)
			answer_free(a);
	}
	w->handle = NULL;
	w->frozen = false;
	machine_note(&w->m->trace, w->name, "dies");
	if (handle)
		vssd_writer_remove(handle, true);
}

static void writer_answers(void *arg)
{
	struct machine_answer *a = arg;
	struct standin_writer *w = a->writer;
	struct vssd_writer_reply reply = { 0 };
	vssd_writer_done done = a->writer_done;
	void *done_arg = a->arg;

	a->timer = NULL;
	if (a->behaviour.fault == FAULT_DIES) {
		writer_die(w);
		return;
	}
	if (a->behaviour.fault == FAULT_FAILS) {
		reply.failure = a->behaviour.result;
		reply.message = "told to fail";
		reply.application_code = 42;
	} else if (a->what == VSSD_EVENT_IDENTIFY) {
		reply.document = w->document;
	} else if (w->give_back && (a->what == VSSD_EVENT_PREPARE_BACKUP || a->what == VSSD_EVENT_POST_SNAPSHOT ||
				    a->what == VSSD_EVENT_PRE_RESTORE)) {
		reply.document = w->give_back;
	}
	answer_free(a);
	done(done_arg, &reply);
}

static void writer_event(void *impl, enum vssd_event event, const struct vssd_operation *operation,
			 vssd_writer_done done, void *arg)
{
	struct standin_writer *w = impl;
	struct machine_answer *a;

	machine_note(&w->m->trace, w->name, machine_events[event]);
	w->seen[event]++;
	w->context = operation->context;
	if (event == VSSD_EVENT_FREEZE)
		w->frozen = true;
	if (event == VSSD_EVENT_THAW || event == VSSD_EVENT_ABORT)
		w->frozen = false;
	if (event == VSSD_EVENT_BACKUP_SHUTDOWN)
		w->shutdown_set = operation->set;
	if (event == VSSD_EVENT_POST_SNAPSHOT) {
		w->devices[0] = '\0';
		for (size_t i = 0; i < operation->nr_volumes; i++) {
			strncat(w->devices, operation->devices[i], 100);
			strcat(w->devices, " ");
		}
	}
	if (event == VSSD_EVENT_PREPARE_BACKUP || event == VSSD_EVENT_POST_SNAPSHOT ||
	    event == VSSD_EVENT_BACKUP_COMPLETE || event == VSSD_EVENT_PRE_RESTORE ||
	    event == VSSD_EVENT_POST_RESTORE)
		snprintf(w->components, sizeof(w->components), "%s",
			 operation->components ? operation->components : "");
	a = answer_new(w->m, &w->on[event], arg, writer_answers);
	a->writer = w;
	a->what = event;
	a->writer_done = done;
}

static void writer_forget(void *impl, void *arg)
{
	answer_forget(((struct standin_writer *)impl)->m, arg);
}

static const struct vssd_writer_ops standin_writer_ops = { writer_event, writer_forget };

/* Its Writer Metadata Document: components "C" and "D". */
static inline char *writer_document(const struct standin_writer *w)
{
	struct vss_writer_identity identity = {
		.instance_id = w->info.instance_id,
		.writer_id = w->info.class_id,
		.writer_name = (char *)w->info.name,
		.instance_name = (char *)w->info.instance_name,
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_OTHER,
		.major_version = 1,
	};
	struct vss_writer_metadata *metadata;
	struct vss_error err;
	char *xml = NULL;

	if (VSS_FAILED(vss_create_writer_metadata(&identity, &metadata, &err)) ||
	    VSS_FAILED(vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, NULL, "C", NULL, false,
								true, true, true,
								w->has_subcomponent ? 0 : w->component_flags)) ||
	    (w->has_subcomponent &&
	     VSS_FAILED(vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, "C", "sub", NULL, false,
								 true, false, false, w->component_flags))) ||
	    (w->excludes_from_snapshot &&
	     VSS_FAILED(vss_create_writer_metadata_add_exclude_files_from_snapshot(metadata, "/srv/cache", "*", true))) ||
	    (w->never_restores &&
	     VSS_FAILED(vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_CUSTOM, NULL, NULL,
								      VSS_WRE_NEVER, false))) ||
	    VSS_FAILED(vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, NULL, "D", NULL, false,
								true, true, true, 0)) ||
	    VSS_FAILED(vss_examine_writer_metadata_save_as_xml(metadata, &xml)))
		abort();
	vss_writer_metadata_free(metadata);
	return xml;
}

static inline void writer_subscribe(struct standin_writer *w)
{
	free(w->document);
	w->document = writer_document(w);
	if (VSS_FAILED(vssd_writer_add(w->m->core, &w->info, &standin_writer_ops, w, &w->handle, NULL)))
		abort();
}

static inline struct standin_writer *machine_writer(struct machine *m, const char *name,
						    enum vss_application_level level)
{
	struct standin_writer *w = &m->writers[m->nr_writers++];

	w->m = m;
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->info.name = w->name;
	w->info.level = level;
	w->info.usage = VSS_UT_USERDATA;
	w->info.source = VSS_ST_OTHER;
	vss_uuid_generate(&w->info.class_id);
	vss_uuid_generate(&w->info.instance_id);
	writer_subscribe(w);
	return w;
}

/* ---- providers ---- */

static struct standin_snapshot *provider_snapshot(struct standin_provider *p, const struct vss_uuid *id)
{
	for (size_t i = 0; i < p->nr_snapshots; i++)
		if (vss_uuid_equal(&p->snapshots[i].id, id))
			return &p->snapshots[i];
	return NULL;
}

static bool provider_is_away(const struct standin_provider *p, const struct standin_snapshot *s)
{
	return p->area_away && (!s || !p->away_volume || !strcmp(s->volume, p->away_volume));
}

static void provider_drop(struct standin_provider *p, size_t i)
{
	p->snapshots[i] = p->snapshots[--p->nr_snapshots];
}

/* Those of a set, or (NULL) all that are not finished. */
static void provider_undo(struct standin_provider *p, const struct vss_uuid *set)
{
	for (size_t i = p->nr_snapshots; i-- > 0;)
		if (!p->snapshots[i].final && (!set || vss_uuid_equal(&p->snapshots[i].set, set)))
			provider_drop(p, i);
	p->holding = false;
}

/* Copies made after the one that was reverted to are of a volume that has never been. */
static void provider_drop_newer(struct standin_provider *p)
{
	const struct standin_snapshot *s = provider_snapshot(p, &p->reverted);

	for (size_t i = p->nr_snapshots; s && &p->snapshots[--i] > s;)
		if (!strcmp(p->snapshots[i].volume, s->volume))
			provider_drop(p, i);
}

/* The process of a provider ends: what it was asked fails, the next call starts another one. */
static inline void provider_die(struct standin_provider *p)
{
	struct vssd_provider_reply reply = { .result = VSS_E_UNEXPECTED, .message = "its process ended" };
	struct machine_answer *a;
	struct machine *m = p->m;
	bool found;

	machine_note(&m->trace, p->name, "dies");
	provider_undo(p, NULL);
	p->busy = false;
	TAILQ_FOREACH(a, &m->answers, link)
		a->lost = a->provider == p;
	vssd_provider_died(p->handle);
	do {
		found = false;
		TAILQ_FOREACH(a, &m->answers, link)
			if (a->lost) {
				vssd_provider_done done = a->provider_done;
				void *arg = a->arg;

				answer_free(a);
				done(arg, &reply);
				found = true;
				break;
			}
	} while (found);
}

static void storage_id(struct vss_storage_id *id, const char *text)
{
	memset(id, 0, sizeof(*id));
	id->code_set = 2;
	id->type = 1;
	id->size = (uint8_t)strlen(text);
	memcpy(id->bytes, text, id->size);
}

/* One LUN a copy, which the volume's name identifies. */
static void provider_lun(struct vss_lun_mapping *mapping, struct vss_storage_id ids[2],
			 struct vss_lun_extent *extent, const char *volume)
{
	char text[80];

	memset(mapping, 0, sizeof(*mapping));
	snprintf(text, sizeof(text), "source-%s", volume);
	storage_id(&ids[0], text);
	snprintf(text, sizeof(text), "copy-%s", volume);
	storage_id(&ids[1], text);
	mapping->source = (struct vss_lun_info) { .bus_type = VSS_BUS_ISCSI, .vendor = (char *)"standin",
		.product = (char *)"lun", .serial = (char *)"1", .ids = &ids[0], .nr_ids = 1, .size = 1 << 20,
		.block_size = 512 };
	mapping->destination = mapping->source;
	mapping->destination.ids = &ids[1];
	mapping->has_destination = true;
	*extent = (struct vss_lun_extent) { 0, 0, 1 << 20 };
	mapping->extents = extent;
	mapping->nr_extents = 1;
}

static void provider_does(struct standin_provider *p, struct machine_answer *a, struct vssd_provider_reply *reply)
{
	const struct vssd_provider_request *request = &a->request;
	static struct vss_provider_snapshot told[128];
	static struct vss_lun_mapping luns[128];
	static struct vss_storage_id ids[128][2];
	static struct vss_lun_extent extents[128];
	static char devices[128][96];
	struct standin_snapshot *s;
	char name[80], id[VSS_UUID_TEXT_SIZE];

	switch (request->step) {
	case VSSD_STEP_IS_VOLUME_SUPPORTED:
		snprintf(name, sizeof(name), " %s ", a->volume);
		reply->result = strstr(p->supported, name) && !(request->context & p->refused) ? S_OK : S_FALSE;
		break;
	case VSSD_STEP_IS_VOLUME_SNAPSHOTTED:
		for (size_t i = 0; i < p->nr_snapshots; i++)
			if (!strcmp(p->snapshots[i].volume, a->volume)) {
				reply->present = true;
				reply->value = VSS_SC_DISABLE_DEFRAG;
			}
		break;
	case VSSD_STEP_BEGIN_PREPARE:
		/* One out of sequence starts a new set. */
		for (size_t i = p->nr_snapshots; i-- > 0;)
			if (!p->snapshots[i].final && !vss_uuid_equal(&p->snapshots[i].set, &request->set))
				provider_drop(p, i);
		s = &p->snapshots[p->nr_snapshots++];
		memset(s, 0, sizeof(*s));
		s->id = request->snapshot;
		s->set = request->set;
		s->context = request->context;
		snprintf(s->volume, sizeof(s->volume), "%s", a->volume);
		break;
	case VSSD_STEP_BEGIN_HOLD:
		if (!vss_uuid_equal(&p->held_set, &request->set))
			p->held[0] = '\0';
		p->held_set = request->set;
		strncat(p->held, " ", sizeof(p->held) - strlen(p->held) - 1);
		strncat(p->held, a->volume, sizeof(p->held) - strlen(p->held) - 1);
		break;
	case VSSD_STEP_HOLD_WRITES:
		p->holding = true;
		break;
	case VSSD_STEP_RELEASE_WRITES:
		p->holding = false;
		break;
	case VSSD_STEP_COMMIT:
		for (size_t i = 0; i < p->nr_snapshots; i++)
			if (vss_uuid_equal(&p->snapshots[i].set, &request->set))
				p->snapshots[i].committed = true;
		break;
	case VSSD_STEP_PRE_FINAL_COMMIT:
		p->attributes = request->context;
		break;
	case VSSD_STEP_POST_FINAL_COMMIT:
		for (size_t i = 0; i < p->nr_snapshots; i++)
			if (vss_uuid_equal(&p->snapshots[i].set, &request->set))
				p->snapshots[i].final = true;
		break;
	case VSSD_STEP_ABORT:
		provider_undo(p, &request->set);
		break;
	case VSSD_STEP_GET_SNAPSHOTS:
		if (p->revert_lists && !vss_uuid_is_null(&p->reverted) && !--p->revert_lists)
			provider_drop_newer(p);
		for (size_t i = 0; i < p->nr_snapshots; i++) {
			s = &p->snapshots[i];
			if (!s->committed || provider_is_away(p, s))
				continue;
			memset(&told[reply->nr_snapshots], 0, sizeof(told[0]));
			snprintf(devices[reply->nr_snapshots], sizeof(devices[0]), "/dev/vss/by-id/%s",
				 vss_uuid_format(&s->id, id));
			told[reply->nr_snapshots].prop = (struct vss_snapshot_prop) {
				.snapshot_id = s->id,
				.snapshot_set_id = s->set,
				.device_object = devices[reply->nr_snapshots],
				.original_volume_name = s->volume,
				.creation_time = 1700000000000000000 + i,
				.status = p->loses ? VSS_SS_ABORTED : VSS_SS_CREATED,
				.attributes = s->context | VSS_VOLSNAP_ATTR_DIFFERENTIAL |
					      (s->imported ? VSS_VOLSNAP_ATTR_IMPORTED : 0),
			};
			if (p->has_area)
				told[reply->nr_snapshots].provider_data = (char *)"area of sys";
			if (p->has_luns) {
				provider_lun(&luns[reply->nr_snapshots], ids[reply->nr_snapshots],
					     &extents[reply->nr_snapshots], s->volume);
				if (p->copies_identity)
					luns[reply->nr_snapshots].destination.ids = &ids[reply->nr_snapshots][0];
				told[reply->nr_snapshots].luns = &luns[reply->nr_snapshots];
				told[reply->nr_snapshots].nr_luns = 1;
				told[reply->nr_snapshots].provider_data = (char *)"private";
			}
			reply->nr_snapshots++;
		}
		reply->snapshots = told;
		break;
	case VSSD_STEP_FIND:
		if (!request->record->provider_data || strcmp(request->record->provider_data, "area of sys") != 0)
			abort();
		s = provider_snapshot(p, &request->snapshot);
		reply->result = provider_is_away(p, s) ? VSS_E_MISSING_DISK : s ? S_OK : VSS_E_OBJECT_NOT_FOUND;
		reply->message = provider_is_away(p, s) ? "area of sys is not loaded" : NULL;
		break;
	case VSSD_STEP_DELETE:
		s = provider_snapshot(p, &request->snapshot);
		if (s && !provider_is_away(p, s))
			provider_drop(p, s - p->snapshots);
		else
			reply->result = VSS_E_OBJECT_NOT_FOUND;
		break;
	case VSSD_STEP_REVERT:
		p->reverted = request->snapshot;
		if (!p->revert_lists)
			provider_drop_newer(p);
		break;
	case VSSD_STEP_QUERY_REVERT:
		if (p->revert_polls) {
			p->revert_polls--;
			reply->result = VSS_S_ASYNC_PENDING;
			reply->value = 50;
		}
		break;
	case VSSD_STEP_IMPORT:
		for (size_t i = 0; i < p->nr_absent; i++)
			if (vss_uuid_equal(&p->absent[i], &request->snapshot)) {
				reply->result = VSS_E_OBJECT_NOT_FOUND;
				return;
			}
		s = provider_snapshot(p, &request->snapshot);
		if (!s) {
			s = &p->snapshots[p->nr_snapshots++];
			memset(s, 0, sizeof(*s));
			s->id = request->snapshot;
			s->set = request->set;
			s->context = request->context;
			s->committed = s->final = true;
			snprintf(s->volume, sizeof(s->volume), "%s", a->volume);
		}
		s->imported = true;
		memset(&told[0], 0, sizeof(told[0]));
		snprintf(devices[0], sizeof(devices[0]), "/dev/imported/%s", vss_uuid_format(&s->id, id));
		told[0].prop = request->record->prop;
		told[0].prop.device_object = devices[0];
		if (p->has_luns) {
			provider_lun(&luns[0], ids[0], &extents[0], s->volume);
			/* As this machine sees it. */
			luns[0].destination.bus_type = VSS_BUS_FIBRE;
			told[0].luns = &luns[0];
			told[0].nr_luns = 1;
		}
		reply->snapshots = told;
		reply->nr_snapshots = 1;
		break;
	case VSSD_STEP_MASK_ORIGINALS:
		p->masked = request->nr_luns;
		break;
	case VSSD_STEP_RESYNC:
		p->resynced = request->nr_luns;
		p->resync_flags = request->context;
		break;
	case VSSD_STEP_BREAK:
		for (size_t i = p->nr_snapshots; i-- > 0;)
			if (vss_uuid_equal(&p->snapshots[i].set, &request->set))
				provider_drop(p, i);
		break;
	default:
		break;
	}
}

static void provider_answers(void *arg)
{
	struct machine_answer *a = arg;
	struct standin_provider *p = a->provider;
	struct vssd_provider_reply reply = { 0 };
	vssd_provider_done done = a->provider_done;
	void *done_arg = a->arg;

	a->timer = NULL;
	if (a->behaviour.fault == FAULT_DIES) {
		provider_die(p);
		return;
	}
	if (a->behaviour.fault == FAULT_FAILS) {
		reply.result = a->behaviour.result;
		reply.message = "told to fail";
		/* Who fails in the middle may be holding writes. */
		if (a->request.step == VSSD_STEP_HOLD_WRITES)
			p->holding = true;
	} else {
		provider_does(p, a, &reply);
	}
	if (a->request.step != VSSD_STEP_ABORT)
		p->busy = false;
	answer_free(a);
	done(done_arg, &reply);
}

static void provider_call(void *impl, const struct vssd_provider_request *request,
			  vssd_provider_done done, void *arg)
{
	struct standin_provider *p = impl;
	struct machine_answer *a, *other, *next;

	machine_note(&p->m->trace, p->name, machine_steps[request->step]);
	p->seen[request->step]++;
	/* One at a time; only an abort may come beside another call, and makes that return. */
	if (request->step != VSSD_STEP_ABORT) {
		if (p->busy)
			abort();
		p->busy = true;
	} else {
		for (other = TAILQ_FIRST(&p->m->answers); other; other = next) {
			next = TAILQ_NEXT(other, link);
			if (other->provider == p && other->timer && other->behaviour.fault == FAULT_SLOW) {
				machine_stop(p->m, other->timer);
				other->timer = machine_start(p->m, 0, provider_answers, other);
			}
		}
	}
	if (request->step == VSSD_STEP_HOLD_WRITES && p->on[request->step].fault == FAULT_HANGS)
		p->holding = true;
	a = answer_new(p->m, &p->on[request->step], arg, provider_answers);
	a->provider = p;
	a->provider_done = done;
	a->request = *request;
	if (request->volume)
		snprintf(a->volume, sizeof(a->volume), "%s", request->volume);
}

static void provider_forget(void *impl, void *arg)
{
	answer_forget(((struct standin_provider *)impl)->m, arg);
}

static void provider_kill(void *impl)
{
	struct standin_provider *p = impl;

	machine_note(&p->m->trace, p->name, "killed");
	p->kills++;
	p->busy = false;
	provider_undo(p, NULL);
}

static const struct vssd_provider_driver standin_driver = { provider_call, provider_forget, provider_kill };

static inline void provider_register(struct standin_provider *p)
{
	if (VSS_FAILED(vssd_provider_add(p->m->core, &p->prop, p->holds, &standin_driver, p, &p->handle, NULL)))
		abort();
}

/* @supported: volumes, each with a blank before and after */
static inline struct standin_provider *machine_provider(struct machine *m, const char *name,
							enum vss_provider_type type, bool holds,
							const char *supported)
{
	struct standin_provider *p = &m->providers[m->nr_providers++];

	p->m = m;
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->supported, sizeof(p->supported), "%s", supported);
	p->holds = holds;
	p->prop.provider_name = p->name;
	p->prop.provider_type = type;
	p->prop.provider_version = (char *)"1.0";
	vss_uuid_generate(&p->prop.provider_id);
	provider_register(p);
	return p;
}

/* ---- volumes: "/dev/..." is there, "/dev/B-on-A" lies on "/dev/A" ---- */

static vss_result volume_resolve(void *data, const char *name, struct vssd_volume *volume, struct vss_error *err)
{
	struct machine *m = data;

	if (machine_anything_held(m))
		m->frozen_trouble = true;
	if (strncmp(name, "/dev/", 5) || !strcmp(name, m->gone)) {
		if (err) {
			err->result = VSS_E_OBJECT_NOT_FOUND;
			snprintf(err->text, sizeof(err->text), "there is no volume %s", name);
		}
		return VSS_E_OBJECT_NOT_FOUND;
	}
	memset(volume, 0, sizeof(*volume));
	snprintf(volume->path, sizeof(volume->path), "%s", name);
	snprintf(volume->fs_uuid, sizeof(volume->fs_uuid), "fs-of-%.20s", name + 5);
	volume->size = 1 << 20;
	volume->in_use = !strcmp(name, m->in_use);
	return S_OK;
}

static bool volume_is_nested(void *data, const char *volume, const char *other)
{
	const char *on = strstr(volume, "-on-");

	(void)data;
	return on && !strcmp(on + 4, other + 5);
}

static bool volume_is_system(void *data, const char *volume)
{
	return !strcmp(volume, ((struct machine *)data)->system);
}

static bool volume_is_lun_here(void *data, const struct vss_lun_info *lun)
{
	struct machine *m = data;

	if (machine_anything_held(m))
		m->frozen_trouble = true;
	return !m->luns_away && lun->nr_ids == 1 && lun->ids[0].size > 7 && !memcmp(lun->ids[0].bytes, "source-", 7);
}

static vss_result volume_mount(void *data, const char *device, const char *dir, bool writable, struct vss_error *err)
{
	struct machine *m = data;

	(void)writable;
	if (machine_anything_held(m))
		m->frozen_trouble = true;
	if (!strcmp(dir, "/no-such") || !strcmp(dir, m->no_dir)) {
		if (err) {
			err->result = VSS_E_OBJECT_NOT_FOUND;
			snprintf(err->text, sizeof(err->text), "there is no folder %s", dir);
		}
		return VSS_E_OBJECT_NOT_FOUND;
	}
	snprintf(m->mounts[m->nr_mounts][0], sizeof(m->mounts[0][0]), "%s", device);
	snprintf(m->mounts[m->nr_mounts++][1], sizeof(m->mounts[0][1]), "%s", dir);
	return S_OK;
}

static vss_result volume_unmount(void *data, const char *dir, bool force, struct vss_error *err)
{
	struct machine *m = data;

	if (machine_anything_held(m))
		m->frozen_trouble = true;
	if (!strcmp(dir, "/busy") && !force) {
		if (err) {
			err->result = VSS_E_VOLUME_IN_USE;
			snprintf(err->text, sizeof(err->text), "%s is busy", dir);
		}
		return VSS_E_VOLUME_IN_USE;
	}
	for (size_t i = 0; i < m->nr_mounts; i++)
		if (!strcmp(m->mounts[i][1], dir)) {
			m->nr_mounts--;
			memmove(m->mounts[i], m->mounts[m->nr_mounts], sizeof(m->mounts[0]));
		}
	return S_OK;
}

static vss_result volume_make_dir(void *data, const char *dir, struct vss_error *err)
{
	struct machine *m = data;

	(void)err;
	if (machine_anything_held(m))
		m->frozen_trouble = true;
	for (size_t i = 0; i < m->nr_dirs; i++)
		if (!strcmp(m->dirs[i], dir))
			return S_OK;
	snprintf(m->dirs[m->nr_dirs++], sizeof(m->dirs[0]), "%s", dir);
	return S_OK;
}

static void volume_remove_dir(void *data, const char *dir)
{
	struct machine *m = data;

	if (machine_anything_held(m))
		m->frozen_trouble = true;
	for (size_t i = 0; i < m->nr_mounts; i++)
		if (!strcmp(m->mounts[i][1], dir))
			return;
	for (size_t i = 0; i < m->nr_dirs; i++)
		if (!strcmp(m->dirs[i], dir)) {
			m->nr_dirs--;
			memmove(m->dirs[i], m->dirs[m->nr_dirs], sizeof(m->dirs[0]));
		}
}

static bool volume_is_mounted(void *data, const char *device, const char *dir)
{
	struct machine *m = data;

	for (size_t i = 0; i < m->nr_mounts; i++)
		if (!strcmp(m->mounts[i][0], device) && !strcmp(m->mounts[i][1], dir))
			return true;
	return false;
}

/* ---- the machine ---- */

static inline void machine_boot(struct machine *m)
{
	struct vssd_settings settings = {
		.state_dir = m->state_dir[0] ? m->state_dir : NULL,
		.reverted_file = m->reverted_file[0] ? m->reverted_file : NULL,
		.machine = "here",
	};
	struct vssd_clock clock = { machine_now, machine_start, machine_stop, m };
	struct vssd_volumes volumes = {
		.resolve = volume_resolve,
		.is_nested = volume_is_nested,
		.is_system = volume_is_system,
		.mount = volume_mount,
		.unmount = volume_unmount,
		.make_dir = volume_make_dir,
		.remove_dir = volume_remove_dir,
		.is_mounted = volume_is_mounted,
		.is_lun_here = volume_is_lun_here,
		.data = m,
	};

	m->core = vssd_core_new(&settings, &clock, machine_log, m);
	vssd_core_set_volumes(m->core, &volumes);
}

static inline struct machine *machine_new(const char *state_dir)
{
	struct machine *m = calloc(1, sizeof(*m));

	TAILQ_INIT(&m->timers);
	TAILQ_INIT(&m->answers);
	m->trace = strdup("");
	m->log = strdup("");
	if (state_dir)
		snprintf(m->state_dir, sizeof(m->state_dir), "%s", state_dir);
	machine_boot(m);
	return m;
}

/* vssd dies: nothing is told to anybody.  Providers keep what they have, and lose what they held. */
static inline void machine_crash(struct machine *m)
{
	struct machine_answer *a;
	struct vssd_timer *timer;

	vssd_core_free(m->core);
	m->core = NULL;
	while ((a = TAILQ_FIRST(&m->answers)))
		answer_free(a);
	while ((timer = TAILQ_FIRST(&m->timers)))
		machine_stop(m, timer);
	for (size_t i = 0; i < m->nr_providers; i++) {
		m->providers[i].holding = false;
		m->providers[i].busy = false;
	}
	for (size_t i = 0; i < m->nr_writers; i++)
		m->writers[i].frozen = false;
}

static inline void machine_restart(struct machine *m)
{
	machine_crash(m);
	machine_boot(m);
	for (size_t i = 0; i < m->nr_providers; i++)
		provider_register(&m->providers[i]);
	for (size_t i = 0; i < m->nr_writers; i++)
		writer_subscribe(&m->writers[i]);
	vssd_core_reconcile(m->core);
	machine_run(m);
}

static inline void machine_free(struct machine *m)
{
	machine_crash(m);
	for (size_t i = 0; i < m->nr_writers; i++) {
		free(m->writers[i].document);
		free(m->writers[i].give_back);
	}
	free(m->trace);
	free(m->log);
	free(m);
}

/* ---- a requester ---- */

struct requester {
	struct machine *m;
	struct vssd_session *session;
	char *document;
	/* Of the last answer. */
	unsigned int answers;
	vss_result result;
	char error[VSS_ERROR_TEXT_SIZE];
	struct vss_uuid id;
	int32_t deleted;
	bool flag;
	uint32_t value;
	char text[128];
	struct vss_snapshot_prop *props;	/* copies, with the strings below */
	size_t nr_snapshots;
	size_t nr_metadata;
	struct vss_uuid metadata[MACHINE_MAX];
	struct vss_uuid set;
	unsigned int percent;
};

static inline void requester_forget(struct requester *r)
{
	for (size_t i = 0; i < r->nr_snapshots; i++)
		vss_free_snapshot_properties(&r->props[i]);
	free(r->props);
	r->props = NULL;
	r->nr_snapshots = 0;
}

static inline char *copy_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

static inline void requester_done(void *data, const struct vssd_reply *reply)
{
	struct requester *r = data;

	r->answers++;
	r->result = reply->result;
	snprintf(r->error, sizeof(r->error), "%s", reply->error.text);
	/* A failure names itself twice, and says what it is. */
	if (VSS_FAILED(reply->result) && (reply->error.result != reply->result || !reply->error.text[0]))
		abort();
	r->id = reply->id;
	r->deleted = reply->deleted;
	r->flag = reply->flag;
	r->value = reply->value;
	snprintf(r->text, sizeof(r->text), "%s", reply->text ? reply->text : "");
	if (reply->document) {
		free(r->document);
		r->document = strdup(reply->document);
	}
	requester_forget(r);
	r->props = calloc(reply->nr_snapshots + 1, sizeof(*r->props));
	for (r->nr_snapshots = 0; r->nr_snapshots < reply->nr_snapshots; r->nr_snapshots++) {
		const struct vss_snapshot_prop *from = &reply->snapshots[r->nr_snapshots];
		struct vss_snapshot_prop *to = &r->props[r->nr_snapshots];

		*to = *from;
		to->device_object = copy_text(from->device_object);
		to->original_volume_name = copy_text(from->original_volume_name);
		to->originating_machine = copy_text(from->originating_machine);
		to->service_machine = copy_text(from->service_machine);
		to->exposed_name = copy_text(from->exposed_name);
		to->exposed_path = copy_text(from->exposed_path);
	}
	r->nr_metadata = reply->nr_metadata;
	for (size_t i = 0; i < reply->nr_metadata && i < MACHINE_MAX; i++)
		r->metadata[i] = reply->metadata[i].instance_id;
}

static inline void requester_progress(void *data, unsigned int percent, const char *stage)
{
	struct requester *r = data;

	if (!stage || percent > 100)
		abort();
	r->percent = percent;
}

static inline void requester_open(struct requester *r, struct machine *m)
{
	memset(r, 0, sizeof(*r));
	r->m = m;
	r->session = vssd_session_open(m->core, requester_progress, r);
}

static inline void requester_close(struct requester *r)
{
	if (r->session)
		vssd_session_close(r->session);
	r->session = NULL;
	requester_forget(r);
	free(r->document);
	r->document = NULL;
}

/* A document: component "C" of each of the writers, or volume mode without any. */
static inline void requester_document(struct requester *r, bool components, struct standin_writer *const *writers,
				      size_t nr_writers)
{
	struct vss_backup_state state = { .select_components = components, .backup_type = VSS_BT_FULL };
	struct vss_backup_document *doc;
	struct vss_component *component;
	struct vss_error err;

	if (VSS_FAILED(vss_backup_document_new(&doc, &err)) ||
	    VSS_FAILED(vss_backup_document_set_backup_state(doc, &state)))
		abort();
	for (size_t i = 0; i < nr_writers; i++)
		if (VSS_FAILED(vss_backup_document_add_component(doc, &writers[i]->info.instance_id,
								 &writers[i]->info.class_id,
								 writers[i]->info.instance_name, 0,
								 VSS_CT_FILEGROUP, NULL, "C", NULL, &component)))
			abort();
	free(r->document);
	r->document = NULL;
	if (VSS_FAILED(vss_backup_document_save(doc, &r->document, &err)))
		abort();
	vss_backup_document_free(doc);
}

/* A call that takes time, to its end. */
#define requester_wait(r, call, ...) ({							\
	unsigned int answers_ = (r)->answers;						\
	vssd_session_##call((r)->session, ##__VA_ARGS__, requester_done, (r));		\
	machine_run((r)->m);								\
	if ((r)->answers != answers_ + 1)						\
		abort();								\
	(r)->result;									\
})
#define requester_ask(r, call, ...)	\
	vssd_session_##call((r)->session, ##__VA_ARGS__, requester_done, (r))

/*
 * Up to the call before DoSnapshotSet; S_OK or what failed.  With writers, all in
 * component mode.
 */
static inline vss_result requester_prepare(struct requester *r, uint32_t context, const char *const *volumes,
					   size_t nr_volumes)
{
	struct standin_writer *writers[MACHINE_MAX];
	vss_result result;

	result = vssd_session_initialize(r->session, false, NULL);
	if (!result)
		result = vssd_session_set_context(r->session, context, NULL);
	for (size_t i = 0; i < r->m->nr_writers; i++)
		writers[i] = &r->m->writers[i];
	requester_document(r, true, writers, r->m->nr_writers);
	if (!result && vss_context_has_writers(context))
		result = requester_wait(r, gather_writer_metadata, NULL);
	if (!result)
		result = vssd_session_start_snapshot_set(r->session, &r->set, NULL);
	for (size_t i = 0; i < nr_volumes && !result; i++)
		result = requester_wait(r, add_to_snapshot_set, volumes[i], NULL);
	if (!result && vss_context_has_writers(context))
		result = requester_wait(r, prepare_for_backup, r->document);
	return result;
}

static inline vss_result requester_create(struct requester *r, uint32_t context, const char *const *volumes,
					  size_t nr_volumes)
{
	vss_result result = requester_prepare(r, context, volumes, nr_volumes);

	return result ? result : requester_wait(r, do_snapshot_set, r->document);
}

static inline const struct vssd_writer_status *requester_status(struct requester *r, const struct standin_writer *w)
{
	const struct vssd_writer_status *statuses;
	size_t count;

	if (VSS_FAILED(vssd_session_writer_status(r->session, &statuses, &count)))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (vss_uuid_equal(&statuses[i].instance_id, &w->info.instance_id))
			return &statuses[i];
	return NULL;
}

#endif /* TESTS_STANDIN_MACHINE_H */
