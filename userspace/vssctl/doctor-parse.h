/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the kernel's own descriptions of itself, for "doctor".
 */
#ifndef VSSCTL_DOCTOR_PARSE_H
#define VSSCTL_DOCTOR_PARSE_H

#include <stdbool.h>
#include <stdio.h>

/* Is CONFIG_@option "y" or "m" in a kernel configuration? */
bool vssctl_config_has(FILE *config, const char *option);

/*
 * Is the module for this kernel, by the beginning of its release?  The same as
 * kmod/Kbuild finds in the headers.
 */
bool vssctl_kernel_supported(const char *release);
#define VSSCTL_KERNELS	"6.1, and 6.12 and later"

/* Which of @count @functions are lines of available_filter_functions?  Into @listed. */
void vssctl_functions_listed(FILE *available, const char *const *functions, size_t count,
			     bool *listed);

/*
 * Does a line of enabled_functions say that something redirects @function
 * (flag I, of which the kernel allows one)?
 */
bool vssctl_function_redirected(FILE *enabled, const char *function);

/* The mode in brackets in "[none] integrity confidentiality".  Into @mode. */
bool vssctl_lockdown_mode(const char *text, char *mode, size_t size);

/* Does a module file end with a signature?  Only uncompressed ones can. */
bool vssctl_module_signed(FILE *module);

/* The first line of a file without its end; false if it has none. */
bool vssctl_read_line(const char *path, char *text, size_t size);

/*
 * Which md and NVMe devices below @block, that is /sys/block, keep no statistics?  Their names, each
 * after a blank: of those that pass bios on (md, the head of an NVMe multipath) into @bio, of those
 * that have requests into @request, both of @size bytes.  Paths that nobody can open are left out.
 */
void vssctl_iostats_off(const char *block, char *bio, char *request, size_t size);

#endif /* VSSCTL_DOCTOR_PARSE_H */
