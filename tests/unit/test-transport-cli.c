// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl with documents: of sets that travel, import, clean-up, masking, break, fast
 * recovery; of a backup, restore.  Against stand-ins.  No LUN of theirs is on this machine,
 * so originals are away from the start, and copies have no device.
 */
#include "backup-fixture.h"

#include <string.h>
#include <sys/wait.h>

struct cli {
	struct fixture *f;
	char *document;		/* file of a set of two */
	char out[16384];	/* of the last command, errors included */
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char *path_of(struct cli *c, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", c->f->dir, name) > 0);
	return path;
}

/* A set of two, whose document is in a file. */
static void make(struct cli *c, uint32_t context)
{
	struct fixture *f = c->f;
	struct vss_uuid second;
	char *xml;

	begin_backup(f, context);
	assert_result(add(f, NULL, "C"), S_OK);
	assert_result(vss_backup_components_start_snapshot_set(f->bc, &f->set), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V1", NULL, &f->snapshot), S_OK);
	assert_result(vss_backup_components_add_to_snapshot_set(f->bc, "V2", NULL, &second), S_OK);
	assert_result(run_async(f, prepare_for_backup), VSS_S_ASYNC_FINISHED);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), S_OK);
	write_file(c->document, xml);
	free(xml);
}

static int begin(void **state)
{
	struct cli *c = calloc(1, sizeof(*c));

	if (!c || setup((void **)&c->f))
		return -1;
	c->document = path_of(c, "bcd.xml");
	*state = c;
	return 0;
}

static int end(void **state)
{
	struct cli *c = *state;
	int ret;

	unlink(c->document);
	ret = teardown((void **)&c->f);
	free(c->document);
	free(c);
	return ret;
}

