/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between C and D-Bus messages: the dictionaries and errors of the interface
 * org.linuxvss.Vss1.
 */
#ifndef VSSD_BUS_WIRE_H
#define VSSD_BUS_WIRE_H

#include <systemd/sd-bus.h>
#include <vss/blockdev.h>

#include "core.h"
#include "wire.h"

/* Whole dictionaries. */
int vssd_wire_append_snapshot(sd_bus_message *m, const struct vss_snapshot_prop *prop);
int vssd_wire_append_provider(sd_bus_message *m, const struct vss_provider_prop *prop);
int vssd_wire_append_status(sd_bus_message *m, const struct vssd_writer_status *status);
int vssd_wire_append_volume(sd_bus_message *m, const struct vss_blockdev *volume);

/* What RegisterWriter tells; strings belong to the message.  0, or -EINVAL with @err set. */
int vssd_wire_read_writer_info(sd_bus_message *m, struct vssd_writer_info *info, struct vss_error *err);

/* Answer with the error of a result code.  1, or a negative errno. */
int vssd_wire_reply_error(sd_bus_message *m, vss_result result, const char *text);

/* The result code in the name of an error; VSS_E_UNEXPECTED for others. */
vss_result vssd_wire_error_result(const sd_bus_error *error);

#endif /* VSSD_BUS_WIRE_H */
