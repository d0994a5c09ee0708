/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filling in a struct vss_error inside the library.
 */
#ifndef VSS_SRC_ERROR_H
#define VSS_SRC_ERROR_H

#include <stdbool.h>
#include <vss/error.h>

/*
 * Record a failure in @err (which may be NULL) and return @code, so that
 * "return vss_error_set(...)" is the whole error path.  What is no UTF-8 or
 * controls a terminal comes out as "?".
 */
int vss_error_set(struct vss_error *err, int code, vss_result result,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same with the result code that vss_result_from_errno() gives. */
#define vss_error_errno(err, code, ...)						\
	vss_error_set(err, code, vss_result_from_errno(code), __VA_ARGS__)

/* The result code of a name such as "VSS_E_OBJECT_NOT_FOUND"; false when there is none. */
bool vss_result_parse(const char *name, vss_result *result);

/* A negative errno that goes with a result code; 0 for one of success. */
int vss_result_to_errno(vss_result result);

#endif /* VSS_SRC_ERROR_H */
