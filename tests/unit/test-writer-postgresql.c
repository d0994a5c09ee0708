// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-writer-postgresql: which clusters there are, and its events against a
 * real server, if PostgreSQL is installed and /tmp lies on a block device.
 */
#include "unit.h"

#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include <vss/blockdev.h>

#include "backup-document.h"
#include "fake-vssd.h"
#include "postgresql/pg-discover.h"
#include "postgresql/pg-events.h"
#include "tree.h"

#define SESSION		"11111111-1111-4111-8111-111111111111"
#define SET		"33333333-3333-4333-8333-333333333333"

struct folder {
	char dir[64];
	char error[TEXT_ERROR_SIZE];
	struct pg_clusters clusters;
};

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct folder *f = *state;

	pg_clusters_clear(&f->clusters);
	tree_remove(f->dir);
	free(f);
	return 0;
}

static void put(struct folder *f, const char *name, const char *content)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* ---- without a server ---- */

static void clusters_are_discovered(void **state)
{
	struct folder *f = *state;
	const struct pg_cluster *c;
	char path[128];

	put(f, "etc/15/main/postgresql.conf",
	    "# data_directory = '/wrong'\n"
	    "data_directory = '/var/lib/postgresql/15/main'\t\t# use data in another directory\n"
	    "port = 5432\nport=5433 # the last one counts\n"
	    "unix_socket_directories = '/run/a, /run/b'\n"
	    "portable = 1\n");
	put(f, "etc/9.6/it''s/postgresql.conf", "data_directory '/srv/it''s'\n");
	put(f, "etc/15/empty/other.conf", "");
	put(f, "writer.conf", "[cluster 15/main]\nconninfo = host=/x\nfreeze-timeout=2s\n");
	snprintf(path, sizeof(path), "%s/etc", f->dir);
	assert_true(pg_clusters_discover(&f->clusters, path, f->error));
	assert_int_equal(f->clusters.count, 2);
	c = f->clusters.items[0];
	assert_string_equal(c->name, "9.6/it''s");
	assert_string_equal(c->data_directory, "/srv/it's");
	assert_non_null(strstr(c->conninfo, "host=/var/run/postgresql port=5432"));
	c = f->clusters.items[1];
	assert_string_equal(c->name, "15/main");
	assert_string_equal(c->component, "15-main");
	assert_string_equal(c->data_directory, "/var/lib/postgresql/15/main");
	assert_string_equal(c->service, "postgresql@15-main.service");
	assert_non_null(strstr(c->conninfo, "host=/run/a port=5433 "));
	pg_clusters_clear(&f->clusters);
	/* What the configuration has is not discovered again. */
	snprintf(path, sizeof(path), "%s/writer.conf", f->dir);
	assert_true(pg_clusters_read(&f->clusters, path, false, f->error));
	assert_true(f->clusters.discover);
	snprintf(path, sizeof(path), "%s/etc", f->dir);
	assert_true(pg_clusters_discover(&f->clusters, path, f->error));
	assert_int_equal(f->clusters.count, 2);
	assert_string_equal(f->clusters.items[0]->conninfo, "host=/x");
	assert_int_equal(f->clusters.items[0]->freeze_ms, 2000);
	pg_clusters_clear(&f->clusters);
	assert_true(pg_clusters_discover(&f->clusters, "/nonexistent", f->error));
	assert_int_equal(f->clusters.count, 0);
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const char *const bad[][2] = {
		{ "[writer]\ndiscover=perhaps\n", ":2:" },
		{ "[cluster]\n", ":1:" },
		{ "[cluster a]\n[cluster a]\n", ":2:" },
		{ "[cluster a]\nfreeze-timeout=0\n", ":2:" },
		{ "[cluster a]\ncolour=red\n", ":2:" },
		{ "[other]\n", ":1:" },
	};
	struct folder *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/writer.conf", f->dir);
	assert_true(pg_clusters_read(&f->clusters, path, true, f->error));
	assert_false(pg_clusters_read(&f->clusters, path, false, f->error));
	for (size_t i = 0; i < COUNT(bad); i++) {
		put(f, "writer.conf", bad[i][0]);
		assert_false(pg_clusters_read(&f->clusters, path, false, f->error));
		assert_non_null(strstr(f->error, bad[i][1]));
		pg_clusters_clear(&f->clusters);
	}
}

