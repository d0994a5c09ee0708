// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which clusters there are.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg-discover.h"

#define DEFAULT_CONNINFO	"dbname=postgres application_name=vss-writer-postgresql"

static struct pg_cluster *find(const struct pg_clusters *clusters, const char *name)
{
	for (size_t i = 0; i < clusters->count; i++)
		if (!strcmp(clusters->items[i]->name, name))
			return clusters->items[i];
	return NULL;
}

static struct pg_cluster *add(struct pg_clusters *clusters, const char *name, const char *conninfo)
{
	struct pg_cluster **items = reallocarray(clusters->items, clusters->count + 1, sizeof(*items));
	struct pg_cluster *cluster = items ? pg_cluster_new(name, conninfo) : NULL;

	if (items)
		clusters->items = items;
	if (cluster)
		items[clusters->count++] = cluster;
	return cluster;
}

void pg_clusters_clear(struct pg_clusters *clusters)
{
	for (size_t i = 0; i < clusters->count; i++)
		pg_cluster_free(clusters->items[i]);
	free(clusters->items);
	memset(clusters, 0, sizeof(*clusters));
}

/* ---- the configuration ---- */

static bool replace(char **string, const char *value, char error[TEXT_ERROR_SIZE])
{
	free(*string);
	*string = strdup(value);
	return *string || text_error(error, "out of memory");
}

static bool cluster_key(struct pg_cluster *cluster, const char *key, const char *value,
			char error[TEXT_ERROR_SIZE])
{
	uint32_t *ms = NULL;

	if (text_same(key, "Conninfo"))
		return replace(&cluster->conninfo, value, error);
	if (text_same(key, "DataDirectory"))
		return replace(&cluster->data_directory, value, error);
	if (text_same(key, "ConfigDirectory"))
		return replace(&cluster->config_directory, value, error);
	if (text_same(key, "Service"))
		return replace(&cluster->service, value, error);
	if (text_same(key, "ConnectTimeout"))
		ms = &cluster->connect_ms;
	else if (text_same(key, "CheckpointTimeout"))
		ms = &cluster->checkpoint_ms;
	else if (text_same(key, "FreezeTimeout"))
		ms = &cluster->freeze_ms;
	if (!ms)
		return text_error(error, "a cluster has no key %s", key);
	return (text_duration(value, ms) && *ms) || text_error(error, "%s is a time such as 5s", key);
}

static bool on_key(void *data, const char *section, const char *argument, const char *key,
		   const char *value, char error[TEXT_ERROR_SIZE])
{
	struct pg_clusters *clusters = data;

	if (text_same(section, "Cluster")) {
		if (key)
			return cluster_key(find(clusters, argument), key, value, error);
		if (!argument[0])
			return text_error(error, "a cluster needs a name: [Cluster NAME]");
		if (find(clusters, argument))
			return text_error(error, "cluster %s is there already", argument);
		return add(clusters, argument, DEFAULT_CONNINFO) || text_error(error, "out of memory");
	}
	if (!text_same(section, "Writer"))
		return text_error(error, "there is no section [%s]", section);
	if (!key)
		return true;
	if (text_same(key, "Discover"))
		return text_bool(value, &clusters->discover) || text_error(error, "Discover is yes or no");
	return text_error(error, "[Writer] has no key %s", key);
}

bool pg_clusters_read(struct pg_clusters *clusters, const char *path, bool may_lack,
		      char error[TEXT_ERROR_SIZE])
{
	clusters->discover = true;
	if (may_lack && access(path, F_OK) && errno == ENOENT)
		return true;
	return ini_read(path, on_key, clusters, error);
}

/* ---- Debian's folders ---- */

/*
 * The value of a setting in a line of postgresql.conf: NAME = VALUE or NAME
 * VALUE, quoted or not, with a comment behind.
 */
static bool read_setting(const char *line, const char *name, char *value, size_t size)
{
	size_t length = strlen(name), used = 0;
	bool quoted;

	line += strspn(line, " \t");
	if (strncasecmp(line, name, length) || !strchr(" \t='", line[length]))
		return false;
	line += length;
	line += strspn(line, " \t=");
	quoted = *line == '\'';
	line += quoted;
	for (; *line && *line != '\n' && used + 1 < size; line++) {
		if (quoted && *line == '\'') {
			if (line[1] != '\'')
				break;
			line++;
		} else if (!quoted && strchr(" \t#", *line)) {
			break;
		}
		value[used++] = *line;
	}
	value[used] = '\0';
	return used;
}

struct settings {
	char port[16];
	char data[PATH_MAX];
	char sockets[PATH_MAX];
};

/* Only what helps to find the server; it is asked for the rest. */
static bool read_settings(const char *path, struct settings *settings)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	memset(settings, 0, sizeof(*settings));
	if (!file)
		return false;
	while (getline(&line, &size, file) >= 0) {
		/* As for the server, the last one counts. */
		read_setting(line, "port", settings->port, sizeof(settings->port));
		read_setting(line, "data_directory", settings->data, sizeof(settings->data));
		read_setting(line, "unix_socket_directories", settings->sockets, sizeof(settings->sockets));
	}
	free(line);
	fclose(file);
	/* The first of several. */
	settings->sockets[strcspn(settings->sockets, ",")] = '\0';
	return true;
}

static bool discover_one(struct pg_clusters *clusters, const char *root, const char *version,
			 const char *name, char error[TEXT_ERROR_SIZE])
{
	char full[300], folder[PATH_MAX], path[PATH_MAX + 32], conninfo[PATH_MAX + 128], service[320];
	struct pg_cluster *cluster;
	struct settings settings;

	snprintf(full, sizeof(full), "%.40s/%.200s", version, name);
	snprintf(folder, sizeof(folder), "%s/%s", root, full);
	snprintf(path, sizeof(path), "%s/postgresql.conf", folder);
	if (find(clusters, full) || !read_settings(path, &settings))
		return true;
	snprintf(conninfo, sizeof(conninfo), "host=%s port=%s %s",
		 settings.sockets[0] ? settings.sockets : "/var/run/postgresql",
		 settings.port[0] ? settings.port : "5432", DEFAULT_CONNINFO);
	snprintf(service, sizeof(service), "postgresql@%.40s-%.200s.service", version, name);
	cluster = add(clusters, full, conninfo);
	return (cluster && replace(&cluster->service, service, error) &&
		replace(&cluster->config_directory, folder, error) &&
		(!settings.data[0] || replace(&cluster->data_directory, settings.data, error))) ||
	       text_error(error, "out of memory");
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool discover_version(struct pg_clusters *clusters, const char *root, const char *version,
			     char error[TEXT_ERROR_SIZE])
{
	char folder[PATH_MAX];
	struct dirent **entries;
	bool ok = true;
	int count;

	snprintf(folder, sizeof(folder), "%s/%s", root, version);
	count = scandir(folder, &entries, is_name, alphasort);
	if (count < 0)
		return true;
	for (int i = 0; i < count; i++) {
		ok = ok && discover_one(clusters, root, version, entries[i]->d_name, error);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

bool pg_clusters_discover(struct pg_clusters *clusters, const char *root, char error[TEXT_ERROR_SIZE])
{
	struct dirent **entries;
	bool ok = true;
	int count = scandir(root, &entries, is_name, versionsort);

	if (count < 0)
		return true;
	for (int i = 0; i < count; i++) {
		ok = ok && discover_version(clusters, root, entries[i]->d_name, error);
		free(entries[i]);
	}
	free(entries);
	return ok;
}
