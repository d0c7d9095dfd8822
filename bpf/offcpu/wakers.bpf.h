/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who or what wakes a thread, and what had woken the waker: chains. Runs at sched_waking, in the
 * context of the waker.
 *
 * A wake-up by an interrupt belongs to the interrupt and not to the thread that it interrupted: the
 * preempt count tells. Only the frames up to the interrupt's entry are kept, and the chain ends
 * there. A softirq that delivers what its thread sent to the same host is that thread's own work
 * (senders.bpf.h). A thread carries what woke it, until it blocks again; where it wakes another
 * meanwhile, that goes on in the other's chain.
 *
 * A waker's stacks are walked only for blocks that were chosen. Of other wake-ups the thread
 * carries who the waker was, without stacks.
 */
#ifndef TWOFOLD_OFFCPU_WAKERS_BPF_H
#define TWOFOLD_OFFCPU_WAKERS_BPF_H

#include "bpf/kernel/interrupts.bpf.h"
#include "bpf/offcpu/rows.bpf.h"
#include "bpf/offcpu/senders.bpf.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/threads.bpf.h"

const volatile __u32 max_wakers; /* 0: none are recorded */

TWOFOLD_MAP_SET(wakers, __u64, struct twofold_waker);
TWOFOLD_MAP_SET(chains, __u64, struct twofold_chain);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_waker);
} waker_scratch SEC(".maps");

/*
 * Cuts a waker's stack to what belongs to it; returns the bytes that are left, and the kind: the
 * sender of a packet is a task with the whole stack.
 */
static __always_inline long cut_to_waker(const struct twofold_stack *stack, __u32 *kind, long bytes)
{
	const long cut_bytes = cut_at_entry(stack, kind, bytes);

	if (*kind != TWOFOLD_WAKER_SOFTIRQ || !is_run_by_sender(stack, cut_bytes, bytes))
		return cut_bytes;
	*kind = TWOFOLD_WAKER_TASK;
	return bytes;
}

/* Of a wake-up whose stack is not kept: whether its softirq is its task's own work. */
static __always_inline bool is_of_sender(void *ctx, struct task_struct *current_task,
					 struct twofold_stack *scratch)
{
	__u32 kind = TWOFOLD_WAKER_SOFTIRQ;
	struct rq *rq;
	long bytes;

	if (interrupt_stack_distance) {
		rq = own_run_queue(current_task);
		return rq && seems_run_by_sender(current_task, rq, scratch);
	}
	bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	cut_to_waker(scratch, &kind, bytes);
	return kind == TWOFOLD_WAKER_TASK;
}

static __always_inline __u64 hash_waker(const struct twofold_waker *waker)
{
	__u64 hash = mix(waker->kind, waker->kernel_stack);

	hash = mix(hash, waker->user_stack);
	hash = mix(hash, waker->who.thread);
	if (!waker->who.thread) {
		hash = mix(hash, (__u64)waker->who.tgid << 32 | waker->who.tid);
		hash = mix(hash, waker->who.start_boottime_ns);
		hash = mix(hash, *(const __u64 *)&waker->who.comm[0]);
		hash = mix(hash, *(const __u64 *)&waker->who.comm[8]);
	}
	return finish_hash(hash);
}

/* Keeps a waker or a chain; 0 when it found no room. */
static __always_inline __u64 keep_link(void *map, enum twofold_map_set set, __u64 hash,
				       const void *value)
{
	__u32 cause;

	if (!map)
		return 0;
	if (bpf_map_lookup_elem(map, &hash))
		return hash;
	cause = insert_once(map, set, &hash, value);
	if (!cause)
		return hash;
	count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_CHAIN_LOST, 1, 0);
	return 0;
}

/* A waker that is known by who it is alone. */
static __always_inline __u64 keep_unwalked_waker(struct twofold_waker *waker, __u32 kind,
						 __u32 thread)
{
	__builtin_memset(waker, 0, sizeof(*waker));
	waker->kernel_stack = TWOFOLD_STACK_NOT_SAMPLED;
	waker->kind = kind;
	waker->who.thread = thread;
	return keep_link(map_in_use(&wakers_sets, TWOFOLD_SET_WAKERS), TWOFOLD_SET_WAKERS,
			 hash_waker(waker), waker);
}

