// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Contexts: which there are, what follows from their bits, how people write
 * them.  Names of enumerators, and the records of vss/types.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vss/types.h>

#include "error.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* The bits that make a context; a requester never combines them by itself. */
#define CONTEXT_BITS	((uint32_t)(VSS_VOLSNAP_ATTR_PERSISTENT | VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE | \
				    VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE | VSS_VOLSNAP_ATTR_NO_WRITERS))
/* What a requester may add to a context. */
#define METHOD_BITS	((uint32_t)(VSS_VOLSNAP_ATTR_TRANSPORTABLE | VSS_VOLSNAP_ATTR_DIFFERENTIAL | \
				    VSS_VOLSNAP_ATTR_PLEX))
#define MODIFIER_BITS	((uint32_t)(METHOD_BITS | VSS_VOLSNAP_ATTR_NO_AUTORECOVERY | \
				    VSS_VOLSNAP_ATTR_NOT_TRANSACTED | VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY | \
				    VSS_VOLSNAP_ATTR_TXF_RECOVERY))

struct named_value {
	const char *name;
	uint32_t value;
};

/* A value's first name is the one that it is written with. */
static const struct named_value contexts[] = {
	{ "BACKUP", VSS_CTX_BACKUP },
	{ "APP_BACKUP", VSS_CTX_APP_BACKUP },
	{ "FILE_SHARE_BACKUP", VSS_CTX_FILE_SHARE_BACKUP },
	{ "NAS_ROLLBACK", VSS_CTX_NAS_ROLLBACK },
	{ "APP_ROLLBACK", VSS_CTX_APP_ROLLBACK },
	{ "CLIENT_ACCESSIBLE", VSS_CTX_CLIENT_ACCESSIBLE },
	{ "CLIENT_ACCESSIBLE_WRITERS", VSS_CTX_CLIENT_ACCESSIBLE_WRITERS },
	{ "ALL", VSS_CTX_ALL },
};

/* CLIENT_ACCESSIBLE is an attribute and a context; alone it means the context. */
static const struct named_value attributes[] = {
	{ "PERSISTENT", VSS_VOLSNAP_ATTR_PERSISTENT },
	{ "NO_AUTORECOVERY", VSS_VOLSNAP_ATTR_NO_AUTORECOVERY },
	{ "CLIENT_ACCESSIBLE", VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE },
	{ "NO_AUTO_RELEASE", VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE },
	{ "NO_WRITERS", VSS_VOLSNAP_ATTR_NO_WRITERS },
	{ "TRANSPORTABLE", VSS_VOLSNAP_ATTR_TRANSPORTABLE },
	{ "NOT_SURFACED", VSS_VOLSNAP_ATTR_NOT_SURFACED },
	{ "NOT_TRANSACTED", VSS_VOLSNAP_ATTR_NOT_TRANSACTED },
	{ "HARDWARE_ASSISTED", VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED },
	{ "DIFFERENTIAL", VSS_VOLSNAP_ATTR_DIFFERENTIAL },
	{ "PLEX", VSS_VOLSNAP_ATTR_PLEX },
	{ "IMPORTED", VSS_VOLSNAP_ATTR_IMPORTED },
	{ "EXPOSED_LOCALLY", VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY },
	{ "EXPOSED_REMOTELY", VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY },
	{ "AUTORECOVER", VSS_VOLSNAP_ATTR_AUTORECOVER },
	{ "ROLLBACK_RECOVERY", VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY },
	{ "DELAYED_POSTSNAPSHOT", VSS_VOLSNAP_ATTR_DELAYED_POSTSNAPSHOT },
	{ "TXF_RECOVERY", VSS_VOLSNAP_ATTR_TXF_RECOVERY },
	{ "FILE_SHARE", VSS_VOLSNAP_ATTR_FILE_SHARE },
};

/* The context within @value, which may be a context with modifiers; NULL for none. */
static const char *context_base_name(uint32_t value)
{
	for (size_t i = 0; i < COUNT(contexts); i++)
		if (contexts[i].value == (value & CONTEXT_BITS))
			return contexts[i].name;
	return NULL;
}

