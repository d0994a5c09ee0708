// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A PostgreSQL cluster as a writer.
 *
 * A shadow copy set is one instant on all its volumes.  To PostgreSQL a copy of
 * the whole cluster at one instant is what a power failure leaves behind, and
 * the server that is started on it recovers from its write-ahead log, which is
 * in the copy too.  So the server is neither stopped nor put into backup mode:
 *
 *  - PrepareSnapshot makes sure that the set has every volume of the cluster (a
 *    part would be useless, and there is no way to make use of it: backup mode
 *    bridges the time between parts only together with WAL that is archived
 *    from the end of that time) and makes a checkpoint, so that little has to be
 *    recovered;
 *  - Freeze commits a message into the WAL, whose flush brings every transaction
 *    that was acknowledged before to the disk, also those committed with
 *    synchronous_commit off, and notes the position.
 *
 * Nothing waits between Freeze and Thaw but for the volumes themselves.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "common/serve.h"
#include "pg-events.h"

/* ---- failing ---- */

static bool fail(struct pg_cluster *cluster, vss_result failure, const char *message)
{
	serve_log(LOG_ERR, "%s", message);
	vss_writer_set_writer_failure_ex(cluster->writer, failure, S_OK, message);
	return false;
}

static bool fail_outcome(struct pg_cluster *cluster, enum pg_outcome outcome, const char *message)
{
	return fail(cluster, outcome == PG_TIMED_OUT ? VSS_E_WRITERERROR_TIMEOUT : VSS_E_WRITERERROR_RETRYABLE,
		    message);
}

/* Our component in the backup's document; NULL when it is not there. */
static struct vss_component *find_component(const struct pg_cluster *cluster,
					    struct vss_writer_components *components)
{
	uint32_t count = 0;

	if (components)
		vss_writer_components_get_component_count(components, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct vss_component *component;
		char *name = NULL, *path = NULL;
		bool ours;

		if (vss_writer_components_get_component(components, i, &component))
			continue;
		vss_component_get_component_name(component, &name);
		vss_component_get_logical_path(component, &path);
		ours = name && !strcmp(name, cluster->component) && (!path || !path[0]);
		free(name);
		free(path);
		if (ours)
			return component;
	}
	return NULL;
}

static void end_snapshot(struct pg_cluster *cluster)
{
	PQfinish(cluster->conn);
	cluster->conn = NULL;
	cluster->involved = false;
}

/* ---- Identify ---- */

/* Files that a copy has no use for, below the data directory. */
static const struct {
	const char *folder;
	const char *spec;
	bool recursive;
} excluded[] = {
	{ "", "postmaster.pid", false },
	{ "", "pg_internal.init", true },
	{ "", "pgsql_tmp*", true },
	{ "/pg_dynshmem", "*", true },
	{ "/pg_notify", "*", true },
	{ "/pg_serial", "*", true },
	{ "/pg_snapshots", "*", true },
	{ "/pg_stat_tmp", "*", true },
	{ "/pg_subtrans", "*", true },
};

/* A whole folder that belongs to the cluster, chosen with it. */
static bool add_folder(const struct pg_cluster *cluster, struct vss_writer_metadata *metadata,
		       const char *name, const char *path)
{
	return !vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, cluster->component, name,
							 NULL, false, false, false, false, 0) &&
	       !vss_create_writer_metadata_add_files_to_file_group(metadata, cluster->component, name, path, "*",
								   true, NULL, 0);
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static bool describe(const struct pg_cluster *cluster, const struct pg_layout *layout,
		     struct vss_writer_metadata *metadata)
{
	char caption[PATH_MAX + 300], folder[PATH_MAX + 32], name[64];

