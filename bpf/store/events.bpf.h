/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Single events, for the recorder to take one by one: executed programs, and packets that TCP sent
 * again. Each begins with an enum twofold_event_kind.
 */
#ifndef TWOFOLD_STORE_EVENTS_BPF_H
#define TWOFOLD_STORE_EVENTS_BPF_H

#include "bpf/abi/events_abi.h"
#include "bpf/kernel/types.h"

const volatile __u32 event_wakeup_bytes; /* the recorder is woken when the buffer holds more */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* False: there was no room. */
static __always_inline bool send_event(void *event, __u64 bytes)
{
	/* The recorder looks by itself; a wake-up for each would cost more than the event. */
	__u64 flags = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > event_wakeup_bytes
			      ? BPF_RB_FORCE_WAKEUP
			      : BPF_RB_NO_WAKEUP;

	return !bpf_ringbuf_output(&events, event, bytes, flags);
}

#endif
