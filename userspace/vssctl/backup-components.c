// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which components of which writers belong to a backup.
 */
#include <libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "backup-components.h"
#include "selection.h"

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

/* "postgresql" will do for "PostgreSQL Writer". */
static bool same_name(const char *given, const char *name)
{
	static const char suffix[] = " writer";
	size_t n = strlen(given);

	return !strncasecmp(given, name, n) && (!name[n] || !strcasecmp(name + n, suffix));
}

/* Does a choice name the writer (true), or one of its components (@component set)? */
static bool names_writer(const struct vssctl_candidate *w, const char *choice, const char **component)
{
	const char *colon = strchr(choice, ':');
	char *head = colon ? strndup(choice, (size_t)(colon - choice)) : strdup(choice);
	struct vss_uuid id;
	bool match;

	*component = NULL;
	if (!head)
		return false;
	if (!vss_uuid_parse(head, &id))
		match = vss_uuid_equal(&id, &w->identity.writer_id) ||
			vss_uuid_equal(&id, &w->identity.instance_id);
	else
		match = same_name(head, w->identity.writer_name) ||
			(w->identity.instance_name && !strcasecmp(head, w->identity.instance_name));
	free(head);
	if (match && colon) {
		*component = colon + 1;
		while (is_separator(**component))
			++*component;
	}
	return match;
}

/* Is @entry (or with NULL, the writer as a whole) named in the choice? */
static bool chosen(const struct vssctl_candidate *w, struct vssctl_writer_choice *choice,
		   const struct vssctl_entry *entry)
{
	bool found = false;

	for (size_t i = 0; i < choice->count; i++) {
		const char *component;

		if (!names_writer(w, choice->names[i], &component) || !component != !entry)
			continue;
		if (entry && strcmp(component, entry->full))
			continue;
		choice->found[i] = true;
		found = true;
	}
	return found;
}

/* The block device that a path lies on, found at the nearest part of it that exists. */
static bool device_of(const char *path, dev_t *dev)
{
	char *copy = strdup(path), *slash;
	struct stat st;
	bool found = false;

	while (copy && copy[0] && stat(copy, &st)) {
		slash = strrchr(copy, '/');
		if (!slash)
			break;
		slash[slash == copy && slash[1] ? 1 : 0] = '\0';
	}
	if (copy && copy[0] == '/' && !stat(copy, &st)) {
		*dev = st.st_dev;
		found = true;
		/* btrfs and overlays have numbers of their own: the mount's source it is. */
		if (!major(st.st_dev)) {
			struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
			struct libmnt_fs *fs = table ? mnt_table_find_mountpoint(table, copy,
										 MNT_ITER_BACKWARD) : NULL;
			const char *source = fs ? mnt_fs_get_srcpath(fs) : NULL;

			found = source && !stat(source, &st) && S_ISBLK(st.st_mode);
			*dev = st.st_rdev;
			mnt_unref_table(table);
		}
	}
	free(copy);
	return found;
}

static bool on_volumes(const struct vssctl_backup *backup, const char *path)
{
	dev_t dev;

	if (!path || path[0] != '/' || !device_of(path, &dev))
		return false;
	for (size_t i = 0; i < backup->nr_volumes; i++) {
		const struct vss_devno *v = &backup->volumes[i].blockdev.dev;

		if (v->major == major(dev) && v->minor == minor(dev))
			return true;
	}
	return false;
}

/* Note the first file set of a component that lies elsewhere. */
static void look_at_files(const struct vssctl_backup *backup, struct vssctl_entry *entry)
{
	vss_result (*const getters[])(struct vss_wm_component *, uint32_t,
				      struct vss_wm_filedesc *) = {
		vss_wm_component_get_file,
		vss_wm_component_get_database_file,
		vss_wm_component_get_database_log_file,
	};
	const uint32_t counts[] = { entry->info.file_count, entry->info.databases,
				    entry->info.log_files };

	for (size_t kind = 0; kind < 3; kind++)
		for (uint32_t i = 0; !entry->outside[0] && i < counts[kind]; i++) {
			struct vss_wm_filedesc file = { 0 };
			const char *path;

			if (VSS_FAILED(getters[kind](entry->handle, i, &file)))
				continue;
			path = file.alternate_location ? file.alternate_location : file.path;
			if (!on_volumes(backup, path))
				snprintf(entry->outside, sizeof(entry->outside), "%s", path);
			vss_wm_filedesc_clear(&file);
		}
}

/* What lies elsewhere keeps those from the backup that bring it along. */
static void look_at_writer(const struct vssctl_backup *backup, struct vssctl_candidate *w)
{
	for (size_t i = 0; i < w->count; i++)
		look_at_files(backup, &w->entries[i]);
	for (size_t i = 0; i < w->count; i++) {
		struct vssctl_entry *carrier = &w->entries[w->entries[i].carrier];

		if (w->entries[i].outside[0])
			memcpy(carrier->outside, w->entries[i].outside, sizeof(carrier->outside));
	}
}

