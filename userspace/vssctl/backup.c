// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One backup through vssd.  Which components take part is backup-components.c's
 * matter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup-components.h"
#include "devnode.h"

void vssctl_backup_init(struct vssctl_backup *backup, struct vssctl *ctl)
{
	*backup = (struct vssctl_backup) {
		.ctl = ctl,
		.context = VSS_CTX_BACKUP,
		.type = VSS_BT_FULL,
	};
}

static void choice_clear(struct vssctl_writer_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++)
		free(choice->names[i]);
	free(choice->names);
	free(choice->found);
}

void vssctl_backup_clear(struct vssctl_backup *backup)
{
	vss_backup_components_release(backup->bc);
	choice_clear(&backup->only);
	choice_clear(&backup->include);
	choice_clear(&backup->exclude);
	for (size_t i = 0; i < backup->nr_volumes; i++) {
		free(backup->volumes[i].name);
		free(backup->volumes[i].alias);
		vss_blockdev_clear(&backup->volumes[i].blockdev);
	}
	for (size_t i = 0; i < backup->nr_components; i++) {
		free(backup->components[i].path);
		free(backup->components[i].name);
	}
	free(backup->components);
	*backup = (struct vssctl_backup) { .ctl = backup->ctl };
}

int vssctl_backup_add_volume(struct vssctl_backup *backup, const char *name, const char *alias,
			     const struct vss_uuid *provider)
{
	struct vssctl_backup_volume volume = { 0 };
	struct vssctl *ctl = backup->ctl;
	int ret;

	if (backup->nr_volumes == VSSCTL_MAX_VOLUMES)
		return vssctl_fail(ctl, VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED,
				   "a set takes %d volumes at most", VSSCTL_MAX_VOLUMES);
	ret = vssctl_resolve(ctl, name, &volume.blockdev);
	if (ret)
		return ret;
	for (size_t i = 0; i < backup->nr_volumes; i++) {
		const struct vssctl_backup_volume *other = &backup->volumes[i];

		if (other->blockdev.dev.major != volume.blockdev.dev.major ||
		    other->blockdev.dev.minor != volume.blockdev.dev.minor)
			continue;
		ret = vssctl_fail(ctl, VSS_E_OBJECT_ALREADY_EXISTS, "%s and %s are the same volume, %s",
				  other->name, name, volume.blockdev.path);
		vss_blockdev_clear(&volume.blockdev);
		return ret;
	}
	volume.name = strdup(name);
	volume.alias = alias ? strdup(alias) : NULL;
	if (provider)
		volume.provider = *provider;
	backup->volumes[backup->nr_volumes++] = volume;
	return volume.name && (!alias || volume.alias) ? 0 :
	       vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
}

int vssctl_backup_choose(struct vssctl_backup *backup, struct vssctl_writer_choice *choice,
			 const char *name)
{
	size_t n = choice->count;
	char **names = reallocarray(choice->names, n + 1, sizeof(*names));
	bool *found;

	if (!names)
		goto no_memory;
	choice->names = names;
	found = reallocarray(choice->found, n + 1, sizeof(*found));
	if (!found)
		goto no_memory;
	choice->found = found;
	found[n] = false;
	names[n] = strdup(name);
	if (!names[n])
		goto no_memory;
	choice->count++;
	return 0;

no_memory:
	return vssctl_fail(backup->ctl, E_OUTOFMEMORY, "out of memory");
}

/* Does the backup rely on the writer?  One that was left out may fail as it likes. */
static bool relies_on(const struct vssctl_backup *backup, const struct vss_uuid *instance)
{
	if (backup->no_components)
		return true;
	for (size_t i = 0; i < backup->nr_components; i++)
		if (vss_uuid_equal(&backup->components[i].instance, instance))
			return true;
	return false;
}

/* Tell of writers that have failed; how many of them the backup relies on. */
static int warn_of_writers(struct vssctl_backup *backup, const char *when, size_t *failed)
{
	struct vss_writer_status *statuses;
	size_t count;
	int ret = vssctl_writer_statuses(backup->ctl, backup->bc, &statuses, &count);

	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		const struct vss_writer_status *s = &statuses[i];

		if (!VSS_FAILED(s->failure))
			continue;
		*failed += relies_on(backup, &s->instance_id);
		vssctl_warn(backup->ctl, "writer \"%s\" %s: %s, %s%s%s", s->writer_name, when,
			    vss_writer_state_name(s->state), vss_result_name(s->failure),
			    s->application_message ? ": " : "",
			    s->application_message ? s->application_message : "");
	}
	vssctl_statuses_free(statuses, count);
	return 0;
}

