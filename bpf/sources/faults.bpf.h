/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Page faults by stack: where the kernel has counted as many of a kind on a CPU as the event's
 * period says, this looks at who had the last of them. The event comes where the page is there
 * again (mm/memory.c: mm_account_fault), with the registers of where it was missing. In user mode
 * that is the user stack alone; where the kernel touched a process's memory, as copy_to_user does,
 * it is the kernel's stack, too.
 *
 * The period follows the faults (recorder/sources/faults/faults_source.cc), so that most faults of
 * a storm cost what counting them costs, and each of a few has its stack.
 *
 * Programs for faults do not come in the middle of each other: nothing that they do waits for a
 * page. But they come in the middle of whatever else the thread does, and interrupts come in the
 * middle of them: maps and scratch of their own.
 */
#ifndef TWOFOLD_SOURCES_FAULTS_BPF_H
#define TWOFOLD_SOURCES_FAULTS_BPF_H

#include "bpf/abi/faults_abi.h"
#include "bpf/sources/current.bpf.h"

TWOFOLD_MAP_SET(faults_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(faults_rows, struct twofold_fault_key, struct twofold_fault_sums);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_stack);
} faults_scratch SEC(".maps");

static __always_inline void sample_fault(struct bpf_perf_event_data *ctx,
					 enum twofold_fault_kind kind)
{
	__u64 period = ctx->sample_period;
	struct twofold_cpu_key place = {};
	struct twofold_fault_key key = {.kind = kind};
	struct twofold_fault_value *value;
	struct twofold_fault_sums *sums;
	struct stack_map stacks = stacks_in_use(&faults_stacks_sets, TWOFOLD_SET_FAULTS_STACKS,
						TWOFOLD_SOURCE_FAULTS);

	if (!place_of_current(ctx, &stacks, &faults_scratch, period, &place))
		return;
	key.kernel_stack = place.kernel_stack;
	key.user_stack = place.user_stack;
	key.thread = place.thread;
	sums = find_row(&faults_rows_sets, TWOFOLD_SET_FAULTS_ROWS, TWOFOLD_SOURCE_FAULTS, &key,
			period, 0);
	if (!sums)
		return;
	value = &sums->of[sum_of_interval(bpf_ktime_get_ns())];
	__sync_fetch_and_add(&value->pages, period);
	__sync_fetch_and_add(&value->samples, 1);
	__sync_fetch_and_add(&value->variance_pages2, period * (period - 1));
}

SEC("perf_event")
int sample_minor_fault(struct bpf_perf_event_data *ctx)
{
	sample_fault(ctx, TWOFOLD_FAULT_MINOR);
	return 0;
}

SEC("perf_event")
int sample_major_fault(struct bpf_perf_event_data *ctx)
{
	sample_fault(ctx, TWOFOLD_FAULT_MAJOR);
	return 0;
}

#endif
