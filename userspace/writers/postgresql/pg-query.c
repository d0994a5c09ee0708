// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking a PostgreSQL server, with a time limit.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pg-query.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* False: @until_ms has passed. */
static bool wait_socket(PGconn *conn, short events, int64_t until_ms)
{
	struct pollfd fd = { .fd = PQsocket(conn), .events = events };
	int64_t left;

	while ((left = until_ms - now_ms()) > 0)
		if (poll(&fd, 1, left > 60000 ? 60000 : (int)left) > 0)
			return true;
	return false;
}

/* libpq's messages have several lines; ours are one sentence. */
static void set_error(PGconn *conn, char error[TEXT_ERROR_SIZE])
{
	const char *message = conn ? PQerrorMessage(conn) : "out of memory";
	size_t length;

	snprintf(error, TEXT_ERROR_SIZE, "%s", message);
	for (length = strlen(error); length && error[length - 1] == '\n'; length--)
		error[length - 1] = '\0';
	for (char *p = error; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
}

static enum pg_outcome timed_out(uint32_t timeout_ms, char error[TEXT_ERROR_SIZE])
{
	text_error(error, "the server did not answer within %u ms", timeout_ms);
	return PG_TIMED_OUT;
}

static enum pg_outcome connect_server(PGconn *conn, uint32_t timeout_ms, char error[TEXT_ERROR_SIZE])
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	int64_t until_ms = now_ms() + timeout_ms;

	if (PQstatus(conn) == CONNECTION_BAD) {
		set_error(conn, error);
		return PG_FAILED;
	}
	do {
		if (!wait_socket(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms))
			return timed_out(timeout_ms, error);
		state = PQconnectPoll(conn);
	} while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING);
	if (state == PGRES_POLLING_OK)
		return PG_OK;
	set_error(conn, error);
	return PG_FAILED;
}

enum pg_outcome pg_open(const char *conninfo, uint32_t timeout_ms, PGconn **conn,
			char error[TEXT_ERROR_SIZE])
{
	static const char *const settings[] = {
		"SET synchronous_commit = local",
		"SET statement_timeout = 0",
		"SET default_transaction_read_only = off",
		"SET idle_session_timeout = 0",
	};
	/* The last one came with version 14. */
	size_t count = sizeof(settings) / sizeof(settings[0]);
	enum pg_outcome outcome;
	PGconn *c = PQconnectStart(conninfo);

	*conn = NULL;
	if (!c) {
		set_error(NULL, error);
		return PG_FAILED;
	}
	outcome = connect_server(c, timeout_ms, error);
	if (outcome == PG_OK && PQserverVersion(c) < 140000)
		count--;
	if (outcome == PG_OK && PQsetnonblocking(c, 1)) {
		set_error(c, error);
		outcome = PG_FAILED;
	}
	for (size_t i = 0; outcome == PG_OK && i < count; i++)
		outcome = pg_query(c, settings[i], NULL, timeout_ms, NULL, error);
	if (outcome == PG_OK)
		*conn = c;
	else
		PQfinish(c);
	return outcome;
}

/* Send what waits, then read until a result is there. */
static enum pg_outcome wait_result(PGconn *conn, int64_t until_ms, uint32_t timeout_ms,
				   char error[TEXT_ERROR_SIZE])
{
	for (;;) {
		int unsent = PQflush(conn);

		if (unsent < 0)
			break;
		if (!unsent && !PQisBusy(conn))
			return PG_OK;
		if (!wait_socket(conn, unsent ? POLLIN | POLLOUT : POLLIN, until_ms))
			return timed_out(timeout_ms, error);
		if (!PQconsumeInput(conn))
			break;
	}
	set_error(conn, error);
	return PG_FAILED;
}

enum pg_outcome pg_query(PGconn *conn, const char *sql, const char *parameter, uint32_t timeout_ms,
			 PGresult **result, char error[TEXT_ERROR_SIZE])
{
	int64_t until_ms = now_ms() + timeout_ms;
	enum pg_outcome outcome = PG_OK;
	PGresult *first = NULL, *next;

	if (result)
		*result = NULL;
	if (!PQsendQueryParams(conn, sql, parameter ? 1 : 0, NULL, &parameter, NULL, NULL, 0)) {
		set_error(conn, error);
		return PG_FAILED;
	}
	/* The end of results has to be read for the next statement to be possible. */
	for (;;) {
		outcome = wait_result(conn, until_ms, timeout_ms, error);
		if (outcome != PG_OK)
			break;
		next = PQgetResult(conn);
		if (!next)
			break;
		if (first)
			PQclear(next);
		else
			first = next;
	}
	if (outcome == PG_OK && PQresultStatus(first) != PGRES_TUPLES_OK &&
	    PQresultStatus(first) != PGRES_COMMAND_OK) {
		set_error(conn, error);
		outcome = PG_FAILED;
	}
	if (outcome == PG_OK && result)
		*result = first;
	else
		PQclear(first);
	return outcome;
}

enum pg_outcome pg_value(PGconn *conn, const char *sql, uint32_t timeout_ms, char *text, size_t size,
			 char error[TEXT_ERROR_SIZE])
{
	PGresult *result;
	enum pg_outcome outcome = pg_query(conn, sql, NULL, timeout_ms, &result, error);

	if (outcome != PG_OK)
		return outcome;
	if (PQntuples(result) == 1 && PQnfields(result) == 1) {
		snprintf(text, size, "%s", PQgetvalue(result, 0, 0));
	} else {
		text_error(error, "%s: the answer is not one value", sql);
		outcome = PG_FAILED;
	}
	PQclear(result);
	return outcome;
}
