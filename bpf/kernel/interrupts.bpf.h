/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether a program runs for the current thread, or in an interrupt that has nothing to do with
 * it: the preempt count tells. Of an interrupt's stack only the frames up to its entry are its own.
 */
#ifndef TWOFOLD_KERNEL_INTERRUPTS_BPF_H
#define TWOFOLD_KERNEL_INTERRUPTS_BPF_H

#include "bpf/abi/offcpu_abi.h"
#include "bpf/abi/stacks_abi.h"
#include "bpf/kernel/types.h"

/* Code ranges of the kernel, from the recorder; where a symbol is missing, empty. An interrupt's
 * entry is the first frame from the leaf that lies in one of the ranges for its kind. */
__u64 irq_entry_start;
__u64 irq_entry_end;
__u64 softirq_entry_start[3];
__u64 softirq_entry_end[3];

/* From the run queue of a CPU to its preempt count, in bytes; 0: not known. */
const volatile __s64 preempt_count_distance;

/* include/linux/preempt.h: HARDIRQ_MASK | NMI_MASK, which the recorder knows; before 7.3 bits 16 to
 * 23. */
const volatile __u32 interrupt_bits = 0x00ff0000;

/* Bits of the preempt count. */
#define SOFTIRQ_SERVED 0x00000100 /* include/linux/preempt.h: SOFTIRQ_OFFSET */

#if defined(__TARGET_ARCH_arm64)
struct thread_info___twofold {
	int preempt_count;
} __attribute__((preserve_access_index));
#endif

/* Of this CPU; NULL where the current task does not lead to it. */
static __always_inline struct rq *own_run_queue(struct task_struct *current_task)
{
	struct rq *rq;

	if (!bpf_core_field_exists(current_task->se.cfs_rq))
		return NULL;
	rq = BPF_CORE_READ(current_task, se.cfs_rq, rq);
	return rq && BPF_CORE_READ(rq, cpu) == bpf_get_smp_processor_id() ? rq : NULL;
}

/* Reads the preempt count of this CPU. False: it cannot be reached. */
static __always_inline bool read_preempt_count(struct task_struct *current_task, __u32 *count)
{
#if defined(__TARGET_ARCH_arm64)
	/* The thread_info comes first in a task. */
	struct thread_info___twofold *info = (void *)current_task;

	return !bpf_core_read(count, sizeof(*count), &info->preempt_count);
#else
	/* A variable of each CPU, without an address that programs could ask for. The run queue is
	 * another, which the task leads to, and the distance between the two is always the same. */
	struct rq *rq;

	if (!preempt_count_distance)
		return false;
	rq = own_run_queue(current_task);
	if (!rq)
		return false;
	return !bpf_probe_read_kernel(count, sizeof(*count), (void *)rq + preempt_count_distance);
#endif
}

/* What a program runs in; where it wakes a thread, that is the kind of the waker. */
enum context {
	CONTEXT_UNKNOWN = 0,
	CONTEXT_TASK = TWOFOLD_WAKER_TASK,
	CONTEXT_HARDIRQ = TWOFOLD_WAKER_HARDIRQ,
	CONTEXT_SOFTIRQ = TWOFOLD_WAKER_SOFTIRQ,
};

static __always_inline enum context present_context(struct task_struct *current_task)
{
	__u32 count = 0;

	if (!read_preempt_count(current_task, &count))
		return CONTEXT_UNKNOWN;
	if (count & interrupt_bits)
		return CONTEXT_HARDIRQ;
	return count & SOFTIRQ_SERVED ? CONTEXT_SOFTIRQ : CONTEXT_TASK;
}

static __always_inline bool is_entry(__u64 address, enum context context)
{
	if (context == CONTEXT_HARDIRQ)
		return address >= irq_entry_start && address < irq_entry_end;
	for (int i = 0; i < 3; i++) {
		if (address >= softirq_entry_start[i] && address < softirq_entry_end[i])
			return true;
	}
	return false;
}

/*
 * Cuts what the interrupt interrupted off the stack; returns the bytes that are left. Where the
 * context (enum context) is not known, an interrupt's entry tells it. A global function: it is
 * verified once.
 */
__noinline long cut_at_entry(const struct twofold_stack *stack, __u32 *context, long bytes)
{
	__u32 frames;

	if (!stack || !context || bytes <= 0)
		return bytes;
	frames = (__u32)bytes / sizeof(__u64);
	for (int i = 0; i < TWOFOLD_MAX_FRAMES; i++) {
		if (i >= frames)
			break;
		if (*context != CONTEXT_SOFTIRQ && is_entry(stack->frames[i], CONTEXT_HARDIRQ)) {
			*context = CONTEXT_HARDIRQ;
			return (i + 1) * sizeof(__u64);
		}
		if (*context != CONTEXT_HARDIRQ && is_entry(stack->frames[i], CONTEXT_SOFTIRQ)) {
			*context = CONTEXT_SOFTIRQ;
			return (i + 1) * sizeof(__u64);
		}
	}
	if (*context == CONTEXT_UNKNOWN)
		*context = CONTEXT_TASK;
	return bytes;
}

#endif
