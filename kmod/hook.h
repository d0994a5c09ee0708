/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interception of all writes of the machine at submit_bio_noacct().
 */
#ifndef VSS_HOOK_H
#define VSS_HOOK_H

#include <linux/bio.h>
#include <linux/netlink.h>
#include <linux/vss.h>

int vss_hook_get(struct netlink_ext_ack *extack);
void vss_hook_put(void);
enum vss_hook_state vss_hook_state(void);
u64 vss_hook_bios(void);
int vss_hook_module_init(void);
void vss_hook_module_exit(void);

/**
 * enum vss_selftest_verdict - what the hook is to do with a bio
 * @VSS_SELFTEST_OTHER:	not a bio of the self-test
 * @VSS_SELFTEST_PASS:	let it pass
 * @VSS_SELFTEST_TAKE:	take it
 */
enum vss_selftest_verdict {
	VSS_SELFTEST_OTHER,
	VSS_SELFTEST_PASS,
	VSS_SELFTEST_TAKE,
};

/* selftest.c */
int vss_selftest_run(struct netlink_ext_ack *extack);
int vss_selftest_device(struct block_device *bdev,
			struct netlink_ext_ack *extack);
enum vss_selftest_verdict vss_selftest_saw(struct bio *bio);
bool vss_selftest_took(struct bio *bio);

#endif /* VSS_HOOK_H */
