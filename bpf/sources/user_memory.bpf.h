/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What processes allocate: probes where allocator functions begin, and where those that allocate
 * return (recorder/tracer/allocator_probes.h says which functions, and attaches them).
 *
 * One call at a time counts in each thread, the outermost: what an allocator function calls of
 * others is part of it. The stack pointer tells: it is lower in an inner call.
 *
 * An exception cannot pass a function whose return is probed: the kernel has put another return
 * address in its place, which no unwinder knows, and the program is terminated. So operator new of
 * a C++ library is not probed where it returns. It leaves a note for the malloc that it calls:
 * whether it is kept, and the stack of its caller. The one of an allocator that does not call
 * malloc has to be; but not where it is asked for more than it can have, and only where the kernel
 * lets that be decided call by call.
 */
#ifndef TWOFOLD_SOURCES_USER_MEMORY_BPF_H
#define TWOFOLD_SOURCES_USER_MEMORY_BPF_H

#include "bpf/sources/memory.bpf.h"

/* A call that never returned, because its thread jumped out of it, is given up after so many that
 * looked as if they were inside of it. */
#define MOST_NESTED_CALLS 64

/* What a throwing operator new that is asked for more will not get. */
const volatile __u64 most_new_bytes = 1ULL << 40;

/* How far below operator new the malloc that it calls can be. */
#define NEW_STACK_BYTES 1024

/* What return addresses take on the stack. */
#if defined(__TARGET_ARCH_x86)
#define RETURN_BYTES 8
#else
#define RETURN_BYTES 0
#endif

struct allocator_call {
	__u64 stack_pointer; /* where it began; 0: none is going on */
	__u64 size_bytes;
	__u64 weight_bytes;
	__u64 weight_count; /* 0: it is not kept */
	__u64 user_stack;   /* 0: not walked yet */
	__u64 result_place; /* where posix_memalign puts the address; 0: it is returned */
	__u64 old_address;  /* what realloc took off; 0: nothing */
	struct twofold_live old;
	__u32 kind;
	__u32 nested;
	/* The note of operator new. */
	__u64 new_stack_pointer; /* 0: none */
	__u64 new_size_bytes;
	__u64 new_weight_bytes;
	__u64 new_weight_count;
	__u64 new_user_stack;
	/* Of an operator new that is not probed where it returns, as it is going to throw: what its
	 * allocator maps meanwhile is the allocator's own. 0: none. */
	__u64 failing_new_stack_pointer;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct allocator_call);
} allocator_calls SEC(".maps");

static __always_inline __u64 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline struct allocator_call *call_of_current(void)
{
	struct allocator_call *call;

	call = bpf_task_storage_get(&allocator_calls, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call)
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1, 0);
	return call;
}

/* The user stack of the current thread. At a function's begin its caller has no frame yet that a
 * walk could find: `caller` is put in the place of the function itself. */
static __always_inline __u64 stack_of_caller(struct pt_regs *ctx, __u64 caller)
{
	const struct stack_map stacks = memory_stacks_in_use();
	struct memory_scratch *scratch = take_scratch();
	struct twofold_stack *stack;
	__u64 hash;
	long bytes;

	if (!scratch) {
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_MAP_BUSY, 1, 0);
		return TWOFOLD_STACK_MAP_BUSY;
	}
	stack = &scratch->stack;
	bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), BPF_F_USER_STACK);
	if (caller && bytes > 0) {
		/* From 6.12 on (commit cfa7f3d2c526) the kernel may have found the caller. */
		if (bytes > 8 && stack->frames[1] == caller)
			bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames),
					      BPF_F_USER_STACK | 1);
		else
			stack->frames[0] = caller;
	}
	hash = store_stack(&stacks, stack, bytes, false, TWOFOLD_LOSS_USER_STACK_FAILED);
	give_back_scratch(scratch);
	return hash;
}

/* Begins a call. NULL: it is an inner one. */
static __always_inline struct allocator_call *begin_call(struct pt_regs *ctx, __u32 kind,
							 __u64 size_bytes)
{
	__u64 stack_pointer = PT_REGS_SP(ctx);
	struct allocator_call *call = call_of_current();

	if (!call)
		return NULL;
	if (call->stack_pointer) {
		if (stack_pointer <= call->stack_pointer && call->nested < MOST_NESTED_CALLS) {
			call->nested++;
			return NULL;
		}
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_ALLOCATION_UNSEEN, 1, 0);
	}
	/* More than any host has: addresses, not memory; and sums would not hold many of them. */
	if (kind == TWOFOLD_ALLOCATION_MMAP && size_bytes >> 40) {
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_ALLOCATION_UNSEEN, 1, 0);
		call->stack_pointer = 0;
		return NULL;
	}
	if (kind == TWOFOLD_ALLOCATION_MMAP && call->failing_new_stack_pointer &&
	    stack_pointer <= call->failing_new_stack_pointer)
		return NULL;
	/* The exception is allocated, or the program goes on. */
	call->failing_new_stack_pointer = 0;
	call->stack_pointer = stack_pointer;
	call->nested = 0;
	call->kind = kind;
	call->size_bytes = size_bytes;
	call->old_address = 0;
	if (call->new_stack_pointer && stack_pointer <= call->new_stack_pointer &&
	    call->new_stack_pointer - stack_pointer < NEW_STACK_BYTES &&
	    size_bytes >= call->new_size_bytes) {
		call->size_bytes = call->new_size_bytes;
		call->weight_bytes = call->new_weight_bytes;
		call->weight_count = call->new_weight_count;
		call->user_stack = call->new_user_stack;
	} else {
		call->user_stack = 0;
		if (!choose_allocation(size_bytes, &call->weight_bytes, &call->weight_count))
			call->weight_count = 0;
	}
	call->new_stack_pointer = 0;
	return call;
}

