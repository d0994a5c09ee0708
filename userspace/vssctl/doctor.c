// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vssctl doctor: can this machine run the module, and if not, why?
 *
 * Changes nothing: loads no module, mounts nothing.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "command.h"
#include "doctor-parse.h"
#include "print.h"

/* The function that the module redirects to see writes. */
#define HOOKED	"submit_bio_noacct"

/* That one, and those that it traces to see disks become smaller, and paths of others. */
static const char *const traced[] = { HOOKED, "set_capacity", "set_capacity_and_notify", "bd_link_disk_holder" };
#define NR_TRACED	(sizeof(traced) / sizeof(traced[0]))
/* A kernel without drivers that take devices for others has no such function, and needs none. */
#define HOLDERS		"BLOCK_HOLDER_DEPRECATED"

#define MAX_CHECKS	32

struct doctor {
	struct vssctl *ctl;
	struct utsname kernel;
	bool loaded;
	bool no_holders;		/* known not to have HOLDERS */
	uint32_t volumes;		/* attached, if loaded */
	char module_path[PATH_MAX];	/* "" if there is none for this kernel */
	struct vssctl_check checks[MAX_CHECKS];
	size_t count;
};

static void check(struct doctor *d, enum vssctl_check_state state, const char *name,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static void check(struct doctor *d, enum vssctl_check_state state, const char *name,
		  const char *format, ...)
{
	struct vssctl_check *c = &d->checks[d->count++];
	va_list args;

	c->state = state;
	c->name = name;
	va_start(args, format);
	vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
}

static void check_privilege(struct doctor *d)
{
	if (geteuid())
		check(d, VSSCTL_CHECK_FAIL, "privilege",
		      "not root: some checks are left out; run as root");
	else
		check(d, VSSCTL_CHECK_OK, "privilege", "root");
}

static bool kernel_supported(const struct doctor *d)
{
	return !strcmp(d->kernel.machine, "x86_64") && vssctl_kernel_supported(d->kernel.release);
}

static void check_kernel(struct doctor *d)
{
	if (strcmp(d->kernel.machine, "x86_64"))
		check(d, VSSCTL_CHECK_FAIL, "kernel",
		      "this machine is %s, and the module is for x86-64 only", d->kernel.machine);
	else if (!vssctl_kernel_supported(d->kernel.release))
		check(d, VSSCTL_CHECK_FAIL, "kernel",
		      "kernel %s is not supported; use one of those that are: " VSSCTL_KERNELS,
		      d->kernel.release);
	else
		check(d, VSSCTL_CHECK_OK, "kernel", "%s, %s", d->kernel.release,
		      d->kernel.machine);
}

/* nftw() has no argument to pass on. */
static _Thread_local char found_module[PATH_MAX];

static int find_module(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static const char *const names[] = { "vss.ko", "vss.ko.xz", "vss.ko.gz", "vss.ko.zst" };

	(void)st;
	if (type != FTW_F)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(path + ftw->base, names[i]))
			continue;
		snprintf(found_module, sizeof(found_module), "%s", path);
		return 1;
	}
	return 0;
}

static void check_module(struct doctor *d)
{
	char dir[PATH_MAX], version[64] = "";

	snprintf(dir, sizeof(dir), "/lib/modules/%s", d->kernel.release);
	found_module[0] = '\0';
	nftw(dir, find_module, 16, FTW_PHYS);
	strcpy(d->module_path, found_module);
	d->loaded = vssctl_module_loaded();
	if (d->loaded) {
		vssctl_read_line("/sys/module/vss/version", version, sizeof(version));
		check(d, VSSCTL_CHECK_OK, "module", "loaded%s%s", version[0] ? ", version " : "",
		      version);
	} else if (!d->module_path[0] && !kernel_supported(d)) {
		check(d, VSSCTL_CHECK_FAIL, "module",
		      "no vss.ko below %s, and none can be built for this kernel", dir);
	} else if (!d->module_path[0]) {
		check(d, VSSCTL_CHECK_FAIL, "module",
		      "no vss.ko for kernel %s below %s; build and install it for this kernel",
		      d->kernel.release, dir);
	} else if (vssctl_run_modprobe(true)) {
		check(d, VSSCTL_CHECK_FAIL, "module",
		      "%s exists but modprobe does not find it; run 'depmod -a', and look for a "
		      "blacklist in /etc/modprobe.d", d->module_path);
	} else {
		check(d, VSSCTL_CHECK_WARN, "module",
		      "%s is there but not loaded; load it with 'modprobe vss'", d->module_path);
	}
}

