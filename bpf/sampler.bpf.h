/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * On-CPU time by stack: a timer on every CPU looks at what runs. It has its own maps and scratch,
 * because its interrupt may come in the middle of the scheduler's programs.
 */
#ifndef TWOFOLD_SAMPLER_BPF_H
#define TWOFOLD_SAMPLER_BPF_H

#include "stacks.bpf.h"
#include "threads.bpf.h"

const volatile __u64 sample_period_ns;

TWOFOLD_MAP_SET(cpu_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(cpu_rows, struct twofold_cpu_key, struct twofold_cpu_sums);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_stack);
} cpu_scratch SEC(".maps");

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_cpu_key key = {};
	struct twofold_stack *scratch;
	struct twofold_task *task;
	void *stacks = map_in_use(&cpu_stacks_sets, TWOFOLD_SET_CPU_STACKS);
	void *rows = map_in_use(&cpu_rows_sets, TWOFOLD_SET_CPU_ROWS);
	struct twofold_cpu_sums *samples;
	__u32 slot = 0;
	long bytes;

	if (!current_task->pid || is_over)
		return 0;
	task = bpf_task_storage_get(&tasks, current_task, 0, 0);
	scratch = bpf_map_lookup_elem(&cpu_scratch, &slot);
	if (!scratch)
		return 0;
	if (!task) {
		if (scope_all)
			count_loss(TWOFOLD_SOURCE_CPU, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1,
				   sample_period_ns);
		return 0;
	}
	key.thread = task->thread;
	/* The first frame of an interrupted kernel is always known, so no frames mean that it was
	 * user mode. */
	bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	if (bytes > 0)
		key.kernel_stack = store_stack(stacks, scratch, bytes, false, TWOFOLD_SOURCE_CPU,
					       TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	if (!(current_task->flags & PF_KTHREAD) && current_task->mm) {
		bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames),
				      BPF_F_USER_STACK);
		key.user_stack = store_stack(stacks, scratch, bytes, false, TWOFOLD_SOURCE_CPU,
					     TWOFOLD_LOSS_USER_STACK_FAILED);
	}

	if (!rows)
		return 0;
	samples = bpf_map_lookup_elem(rows, &key);
	if (!samples) {
		struct twofold_cpu_sums zero = {};
		__u32 cause = insert_once(rows, TWOFOLD_SET_CPU_ROWS, &key, &zero);

		if (!cause)
			samples = bpf_map_lookup_elem(rows, &key);
		if (!samples) {
			count_loss(TWOFOLD_SOURCE_CPU, cause ? cause : TWOFOLD_LOSS_MAP_BUSY, 1,
				   sample_period_ns);
			return 0;
		}
	}
	__sync_fetch_and_add(&samples->of[sum_of_interval(bpf_ktime_get_ns())], 1);
	return 0;
}

#endif
