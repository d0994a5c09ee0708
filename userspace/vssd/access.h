/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may be a requester, and which user may be which writer: rules, and the
 * answers that follow from them for the credentials of a peer.
 *
 * The superuser may be everything.
 */
#ifndef VSSD_ACCESS_H
#define VSSD_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <vss/uuid.h>

/* Credentials of a peer, as the kernel or the bus tells them. */
struct vssd_creds {
	uid_t uid;
	const gid_t *gids;	/* all of its groups */
	size_t nr_gids;
};

/* A user or a group. */
struct vssd_principal {
	bool is_group;
	uid_t uid;
	gid_t gid;
};

struct vssd_writer_rule {
	struct vssd_principal who;
	char *pattern;		/* class id, or glob pattern of the writer's name */
};

struct vssd_access {
	struct vssd_principal *requesters;
	size_t nr_requesters;
	struct vssd_writer_rule *writers;
	size_t nr_writers;
};

void vssd_access_clear(struct vssd_access *access);

/*
 * Read a user ("postgres", "26") or with a leading "@" a group from text.  0;
 * -ENOENT there is none of that name.
 */
int vssd_principal_parse(const char *text, struct vssd_principal *who);

/* 0 or -ENOMEM; @pattern is copied. */
int vssd_access_add_requester(struct vssd_access *access, const struct vssd_principal *who);
int vssd_access_add_writer(struct vssd_access *access, const struct vssd_principal *who,
			   const char *pattern);

/* May it be a requester? */
bool vssd_access_requester(const struct vssd_access *access, const struct vssd_creds *creds);

/* May it be this writer? */
bool vssd_access_writer(const struct vssd_access *access, const struct vssd_creds *creds,
			const struct vss_uuid *class_id, const char *name);

/* May it be a requester, or any writer at all? */
bool vssd_access_any(const struct vssd_access *access, const struct vssd_creds *creds);

#endif /* VSSD_ACCESS_H */