vss_result vss_context_check(uint32_t context, struct vss_error *err)
{
	uint32_t base = context & CONTEXT_BITS;
	uint32_t rest = context & ~CONTEXT_BITS;
	const char *wrong = NULL;

	if (context == VSS_CTX_ALL)
		return S_OK;
	if (!context_base_name(context))
		wrong = "PERSISTENT, CLIENT_ACCESSIBLE, NO_AUTO_RELEASE and NO_WRITERS come only as one of "
			"the named contexts makes them; take VSS_CTX_BACKUP or another of those";
	else if (rest & ~MODIFIER_BITS)
		wrong = "it has bits that a requester does not set; it may add TRANSPORTABLE, DIFFERENTIAL, "
			"PLEX, NO_AUTORECOVERY, ROLLBACK_RECOVERY, NOT_TRANSACTED and TXF_RECOVERY";
	else if ((rest & VSS_VOLSNAP_ATTR_DIFFERENTIAL) && (rest & VSS_VOLSNAP_ATTR_PLEX))
		wrong = "DIFFERENTIAL and PLEX exclude each other; take one or leave the choice to the provider";
	else if ((base & VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE) && (rest & METHOD_BITS))
		wrong = "client-accessible shadow copies are the system provider's own; leave out "
			"TRANSPORTABLE, DIFFERENTIAL and PLEX";
	if (!wrong)
		return S_OK;
	vss_error_set(err, -EINVAL, E_INVALIDARG, "0x%08x is no context: %s", context, wrong);
	return E_INVALIDARG;
}

bool vss_context_has_writers(uint32_t context)
{
	return context != VSS_CTX_ALL && !(context & VSS_VOLSNAP_ATTR_NO_WRITERS);
}

bool vss_context_is_persistent(uint32_t context)
{
	return context != VSS_CTX_ALL && (context & VSS_VOLSNAP_ATTR_PERSISTENT);
}

bool vss_context_is_auto_release(uint32_t context)
{
	return context != VSS_CTX_ALL && !(context & VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE);
}

static char plain(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '-' ? '_' : c;
}

/* Are the @length characters at @text the name @name, as people write it? */
static bool is_name(const char *text, size_t length, const char *name)
{
	for (size_t i = 0; i < length; i++)
		if (!name[i] || plain(text[i]) != name[i])
			return false;
	return !name[length];
}

/* Step over @prefix where it is. */
static void skip_prefix(const char **text, size_t *length, const char *prefix)
{
	size_t n = strlen(prefix);

	if (*length <= n || !is_name(*text, n, prefix))
		return;
	*text += n;
	*length -= n;
}

static bool find_name(const struct named_value *values, size_t count, const char *text,
		      size_t length, uint32_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_name(text, length, values[i].name))
			continue;
		*value = values[i].value;
		return true;
	}
	return false;
}

