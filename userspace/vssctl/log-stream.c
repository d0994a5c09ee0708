// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream into the system's log.
 */
#include <stdint.h>
#include <string.h>
#include <syslog.h>

#include "log-stream.h"

/* stdio buffers lines, so a call has one, or a part of one that is too long for it. */
static ssize_t write_line(void *cookie, const char *text, size_t size)
{
	size_t length = size && text[size - 1] == '\n' ? size - 1 : size;

	syslog((int)(intptr_t)cookie, "%.*s", (int)length, text);
	return (ssize_t)size;
}

FILE *vssctl_log_stream(int priority)
{
	FILE *stream = fopencookie((void *)(intptr_t)priority, "w", (cookie_io_functions_t) { .write = write_line });

	if (stream)
		setvbuf(stream, NULL, _IOLBF, 0);
	return stream;
}
