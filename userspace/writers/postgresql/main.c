// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-writer-postgresql: PostgreSQL clusters as writers.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "common/serve.h"
#include "pg-discover.h"
#include "pg-events.h"

#define CONFIG_FILE	"/etc/vss/postgresql.conf"
#define DEBIAN_ROOT	"/etc/postgresql"

struct program {
	const char *config;
	bool config_given;
	const char *address;
	bool check;
	struct pg_clusters clusters;
};

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: vss-writer-postgresql [OPTION]...\n"
		"Bring PostgreSQL clusters to rest when shadow copies are made.\n\n"
		"  --config FILE     instead of " CONFIG_FILE "\n"
		"  --address ADDR    D-Bus address of vssd's private socket (default: $VSS_BUS_ADDRESS,\n"
		"                      else the system bus)\n"
		"  --check           show the clusters, ask their servers, and exit\n"
		"  --help, --version\n");
}

/* False when a cluster cannot take part. */
static bool check_cluster(struct pg_cluster *cluster)
{
	char error[TEXT_ERROR_SIZE];
	struct pg_layout layout;
	PGconn *conn;
	bool ok;

	ok = pg_cluster_connect(cluster, &conn, error) == PG_OK && pg_cluster_layout(cluster, &layout, error);
	if (!ok) {
		fprintf(stderr, "vss-writer-postgresql: %s\n", error);
	} else {
		printf("%s: %s, data in %s, WAL in %s, %zu tablespaces\n", cluster->name,
		       conn ? "running" : "stopped", layout.data, layout.wal, layout.nr_tablespaces);
		pg_layout_clear(&layout);
	}
	PQfinish(conn);
	return ok;
}

static const char *name_of(const struct vss_writer *writer, void *data)
{
	const struct pg_clusters *clusters = data;

	for (size_t i = 0; i < clusters->count; i++)
		if (clusters->items[i]->writer == writer)
			return clusters->items[i]->name;
	return "?";
}

static int serve(struct program *program)
{
	struct pg_clusters *clusters = &program->clusters;
	struct vss_writer **writers = calloc(clusters->count, sizeof(*writers));
	struct vss_error error;
	int ret = EXIT_SUCCESS;

	if (!writers)
		return EXIT_FAILURE;
	for (size_t i = 0; i < clusters->count && ret == EXIT_SUCCESS; i++) {
		if (pg_writer_initialize(clusters->items[i], program->address, &error)) {
			serve_log(LOG_ERR, "%s: %s", clusters->items[i]->name, error.text);
			ret = EXIT_FAILURE;
		} else {
			writers[i] = clusters->items[i]->writer;
		}
	}
	if (ret == EXIT_SUCCESS)
		ret = serve_writers(writers, clusters->count, name_of, clusters);
	for (size_t i = 0; i < clusters->count; i++)
		vss_writer_free(writers[i]);
	free(writers);
	return ret;
}

enum { OPT_CONFIG = 1, OPT_ADDRESS, OPT_CHECK, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* True: go on.  Else *@ret is the exit code. */
static bool read_options(struct program *program, int argc, char **argv, int *ret)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_CONFIG:
			program->config = optarg;
			program->config_given = true;
			break;
		case OPT_ADDRESS:
			program->address = optarg;
			break;
		case OPT_CHECK:
			program->check = true;
			break;
		case OPT_HELP:
			usage(stdout);
			*ret = EXIT_SUCCESS;
			return false;
		case OPT_VERSION:
			printf("vss-writer-postgresql %s\n", VSS_VERSION);
			*ret = EXIT_SUCCESS;
			return false;
		default:
			usage(stderr);
			*ret = 2;
			return false;
		}
	}
	if (optind == argc)
		return true;
	usage(stderr);
	*ret = 2;
	return false;
}

int main(int argc, char **argv)
{
	struct program program = { .config = CONFIG_FILE };
	char error[TEXT_ERROR_SIZE];
	int ret = EXIT_SUCCESS;

	setvbuf(stderr, NULL, _IOLBF, 0);
	if (!read_options(&program, argc, argv, &ret))
		return ret;
	if (!pg_clusters_read(&program.clusters, program.config, !program.config_given, error) ||
	    (program.clusters.discover && !pg_clusters_discover(&program.clusters, DEBIAN_ROOT, error))) {
		serve_log(LOG_ERR, "%s", error);
		ret = EXIT_FAILURE;
	} else if (!program.clusters.count) {
		serve_log(LOG_ERR, "there is no cluster: put [cluster NAME] into %s", program.config);
		ret = EXIT_FAILURE;
	} else if (program.check) {
		for (size_t i = 0; i < program.clusters.count; i++)
			if (!check_cluster(program.clusters.items[i]))
				ret = EXIT_FAILURE;
	} else {
		ret = serve(&program);
	}
	pg_clusters_clear(&program.clusters);
	return ret;
}
