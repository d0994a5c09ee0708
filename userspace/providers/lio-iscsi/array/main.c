// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-array-lio: makes shadow copies on a storage array of LVM's thin volumes and the
 * kernel's iSCSI target, for the provider lio-iscsi of other machines.  Runs on the
 * array, as root, at the other end of ssh, one process for each connection.
 */
#include <errno.h>
#include <getopt.h>
#include <libdevmapper.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "error.h"
#include "serve.h"

/* libdevmapper prints by itself otherwise, and standard output is for answers. */
__attribute__((format(printf, 5, 6)))
static void say_nothing(int level, const char *file, int line, int code, const char *format, ...)
{
	(void)level;
	(void)file;
	(void)line;
	(void)code;
	(void)format;
}

/* Such a name is part of a path. */
static bool name_valid(const char *name)
{
	return name && name[0] && name[0] != '.' && strlen(name) < 224 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") == strlen(name);
}

static int usage(FILE *to, int status)
{
	fputs("usage: vss-array-lio --serve --initiator IQN [--target IQN]\n"
	      "\n"
	      "Serves the provider lio-iscsi of the machine whose iSCSI initiator is IQN, on\n"
	      "standard input and output. Meant as the forced command of that machine's key in\n"
	      "authorized_keys; vss-provider-lio-iscsi(8) tells how. --target is needed where\n"
	      "several targets admit the initiator.\n", to);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "serve", no_argument, NULL, 's' },
		{ "initiator", required_argument, NULL, 'i' },
		{ "target", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct array_server server = { .set.lock = -1, .busy = -1 };
	struct vss_error err = { 0 };
	bool serve = false;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 's')
			serve = true;
		else if (option == 'i')
			server.initiator = optarg;
		else if (option == 't')
			server.target = optarg;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (!serve || optind != argc || !name_valid(server.initiator) ||
	    (server.target && !name_valid(server.target)))
		return usage(stderr, 2);
	if (mkdir(ARRAY_FOLDER, 0700) && errno != EEXIST) {
		fprintf(stderr, "vss-array-lio: cannot make " ARRAY_FOLDER ": %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	dm_log_with_errno_init(say_nothing);
	/*
	 * Devices are only suspended and resumed.  With a cookie expected and none given, udev
	 * would be told to take its links away.
	 */
	dm_udev_set_sync_support(0);
	/* While volumes stand still nothing may have to be read in. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (array_serve(&server, &err)) {
		fprintf(stderr, "vss-array-lio: %s\n", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
