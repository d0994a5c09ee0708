/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hook scripts find in their environment.
 */
#ifndef WRITERS_EXEC_ENVIRONMENT_H
#define WRITERS_EXEC_ENVIRONMENT_H

#include <vss/writer.h>

/*
 * The program's own environment and VSS_*, for an event of @writer, within its
 * callback.  @components may be NULL.  To be freed with environment_free();
 * NULL without memory.
 */
char **environment_make(struct vss_writer *writer, const char *name, const char *event,
			struct vss_writer_components *components);
/* For scripts that run outside an operation. */
char **environment_make_bare(const char *name, const char *event);
void environment_free(char **env);

#endif /* WRITERS_EXEC_ENVIRONMENT_H */
