// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking whether something is really meant.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "confirm.h"

bool vssctl_confirm(FILE *in, FILE *out, const char *question)
{
	char *line = NULL;
	size_t room = 0;
	bool yes = false;

	fprintf(out, "%s [y/N] ", question);
	fflush(out);
	if (getline(&line, &room, in) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		yes = !strcasecmp(line, "y") || !strcasecmp(line, "yes");
	} else {
		/* The answer would have ended the line. */
		fputc('\n', out);
	}
	free(line);
	return yes;
}
