/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Time in interrupts, hard and soft: by CPU, number and handler, and how much of each thread's time
 * on a CPU they took.
 *
 * Handlers of hard interrupts run with interrupts off, so on a CPU they come one after the other,
 * also in the middle of a soft interrupt, whose time theirs is not. Soft interrupts of a CPU come
 * one after the other, too. A soft interrupt takes the time of the thread that is on the CPU even
 * if that thread runs it itself, as ksoftirqd does. With PREEMPT_RT a thread runs each of them, and
 * what preempts the thread counts as the interrupt's.
 *
 * Not loaded unless the recorder asks for it.
 */
#ifndef TWOFOLD_SOURCES_IRQ_BPF_H
#define TWOFOLD_SOURCES_IRQ_BPF_H

#include "bpf/abi/irq_abi.h"
#include "bpf/kernel/types.h"
#include "bpf/store/map_sets.bpf.h"
#include "bpf/threads/accounts.bpf.h"
#include "bpf/threads/task.bpf.h"

struct irqaction {
	const char *name;
} __attribute__((preserve_access_index));

TWOFOLD_MAP_SET(irq_rows, struct twofold_irq_key, struct twofold_irq_sums);

/* What a CPU is in the middle of. */
struct interrupts {
	__u64 hard_since_ns; /* 0: in none */
	__u64 soft_since_ns; /* 0: in none */
	__u64 hard_in_soft_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct interrupts);
} interrupts SEC(".maps");

static __always_inline struct interrupts *own_interrupts(void)
{
	__u32 slot = 0;

	return bpf_map_lookup_elem(&interrupts, &slot);
}

static __always_inline void add_interrupt(const struct twofold_irq_key *key, __u64 length_ns,
					  __u64 now_ns)
{
	struct twofold_irq_value *value;
	struct twofold_irq_sums *sums;
	__u64 start_ns;

	sums = find_row(&irq_rows_sets, TWOFOLD_SET_IRQ_ROWS, TWOFOLD_SOURCE_IRQ, key, 1,
			length_ns);
	if (!sums)
		return;
	start_ns = interval_start(now_ns);
	value = &sums->of[sum_of_interval(now_ns)];
	__sync_fetch_and_add(&value->time_ns, length_ns);
	__sync_fetch_and_add(&value->count, 1);
	/* The sum is used in every other interval: what is longest there is of an older one. */
	if (value->longest_start_ns != start_ns) {
		value->longest_start_ns = start_ns;
		value->longest_ns = 0;
	}
	if (length_ns > value->longest_ns)
		value->longest_ns = length_ns;
}

/* The time is that of the thread on this CPU, too, if it is followed. */
static __always_inline void add_to_thread(enum twofold_irq_kind kind, __u64 length_ns, __u64 now_ns)
{
	struct task_struct *current_task = bpf_get_current_task_btf();
	struct twofold_irq_key key = {.kind = kind};
	struct twofold_task *task;

	if (!current_task->pid)
		return;
	task = bpf_task_storage_get(&tasks, current_task, 0, 0);
	/* Without a row of the thread table it has no name. */
	if (!task || !task->thread)
		return;
	key.thread = task->thread;
	add_interrupt(&key, length_ns, now_ns);
}

SEC("?tp_btf/irq_handler_entry")
int hard_interrupt_begins(void *ctx)
{
	struct interrupts *own = own_interrupts();

	(void)ctx;
	if (own && !is_over)
		own->hard_since_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("?tp_btf/irq_handler_exit")
int BPF_PROG(hard_interrupt_ends, int number, struct irqaction *action)
{
	struct twofold_irq_key key = {
		.kind = TWOFOLD_IRQ_HARD,
		.cpu = bpf_get_smp_processor_id(),
		.number = number,
	};
	struct interrupts *own = own_interrupts();
	__u64 now_ns, length_ns;

	if (!own || !own->hard_since_ns)
		return 0;
	now_ns = bpf_ktime_get_ns();
	length_ns = now_ns - own->hard_since_ns;
	own->hard_since_ns = 0;
	own->hard_in_soft_ns += length_ns;
	if (is_over)
		return 0;
	bpf_probe_read_kernel_str(key.handler, sizeof(key.handler), BPF_CORE_READ(action, name));
	add_interrupt(&key, length_ns, now_ns);
	add_to_thread(TWOFOLD_IRQ_HARD, length_ns, now_ns);
	return 0;
}

SEC("?tp_btf/softirq_entry")
int soft_interrupt_begins(void *ctx)
{
	struct interrupts *own = own_interrupts();

	(void)ctx;
	if (!own || is_over)
		return 0;
	own->hard_in_soft_ns = 0;
	own->soft_since_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("?tp_btf/softirq_exit")
int BPF_PROG(soft_interrupt_ends, unsigned int vector)
{
	struct twofold_irq_key key = {
		.kind = TWOFOLD_IRQ_SOFT,
		.cpu = bpf_get_smp_processor_id(),
		.number = vector,
	};
	struct interrupts *own = own_interrupts();
	__u64 now_ns, length_ns, hard_ns;

	if (!own || !own->soft_since_ns)
		return 0;
	now_ns = bpf_ktime_get_ns();
	length_ns = now_ns - own->soft_since_ns;
	hard_ns = own->hard_in_soft_ns;
	own->soft_since_ns = 0;
	if (is_over)
		return 0;
	length_ns = length_ns > hard_ns ? length_ns - hard_ns : 0;
	add_interrupt(&key, length_ns, now_ns);
	add_to_thread(TWOFOLD_IRQ_SOFT, length_ns, now_ns);
	return 0;
}

#endif
