/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Memory by stack: what was allocated, what of it was freed, and a table of what is outstanding.
 * The kernel's allocations (kernel_memory.bpf.h) and those of processes (user_memory.bpf.h) share
 * this.
 *
 * Sampling by bytes decides first, before any stack is walked or anything is looked up in a map: an
 * allocation of s bytes is kept for certain if s >= B, else with probability s / B, and then stands
 * for B bytes. The entry in the table carries what it stands for, so its free gives back exactly
 * that, and B may change at any time.
 *
 * The table is the one place where programs delete. It is bounded by the sampling; all its entries
 * are preallocated, as these programs run inside of allocators.
 */
#ifndef TWOFOLD_SOURCES_MEMORY_BPF_H
#define TWOFOLD_SOURCES_MEMORY_BPF_H

#include "bpf/abi/memory_abi.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/threads.bpf.h"

const volatile __u32 page_bytes = 4096;

__u64 memory_sample_bytes; /* B; the recorder may raise it */

__u64 allocations_kept; /* so far; what B has an influence on */

TWOFOLD_MAP_SET(memory_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(memory_rows, struct twofold_allocation_key, struct twofold_allocation_value);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct twofold_live_key);
	__type(value, struct twofold_live);
} live_allocations SEC(".maps");

/* Uprobes can be preempted, and interrupts allocate, too: whoever needs a scratch takes a free one.
 */
#define MEMORY_SCRATCHES 4

struct memory_scratch {
	__u32 taken;
	__u32 padding;
	struct twofold_stack stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MEMORY_SCRATCHES);
	__type(key, __u32);
	__type(value, struct memory_scratch);
} memory_scratches SEC(".maps");

static __always_inline struct memory_scratch *take_scratch(void)
{
	for (int i = 0; i < MEMORY_SCRATCHES; i++) {
		__u32 slot = i;
		struct memory_scratch *scratch = bpf_map_lookup_elem(&memory_scratches, &slot);

		if (!scratch)
			return NULL;
		if (!__sync_lock_test_and_set(&scratch->taken, 1))
			return scratch;
	}
	return NULL;
}

static __always_inline struct stack_map memory_stacks_in_use(void)
{
	return stacks_in_use(&memory_stacks_sets, TWOFOLD_SET_MEMORY_STACKS, TWOFOLD_SOURCE_MEMORY);
}

static __always_inline void give_back_scratch(struct memory_scratch *scratch)
{
	*(volatile __u32 *)&scratch->taken = 0;
}

/* Whether an allocation is kept, and what it stands for then. */
static __always_inline bool choose_allocation(__u64 size_bytes, __u64 *weight_bytes,
					      __u64 *weight_count)
{
	__u64 unit = memory_sample_bytes;
	__u64 size = size_bytes ?: 1; /* malloc(0) is an allocation, too */

	if (size >= unit) {
		*weight_bytes = size_bytes;
		*weight_count = 1;
		return true;
	}
	/* unit < 2^32, so nothing overflows here and below. */
	if (((__u64)bpf_get_prandom_u32() * unit) >> 32 >= size)
		return false;
	*weight_bytes = unit;
	*weight_count = unit / size;
	/* Rounded by chance, so that the expected value is right. */
	if (((__u64)bpf_get_prandom_u32() * size) >> 32 < unit % size)
		*weight_count += 1;
	return true;
}

/* Takes an allocation out of the table, and counts it as freed. What it was is left in `was`.
 * False: it is not there, or has to stay. */
static __noinline bool take_allocation(const struct twofold_live_key *place,
				       struct twofold_live *was)
{
	struct twofold_live *live = bpf_map_lookup_elem(&live_allocations, place);
	struct twofold_allocation_value *row;
	__u32 cause;
	long err;

	if (!live)
		return false;
	*was = *live;
	/* The row first: a free that no row tells of must leave the entry where it is. */
	row = find_or_insert(&memory_rows_sets, TWOFOLD_SET_MEMORY_ROWS, &was->row, &cause);
	if (!row) {
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_FREE_LOST, 1, 0);
		return false;
	}
	err = bpf_map_delete_elem(&live_allocations, place);
	if (err) {
		/* Or somebody else has just freed it. */
		if (err != -ENOENT)
			count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_FREE_LOST, 1, 0);
		return false;
	}
	__sync_fetch_and_add(&row->freed_bytes, was->weight_bytes);
	__sync_fetch_and_add(&row->freed_count, was->weight_count);
	return true;
}

/* Memory is handed out: whatever the table still has there was freed unseen. */
static __always_inline void take_stale_allocation(const struct twofold_live_key *place)
{
	struct twofold_live was;

	if (take_allocation(place, &was))
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_FREE_UNSEEN, 1, 0);
}

/* Puts an allocation into its row and into the table. */
static __noinline int keep_allocation(const struct twofold_live_key *place,
				      const struct twofold_live *live)
{
	struct twofold_allocation_value *row;
	long err;

	__sync_fetch_and_add(&allocations_kept, 1);
	row = find_row(&memory_rows_sets, TWOFOLD_SET_MEMORY_ROWS, TWOFOLD_SOURCE_MEMORY,
		       &live->row, 1, 0);
	if (!row)
		return 0;
	err = bpf_map_update_elem(&live_allocations, place, live, BPF_NOEXIST);
	__sync_fetch_and_add(&row->allocated_bytes, live->weight_bytes);
	__sync_fetch_and_add(&row->allocated_count, live->weight_count);
	__sync_fetch_and_add(&row->samples, 1);
	if (!err)
		return 0;
	count_loss(TWOFOLD_SOURCE_MEMORY,
		   err == -E2BIG || err == -ENOMEM ? TWOFOLD_LOSS_ALLOCATION_TABLE_FULL
						   : TWOFOLD_LOSS_MAP_BUSY,
		   1, 0);
	__sync_fetch_and_add(&row->untracked_bytes, live->weight_bytes);
	__sync_fetch_and_add(&row->untracked_count, live->weight_count);
	return 0;
}

#endif