/* Keeps the present waker with its stacks. `scratch` is the programs' own. */
static __always_inline __u64 keep_waker(void *ctx, struct twofold_waker *waker, __u32 *found_kind,
					struct task_struct *current_task,
					struct twofold_task *current_state,
					const struct stack_map *stacks,
					struct twofold_stack *scratch)
{
	__u32 kind = *found_kind;
	long bytes;

	__builtin_memset(waker, 0, sizeof(*waker));
	bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	if (kind != TWOFOLD_WAKER_TASK)
		bytes = cut_to_waker(scratch, &kind, bytes);
	waker->kind = kind;
	*found_kind = kind;
	waker->kernel_stack =
		store_stack(stacks, scratch, bytes, false, TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	if (kind == TWOFOLD_WAKER_TASK) {
		if (has_user_stack(current_task))
			waker->user_stack = own_user_stack(ctx, stacks, scratch);
		if (current_state && current_state->thread)
			waker->who.thread = current_state->thread;
		else
			describe_thread(&waker->who, current_task, NULL);
	}
	return keep_link(map_in_use(&wakers_sets, TWOFOLD_SET_WAKERS), TWOFOLD_SET_WAKERS,
			 hash_waker(waker), waker);
}

/*
 * Notes who wakes the thread, which carries it on. Returns the key of the chain when the block was
 * chosen, else 0.
 */
static __always_inline __u64 note_waker(void *ctx, struct twofold_task *woken, bool chosen,
					const struct stack_map *stacks,
					struct twofold_stack *scratch)
{
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_task *current_state = NULL;
	struct twofold_chain chain = {};
	struct twofold_waker *waker;
	__u32 kind = present_context(current_task);
	__u64 hash, nearest = 0;
	__u32 slot = 0;

	if (!chosen && max_wakers < 2)
		return 0;
	if (is_given_up(TWOFOLD_GIVEN_UP_WAKERS))
		return 0;
	waker = bpf_map_lookup_elem(&waker_scratch, &slot);
	if (!waker)
		return 0;
	if (!chosen && kind == CONTEXT_UNKNOWN)
		return 0;
	if (!chosen && kind == TWOFOLD_WAKER_SOFTIRQ && is_of_sender(ctx, current_task, scratch))
		kind = TWOFOLD_WAKER_TASK;
	/* Of a softirq the walk may find its sender. */
	if (kind != TWOFOLD_WAKER_HARDIRQ && (chosen || kind != TWOFOLD_WAKER_SOFTIRQ))
		current_state = bpf_task_storage_get(&tasks, current_task, 0, 0);
	if (chosen)
		nearest =
			keep_waker(ctx, waker, &kind, current_task, current_state, stacks, scratch);
	if (max_wakers < 2 && !nearest)
		return 0;
	chain.length = 1;
	chain.wakers[0] = nearest;
	if (max_wakers > 1) {
		if (kind == TWOFOLD_WAKER_TASK && current_state && current_state->nwakers) {
			__u64 carried = current_state->wakers[0];
			__u32 length = current_state->nwakers;

			/* Nobody has asked for it until now. */
			if (!carried) {
				carried = keep_unwalked_waker(waker, current_state->last_waker_kind,
							      current_state->last_waker_thread);
				current_state->wakers[0] = carried;
			}
			chain.wakers[1] = carried;
			for (int i = 2; i < TWOFOLD_MAX_WAKERS; i++) {
				if (i >= max_wakers || i > length)
					break;
				chain.wakers[i] = current_state->wakers[i - 1];
			}
			chain.length = length + 1 < max_wakers ? length + 1 : max_wakers;
		}
		__builtin_memcpy(woken->wakers, chain.wakers, sizeof(woken->wakers));
		woken->last_waker_kind = kind;
		woken->last_waker_thread =
			kind == TWOFOLD_WAKER_TASK && current_state ? current_state->thread : 0;
		*(volatile __u32 *)&woken->nwakers = chain.length;
	}
	if (!nearest)
		return 0;
	hash = chain.length;
	for (int i = 0; i < TWOFOLD_MAX_WAKERS; i++) {
		if (i >= chain.length)
			break;
		hash = mix(hash, chain.wakers[i]);
	}
	hash = finish_hash(hash);
	return keep_link(map_in_use(&chains_sets, TWOFOLD_SET_CHAINS), TWOFOLD_SET_CHAINS, hash,
			 &chain);
}

#endif
