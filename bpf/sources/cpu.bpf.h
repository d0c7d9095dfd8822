/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * On-CPU time by stack: a timer on every CPU looks at what runs. It has its own maps and scratch,
 * because its interrupt may come in the middle of the scheduler's programs.
 *
 * Time is cut into periods of the sampling frequency, and in each of them a moment is drawn at
 * random. The timer ticks more often, and its first tick after a moment takes the sample; if two
 * moments have passed it counts twice. So every moment has the same chance whatever the workload's
 * own period is, and there is still one sample a period. The recorder makes the ticks follow no
 * period, either (recorder/tracer/sampling_timer.h).
 *
 * A tick speaks for the time since the tick before. Where that one was long ago, because ticks were
 * held up or skipped, something else may have run meanwhile: then a tick speaks for one distance of
 * ticks, or for as long as its thread has been on the CPU. Moments before that count for nobody.
 */
#ifndef TWOFOLD_SOURCES_CPU_BPF_H
#define TWOFOLD_SOURCES_CPU_BPF_H

#include "bpf/abi/cpu_abi.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/threads.bpf.h"

/* Written by the recorder: between samples, in intervals that use either sum. */
__u64 sample_period_ns[TWOFOLD_SUMS];

TWOFOLD_MAP_SET(cpu_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(cpu_rows, struct twofold_cpu_key, struct twofold_cpu_sums);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_stack);
} cpu_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set by the recorder: one for each CPU */
	__type(key, __u32);
	__type(value, struct twofold_sampling);
} samplings SEC(".maps");

static __always_inline void draw_moment(struct twofold_sampling *sampling, __u64 now_ns)
{
	sampling->period_end_ns += sampling->period_ns;
	if (sampling->period_end_ns < now_ns)
		sampling->period_end_ns = now_ns;
	sampling->moment_ns = sampling->period_end_ns - sampling->period_ns +
			      (bpf_get_prandom_u32() * sampling->period_ns >> 32);
}

/* Since when the thread is known to be on this CPU. */
static __always_inline __u64 on_cpu_since(const struct twofold_task *task, __u64 now_ns)
{
	return task->since_ns && task->state == TWOFOLD_ON_CPU ? task->since_ns : now_ns;
}

/*
 * How many samples this tick is to take, mostly none; `task` NULL: what runs is not in scope, and
 * nothing is known of it.
 */
static __always_inline __u32 due_samples(const struct twofold_task *task, __u64 before_ns,
					 struct twofold_sampling *sampling, __u64 now_ns)
{
	__u64 begin_ns = now_ns - sampling->tick_period_ns;
	__u32 due = 0;

	if (task && begin_ns > on_cpu_since(task, now_ns))
		begin_ns = on_cpu_since(task, now_ns);
	if (begin_ns < before_ns)
		begin_ns = before_ns;
	for (int i = 0; i < 2 && now_ns >= sampling->moment_ns; i++) {
		due += sampling->moment_ns >= begin_ns;
		draw_moment(sampling, now_ns);
	}
	return due;
}

/* This CPU's sampling where a moment has passed since its last tick. `before_ns`: that tick. */
static __always_inline struct twofold_sampling *passed_moment(__u64 now_ns, __u64 *before_ns)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct twofold_sampling *sampling = bpf_map_lookup_elem(&samplings, &cpu);
	__u64 period_ns;

	if (!sampling)
		return NULL;
	*before_ns = sampling->tick_ns;
	sampling->tick_ns = now_ns;
	/* What an interval's samples stand for is the same for all of them. */
	period_ns = *(volatile __u64 *)&sample_period_ns[sum_of_interval(now_ns) & 1];
	if (sampling->period_ns != period_ns) {
		sampling->period_ns = period_ns;
		sampling->period_end_ns = now_ns;
		draw_moment(sampling, now_ns);
	}
	return now_ns >= sampling->moment_ns ? sampling : NULL;
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_cpu_key key = {};
	struct twofold_stack *scratch;
	struct twofold_task *task;
	struct stack_map stacks;
	struct twofold_cpu_sums *samples;
	__u64 before_ns, now_ns = bpf_ktime_get_ns();
	struct twofold_sampling *sampling = passed_moment(now_ns, &before_ns);
	__u32 slot = 0, due;

	if (!sampling)
		return 0;
	task = bpf_task_storage_get(&tasks, current_task, 0, 0);
	due = due_samples(task, before_ns, sampling, now_ns);
	if (!due || !current_task->pid || is_over)
		return 0;
	scratch = bpf_map_lookup_elem(&cpu_scratch, &slot);
	if (!scratch)
		return 0;
	if (!task) {
		if (scope_all)
			count_loss(TWOFOLD_SOURCE_CPU, TWOFOLD_LOSS_TASK_STORAGE_FAILED, due,
				   due * sampling->period_ns);
		return 0;
	}
	key.thread = task->thread;
	stacks = stacks_in_use(&cpu_stacks_sets, TWOFOLD_SET_CPU_STACKS, TWOFOLD_SOURCE_CPU);
	interrupted_stacks(ctx, current_task, &stacks, scratch, &key.kernel_stack, &key.user_stack);
	samples = find_row(&cpu_rows_sets, TWOFOLD_SET_CPU_ROWS, TWOFOLD_SOURCE_CPU, &key, due,
			   due * sampling->period_ns);
	if (!samples)
		return 0;
	__sync_fetch_and_add(&samples->of[sum_of_interval(now_ns)], due);
	return 0;
}

#endif
