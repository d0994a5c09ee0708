// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may be a requester, and which user may be which writer.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"

void vssd_access_clear(struct vssd_access *access)
{
	for (size_t i = 0; i < access->nr_writers; i++)
		free(access->writers[i].pattern);
	free(access->writers);
	free(access->requesters);
	memset(access, 0, sizeof(*access));
}

static bool parse_number(const char *text, unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	/* The last one stands for "no id". */
	return !errno && !*end && *number < (uid_t)-1;
}

int vssd_principal_parse(const char *text, struct vssd_principal *who)
{
	unsigned long number;

	memset(who, 0, sizeof(*who));
	who->is_group = text[0] == '@';
	if (parse_number(text + who->is_group, &number)) {
		who->uid = (uid_t)number;
		who->gid = (gid_t)number;
	} else if (who->is_group) {
		const struct group *group = getgrnam(text + 1);

		if (!group)
			return -ENOENT;
		who->gid = group->gr_gid;
	} else {
		const struct passwd *user = getpwnam(text);

		if (!user)
			return -ENOENT;
		who->uid = user->pw_uid;
	}
	return 0;
}

int vssd_access_add_requester(struct vssd_access *access, const struct vssd_principal *who)
{
	struct vssd_principal *more = reallocarray(access->requesters, access->nr_requesters + 1,
						   sizeof(*more));

	if (!more)
		return -ENOMEM;
	access->requesters = more;
	more[access->nr_requesters++] = *who;
	return 0;
}

int vssd_access_add_writer(struct vssd_access *access, const struct vssd_principal *who,
			   const char *pattern)
{
	struct vssd_writer_rule *more = reallocarray(access->writers, access->nr_writers + 1,
						     sizeof(*more));
	struct vssd_writer_rule rule = { .who = *who };

	if (!more)
		return -ENOMEM;
	access->writers = more;
	rule.pattern = strdup(pattern);
	if (!rule.pattern)
		return -ENOMEM;
	more[access->nr_writers++] = rule;
	return 0;
}

static bool matches(const struct vssd_principal *who, const struct vssd_creds *creds)
{
	if (!who->is_group)
		return who->uid == creds->uid;
	for (size_t i = 0; i < creds->nr_gids; i++)
		if (creds->gids[i] == who->gid)
			return true;
	return false;
}

bool vssd_access_requester(const struct vssd_access *access, const struct vssd_creds *creds)
{
	if (!access || !creds->uid)
		return true;
	for (size_t i = 0; i < access->nr_requesters; i++)
		if (matches(&access->requesters[i], creds))
			return true;
	return false;
}

bool vssd_access_any(const struct vssd_access *access, const struct vssd_creds *creds)
{
	if (vssd_access_requester(access, creds))
		return true;
	for (size_t i = 0; i < access->nr_writers; i++)
		if (matches(&access->writers[i].who, creds))
			return true;
	return false;
}

bool vssd_access_writer(const struct vssd_access *access, const struct vssd_creds *creds,
			const struct vss_uuid *class_id, const char *name)
{
	if (!access || !creds->uid)
		return true;
	for (size_t i = 0; i < access->nr_writers; i++) {
		const struct vssd_writer_rule *rule = &access->writers[i];
		struct vss_uuid wanted;

		if (!matches(&rule->who, creds))
			continue;
		/* What reads as a UUID is one: a name cannot be made to look like a class. */
		if (!vss_uuid_parse(rule->pattern, &wanted)) {
			if (vss_uuid_equal(&wanted, class_id))
				return true;
		} else if (!fnmatch(rule->pattern, name, 0)) {
			return true;
		}
	}
	return false;
}
