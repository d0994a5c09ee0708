#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another module redirects submit_bio_noacct, as livepatches and other snapshot
# modules do: only one can. Whoever comes second is told so.
#
# QEMU with more than one thread may run stale code when the hook is patched in.
# vm: thread=single

. "$(dirname "$0")/set-lib.sh"
need make gcc

tree=/lib/modules/$(uname -r)/build
[[ -e $tree/Makefile ]] || skip "no headers of this kernel"

mkdir "$TEST_TMP/other"
cat >"$TEST_TMP/other/other_hook.c" <<'END'
// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blkdev.h>
#include <linux/ftrace.h>
#include <linux/module.h>

static void notrace handler(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *op, struct ftrace_regs *fregs)
{
}

static struct ftrace_ops ops = {
	.func	= handler,
	.flags	= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

static int __init other_init(void)
{
	int err = ftrace_set_filter_ip(&ops, (unsigned long)submit_bio_noacct, 0, 0);

	return err ?: register_ftrace_function(&ops);
}

static void __exit other_exit(void)
{
	unregister_ftrace_function(&ops);
	ftrace_free_filter(&ops);
}

module_init(other_init);
module_exit(other_exit);
MODULE_LICENSE("GPL");
END
echo "obj-m := other_hook.o" >"$TEST_TMP/other/Kbuild"
make -C "$tree" M="$TEST_TMP/other" modules >"$TEST_TMP/make.log" 2>&1 ||
	{ cat "$TEST_TMP/make.log"; fail "the other module cannot be built"; }

volume=$(disk nvme0)
load_vss
run_ok insmod "$TEST_TMP/other/other_hook.ko"
cleanup_push eval 'rmmod other_hook 2>/dev/null || :'
expect_fail -m "another module redirects it" vssctl attach "$volume"
expect_fail vssctl create "$volume"
[[ ! $(vssctl status --json | json volume) ]] || fail "it is tracked all the same"
vssctl doctor >"$TEST_TMP/doctor" 2>&1 && fail "doctor is content"
cat "$TEST_TMP/doctor"
grep -q "another module redirects" "$TEST_TMP/doctor" || fail "doctor does not say why"
run_ok rmmod other_hook

run_ok vssctl attach "$volume"
expect_fail -m "busy" insmod "$TEST_TMP/other/other_hook.ko"
run_ok vssctl doctor
run_ok vssctl detach "$volume"
run_ok insmod "$TEST_TMP/other/other_hook.ko"
run_ok rmmod other_hook