	snprintf(caption, sizeof(caption), "PostgreSQL cluster %.250s in %s", cluster->name, layout->data);
	for (size_t i = 0; i < sizeof(excluded) / sizeof(excluded[0]); i++) {
		snprintf(folder, sizeof(folder), "%s%s", layout->data, excluded[i].folder);
		if (vss_create_writer_metadata_add_exclude_files(metadata, folder, excluded[i].spec,
								 excluded[i].recursive))
			return false;
	}
	if (vss_create_writer_metadata_add_component(metadata, VSS_CT_DATABASE, NULL, cluster->component, caption,
						     true, true, true, true, 0) ||
	    vss_create_writer_metadata_add_database_files(metadata, NULL, cluster->component, layout->data, "*", 0) ||
	    vss_create_writer_metadata_add_database_log_files(metadata, NULL, cluster->component, layout->wal, "*",
							      0) ||
	    !add_folder(cluster, metadata, "data", layout->data))
		return false;
	if (!is_below(layout->wal, layout->data) && !add_folder(cluster, metadata, "wal", layout->wal))
		return false;
	for (size_t i = 0; i < layout->nr_tablespaces; i++) {
		snprintf(name, sizeof(name), "tablespace-%s", layout->tablespaces[i].oid);
		if (!is_below(layout->tablespaces[i].path, layout->data) &&
		    !add_folder(cluster, metadata, name, layout->tablespaces[i].path))
			return false;
	}
	if (cluster->config_directory && !is_below(cluster->config_directory, layout->data) &&
	    !add_folder(cluster, metadata, "configuration", cluster->config_directory))
		return false;
	return !vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_STOP_RESTORE_START,
							      cluster->service, NULL, VSS_WRE_ALWAYS, false) &&
	       !vss_create_writer_metadata_set_backup_schema(metadata, VSS_BS_COPY);
}

static bool on_identify(struct vss_writer *writer, struct vss_writer_metadata *metadata, void *data)
{
	struct pg_cluster *cluster = data;
	char error[TEXT_ERROR_SIZE];
	struct pg_layout layout;
	PGconn *conn = NULL;
	bool ok;

	(void)writer;
	/* A server that cannot be reached now may have told where its data is before. */
	if (pg_cluster_connect(cluster, &conn, error) != PG_OK)
		serve_log(LOG_WARNING, "%s", error);
	PQfinish(conn);
	ok = pg_cluster_layout(cluster, &layout, error);
	if (ok) {
		ok = describe(cluster, &layout, metadata);
		if (!ok)
			text_error(error, "cluster %s: %s", cluster->name, vss_writer_metadata_error(metadata)->text);
		pg_layout_clear(&layout);
	}
	if (!ok)
		serve_log(LOG_ERR, "%s", error);
	return ok;
}

/* ---- before the shadow copy ---- */

/* Find out early what would fail later, while the requester can still choose. */
static bool on_prepare_backup(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	struct pg_cluster *cluster = data;
	struct vss_component *component = find_component(cluster, components);
	char error[TEXT_ERROR_SIZE];
	enum pg_outcome outcome;
	PGconn *conn;

	(void)writer;
	outcome = pg_cluster_connect(cluster, &conn, error);
	PQfinish(conn);
	if (outcome == PG_OK)
		return true;
	if (component)
		vss_component_set_failure_msg(component, VSS_FAILURE_PREPARE_FOR_BACKUP, error);
	return fail_outcome(cluster, outcome, error);
}

struct affected {
	struct pg_cluster *cluster;
	size_t inside;
	char outside[PATH_MAX];		/* a path of the cluster that the set does not have */
};

static void check_path(struct affected *affected, const char *path)
{
	if (vss_writer_is_path_affected(affected->cluster->writer, path))
		affected->inside++;
	else
		snprintf(affected->outside, sizeof(affected->outside), "%s", path);
}

static dev_t device_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_dev;
}

/* Without fsync the order of writes holds within one file system only, by its freeze. */
static bool is_on_one_device(const struct pg_layout *layout)
{
	dev_t dev = device_of(layout->data);

	if (device_of(layout->wal) != dev)
		return false;
	for (size_t i = 0; i < layout->nr_tablespaces; i++)
		if (device_of(layout->tablespaces[i].path) != dev)
			return false;
	return true;
}

/* Is the cluster in the set, as a whole?  False: it failed. */
static bool check_volumes(struct pg_cluster *cluster)
{
	struct affected affected = { .cluster = cluster };
	const struct pg_layout *layout = &cluster->layout;
	char error[TEXT_ERROR_SIZE];

	check_path(&affected, layout->data);
	check_path(&affected, layout->wal);
	for (size_t i = 0; i < layout->nr_tablespaces; i++)
		check_path(&affected, layout->tablespaces[i].path);
	cluster->involved = affected.inside;
	if (!affected.outside[0])
		return true;
	if (!affected.inside && !vss_writer_are_components_selected(cluster->writer)) {
		serve_log(LOG_INFO, "cluster %s is not on the volumes of this shadow copy", cluster->name);
		return true;
	}
	text_error(error, "cluster %.200s: %.600s is on no volume of the shadow copy set; add its volume",
		   cluster->name, affected.outside);
	return fail(cluster, VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT, error);
}

