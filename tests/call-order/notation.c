// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading vectors.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <vss/types.h>

#include "error.h"
#include "notation.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define problem_set(problem, ...)	(snprintf(problem, PROBLEM_SIZE, __VA_ARGS__), false)

static void *checked(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return p;
}

/* ---- lines ---- */

/* id, context, sequence and expected must be there; basis and note need not. */
static bool split_line(struct vector *vector, char problem[PROBLEM_SIZE])
{
	const char **fields[] = { &vector->id, &vector->context, &vector->sequence, &vector->expected,
				  &vector->basis, &vector->note };
	char *rest = vector->text;
	size_t i;

	for (i = 0; i < COUNT(fields) && rest; i++)
		*fields[i] = strsep(&rest, "\t");
	if (rest)
		return problem_set(problem, "line %u has more than %zu columns", vector->line, COUNT(fields));
	if (i < 4)
		return problem_set(problem,
				   "line %u has %zu columns; needed are id, context, sequence and expected",
				   vector->line, i);
	for (; i < COUNT(fields); i++)
		*fields[i] = "";
	return true;
}

int vector_read(FILE *file, unsigned int *line, struct vector *vector, char problem[PROBLEM_SIZE])
{
	size_t room = 0;

	memset(vector, 0, sizeof(*vector));
	while (getline(&vector->text, &room, file) >= 0) {
		char *text = vector->text;

		vector->line = ++*line;
		text[strcspn(text, "\r\n")] = '\0';
		if (!*text || *text == '#' || !strncmp(text, "id\t", 3))
			continue;
		return split_line(vector, problem) ? 1 : -1;
	}
	vector_clear(vector);
	return 0;
}

void vector_clear(struct vector *vector)
{
	free(vector->text);
	memset(vector, 0, sizeof(*vector));
}

/* ---- prefixes: who calls, and where ---- */

/* The length of a prefix at @text ("#2", "@B", "@B2"), which it is read from; 0 for none. */
static size_t read_prefix(const char *text, char *machine, unsigned int *requester)
{
	char *end;

	if (*text == '@' && isupper((unsigned char)text[1])) {
		*machine = text[1];
		text += 2;
		if (!isdigit((unsigned char)*text))
			return 2;
		*requester = (unsigned int)strtoul(text, &end, 10);
		return 2 + (size_t)(end - text);
	}
	if (*text == '#' && isdigit((unsigned char)text[1])) {
		*requester = (unsigned int)strtoul(text + 1, &end, 10);
		return (size_t)(end - text);
	}
	return 0;
}

/* Prefixes may have been put before each word of a condition too; they mean nothing there. */
static void drop_prefixes(char *text)
{
	char *to = text;
	char machine;
	unsigned int requester;

	while (*text) {
		if (to == text || isspace((unsigned char)text[-1]))
			text += read_prefix(text, &machine, &requester);
		if (*text)
			*to++ = *text++;
	}
	*to = '\0';
}

/* ---- conditions ---- */

static bool known_name(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(names[i], name))
			return true;
	return false;
}

static bool check_event(const char *name, char problem[PROBLEM_SIZE])
{
	static const char *const events[] = {
		"Identify", "PrepareBackup", "PrepareForBackup", "PrepareSnapshot", "PrepareForSnapshot",
		"Freeze", "Thaw", "PostSnapshot", "Abort", "BackupComplete", "BackupShutdown", "PreRestore",
		"PostRestore",
	};

	return known_name(name, events, COUNT(events)) ||
	       problem_set(problem, "\"%s\" is no event of a writer", name);
}

static bool check_step(const char *name, char problem[PROBLEM_SIZE])
{
	static const char *const steps[] = {
		"prepare", "BeginPrepare", "EndPrepare", "PreCommit", "hold", "commit", "release",
		"PostCommit", "PreFinalCommit", "PostFinalCommit", "delete", "import", "break", "revert",
	};

	return known_name(name, steps, COUNT(steps)) ||
	       problem_set(problem, "\"%s\" is no step of a provider", name);
}

