// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The iSCSI target: who is admitted, and which LUNs he sees.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "lio.h"
#include "lio-file.h"

/* ---- who is admitted ---- */

void lio_access_clear(struct lio_access *access)
{
	free(access->target);
	free(access->group);
	free(access->acl);
	*access = (struct lio_access){ 0 };
}

/* A place of the tree below each target's portal groups; what it returns ends the walk. */
typedef int (*walk_fn)(const char *target, const char *group, void *data);

static int walk_groups(walk_fn fn, void *data)
{
	size_t nr_targets, nr_groups;
	char **targets = lio_names(LIO_ISCSI, "", &nr_targets);
	int ret = 0;

	for (size_t i = 0; !ret && i < nr_targets; i++) {
		_cleanup_free_ char *folder = lio_path(LIO_ISCSI "/%s", targets[i]);
		char **groups = lio_names(folder ? folder : "", "tpgt_", &nr_groups);

		for (size_t j = 0; !ret && j < nr_groups; j++) {
			_cleanup_free_ char *group = lio_path("%s/%s", folder, groups[j]);

			ret = group ? fn(targets[i], group, data) : -ENOMEM;
		}
		lio_names_free(groups, nr_groups);
	}
	lio_names_free(targets, nr_targets);
	return ret;
}

struct search {
	const char *initiator, *target;
	struct lio_access *access;
	bool several;
};

static int look_for_acl(const char *target, const char *group, void *data)
{
	struct search *search = data;
	_cleanup_free_ char *acl = lio_path("%s/acls/%s", group, search->initiator);
	struct stat st;

	if (!acl)
		return -ENOMEM;
	if ((search->target && strcmp(target, search->target)) || stat(acl, &st))
		return 0;
	if (search->access->acl) {
		search->several = true;
		return 0;
	}
	search->access->target = strdup(target);
	search->access->group = strdup(group);
	search->access->acl = keep_ptr(acl);
	return search->access->target && search->access->group ? 0 : -ENOMEM;
}

int lio_access_find(const char *initiator, const char *target, struct lio_access *access,
		    struct vss_error *err)
{
	struct search search = { .initiator = initiator, .target = target, .access = access };
	int ret;

	*access = (struct lio_access){ 0 };
	ret = walk_groups(look_for_acl, &search);
	if (!ret && access->acl && !search.several)
		return 0;
	lio_access_clear(access);
	if (ret)
		return vss_error_errno(err, ret, "the array is out of memory");
	if (search.several)
		return vss_error_set(err, -EINVAL, VSS_E_PROVIDER_VETO,
				     "several targets of the array admit %s; say which with --target",
				     initiator);
	return vss_error_set(err, -ENOENT, VSS_E_PROVIDER_VETO,
			     "no target of the array admits %s%s%s; make an ACL for it", initiator,
			     target ? ": not " : "", target ? target : "");
}

/* ---- LUNs of a portal group ---- */

/* The folder of the LUN that has the backstore, to free(). */
static char *find_lun(const char *group, const struct lio_store *store)
{
	_cleanup_free_ char *luns = lio_path("%s/lun", group);
	char **names, *found = NULL;
	size_t n;

	names = lio_names(luns ? luns : "", "lun_", &n);
	for (size_t i = 0; !found && i < n; i++) {
		_cleanup_free_ char *lun = lio_path("%s/%s", luns, names[i]);
		_cleanup_free_ char *link = lun ? lio_link_to(lun, store->path) : NULL;

		if (link)
			found = keep_ptr(lun);
	}
	lio_names_free(names, n);
	return found;
}

/* The folder in the ACL that maps the LUN, to free(). */
static char *find_mapping(const char *acl, const char *lun)
{
	char **names, *found = NULL;
	size_t n;

	names = lio_names(acl, "lun_", &n);
	for (size_t i = 0; !found && i < n; i++) {
		_cleanup_free_ char *mapping = lio_path("%s/%s", acl, names[i]);
		_cleanup_free_ char *link = mapping ? lio_link_to(mapping, lun) : NULL;

		if (link)
			found = keep_ptr(mapping);
	}
	lio_names_free(names, n);
	return found;
}

/* A folder with one link in it, which has to go first. */
static int remove_linked(const char *folder, const char *to)
{
	_cleanup_free_ char *link = lio_link_to(folder, to);

	if (link && unlink(link))
		return -errno;
	return rmdir(folder) ? -errno : 0;
}

