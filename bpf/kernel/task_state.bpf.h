/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a thread does, by the kernel's own fields. */
#ifndef TWOFOLD_KERNEL_TASK_STATE_BPF_H
#define TWOFOLD_KERNEL_TASK_STATE_BPF_H

#include "bpf/abi/accounts_abi.h"
#include "bpf/kernel/types.h"

/*
 * enum twofold_block_state. What a freezer of cgroups holds is stopped, though it is no state
 * of its own in all kernels: version 2 lets threads sleep in get_signal, where nothing else sleeps
 * as long as the freezer wants them (kernel/signal.c: do_freezer_trap); version 1 made them
 * uninterruptible before 6.1. A global function: it is verified once.
 */
__noinline int block_state(__u32 state, __u64 jobctl, __u32 flags)
{
	if (state & TASK_INTERRUPTIBLE)
		return jobctl & JOBCTL_TRAP_FREEZE ? TWOFOLD_BLOCK_STOPPED
						   : TWOFOLD_BLOCK_INTERRUPTIBLE;
	if (state & TASK_UNINTERRUPTIBLE) {
		if ((flags & (PF_FROZEN | PF_KTHREAD)) == PF_FROZEN)
			return TWOFOLD_BLOCK_STOPPED;
		return state & TASK_NOLOAD ? TWOFOLD_BLOCK_IDLE : TWOFOLD_BLOCK_UNINTERRUPTIBLE;
	}
	if (state & (TASK_STOPPED | TASK_FROZEN))
		return TWOFOLD_BLOCK_STOPPED;
	if (state & TASK_TRACED)
		return TWOFOLD_BLOCK_TRACED;
	if (state & TASK_PARKED)
		return TWOFOLD_BLOCK_PARKED;
	return TWOFOLD_BLOCK_OTHER;
}

static __always_inline long task_state(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

static __always_inline __u32 block_state_of(struct task_struct *task, long kernel_state)
{
	return block_state(kernel_state, task->jobctl, task->flags);
}

static __always_inline __u32 present_state(struct task_struct *task)
{
	long state = task_state(task);

	if (task->on_cpu)
		return TWOFOLD_ON_CPU;
	return state ? TWOFOLD_BLOCKED + block_state_of(task, state) : TWOFOLD_PREEMPTED;
}

static __always_inline bool has_user_stack(struct task_struct *task)
{
	return !(task->flags & PF_KTHREAD) && task->mm;
}

static __always_inline __u64 switches_of(struct task_struct *task)
{
	return task->nvcsw + task->nivcsw;
}

#endif
