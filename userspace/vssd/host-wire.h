/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vssd and a provider host say to each other: D-Bus, peer to peer, on a
 * socketpair.  vssd calls; nothing outside of the two sees it.
 *
 *	Describe() -> a{sv}			who the provider is
 *	Call(u step, a{sv}) -> u s a{sv}	one step: result, sentence, what it gives
 */
#ifndef VSSD_HOST_WIRE_H
#define VSSD_HOST_WIRE_H

#include "core.h"
#include "wire.h"

#define HOST_PATH	"/org/linuxvss/Vss1/provider"
#define HOST_INTERFACE	"org.linuxvss.Vss1.ProviderHost"

/* Who a provider is, as its process tells. */
struct host_description {
	struct vss_provider_prop prop;	/* owned */
	bool holds;
};

int host_wire_append_description(sd_bus_message *m, const struct host_description *description);
int host_wire_read_description(sd_bus_message *m, struct host_description *description);
void host_description_clear(struct host_description *description);

int host_wire_append_request(sd_bus_message *m, const struct vssd_provider_request *request);

/* A request that came: everything it points to is its own. */
struct host_request {
	struct vssd_provider_request request;
	char *volume;
	struct vss_lun_mapping *luns;
	size_t nr_luns;
	struct vss_provider_snapshot record;
	bool has_record;
};
int host_wire_read_request(sd_bus_message *m, struct host_request *request);
void host_request_clear(struct host_request *request);

int host_wire_append_reply(sd_bus_message *m, const struct vssd_provider_reply *reply);

/* An answer that came; @reply points into the rest and into the message. */
struct host_reply {
	struct vssd_provider_reply reply;
	struct vss_provider_snapshot *snapshots;
	size_t nr_snapshots;
};
/* Fails for what no host of ours sends. */
int host_wire_read_reply(sd_bus_message *m, struct host_reply *reply);
void host_reply_clear(struct host_reply *reply);

#endif /* VSSD_HOST_WIRE_H */