/* Run vssctl with a machine's vssd; its exit status. */
static int vssctl(struct cli *c, char machine, const char *arguments)
{
	char *command;
	size_t size;
	FILE *pipe;
	int status;

	assert_non_null(getenv("VSSCTL"));
	/* What libraries keep is not the tool's leak. */
	assert_true(asprintf(&command, "VSS_BUS_ADDRESS=unix:path=%s/%c ASAN_OPTIONS=detect_leaks=0 $VSSCTL %s 2>&1",
			     c->f->dir, machine, arguments) > 0);
	world_set_time(c->f->world, WORLD_FAST);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	size = fread(c->out, 1, sizeof(c->out) - 1, pipe);
	c->out[size] = '\0';
	status = pclose(pipe);
	world_settle(c->f->world);
	world_set_time(c->f->world, WORLD_STILL);
	free(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define vssctl_f(c, machine, format, ...) ({						\
	char arguments_[1024];								\
											\
	snprintf(arguments_, sizeof(arguments_), format, ##__VA_ARGS__);		\
	vssctl(c, machine, arguments_);							\
})

#define assert_says(c, text) do {							\
	if (!strstr((c)->out, text))							\
		fail_msg("\"%s\" is not in: %s", text, (c)->out);			\
} while (0)

/* CLI-013 IMP-001 IMP-005 IMP-007: what it prints and gives to the command, and what is left of it */
static void import_for_a_command(void **state)
{
	struct cli *c = *state;
	char id[VSS_UUID_TEXT_SIZE], text[128];

	make(c, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	vss_uuid_format(&c->f->set, id);
	assert_int_equal(vssctl_f(c, 'B', "import %s --exec 'echo set=$VSS_SHADOW_SET volume=$VSS_VOLUME_2 "
				  "device=$VSS_DEVICE_1; test -n \"$VSS_DEVICE_2\"'", c->document), 0);
	snprintf(text, sizeof(text), "set=%s volume=/dev/V2 device=/", id);
	assert_says(c, text);
	assert_says(c, vss_uuid_format(&c->f->snapshot, id));
	assert_says(c, "imported 2 of 2");
	assert_says(c, "deleted now");
	assert_int_equal(vssctl(c, 'B', "list shadows --json"), 0);
	assert_null(strstr(c->out, id));
	/* IMP-014 */
	assert_int_not_equal(vssctl_f(c, 'B', "import %s", c->document), 0);
	assert_says(c, "can be done once");
}

/* IMP-008: a persistent one stays until it is deleted. */
static void import_to_stay(void **state)
{
	struct cli *c = *state;
	char id[VSS_UUID_TEXT_SIZE];

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_int_equal(vssctl_f(c, 'B', "import --json %s", c->document), 0);
	assert_int_equal(c->out[0], '{');
	assert_int_equal(vssctl(c, 'B', "list shadows --json"), 0);
	assert_says(c, vss_uuid_format(&c->f->snapshot, id));
	assert_int_not_equal(vssctl_f(c, 'B', "import %s", c->document), 0);
	assert_says(c, "imported already");
}

/* TRN-012: system two gives word, in a file, that it has finished or failed. */
static void waits_for_word(void **state)
{
	struct cli *c = *state;
	char *word = path_of(c, "word");

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	write_file(word, "old\n");
	assert_int_not_equal(vssctl_f(c, 'B', "import %s --wait-for %s", c->document, word), 0);
	assert_says(c, "is there already");
	unlink(word);
	assert_int_not_equal(vssctl_f(c, 'B', "import %s --exec 'echo failed on two >%s' --wait-for %s", c->document,
				      word, word), 0);
	assert_says(c, "failed on two");
	unlink(word);
	free(word);
}

static void waits_until_done(void **state)
{
	struct cli *c = *state;
	char *word = path_of(c, "word");

	make(c, VSS_CTX_BACKUP | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_int_equal(vssctl_f(c, 'B', "import %s --exec '(sleep 1; touch %s) >/dev/null 2>&1 &' --wait-for %s",
				  c->document, word, word), 0);
	assert_int_equal(unlink(word), 0);
	free(word);
}

/* IMP-003 IMP-018: nothing arrives; what is to be done is said, and does something. */
static void import_that_fails(void **state)
{
	struct cli *c = *state;

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	world_set_absent(c->f->world, true);
	assert_int_not_equal(vssctl_f(c, 'B', "import %s", c->document), 0);
	assert_says(c, "VSS_E_NO_SNAPSHOTS_IMPORTED");
	assert_says(c, "--cleanup");
	assert_int_equal(vssctl_f(c, 'B', "import --cleanup %s", c->document), 0);
	assert_says(c, "nothing left");
	assert_int_equal(vssctl_f(c, 'B', "import --cleanup --wait 3 %s", c->document), 1);
	assert_says(c, "no other option");
	/* IMP-019 */
	world_set_absent(c->f->world, false);
	assert_int_equal(vssctl_f(c, 'B', "import %s", c->document), 0);
	assert_says(c, "not all shadow copies");
	assert_says(c, "imported 1 of 2");
}

/* IMP-019: what has come is brought back, and what has not is named.  Copies have no device here. */
static void recovery_of_some(void **state)
{
	struct cli *c = *state;

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	world_set_absent(c->f->world, true);
	assert_int_equal(vssctl_f(c, 'B', "recover --document %s", c->document), 2);
	assert_says(c, "VSS_E_NO_SNAPSHOTS_IMPORTED");
	world_set_absent(c->f->world, false);
	assert_int_not_equal(vssctl_f(c, 'B', "recover --document %s", c->document), 0);
	assert_says(c, "/dev/V1 is /dev/");
	assert_says(c, "that of /dev/V2 has not come");
	assert_says(c, "step 4: ");
}

/* CLI-009: the set that is to travel is in a file, or it is of no use to anybody. */
static void document_or_nothing(void **state)
{
	struct cli *c = *state;

	assert_int_equal(vssctl(c, 'A', "create --transportable V1"), 1);
	assert_says(c, "--backup-document");
	assert_int_equal(vssctl(c, 'A', "create --context 'app-rollback|transportable' --wait-for /nowhere V1"), 1);
	assert_says(c, "--backup-document");
	/* Not for want of an option any more: V1 is no device of this machine. */
	assert_int_equal(vssctl_f(c, 'A', "create --transportable --backup-document %s V1", c->document), 3);
	assert_int_equal(vssctl(c, 'A', "create --transportable --exec true V1"), 3);
	/* The one option serves sets that stay too; two places for one document are not wanted. */
	assert_int_equal(vssctl_f(c, 'A', "create --backup-document %s V1", c->document), 3);
	assert_int_equal(vssctl(c, 'A', "list shadows --json"), 0);
	assert_null(strstr(c->out, "/dev/V1"));
}

/* CLI-014 BRK-006 BRK-007: read-only, read/write, with an identity; each on a set of its own */
static void breaks(void **state)
{
	static const struct {
		const char *options;
		bool writable;
	} cases[] = {
		{ "", false }, { "--writable", true }, { "--identity keep", false },
		{ "--identity keep --writable", true }, { "--identity revert", false }, { "--mask", false },
	};
	struct cli *c = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char set[VSS_UUID_TEXT_SIZE], copy[VSS_UUID_TEXT_SIZE];

		if (i) {
			vss_backup_components_release(c->f->bc);
			c->f->bc = new_object(c->f);
		}
		make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
		vss_uuid_format(&c->f->set, set);
		vss_uuid_format(&c->f->snapshot, copy);
		/* Not before it is here, nor twice. */
		assert_int_equal(vssctl_f(c, 'B', "break %s %s", cases[i].options, set), 3);
		assert_int_equal(vssctl_f(c, 'B', "import %s", c->document), 0);
		assert_false(world_is_writable(c->f->world, &c->f->snapshot));
		/* What excludes each other changes nothing. */
		assert_int_not_equal(vssctl_f(c, 'B', "break --mask --writable %s", set), 0);
		assert_says(c, "E_INVALIDARG");
		assert_int_not_equal(vssctl_f(c, 'B', "break --mask --identity keep %s", set), 0);
		assert_int_not_equal(vssctl_f(c, 'B', "break --identity keep --identity revert %s", set), 0);
		assert_int_equal(vssctl_f(c, 'B', "break --identity sideways %s", set), 1);
		assert_int_equal(vssctl_f(c, 'B', "list shadows --shadow %s", copy), 0);
		assert_int_equal(vssctl_f(c, 'B', "break %s %s", cases[i].options, set), 0);
		assert_int_equal(world_is_writable(c->f->world, &c->f->snapshot), cases[i].writable);
		assert_int_equal(vssctl_f(c, 'B', "list shadows --shadow %s", copy), 3);
		assert_int_equal(vssctl_f(c, 'B', "break %s %s", cases[i].options, set), 3);
	}
}

/* CLI-020: what the writers see of a restore, of a simulated one, and of one that fails */
static void restores(void **state)
{
	struct world_fault fault = { .writer = true, .event = VSSD_EVENT_PRE_RESTORE, .writer_fails = true };
	struct cli *c = *state;
	struct fixture *f = c->f;
	char *xml, *seen;

	begin_backup(f, VSS_CTX_BACKUP);
	assert_result(add(f, NULL, "C"), S_OK);
	begin_set(f);
	assert_result(run_async(f, do_snapshot_set), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_set_backup_succeeded(f->bc, &f->instance, &world_writer_class,
								 VSS_CT_FILEGROUP, NULL, "C", true), S_OK);
	assert_result(run_async(f, backup_complete), VSS_S_ASYNC_FINISHED);
	assert_result(vss_backup_components_save_as_xml(f->bc, &xml), S_OK);
	write_file(c->document, xml);
	free(xml);
	vss_backup_components_release(f->bc);
	f->bc = new_object(f);
	world_settle(f->world);
	free(world_take_events(f->world));

	assert_int_equal(vssctl_f(c, 'A', "restore --simulate %s", c->document), 0);
	assert_says(c, "could be restored");
	seen = world_take_events(f->world);
	assert_null(strstr(seen, "PreRestore"));
	free(seen);

	assert_int_equal(vssctl_f(c, 'A', "restore --exec 'echo the files' %s", c->document), 0);
	assert_says(c, "the files");
	seen = world_take_events(f->world);
	assert_non_null(strstr(seen, "PreRestore PostRestore"));
	free(seen);

	/* The program fails: writers go on all the same. */
	assert_int_not_equal(vssctl_f(c, 'A', "restore --exec 'exit 7' %s", c->document), 0);
	assert_says(c, "exit status 7");
	seen = world_take_events(f->world);
	assert_non_null(strstr(seen, "PreRestore PostRestore"));
	free(seen);

	/* A writer that is not ready: nothing is brought back. */
	world_set_fault(f->world, &fault);
	assert_int_not_equal(vssctl_f(c, 'A', "restore --exec 'echo the files' %s", c->document), 0);
	assert_says(c, "failed in PreRestore");
	assert_null(strstr(c->out, "the files"));
	fault = (struct world_fault) { 0 };
	world_set_fault(f->world, &fault);

	assert_int_equal(vssctl_f(c, 'A', "restore %s", c->document), 1);
	assert_int_equal(vssctl_f(c, 'A', "restore --simulate --exec true %s", c->document), 1);
	write_file(c->document, "<BACKUP_COMPONENTS");
	assert_int_not_equal(vssctl_f(c, 'A', "restore --simulate %s", c->document), 0);
	assert_int_equal(vssctl_f(c, 'A', "restore --simulate %s.missing", c->document), 3);
}

/* TRN-028 TRN-029 */
static void wrong_documents(void **state)
{
	struct cli *c = *state;
	char *edited = path_of(c, "edited.xml"), *command;

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_true(asprintf(&command, "sed 's,/dev/V1,/dev/V3,' %s >%s", c->document, edited) > 0);
	assert_int_equal(system(command), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const commands[] = { "import", "mask", "recover --document" };

		assert_int_not_equal(vssctl_f(c, 'B', "%s %s", commands[i], edited), 0);
		assert_says(c, "digest");
	}
	write_file(edited, "<WRITER_METADATA/>");
	assert_int_not_equal(vssctl_f(c, 'B', "mask %s", edited), 0);
	unlink(edited);
	assert_int_not_equal(vssctl_f(c, 'B', "recover --document %s", edited), 0);
	assert_says(c, "cannot open");
	assert_int_equal(vssctl_f(c, 'B', "recover"), 1);
	assert_says(c, "--document is missing");
	free(command);
	free(edited);
}

/* FRV-003 FRV-005 */
static void masking(void **state)
{
	struct world_fault fault = { .provider = true, .step = VSSD_STEP_MASK_ORIGINALS,
				     .provider_result = VSS_E_VOLUME_IN_USE };
	struct cli *c = *state;

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	world_set_fault(c->f->world, &fault);
	assert_int_not_equal(vssctl_f(c, 'A', "mask %s", c->document), 0);
	assert_says(c, "VSS_E_VOLUME_IN_USE");
	fault = (struct world_fault) { 0 };
	world_set_fault(c->f->world, &fault);
	assert_int_equal(vssctl_f(c, 'A', "mask --unmount %s", c->document), 0);
	assert_says(c, "were not on this machine");
}

/* FRV-014 FRV-018: all of a set, one of it, and what the provider refuses */
static void resynchronizing(void **state)
{
	struct world_fault fault = { .provider = true, .step = VSSD_STEP_RESYNC,
				     .provider_result = VSS_E_UNSELECTED_VOLUME };
	struct cli *c = *state;
	char id[VSS_UUID_TEXT_SIZE];

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	vss_uuid_format(&c->f->snapshot, id);
	assert_int_equal(vssctl_f(c, 'A', "resync %s", c->document), 0);
	assert_says(c, "2 volumes got the content of the shadow copies");
	assert_int_equal(vssctl_f(c, 'A', "resync --shadow %s --no-volume-check %s", id, c->document), 0);
	assert_says(c, "1 volume got the content of the shadow copy");
	assert_int_not_equal(vssctl_f(c, 'A', "resync --shadow %s %s", "11111111-2222-3333-4444-555555555555",
				      c->document), 0);
	assert_says(c, "VSS_E_SNAPSHOT_NOT_IN_SET");
	assert_int_not_equal(vssctl_f(c, 'A', "resync --shadow nonsense %s", c->document), 0);
	world_set_fault(c->f->world, &fault);
	assert_int_not_equal(vssctl_f(c, 'A', "resync --revert-identity %s", c->document), 0);
	assert_says(c, "VSS_E_UNSELECTED_VOLUME");
	fault = (struct world_fault) { 0 };
	world_set_fault(c->f->world, &fault);
}

/* FRV-002 to FRV-009: the six steps, told and not taken */
static void dry_run(void **state)
{
	struct cli *c = *state;
	char *at;

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	assert_int_equal(vssctl_f(c, 'A', "recover --dry-run --mount --before 'echo BAD' --after 'echo WORSE' "
				  "--document %s", c->document), 0);
	at = c->out;
	for (int i = 1; i <= 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "step %d: ", i);
		at = strstr(at, text);
		if (!at)
			fail_msg("no step %d in: %s", i, c->out);
	}
	assert_says(c, "nothing was changed");
	assert_says(c, "runs \"echo WORSE\"");
	assert_null(strstr(c->out, "\nWORSE"));
	assert_int_equal(vssctl_f(c, 'A', "recover --dry-run --json --document %s", c->document), 0);
	assert_int_equal(c->out[0], '{');
	assert_says(c, "\"dry_run\":true");
	assert_int_equal(vssctl(c, 'A', "list shadows --json"), 0);
	assert_null(strstr(c->out, "imported"));
}

/* FRV-006 FRV-007: what has failed in the middle is begun anew, and goes on where it was. */
static void recovery_in_pieces(void **state)
{
	struct world_fault fault = { .provider = true, .step = VSSD_STEP_BREAK, .provider_result = VSS_E_PROVIDER_VETO };
	struct cli *c = *state;

	make(c, VSS_CTX_APP_ROLLBACK | VSS_VOLSNAP_ATTR_TRANSPORTABLE);
	world_set_fault(c->f->world, &fault);
	assert_int_not_equal(vssctl_f(c, 'A', "recover --document %s", c->document), 0);
	assert_says(c, "step 3: the shadow copy is imported: /dev/V1 is /");
	assert_says(c, "ended in step 4");
	fault = (struct world_fault) { 0 };
	world_set_fault(c->f->world, &fault);
	/* Their devices are none of this machine. */
	assert_int_not_equal(vssctl_f(c, 'A', "recover --document %s", c->document), 0);
	assert_says(c, "it was imported before");
	assert_says(c, "step 4: it is broken: the copies are ordinary volumes");
	assert_says(c, "ended in step 5");
	assert_int_not_equal(vssctl_f(c, 'A', "recover --document %s", c->document), 0);
	assert_says(c, "imported and broken before");
	assert_says(c, "not to be found");
	assert_says(c, "ended in step 3");
}

int main(void)
{
#define CLI(name)	cmocka_unit_test_setup_teardown(name, begin, end)
	static const struct CMUnitTest tests[] = {
		CLI(import_for_a_command),
		CLI(import_to_stay),
		CLI(waits_for_word),
		CLI(waits_until_done),
		CLI(import_that_fails),
		CLI(recovery_of_some),
		CLI(document_or_nothing),
		CLI(breaks),
		CLI(restores),
		CLI(wrong_documents),
		CLI(masking),
		CLI(resynchronizing),
		CLI(dry_run),
		CLI(recovery_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
