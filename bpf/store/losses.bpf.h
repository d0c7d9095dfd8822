/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counts what was seen and could not be kept: by source and cause, in count and in time. */
#ifndef TWOFOLD_STORE_LOSSES_BPF_H
#define TWOFOLD_STORE_LOSSES_BPF_H

#include "bpf/abi/losses_abi.h"
#include "bpf/kernel/types.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TWOFOLD_LOSS_SOURCES *TWOFOLD_LOSS_CAUSES);
	__type(key, __u32);
	__type(value, struct twofold_loss);
} losses SEC(".maps");

/* A global function: the verifier looks at it once, not wherever it is called. */
__noinline int count_loss(__u32 source, __u32 cause, __u64 count, __u64 time_ns)
{
	__u32 index = source * TWOFOLD_LOSS_CAUSES + cause;
	struct twofold_loss *loss = bpf_map_lookup_elem(&losses, &index);

	if (!loss)
		return 0;
	/* Atomic: a sampling interrupt may come in between. */
	__sync_fetch_and_add(&loss->count, count);
	__sync_fetch_and_add(&loss->time_ns, time_ns);
	return 0;
}

#endif
