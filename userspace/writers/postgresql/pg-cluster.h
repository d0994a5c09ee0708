/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One PostgreSQL cluster: how to reach it, where its files are, what its server
 * says of itself.
 */
#ifndef WRITERS_POSTGRESQL_PG_CLUSTER_H
#define WRITERS_POSTGRESQL_PG_CLUSTER_H

#include <limits.h>
#include <vss/writer.h>

#include "pg-query.h"

/* Where the data is: the data directory, and what its symbolic links point to. */
struct pg_layout {
	char data[PATH_MAX];
	char wal[PATH_MAX];		/* pg_wal without links */
	struct pg_tablespace {
		char oid[24];
		char path[PATH_MAX];
	} *tablespaces;
	size_t nr_tablespaces;
};

enum pg_state {
	PG_STOPPED,
	PG_RUNNING,
	PG_STANDBY,			/* running, in recovery */
};

/* What is noted for a backup. */
struct pg_facts {
	enum pg_state state;
	char system_identifier[24];
	int version;			/* as server_version_num; 0 when unknown */
	char timeline[16];		/* "" when unknown */
	char lsn[32];			/* all WAL before is on the disk; "" when unknown */
	bool fsync;
};

struct pg_cluster {
	char *name;			/* "15/main" */
	char *component;		/* "15-main" */
	char *conninfo;
	char *data_directory;		/* NULL until the server has told it */
	char *config_directory;		/* NULL when it is the data directory */
	char *service;
	uint32_t connect_ms;
	uint32_t checkpoint_ms;
	uint32_t freeze_ms;

	struct vss_writer *writer;
	/* From PrepareSnapshot to PostSnapshot or Abort. */
	bool involved;
	PGconn *conn;
	struct pg_layout layout;
	struct pg_facts facts;
};

/* With default limits; NULL without memory. */
struct pg_cluster *pg_cluster_new(const char *name, const char *conninfo);
void pg_cluster_free(struct pg_cluster *cluster);

/*
 * Connect, if a server runs.  PG_OK with *@conn NULL: none does.  PG_FAILED: one
 * does, and cannot be reached.  Learns the data directory.
 */
enum pg_outcome pg_cluster_connect(struct pg_cluster *cluster, PGconn **conn, char error[TEXT_ERROR_SIZE]);

/* Does a server run on this data directory, by its lock file? */
bool pg_cluster_is_running(const struct pg_cluster *cluster);

/* False: @error says why.  To be cleared. */
bool pg_cluster_layout(const struct pg_cluster *cluster, struct pg_layout *layout, char error[TEXT_ERROR_SIZE]);
void pg_layout_clear(struct pg_layout *layout);

/* @conn NULL: what the files of a stopped cluster tell. */
enum pg_outcome pg_cluster_facts(struct pg_cluster *cluster, PGconn *conn, struct pg_facts *facts,
				 char error[TEXT_ERROR_SIZE]);

#endif /* WRITERS_POSTGRESQL_PG_CLUSTER_H */
