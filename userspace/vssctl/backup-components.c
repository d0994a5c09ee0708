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

/* A component of the writer that is being looked at. */
struct entry {
	struct vss_wm_component *handle;
	struct vss_component_info info;
	char *full;		/* logical path and name */
	bool top;		/* nothing selectable above it */
	char outside[256];	/* a path of it, or of what it brings along, on no volume of the set */
};

struct writer {
	struct vssctl_backup *backup;
	struct vss_writer_identity identity;
	struct vss_writer_metadata *metadata;
	struct entry *entries;
	size_t count;
};

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

static bool is_below(const struct entry *entry, const struct entry *above)
{
	const char *path = entry->info.logical_path;
	size_t n = strlen(above->full);

	return path && !strncmp(path, above->full, n) && (!path[n] || is_separator(path[n]));
}

/* "postgresql" will do for "PostgreSQL Writer". */
static bool same_name(const char *given, const char *name)
{
	static const char suffix[] = " writer";
	size_t n = strlen(given);

	return !strncasecmp(given, name, n) && (!name[n] || !strcasecmp(name + n, suffix));
}

/* Does a choice name the writer (true), or one of its components (@component set)? */
static bool names_writer(const struct writer *w, const char *choice, const char **component)
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
static bool chosen(const struct writer *w, struct vssctl_writer_choice *choice,
		   const struct entry *entry)
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
static void look_at_files(const struct writer *w, struct entry *entry)
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
			if (!on_volumes(w->backup, path))
				snprintf(entry->outside, sizeof(entry->outside), "%s", path);
			vss_wm_filedesc_clear(&file);
		}
}

static int read_components(struct writer *w)
{
	struct vssctl *ctl = w->backup->ctl;
	uint32_t files, excluded, count;

	if (VSS_FAILED(vss_examine_writer_metadata_get_file_counts(w->metadata, &files, &excluded,
								   &count)))
		return vssctl_fail_error(ctl, vss_writer_metadata_error(w->metadata));
	w->entries = calloc(count ? count : 1, sizeof(*w->entries));
	if (!w->entries)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	for (; w->count < count; w->count++) {
		struct entry *e = &w->entries[w->count];
		const char *path;

		if (VSS_FAILED(vss_examine_writer_metadata_get_component(w->metadata,
									 (uint32_t)w->count,
									 &e->handle)) ||
		    VSS_FAILED(vss_wm_component_get_component_info(e->handle, &e->info)))
			return vssctl_fail_error(ctl, vss_writer_metadata_error(w->metadata));
		path = e->info.logical_path;
		if (asprintf(&e->full, "%s%s%s", path ? path : "", path && path[0] ? "/" : "",
			     e->info.component_name) < 0) {
			e->full = NULL;
			return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
		}
		look_at_files(w, e);
	}
	return 0;
}

/* A component brings along all that is below it. */
static void judge(struct writer *w)
{
	for (size_t i = 0; i < w->count; i++) {
		struct entry *e = &w->entries[i];

		e->top = true;
		for (size_t j = 0; j < w->count; j++) {
			if (w->entries[j].info.selectable && is_below(e, &w->entries[j]))
				e->top = false;
			if (e->info.selectable && !e->outside[0] && is_below(&w->entries[j], e))
				memcpy(e->outside, w->entries[j].outside, sizeof(e->outside));
		}
	}
}

static int add(struct writer *w, const struct entry *e)
{
	struct vssctl_backup *backup = w->backup;
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

static int refuse(struct writer *w, const struct entry *e)
{
	return vssctl_fail(w->backup->ctl, VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT,
			   "component %s of writer \"%s\" was asked for, but %s lies on no volume of the "
			   "set; add its volume", e->full, w->identity.writer_name, e->outside);
}

static int select_of(struct writer *w)
{
	struct vssctl_backup *backup = w->backup;
	bool only = chosen(w, &backup->only, NULL);
	bool writer_wanted = chosen(w, &backup->include, NULL) || only;
	const struct entry *missing = NULL;
	size_t added = 0;
	int ret = 0;

	if ((backup->only.count && !only) || chosen(w, &backup->exclude, NULL))
		return 0;
	for (size_t i = 0; i < w->count; i++) {
		struct entry *e = &w->entries[i];

		if (e->top && !e->info.selectable && e->outside[0])
			missing = e;
	}
	for (size_t i = 0; !ret && i < w->count; i++) {
		struct entry *e = &w->entries[i];
		bool wanted = chosen(w, &backup->include, e) || writer_wanted;

		if (!e->top || (e->info.selectable && chosen(w, &backup->exclude, e)))
			continue;
		if (wanted && (missing || e->outside[0]))
			return refuse(w, missing ? missing : e);
		if (missing || e->outside[0])
			continue;
		ret = add(w, e);
		added++;
	}
	if (!ret && !added && w->count)
		vssctl_detail(backup->ctl, "writer \"%s\" has nothing on these volumes",
			      w->identity.writer_name);
	return ret;
}

static void writer_clear(struct writer *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->entries[i].full);
	for (size_t i = 0; i < w->count; i++)
		vss_component_info_clear(&w->entries[i].info);
	free(w->entries);
	vss_writer_identity_clear(&w->identity);
	vss_writer_metadata_free(w->metadata);
}

static int select_writer(struct vssctl_backup *backup, uint32_t index)
{
	struct writer w = { .backup = backup };
	struct vss_uuid instance;
	int ret;

	ret = vssctl_check(backup->ctl, backup->bc,
			   vss_backup_components_get_writer_metadata(backup->bc, index, &instance,
								     &w.metadata));
	if (ret)
		return ret;
	if (VSS_FAILED(vss_examine_writer_metadata_get_identity(w.metadata, &w.identity)))
		ret = vssctl_fail_error(backup->ctl, vss_writer_metadata_error(w.metadata));
	if (!ret)
		ret = read_components(&w);
	if (!ret) {
		judge(&w);
		ret = select_of(&w);
	}
	writer_clear(&w);
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
	for (uint32_t i = 0; !ret && i < count; i++)
		ret = select_writer(backup, i);
	return ret ?: check_found(backup, &backup->only) ?:
	       check_found(backup, &backup->include) ?: check_found(backup, &backup->exclude);
}
