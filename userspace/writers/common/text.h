/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading what people write in configuration files: sections of keys and
 * values, durations, words, truth.
 */
#ifndef WRITERS_TEXT_H
#define WRITERS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for one sentence with a path in it. */
#define TEXT_ERROR_SIZE	1024

/*
 * The same name but for case, "-" and "_"?  Names of sections and keys are written
 * LikeThis, as in vssd.conf; "like-this" is read as well.
 */
bool text_same(const char *a, const char *b);

/*
 * Called for each "[section argument]" (with @key NULL) and each "key = value".
 * @argument is "" where there is none.  False: @error says what is wrong.
 */
typedef bool (*ini_fn)(void *data, const char *section, const char *argument, const char *key,
		       const char *value, char error[TEXT_ERROR_SIZE]);

/*
 * Read a file.  Lines that begin with "#" or ";" are comments.  False: @error
 * has file, line and what is wrong.  The file must belong to root or to the
 * caller, and nobody else may be able to write it.
 */
bool ini_read(const char *path, ini_fn fn, void *data, char error[TEXT_ERROR_SIZE]);

/* May nobody but root and the caller change the file? */
bool text_is_trusted(const char *path, char error[TEXT_ERROR_SIZE]);

/* "500ms", "30s", "5min", "30" (seconds).  False: it is none. */
bool text_duration(const char *text, uint32_t *ms);
bool text_bool(const char *text, bool *value);
bool text_number(const char *text, uint32_t *value);

/*
 * Split into words; double quotes hold spaces, a backslash in them the next
 * character.  Returns their number, or -1 for an open quote or more than @max;
 * @words are to free() each.
 */
int text_words(const char *text, char **words, int max);

/* printf() into @error; false, for "return text_error(...)". */
bool text_error(char error[TEXT_ERROR_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* WRITERS_TEXT_H */
