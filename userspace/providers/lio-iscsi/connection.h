/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to vss-array-lio on the array: a child process, ssh, that is spoken
 * to in lines (array/serve.h).
 *
 * One thread uses it; another may cut it.  While file systems are frozen an open
 * connection is only written to and read from.
 */
#ifndef LIO_CONNECTION_H
#define LIO_CONNECTION_H

#include <json-c/json.h>
#include <stdbool.h>
#include <vss/error.h>

#include "config.h"

struct connection;

struct connection *connection_new(const struct lio_config *config, const char *config_path);
void connection_free(struct connection *conn);

/*
 * Open it, unless it is.  0 or a negative errno with cause and remedy.  It stays open.
 */
int connection_open(struct connection *conn, struct vss_error *err);

/* The array's name of its target, and of vendor and product of copies; valid while open. */
const char *connection_target(const struct connection *conn);
const char *connection_vendor(const struct connection *conn);
const char *connection_product(const struct connection *conn);

/*
 * Ask; @request is taken over.  *@answer, unless @answer is NULL, is for
 * json_object_put().  What fails otherwise than by the array's own word ends the
 * connection.  @again: what was cut may be asked once more, with a new connection.
 * @limit_ms: 0 for the configured one.
 * The result is the array's, VSS_E_PROVIDER_VETO without it.
 */
vss_result connection_ask(struct connection *conn, json_object *request, bool again, unsigned int limit_ms,
			  json_object **answer, struct vss_error *err);

/* End it; the array then undoes a set that is not complete. */
void connection_close(struct connection *conn);
/* From another thread: whoever waits for an answer stops waiting, and asks in vain from now on. */
void connection_cut(struct connection *conn);
/* The next one may ask again. */
void connection_uncut(struct connection *conn);

#endif /* LIO_CONNECTION_H */
