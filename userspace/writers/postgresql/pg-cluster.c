// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One PostgreSQL cluster.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg-cluster.h"

#define CONNECT_MS	5000
#define CHECKPOINT_MS	120000
#define FREEZE_MS	5000

#define OLDEST_VERSION	120000

struct pg_cluster *pg_cluster_new(const char *name, const char *conninfo)
{
	struct pg_cluster *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->name = strdup(name);
	c->component = strdup(name);
	c->conninfo = strdup(conninfo);
	c->service = strdup("postgresql.service");
	c->connect_ms = CONNECT_MS;
	c->checkpoint_ms = CHECKPOINT_MS;
	c->freeze_ms = FREEZE_MS;
	if (!c->name || !c->component || !c->conninfo || !c->service) {
		pg_cluster_free(c);
		return NULL;
	}
	/* The name of a component has no separator of paths. */
	for (char *p = c->component; *p; p++)
		if (*p == '/')
			*p = '-';
	return c;
}

void pg_layout_clear(struct pg_layout *layout)
{
	free(layout->tablespaces);
	memset(layout, 0, sizeof(*layout));
}

void pg_cluster_free(struct pg_cluster *c)
{
	if (!c)
		return;
	PQfinish(c->conn);
	pg_layout_clear(&c->layout);
	free(c->name);
	free(c->component);
	free(c->conninfo);
	free(c->data_directory);
	free(c->config_directory);
	free(c->service);
	free(c);
}

/* ---- the server ---- */

bool pg_cluster_is_running(const struct pg_cluster *cluster)
{
	char path[PATH_MAX + 32];
	long pid = 0;
	FILE *file;

	if (!cluster->data_directory)
		return false;
	snprintf(path, sizeof(path), "%s/postmaster.pid", cluster->data_directory);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* A server in single-user mode writes its number negated. */
	if (fscanf(file, "%ld", &pid) != 1)
		pid = 0;
	fclose(file);
	pid = labs(pid);
	return pid > 1 && (!kill((pid_t)pid, 0) || errno == EPERM);
}

static bool learn_data_directory(struct pg_cluster *cluster, PGconn *conn, char error[TEXT_ERROR_SIZE])
{
	char path[PATH_MAX];
	char *copy;

	if (pg_value(conn, "SHOW data_directory", cluster->connect_ms, path, sizeof(path), error) != PG_OK)
		return false;
	copy = strdup(path);
	if (!copy)
		return text_error(error, "out of memory");
	free(cluster->data_directory);
	cluster->data_directory = copy;
	return true;
}

enum pg_outcome pg_cluster_connect(struct pg_cluster *cluster, PGconn **conn, char error[TEXT_ERROR_SIZE])
{
	char problem[TEXT_ERROR_SIZE - 160];
	enum pg_outcome outcome;

	outcome = pg_open(cluster->conninfo, cluster->connect_ms, conn, error);
	if (outcome == PG_FAILED && cluster->data_directory && !pg_cluster_is_running(cluster))
		return PG_OK;
	if (outcome == PG_OK && PQserverVersion(*conn) < OLDEST_VERSION) {
		text_error(error, "it has version %d, and 12 is the oldest that is supported",
			   PQserverVersion(*conn) / 10000);
		outcome = PG_FAILED;
	}
	if (outcome == PG_OK && !learn_data_directory(cluster, *conn, error))
		outcome = PG_FAILED;
	if (outcome == PG_OK)
		return PG_OK;
	PQfinish(*conn);
	*conn = NULL;
	snprintf(problem, sizeof(problem), "%s", error);
	text_error(error, "cluster %.120s: %s", cluster->name, problem);
	return outcome;
}

/* ---- files ---- */

/* The real path of DATA/NAME. */
static bool resolve(const char *data, const char *name, char real[PATH_MAX], char error[TEXT_ERROR_SIZE])
{
	char path[PATH_MAX + 300];

	snprintf(path, sizeof(path), "%s/%s", data, name);
	return realpath(path, real) ||
	       text_error(error, "cannot find out where %.500s is: %s", path, strerror(errno));
}

