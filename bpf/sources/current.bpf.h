/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What runs where a perf event has counted its period. */
#ifndef TWOFOLD_SOURCES_CURRENT_BPF_H
#define TWOFOLD_SOURCES_CURRENT_BPF_H

#include "bpf/abi/cpu_abi.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/threads.bpf.h"

/*
 * The current thread and its stacks; `scratches` is the source's own map of them. False: the thread
 * is not followed, or it should be and is not, which is counted as `lost_count`.
 */
static __always_inline bool place_of_current(struct bpf_perf_event_data *ctx,
					     const struct stack_map *stacks, void *scratches,
					     __u64 lost_count, struct twofold_cpu_key *place)
{
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_stack *scratch;
	struct twofold_task *task;
	__u32 slot = 0;

	if (!current_task->pid || is_over)
		return false;
	task = bpf_task_storage_get(&tasks, current_task, 0, 0);
	if (!task) {
		if (scope_all)
			count_loss(stacks->source, TWOFOLD_LOSS_TASK_STORAGE_FAILED, lost_count, 0);
		return false;
	}
	scratch = bpf_map_lookup_elem(scratches, &slot);
	if (!scratch)
		return false;
	place->thread = task->thread;
	interrupted_stacks(ctx, current_task, stacks, scratch, &place->kernel_stack,
			   &place->user_stack);
	return true;
}

#endif