static int initialize(struct vssctl_backup *backup)
{
	struct vss_backup_components *bc;
	struct vssctl *ctl = backup->ctl;
	int ret = vssctl_connect(ctl, &backup->bc);

	if (ret)
		return ret;
	bc = backup->bc;
	return vssctl_check(ctl, bc, vss_backup_components_initialize_for_backup(bc, NULL)) ?:
	       vssctl_check(ctl, bc, vss_backup_components_set_context(bc, backup->context)) ?:
	       vssctl_check(ctl, bc,
			    vss_backup_components_set_backup_state(bc, !backup->no_components, false,
								   backup->type, false));
}

static int add_volumes(struct vssctl_backup *backup)
{
	struct vss_backup_components *bc = backup->bc;
	struct vssctl *ctl = backup->ctl;
	int ret = vssctl_check(ctl, bc, vss_backup_components_start_snapshot_set(bc, &backup->set));

	for (size_t i = 0; !ret && i < backup->nr_volumes; i++) {
		struct vssctl_backup_volume *v = &backup->volumes[i];

		ret = vssctl_check(ctl, bc,
				   vss_backup_components_add_to_snapshot_set(bc, v->blockdev.path,
									     &v->provider,
									     &v->snapshot));
	}
	return ret;
}

static int prepare_and_do(struct vssctl_backup *backup, bool writers)
{
	struct vss_backup_components *bc = backup->bc;
	struct vssctl *ctl = backup->ctl;
	struct vss_async *async;
	size_t failed = 0;
	int ret = 0;

	if (writers)
		ret = vssctl_wait(ctl, bc, vss_backup_components_prepare_for_backup(bc, &async),
				  &async, "preparing writers", NULL) ?:
		      warn_of_writers(backup, "was not ready", &failed);
	if (ret)
		return ret;
	if (failed)
		return vssctl_fail(ctl, VSS_E_UNEXPECTED_WRITER_ERROR,
				   "%zu writer%s cannot take part; exclude %s, or mend what is wrong",
				   failed, failed == 1 ? "" : "s", failed == 1 ? "it" : "them");
	ret = vssctl_wait(ctl, bc, vss_backup_components_do_snapshot_set(bc, &async), &async,
			  "making the shadow copies", NULL);
	if (ret) {
		if (writers)
			warn_of_writers(backup, "failed", &failed);
		return ret;
	}
	backup->created = true;
	if (!writers)
		return 0;
	ret = warn_of_writers(backup, "failed", &failed);
	if (!ret && failed)
		ret = vssctl_fail(ctl, VSS_E_UNEXPECTED_WRITER_ERROR,
				  "the shadow copies are not consistent for %zu writer%s", failed,
				  failed == 1 ? "" : "s");
	return ret;
}

/* What was made of a set that failed after it was made must not stay. */
static void delete_set(struct vssctl_backup *backup)
{
	struct vss_uuid nondeleted;
	int32_t deleted;

	vss_backup_components_delete_snapshots(backup->bc, &backup->set, VSS_OBJECT_SNAPSHOT_SET, true,
					       &deleted, &nondeleted);
	backup->created = false;
}

int vssctl_backup_create(struct vssctl_backup *backup)
{
	bool writers = vss_context_has_writers(backup->context);
	int ret = initialize(backup);

	if (!ret && writers)
		ret = vssctl_backup_select(backup);
	if (!ret)
		ret = add_volumes(backup);
	if (!ret)
		ret = prepare_and_do(backup, writers);
	if (!ret)
		vssctl_backup_warn_volatile(backup);
	if (ret && backup->bc)
		vssctl_backup_undo(backup);
	return ret;
}

void vssctl_backup_undo(struct vssctl_backup *backup)
{
	if (backup->created)
		delete_set(backup);
	vss_backup_components_abort_backup(backup->bc);
}

int vssctl_backup_document(struct vssctl_backup *backup, char **xml)
{
	return vssctl_check(backup->ctl, backup->bc,
			    vss_backup_components_save_as_xml(backup->bc, xml));
}

static int save_one(struct vssctl_backup *backup, const char *dir, uint32_t index)
{
	struct vss_writer_metadata *metadata;
	char *xml = NULL, *path = NULL;
	struct vss_uuid instance;
	int ret;

	ret = vssctl_check(backup->ctl, backup->bc,
			   vss_backup_components_get_writer_metadata(backup->bc, index, &instance,
								     &metadata));
	if (ret)
		return ret;
	if (VSS_FAILED(vss_examine_writer_metadata_save_as_xml(metadata, &xml)))
		ret = vssctl_fail_error(backup->ctl, vss_writer_metadata_error(metadata));
	else if (asprintf(&path, "%s/wm-%u.xml", dir, index) < 0)
		ret = vssctl_fail(backup->ctl, E_OUTOFMEMORY, "out of memory");
	else
		ret = vssctl_write_file(backup->ctl, path, xml, strlen(xml));
	free(path);
	free(xml);
	vss_writer_metadata_free(metadata);
	return ret;
}