static bool check_fsync(struct pg_cluster *cluster)
{
	char error[TEXT_ERROR_SIZE];

	if (cluster->facts.fsync)
		return true;
	text_error(error, "cluster %s runs with fsync off", cluster->name);
	if (is_on_one_device(&cluster->layout)) {
		serve_log(LOG_WARNING, "%s: a power failure would destroy it, this shadow copy does not", error);
		return true;
	}
	text_error(error, "cluster %s runs with fsync off on several file systems, whose shadow copies do not fit "
		   "together then; switch fsync on", cluster->name);
	return fail(cluster, VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT, error);
}

/* It only makes recovery shorter, so that its failure is no failure of ours. */
static enum pg_outcome checkpoint(struct pg_cluster *cluster, char error[TEXT_ERROR_SIZE])
{
	enum pg_outcome outcome = pg_query(cluster->conn, "CHECKPOINT", NULL, cluster->checkpoint_ms, NULL, error);

	if (outcome == PG_OK)
		return PG_OK;
	serve_log(LOG_WARNING, "cluster %s: no checkpoint: %s", cluster->name, error);
	if (outcome == PG_FAILED && PQstatus(cluster->conn) == CONNECTION_OK)
		return PG_OK;
	/* The statement is still under way on this connection. */
	PQfinish(cluster->conn);
	cluster->conn = NULL;
	return pg_cluster_connect(cluster, &cluster->conn, error);
}

static bool prepare_snapshot(struct pg_cluster *cluster)
{
	char error[TEXT_ERROR_SIZE];
	enum pg_outcome outcome;

	pg_layout_clear(&cluster->layout);
	outcome = pg_cluster_connect(cluster, &cluster->conn, error);
	if (outcome != PG_OK)
		return fail_outcome(cluster, outcome, error);
	if (!pg_cluster_layout(cluster, &cluster->layout, error))
		return fail(cluster, VSS_E_WRITERERROR_RETRYABLE, error);
	if (!check_volumes(cluster))
		return false;
	if (!cluster->involved) {
		end_snapshot(cluster);
		return true;
	}
	outcome = pg_cluster_facts(cluster, cluster->conn, &cluster->facts, error);
	if (outcome != PG_OK)
		return fail_outcome(cluster, outcome, error);
	if (!check_fsync(cluster))
		return false;
	if (cluster->conn) {
		outcome = checkpoint(cluster, error);
		if (outcome != PG_OK)
			return fail_outcome(cluster, outcome, error);
	}
	return true;
}

static bool on_prepare_snapshot(struct vss_writer *writer, void *data)
{
	(void)writer;
	end_snapshot(data);
	if (prepare_snapshot(data))
		return true;
	/* No Abort follows. */
	end_snapshot(data);
	return false;
}

/* ---- the instant ---- */

static enum pg_outcome flush(struct pg_cluster *cluster, char error[TEXT_ERROR_SIZE])
{
	char text[VSS_UUID_TEXT_SIZE] = "";
	enum pg_outcome outcome;
	struct vss_uuid set;

	if (!vss_writer_get_current_snapshot_set_id(cluster->writer, &set))
		vss_uuid_format(&set, text);
	outcome = pg_query(cluster->conn, "SELECT pg_logical_emit_message(true, 'vss', $1::text)", text,
			   cluster->freeze_ms, NULL, error);
	if (outcome != PG_OK)
		return outcome;
	return pg_value(cluster->conn, "SELECT pg_current_wal_flush_lsn()", cluster->freeze_ms,
			cluster->facts.lsn, sizeof(cluster->facts.lsn), error);
}

static bool on_freeze(struct vss_writer *writer, void *data)
{
	struct pg_cluster *cluster = data;
	char error[TEXT_ERROR_SIZE], message[TEXT_ERROR_SIZE];
	enum pg_outcome outcome;

	(void)writer;
	if (!cluster->involved || !cluster->conn)
		return true;
	if (cluster->facts.state == PG_STANDBY)
		outcome = pg_value(cluster->conn, "SELECT pg_last_wal_replay_lsn()", cluster->freeze_ms,
				   cluster->facts.lsn, sizeof(cluster->facts.lsn), error);
	else
		outcome = flush(cluster, error);
	if (outcome == PG_OK)
		return true;
	text_error(message, "cluster %.200s: %.700s", cluster->name, error);
	return fail_outcome(cluster, outcome, message);
}

