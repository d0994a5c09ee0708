// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-writer-exec: administrators' scripts as writers.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "common/serve.h"
#include "events.h"

#define CONFIG_DIR	"/etc/vss/exec.d"
#define STATE_DIR	"/run/vss-writer-exec"

struct program {
	const char *config_dir;
	const char *state_dir;
	const char *address;
	bool check;
	struct hook_set **sets;
	size_t count;
	bool failed;
};

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: vss-writer-exec [OPTION]... [FILE.conf]...\n"
		"Run scripts when shadow copies are made.  Without FILEs: those of " CONFIG_DIR ".\n\n"
		"  --config-dir DIR  take the FILEs from there\n"
		"  --address ADDR    D-Bus address of vssd's private socket (default: $VSS_BUS_ADDRESS,\n"
		"                      else the system bus)\n"
		"  --state-dir DIR   note there what is frozen (default: " STATE_DIR ")\n"
		"  --check           judge the configuration and exit\n"
		"  --help, --version\n");
}

static void load(struct program *program, const char *path)
{
	char error[TEXT_ERROR_SIZE];
	struct hook_set **sets = reallocarray(program->sets, program->count + 1, sizeof(*sets));
	struct hook_set *set = NULL;

	if (sets)
		program->sets = sets;
	if (!sets || !hooks_load(path, program->state_dir, &set, error)) {
		serve_log(LOG_ERR, "%s", sets ? error : "out of memory");
		program->failed = true;
		return;
	}
	for (size_t i = 0; i < program->count; i++)
		if (vss_uuid_equal(&sets[i]->profile.class_id, &set->profile.class_id)) {
			serve_log(LOG_ERR, "%s: another file has the same name or class", path);
			hooks_free(set);
			program->failed = true;
			return;
		}
	sets[program->count++] = set;
}

static int is_config(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && !strcmp(entry->d_name + length - 5, ".conf");
}

static void load_dir(struct program *program)
{
	struct dirent **entries;
	int count = scandir(program->config_dir, &entries, is_config, alphasort);

	if (count < 0) {
		serve_log(LOG_ERR, "cannot read %s: %s", program->config_dir, strerror(errno));
		program->failed = true;
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", program->config_dir, entries[i]->d_name);
		load(program, path);
		free(entries[i]);
	}
	free(entries);
}

static void print_sets(const struct program *program)
{
	for (size_t i = 0; i < program->count; i++) {
		char id[VSS_UUID_TEXT_SIZE];

		printf("%s {%s} %s, %zu components\n", program->sets[i]->profile.name,
		       vss_uuid_format(&program->sets[i]->profile.class_id, id),
		       program->sets[i]->required ? "required" : "optional",
		       program->sets[i]->profile.nr_components);
	}
}

static const char *name_of(const struct vss_writer *writer, void *data)
{
	const struct program *program = data;

	for (size_t i = 0; i < program->count; i++)
		if (program->sets[i]->writer == writer)
			return program->sets[i]->profile.name;
	return "?";
}

static int serve(struct program *program)
{
	struct vss_writer **writers = calloc(program->count, sizeof(*writers));
	struct vss_writer_config config;
	struct vss_error error;
	int ret = EXIT_SUCCESS;

	if (!writers)
		return EXIT_FAILURE;
	for (size_t i = 0; i < program->count; i++) {
		struct hook_set *set = program->sets[i];

		events_recover(set);
		profile_config(&set->profile, program->address, &config);
		if (vss_writer_initialize(&config, &hook_ops, set, &set->writer, &error)) {
			serve_log(LOG_ERR, "%s: %s", set->profile.name, error.text);
			ret = EXIT_FAILURE;
			break;
		}
		writers[i] = set->writer;
	}
	if (ret == EXIT_SUCCESS)
		ret = serve_writers(writers, program->count, name_of, program);
	for (size_t i = 0; i < program->count; i++)
		vss_writer_free(writers[i]);
	free(writers);
	return ret;
}

enum { OPT_CONFIG_DIR = 1, OPT_ADDRESS, OPT_STATE_DIR, OPT_CHECK, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{ "config-dir", required_argument, NULL, OPT_CONFIG_DIR },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
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
		case OPT_CONFIG_DIR:
			program->config_dir = optarg;
			break;
		case OPT_ADDRESS:
			program->address = optarg;
			break;
		case OPT_STATE_DIR:
			program->state_dir = optarg;
			break;
		case OPT_CHECK:
			program->check = true;
			break;
		case OPT_HELP:
			usage(stdout);
			*ret = EXIT_SUCCESS;
			return false;
		case OPT_VERSION:
			printf("vss-writer-exec %s\n", VSS_VERSION);
			*ret = EXIT_SUCCESS;
			return false;
		default:
			usage(stderr);
			*ret = 2;
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct program program = { .config_dir = CONFIG_DIR, .state_dir = STATE_DIR };
	int ret;

	setvbuf(stderr, NULL, _IOLBF, 0);
	if (!read_options(&program, argc, argv, &ret))
		return ret;
	for (int i = optind; i < argc; i++)
		load(&program, argv[i]);
	if (optind == argc)
		load_dir(&program);
	ret = program.failed ? EXIT_FAILURE : EXIT_SUCCESS;
	if (program.check) {
		print_sets(&program);
	} else if (!program.count) {
		serve_log(LOG_ERR, "there is nothing to do: no usable *.conf was found");
		ret = EXIT_FAILURE;
	} else {
		/* A file with a mistake takes part in nothing, the others do. */
		mkdir(program.state_dir, 0700);
		ret = serve(&program);
	}
	for (size_t i = 0; i < program.count; i++)
		hooks_free(program.sets[i]);
	free(program.sets);
	return ret;
}
