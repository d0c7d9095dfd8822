/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel allocates: kmalloc, object caches and pages. The caches get their pages from the
 * page allocator, and kmalloc its objects from caches of its own: these are levels, told apart by
 * the row's kind.
 *
 * These programs run wherever the kernel allocates, also in interrupts and in the middle of other
 * programs. They allocate nothing themselves. The arguments are those of 6.1 and later (commits
 * 11e9734bcb6a, 2c1d697fb8ba); the recorder looks. They are raw tracepoints without types: 6.1
 * gives no typed program a pointer to nothing in particular.
 */
#ifndef TWOFOLD_SOURCES_KERNEL_MEMORY_BPF_H
#define TWOFOLD_SOURCES_KERNEL_MEMORY_BPF_H

#include "bpf/kernel/interrupts.bpf.h"
#include "bpf/sources/memory.bpf.h"

struct kmem_cache {
	unsigned int size; /* of an object, with what the allocator adds */
} __attribute__((preserve_access_index));

struct page;

/* Walks the stacks of a kept allocation. */
static __always_inline void find_kernel_stacks(void *ctx, struct task_struct *task, __u32 context,
					       struct twofold_allocation_key *key)
{
	const struct stack_map stacks = memory_stacks_in_use();
	struct memory_scratch *scratch = take_scratch();
	struct twofold_stack *stack;
	long bytes;

	if (!scratch) {
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_MAP_BUSY, 1, 0);
		key->kernel_stack = TWOFOLD_STACK_MAP_BUSY;
		return;
	}
	stack = &scratch->stack;
	bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), 0);
	if (context != CONTEXT_TASK)
		bytes = cut_at_entry(stack, &context, bytes);
	key->kernel_stack =
		store_stack(&stacks, stack, bytes, false, TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	if (context == CONTEXT_TASK && has_user_stack(task))
		key->user_stack = own_user_stack(ctx, &stacks, stack);
	give_back_scratch(scratch);
}

static __always_inline int kernel_allocated(void *ctx, __u32 kind, const void *address,
					    __u64 size_bytes)
{
	struct twofold_live_key place = {.address = (__u64)address};
	struct twofold_live live = {.size_bytes = size_bytes};
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_task *state;
	__u32 context;

	if (!address || is_over)
		return 0;
	take_stale_allocation(&place);
	if (!choose_allocation(size_bytes, &live.weight_bytes, &live.weight_count))
		return 0;
	/* Where it is not known the stack tells. */
	context = present_context(current_task) ?: CONTEXT_TASK;
	live.row.kind = kind;
	if (context != CONTEXT_TASK || !current_task->pid) {
		/* It has nothing to do with the thread that was interrupted. */
		if (!scope_all)
			return 0;
		live.row.thread = TWOFOLD_THREAD_INTERRUPT;
	} else {
		state = bpf_task_storage_get(&tasks, current_task, 0, 0);
		if (!state) {
			if (scope_all)
				count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_TASK_STORAGE_FAILED,
					   1, 0);
			return 0;
		}
		live.row.thread = state->thread;
	}
	find_kernel_stacks(ctx, current_task, context, &live.row);
	live.time_ns = bpf_ktime_get_ns();
	return keep_allocation(&place, &live);
}

static __always_inline int kernel_freed(const void *address)
{
	struct twofold_live_key place = {.address = (__u64)address};
	struct twofold_live was;

	if (address && !is_over)
		take_allocation(&place, &was);
	return 0;
}

SEC("raw_tp/kmalloc")
int BPF_PROG(kernel_kmalloc, unsigned long call_site, const void *address,
	     unsigned long wanted_bytes, unsigned long size_bytes)
{
	return kernel_allocated(ctx, TWOFOLD_ALLOCATION_KMALLOC, address, size_bytes);
}

SEC("raw_tp/kfree")
int BPF_PROG(kernel_kfree, unsigned long call_site, const void *address)
{
	return kernel_freed(address);
}

SEC("raw_tp/kmem_cache_alloc")
int BPF_PROG(kernel_cache_alloc, unsigned long call_site, const void *address,
	     struct kmem_cache *cache)
{
	return kernel_allocated(ctx, TWOFOLD_ALLOCATION_SLAB, address, BPF_CORE_READ(cache, size));
}

SEC("raw_tp/kmem_cache_free")
int BPF_PROG(kernel_cache_free, unsigned long call_site, const void *address)
{
	return kernel_freed(address);
}

/* Pages are named by their descriptors, whose addresses no object has. */
SEC("raw_tp/mm_page_alloc")
int BPF_PROG(kernel_page_alloc, struct page *page, unsigned int order)
{
	return kernel_allocated(ctx, TWOFOLD_ALLOCATION_PAGES, page, (__u64)page_bytes << order);
}

SEC("raw_tp/mm_page_free")
int BPF_PROG(kernel_page_free, struct page *page)
{
	return kernel_freed(page);
}

#endif
