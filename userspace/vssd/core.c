// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The coordinator as a whole: its life, its log, and the rule that nothing
 * touches a file system while one may be frozen.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core-internal.h"

/* ---- memory ---- */

void *vssd_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		fputs("vssd: out of memory\n", stderr);
		abort();
	}
	return p;
}

char *vssd_strdup(const char *text)
{
	char *copy;

	if (!text)
		return NULL;
	copy = vssd_alloc(strlen(text) + 1);
	strcpy(copy, text);
	return copy;
}

void vssd_replace(char **field, const char *text)
{
	char *copy = vssd_strdup(text);

	free(*field);
	*field = copy;
}

static char *format_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0) {
		fputs("vssd: out of memory\n", stderr);
		abort();
	}
	return text;
}

char *vssd_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	return text;
}

vss_result core_error(struct vss_error *err, vss_result result, const char *format, ...)
{
	va_list args;

	if (err) {
		err->code = 0;
		err->result = result;
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return result;
}

/* ---- log ---- */

static void write_line(struct vssd_core *core, const struct log_line *line)
{
	if (core->log)
		core->log(core->log_data, line->priority, line->message_id,
			  line->has_session ? &line->session : NULL, line->text);
}

static void free_line(struct log_line *line)
{
	free(line->text);
	free(line);
}

void core_log(struct vssd_core *core, int priority, const char *message_id,
	      const struct vss_uuid *session, const char *format, ...)
{
	struct log_line *line = vssd_alloc(sizeof(*line));
	va_list args;

	line->priority = priority;
	line->message_id = message_id;
	if (session) {
		line->has_session = true;
		line->session = *session;
	}
	va_start(args, format);
	line->text = format_text(format, args);
	va_end(args);

	if (core->quiet) {
		TAILQ_INSERT_TAIL(&core->lines, line, link);
		return;
	}
	write_line(core, line);
	free_line(line);
}

/* ---- quiet ---- */

void core_quiet(struct vssd_core *core)
{
	core->quiet = true;
}

void core_loud(struct vssd_core *core)
{
	struct log_line *line;
	struct loud *loud;

	if (!core->quiet)
		return;
	core->quiet = false;
	while ((line = TAILQ_FIRST(&core->lines))) {
		TAILQ_REMOVE(&core->lines, line, link);
		write_line(core, line);
		free_line(line);
	}
	while (!core->quiet && (loud = TAILQ_FIRST(&core->louds))) {
		TAILQ_REMOVE(&core->louds, loud, link);
		loud->run(loud->arg);
		free(loud);
	}
}

void core_when_loud(struct vssd_core *core, void (*run)(void *arg), void *arg)
{
	struct loud *loud;

	if (!core->quiet) {
		run(arg);
		return;
	}
	loud = vssd_alloc(sizeof(*loud));
	loud->run = run;
	loud->arg = arg;
	TAILQ_INSERT_TAIL(&core->louds, loud, link);
}

/* ---- time ---- */

struct vssd_timer *core_timer(struct vssd_core *core, uint64_t usec, void (*fire)(void *arg), void *arg)
{
	return core->clock.start(core->clock.data, usec, fire, arg);
}

void core_timer_stop(struct vssd_core *core, struct vssd_timer **timer)
{
	if (!*timer)
		return;
	core->clock.stop(core->clock.data, *timer);
	*timer = NULL;
}

/* ---- life ---- */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value ? value : fallback;
}

struct vssd_core *vssd_core_new(const struct vssd_settings *settings, const struct vssd_clock *clock,
				vssd_log_fn log, void *log_data)
{
	struct vssd_core *core = vssd_alloc(sizeof(*core));

	core->state_dir = vssd_strdup(settings->state_dir);
	core->reverted_file = vssd_strdup(settings->reverted_file);
	core->machine = vssd_strdup(settings->machine ? settings->machine : "localhost");
	core->settings.identify_timeout_ms = or_default(settings->identify_timeout_ms, 30000);
	core->settings.prepare_timeout_ms = or_default(settings->prepare_timeout_ms, 600000);
	core->settings.post_timeout_ms = or_default(settings->post_timeout_ms, 600000);
	core->settings.freeze_timeout_ms = or_default(settings->freeze_timeout_ms, 60000);
	core->settings.hold_timeout_ms = or_default(settings->hold_timeout_ms, 10000);
	core->settings.provider_timeout_ms = or_default(settings->provider_timeout_ms, 600000);
	core->clock = *clock;
	core->log = log;
	core->log_data = log_data;
	TAILQ_INIT(&core->writers);
	TAILQ_INIT(&core->providers);
	TAILQ_INIT(&core->sessions);
	TAILQ_INIT(&core->sets);
	TAILQ_INIT(&core->ops);
	TAILQ_INIT(&core->refreshes);
	TAILQ_INIT(&core->reverts);
	TAILQ_INIT(&core->spent);
	TAILQ_INIT(&core->lines);
	TAILQ_INIT(&core->louds);
	TAILQ_INIT(&core->removals);
	return core;
}