static void links_are_part_of_the_layout(void **state)
{
	struct folder *f = *state;
	char target[128], link[128], data[128];
	struct pg_cluster *c = pg_cluster_new("a/b", "host=/nonexistent");
	struct pg_layout layout;
	PGconn *conn;

	assert_non_null(c);
	assert_false(pg_cluster_layout(c, &layout, f->error));
	put(f, "wal/x", "");
	put(f, "space/x", "");
	put(f, "data/PG_VERSION", "15\n");
	put(f, "data/pg_tblspc/readme", "");
	snprintf(data, sizeof(data), "%s/data", f->dir);
	c->data_directory = strdup(data);
	snprintf(target, sizeof(target), "%s/wal", f->dir);
	snprintf(link, sizeof(link), "%s/data/pg_wal", f->dir);
	assert_false(pg_cluster_layout(c, &layout, f->error));
	assert_int_equal(symlink(target, link), 0);
	snprintf(target, sizeof(target), "%s/space", f->dir);
	snprintf(link, sizeof(link), "%s/data/pg_tblspc/16385", f->dir);
	assert_int_equal(symlink(target, link), 0);
	assert_true(pg_cluster_layout(c, &layout, f->error));
	assert_string_equal(layout.data, data);
	assert_non_null(strstr(layout.wal, "/wal"));
	assert_int_equal(layout.nr_tablespaces, 1);
	assert_string_equal(layout.tablespaces[0].oid, "16385");
	assert_string_equal(layout.tablespaces[0].path, target);
	pg_layout_clear(&layout);
	/* No server, and no lock file: stopped.  With the lock file of a process that lives: a failure. */
	assert_int_equal(pg_cluster_connect(c, &conn, f->error), PG_OK);
	assert_null(conn);
	snprintf(target, sizeof(target), "%d\n", getpid());
	put(f, "data/postmaster.pid", target);
	assert_int_equal(pg_cluster_connect(c, &conn, f->error), PG_FAILED);
	put(f, "data/postmaster.pid", "999999999\n");
	assert_int_equal(pg_cluster_connect(c, &conn, f->error), PG_OK);
	pg_cluster_free(c);
}

/* ---- a real server ---- */

struct server {
	char dir[64], bin[256], volume[VSS_BLOCKDEV_NODE_SIZE];
	char data[96], wal[96], space[96], conninfo[160];
	struct pg_cluster *cluster;
	struct fake_vssd vssd;
	struct fake_thread thread;
	struct fake_event event;
	char *part;
};

