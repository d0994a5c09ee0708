// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a shadow copy set to the places where its copies are mounted.
 *
 * vssd knows the devices of copies and originals; the mount table tells the rest,
 * whoever mounted them.
 */
#include <libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "files.h"
#include "requester.h"

/* A shadow copy of the set. */
struct member {
	const struct vss_snapshot_prop *prop;
	dev_t original;
	dev_t image;
	bool in_use;		/* the original is mounted: there are files */
	const char *mounted;	/* where the copy is */
	const char *root;	/* which folder of it */
};

struct set {
	struct vssctl *ctl;
	struct vssctl_objects objects;
	struct member *members;
	size_t count;
	struct libmnt_table *mounts;
};

static dev_t device_of_node(const char *path)
{
	struct stat st;

	return path && path[0] == '/' && !stat(path, &st) && S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}

/* Of what is mounted; btrfs has numbers of its own, its source tells. */
static dev_t device_of_mount(struct libmnt_fs *fs)
{
	dev_t dev = mnt_fs_get_devno(fs);

	return major(dev) ? dev : device_of_node(mnt_fs_get_srcpath(fs));
}

static int find_members(struct set *set, const struct vss_uuid *id)
{
	char text[VSS_UUID_TEXT_SIZE];

	set->members = calloc(set->objects.count + 1, sizeof(*set->members));
	if (!set->members)
		return vssctl_fail(set->ctl, E_OUTOFMEMORY, "out of memory");
	for (size_t i = 0; i < set->objects.count; i++) {
		const struct vss_snapshot_prop *prop = &set->objects.props[i].snap;
		struct member member = { .prop = prop };

		if (!vss_uuid_equal(&prop->snapshot_set_id, id))
			continue;
		member.original = device_of_node(prop->original_volume_name);
		member.image = device_of_node(prop->device_object);
		vss_uuid_format(&prop->snapshot_id, text);
		if (!member.image)
			return vssctl_fail(set->ctl, VSS_E_OBJECT_NOT_FOUND,
					   "shadow copy %s has no device on this machine", text);
		if (!member.original)
			return vssctl_fail(set->ctl, VSS_E_OBJECT_NOT_FOUND,
					   "%s, the original of shadow copy %s, is not on this machine; tell with --copy "
					   "where it was mounted and where the copy is", prop->original_volume_name, text);
		set->members[set->count++] = member;
	}
	if (!set->count)
		return vssctl_fail(set->ctl, VSS_E_OBJECT_NOT_FOUND, "there is no shadow copy of set %s any more",
				   vss_uuid_format(id, text));
	return 0;
}

static bool is_whole(const char *root)
{
	return !root || !root[0] || !strcmp(root, "/");
}

/*
 * Where the copies are; of several places one that has all of it.  A copy of what is not
 * mounted itself, with no file system perhaps, need not be.
 */
static int find_copies(struct set *set)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	char text[VSS_UUID_TEXT_SIZE];
	struct libmnt_fs *fs;

	while (iter && !mnt_table_next_fs(set->mounts, iter, &fs)) {
		dev_t dev = device_of_mount(fs);

		for (size_t i = 0; dev && i < set->count; i++) {
			struct member *m = &set->members[i];

			m->in_use = m->in_use || dev == m->original;
			if (dev != m->image || (m->mounted && is_whole(m->root)))
				continue;
			m->mounted = mnt_fs_get_target(fs);
			m->root = mnt_fs_get_root(fs);
		}
	}
	mnt_free_iter(iter);
	for (size_t i = 0; i < set->count; i++)
		if (set->members[i].in_use && !set->members[i].mounted)
			return vssctl_fail(set->ctl, VSS_E_OBJECT_NOT_FOUND,
					   "shadow copy %s of %s is not mounted; use 'vssctl expose', or mount it read-only",
					   vss_uuid_format(&set->members[i].prop->snapshot_id, text),
					   set->members[i].prop->original_volume_name);
	return 0;
}

/* A folder of the volume as a folder of what is mounted of the copy; NULL when it is not in that. */
static const char *folder_in_copy(const struct member *member, const char *root)
{
	size_t n;

	if (is_whole(member->root))
		return root ? root : "/";
	n = strlen(member->root);
	if (!root || strncmp(root, member->root, n) || (root[n] && root[n] != '/'))
		return NULL;
	return root[n] ? root + n : "/";
}

static int add_mount(struct set *set, struct vss_backup_files *files, struct libmnt_fs *fs)
{
	const char *target = mnt_fs_get_target(fs), *folder = NULL;
	dev_t dev = device_of_mount(fs);
	const struct member *member = NULL;

	if (!target)
		return 0;
	for (size_t i = 0; dev && i < set->count; i++)
		if (set->members[i].original == dev)
			member = &set->members[i];
	if (member)
		folder = folder_in_copy(member, mnt_fs_get_root(fs));
	if (vss_backup_files_add_volume(files, target, folder, folder ? member->mounted : NULL))
		return vssctl_fail_error(set->ctl, vss_backup_files_error(files));
	return 0;
}

static int add_mounts(struct set *set, struct vss_backup_files *files)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int ret = iter ? 0 : vssctl_fail(set->ctl, E_OUTOFMEMORY, "out of memory");

	while (!ret && !mnt_table_next_fs(set->mounts, iter, &fs))
		ret = add_mount(set, files, fs);
	mnt_free_iter(iter);
	return ret;
}

int vssctl_files_add_set(struct vssctl *ctl, struct vss_backup_files *files, const struct vss_uuid *id)
{
	struct vss_backup_components *bc;
	struct set set = { .ctl = ctl };
	int ret = vssctl_connect_all(ctl, &bc);

	if (ret)
		return ret;
	ret = vssctl_query(ctl, bc, VSS_OBJECT_SNAPSHOT, &set.objects);
	vss_backup_components_release(bc);
	if (ret)
		return ret;
	set.mounts = mnt_new_table_from_file("/proc/self/mountinfo");
	if (!set.mounts)
		ret = vssctl_fail(ctl, VSS_E_UNEXPECTED, "/proc/self/mountinfo cannot be read");
	ret = ret ?: find_members(&set, id) ?: find_copies(&set) ?: add_mounts(&set, files);
	mnt_unref_table(set.mounts);
	free(set.members);
	vssctl_objects_clear(&set.objects);
	return ret;
}
