/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking a PostgreSQL server, with a time limit for every step: a server that
 * hangs costs an event its limit and no more.
 */
#ifndef WRITERS_POSTGRESQL_PG_QUERY_H
#define WRITERS_POSTGRESQL_PG_QUERY_H

#include <libpq-fe.h>

#include "common/text.h"

enum pg_outcome {
	PG_OK,
	PG_FAILED,	/* the server refused, or the connection broke */
	PG_TIMED_OUT,	/* the connection is of no use any more */
};

/* Connect, and set what a role may have set otherwise. */
enum pg_outcome pg_open(const char *conninfo, uint32_t timeout_ms, PGconn **conn,
			char error[TEXT_ERROR_SIZE]);

/* Run one statement with at most one parameter (NULL for none).  @result may be NULL. */
enum pg_outcome pg_query(PGconn *conn, const char *sql, const char *parameter, uint32_t timeout_ms,
			 PGresult **result, char error[TEXT_ERROR_SIZE]);

/* One value of one row into @text. */
enum pg_outcome pg_value(PGconn *conn, const char *sql, uint32_t timeout_ms, char *text, size_t size,
			 char error[TEXT_ERROR_SIZE]);

#endif /* WRITERS_POSTGRESQL_PG_QUERY_H */