static int is_oid(const struct dirent *entry)
{
	return isdigit((unsigned char)entry->d_name[0]);
}

bool pg_cluster_layout(const struct pg_cluster *cluster, struct pg_layout *layout, char error[TEXT_ERROR_SIZE])
{
	char folder[PATH_MAX + 16], name[300];
	struct dirent **entries;
	bool ok = true;
	int count;

	memset(layout, 0, sizeof(*layout));
	if (!cluster->data_directory)
		return text_error(error, "cluster %s: its server has not told yet where its data is; start it, or "
				  "put \"DataDirectory = ...\" into the configuration", cluster->name);
	if (!resolve(cluster->data_directory, ".", layout->data, error) ||
	    !resolve(cluster->data_directory, "pg_wal", layout->wal, error))
		return false;
	snprintf(folder, sizeof(folder), "%s/pg_tblspc", layout->data);
	count = scandir(folder, &entries, is_oid, alphasort);
	if (count < 0)
		return text_error(error, "cannot read %.500s: %s", folder, strerror(errno));
	layout->tablespaces = calloc(count ? (size_t)count : 1, sizeof(*layout->tablespaces));
	if (!layout->tablespaces)
		ok = text_error(error, "out of memory");
	for (int i = 0; i < count; i++) {
		if (ok) {
			struct pg_tablespace *t = &layout->tablespaces[layout->nr_tablespaces++];

			snprintf(t->oid, sizeof(t->oid), "%.20s", entries[i]->d_name);
			snprintf(name, sizeof(name), "pg_tblspc/%s", entries[i]->d_name);
			ok = resolve(layout->data, name, t->path, error);
		}
		free(entries[i]);
	}
	free(entries);
	if (!ok)
		pg_layout_clear(layout);
	return ok;
}

/* ---- facts ---- */

/* global/pg_control begins with the system identifier, PG_VERSION has the major version. */
static void facts_from_files(const struct pg_cluster *cluster, struct pg_facts *facts)
{
	char path[PATH_MAX + 32];
	uint64_t identifier = 0;
	FILE *file;

	facts->state = PG_STOPPED;
	facts->fsync = true;
	snprintf(path, sizeof(path), "%s/global/pg_control", cluster->data_directory);
	file = fopen(path, "re");
	if (file) {
		if (fread(&identifier, sizeof(identifier), 1, file) == 1)
			snprintf(facts->system_identifier, sizeof(facts->system_identifier), "%" PRIu64, identifier);
		fclose(file);
	}
	snprintf(path, sizeof(path), "%s/PG_VERSION", cluster->data_directory);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%d", &facts->version) == 1)
			facts->version *= 10000;
		fclose(file);
	}
}

enum pg_outcome pg_cluster_facts(struct pg_cluster *cluster, PGconn *conn, struct pg_facts *facts,
				 char error[TEXT_ERROR_SIZE])
{
	uint32_t ms = cluster->connect_ms;
	enum pg_outcome outcome;
	char value[16];

	memset(facts, 0, sizeof(*facts));
	if (!conn) {
		facts_from_files(cluster, facts);
		return PG_OK;
	}
	facts->version = PQserverVersion(conn);
	if ((outcome = pg_value(conn, "SELECT system_identifier FROM pg_control_system()", ms,
				facts->system_identifier, sizeof(facts->system_identifier), error)) != PG_OK ||
	    (outcome = pg_value(conn, "SELECT timeline_id FROM pg_control_checkpoint()", ms,
				facts->timeline, sizeof(facts->timeline), error)) != PG_OK ||
	    (outcome = pg_value(conn, "SHOW fsync", ms, value, sizeof(value), error)) != PG_OK)
		return outcome;
	facts->fsync = !strcmp(value, "on");
	outcome = pg_value(conn, "SELECT pg_is_in_recovery()", ms, value, sizeof(value), error);
	facts->state = value[0] == 't' ? PG_STANDBY : PG_RUNNING;
	return outcome;
}
