// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules that hold for every call: which codes a function may give, how long it
 * may take, and that a failure comes with a sentence.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conform.h"

#define MAX_CODES	10

/* Zero ends a list of codes; S_OK, E_OUTOFMEMORY and VSS_E_PROVIDER_VETO are always allowed. */
static const struct {
	const char *name;
	uint32_t limit_ms;	/* 0: that of the test */
	vss_result codes[MAX_CODES];
} functions[FN_COUNT] = {
#define FUNCTION(name, limit_ms, ...) [FN_##name] = { #name, limit_ms, { __VA_ARGS__ } }
	FUNCTION(load, 0, 0),
	FUNCTION(unload, 0, S_FALSE),
	FUNCTION(is_volume_supported, 0, S_FALSE, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, VSS_E_UNSUPPORTED_CONTEXT,
		 VSS_E_NESTED_VOLUME_LIMIT),
	FUNCTION(is_volume_snapshotted, 0, S_FALSE, VSS_E_OBJECT_NOT_FOUND),
	FUNCTION(begin_prepare_snapshot, 0, VSS_E_BAD_STATE, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, VSS_E_UNSUPPORTED_CONTEXT,
		 VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, VSS_E_INSUFFICIENT_STORAGE, VSS_E_NESTED_VOLUME_LIMIT),
	FUNCTION(begin_hold, 0, 0),
	FUNCTION(end_prepare_snapshots, 0, VSS_E_INSUFFICIENT_STORAGE),
	FUNCTION(pre_commit_snapshots, 10000, VSS_E_INSUFFICIENT_STORAGE),
	FUNCTION(hold_writes, 10000, VSS_E_INSUFFICIENT_STORAGE, VSS_E_FLUSH_WRITES_TIMEOUT, VSS_E_HOLD_WRITES_TIMEOUT),
	FUNCTION(commit_snapshots, 1000, VSS_E_INSUFFICIENT_STORAGE, VSS_E_HOLD_WRITES_TIMEOUT),
	FUNCTION(release_writes, 10000, VSS_E_INSUFFICIENT_STORAGE, VSS_E_HOLD_WRITES_TIMEOUT),
	FUNCTION(post_commit_snapshots, 10000, VSS_E_INSUFFICIENT_STORAGE),
	FUNCTION(pre_final_commit_snapshots, 0, VSS_E_INSUFFICIENT_STORAGE),
	FUNCTION(post_final_commit_snapshots, 0, VSS_E_INSUFFICIENT_STORAGE),
	FUNCTION(abort_snapshots, 0, VSS_E_INSUFFICIENT_STORAGE, VSS_E_OBJECT_NOT_FOUND),
	FUNCTION(get_snapshots, 0, 0),
	FUNCTION(delete_snapshot, 0, VSS_E_OBJECT_NOT_FOUND),
	FUNCTION(set_writable, 0, VSS_E_OBJECT_NOT_FOUND, E_NOTIMPL),
	FUNCTION(revert_to_snapshot, 0, VSS_E_OBJECT_NOT_FOUND, E_NOTIMPL, VSS_E_UNSUPPORTED_CONTEXT,
		 VSS_E_VOLUME_IN_USE, VSS_E_VOLUME_NOT_SUPPORTED, VSS_E_REVERT_IN_PROGRESS, VSS_E_REBOOT_REQUIRED,
		 VSS_E_REVERT_VOLUME_LOST),
	FUNCTION(query_revert_status, 0, VSS_S_ASYNC_PENDING, VSS_E_OBJECT_NOT_FOUND, E_NOTIMPL, VSS_E_REBOOT_REQUIRED,
		 VSS_E_REVERT_VOLUME_LOST),
	FUNCTION(import_snapshot, 0, VSS_E_OBJECT_NOT_FOUND, E_NOTIMPL, VSS_E_MISSING_DISK, VSS_E_MISSING_VOLUME,
		 VSS_E_MISSING_HIDDEN_VOLUME),
	FUNCTION(break_snapshot_set, 0, VSS_E_OBJECT_NOT_FOUND, E_NOTIMPL, VSS_E_BREAK_REVERT_ID_FAILED),
	FUNCTION(get_provider_capabilities, 0, 0),
	FUNCTION(are_luns_supported, 0, S_FALSE, VSS_E_UNSUPPORTED_CONTEXT, VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER),
	FUNCTION(fill_in_lun_info, 0, S_FALSE),
	FUNCTION(get_target_luns, 10000, 0),
	FUNCTION(locate_luns, 0, VSS_E_OBJECT_NOT_FOUND),
	FUNCTION(on_lun_empty, 0, 0),
	FUNCTION(on_lun_state_change, 0, VSS_E_OBJECT_NOT_FOUND),
	FUNCTION(resync_luns, 0, VSS_E_OBJECT_NOT_FOUND),
#undef FUNCTION
};

