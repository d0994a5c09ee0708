// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trees of names and values: building them, printing them as text.
 */
#include <string.h>

#include "document.h"
#include "names.h"

#define MAX_COLUMNS	6	/* of what is printed in one line */
#define WIDTH	27	/* of a name */
#define CUT	160	/* bytes of a text that is not printed in full */

void vssctl_tree_text(json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, json_object_new_string(text));
}

void vssctl_tree_number(json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

void vssctl_tree_bool(json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

void vssctl_tree_uuid(json_object *object, const char *key, const struct vss_uuid *uuid)
{
	char text[VSS_UUID_TEXT_SIZE];

	vssctl_tree_text(object, key, vss_uuid_format(uuid, text));
}

void vssctl_tree_time(json_object *object, const char *key, uint64_t time)
{
	char text[VSSCTL_TIME_TEXT];

	vssctl_tree_text(object, key, vssctl_format_time_utc(time, text));
}

void vssctl_tree_array(json_object *object, const char *key, json_object *array)
{
	if (json_object_array_length(array))
		json_object_object_add(object, key, array);
	else
		json_object_put(array);
}

json_object *vssctl_tree_files(const struct vss_wm_filedesc *file, bool mask)
{
	json_object *object = json_object_new_object();

	vssctl_tree_text(object, "path", file->path);
	vssctl_tree_text(object, "filespec", file->filespec);
	vssctl_tree_bool(object, "recursive", file->recursive);
	vssctl_tree_text(object, "alternate_path", file->alternate_location);
	if (mask)
		vssctl_tree_number(object, "backup_type_mask", file->backup_type_mask);
	return object;
}

/* ---- text ---- */

/* What a document says must not steer the terminal: control characters are shown. */
static void print_safe(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			fputs("\\n", out);
		else if (c == '\r')
			fputs("\\r", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else if (c == 0xc2 && i + 1 < length && (unsigned char)text[i + 1] < 0xa0)
			fprintf(out, "\\x%02x", (unsigned char)text[++i]);
		else
			fputc(c, out);
	}
}

static void print_string(FILE *out, const char *text, bool full)
{
	size_t length = strlen(text), shown = length;

	if (!full && length > CUT)
		for (shown = CUT; shown && ((unsigned char)text[shown] & 0xc0) == 0x80; shown--)
			;
	if (!length)
		fputs("\"\"", out);
	print_safe(out, text, shown);
	if (shown < length)
		fprintf(out, "... (%zu bytes)", length);
}

static void print_scalar(FILE *out, json_object *value, bool full)
{
	if (json_object_is_type(value, json_type_string))
		print_string(out, json_object_get_string(value), full);
	else if (json_object_is_type(value, json_type_boolean))
		fputs(json_object_get_boolean(value) ? "yes" : "no", out);
	else
		fputs(json_object_get_string(value), out);
}

static bool is_scalar(json_object *value)
{
	return !json_object_is_type(value, json_type_object) && !json_object_is_type(value, json_type_array);
}

/* Does each item fit in a line? */
static bool is_table(json_object *array)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		json_object *item = json_object_array_get_idx(array, i);

		if (!json_object_is_type(item, json_type_object))
			continue;
		if (json_object_object_length(item) > MAX_COLUMNS)
			return false;
		json_object_object_foreach(item, key, value) {
			(void)key;
			if (!is_scalar(value))
				return false;
		}
	}
	return true;
}

/* Keys are words joined by "_". */
static void print_key(FILE *out, const char *key)
{
	for (; *key; key++)
		fputc(*key == '_' ? ' ' : *key, out);
}

static void print_object(FILE *out, json_object *object, int indent, bool full);

/* One line: "path /etc, filespec hosts, recursive no" */
static void print_flat(FILE *out, json_object *object, bool full)
{
	const char *comma = "";

	json_object_object_foreach(object, key, value) {
		fputs(comma, out);
		print_key(out, key);
		fputc(' ', out);
		print_scalar(out, value, full);
		comma = ", ";
	}
	fputc('\n', out);
}

static void print_array(FILE *out, json_object *array, int indent, bool full)
{
	bool table = is_table(array);

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		json_object *item = json_object_array_get_idx(array, i);

		if (is_scalar(item)) {
			fprintf(out, "%*s", indent, "");
			print_scalar(out, item, full);
			fputc('\n', out);
		} else if (table) {
			fprintf(out, "%*s", indent, "");
			print_flat(out, item, full);
		} else {
			if (i)
				fputc('\n', out);
			print_object(out, item, indent, full);
		}
	}
}

static void print_object(FILE *out, json_object *object, int indent, bool full)
{
	json_object_object_foreach(object, key, value) {
		fprintf(out, "%*s", indent, "");
		print_key(out, key);
		if (is_scalar(value)) {
			fprintf(out, "%*s", (int)strlen(key) < WIDTH ? WIDTH - (int)strlen(key) : 1, "");
			print_scalar(out, value, full);
			fputc('\n', out);
			continue;
		}
		fputs(":\n", out);
		if (json_object_is_type(value, json_type_array))
			print_array(out, value, indent + 2, full);
		else
			print_object(out, value, indent + 2, full);
	}
}

void vssctl_print_tree(FILE *out, json_object *tree, bool full)
{
	print_object(out, tree, 0, full);
}
