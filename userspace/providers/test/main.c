// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vss-provider-test: does a provider plug-in keep the rules of vss/provider.h?
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#define MAX_VOLUMES	63	/* one is made of another for a test */

static void usage(FILE *out)
{
	fputs("usage: vss-provider-test [--volume DEVICE]... [--only TEXT] [--timeout SECONDS]\n"
	      "                         [--originals] PLUGIN.so\n"
	      "\n"
	      "Tests a provider plug-in against the rules of <vss/provider.h> and prints TAP.\n"
	      "\n"
	      "  --volume DEVICE     a volume that shadow copies may be made of; without one,\n"
	      "                      only what needs none is tested\n"
	      "  --only TEXT         run tests that have TEXT in their name\n"
	      "  --timeout SECONDS   for each test (120)\n"
	      "  --originals         also ask for the deletion of a volume's own LUN, which must be\n"
	      "                      refused; a plug-in that does it destroys the volume\n"
	      "  --help              print this and exit\n"
	      "  --version           print the version and exit\n"
	      "\n"
	      "Status: 0 all is well, 1 a test failed, 2 it could not be run.\n", out);
}

static bool take_timeout(const char *text, uint32_t *ms)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	if (*end || end == text || !seconds || seconds > 86400)
		return false;
	*ms = (uint32_t)seconds * 1000;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "volume", required_argument, NULL, 'v' },
		{ "timeout", required_argument, NULL, 't' },
		{ "only", required_argument, NULL, 'n' },
		{ "originals", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	const char *volumes[MAX_VOLUMES];
	struct conform_options options = {
		.volumes = volumes,
		.machine = &hardware_this_machine,
		.timeout_ms = 120000,
	};
	char path[PATH_MAX];
	int option, failed;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'v' && options.nr_volumes < MAX_VOLUMES) {
			volumes[options.nr_volumes++] = optarg;
		} else if (option == 'n') {
			options.only = optarg;
		} else if (option == 'o') {
			options.originals = true;
		} else if (option == 'h') {
			usage(stdout);
			return EXIT_SUCCESS;
		} else if (option == 'V') {
			puts("vss-provider-test " VSS_VERSION);
			return EXIT_SUCCESS;
		} else if (option != 't' || !take_timeout(optarg, &options.timeout_ms)) {
			usage(stderr);
			return 2;
		}
	}
	if (optind + 1 != argc) {
		usage(stderr);
		return 2;
	}
	/* dlopen() looks elsewhere for a name without a slash. */
	if (!realpath(argv[optind], path)) {
		perror(argv[optind]);
		return 2;
	}
	options.plugin = path;
	failed = conform_run(&options, stdout);
	if (failed < 0) {
		perror("vss-provider-test: a test could not be run");
		return 2;
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
