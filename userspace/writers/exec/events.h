/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hook set as a writer.
 */
#ifndef WRITERS_EXEC_EVENTS_H
#define WRITERS_EXEC_EVENTS_H

#include "hooks.h"

/* Callbacks whose data is a struct hook_set. */
extern const struct vss_writer_ops hook_ops;

/* Thaw what an earlier life of the program left frozen. */
void events_recover(struct hook_set *set);

#endif /* WRITERS_EXEC_EVENTS_H */