static bool secure_boot(void)
{
	static const char path[] = "/sys/firmware/efi/efivars/SecureBoot-"
				   "8be4df61-93ca-11d2-aa0d-00e098032b8c";
	FILE *file = fopen(path, "re");
	unsigned char value[5];	/* four bytes of attributes go before it */
	bool on = file && fread(value, sizeof(value), 1, file) == 1 && value[4] == 1;

	if (file)
		fclose(file);
	return on;
}

/* Does the file carry a signature?  -1: it is compressed, so unknown. */
static int module_is_signed(const char *path)
{
	size_t size = strlen(path);
	FILE *file;
	int result;

	if (size < 3 || strcmp(path + size - 3, ".ko"))
		return -1;
	file = fopen(path, "re");
	result = file && vssctl_module_signed(file);
	if (file)
		fclose(file);
	return result;
}

static void check_signature(struct doctor *d)
{
	char text[128], mode[64] = "none", enforce[8] = "N";
	bool strict;
	int is_signed;

	if (vssctl_read_line("/sys/kernel/security/lockdown", text, sizeof(text)))
		vssctl_lockdown_mode(text, mode, sizeof(mode));
	vssctl_read_line("/sys/module/module/parameters/sig_enforce", enforce, sizeof(enforce));
	strict = strcmp(mode, "none") || enforce[0] == 'Y';
	is_signed = d->module_path[0] ? module_is_signed(d->module_path) : -1;
	if (d->loaded || !strict)
		check(d, VSSCTL_CHECK_OK, "signature",
		      "Secure Boot %s, lockdown %s: the kernel takes the module",
		      secure_boot() ? "on" : "off", mode);
	else if (is_signed == 0)
		check(d, VSSCTL_CHECK_FAIL, "signature",
		      "Secure Boot %s, lockdown %s: the kernel refuses %s, which is not signed; "
		      "sign it with a machine owner key (mokutil, kmodsign)",
		      secure_boot() ? "on" : "off", mode, d->module_path);
	else
		check(d, VSSCTL_CHECK_WARN, "signature",
		      "Secure Boot %s, lockdown %s: the kernel wants modules signed with a key "
		      "that it knows", secure_boot() ? "on" : "off", mode);
}

static FILE *open_config(struct doctor *d)
{
	static const char *const formats[] = {
		"/boot/config-%s", "/lib/modules/%s/config", "/lib/modules/%s/build/.config",
	};
	FILE *config, *pipe;
	char path[PATH_MAX];
	int c;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), formats[i], d->kernel.release);
#pragma GCC diagnostic pop
		config = fopen(path, "re");
		if (config)
			return config;
	}
	if (access("/proc/config.gz", R_OK))
		return NULL;
	/* Unpacked to a file, for it is read several times. */
	config = tmpfile();
	pipe = config ? popen("gzip -dc /proc/config.gz 2>/dev/null", "re") : NULL;
	while (pipe && (c = getc(pipe)) != EOF)
		putc(c, config);
	if (pipe)
		pclose(pipe);
	return config;
}

