// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lun-steps: makes the calls of <vss/lun.h> as lines on standard input say, and
 * prints what each gave: the result code, then the device or the error's text.
 * Ends at the first that gave another code than the one before ":" (S_OK without one):
 *
 *	luns DEVICE		record the LUNs of a volume, for the steps below
 *	serial TEXT		change the serial number in the record of the first
 *	id HEX			put a NAA identifier into it
 *	offset SECTORS		move its first extent
 *	find, wait MS, rescan MS, hide, unhide	the recorded LUNs
 *	volume [UUID]		bring up the volume
 *	release			undo that
 *	readonly DEVICE, writable DEVICE, remove DEVICE, refresh DEVICE
 *	selected DEVICE		does the disk hold nothing but the recorded volume?
 *	! COMMAND		run a command
 *
 * "find" puts the devices into the environment of commands, as LUN0, LUN1, ...; for
 * other steps @0, @1, ... stand for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vss/lun.h>

struct steps {
	struct vss_lun_mapping *luns;
	size_t n;
	char *device;
	struct vss_error err;
	char detail[4096];
};

static vss_result each(struct steps *s, vss_result (*fn)(struct steps *s, const struct vss_lun_info *lun))
{
	for (size_t i = 0; i < s->n; i++) {
		vss_result result = fn(s, &s->luns[i].source);

		if (result != S_OK)
			return result;
	}
	return S_OK;
}

static vss_result find(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++) {
		char *device, name[32];
		vss_result result = vss_lun_find(&s->luns[i].source, &device, &s->err);

		if (result != S_OK)
			return result;
		snprintf(name, sizeof(name), "LUN%zu", i);
		setenv(name, device, 1);
		snprintf(s->detail + strlen(s->detail), sizeof(s->detail) - strlen(s->detail), "%s ", device);
		free(device);
	}
	return S_OK;
}

/* What @0 stands for. */
static const char *device_of(const char *arg)
{
	char name[32];
	const char *device;

	if (arg[0] != '@')
		return arg;
	snprintf(name, sizeof(name), "LUN%s", arg + 1);
	device = getenv(name);
	return device ? device : arg;
}

static vss_result hide_one(struct steps *s, const struct vss_lun_info *lun)
{
	return vss_lun_hide(lun, &s->err);
}

static vss_result unhide_one(struct steps *s, const struct vss_lun_info *lun)
{
	return vss_lun_unhide(lun, &s->err);
}

static vss_result luns(struct steps *s, const char *device)
{
	vss_result result;

	vss_lun_mappings_free(s->luns, s->n);
	result = vss_volume_luns(device, &s->luns, &s->n, &s->err);
	for (size_t i = 0; i < s->n; i++)
		for (size_t e = 0; e < s->luns[i].nr_extents; e++)
			snprintf(s->detail + strlen(s->detail), sizeof(s->detail) - strlen(s->detail),
				 "%zu:%llu@%llu+%llu ", i, (unsigned long long)s->luns[i].extents[e].volume_offset,
				 (unsigned long long)s->luns[i].extents[e].lun_offset,
				 (unsigned long long)s->luns[i].extents[e].length);
	return result;
}

static vss_result wait_all(struct steps *s, const char *ms)
{
	const struct vss_lun_info *all[16];

	for (size_t i = 0; i < s->n && i < 16; i++)
		all[i] = &s->luns[i].source;
	return vss_lun_wait(all, s->n, (uint32_t)strtoul(ms, NULL, 10), &s->err);
}

static vss_result volume(struct steps *s, const char *uuid)
{
	struct vss_volume_options options = { .fs_uuid = uuid };
	vss_result result;

	vss_uuid_parse("5d8a1c80-0000-4000-8000-000000000001", &options.id);
	free(s->device);
	result = vss_volume_from_luns(s->luns, s->n, &options, &s->device, &s->err);
	if (result == S_OK)
		snprintf(s->detail, sizeof(s->detail), "%s", s->device);
	return result;
}

static vss_result set_serial(struct steps *s, const char *serial)
{
	free(s->luns[0].source.serial);
	s->luns[0].source.serial = strdup(serial);
	return S_OK;
}