/* Run a program as a user that PostgreSQL accepts. */
static int command(const struct server *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int command(const struct server *s, const char *format, ...)
{
	char line[1024], whole[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "cd %s && %s%s/%s >>%s/output 2>&1", s->dir,
		 geteuid() ? "" : "setpriv --reuid=postgres --regid=postgres --clear-groups ", s->bin, line, s->dir);
	return system(whole);
}

/* A statement through a connection of its own; the first value into @text. */
static void sql(const struct server *s, const char *settings, const char *statement, char *text, size_t size)
{
	PGconn *conn = PQconnectdb(s->conninfo);
	PGresult *result;

	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	if (settings)
		PQclear(PQexec(conn, settings));
	result = PQexec(conn, statement);
	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", statement, PQerrorMessage(conn));
	if (text)
		snprintf(text, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(conn);
}

static bool find_bin(struct server *s)
{
	glob_t found;
	bool ok = !glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) && found.gl_pathc;

	if (ok) {
		snprintf(s->bin, sizeof(s->bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
		*strrchr(s->bin, '/') = '\0';
	}
	globfree(&found);
	return ok && (geteuid() || getpwnam("postgres"));
}

static int start_server(const struct server *s)
{
	return command(s, "pg_ctl -D %s -w -l %s/log -o '-k %s -c listen_addresses= -c wal_writer_delay=10000 "
		       "-c autovacuum=off' start", s->data, s->dir, s->dir);
}

static char *make_part(void)
{
	struct vss_backup_document *doc;
	struct vss_component *component;
	struct vss_uuid class_id, instance;
	char *xml;

	vss_uuid_parse(PG_WRITER_CLASS, &class_id);
	vss_uuid_parse(SESSION, &instance);
	assert_int_equal(vss_backup_document_new(&doc, NULL), S_OK);
	assert_int_equal(vss_backup_document_add_component(doc, &instance, &class_id, "unit", VSS_BS_COPY,
							   VSS_CT_DATABASE, NULL, "unit", NULL, &component), S_OK);
	assert_int_equal(vss_backup_document_get_part(doc, &instance, &xml, NULL), S_OK);
	vss_backup_document_free(doc);
	return xml;
}

/* A cluster with its WAL and a tablespace elsewhere, and its writer. */
static int server_setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));
	struct vss_blockdev device = { 0 };
	struct vss_error error;
	struct vss_devno dev;
	struct stat st;

	*state = s;
	strcpy(s->dir, "/tmp/vss-unit-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(stat(s->dir, &st), 0);
	dev.major = major(st.st_dev);
	dev.minor = minor(st.st_dev);
	if (!vss_blockdev_from_devno(dev, &device, NULL))
		snprintf(s->volume, sizeof(s->volume), "%s", device.path);
	vss_blockdev_clear(&device);
	if (!find_bin(s) || stat(s->volume, &st) || !S_ISBLK(st.st_mode)) {
		rmdir(s->dir);
		s->dir[0] = '\0';
		return 0;
	}
	if (!geteuid()) {
		const struct passwd *user = getpwnam("postgres");

		assert_int_equal(chown(s->dir, user->pw_uid, user->pw_gid), 0);
	}
	snprintf(s->data, sizeof(s->data), "%s/data", s->dir);
	snprintf(s->wal, sizeof(s->wal), "%s/wal", s->dir);
	snprintf(s->space, sizeof(s->space), "%s/space", s->dir);
	snprintf(s->conninfo, sizeof(s->conninfo), "host=%s user=postgres dbname=postgres", s->dir);
	assert_int_equal(command(s, "initdb -D %s -X %s -U postgres -A trust -N", s->data, s->wal), 0);
	assert_int_equal(start_server(s), 0);
	assert_int_equal(mkdir(s->space, 0700), 0);
	if (!geteuid())
		assert_int_equal(chown(s->space, getpwnam("postgres")->pw_uid, (gid_t)-1), 0);
	{
		char statement[200];

		snprintf(statement, sizeof(statement), "CREATE TABLESPACE elsewhere LOCATION '%s'", s->space);
		sql(s, NULL, statement, NULL, 0);
	}
	sql(s, NULL, "CREATE TABLE t (n int)", NULL, 0);

	s->cluster = pg_cluster_new("unit", s->conninfo);
	s->cluster->freeze_ms = 20000;
	s->cluster->connect_ms = 20000;
	fake_start(&s->vssd, true);
	assert_int_equal(pg_writer_initialize(s->cluster, s->vssd.address, &error), S_OK);
	fake_thread_start(&s->thread, s->cluster->writer);
	fake_register(&s->vssd, NULL);
	s->part = make_part();
	return 0;
}

static int server_teardown(void **state)
{
	struct server *s = *state;

	if (s->dir[0]) {
		fake_die(&s->vssd, true);
		fake_thread_stop(&s->thread);
		vss_writer_free(s->cluster->writer);
		pg_cluster_free(s->cluster);
		fake_end(&s->vssd);
		command(s, "pg_ctl -D %s -w -m immediate stop", s->data);
		tree_remove(s->dir);
		free(s->event.components);
		free(s->part);
	}
	free(s);
	return 0;
}

static struct server *need_server(void **state)
{
	struct server *s = *state;

	if (!s->dir[0])
		skip();
	free(s->event.components);
	s->event = (struct fake_event) {
		.session = SESSION, .set = SET, .components_selected = true,
		.volumes = { s->volume }, .part = s->part,
	};
	return s;
}

static vss_result call(struct server *s, const char *event)
{
	fake_call(&s->vssd, event, &s->event);
	return s->event.failure;
}

static void assert_ok(struct server *s, const char *event)
{
	if (call(s, event))
		fail_msg("%s: %s", event, s->event.message);
}

static void metadata_has_all_folders(void **state)
{
	struct server *s = need_server(state);
	char *document = fake_identify(&s->vssd);

	assert_string_equal(s->vssd.name, "PostgreSQL");
	assert_string_equal(s->vssd.instance_name, "unit");
	assert_int_equal(s->vssd.level, VSS_APP_BACK_END);
	assert_non_null(strstr(document, s->data));
	assert_non_null(strstr(document, s->wal));
	assert_non_null(strstr(document, s->space));
	assert_non_null(strstr(document, "postmaster.pid"));
	free(document);
}

/* What was acknowledged before Freeze is on the disk after it, whatever synchronous_commit was. */
static void freeze_flushes_what_was_acknowledged(void **state)
{
	struct server *s = need_server(state);
	char before[32], flushed[64], lsn[64], statement[128];
	int tries = 10;

	assert_ok(s, "PrepareBackup");
	assert_ok(s, "PrepareSnapshot");
	/* Again where the server has just flushed by itself, as it does every ten seconds. */
	do {
		sql(s, "SET synchronous_commit = off", "INSERT INTO t VALUES (1)", NULL, 0);
		sql(s, NULL, "SELECT pg_current_wal_insert_lsn()", lsn, sizeof(lsn));
		snprintf(statement, sizeof(statement), "SELECT pg_current_wal_flush_lsn() >= '%s'", lsn);
		sql(s, NULL, statement, before, sizeof(before));
	} while (strcmp(before, "f") && --tries);
	assert_ok(s, "Freeze");
	sql(s, NULL, statement, flushed, sizeof(flushed));
	/* Else the test shows nothing. */
	assert_string_equal(before, "f");
	assert_string_equal(flushed, "t");
	assert_ok(s, "Thaw");
	assert_ok(s, "PostSnapshot");
	snprintf(statement, sizeof(statement), "SELECT '%s'::pg_lsn >= '%s'", s->cluster->facts.lsn, lsn);
	sql(s, NULL, statement, flushed, sizeof(flushed));
	assert_string_equal(flushed, "t");
	assert_non_null(strstr(s->event.components, s->cluster->facts.lsn));
	assert_non_null(strstr(s->event.components, s->cluster->facts.system_identifier));
	assert_non_null(strstr(s->event.components, s->space));
	assert_null(s->cluster->conn);
}

static void every_volume_has_to_be_in_the_set(void **state)
{
	struct server *s = need_server(state);

	s->event.volumes[0] = "/dev/nonexistent";
	assert_ok(s, "PrepareBackup");
	assert_int_equal(call(s, "PrepareSnapshot"), VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT);
	assert_non_null(strstr(s->event.message, "on no volume"));
	/* Without components, a set of other volumes is none of its business. */
	s->event.components_selected = false;
	s->event.part = NULL;
	assert_ok(s, "PrepareBackup");
	assert_ok(s, "PrepareSnapshot");
	assert_ok(s, "Freeze");
	assert_ok(s, "Thaw");
	assert_ok(s, "PostSnapshot");
}

static void a_server_that_hangs_costs_its_limit(void **state)
{
	struct server *s = need_server(state);
	const uint32_t freeze_ms = s->cluster->freeze_ms;
	struct timespec start, end;
	pid_t backend;

	assert_ok(s, "PrepareBackup");
	assert_ok(s, "PrepareSnapshot");
	s->cluster->freeze_ms = 1000;
	backend = PQbackendPID(s->cluster->conn);
	assert_int_equal(kill(backend, SIGSTOP), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(call(s, "Freeze"), VSS_E_WRITERERROR_TIMEOUT);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec <= 20);
	kill(backend, SIGCONT);
	assert_ok(s, "Abort");
	s->cluster->freeze_ms = freeze_ms;
	assert_null(s->cluster->conn);
}

static void a_lost_connection_fails_freeze(void **state)
{
	struct server *s = need_server(state);

	assert_ok(s, "PrepareBackup");
	assert_ok(s, "PrepareSnapshot");
	sql(s, NULL, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
	    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'", NULL, 0);
	assert_int_equal(call(s, "Freeze"), VSS_E_WRITERERROR_RETRYABLE);
	assert_ok(s, "Abort");
}

static void a_restore_wants_the_server_stopped(void **state)
{
	struct server *s = need_server(state);

	assert_int_equal(call(s, "PreRestore"), VSS_E_WRITERERROR_RETRYABLE);
	assert_non_null(strstr(s->event.components, "still runs"));
	assert_int_equal(command(s, "pg_ctl -D %s -w -m fast stop", s->data), 0);
	assert_ok(s, "PreRestore");
	assert_ok(s, "PostRestore");
	/* A stopped cluster can be in a shadow copy too. */
	assert_ok(s, "PrepareBackup");
	assert_ok(s, "PrepareSnapshot");
	assert_ok(s, "Freeze");
	assert_ok(s, "Thaw");
	assert_ok(s, "PostSnapshot");
	assert_non_null(strstr(s->event.components, "stopped"));
	assert_non_null(strstr(s->event.components, s->cluster->facts.system_identifier));
	assert_int_equal(start_server(s), 0);
}

int main(void)
{
	const struct CMUnitTest files[] = {
		cmocka_unit_test_setup_teardown(clusters_are_discovered, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_told_with_their_line, setup, teardown),
		cmocka_unit_test_setup_teardown(links_are_part_of_the_layout, setup, teardown),
	};
	const struct CMUnitTest server[] = {
		cmocka_unit_test(metadata_has_all_folders),
		cmocka_unit_test(freeze_flushes_what_was_acknowledged),
		cmocka_unit_test(every_volume_has_to_be_in_the_set),
		cmocka_unit_test(a_server_that_hangs_costs_its_limit),
		cmocka_unit_test(a_lost_connection_fails_freeze),
		cmocka_unit_test(a_restore_wants_the_server_stopped),
	};
	int failed = cmocka_run_group_tests_name("writer-postgresql", files, NULL, NULL);

	return failed + cmocka_run_group_tests_name("writer-postgresql-server", server, server_setup,
						    server_teardown);
}
