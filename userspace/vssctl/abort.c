// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl abort: take the creation lock away from a requester that does not let
 * go of it.
 */
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "command.h"
#include "print-service.h"
#include "requester.h"

/* The session whose set is in creation; NULL when there is none, or it cannot be told. */
static char *creating_session(sd_bus *bus)
{
	struct vss_uuid id;
	char *text = NULL;

	if (sd_bus_get_property_string(bus, VSSCTL_BUS_NAME, VSSCTL_BUS_OBJECT, VSSCTL_BUS_NAME ".Manager",
				       "Creating", NULL, &text) >= 0 &&
	    !vss_uuid_parse(text, &id) && !vss_uuid_is_null(&id))
		return text;
	free(text);
	return NULL;
}

static void print(struct vssctl *ctl, const char *session)
{
	if (ctl->json)
		vssctl_print_value(ctl, "aborted_session", session);
	else if (!ctl->quiet)
		fprintf(ctl->out, session ? "aborted the set of session %s\n" : "no set is in creation\n", session);
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *bus = NULL;
	char *creating = NULL;
	int ret;

	while (vssctl_next_option(args) != VSSCTL_OPTION_END)
		return args->exit_code;
	ret = vssctl_open_bus(&bus);
	if (ret >= 0)
		creating = creating_session(bus);
	if (ret < 0) {
		ret = vssctl_fail(ctl, VSS_E_UNEXPECTED, "vssd cannot be reached: %s; is it running?",
				  strerror(-ret));
	} else {
		ret = sd_bus_call_method(bus, VSSCTL_BUS_NAME, VSSCTL_BUS_OBJECT,
					 VSSCTL_BUS_NAME ".Manager", "AbortCreation", &error, NULL, "");
		ret = ret >= 0 ? 0 :
		      vssctl_fail(ctl, sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) ?
				  E_ACCESSDENIED : VSS_E_UNEXPECTED, "%s",
				  error.message ? error.message : strerror(-ret));
	}
	if (!ret)
		print(ctl, creating);
	free(creating);
	sd_bus_error_free(&error);
	sd_bus_flush_close_unref(bus);
	return ret;
}

const struct vssctl_command vssctl_abort = {
	.name = "abort",
	.operands = "",
	.summary = "abort the set that is in creation",
	.description = "Abort the snapshot set that is in creation, whosever it is: its writers go on, and\n"
		       "others can make sets again.",
	.max_operands = 0,
	.run = run,
};