static int add(struct vssctl_backup *backup, const struct vssctl_candidate *w, const struct vssctl_entry *e)
{
	struct vssctl_backup_component *more, *c;
	int ret;

	more = reallocarray(backup->components, backup->nr_components + 1, sizeof(*more));
	if (!more)
		return vssctl_fail(backup->ctl, E_OUTOFMEMORY, "out of memory");
	backup->components = more;
	c = &more[backup->nr_components];
	ret = vssctl_check(backup->ctl, backup->bc,
			   vss_backup_components_add_component(backup->bc, &w->identity.instance_id,
							       &w->identity.writer_id, e->info.type,
							       e->info.logical_path,
							       e->info.component_name));
	if (ret)
		return ret;
	*c = (struct vssctl_backup_component) {
		.instance = w->identity.instance_id,
		.writer = w->identity.writer_id,
		.type = e->info.type,
		.path = e->info.logical_path ? strdup(e->info.logical_path) : NULL,
		.name = strdup(e->info.component_name),
	};
	backup->nr_components++;
	vssctl_detail(backup->ctl, "component %s of writer \"%s\"", e->full, w->identity.writer_name);
	return c->name ? 0 : vssctl_fail(backup->ctl, E_OUTOFMEMORY, "out of memory");
}

static int refuse(struct vssctl_backup *backup, const struct vssctl_candidate *w, const struct vssctl_entry *e)
{
	return vssctl_fail(backup->ctl, VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT,
			   "component %s of writer \"%s\" was asked for, but %s lies on no volume of the "
			   "set; add its volume", e->full, w->identity.writer_name, e->outside);
}

/* What of a writer is in by itself: by its files, and by what was named. */
static int choose_of(struct vssctl_backup *backup, struct vssctl_candidate *w)
{
	bool only = chosen(w, &backup->only, NULL);
	bool writer_wanted = chosen(w, &backup->include, NULL) || only;
	const struct vssctl_entry *missing = vssctl_candidate_missing(w);
	size_t taken = 0;

	w->banned = (backup->only.count && !only) || chosen(w, &backup->exclude, NULL);
	if (w->banned)
		return 0;
	for (size_t i = 0; i < w->count; i++) {
		struct vssctl_entry *e = &w->entries[i];

		e->named = chosen(w, &backup->include, e) || writer_wanted;
		e->banned = e->info.selectable && chosen(w, &backup->exclude, e);
		if (!e->top || e->banned)
			continue;
		if (e->named && (missing || e->outside[0]))
			return refuse(backup, w, missing ? missing : e);
		if (missing || e->outside[0])
			continue;
		e->in = true;
		taken++;
	}
	if (!taken && w->count)
		vssctl_detail(backup->ctl, "writer \"%s\" has nothing on these volumes",
			      w->identity.writer_name);
	return 0;
}

static int read_writer(struct vssctl_backup *backup, uint32_t index, struct vssctl_selection *selection)
{
	struct vssctl_candidate *w = &selection->writers[selection->count++];
	struct vss_uuid instance;
	int ret;

	ret = vssctl_check(backup->ctl, backup->bc,
			   vss_backup_components_get_writer_metadata(backup->bc, index, &instance, &w->metadata)) ?:
	      vssctl_candidate_read(backup->ctl, w);
	if (ret)
		return ret;
	look_at_writer(backup, w);
	return choose_of(backup, w);
}

static int add_all(struct vssctl_backup *backup, const struct vssctl_selection *selection)
{
	int ret = 0;

	for (size_t i = 0; i < selection->count; i++) {
		const struct vssctl_candidate *w = &selection->writers[i];

		for (size_t k = 0; !ret && k < w->count; k++)
			if (w->entries[k].in)
				ret = add(backup, w, &w->entries[k]);
	}
	return ret;
}

static int select_components(struct vssctl_backup *backup, uint32_t count)
{
	struct vssctl_selection selection = { .writers = calloc(count ? count : 1, sizeof(*selection.writers)) };
	int ret = selection.writers ? 0 : vssctl_fail(backup->ctl, E_OUTOFMEMORY, "out of memory");

	for (uint32_t i = 0; !ret && i < count; i++)
		ret = read_writer(backup, i, &selection);
	ret = ret ?: vssctl_selection_follow(backup->ctl, &selection) ?: add_all(backup, &selection);
	vssctl_selection_clear(&selection);
	return ret;
}

static int check_found(struct vssctl_backup *backup, const struct vssctl_writer_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++)
		if (!choice->found[i])
			return vssctl_fail(backup->ctl, VSS_E_OBJECT_NOT_FOUND,
					   "there is no writer or component \"%s\"; see 'vssctl list "
					   "writers'", choice->names[i]);
	return 0;
}

int vssctl_backup_select(struct vssctl_backup *backup)
{
	struct vss_backup_components *bc = backup->bc;
	struct vss_async *async;
	uint32_t count = 0;
	int ret;

	ret = vssctl_wait(backup->ctl, bc, vss_backup_components_gather_writer_metadata(bc, &async),
			  &async, "gathering writer metadata", NULL) ?:
	      vssctl_check(backup->ctl, bc,
			   vss_backup_components_get_writer_metadata_count(bc, &count));
	if (backup->no_components)
		return ret;
	ret = ret ?: select_components(backup, count);
	return ret ?: check_found(backup, &backup->only) ?:
	       check_found(backup, &backup->include) ?: check_found(backup, &backup->exclude);
}