static bool parse_number(const char *text, size_t length, uint32_t *value)
{
	char copy[16], *end;
	unsigned long long number;

	if (!length || length >= sizeof(copy) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	number = strtoull(copy, &end, 0);
	if (*end || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	return true;
}

static bool parse_part(const char *text, size_t length, uint32_t *value)
{
	const char *attribute;
	size_t attribute_length;

	while (length && (text[0] == ' ' || text[0] == '\t')) {
		text++;
		length--;
	}
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	if (parse_number(text, length, value))
		return true;
	attribute = text;
	attribute_length = length;
	skip_prefix(&attribute, &attribute_length, "VSS_VOLSNAP_ATTR_");
	if (attribute != text)
		return find_name(attributes, COUNT(attributes), attribute, attribute_length, value);
	skip_prefix(&text, &length, "VSS_CTX_");
	if (find_name(contexts, COUNT(contexts), text, length, value))
		return true;
	return text == attribute && find_name(attributes, COUNT(attributes), text, length, value);
}

bool vss_context_parse(const char *text, uint32_t *context)
{
	uint32_t result = 0;

	for (;;) {
		size_t length = strcspn(text, "|");
		uint32_t value;

		if (!parse_part(text, length, &value))
			return false;
		result |= value;
		if (!text[length])
			break;
		text += length + 1;
	}
	*context = result;
	return true;
}

char *vss_context_name(uint32_t context)
{
	const char *base = context_base_name(context);
	size_t size, room = 0;
	char *text = NULL;
	FILE *out;

	if (context == VSS_CTX_ALL)
		return strdup("ALL");
	out = open_memstream(&text, &room);
	if (!out)
		return NULL;
	if (base) {
		fputs(base, out);
		context &= ~CONTEXT_BITS;
	}
	size = base ? 1 : 0;
	for (size_t i = 0; i < COUNT(attributes); i++) {
		if (!(context & attributes[i].value))
			continue;
		/* Alone the short name would mean the context. */
		fprintf(out, "%s%s%s", size++ ? "|" : "",
			attributes[i].value == VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE ? "VSS_VOLSNAP_ATTR_" : "",
			attributes[i].name);
		context &= ~attributes[i].value;
	}
	if (context)
		fprintf(out, "%s0x%x", size ? "|" : "", context);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

#define NAME_OF(names, value)	((size_t)(value) < COUNT(names) ? (names)[value] : "?")
#define NAME(name)		[name] = #name

const char *vss_writer_state_name(enum vss_writer_state state)
{
	static const char *const names[] = {
		NAME(VSS_WS_UNKNOWN),
		NAME(VSS_WS_STABLE),
		NAME(VSS_WS_WAITING_FOR_FREEZE),
		NAME(VSS_WS_WAITING_FOR_THAW),
		NAME(VSS_WS_WAITING_FOR_POST_SNAPSHOT),
		NAME(VSS_WS_WAITING_FOR_BACKUP_COMPLETE),
		NAME(VSS_WS_FAILED_AT_IDENTIFY),
		NAME(VSS_WS_FAILED_AT_PREPARE_BACKUP),
		NAME(VSS_WS_FAILED_AT_PREPARE_SNAPSHOT),
		NAME(VSS_WS_FAILED_AT_FREEZE),
		NAME(VSS_WS_FAILED_AT_THAW),
		NAME(VSS_WS_FAILED_AT_POST_SNAPSHOT),
		NAME(VSS_WS_FAILED_AT_BACKUP_COMPLETE),
		NAME(VSS_WS_FAILED_AT_PRE_RESTORE),
		NAME(VSS_WS_FAILED_AT_POST_RESTORE),
		NAME(VSS_WS_FAILED_AT_BACKUPSHUTDOWN),
	};

	return NAME_OF(names, state);
}

const char *vss_usage_type_name(enum vss_usage_type usage)
{
	static const char *const names[] = {
		NAME(VSS_UT_UNDEFINED),
		NAME(VSS_UT_BOOTABLESYSTEMSTATE),
		NAME(VSS_UT_SYSTEMSERVICE),
		NAME(VSS_UT_USERDATA),
		NAME(VSS_UT_OTHER),
	};

	return NAME_OF(names, usage);
}

const char *vss_source_type_name(enum vss_source_type source)
{
	static const char *const names[] = {
		NAME(VSS_ST_UNDEFINED),
		NAME(VSS_ST_TRANSACTEDDB),
		NAME(VSS_ST_NONTRANSACTEDDB),
		NAME(VSS_ST_OTHER),
	};

	return NAME_OF(names, source);
}

const char *vss_component_type_name(enum vss_component_type type)
{
	static const char *const names[] = {
		NAME(VSS_CT_UNDEFINED),
		NAME(VSS_CT_DATABASE),
		NAME(VSS_CT_FILEGROUP),
	};

	return NAME_OF(names, type);
}

const char *vss_provider_type_name(enum vss_provider_type type)
{
	static const char *const names[] = {
		NAME(VSS_PROV_UNKNOWN),
		NAME(VSS_PROV_SYSTEM),
		NAME(VSS_PROV_SOFTWARE),
		NAME(VSS_PROV_HARDWARE),
		NAME(VSS_PROV_FILESHARE),
	};

	return NAME_OF(names, type);
}

const char *vss_backup_type_name(enum vss_backup_type type)
{
	static const char *const names[] = {
		NAME(VSS_BT_UNDEFINED),
		NAME(VSS_BT_FULL),
		NAME(VSS_BT_INCREMENTAL),
		NAME(VSS_BT_DIFFERENTIAL),
		NAME(VSS_BT_LOG),
		NAME(VSS_BT_COPY),
		NAME(VSS_BT_OTHER),
	};

	return NAME_OF(names, type);
}

void vss_free_snapshot_properties(struct vss_snapshot_prop *prop)
{
	if (!prop)
		return;
	free(prop->device_object);
	free(prop->original_volume_name);
	free(prop->originating_machine);
	free(prop->service_machine);
	free(prop->exposed_name);
	free(prop->exposed_path);
	memset(prop, 0, sizeof(*prop));
}

void vss_free_provider_properties(struct vss_provider_prop *prop)
{
	if (!prop)
		return;
	free(prop->provider_name);
	free(prop->provider_version);
	memset(prop, 0, sizeof(*prop));
}