static int make_linked(const char *parent, const char *to, char **folder)
{
	_cleanup_free_ char *made = lio_make_numbered(parent, "lun_");
	_cleanup_free_ char *link = made ? lio_path("%s/vss", made) : NULL;
	int ret;

	if (!made || !link)
		return made ? -ENOMEM : -errno;
	if (symlink(to, link)) {
		ret = -errno;
		rmdir(made);
		return ret;
	}
	*folder = keep_ptr(made);
	return 0;
}

bool lio_is_mapped(const struct lio_access *access, const struct lio_store *store)
{
	_cleanup_free_ char *lun = find_lun(access->group, store);
	_cleanup_free_ char *mapping = lun ? find_mapping(access->acl, lun) : NULL;

	return mapping;
}

int lio_map(const struct lio_access *access, const struct lio_store *store, struct vss_error *err)
{
	_cleanup_free_ char *luns = lio_path("%s/lun", access->group), *mapping = NULL;
	_cleanup_free_ char *lun = find_lun(access->group, store);
	int ret = luns ? 0 : -ENOMEM;

	if (!ret && !lun)
		ret = make_linked(luns, store->path, &lun);
	if (!ret)
		mapping = find_mapping(access->acl, lun);
	if (!ret && !mapping)
		ret = make_linked(access->acl, lun, &mapping);
	return ret ? vss_error_errno(err, ret, "the array cannot map the LUN with serial number %s: %s",
				     store->serial, strerror(-ret)) : 0;
}

int lio_unmap(const struct lio_access *access, const struct lio_store *store, struct vss_error *err)
{
	_cleanup_free_ char *lun = find_lun(access->group, store);
	_cleanup_free_ char *mapping = lun ? find_mapping(access->acl, lun) : NULL;
	int ret = mapping ? remove_linked(mapping, lun) : 0;

	return ret ? vss_error_errno(err, ret,
				     "the array cannot take the LUN with serial number %s away: %s",
				     store->serial, strerror(-ret)) : 0;
}

/* ---- all who see a backstore ---- */

struct users {
	const struct lio_store *store;
	const char *except;	/* an ACL */
	bool remove;
	char *list;		/* names with commas */
	bool only_active;
};

static bool add_user(struct users *users, const char *name)
{
	char *longer = users->list ? lio_path("%s, %s", users->list, name) : strdup(name);

	if (!longer)
		return false;
	free(users->list);
	users->list = longer;
	return true;
}

static int visit_acl(struct users *users, const char *acl, const char *name, const char *lun)
{
	_cleanup_free_ char *mapping = find_mapping(acl, lun);

	if (!mapping || (users->except && !strcmp(users->except, acl)))
		return 0;
	if (users->remove)
		return remove_linked(mapping, lun);
	if (users->only_active) {
		_cleanup_free_ char *info = lio_get(acl, "info");

		if (info && !strncmp(info, "No active", 9))
			return 0;
	}
	return add_user(users, name) ? 0 : -ENOMEM;
}

static int visit_group(const char *target, const char *group, void *data)
{
	struct users *users = data;
	_cleanup_free_ char *lun = find_lun(group, users->store);
	_cleanup_free_ char *acls = lio_path("%s/acls", group);
	int ret = acls ? 0 : -ENOMEM;
	char **names;
	size_t n;

	(void)target;
	if (!lun || ret)
		return ret;
	names = lio_names(acls, "", &n);
	for (size_t i = 0; !ret && i < n; i++) {
		_cleanup_free_ char *acl = lio_path("%s/%s", acls, names[i]);

		ret = acl ? visit_acl(users, acl, names[i], lun) : -ENOMEM;
	}
	lio_names_free(names, n);
	if (!ret && users->remove)
		ret = remove_linked(lun, users->store->path);
	return ret;
}

char *lio_other_user(const struct lio_access *access, const struct lio_store *store)
{
	struct users users = { .store = store, .except = access->acl, .only_active = true };

	walk_groups(visit_group, &users);
	return users.list;
}

char *lio_mapped_to(const struct lio_store *store)
{
	struct users users = { .store = store };

	walk_groups(visit_group, &users);
	return users.list;
}

int lio_store_remove(const struct lio_store *store, struct vss_error *err)
{
	struct users users = { .store = store, .remove = true };
	_cleanup_free_ char *hba = strdup(store->path);
	int ret = walk_groups(visit_group, &users);

	if (!ret && rmdir(store->path))
		ret = -errno;
	if (ret || !hba)
		return vss_error_errno(err, ret ? ret : -ENOMEM,
				       "the array cannot delete the backstore with serial number %s: %s",
				       store->serial, strerror(-ret));
	/* Its folder was made for it alone; one that has others stays. */
	*strrchr(hba, '/') = '\0';
	rmdir(hba);
	return 0;
}