/* ---- telling ---- */

static void tell(struct conform *t, char kind, const char *text)
{
	char line[2048];
	int length = snprintf(line, sizeof(line), "%c%s", kind, text);

	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	for (int i = 0; i < length; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	line[length] = '\n';
	/* Short enough to be written at once; who waits has gone if it is not. */
	if (write(t->out, line, (size_t)length + 1) != length + 1)
		_exit(1);
}

void conform_wrong(struct conform *t, const char *rule, const char *format, ...)
{
	char text[VSS_ERROR_TEXT_SIZE + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tell(t, 'F', text);
	tell(t, 'R', rule);
}

void conform_skip(struct conform *t, const char *why)
{
	tell(t, 'S', why);
}

const char *conform_said(struct conform *t, vss_result result)
{
	static __thread char text[VSS_ERROR_TEXT_SIZE + 64];

	snprintf(text, sizeof(text), "%s (0x%08x)%s%s", vss_result_name(result), result, t->err.text[0] ? ": " : "",
		 t->err.text);
	return text;
}

/* ---- judging ---- */

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void conform_enter(struct conform *t, enum conform_function function)
{
	tell(t, 'C', functions[function].name);
	memset(&t->err, 0, sizeof(t->err));
	t->started = now();
}

static bool may_give(enum conform_function function, vss_result result)
{
	const vss_result *codes = functions[function].codes;

	if (result == S_OK || result == E_OUTOFMEMORY || result == VSS_E_PROVIDER_VETO)
		return true;
	for (size_t i = 0; i < MAX_CODES && codes[i]; i++)
		if (codes[i] == result)
			return true;
	return false;
}

void conform_judge(struct conform *t, enum conform_function function, vss_result result)
{
	const char *name = functions[function].name;
	uint32_t limit = functions[function].limit_ms;
	uint64_t took = (now() - t->started) / 1000;

	tell(t, 'C', "");
	if (!memchr(t->err.text, 0, sizeof(t->err.text))) {
		t->err.text[sizeof(t->err.text) - 1] = '\0';
		conform_wrong(t, "vss/error.h, struct vss_error: @text", "%s() wrote a sentence without an end", name);
	}
	if (!may_give(function, result))
		conform_wrong(t, "vss/provider.h, struct vss_provider_ops: the codes named at each function",
			      "%s() gave %s, which is not one of its codes", name, conform_said(t, result));
	if (VSS_FAILED(result) && !t->err.text[0])
		conform_wrong(t, "vss/provider.h: a function says in @err what failed, on what, and what to do",
			      "%s() gave %s and no sentence", name, conform_said(t, result));
	if (strpbrk(t->err.text, "\n\r"))
		conform_wrong(t, "vss/error.h, struct vss_error: @text is one sentence without a newline",
			      "%s() gave a sentence of several lines", name);
	if (limit && took > limit)
		conform_wrong(t, "vss/provider.h, struct vss_provider_ops: time limits",
			      "%s() took %llu ms, and may take %u while applications wait", name,
			      (unsigned long long)took, limit);
}
