/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's clock on an sd-event loop.
 */
#ifndef VSSD_LOOP_H
#define VSSD_LOOP_H

#include <systemd/sd-event.h>

#include "core.h"

/* Its data is the loop, which must live longer. */
struct vssd_clock vssd_loop_clock(sd_event *event);

#endif /* VSSD_LOOP_H */
