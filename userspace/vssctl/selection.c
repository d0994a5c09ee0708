// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Components by their logical paths, and dependencies between writers.
 */
#include <stdlib.h>
#include <string.h>

#include "selection.h"

/* ---- logical paths ---- */

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

static bool is_below(const struct vssctl_entry *entry, const struct vssctl_entry *above)
{
	const char *path = entry->info.logical_path;
	size_t n = strlen(above->full);

	return path && !strncmp(path, above->full, n) && (!path[n] || is_separator(path[n]));
}

/* Who stands for itself, and who comes with whom. */
static void find_carriers(struct vssctl_candidate *w)
{
	for (size_t i = 0; i < w->count; i++) {
		struct vssctl_entry *e = &w->entries[i];

		e->carrier = i;
		for (size_t j = 0; j < w->count; j++) {
			const struct vssctl_entry *above = &w->entries[j];

			/* The outermost one. */
			if (above->info.selectable && is_below(e, above) &&
			    (e->carrier == i || is_below(&w->entries[e->carrier], above)))
				e->carrier = j;
		}
		e->top = e->carrier == i;
	}
}

int vssctl_candidate_read(struct vssctl *ctl, struct vssctl_candidate *w)
{
	uint32_t files, excluded, count;

	if (VSS_FAILED(vss_examine_writer_metadata_get_identity(w->metadata, &w->identity)) ||
	    VSS_FAILED(vss_examine_writer_metadata_get_file_counts(w->metadata, &files, &excluded, &count)))
		return vssctl_fail_error(ctl, vss_writer_metadata_error(w->metadata));
	w->entries = calloc(count ? count : 1, sizeof(*w->entries));
	if (!w->entries)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	for (; w->count < count; w->count++) {
		struct vssctl_entry *e = &w->entries[w->count];
		const char *path;

		if (VSS_FAILED(vss_examine_writer_metadata_get_component(w->metadata, (uint32_t)w->count, &e->handle)) ||
		    VSS_FAILED(vss_wm_component_get_component_info(e->handle, &e->info)))
			return vssctl_fail_error(ctl, vss_writer_metadata_error(w->metadata));
		path = e->info.logical_path;
		if (asprintf(&e->full, "%s%s%s", path ? path : "", path && path[0] ? "/" : "",
			     e->info.component_name) < 0) {
			e->full = NULL;
			vss_component_info_clear(&e->info);
			return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
		}
	}
	find_carriers(w);
	return 0;
}

void vssctl_selection_clear(struct vssctl_selection *selection)
{
	for (size_t i = 0; i < selection->count; i++) {
		struct vssctl_candidate *w = &selection->writers[i];

		for (size_t k = 0; k < w->count; k++) {
			free(w->entries[k].full);
			vss_component_info_clear(&w->entries[k].info);
		}
		free(w->entries);
		vss_writer_identity_clear(&w->identity);
		vss_writer_metadata_free(w->metadata);
	}
	free(selection->writers);
	*selection = (struct vssctl_selection) { 0 };
}

const struct vssctl_entry *vssctl_candidate_missing(const struct vssctl_candidate *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct vssctl_entry *e = &w->entries[i];

		if (e->top && !e->info.selectable && (e->outside[0] || e->banned))
			return e;
	}
	return NULL;
}

void vssctl_candidate_take(struct vssctl_candidate *w, struct vssctl_entry *entry)
{
	entry->in = true;
	for (size_t i = 0; i < w->count; i++)
		if (w->entries[i].top && !w->entries[i].info.selectable)
			w->entries[i].in = true;
}

/* ---- dependencies ---- */

/* Of a component, or of one that it brings along. */
struct dependency {
	struct vssctl_candidate *writer;
	struct vssctl_entry *entry;	/* the one that is added */
	struct vss_wm_dependency on;
};

static bool same_path(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(is_separator(*a) && is_separator(*b)))
			return false;
	return !*a && !*b;
}

/* Some writers note a component at the top as "/". */
static const char *path_of(const char *path)
{
	return !path || (is_separator(path[0]) && !path[1]) ? "" : path;
}

/* "\\MACHINE\..." names a component on another machine. */
static bool is_remote(const char *path)
{
	return path && is_separator(path[0]) && is_separator(path[1]);
}

/* The component that carries what is depended on: one that is in, or else could be; NULL for none. */
static struct vssctl_entry *find_target(struct vssctl_selection *s, const struct vss_wm_dependency *on,
					struct vssctl_candidate **of)
{
	struct vssctl_entry *possible = NULL;

