// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl writers: the writers that are running, how they are, and what they say
 * of their data.
 */
#include <stdlib.h>

#include "command.h"
#include "critical.h"
#include "print-service.h"
#include "requester.h"

enum { OPT_FULL = 1, OPT_XML };

static int gather(struct vssctl *ctl, struct vss_backup_components **bc)
{
	struct vss_async *async;
	int ret = vssctl_connect(ctl, bc);

	if (ret)
		return ret;
	ret = vssctl_check(ctl, *bc, vss_backup_components_initialize_for_backup(*bc, NULL)) ?:
	      vssctl_wait(ctl, *bc, vss_backup_components_gather_writer_metadata(*bc, &async), &async,
			  "gathering writer metadata", NULL);
	if (ret)
		vss_backup_components_release(*bc);
	return ret;
}

static int run_status(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_writer_status *statuses;
	struct vss_backup_components *bc;
	size_t count;
	int ret;

	while (vssctl_next_option(args) != VSSCTL_OPTION_END)
		return args->exit_code;
	ret = gather(ctl, &bc);
	if (ret)
		return ret;
	ret = vssctl_writer_statuses(ctl, bc, &statuses, &count);
	if (!ret) {
		vssctl_print_writers(ctl, statuses, count);
		vssctl_statuses_free(statuses, count);
	}
	vss_backup_components_release(bc);
	return ret;
}

/* Print it for people, or have it as it is in @text. */
static int show(struct vssctl *ctl, struct vss_backup_components *bc, uint32_t index, bool full,
		char **text)
{
	struct vss_writer_metadata *metadata;
	struct vss_uuid instance;
	int ret = vssctl_check(ctl, bc,
			       vss_backup_components_get_writer_metadata(bc, index, &instance,
									 &metadata));

	if (ret)
		return ret;
	if (!text)
		vssctl_print_metadata(ctl, metadata, full);
	else if (VSS_FAILED(vss_examine_writer_metadata_save_as_xml(metadata, text)))
		ret = vssctl_fail_error(ctl, vss_writer_metadata_error(metadata));
	vss_writer_metadata_free(metadata);
	return ret;
}

static int show_all(struct vssctl *ctl, struct vss_backup_components *bc, bool full, bool xml)
{
	uint32_t count = 0, i;
	char **texts;
	int ret = vssctl_check(ctl, bc,
			       vss_backup_components_get_writer_metadata_count(bc, &count));

	texts = ret ? NULL : calloc(count ? count : 1, sizeof(*texts));
	if (!texts)
		return ret ? ret : vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	for (i = 0; !ret && i < count; i++)
		ret = show(ctl, bc, i, full, xml ? &texts[i] : NULL);
	if (!ret && xml)
		vssctl_print_values(ctl, "documents", texts, count);
	for (i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
	return ret;
}

static int run_metadata(struct vssctl *ctl, struct vssctl_args *args)
{
	struct vss_backup_components *bc;
	bool full = false, xml = false;
	int opt, ret;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END) {
		switch (opt) {
		case VSSCTL_OPTION_STOP:
			return args->exit_code;
		case OPT_FULL:
			full = true;
			break;
		case OPT_XML:
			xml = true;
			break;
		}
	}
	ret = gather(ctl, &bc);
	if (ret)
		return ret;
	ret = show_all(ctl, bc, full, xml || ctl->json);
	vss_backup_components_release(bc);
	return ret;
}

const struct vssctl_command vssctl_writers_status = {
	.name = "writers status",
	.operands = "",
	.summary = "show the writers and their states",
	.description = "Ask all writers to identify themselves, and show their states and last errors.",
	.max_operands = 0,
	.run = run_status,
};

static const struct vssctl_option metadata_options[] = {
	{ OPT_FULL, "full", NULL, "with the files of each component" },
	{ OPT_XML, "xml", NULL, "the documents as they are" },
	{ 0 },
};

const struct vssctl_command vssctl_writers_metadata = {
	.name = "writers metadata",
	.operands = "",
	.summary = "show what writers say of their data",
	.description = "Show the Writer Metadata Documents: who the writers are, and their components.",
	.options = metadata_options,
	.max_operands = 0,
	.run = run_metadata,
};