static vss_result set_id(struct steps *s, const char *hex)
{
	struct vss_lun_info *lun = &s->luns[0].source;

	free(lun->ids);
	lun->ids = calloc(1, sizeof(*lun->ids));
	lun->nr_ids = 1;
	lun->ids[0] = (struct vss_storage_id) { .code_set = 1, .type = 3, .size = (uint8_t)(strlen(hex) / 2) };
	for (size_t i = 0; i < lun->ids[0].size; i++) {
		char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		lun->ids[0].bytes[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return S_OK;
}

static vss_result step(struct steps *s, const char *verb, const char *arg)
{
	arg = device_of(arg);
	if (!strcmp(verb, "luns"))
		return luns(s, arg);
	if (!strcmp(verb, "find"))
		return find(s);
	if (!strcmp(verb, "hide"))
		return each(s, hide_one);
	if (!strcmp(verb, "unhide"))
		return each(s, unhide_one);
	if (!strcmp(verb, "wait"))
		return wait_all(s, arg);
	if (!strcmp(verb, "rescan"))
		return vss_lun_rescan((uint32_t)strtoul(arg, NULL, 10), &s->err);
	if (!strcmp(verb, "volume"))
		return volume(s, arg);
	if (!strcmp(verb, "release"))
		return vss_volume_release(s->device ? s->device : "/dev/none", &s->err);
	if (!strcmp(verb, "readonly"))
		return vss_volume_set_read_only(arg, true, &s->err);
	if (!strcmp(verb, "writable"))
		return vss_volume_set_read_only(arg, false, &s->err);
	if (!strcmp(verb, "remove"))
		return vss_lun_remove(arg, &s->err);
	if (!strcmp(verb, "refresh"))
		return vss_lun_refresh(arg, &s->err);
	if (!strcmp(verb, "selected"))
		return vss_lun_check_volumes(arg, s->luns, s->n, &s->err);
	if (!strcmp(verb, "!"))
		return system(arg) ? E_FAIL : S_OK;
	if (!s->n) {
		fprintf(stderr, "lun-steps: \"%s\" without recorded LUNs\n", verb);
		exit(2);
	}
	if (!strcmp(verb, "serial"))
		return set_serial(s, arg);
	if (!strcmp(verb, "id"))
		return set_id(s, arg);
	if (!strcmp(verb, "offset")) {
		s->luns[0].extents[0].lun_offset += strtoull(arg, NULL, 10) * 512;
		return S_OK;
	}
	fprintf(stderr, "lun-steps: no step \"%s\"\n", verb);
	exit(2);
}

/* False when it gave what it should not. */
static bool run_line(struct steps *s, char *line)
{
	const char *expected = NULL;
	char *verb = line, *arg;
	vss_result result;

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "VSS_", 4) || !strncmp(line, "E_", 2) || !strncmp(line, "S_", 2)) {
		char *colon = strchr(line, ':');

		if (colon) {
			*colon = '\0';
			expected = line;
			verb = colon + 1 + strspn(colon + 1, " ");
		}
	}
	arg = verb + strcspn(verb, " ");
	if (*arg)
		*arg++ = '\0';
	if (!*verb)
		return true;
	s->detail[0] = '\0';
	memset(&s->err, 0, sizeof(s->err));
	result = step(s, verb, arg);
	printf("%s %s: %s %s\n", verb, arg, vss_result_name(result), VSS_FAILED(result) ? s->err.text : s->detail);
	fflush(stdout);
	if (VSS_FAILED(result) && strcmp(verb, "!") && s->err.result != result) {
		printf("the error says %s\n", vss_result_name(s->err.result));
		return false;
	}
	return !strcmp(vss_result_name(result), expected ? expected : "S_OK");
}

int main(void)
{
	struct steps steps = { 0 };
	char line[1024];
	bool ok = true;

	while (ok && fgets(line, sizeof(line), stdin))
		ok = run_line(&steps, line);
	vss_lun_mappings_free(steps.luns, steps.n);
	free(steps.device);
	return !ok;
}