/* Takes off what is to be moved; it is put back where that fails. */
static __always_inline void begin_move(struct allocator_call *call, __u64 old_address)
{
	struct twofold_live_key place = {.address = old_address, .tgid = current_tgid()};

	/* Given nothing to keep, realloc frees. */
	if (take_allocation(&place, &call->old) && call->size_bytes)
		call->old_address = old_address;
}

static __always_inline int begin_new(struct pt_regs *ctx)
{
	__u64 stack_pointer = PT_REGS_SP(ctx), size_bytes = PT_REGS_PARM1(ctx), caller = 0;
	struct allocator_call *call;

	call = call_of_current();
	if (!call)
		return 0;
	/* Part of an allocator's call, or of an operator new: that of arrays calls the other. */
	if (call->stack_pointer && stack_pointer <= call->stack_pointer)
		return 0;
	if (call->new_stack_pointer && stack_pointer <= call->new_stack_pointer &&
	    call->new_stack_pointer - stack_pointer < NEW_STACK_BYTES &&
	    size_bytes == call->new_size_bytes)
		return 0;
	call->new_stack_pointer = stack_pointer;
	call->new_size_bytes = size_bytes;
	call->new_user_stack = 0;
	if (!choose_allocation(size_bytes, &call->new_weight_bytes, &call->new_weight_count)) {
		call->new_weight_count = 0;
		return 0;
	}
#if defined(__TARGET_ARCH_x86)
	if (bpf_probe_read_user(&caller, sizeof(caller), (void *)stack_pointer))
		caller = 0;
#else
	caller = PT_REGS_RET(ctx);
#endif
	call->new_user_stack = stack_of_caller(ctx, caller);
	return 0;
}

static __always_inline int begin_free(struct pt_regs *ctx)
{
	struct twofold_live_key place = {.address = PT_REGS_PARM1(ctx), .tgid = current_tgid()};
	struct twofold_live was;

	if (place.address)
		take_allocation(&place, &was);
	return 0;
}

/* Of a mapping whose first part goes, the rest stays. */
static __always_inline int begin_munmap(struct pt_regs *ctx)
{
	struct twofold_live_key place = {.address = PT_REGS_PARM1(ctx), .tgid = current_tgid()};
	__u64 gone_bytes = (PT_REGS_PARM2(ctx) + page_bytes - 1) & -(__u64)page_bytes;
	struct twofold_live was;
	__u64 left_bytes;

	if (!take_allocation(&place, &was))
		return 0;
	if (was.row.kind != TWOFOLD_ALLOCATION_MMAP || gone_bytes >= was.size_bytes)
		return 0;
	left_bytes = was.size_bytes - gone_bytes;
	was.weight_bytes = was.weight_bytes == was.size_bytes
				   ? left_bytes
				   : was.weight_bytes * left_bytes / was.size_bytes;
	was.size_bytes = left_bytes;
	place.address += gone_bytes;
	keep_allocation(&place, &was);
	return 0;
}