static bool on_thaw(struct vss_writer *writer, void *data)
{
	struct pg_cluster *cluster = data;

	(void)writer;
	PQfinish(cluster->conn);
	cluster->conn = NULL;
	return true;
}

static bool on_abort(struct vss_writer *writer, void *data)
{
	(void)writer;
	end_snapshot(data);
	return true;
}

/* ---- after the shadow copy ---- */

/* What a restore may want to know of this copy; a string to free() or NULL. */
static char *facts_text(const struct pg_cluster *cluster)
{
	static const char *const states[] = { "stopped", "running", "standby" };
	const struct pg_layout *layout = &cluster->layout;
	const struct pg_facts *facts = &cluster->facts;
	struct json_object *object = json_object_new_object(), *tablespaces = json_object_new_object();
	char *text;

	json_object_object_add(object, "cluster", json_object_new_string(cluster->name));
	json_object_object_add(object, "system_identifier", json_object_new_string(facts->system_identifier));
	json_object_object_add(object, "server_version", json_object_new_int(facts->version));
	json_object_object_add(object, "state", json_object_new_string(states[facts->state]));
	json_object_object_add(object, "timeline", json_object_new_string(facts->timeline));
	json_object_object_add(object, "lsn", json_object_new_string(facts->lsn));
	json_object_object_add(object, "data_directory", json_object_new_string(layout->data));
	json_object_object_add(object, "wal_directory", json_object_new_string(layout->wal));
	for (size_t i = 0; i < layout->nr_tablespaces; i++)
		json_object_object_add(tablespaces, layout->tablespaces[i].oid,
				       json_object_new_string(layout->tablespaces[i].path));
	json_object_object_add(object, "tablespaces", tablespaces);
	json_object_object_add(object, "recovery", json_object_new_string("start a server on a copy"));
	text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return text;
}

static bool on_post_snapshot(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	struct pg_cluster *cluster = data;
	struct vss_component *component = find_component(cluster, components);
	bool ok = true;
	char *text;

	(void)writer;
	if (cluster->involved)
		serve_log(LOG_INFO, "cluster %s is in the shadow copy up to WAL position %s", cluster->name,
			  cluster->facts.lsn[0] ? cluster->facts.lsn : "(stopped)");
	if (cluster->involved && component) {
		text = facts_text(cluster);
		ok = text && !vss_component_set_backup_metadata(component, text) &&
		     (!cluster->facts.lsn[0] || !vss_component_set_backup_stamp(component, cluster->facts.lsn));
		free(text);
	}
	end_snapshot(cluster);
	return ok || fail(cluster, VSS_E_WRITERERROR_OUTOFRESOURCES, "the metadata of the backup cannot be written");
}

/* ---- restore ---- */

static bool on_pre_restore(struct vss_writer *writer, struct vss_writer_components *components, void *data)
{
	struct pg_cluster *cluster = data;
	struct vss_component *component = find_component(cluster, components);
	char error[TEXT_ERROR_SIZE];

	(void)writer;
	if (!pg_cluster_is_running(cluster))
		return true;
	text_error(error, "cluster %s: its server still runs; stop %s before the restore", cluster->name,
		   cluster->service);
	if (component)
		vss_component_set_failure_msg(component, VSS_FAILURE_PRE_RESTORE, error);
	return fail(cluster, VSS_E_WRITERERROR_RETRYABLE, error);
}

const struct vss_writer_ops pg_ops = {
	.identify = on_identify,
	.prepare_backup = on_prepare_backup,
	.prepare_snapshot = on_prepare_snapshot,
	.freeze = on_freeze,
	.thaw = on_thaw,
	.post_snapshot = on_post_snapshot,
	.abort = on_abort,
	.pre_restore = on_pre_restore,
};

vss_result pg_writer_initialize(struct pg_cluster *cluster, const char *address, struct vss_error *err)
{
	struct vss_writer_config config = {
		.writer_name = "PostgreSQL",
		.instance_name = cluster->name,
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_TRANSACTEDDB,
		.level = VSS_APP_BACK_END,
		.major_version = 1,
		.address = address,
	};

	vss_uuid_parse(PG_WRITER_CLASS, &config.writer_id);
	return vss_writer_initialize(&config, &pg_ops, cluster, &cluster->writer, err);
}