void vssd_core_set_volumes(struct vssd_core *core, const struct vssd_volumes *volumes)
{
	core->volumes = *volumes;
}

void vssd_core_free(struct vssd_core *core)
{
	struct vssd_session *session;
	struct vssd_provider *provider;
	struct vssd_writer *writer;
	struct removal *removal;
	struct revert *revert;
	struct log_line *line;
	struct loud *loud;
	struct set *set;
	struct op *op;

	if (!core)
		return;
	/*
	 * Nothing is told to anybody: whoever wanted that closed all sessions and
	 * waited.  With something still frozen no file is touched either.
	 */
	while ((session = TAILQ_FIRST(&core->sessions))) {
		if (session->creation)
			creation_drop(session->creation);
		session_free(session);
	}
	while ((provider = TAILQ_FIRST(&core->providers)))
		provider_free(provider);
	refreshes_free(core);
	while ((op = TAILQ_FIRST(&core->ops))) {
		TAILQ_REMOVE(&core->ops, op, link);
		if (op->clear)
			op->clear(op);
		free(op);
	}
	while ((writer = TAILQ_FIRST(&core->writers)))
		vssd_writer_remove(writer, false);
	while ((set = TAILQ_FIRST(&core->sets))) {
		TAILQ_REMOVE(&core->sets, set, link);
		set_free(set);
	}
	while ((revert = TAILQ_FIRST(&core->reverts))) {
		TAILQ_REMOVE(&core->reverts, revert, link);
		core_timer_stop(core, &revert->timer);
		free(revert->volume);
		free(revert);
	}
	spent_free(core);
	while ((loud = TAILQ_FIRST(&core->louds))) {
		TAILQ_REMOVE(&core->louds, loud, link);
		free(loud);
	}
	while ((removal = TAILQ_FIRST(&core->removals))) {
		TAILQ_REMOVE(&core->removals, removal, link);
		removal_free(removal);
	}
	while ((line = TAILQ_FIRST(&core->lines))) {
		TAILQ_REMOVE(&core->lines, line, link);
		free_line(line);
	}
	free(core->statuses);
	free(core->props);
	free(core->state_dir);
	free(core->reverted_file);
	free(core->machine);
	free(core);
}

/* ---- administration ---- */

size_t vssd_core_writers(struct vssd_core *core, const struct vssd_writer_status **statuses)
{
	struct vssd_writer *writer;
	size_t count = 0;

	TAILQ_FOREACH(writer, &core->writers, link)
		count++;
	free(core->statuses);
	core->statuses = vssd_alloc((count + 1) * sizeof(*core->statuses));
	count = 0;
	TAILQ_FOREACH(writer, &core->writers, link)
		core->statuses[count++] = (struct vssd_writer_status) {
			.instance_id = writer->info.instance_id,
			.class_id = writer->info.class_id,
			.name = writer->info.name,
			.state = writer->state,
			.failure = writer->failure,
			.application_code = writer->application_code,
			.application_message = writer->message,
		};
	*statuses = core->statuses;
	return count;
}

size_t vssd_core_providers(struct vssd_core *core, const struct vss_provider_prop **providers)
{
	struct vssd_provider *provider;
	size_t count = 0;

	TAILQ_FOREACH(provider, &core->providers, link)
		count++;
	free(core->props);
	core->props = vssd_alloc((count + 1) * sizeof(*core->props));
	count = 0;
	TAILQ_FOREACH(provider, &core->providers, link)
		core->props[count++] = provider->prop;
	*providers = core->props;
	return count;
}

struct vssd_session *vssd_core_creating(struct vssd_core *core)
{
	return core->creating;
}

bool vssd_core_busy(const struct vssd_core *core)
{
	const struct vssd_provider *provider;
	const struct vssd_writer *writer;

	if (!TAILQ_EMPTY(&core->sessions) || !TAILQ_EMPTY(&core->ops))
		return true;
	TAILQ_FOREACH(provider, &core->providers, link)
		if (!TAILQ_EMPTY(&provider->queue) || provider->active || provider->aborting)
			return true;
	TAILQ_FOREACH(writer, &core->writers, link)
		if (!TAILQ_EMPTY(&writer->calls))
			return true;
	return false;
}
