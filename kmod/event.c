// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events for userspace, multicast by netlink.
 *
 * An event is news, not state: whoever misses one can ask for the objects.  So
 * nothing here is reported back, and no memory is waited for that could depend
 * on writes to a tracked volume: some callers let these writes go.
 */
#include <linux/ktime.h>
#include <net/genetlink.h>

#include "area.h"
#include "event.h"
#include "netlink.h"
#include "snapshot.h"
#include "volume.h"

#define EVENT_GFP	(GFP_NOWAIT | __GFP_NOWARN)

/* Every attribute of an event at once. */
#define EVENT_SIZE	(nla_total_size(0) +				\
			 5 * nla_total_size(sizeof(u32)) +		\
			 3 * nla_total_size_64bit(sizeof(u64)) +	\
			 2 * nla_total_size(VSS_UUID_SIZE))

/**
 * struct event - a message being built
 * @skb:	the message
 * @hdr:	its header
 * @nest:	its VSS_A_EVENT
 */
struct event {
	struct sk_buff	*skb;
	void		*hdr;
	struct nlattr	*nest;
};

static int put_u64(struct event *ev, int attr, u64 value)
{
	return nla_put_u64_64bit(ev->skb, attr, value, VSS_A_EVENT_PAD);
}

static int put_uuid(struct event *ev, int attr, const uuid_t *uuid)
{
	return nla_put(ev->skb, attr, VSS_UUID_SIZE, uuid);
}

static int put_volume(struct event *ev, const struct vss_volume *vol)
{
	dev_t dev = vol->bdev->bd_dev;

	return nla_put_u32(ev->skb, VSS_A_EVENT_VOLUME_MAJOR, MAJOR(dev)) ||
		nla_put_u32(ev->skb, VSS_A_EVENT_VOLUME_MINOR, MINOR(dev));
}

/* Begin an event.  False: nobody listens, or there is no memory. */
static bool event_begin(struct event *ev, enum vss_event_type type)
{
	if (!vss_netlink_listening())
		return false;
	ev->skb = genlmsg_new(EVENT_SIZE, EVENT_GFP);
	if (!ev->skb)
		return false;

	ev->hdr = genlmsg_put(ev->skb, 0, 0, &vss_genl_family, 0,
			      VSS_CMD_EVENT);
	if (!ev->hdr)
		goto fail;
	ev->nest = nla_nest_start(ev->skb, VSS_A_EVENT);
	if (!ev->nest ||
	    nla_put_u32(ev->skb, VSS_A_EVENT_TYPE, type) ||
	    put_u64(ev, VSS_A_EVENT_TIME, ktime_get_real_ns()))
		goto fail;
	return true;

fail:
	nlmsg_free(ev->skb);
	return false;
}

/* Send an event, or throw it away if something did not fit. */
static void event_end(struct event *ev, int err)
{
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(ev->skb);
		return;
	}
	nla_nest_end(ev->skb, ev->nest);
	genlmsg_end(ev->skb, ev->hdr);
	genlmsg_multicast(&vss_genl_family, ev->skb, 0, VSS_MCGRP_EVENTS,
			  EVENT_GFP);
}

/**
 * vss_event_volume() - tell about a volume or its diff area
 * @vol:	the volume
 * @type:	what happened
 *
 * Process context, no spinlock held.
 */
void vss_event_volume(struct vss_volume *vol, enum vss_event_type type)
{
	struct event ev;
	int err;

	if (!event_begin(&ev, type))
		return;
	err = put_volume(&ev, vol);
	if (!err && (type == VSS_EVENT_AREA_LOW ||
		     type == VSS_EVENT_AREA_ADDED ||
		     type == VSS_EVENT_AREA_REMOVED)) {
		u64 size, used;

		vss_area_usage(vol, &size, &used);
		err = put_u64(&ev, VSS_A_EVENT_AREA_SIZE, size) ||
			put_u64(&ev, VSS_A_EVENT_AREA_USED, used);
	}
	event_end(&ev, err);
}

/**
 * vss_event_snapshot() - tell about a snapshot
 * @snap:	the snapshot
 * @type:	what happened
 *
 * Process context, no spinlock held.
 */
void vss_event_snapshot(struct vss_snapshot *snap, enum vss_event_type type)
{
	struct event ev;
	int err;

	if (!event_begin(&ev, type))
		return;
	err = put_volume(&ev, snap->vol) ||
		put_uuid(&ev, VSS_A_EVENT_SNAPSHOT_UUID, &snap->uuid) ||
		put_uuid(&ev, VSS_A_EVENT_SET_UUID, &snap->set_uuid);
	if (!err && type == VSS_EVENT_SNAPSHOT_LOST)
		err = nla_put_u32(ev.skb, VSS_A_EVENT_REASON, snap->reason);
	event_end(&ev, err);
}

/**
 * vss_event_set() - tell how the creation of a set ended
 * @uuid:	name of the set
 * @type:	what happened
 * @error:	negative errno that undid it, for VSS_EVENT_SET_FAILED
 *
 * Process context, no spinlock held.
 */
void vss_event_set(const uuid_t *uuid, enum vss_event_type type, int error)
{
	struct event ev;
	int err;

	if (!event_begin(&ev, type))
		return;
	err = put_uuid(&ev, VSS_A_EVENT_SET_UUID, uuid);
	if (!err && type == VSS_EVENT_SET_FAILED)
		err = nla_put_s32(ev.skb, VSS_A_EVENT_ERROR, error);
	event_end(&ev, err);
}
