/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets to the same host. Whoever sends one over loopback or a veth pair delivers it himself: its
 * transmission queues the packet on its own CPU and, as it lets softirqs in again, runs the softirq
 * that hands the packet to the receiver. So the sender wakes the receiver, although the preempt
 * count tells of a softirq.
 *
 * The stack tells such a softirq from others, leaf first:
 *
 *   try_to_wake_up ... tcp_v4_rcv ... process_backlog, net_rx_action,
 *   handle_softirqs, do_softirq, __local_bh_enable_ip, __dev_queue_xmit ... tcp_sendmsg ...
 *
 * A softirq that follows a hardware interrupt has irq_exit there, ksoftirqd has its own loop, and a
 * task that lets softirqs in for another reason has another caller. What no backlog delivers, such
 * as a timer or the packets of a network card, is not the sender's either way. Whose a packet is
 * that another softirq put into the backlog meanwhile, its stack does not tell: it counts as the
 * sender's.
 */
#ifndef TWOFOLD_OFFCPU_SENDERS_BPF_H
#define TWOFOLD_OFFCPU_SENDERS_BPF_H

#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/threads.bpf.h"

#define DELIVERERS	 2
#define TRANSMITTERS	 8
#define MOST_STACK_BYTES 32768 /* THREAD_SIZE with KASAN; else it is half of that */

/* Code ranges of the kernel, from the recorder; where a symbol is missing, empty. */
__u64 deliver_start[DELIVERERS];
__u64 deliver_end[DELIVERERS];
__u64 let_softirqs_in_start;
__u64 let_softirqs_in_end;
__u64 transmit_start[TRANSMITTERS];
__u64 transmit_end[TRANSMITTERS];

/* From the run queue of a CPU to the address of its stack for interrupts, in bytes; 0: not known.
 */
const volatile __s64 interrupt_stack_distance;

static __always_inline bool transmits(__u64 address)
{
	for (int i = 0; i < TRANSMITTERS; i++) {
		if (address >= transmit_start[i] && address < transmit_end[i])
			return true;
	}
	return false;
}

/* How far the two functions may be from each other: addresses of a stack's frames, or its words. */
#define SENDER_FRAMES 3
#define SENDER_WORDS  16

/*
 * Whether __local_bh_enable_ip is among the `within` addresses from `first` on, and a transmission
 * within as many after it. Global functions are verified once.
 */
__noinline bool entered_by_sender(const struct twofold_stack *stack, __u32 first, __u32 count,
				  __u32 within)
{
	bool let_in = false;
	__u32 left = within;

	if (!stack)
		return false;
	for (int i = 0; i < 2 * SENDER_WORDS; i++) {
		__u32 at = first + i;
		__u64 address;

		/* Else clang adds to the address before it looks whether it may. */
		asm volatile("" : "+r"(at));
		if (at >= count || at >= TWOFOLD_MAX_FRAMES || !left)
			return false;
		left--;
		address = stack->frames[at];
		if (!let_in && address >= let_softirqs_in_start && address < let_softirqs_in_end) {
			let_in = true;
			left = within;
		} else if (let_in && transmits(address)) {
			return true;
		}
	}
	return false;
}

/*
 * Whether the sender of a packet runs the softirq, by a kernel stack of `bytes` with the softirq's
 * own frames in the first `softirq_bytes` of it.
 */
__noinline bool is_run_by_sender(const struct twofold_stack *stack, long softirq_bytes, long bytes)
{
	__u32 frames = (__u32)softirq_bytes / sizeof(__u64);

	if (!stack || softirq_bytes <= 0 || bytes <= softirq_bytes)
		return false;
	/* do_softirq lies between; a transmission may have a wrapper. */
	if (!entered_by_sender(stack, frames, (__u32)bytes / sizeof(__u64), SENDER_FRAMES))
		return false;
	for (int i = 0; i < TWOFOLD_MAX_FRAMES; i++) {
		if (i >= frames)
			break;
		for (int j = 0; j < DELIVERERS; j++) {
			if (stack->frames[i] >= deliver_start[j] &&
			    stack->frames[i] < deliver_end[j])
				return true;
		}
	}
	return false;
}

/*
 * The same without a walk, which costs a twentieth: x86-64 leaves a stack pointer of the task at
 * the top of the stack that softirqs run on (arch/x86/include/asm/irq_stack.h), and what called
 * them stands in the first words there. Which handler runs is not looked at: others than that of
 * the sender's packets run in his softirq only when an interrupt came during the transmission.
 */
static __always_inline bool seems_run_by_sender(struct task_struct *current_task, struct rq *rq,
						struct twofold_stack *scratch)
{
	__u64 top = 0, sp = 0;

	if (bpf_probe_read_kernel(&top, sizeof(top), (void *)rq + interrupt_stack_distance) ||
	    bpf_probe_read_kernel(&sp, sizeof(sp), (void *)top))
		return false;
	/* It is old if ksoftirqd runs them, on a stack of its own. */
	if (sp - (__u64)current_task->stack >= MOST_STACK_BYTES)
		return false;
	if (bpf_probe_read_kernel(scratch->frames, 2 * SENDER_WORDS * sizeof(__u64), (void *)sp))
		return false;
	return entered_by_sender(scratch, 0, 2 * SENDER_WORDS, SENDER_WORDS);
}

#endif
