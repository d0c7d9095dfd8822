/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rows of time off the CPU, blocked or waiting for a CPU.
 *
 * Walking stacks is what costs, so it is decided when the length is known: what lasted at least the
 * quantum is kept for certain, shorter parts by chance, in proportion to their length
 * (format/capture.h tells why the sums are right). What goes on at an interval's end is split
 * there: one part for the interval before, and one for the next.
 */
#ifndef TWOFOLD_OFFCPU_ROWS_BPF_H
#define TWOFOLD_OFFCPU_ROWS_BPF_H

#include "bpf/offcpu/walk_budget.bpf.h"
#include "bpf/store/map_sets.bpf.h"

const volatile bool record_offcpu;
const volatile bool user_stack_at_switch_out; /* else it is walked when the block was chosen */
const volatile __u64 min_block_ns;
const volatile __u64 max_block_ns; /* 0: no limit */

TWOFOLD_MAP_SET(offcpu_rows, struct twofold_offcpu_key, struct twofold_offcpu_sums);

struct sleeper_stacks {
	__u64 kernel;
	__u64 user;
};

/* A part of time off the CPU, of which something was chosen. */
struct part {
	__u64 end_ns;
	__u64 length_ns;  /* from the latest boundary on, if it began before that; 0: not chosen */
	__u64 quantum_ns; /* that it was chosen by; 0: certain */
	__u64 before_ns;  /* the same for what lies before the boundary */
	__u64 before_quantum_ns;
	__u64 walk_ns; /* by which the walk of its waker prolonged the block */
	__u64 chain;
	__u32 state;
	/* TWOFOLD_PART_..., of blocks: */
	__u16 flags;
	__u16 before_flags;
};

/*
 * Whether a part that ended at a moment is kept, and by which quantum: 0 when it is certain,
 * because it is long or its stacks are known already.
 */
static __always_inline bool choose(struct twofold_walks *own, __u64 length_ns, __u64 end_ns,
				   bool known, __u64 *chosen_by_ns)
{
	__u64 quantum = present_quantum(own, end_ns);

	*chosen_by_ns = 0;
	if (length_ns >= quantum || known)
		return true;
	*chosen_by_ns = quantum;
	return ((__u64)next_random(own) * quantum) >> 32 < length_ns;
}

/* Fills in the times of a part of time off the CPU: an interval may have ended in the middle of it.
 */
static __always_inline void divide_at_boundary(struct part *part, __u64 since_ns, __u64 end_ns)
{
	__u64 boundary = *(volatile __u64 *)&boundary_ns;

	part->end_ns = end_ns;
	part->before_ns = 0;
	if (since_ns < boundary && boundary < end_ns) {
		part->before_ns = boundary - since_ns;
		part->flags |= TWOFOLD_PART_BEGUN_BEFORE;
		since_ns = boundary;
	}
	/* It happened, so it took some time. */
	part->length_ns = end_ns > since_ns ? end_ns - since_ns : 1;
}

/*
 * Chooses from a time off the CPU that ended. What lies before the latest boundary and what comes
 * after it are chosen each by its own length, for two intervals. `known`: its stacks are. A global
 * function: it is verified once. 0: nothing of it is kept.
 */
__noinline int choose_part(__u64 since_ns, __u64 end_ns, bool known, struct part *part)
{
	struct twofold_walks *own = own_walks();

	if (!part || !own)
		return 0;
	part->before_quantum_ns = 0;
	part->flags = 0;
	divide_at_boundary(part, since_ns, end_ns);
	if (part->before_ns && !choose(own, part->before_ns, since_ns + part->before_ns, known,
				       &part->before_quantum_ns))
		part->before_ns = 0;
	if (!choose(own, part->length_ns, end_ns, known, &part->quantum_ns))
		part->length_ns = 0;
	return part->length_ns || part->before_ns;
}

static __always_inline bool is_recorded_length(__u64 length_ns)
{
	return length_ns >= min_block_ns && (!max_block_ns || length_ns <= max_block_ns);
}

/* A part stands for no more of them in the variance of a count, so that sums stay below 2^63. */
#define MOST_PARTS (1ull << 24)

/*
 * Adds time that was chosen by a quantum to a row's sum of an interval, and time that is certain.
 * `ended`: how many blocks or waits ended with it, 0 or 1.
 */
static __always_inline void add_to_row(const struct twofold_offcpu_key *key, __u32 sum,
				       __u64 length_ns, __u64 quantum, __u64 certain_ns,
				       __u64 ended)
{
	__u64 time_ns = certain_ns + (quantum ? quantum : length_ns);
	struct twofold_offcpu_value *value;
	struct twofold_offcpu_sums *sums;

	/* It stands for quantum / length parts; chance decides on the fraction. */
	if (ended && quantum && length_ns)
		ended = (quantum + bpf_get_prandom_u32() % (__u32)length_ns) / length_ns;
	sums = find_row(&offcpu_rows_sets, TWOFOLD_SET_OFFCPU_ROWS, TWOFOLD_SOURCE_OFFCPU, key,
			ended, time_ns);
	if (!sums)
		return;
	value = &sums->of[sum & 1];
	__sync_fetch_and_add(&value->time_ns, time_ns);
	__sync_fetch_and_add(&value->count, ended);
	__sync_fetch_and_add(&value->samples, 1);
	if (quantum) {
		__sync_fetch_and_add(&value->sampled_ns, quantum);
		__sync_fetch_and_add(&value->variance_us2,
				     quantum / 1000 * ((quantum - length_ns) / 1000));
		__sync_fetch_and_add(&value->quanta_us2, quantum / 1000 * (quantum / 1000));
		if (ended > MOST_PARTS)
			ended = MOST_PARTS;
		if (ended > 1)
			__sync_fetch_and_add(&value->count_variance, ended * (ended - 1));
	}
}

/*
 * Adds what was chosen of a part to the rows of the interval that it ended in, and of the one
 * before. A global function: the verifier looks at it once, not wherever it is called.
 */
__noinline int credit_part(__u32 thread, const struct sleeper_stacks *stacks,
			   const struct part *part, __u64 ended)
{
	struct twofold_offcpu_key key = {};
	__u32 sum;

	if (!stacks || !part)
		return 0;
	key.kernel_stack = stacks->kernel;
	key.user_stack = stacks->user;
	key.thread = thread;
	key.state = part->state;
	sum = sum_of_interval(part->end_ns);
	if (part->before_ns) {
		if (part->state <= TWOFOLD_LAST_BLOCK_STATE)
			key.parts = part->before_flags | TWOFOLD_PART_OPEN_AT_END;
		add_to_row(&key, 1 - sum, part->before_ns, part->before_quantum_ns, 0, 0);
	}
	if (part->length_ns) {
		key.parts = part->state <= TWOFOLD_LAST_BLOCK_STATE ? part->flags : 0;
		key.chain = part->chain;
		add_to_row(&key, sum, part->length_ns, part->quantum_ns, part->walk_ns, ended);
	}
	return 0;
}

#endif