static void check_config(struct doctor *d)
{
	static const char *const needed[] = {
		"MODULES", "BLOCK", "FUNCTION_TRACER", "DYNAMIC_FTRACE",
	};
	/* Either one lets a handler redirect a function. */
	static const char *const redirect[] = {
		"DYNAMIC_FTRACE_WITH_REGS", "DYNAMIC_FTRACE_WITH_ARGS",
	};
	FILE *config = open_config(d);
	char missing[256] = "";
	bool realtime;

	if (!config) {
		check(d, VSSCTL_CHECK_SKIP, "kernel config",
		      "the configuration of kernel %s is not to be found", d->kernel.release);
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		size_t used = strlen(missing);

		if (!vssctl_config_has(config, needed[i]))
			snprintf(missing + used, sizeof(missing) - used, " CONFIG_%s", needed[i]);
	}
	if (!vssctl_config_has(config, redirect[0]) && !vssctl_config_has(config, redirect[1])) {
		size_t used = strlen(missing);

		snprintf(missing + used, sizeof(missing) - used, " CONFIG_%s", redirect[1]);
	}
	realtime = vssctl_config_has(config, "PREEMPT_RT");
	d->no_holders = !vssctl_config_has(config, HOLDERS);
	fclose(config);
	if (realtime)
		check(d, VSSCTL_CHECK_FAIL, "kernel config",
		      "kernel %s was built with CONFIG_PREEMPT_RT, which the module does not "
		      "support; use one without", d->kernel.release);
	else if (missing[0])
		check(d, VSSCTL_CHECK_FAIL, "kernel config",
		      "kernel %s was built without%s; use a kernel with it", d->kernel.release,
		      missing);
	else
		check(d, VSSCTL_CHECK_OK, "kernel config", "kernel %s has what is needed",
		      d->kernel.release);
}

static void check_ftrace(struct doctor *d)
{
	char text[16];

	if (!vssctl_read_line("/proc/sys/kernel/ftrace_enabled", text, sizeof(text)))
		check(d, VSSCTL_CHECK_FAIL, "ftrace", "this kernel has no ftrace");
	else if (strcmp(text, "1"))
		check(d, VSSCTL_CHECK_FAIL, "ftrace",
		      "kernel.ftrace_enabled is %s; set it with 'sysctl kernel.ftrace_enabled=1'",
		      text);
	else
		check(d, VSSCTL_CHECK_OK, "ftrace", "kernel.ftrace_enabled is 1");
}

static FILE *open_tracefs(const char *name)
{
	static const char *const dirs[] = {
		"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char path[PATH_MAX];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		file = fopen(path, "re");
		if (file)
			return file;
	}
	return NULL;
}

static void check_functions(struct doctor *d)
{
	FILE *file = open_tracefs("available_filter_functions");
	char missing[256] = "";
	const size_t nr = NR_TRACED - d->no_holders;
	bool listed[NR_TRACED];

	if (!file) {
		check(d, VSSCTL_CHECK_SKIP, "traced functions",
		      "tracefs is not readable; 'mount -t tracefs tracefs /sys/kernel/tracing' "
		      "lets this be checked");
		return;
	}
	vssctl_functions_listed(file, traced, nr, listed);
	fclose(file);
	for (size_t i = 0; i < nr; i++) {
		size_t used = strlen(missing);

		if (!listed[i])
			snprintf(missing + used, sizeof(missing) - used, " %s", traced[i]);
	}
	if (missing[0])
		check(d, VSSCTL_CHECK_FAIL, "traced functions",
		      "the module has to trace what cannot be traced on this kernel:%s; use another "
		      "kernel, one built without notrace for them", missing);
	else
		check(d, VSSCTL_CHECK_OK, "traced functions",
		      "%s and what tells the size and the holders of disks can be traced", HOOKED);
}

static void check_other_users(struct doctor *d)
{
	FILE *file = open_tracefs("enabled_functions");
	bool redirected;

	if (!file) {
		check(d, VSSCTL_CHECK_SKIP, "other hooks", "tracefs is not readable");
		return;
	}
	redirected = vssctl_function_redirected(file, HOOKED);
	fclose(file);
	if (!redirected)
		check(d, VSSCTL_CHECK_OK, "other hooks", "nothing redirects %s", HOOKED);
	else if (d->volumes)
		check(d, VSSCTL_CHECK_OK, "other hooks", "%s is redirected by vss", HOOKED);
	else
		check(d, VSSCTL_CHECK_FAIL, "other hooks",
		      "another module redirects %s (a livepatch, or another snapshot module such "
		      "as blksnap or veeamblksnap); only one can, unload it", HOOKED);
}

