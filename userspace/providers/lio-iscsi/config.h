/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/vss/lio-iscsi.conf, as vss-provider-lio-iscsi(8) explains it.
 */
#ifndef LIO_CONFIG_H
#define LIO_CONFIG_H

#include <stdint.h>
#include <vss/error.h>

struct lio_config {
	char *address, *user, *key, *known_hosts;
	char *ssh;		/* the program */
	uint64_t port;
	uint64_t timeout;	/* seconds, for what is not pressing */
};

/* $VSS_LIO_ISCSI_CONF, if set, instead of the usual place; its path goes to @path, not to be freed. */
int lio_config_read(struct lio_config *config, const char **path, struct vss_error *err);
void lio_config_clear(struct lio_config *config);

#endif /* LIO_CONFIG_H */