static bool parse_condition(const char *text, struct condition *c, char problem[PROBLEM_SIZE])
{
	static const struct {
		const char *text;
		enum condition_kind kind;
	} plain[] = {
		{ "null", CONDITION_NULL },
		{ "fails", CONDITION_FAILS },
		{ "no room", CONDITION_NO_ROOM },
		{ "running", CONDITION_RUNNING },
		{ "at the same time", CONDITION_AT_THE_SAME_TIME },
		{ "original present", CONDITION_ORIGINAL_PRESENT },
		{ "storage absent", CONDITION_STORAGE_ABSENT },
		{ "one of two absent", CONDITION_ONE_ABSENT },
		{ "mounted", CONDITION_MOUNTED },
		{ "in use", CONDITION_MOUNTED },
		{ "not-transportable", CONDITION_NOT_TRANSPORTABLE },
		{ "not transportable", CONDITION_NOT_TRANSPORTABLE },
	};
	char result[64];
	int end = -1;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < COUNT(plain); i++) {
		if (!strcmp(plain[i].text, text)) {
			c->kind = plain[i].kind;
			return true;
		}
	}
	if (sscanf(text, "provider gives %63[A-Z_0-9]%n", result, &end) == 1 && end >= 0 && !text[end]) {
		c->kind = CONDITION_PROVIDER_GIVES;
		return vss_result_parse(result, &c->result) ||
		       problem_set(problem, "\"%s\" is no result code", result);
	}
	if (sscanf(text, "W fails %31[A-Za-z]%n", c->name, &end) == 1 && end >= 0 && !text[end]) {
		c->kind = CONDITION_WRITER_FAILS;
		return check_event(c->name, problem);
	}
	if (sscanf(text, "W holds %31[A-Za-z] %u s%n", c->name, &c->seconds, &end) == 2 && end >= 0 &&
	    !text[end]) {
		c->kind = CONDITION_WRITER_HOLDS;
		return check_event(c->name, problem);
	}
	if ((sscanf(text, "W dies in %31[A-Za-z]%n", c->name, &end) == 1 && end >= 0 && !text[end]) ||
	    (sscanf(text, "W dies at %31[A-Za-z]%n", c->name, &end) == 1 && end >= 0 && !text[end])) {
		c->kind = CONDITION_WRITER_DIES;
		return check_event(c->name, problem);
	}
	if (sscanf(text, "provider %31[A-Za-z] %u s%n", c->name, &c->seconds, &end) == 2 && end >= 0 &&
	    !text[end]) {
		c->kind = CONDITION_PROVIDER_TAKES;
		return check_step(c->name, problem);
	}
	return problem_set(problem, "the condition \"(%s)\" is not known", text);
}

const struct condition *token_condition(const struct token *token, enum condition_kind kind)
{
	for (size_t i = 0; i < token->nr_conditions; i++)
		if (token->conditions[i].kind == kind)
			return &token->conditions[i];
	return NULL;
}

/* ---- tokens ---- */

/* The length of the token at @text: up to a blank outside of parentheses; 0: they do not close. */
static size_t token_length(const char *text)
{
	int depth = 0;
	size_t i;

	for (i = 0; text[i] && (depth || !isspace((unsigned char)text[i])); i++) {
		depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
		if (depth < 0)
			return 0;
	}
	return depth ? 0 : i;
}

/*
 * Take the conditions out of @body.  A "(null)" that stands where an argument or
 * the name of a component would is one, and stays.
 */
static bool take_conditions(struct token *token, char *body, char problem[PROBLEM_SIZE])
{
	char *open = body;

	while ((open = strchr(open, '('))) {
		char *close = strchr(open, ')');
		char inside[128];

		if (!close || close - open > (ptrdiff_t)sizeof(inside))
			return problem_set(problem, "\"%s\" has a condition that does not end", token->text);
		memcpy(inside, open + 1, (size_t)(close - open - 1));
		inside[close - open - 1] = '\0';
		drop_prefixes(inside);
		if (!strcmp(inside, "null") && open > body && (open[-1] == '/' || open[-1] == ':')) {
			open = close + 1;
			continue;
		}
		if (token->nr_conditions == MAX_CONDITIONS)
			return problem_set(problem, "\"%s\" has more than %d conditions", token->text,
					   MAX_CONDITIONS);
		if (!parse_condition(inside, &token->conditions[token->nr_conditions], problem))
			return false;
		token->nr_conditions++;
		memmove(open, close + 1, strlen(close + 1) + 1);
	}
	return true;
}

static bool parse_token(const char *text, size_t length, struct token *token, char problem[PROBLEM_SIZE])
{
	size_t prefix;
	char *rest, *part;
	bool good;

	token->text = checked(strndup(text, length));
	rest = token->text;
	while ((prefix = read_prefix(rest, &token->machine, &token->requester)))
		rest += prefix;
	rest = checked(strdup(rest));
	good = take_conditions(token, rest, problem);
	if (good) {
		char *at = rest;

		token->name = checked(strdup(strsep(&at, ":")));
		while (good && at) {
			char machine;
			unsigned int requester;

			part = strsep(&at, ":");
			/* As within a condition */
			part += read_prefix(part, &machine, &requester);
			if (token->nr_arguments == MAX_ARGUMENTS)
				good = problem_set(problem, "\"%s\" has more than %d arguments", token->text,
						   MAX_ARGUMENTS);
			else if (!*part)
				good = problem_set(problem, "\"%s\" has an empty argument", token->text);
			else
				token->arguments[token->nr_arguments++] =
					strcmp(part, "(null)") ? checked(strdup(part)) : NULL;
		}
	}
	free(rest);
	return good;
}