/* The proof: writes to a private disk must be seen. */
static void check_self_test(struct doctor *d)
{
	struct vss_kernel_module module;
	struct vss_error error;

	if (!d->loaded)
		check(d, VSSCTL_CHECK_SKIP, "self-test", "the module is not loaded");
	else if (vss_kernel_open(&d->ctl->kernel, &error))
		check(d, VSSCTL_CHECK_FAIL, "self-test", "%s", error.text);
	else if (!vss_kernel_module_test(d->ctl->kernel, &module))
		check(d, VSSCTL_CHECK_OK, "self-test", "writes are seen on this kernel");
	else
		check(d, VSSCTL_CHECK_FAIL, "self-test", "%s", vss_kernel_error(d->ctl->kernel));
}

static void count_volumes(struct doctor *d)
{
	struct vss_kernel_module module;
	struct vss_kernel *kernel;

	if (!d->loaded || vss_kernel_open(&kernel, NULL))
		return;
	if (!vss_kernel_module_get(kernel, &module))
		d->volumes = module.volumes;
	vss_kernel_close(kernel);
}

static void check_udev(struct doctor *d)
{
	static const char *const dirs[] = {
		"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/udev/rules.d/59-vss.rules", dirs[i]);
		if (!access(path, R_OK)) {
			check(d, VSSCTL_CHECK_OK, "udev rules", "%s", path);
			return;
		}
	}
	if (access("/run/udev/control", F_OK))
		check(d, VSSCTL_CHECK_SKIP, "udev rules", "no udev runs here");
	else
		check(d, VSSCTL_CHECK_WARN, "udev rules",
		      "59-vss.rules is not installed: udev may assemble LVM, md or btrfs from "
		      "snapshot images; install it in /etc/udev/rules.d");
}

/*
 * An attach waits for the writes that are in flight: of a driver that passes bios on by what it
 * has counted, so it is refused where that is nothing; of others by their requests.  Device mapper
 * counts by itself, whatever its queue says.
 */
static void check_iostats(struct doctor *d)
{
	char refused[256], uncounted[256];

	vssctl_iostats_off("/sys/block", refused, uncounted, sizeof(refused));
	if (refused[0])
		check(d, VSSCTL_CHECK_WARN, "I/O statistics",
		      "off for%s: cannot be attached until they are on, for writes in flight cannot "
		      "be counted; write 1 to /sys/block/NAME/queue/iostats", refused);
	if (uncounted[0])
		check(d, VSSCTL_CHECK_WARN, "I/O statistics",
		      "off for%s: their writes are tracked, but cannot be compared with the "
		      "device's own counts; write 1 to /sys/block/NAME/queue/iostats", uncounted);
	if (!refused[0] && !uncounted[0])
		check(d, VSSCTL_CHECK_OK, "I/O statistics", "on for all md and NVMe devices");
}

static int run(struct vssctl *ctl, struct vssctl_args *args)
{
	struct doctor *d;
	int ret = VSSCTL_OK;
	int opt;

	while ((opt = vssctl_next_option(args)) != VSSCTL_OPTION_END)
		if (opt == VSSCTL_OPTION_STOP)
			return args->exit_code;
	d = calloc(1, sizeof(*d));
	if (!d)
		return vssctl_fail(ctl, E_OUTOFMEMORY, "out of memory");
	d->ctl = ctl;
	uname(&d->kernel);
	check_privilege(d);
	check_kernel(d);
	check_module(d);
	count_volumes(d);
	check_signature(d);
	check_config(d);
	check_ftrace(d);
	check_functions(d);
	check_other_users(d);
	check_self_test(d);
	check_udev(d);
	check_iostats(d);
	ctl->print->checks(ctl, d->checks, d->count);
	for (size_t i = 0; i < d->count; i++)
		if (d->checks[i].state == VSSCTL_CHECK_FAIL)
			ret = VSSCTL_NOT_SUPPORTED;
	free(d);
	return ret;
}

const struct vssctl_command vssctl_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "check whether this machine can run the module",
	.description = "Check whether the module can run on this machine, and say what to do where not.\n"
		       "Loads no module and changes nothing.  The exit code is 0 if nothing failed, else 7.",
	.max_operands = 0,
	.run = run,
};
