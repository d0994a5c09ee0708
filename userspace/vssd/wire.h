/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strings, UUIDs and dictionaries in D-Bus messages.
 *
 * Everything that goes out is made valid UTF-8 first: a bus closes the
 * connection of who sends anything else, and names of mount points may be any
 * bytes.  Functions return a negative errno on failure, as those of sd-bus.
 */
#ifndef VSSD_WIRE_H
#define VSSD_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <vss/uuid.h>

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

/* "" is the null one.  False: it is no UUID. */
bool vssd_wire_parse_uuid(const char *text, struct vss_uuid *uuid);

/*
 * Read an a{sv}.  @take gets each key with @m at its variant, which it reads
 * or skips whole.
 */
typedef int (*vssd_wire_take)(sd_bus_message *m, const char *key, void *data);
int vssd_wire_read_dict(sd_bus_message *m, vssd_wire_take take, void *data);

#endif /* VSSD_WIRE_H */
