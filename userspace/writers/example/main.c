// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The smallest useful writer: a counter in a file, which is at rest in every
 * shadow copy.
 *
 *	vss-writer-example DIR [ADDRESS]
 *
 * The program counts ten times a second and keeps the number in memory; the
 * file DIR/counter gets it only now and then.  In a shadow copy the file must
 * hold what the program has counted, so it is written in Freeze, and counting
 * stands until Thaw.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vss/writer.h>

struct app {
	const char *dir;
	unsigned long count;
	bool frozen;
	bool affected;		/* the shadow copy to come has our folder */
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	(void)number;
	ending = 1;
}

/* Write the number and have it on the disk. */
static bool save(const struct app *app)
{
	char path[4096];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/counter", app->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	ok = dprintf(fd, "%lu\n", app->count) > 0 && !fsync(fd);
	return !close(fd) && ok;
}

/* What a backup program needs to know: one component, one file, how to restore it. */
static bool identify(struct vss_writer *writer, struct vss_writer_metadata *metadata, void *data)
{
	struct app *app = data;

	(void)writer;
	return !vss_create_writer_metadata_add_component(metadata, VSS_CT_FILEGROUP, NULL, "counter",
							 "the counter", false, false, true, true, 0) &&
	       !vss_create_writer_metadata_add_files_to_file_group(metadata, NULL, "counter", app->dir,
								   "counter", false, NULL, 0) &&
	       !vss_create_writer_metadata_set_restore_method(metadata, VSS_RME_RESTORE_IF_CAN_REPLACE,
							      NULL, NULL, VSS_WRE_NEVER, false);
}

/* All that may take time goes here: nothing is frozen yet. */
static bool prepare_snapshot(struct vss_writer *writer, void *data)
{
	struct app *app = data;

	app->affected = vss_writer_is_path_affected(writer, app->dir);
	return true;
}

static bool freeze(struct vss_writer *writer, void *data)
{
	struct app *app = data;

	if (!app->affected)
		return true;
	app->frozen = true;
	if (save(app))
		return true;
	vss_writer_set_writer_failure_ex(writer, VSS_E_WRITERERROR_RETRYABLE, (vss_result)errno,
					 "the counter cannot be written");
	return false;
}

/* Also for abort, which may come at any time and more than once. */
static bool thaw(struct vss_writer *writer, void *data)
{
	struct app *app = data;

	(void)writer;
	app->frozen = false;
	return true;
}

int main(int argc, char **argv)
{
	static const struct vss_writer_ops ops = {
		.identify = identify,
		.prepare_snapshot = prepare_snapshot,
		.freeze = freeze,
		.thaw = thaw,
		.abort = thaw,
	};
	struct app app = { .dir = argc > 1 ? argv[1] : NULL };
	struct vss_writer_config config = {
		.writer_name = "Example writer",
		.usage = VSS_UT_USERDATA,
		.source = VSS_ST_OTHER,
		.address = argc > 2 ? argv[2] : NULL,
	};
	const struct sigaction action = { .sa_handler = on_signal };
	struct vss_writer *writer;
	struct vss_error error;

	if (!app.dir) {
		fprintf(stderr, "Usage: vss-writer-example DIR [ADDRESS]\n");
		return 2;
	}
	/* Made once with uuidgen(1); it is what backups know this program by. */
	vss_uuid_parse("0c9d4ab1-7d57-4d8e-8a8b-5a3b0e6c2f10", &config.writer_id);
	if (vss_writer_initialize(&config, &ops, &app, &writer, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_FAILURE;
	}
	if (VSS_FAILED(vss_writer_subscribe(writer))) {
		fprintf(stderr, "%s\n", vss_writer_error(writer)->text);
		vss_writer_free(writer);
		return EXIT_FAILURE;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	while (!ending) {
		struct pollfd fd = { .fd = vss_writer_get_fd(writer), .events = POLLIN };

		if (poll(&fd, 1, 100) > 0)
			vss_writer_dispatch(writer);
		else if (!app.frozen)
			app.count++;
	}
	vss_writer_free(writer);
	return save(&app) ? EXIT_SUCCESS : EXIT_FAILURE;
}
