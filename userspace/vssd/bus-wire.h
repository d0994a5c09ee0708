/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between C and D-Bus messages: the dictionaries and errors of the interface
 * org.linuxvss.Vss1.
 *
 * Everything that goes out is made valid UTF-8 first: a bus closes the
 * connection of who sends anything else, and names of mount points may be any
 * bytes.
 */
#ifndef VSSD_BUS_WIRE_H
#define VSSD_BUS_WIRE_H

#include <systemd/sd-bus.h>
#include <vss/blockdev.h>

#include "core.h"

/* A copy of @text to free(), with "?" for bytes that are no UTF-8; NULL without memory. */
char *vssd_wire_utf8(const char *text);

/* As sd_bus_message_append() of a string; NULL becomes "". */
int vssd_wire_append_string(sd_bus_message *m, const char *text);
/* 36 characters, "" for a null one */
int vssd_wire_append_uuid(sd_bus_message *m, const struct vss_uuid *uuid);

/* Entries of an open a{sv}; those that are empty or zero are left out. */
int vssd_wire_entry_string(sd_bus_message *m, const char *key, const char *value);
int vssd_wire_entry_uuid(sd_bus_message *m, const char *key, const struct vss_uuid *value);
int vssd_wire_entry_u32(sd_bus_message *m, const char *key, uint32_t value);
int vssd_wire_entry_u64(sd_bus_message *m, const char *key, uint64_t value);
int vssd_wire_entry_bool(sd_bus_message *m, const char *key, bool value);
int vssd_wire_entry_strings(sd_bus_message *m, const char *key, const char *const *values, size_t count);

/* Whole dictionaries. */
int vssd_wire_append_snapshot(sd_bus_message *m, const struct vss_snapshot_prop *prop);
int vssd_wire_append_provider(sd_bus_message *m, const struct vss_provider_prop *prop);
int vssd_wire_append_status(sd_bus_message *m, const struct vssd_writer_status *status);
int vssd_wire_append_volume(sd_bus_message *m, const struct vss_blockdev *volume);

/* "" is the null one.  False: it is no UUID. */
bool vssd_wire_parse_uuid(const char *text, struct vss_uuid *uuid);

/* What RegisterWriter tells; strings belong to the message.  0, or -EINVAL with @err set. */
int vssd_wire_read_writer_info(sd_bus_message *m, struct vssd_writer_info *info, struct vss_error *err);

/* Answer with the error of a result code.  1, or a negative errno. */
int vssd_wire_reply_error(sd_bus_message *m, vss_result result, const char *text);

/* The result code in the name of an error; VSS_E_UNEXPECTED for others. */
vss_result vssd_wire_error_result(const sd_bus_error *error);

#endif /* VSSD_BUS_WIRE_H */
