// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gives a file to a volume's diff area as vssctl never would: any file, opened
 * in any way, with any extents.
 *
 *   area-raw [--read-only] [--unlink] VOLUME FILE [fiemap | START:LENGTH...]
 *
 * Prints "ok pinned" and, if extents are given, "ok extents"; or
 * "error pinned|extents ERRNO RESULT: sentence".  Exit code 0 if the module took
 * everything, 1 if it refused something, 2 for any other failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vss/area.h>
#include <vss/blockdev.h>
#include <vss/kernel.h>

#define MAX_EXTENTS	64

static int answer(struct vss_kernel *kernel, const char *what, int ret)
{
	if (ret)
		printf("error %s %s %s: %s\n", what, strerrorname_np(-ret),
		       vss_result_name(vss_kernel_result(kernel)), vss_kernel_error(kernel));
	else
		printf("ok %s\n", what);
	return ret;
}

static int usage(void)
{
	fprintf(stderr, "usage: area-raw [--read-only] [--unlink] VOLUME FILE "
		"[fiemap | START:LENGTH...]\n");
	return 2;
}

static int give(struct vss_kernel *kernel, struct vss_devno volume, int fd, char **texts,
		size_t count)
{
	struct vss_kernel_extent given[MAX_EXTENTS], *extents = given;
	struct vss_kernel_area area = { 0 };
	struct vss_error error;

	if (answer(kernel, "pinned", vss_kernel_area_add_file(kernel, volume, fd, &area)))
		return 1;
	if (!count)
		return 0;
	if (!strcmp(texts[0], "fiemap")) {
		if (vss_area_file_map(fd, &extents, &count, &error)) {
			fprintf(stderr, "area-raw: %s\n", error.text);
			return 2;
		}
	} else {
		for (size_t i = 0; i < count; i++)
			if (i == MAX_EXTENTS ||
			    sscanf(texts[i], "%" SCNu64 ":%" SCNu64, &given[i].start,
				   &given[i].length) != 2)
				return usage();
	}
	return answer(kernel, "extents",
		      vss_kernel_area_set_extents(kernel, volume, area.id, extents, count)) ? 1 : 0;
}

int main(int argc, char **argv)
{
	int flags = O_RDWR, unlinked = 0, fd;
	struct vss_blockdev volume;
	struct vss_kernel *kernel;
	struct vss_error error;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		if (!strcmp(argv[1], "--read-only"))
			flags = O_RDONLY;
		else if (!strcmp(argv[1], "--unlink"))
			unlinked = 1;
		else
			return usage();
	}
	if (argc < 3)
		return usage();
	if (vss_kernel_open(&kernel, &error) || vss_blockdev_resolve(argv[1], &volume, &error)) {
		fprintf(stderr, "area-raw: %s\n", error.text);
		return 2;
	}
	fd = open(argv[2], flags | O_CLOEXEC);
	if (fd < 0 || (unlinked && unlink(argv[2]))) {
		fprintf(stderr, "area-raw: %s: %s\n", argv[2], strerror(errno));
		return 2;
	}
	return give(kernel, volume.dev, fd, argv + 3, (size_t)argc - 3);
}
