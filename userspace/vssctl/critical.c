// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guarding the moments in which file systems may be frozen.
 */
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "critical.h"

static void signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void vssctl_block_signals(sigset_t *before)
{
	sigset_t set;

	signals(&set);
	sigprocmask(SIG_BLOCK, &set, before);
}

void vssctl_restore_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

bool vssctl_interrupted(void)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t set;

	sigpending(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		/* Blocked, even one that nohup made us ignore is pending. */
		if (sigismember(&set, wanted[i]) && !sigaction(wanted[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			return true;
	return false;
}

/*
 * Both calls are precautions; where a limit forbids one (RLIMIT_MEMLOCK) the
 * deadlines of the kernel module still thaw everything.
 */
void vssctl_enter_critical(void)
{
	mlockall(MCL_CURRENT | MCL_FUTURE);
	/* Our allocations in the kernel do not write to any file system. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

void vssctl_leave_critical(void)
{
	prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
	munlockall();
}