int vssctl_backup_save_metadata(struct vssctl_backup *backup, const char *dir)
{
	uint32_t count = 0;
	int ret = 0;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return vssctl_fail(backup->ctl, vss_result_from_errno(errno),
				   "cannot make the directory %s: %s", dir, strerror(errno));
	if (!vss_context_has_writers(backup->context))
		return 0;
	ret = vssctl_check(backup->ctl, backup->bc,
			   vss_backup_components_get_writer_metadata_count(backup->bc, &count));
	for (uint32_t i = 0; !ret && i < count; i++)
		ret = save_one(backup, dir, i);
	return ret;
}

int vssctl_backup_complete(struct vssctl_backup *backup, bool succeeded)
{
	struct vss_backup_components *bc = backup->bc;
	struct vssctl *ctl = backup->ctl;
	struct vss_async *async;
	size_t failed = 0;
	int ret = 0;

	if (!vss_context_has_writers(backup->context))
		return 0;
	for (size_t i = 0; !ret && i < backup->nr_components; i++) {
		const struct vssctl_backup_component *c = &backup->components[i];

		ret = vssctl_check(ctl, bc,
				   vss_backup_components_set_backup_succeeded(bc, &c->instance, &c->writer,
									      c->type, c->path, c->name,
									      succeeded));
	}
	if (!ret)
		ret = vssctl_wait(ctl, bc, vss_backup_components_backup_complete(bc, &async), &async,
				  "completing the backup", NULL) ?:
		      warn_of_writers(backup, "failed at BackupComplete", &failed);
	return ret;
}

static void child(bool json, const char *command, char *const *environment)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What vssctl writes there is one JSON text. */
	if (json)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	for (; environment && *environment; environment++)
		putenv(*environment);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int vssctl_backup_exec(struct vssctl *ctl, const char *command, char *const *environment)
{
	int status;
	pid_t pid;

	fflush(ctl->out);
	pid = fork();
	if (pid < 0)
		return vssctl_fail(ctl, vss_result_from_errno(errno), "cannot run \"%s\": %s", command,
				   strerror(errno));
	if (!pid)
		child(ctl->json, command, environment);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return vssctl_fail(ctl, VSS_E_UNEXPECTED, "waiting for \"%s\": %s", command,
					   strerror(errno));
	if (WIFSIGNALED(status))
		return vssctl_fail(ctl, E_FAIL, "\"%s\" was ended by signal %d", command,
				   WTERMSIG(status));
	if (WEXITSTATUS(status))
		return vssctl_fail(ctl, E_FAIL, "\"%s\" failed with exit status %d", command,
				   WEXITSTATUS(status));
	return 0;
}

void vssctl_environment_free(char **environment)
{
	for (char **e = environment; e && *e; e++)
		free(*e);
	free(environment);
}

char **vssctl_backup_environment(struct vssctl_backup *backup)
{
	size_t n = 0, most = 1 + 4 * backup->nr_volumes;
	char **environment = calloc(most + 1, sizeof(*environment));
	char id[VSS_UUID_TEXT_SIZE];
	bool ok = environment;

	if (ok)
		ok = asprintf(&environment[n++], "VSS_SHADOW_SET=%s",
			      vss_uuid_format(&backup->set, id)) >= 0;
	for (size_t i = 0; ok && i < backup->nr_volumes; i++) {
		const struct vssctl_backup_volume *v = &backup->volumes[i];
		struct vss_snapshot_prop prop = { 0 };

		/* A transportable one has no device here. */
		vss_backup_components_get_snapshot_properties(backup->bc, &v->snapshot, &prop);
		vss_uuid_format(&v->snapshot, id);
		ok = asprintf(&environment[n++], "VSS_SHADOW_%zu=%s", i + 1, id) >= 0 &&
		     asprintf(&environment[n++], "VSS_VOLUME_%zu=%s", i + 1, v->blockdev.path) >= 0 &&
		     asprintf(&environment[n++], "VSS_DEVICE_%zu=%s", i + 1,
			      prop.device_object ? prop.device_object : "") >= 0 &&
		     (!v->alias || asprintf(&environment[n++], "%s=%s", v->alias, id) >= 0);
		vss_free_snapshot_properties(&prop);
	}
	if (ok)
		return environment;
	vssctl_environment_free(environment);
	return NULL;
}
