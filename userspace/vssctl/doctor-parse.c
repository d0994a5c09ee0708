// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the kernel's own descriptions of itself.
 */
#include <string.h>

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
