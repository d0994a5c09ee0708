/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running the writers of a program until it is told to end, and what it says
 * meanwhile.
 *
 * Each writer has a thread: writers of one program are called in parallel, as
 * writers of different programs are, so that a slow one does not eat the time
 * of the others.
 */
#ifndef WRITERS_SERVE_H
#define WRITERS_SERVE_H

#include <stddef.h>
#include <vss/writer.h>

/* To stderr; with the priority, as in syslog(3), in front when the journal reads it. */
void serve_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Subscribe and serve all @writers until SIGTERM or SIGINT; then unsubscribe,
 * which ends what is under way.  To be called before other threads are made.
 * @name gives the name of a writer for messages.  An exit code.
 */
int serve_writers(struct vss_writer *const *writers, size_t count,
		  const char *(*name)(const struct vss_writer *writer, void *data), void *data);

#endif /* WRITERS_SERVE_H */