	for (size_t i = 0; i < s->count; i++) {
		struct vssctl_candidate *w = &s->writers[i];

		for (size_t k = 0; k < w->count; k++) {
			struct vssctl_entry *e = &w->entries[k], *carrier = &w->entries[e->carrier];

			if (!vss_uuid_equal(&w->identity.writer_id, &on->writer_id) ||
			    strcmp(e->info.component_name, on->component_name) ||
			    !same_path(path_of(e->info.logical_path), path_of(on->logical_path)))
				continue;
			if (carrier->in) {
				*of = w;
				return carrier;
			}
			if (possible || w->banned || carrier->banned || carrier->outside[0] || vssctl_candidate_missing(w))
				continue;
			possible = carrier;
			*of = w;
		}
	}
	return possible;
}

static const char *name_of(const struct vssctl_selection *s, const struct vss_uuid *writer_id,
			   char text[VSS_UUID_TEXT_SIZE])
{
	for (size_t i = 0; i < s->count; i++)
		if (vss_uuid_equal(&s->writers[i].identity.writer_id, writer_id))
			return s->writers[i].identity.writer_name;
	return vss_uuid_format(writer_id, text);
}

/* Out for good.  One that has to be in with its writer takes that out as well. */
static int leave_out(struct vssctl *ctl, struct vssctl_selection *s, struct dependency *d)
{
	bool whole = !d->entry->info.selectable;
	const char *path = path_of(d->on.logical_path);
	char text[VSS_UUID_TEXT_SIZE];
	bool named = d->entry->named;

	for (size_t i = 0; whole && i < d->writer->count; i++)
		named = named || (d->writer->entries[i].in && d->writer->entries[i].named);
	if (named)
		return vssctl_fail(ctl, VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT,
				   "component %s of writer \"%s\" was asked for, but depends on component %s%s%s of writer "
				   "\"%s\", which is not in the backup; include that and its volumes",
				   d->entry->full, d->writer->identity.writer_name, path, path[0] ? "/" : "",
				   d->on.component_name, name_of(s, &d->on.writer_id, text));
	vssctl_warn(ctl, "%s %s%s\"%s\" is left out: it depends on component %s%s%s of writer \"%s\", which is not in the "
		    "backup", whole ? "writer" : "component", whole ? "" : d->entry->full, whole ? "" : " of writer ",
		    d->writer->identity.writer_name, path, path[0] ? "/" : "", d->on.component_name,
		    name_of(s, &d->on.writer_id, text));
	for (size_t i = 0; i < d->writer->count; i++) {
		struct vssctl_entry *e = &d->writer->entries[i];

		if (e == d->entry || whole) {
			e->in = false;
			e->banned = true;
		}
	}
	return 0;
}

/* See to one dependency; @changed when the selection did. */
static int follow_one(struct vssctl *ctl, struct vssctl_selection *s, struct dependency *d, bool *changed)
{
	struct vssctl_candidate *of = NULL;
	struct vssctl_entry *target;

	if (is_remote(d->on.logical_path) || is_remote(d->on.component_name))
		return 0;
	target = find_target(s, &d->on, &of);
	if (target && target->in)
		return 0;
	*changed = true;
	if (!target)
		return leave_out(ctl, s, d);
	vssctl_candidate_take(of, target);
	vssctl_detail(ctl, "component %s of writer \"%s\" is in because component %s of writer \"%s\" depends on it",
		      target->full, of->identity.writer_name, d->entry->full, d->writer->identity.writer_name);
	return 0;
}

static int follow_all_of(struct vssctl *ctl, struct vssctl_selection *s, struct vssctl_candidate *w, bool *changed)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < w->count; i++) {
		struct dependency d = { .writer = w, .entry = &w->entries[w->entries[i].carrier] };

		for (uint32_t k = 0; !ret && d.entry->in && k < w->entries[i].info.dependencies; k++) {
			if (VSS_FAILED(vss_wm_component_get_dependency(w->entries[i].handle, k, &d.on)))
				return vssctl_fail_error(ctl, vss_writer_metadata_error(w->metadata));
			ret = follow_one(ctl, s, &d, changed);
			vss_wm_dependency_clear(&d.on);
		}
	}
	return ret;
}

int vssctl_selection_follow(struct vssctl *ctl, struct vssctl_selection *s)
{
	bool changed = true;
	int ret = 0;

	/* A component comes in once at most and, once left out, stays out: it comes to an end. */
	while (!ret && changed) {
		changed = false;
		for (size_t i = 0; !ret && i < s->count; i++)
			ret = follow_all_of(ctl, s, &s->writers[i], &changed);
	}
	return ret;
}
