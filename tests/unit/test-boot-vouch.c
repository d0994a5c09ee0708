// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said about a volume before its diff area is loaded at boot.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot-vouch.h"
#include "print.h"

/* An image of 8 MiB, made by @command with its path behind; or the test is skipped. */
static int make_image(const char *command, char *path)
{
	char line[256];
	int fd;

	strcpy(path, "/tmp/vss-test-vouch-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 << 20), 0);
	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin %s %s >/dev/null 2>&1", command, path);
	if (*command && system(line)) {
		unlink(path);
		close(fd);
		skip();
	}
	return fd;
}

static void expect(const char *command, bool tells)
{
	char path[32];
	int fd = make_image(command, path);

	assert_int_equal(vssctl_head_tells(fd), tells);
	unlink(path);
	close(fd);
}

static void of_the_ext_family(void **state)
{
	(void)state;
	expect("mke2fs -F -t ext4", true);
	expect("mke2fs -F -t ext3 -b 1024", true);
	expect("mke2fs -F -t ext2", true);
}

static void of_no_file_system(void **state)
{
	(void)state;
	expect("", false);
	expect("mkswap", false);
}

/* As after a power cut while it was mounted. */
static void of_a_full_journal(void **state)
{
	char line[128], path[32];
	int fd = make_image("mke2fs -F -t ext4", path);

	(void)state;
	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin debugfs -w -R 'feature needs_recovery' %s >/dev/null 2>&1",
		 path);
	assert_int_equal(system(line), 0);
	assert_false(vssctl_head_tells(fd));
	assert_true(vssctl_head_tells_of_mounts(fd));
	unlink(path);
	close(fd);
}

/* XFS tells at the end of a mount, since version 5. */
static void of_xfs(void **state)
{
	static const char *const commands[] = {
		"mkfs.xfs -q -f -d file,size=320m", "mkfs.xfs -q -f -d file,size=320m -m crc=0",
	};

	(void)state;
	if (system("PATH=$PATH:/sbin:/usr/sbin command -v mkfs.xfs >/dev/null"))
		skip();
	for (size_t i = 0; i < COUNT(commands); i++) {
		char path[32];
		int fd = make_image(commands[i], path);

		assert_false(vssctl_head_tells(fd));
		assert_int_equal(vssctl_head_tells_of_mounts(fd), !i);
		unlink(path);
		close(fd);
	}
}

/* Of such a state nothing but the superblock tells. */
static void expect_orphans(const char *request)
{
	char line[160], path[32];
	int fd = make_image("mke2fs -F -t ext4", path);

	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin debugfs -w -R '%s' %s >/dev/null 2>&1", request, path);
	assert_int_equal(system(line), 0);
	assert_true(vssctl_is_at_rest(fd));
	assert_false(vssctl_head_tells(fd));
	unlink(path);
	close(fd);
}

/* Deleted while they were open: a mount frees them, a read-only one as well. */
static void of_orphans(void **state)
{
	(void)state;
	expect_orphans("set_super_value last_orphan 12");
	expect_orphans("set_super_value feature_ro_compat 0x1046b");
}

/* GRUB leaves its first sector to a file system, with an empty table. */
static void of_a_boot_loader(void **state)
{
	char path[32];
	int fd = make_image("mke2fs -F -t ext4", path);

	(void)state;
	assert_int_equal(pwrite(fd, "\x55\xaa", 2, 510), 2);
	assert_true(vssctl_head_tells(fd));
	unlink(path);
	close(fd);
}

/* The whole disk, where a file system was before. */
static void of_a_partition_table(void **state)
{
	char line[160], path[32];
	int fd = make_image("mke2fs -F -t ext4", path);

	(void)state;
	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin; echo 2048,4096,L | sfdisk -q --wipe never %s >/dev/null 2>&1",
		 path);
	assert_int_equal(system(line), 0);
	assert_false(vssctl_head_tells(fd));
	assert_false(vssctl_is_at_rest(fd));
	unlink(path);
	close(fd);
}

