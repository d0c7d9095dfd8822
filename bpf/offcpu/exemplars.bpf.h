/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The longest single blocks and waits of an interval, so that one outlier is not lost in a sum.
 * Each CPU keeps its own few for threads that go on there; the recorder takes the longest of all
 * CPUs. There are two pages, as rows have two sums: programs write into one while the recorder
 * reads the other.
 */
#ifndef TWOFOLD_OFFCPU_EXEMPLARS_BPF_H
#define TWOFOLD_OFFCPU_EXEMPLARS_BPF_H

#include "bpf/offcpu/rows.bpf.h"
#include "bpf/threads/accounts.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * TWOFOLD_EXEMPLAR_KINDS);
	__type(key, __u32);
	__type(value, struct twofold_exemplars);
} exemplars SEC(".maps");

/* A global function: it is verified once. */
__noinline int replace_shortest(struct twofold_exemplars *page,
				const struct twofold_exemplar *exemplar)
{
	__u64 shortest_ns = ~0ULL;
	__u32 shortest = 0;

	if (!page || !exemplar)
		return 0;
	page->kept[page->shortest & (TWOFOLD_EXEMPLARS - 1)] = *exemplar;
	for (__u32 i = 0; i < TWOFOLD_EXEMPLARS; i++) {
		__u64 length_ns = page->kept[i].end_ns - page->kept[i].start_ns;

		if (length_ns < shortest_ns) {
			shortest_ns = length_ns;
			shortest = i;
		}
	}
	page->shortest = shortest;
	page->shortest_ns = shortest_ns;
	return 0;
}

static __always_inline bool is_long(__u32 kind, __u64 start_ns, __u64 end_ns,
				    struct twofold_exemplars **page)
{
	__u32 index = sum_of_interval(end_ns) * TWOFOLD_EXEMPLAR_KINDS + kind;
	__u64 length_ns = end_ns - start_ns;

	*page = bpf_map_lookup_elem(&exemplars, &index);
	return *page && length_ns > (*page)->shortest_ns;
}

static __always_inline void keep_exemplar(const struct twofold_task *state,
					  const struct sleeper_stacks *stacks, __u64 start_ns,
					  __u64 end_ns, __u64 chain, __u32 offcpu_state, bool open)
{
	__u32 kind = offcpu_state > TWOFOLD_LAST_BLOCK_STATE ? TWOFOLD_EXEMPLAR_WAITING
		     : offcpu_state == TWOFOLD_BLOCK_UNINTERRUPTIBLE
			     ? TWOFOLD_EXEMPLAR_UNINTERRUPTIBLE
			     : TWOFOLD_EXEMPLAR_INTERRUPTIBLE;
	struct twofold_exemplars *page;

	/* Parked and idle kernel threads wait for work, for as long as there is none. */
	if (offcpu_state == TWOFOLD_BLOCK_PARKED || offcpu_state == TWOFOLD_BLOCK_IDLE)
		return;
	if (end_ns > start_ns && is_long(kind, start_ns, end_ns, &page)) {
		struct twofold_exemplar exemplar = {
			.start_ns = start_ns,
			.end_ns = end_ns,
			.kernel_stack = stacks->kernel,
			.user_stack = stacks->user,
			.chain = chain,
			.thread = state->thread,
			.state = offcpu_state,
			.open = open,
		};

		replace_shortest(page, &exemplar);
	}
}

#endif
