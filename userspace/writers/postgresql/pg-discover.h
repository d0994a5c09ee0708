/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which clusters there are: by the configuration, and by the folders that
 * Debian's postgresql-common keeps.
 */
#ifndef WRITERS_POSTGRESQL_PG_DISCOVER_H
#define WRITERS_POSTGRESQL_PG_DISCOVER_H

#include "pg-cluster.h"

struct pg_clusters {
	struct pg_cluster **items;
	size_t count;
	bool discover;
};

/* Read the configuration; a file that is not there is an empty one if @may_lack. */
bool pg_clusters_read(struct pg_clusters *clusters, const char *path, bool may_lack,
		      char error[TEXT_ERROR_SIZE]);

/* Add ROOT/VERSION/NAME (ROOT being /etc/postgresql), but for those that have a name already. */
bool pg_clusters_discover(struct pg_clusters *clusters, const char *root, char error[TEXT_ERROR_SIZE]);

void pg_clusters_clear(struct pg_clusters *clusters);

#endif /* WRITERS_POSTGRESQL_PG_DISCOVER_H */