/* False: the call's return does not matter. */
static __always_inline bool begin(struct pt_regs *ctx)
{
	__u64 function = bpf_get_attach_cookie(ctx), size_bytes, old_address = 0, result_place = 0;
	__u32 kind = TWOFOLD_ALLOCATION_MALLOC;
	struct allocator_call *call;

	if (is_over)
		return false;
	switch (function) {
	case TWOFOLD_ALLOCATOR_FREE:
		begin_free(ctx);
		return false;
	case TWOFOLD_ALLOCATOR_MUNMAP:
		begin_munmap(ctx);
		return false;
	case TWOFOLD_ALLOCATOR_NEW:
		begin_new(ctx);
		return false;
	case TWOFOLD_ALLOCATOR_MALLOC:
		size_bytes = PT_REGS_PARM1(ctx);
		break;
	case TWOFOLD_ALLOCATOR_THROWING_NEW:
		size_bytes = PT_REGS_PARM1(ctx);
		if (size_bytes <= most_new_bytes)
			break;
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_ALLOCATION_UNSEEN, 1, 0);
		call = call_of_current();
		if (call && !call->stack_pointer)
			call->failing_new_stack_pointer = PT_REGS_SP(ctx);
		return false;
	case TWOFOLD_ALLOCATOR_CALLOC:
		size_bytes = PT_REGS_PARM1(ctx) * PT_REGS_PARM2(ctx);
		break;
	case TWOFOLD_ALLOCATOR_MEMALIGN:
		size_bytes = PT_REGS_PARM2(ctx);
		break;
	case TWOFOLD_ALLOCATOR_POSIX_MEMALIGN:
		result_place = PT_REGS_PARM1(ctx);
		size_bytes = PT_REGS_PARM3(ctx);
		break;
	case TWOFOLD_ALLOCATOR_REALLOC:
		old_address = PT_REGS_PARM1(ctx);
		size_bytes = PT_REGS_PARM2(ctx);
		break;
	case TWOFOLD_ALLOCATOR_REALLOCARRAY:
		old_address = PT_REGS_PARM1(ctx);
		size_bytes = PT_REGS_PARM2(ctx) * PT_REGS_PARM3(ctx);
		break;
	case TWOFOLD_ALLOCATOR_MMAP:
		/* Addresses that are set aside without a right to use them are no memory yet. */
		if (!PT_REGS_PARM3(ctx))
			return false;
		kind = TWOFOLD_ALLOCATION_MMAP;
		size_bytes = PT_REGS_PARM2(ctx);
		break;
	case TWOFOLD_ALLOCATOR_MREMAP:
		kind = TWOFOLD_ALLOCATION_MMAP;
		old_address = PT_REGS_PARM1(ctx);
		size_bytes = PT_REGS_PARM3(ctx);
		break;
	default:
		return false;
	}
	call = begin_call(ctx, kind, size_bytes);
	if (!call)
		return false;
	call->result_place = result_place;
	if (old_address)
		begin_move(call, old_address);
	return true;
}

/* An allocation as big as what realloc could not move, or make room for. */
static __always_inline void put_back(struct allocator_call *call)
{
	struct twofold_live_key place = {.address = call->old_address, .tgid = current_tgid()};

	keep_allocation(&place, &call->old);
}

static __always_inline int end(struct pt_regs *ctx)
{
	__u64 stack_pointer = PT_REGS_SP(ctx) - RETURN_BYTES, address = PT_REGS_RC(ctx);
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_live_key place = {.tgid = current_tgid()};
	struct twofold_live live = {};
	struct allocator_call *call;
	struct twofold_task *task;

	call = bpf_task_storage_get(&allocator_calls, current_task, 0, 0);
	if (!call || !call->stack_pointer || stack_pointer < call->stack_pointer)
		return 0;
	if (stack_pointer > call->stack_pointer) {
		call->stack_pointer = 0;
		count_loss(TWOFOLD_SOURCE_MEMORY, TWOFOLD_LOSS_ALLOCATION_UNSEEN, 1, 0);
		return 0;
	}
	call->stack_pointer = 0;
	if (is_over)
		return 0;
	if (call->result_place &&
	    (address || bpf_probe_read_user(&address, sizeof(address), (void *)call->result_place)))
		address = 0;
	/* MAP_FAILED, and whatever the kernel says instead of an address. */
	if (call->kind == TWOFOLD_ALLOCATION_MMAP && address >= (__u64)-4095)
		address = 0;
	if (!address) {
		if (call->old_address)
			put_back(call);
		return 0;
	}
	place.address = address;
	take_stale_allocation(&place);
	if (!call->weight_count)
		return 0;
	task = bpf_task_storage_get(&tasks, current_task, 0, 0);
	if (!task)
		return 0;
	live.row.thread = task->thread;
	live.row.kind = call->kind;
	live.row.user_stack = call->user_stack ?: stack_of_caller(ctx, 0);
	live.weight_bytes = call->weight_bytes;
	live.weight_count = call->weight_count;
	live.size_bytes = call->size_bytes;
	live.time_ns = bpf_ktime_get_ns();
	return keep_allocation(&place, &live);
}

SEC("uprobe")
int begin_allocator(struct pt_regs *ctx)
{
	begin(ctx);
	return 0;
}

SEC("uretprobe")
int end_allocator(struct pt_regs *ctx)
{
	return end(ctx);
}

/* Both in one, where the kernel has sessions: it lets the begin of a call say (with 1) that the
 * return is to be left alone. */
SEC("uprobe")
int allocator_session(struct pt_regs *ctx)
{
	if (PT_REGS_IP(ctx) != bpf_get_func_ip(ctx))
		return end(ctx);
	return begin(ctx) ? 0 : 1;
}

#endif