/* Its journal elsewhere has the magic number of ext4 as well. */
static void of_a_journal(void **state)
{
	(void)state;
	expect("mke2fs -F -b 4096 -O journal_dev", false);
}

static void of_two_at_once(void **state)
{
	char path[32];
	int fd = make_image("mke2fs -F -t ext4 -b 1024 -O ^metadata_csum", path);

	(void)state;
	assert_true(vssctl_head_tells(fd));
	/* The end of the first page is what swap space is known by. */
	assert_int_equal(pwrite(fd, "\1\0\0\0\377\7", 6, 1024), 6);
	assert_int_equal(pwrite(fd, "SWAPSPACE2", 10, 4086), 10);
	assert_false(vssctl_head_tells(fd));
	unlink(path);
	close(fd);
}

static void claims(void **state)
{
	(void)state;
	/* Of a file nobody else is kept: but a missing one is told. */
	assert_int_equal(vssctl_claim_volume("/tmp/vss-test-vouch-none", 3), -ENOENT);
}

static void vouch_once(void **state)
{
	char dir[] = "/tmp/vss-test-vouch-XXXXXX", flag[96], below[64];
	struct vssctl ctl = { .print = &vssctl_print_text };
	size_t size;
	char *said;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(below, sizeof(below), "%s/run", dir);
	snprintf(flag, sizeof(flag), "%s/vouched", below);
	ctl.out = open_memstream(&said, &size);
	ctl.err = ctl.out;
	/* In the initramfs, as often as it likes. */
	assert_true(vssctl_may_vouch(&ctl, flag, false));
	assert_true(vssctl_may_vouch(&ctl, flag, false));
	assert_false(vssctl_is_vouching(flag));
	assert_true(vssctl_may_vouch(&ctl, flag, true));
	/* As long as it runs. */
	assert_true(vssctl_is_vouching(flag));
	fflush(ctl.out);
	assert_int_equal(size, 0);
	assert_false(vssctl_may_vouch(&ctl, flag, true));
	assert_false(vssctl_may_vouch(&ctl, flag, false));
	fflush(ctl.out);
	assert_non_null(strstr(said, "too late in this boot"));
	/* Where the flag cannot be left nobody vouches. */
	unlink(flag);
	rmdir(below);
	assert_int_equal(symlink("/dev/null", below), 0);
	assert_false(vssctl_may_vouch(&ctl, flag, true));
	fclose(ctl.out);
	free(said);
	unlink(below);
	rmdir(dir);
}

static void vouch_until_the_end(void **state)
{
	char dir[] = "/tmp/vss-test-vouch-XXXXXX", flag[64];
	struct vssctl ctl = { .out = stdout, .err = stderr, .print = &vssctl_print_text };
	pid_t child;
	int status;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(flag, sizeof(flag), "%s/vouched", dir);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(!vssctl_may_vouch(&ctl, flag, true));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(access(flag, F_OK), 0);
	assert_false(vssctl_is_vouching(flag));
	unlink(flag);
	/* Nothing else is left. */
	assert_int_equal(rmdir(dir), 0);
}

/* Nobody has the null device open for a disk's. */
static void readers_of_no_disk(void **state)
{
	(void)state;
	assert_false(vssctl_is_reader(getpid(), (struct vss_devno) { 1, 3 }));
	assert_false(vssctl_is_reader(0x7fffffff, (struct vss_devno) { 8, 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_ext_family),
		cmocka_unit_test(of_no_file_system),
		cmocka_unit_test(of_a_full_journal),
		cmocka_unit_test(of_xfs),
		cmocka_unit_test(of_orphans),
		cmocka_unit_test(of_a_boot_loader),
		cmocka_unit_test(of_a_partition_table),
		cmocka_unit_test(of_a_journal),
		cmocka_unit_test(of_two_at_once),
		cmocka_unit_test(claims),
		cmocka_unit_test(vouch_once),
		cmocka_unit_test(vouch_until_the_end),
		cmocka_unit_test(readers_of_no_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
