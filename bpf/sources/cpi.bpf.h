/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Hardware events by stack: where a CPU's counter of cycles or of instructions has counted its
 * period, this looks at what runs. Both events share rows, so that cycles per instruction can be
 * had for any of them.
 *
 * The interrupt of a counter can come in the middle of any other program here, also of the sampler:
 * maps and scratch of its own. The two events do not interrupt each other.
 */
#ifndef TWOFOLD_SOURCES_CPI_BPF_H
#define TWOFOLD_SOURCES_CPI_BPF_H

#include "bpf/abi/cpi_abi.h"
#include "bpf/sources/current.bpf.h"

TWOFOLD_MAP_SET(cpi_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(cpi_rows, struct twofold_cpu_key, struct twofold_cpi_sums);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_stack);
} cpi_scratch SEC(".maps");

/* The row of what runs, in this interval, made if need be; NULL: it could not be, which is counted.
 */
static __always_inline struct twofold_cpi_value *row_of_current(struct bpf_perf_event_data *ctx)
{
	struct twofold_cpi_sums *sums;
	struct twofold_cpu_key key = {};
	struct stack_map stacks =
		stacks_in_use(&cpi_stacks_sets, TWOFOLD_SET_CPI_STACKS, TWOFOLD_SOURCE_CPI);

	if (!place_of_current(ctx, &stacks, &cpi_scratch, 1, &key))
		return NULL;
	sums = find_row(&cpi_rows_sets, TWOFOLD_SET_CPI_ROWS, TWOFOLD_SOURCE_CPI, &key, 1, 0);
	if (!sums)
		return NULL;
	return &sums->of[sum_of_interval(bpf_ktime_get_ns())];
}

SEC("perf_event")
int sample_cycles(struct bpf_perf_event_data *ctx)
{
	struct twofold_cpi_value *value = row_of_current(ctx);

	if (!value)
		return 0;
	__sync_fetch_and_add(&value->cycles, ctx->sample_period);
	__sync_fetch_and_add(&value->cycle_samples, 1);
	return 0;
}

SEC("perf_event")
int sample_instructions(struct bpf_perf_event_data *ctx)
{
	struct twofold_cpi_value *value = row_of_current(ctx);

	if (!value)
		return 0;
	__sync_fetch_and_add(&value->instructions, ctx->sample_period);
	__sync_fetch_and_add(&value->instruction_samples, 1);
	return 0;
}

#endif
