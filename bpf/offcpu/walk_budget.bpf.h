/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What walks of stacks may cost. The quantum T bounds nothing by itself: n threads that mostly
 * sleep give n / T walks a second. So each CPU raises a T of its own where its walks took more of a
 * period than they may, as often as that comes, and lowers it again when there is room. Parts of
 * blocks are chosen by the T of the moment and know it, so sums stay right on average.
 *
 * Random numbers are the CPU's own, too: the kernel's cost more than all the rest of a choice.
 */
#ifndef TWOFOLD_OFFCPU_WALK_BUDGET_BPF_H
#define TWOFOLD_OFFCPU_WALK_BUDGET_BPF_H

#include "bpf/abi/offcpu_abi.h"
#include "bpf/threads/accounts.bpf.h"

#define WALK_PERIOD_NS 20000000ULL
/* So many are no storm, whatever they cost: walks that come now and then find cold caches. A block
 * has two, its own and its waker's. */
#define FEW_WALKS	   16
#define LARGEST_QUANTUM_NS 1000000000ULL

const volatile __u64 walk_budget_ns; /* of each CPU in a period; 0: walks have no limit */

/* Written by the recorder: parts that last at least so long are kept for certain, unless a CPU has
 * a larger T; 0: all are; TWOFOLD_CHOOSE_NOTHING: none is. */
__u64 quantum_ns;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_walks);
} walks SEC(".maps");

static __always_inline struct twofold_walks *own_walks(void)
{
	__u32 slot = 0;

	return bpf_map_lookup_elem(&walks, &slot);
}

/* xorshift64* (Vigna 2016): its upper half. */
static __always_inline __u32 next_random(struct twofold_walks *own)
{
	__u64 x = own->random;

	if (!x)
		x = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	own->random = x;
	return (x * 0x2545f4914f6cdd1dULL) >> 32;
}

static __always_inline void start_period(struct twofold_walks *own, __u64 now_ns)
{
	own->spent_ns = 0;
	own->made = 0;
	own->period_end_ns = now_ns + WALK_PERIOD_NS;
}

/* A period is over. T is halved for each that took less than half of the budget, or had few
 * walks. */
static __always_inline void begin_period(struct twofold_walks *own, __u64 now_ns)
{
	if (own->quantum_ns && (own->spent_ns < walk_budget_ns / 2 || own->made < FEW_WALKS / 2)) {
		__u64 periods = (now_ns - own->period_end_ns) / WALK_PERIOD_NS + 1;

		own->quantum_ns = periods < 32 ? own->quantum_ns >> periods : 0;
		if (own->quantum_ns <= quantum_ns)
			own->quantum_ns = 0;
	}
	start_period(own, now_ns);
}

/* For Interval::quantum_ns, which the CPU's T may be the largest of. */
static __always_inline void note_largest(struct twofold_walks *own, __u64 end_ns)
{
	__u32 sum = sum_of_interval(end_ns) & 1;
	__u64 start_ns = interval_start(end_ns);

	if (own->interval_start_ns[sum] != start_ns) {
		own->interval_start_ns[sum] = start_ns;
		own->largest_ns[sum] = 0;
	}
	if (own->largest_ns[sum] < own->quantum_ns)
		own->largest_ns[sum] = own->quantum_ns;
}

/* T for a part that ended at a moment. */
static __always_inline __u64 present_quantum(struct twofold_walks *own, __u64 end_ns)
{
	__u64 quantum = *(volatile __u64 *)&quantum_ns;

	if (!walk_budget_ns)
		return quantum;
	if (end_ns >= own->period_end_ns)
		begin_period(own, end_ns);
	if (own->quantum_ns <= quantum)
		return quantum;
	note_largest(own, end_ns);
	return own->quantum_ns;
}

/* Walks took time of the CPU until now. */
static __always_inline void spend(struct twofold_walks *own, __u64 took_ns, __u64 now_ns)
{
	__u64 quantum = *(volatile __u64 *)&quantum_ns;

	if (!walk_budget_ns)
		return;
	own->spent_ns += took_ns;
	own->made++;
	if (own->spent_ns <= walk_budget_ns || own->made <= FEW_WALKS)
		return;
	if (own->quantum_ns > quantum)
		quantum = own->quantum_ns;
	own->quantum_ns = quantum < LARGEST_QUANTUM_NS / 2 ? 2 * quantum : LARGEST_QUANTUM_NS;
	start_period(own, now_ns);
}

#endif
