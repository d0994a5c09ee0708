// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for somebody else's word that a backup has ended: a file that he makes,
 * over ssh for example.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "critical.h"
#include "wait-for.h"

#define TICK_MS	200

int vssctl_wait_for_check(struct vssctl *ctl, const char *path)
{
	if (access(path, F_OK))
		return 0;
	return vssctl_fail(ctl, VSS_E_OBJECT_ALREADY_EXISTS,
			   "%s is there already, perhaps from an earlier backup; remove it first", path);
}

/* What who makes it writes in it may come a moment later, unless he renames it into place. */
static int judge(struct vssctl *ctl, const char *path, FILE *file)
{
	char line[256] = "";

	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "failed", 6))
		return 0;
	return vssctl_fail(ctl, E_FAIL, "%s says that the backup has %s", path, line);
}

int vssctl_wait_for(struct vssctl *ctl, const char *path)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	FILE *file;
	int ret;

	vssctl_note(ctl, "waiting for %s (\"failed\" in it: the backup has failed)", path);
	fflush(ctl->out);
	while (!(file = fopen(path, "re"))) {
		if (errno != ENOENT)
			return vssctl_fail(ctl, vss_result_from_errno(errno), "cannot open %s: %s", path,
					   strerror(errno));
		if (vssctl_interrupted())
			return vssctl_fail(ctl, E_ABORT, "interrupted while waiting for %s", path);
		nanosleep(&tick, NULL);
	}
	ret = judge(ctl, path, file);
	fclose(file);
	return ret;
}