bool sequence_parse(const char *text, struct sequence *sequence, char problem[PROBLEM_SIZE])
{
	char machine = 'A';
	unsigned int requester = 1;

	memset(sequence, 0, sizeof(*sequence));
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t length = token_length(text);
		struct token *token;

		if (!length)
			return problem_set(problem, "parentheses do not match at \"%.60s\"", text);
		/* A prefix that stands alone belongs to the next call. */
		if (read_prefix(text, &machine, &requester) == length) {
			text += length;
			continue;
		}
		sequence->tokens = checked(
			reallocarray(sequence->tokens, sequence->count + 1, sizeof(*token)));
		token = &sequence->tokens[sequence->count++];
		memset(token, 0, sizeof(*token));
		token->machine = machine;
		token->requester = requester;
		if (text[0] == '#' || text[0] == '@') {
			token->machine = 'A';
			token->requester = 1;
		}
		machine = 'A';
		requester = 1;
		if (!parse_token(text, length, token, problem))
			return false;
		text += length;
	}
	return sequence->count || problem_set(problem, "the sequence is empty");
}

static bool is_call_of_first(const struct token *token, const char *name)
{
	return token->machine == 'A' && token->requester == 1 && !strcmp(token->name, name);
}

static void insert_token(struct sequence *sequence, size_t at, const char *text, char problem[PROBLEM_SIZE])
{
	struct token *token;

	sequence->tokens = checked(reallocarray(sequence->tokens, sequence->count + 1, sizeof(*token)));
	token = &sequence->tokens[at];
	memmove(token + 1, token, (sequence->count - at) * sizeof(*token));
	sequence->count++;
	memset(token, 0, sizeof(*token));
	token->machine = 'A';
	token->requester = 1;
	parse_token(text, strlen(text), token, problem);
}

bool sequence_set_context(struct sequence *sequence, const char *context, char problem[PROBLEM_SIZE])
{
	char text[128];
	uint32_t value;

	if (!strcmp(context, "-"))
		return true;
	if (!vss_context_parse(context, &value))
		return problem_set(problem, "the column \"%s\" is no context", context);
	for (size_t i = 0; i < sequence->count; i++)
		if (is_call_of_first(&sequence->tokens[i], "SetContext"))
			return true;
	snprintf(text, sizeof(text), "SetContext:%s", context);
	for (size_t i = 0; i + 1 < sequence->count; i++) {
		if (!is_call_of_first(&sequence->tokens[i], "InitializeForBackup"))
			continue;
		insert_token(sequence, i + 1, text, problem);
		break;
	}
	return true;
}

void sequence_clear(struct sequence *sequence)
{
	for (size_t i = 0; i < sequence->count; i++) {
		struct token *token = &sequence->tokens[i];

		free(token->text);
		free(token->name);
		for (size_t j = 0; j < token->nr_arguments; j++)
			free(token->arguments[j]);
	}
	free(sequence->tokens);
	memset(sequence, 0, sizeof(*sequence));
}

/* ---- expectations ---- */

/* Call @use with each alternative ("A or B"); stops at true. */
static bool each_alternative(const char *expected, bool (*use)(const char *alternative, void *data),
			     void *data)
{
	while (*expected) {
		const char *end = strstr(expected, " or ");
		size_t length = end ? (size_t)(end - expected) : strlen(expected);
		char alternative[80];

		snprintf(alternative, sizeof(alternative), "%.*s", (int)length, expected);
		if (use(alternative, data))
			return true;
		expected += length + (end ? 4 : 0);
	}
	return false;
}

static bool is_unknown(const char *alternative, void *problem)
{
	vss_result result;

	if (!strcmp(alternative, "empty list") || vss_result_parse(alternative, &result))
		return false;
	return !problem_set(problem, "the expectation \"%s\" is not known", alternative);
}

bool expected_check(const char *expected, char problem[PROBLEM_SIZE])
{
	if (!*expected)
		return problem_set(problem, "the expectation is empty");
	return !each_alternative(expected, is_unknown, problem);
}

struct outcome {
	vss_result result;
	bool empty;
};

static bool is_outcome(const char *alternative, void *data)
{
	const struct outcome *outcome = data;
	vss_result result;

	if (!strcmp(alternative, "empty list"))
		return outcome->result == S_OK && outcome->empty;
	if (!vss_result_parse(alternative, &result))
		return false;
	/* An enumerator that ends at once says so with S_FALSE. */
	return result == outcome->result || (result == S_FALSE && outcome->empty && outcome->result == S_OK);
}

bool expected_matches(const char *expected, vss_result result, bool empty)
{
	struct outcome outcome = { result, empty };

	return each_alternative(expected, is_outcome, &outcome);
}
