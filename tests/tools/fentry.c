// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Has an empty BPF program run at the entry (fentry) or around (fexit: entry and
 * return) of a function of the kernel, as tracers based on BPF do.
 *
 *   fentry entry|exit FUNCTION
 *
 * Prints "attached", then waits for SIGTERM and prints "N hits". Exit code 1, with
 * the reason, if the kernel does not let it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* "return 0", the only thing it does: runs are counted by the kernel. */
static const struct bpf_insn program[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load(const char *function, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);
	int id = libbpf_find_vmlinux_btf_id(function, type);

	if (id < 0)
		return id;
	opts.attach_btf_id = id;
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "fentry_test", "GPL", program, ARRAY_LEN(program), &opts);
}

int main(int argc, char **argv)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int prog, stats, signal;
	sigset_t set;

	if (argc != 3 || (strcmp(argv[1], "entry") && strcmp(argv[1], "exit"))) {
		fprintf(stderr, "usage: fentry entry|exit FUNCTION\n");
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);

	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	prog = load(argv[2], strcmp(argv[1], "exit") ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT);
	if (stats < 0 || prog < 0) {
		fprintf(stderr, "fentry: %s: %s\n", argv[2], strerror(-(prog < 0 ? prog : stats)));
		return 1;
	}
	if (bpf_raw_tracepoint_open(NULL, prog) < 0) {
		fprintf(stderr, "fentry: attach to %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	puts("attached");
	fflush(stdout);
	sigwait(&set, &signal);
	if (bpf_obj_get_info_by_fd(prog, &info, &len)) {
		fprintf(stderr, "fentry: %s\n", strerror(errno));
		return 1;
	}
	printf("%llu hits\n", (unsigned long long)info.run_cnt);
	return 0;
}
