// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the kernel's own descriptions of itself.
 */
#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "doctor-parse.h"

bool vssctl_config_has(FILE *config, const char *option)
{
	char line[1024], wanted[128];
	size_t size = (size_t)snprintf(wanted, sizeof(wanted), "CONFIG_%s=", option);

	rewind(config);
	while (fgets(line, sizeof(line), config))
		if (!strncmp(line, wanted, size))
			return line[size] == 'y' || line[size] == 'm';
	return false;
}

bool vssctl_kernel_supported(const char *release)
{
	unsigned int major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && (minor == 1 || minor >= 12));
}

void vssctl_functions_listed(FILE *available, const char *const *functions, size_t count,
			     bool *listed)
{
	char line[1024];

	memset(listed, 0, count * sizeof(*listed));
	/* "name" or "name [module]" */
	while (fgets(line, sizeof(line), available)) {
		size_t size = strcspn(line, " \t\n");

		for (size_t i = 0; i < count; i++)
			if (!strncmp(line, functions[i], size) && !functions[i][size])
				listed[i] = true;
	}
}

bool vssctl_function_redirected(FILE *enabled, const char *function)
{
	char line[1024];
	size_t size = strlen(function);

	/* "name (2) R I   tramp: ..." */
	while (fgets(line, sizeof(line), enabled)) {
		char *token, *save;

		if (strncmp(line, function, size) || line[size] != ' ')
			continue;
		token = strtok_r(line + size, " \t\n", &save);
		while ((token = strtok_r(NULL, " \t\n", &save)) && !token[1])
			if (*token == 'I')
				return true;
	}
	return false;
}

bool vssctl_lockdown_mode(const char *text, char *mode, size_t size)
{
	const char *open = strchr(text, '[');
	const char *close = open ? strchr(open, ']') : NULL;

	if (!close || (size_t)(close - open) > size)
		return false;
	memcpy(mode, open + 1, (size_t)(close - open - 1));
	mode[close - open - 1] = '\0';
	return true;
}

bool vssctl_module_signed(FILE *module)
{
	static const char magic[] = "~Module signature appended~\n";
	char end[sizeof(magic) - 1];

	return !fseek(module, -(long)sizeof(end), SEEK_END) &&
	       fread(end, sizeof(end), 1, module) == 1 && !memcmp(end, magic, sizeof(end));
}

bool vssctl_read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool ok = file && fgets(text, (int)size, file);

	if (file)
		fclose(file);
	if (ok)
		text[strcspn(text, "\n")] = '\0';
	return ok;
}

/* The first character of an attribute of a device; 0 if it has no such one. */
static char attribute(const char *block, const char *name, const char *what)
{
	char path[PATH_MAX], line[8];

	snprintf(path, sizeof(path), "%s/%s/%s", block, name, what);
	return vssctl_read_line(path, line, sizeof(line)) ? line[0] : '\0';
}

void vssctl_iostats_off(const char *block, char *bio, char *request, size_t size)
{
	struct dirent *entry;
	DIR *dir = opendir(block);

	bio[0] = request[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX], *names;
		size_t used;

		if (strncmp(entry->d_name, "md", 2) && strncmp(entry->d_name, "nvme", 4))
			continue;
		if (attribute(block, entry->d_name, "queue/iostats") != '0' ||
		    attribute(block, entry->d_name, "hidden") == '1')
			continue;
		/* Only queues of requests have it. */
		snprintf(path, sizeof(path), "%s/%s/mq", block, entry->d_name);
		names = access(path, F_OK) ? bio : request;
		used = strlen(names);
		snprintf(names + used, size - used, " %.64s", entry->d_name);
	}
	if (dir)
		closedir(dir);
}
