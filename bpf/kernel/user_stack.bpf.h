/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The user stack of a thread that is not running: asleep, about to run, or seen by a pass over all
 * tasks. bpf_get_stack reads the memory of the current process only, so it could take this stack
 * only while the thread went to sleep, before anybody knows for how long. Here it is taken
 * afterwards, if the block turned out to matter.
 *
 * Frames are those that the kernel itself gives (arch/x86/events/core.c: perf_callchain_user): the
 * instruction pointer, then the chain of frame pointers for as long as it can be read. A sleeping
 * thread's registers and stack do not change.
 *
 * Programs that call it load from 5.13 on: before, a global function could not take a pointer.
 * Where nothing tells a sleeper's registers (before 5.15) there is no direct map for us, either.
 */
#ifndef TWOFOLD_KERNEL_USER_STACK_BPF_H
#define TWOFOLD_KERNEL_USER_STACK_BPF_H

#include "bpf/abi/direct_map_abi.h"
#include "bpf/abi/stacks_abi.h"
#include "bpf/kernel/types.h"

/* Written by the recorder before loading; while levels is 0, no stack is walked. */
const volatile struct twofold_direct_map direct_map;

/*
 * In the result of walk_user_stack: the stack went on in memory that could not be read (swapped
 * out, or moved meanwhile). Multiples of 8 are left for whoever divides by a frame's size.
 */
#define USER_STACK_CUT 1

#ifdef __TARGET_ARCH_x86

#include "bpf/kernel/direct_map.bpf.h"

/* arch/x86/include/asm/segment.h; no program's own segments, whose base could be anything. */
#define USER_CODE_SEGMENT_32 0x23
#define USER_CODE_SEGMENT_64 0x33

/* Nothing is ever mapped below (vm.mmap_min_addr), and the oldest frame's pointer mostly is 0. */
#define LOWEST_FRAME_POINTER 4096

/*
 * How far from the stack pointer a page must have been when it is missing now. Pages go for a
 * moment when they are copied, moved or joined; what a program without frame pointers has in the
 * register is elsewhere.
 */
#define NEAR_STACK_BYTES (16 << 20)

struct user_stack_walk {
	struct process_memory memory;
	__u64 stack_pointer;
	__u64 frame_pointer; /* of the frame to read next */
	__u64 return_address;
	__u32 frames;	   /* read so far */
	__u32 good_frames; /* of those, known to be what the thread left there */
	__u32 is_32_bit;
	__u32 error; /* enum page_error of what ended the walk */
};

/*
 * Before another page is read, and at the end: frames of the page that was read last count if it is
 * still where it was.
 */
static __always_inline bool accept_page(struct user_stack_walk *walk, const bool by_load)
{
	if (walk->memory.page != NO_PAGE && recheck_page(&walk->memory, by_load)) {
		walk->error = PAGE_UNREADABLE;
		walk->memory.page = NO_PAGE;
		walk->frames = walk->good_frames;
		return false;
	}
	walk->good_frames = walk->frames;
	return true;
}

/* Kernel address of a user address, 0 with walk->error. */
static __always_inline __u64 locate_page(struct user_stack_walk *walk, __u64 address,
					 const bool by_load)
{
	if ((address & ~(__u64)(PAGE_BYTES - 1)) != walk->memory.page) {
		if (!accept_page(walk, by_load))
			return 0;
		walk->error = find_page(&walk->memory, address, by_load);
		if (walk->error == PAGE_NOT_THERE &&
		    address - walk->stack_pointer < NEAR_STACK_BYTES)
			walk->error = PAGE_UNREADABLE;
		if (walk->error)
			return 0;
	}
	return walk->memory.page_start + (address & (PAGE_BYTES - 1));
}

/* Global functions, here and below: the verifier looks at each once, not wherever it is called. */
__noinline __u64 user_stack_locate(struct user_stack_walk *walk, __u64 address)
{
	return walk ? locate_page(walk, address, false) : 0;
}

__noinline __u64 user_stack_locate_by_loads(struct user_stack_walk *walk, __u64 address)
{
	/* Known to the verifier, which looks at nothing behind it then. */
	if (!direct_map.can_load)
		return 0;
	return walk ? locate_page(walk, address, true) : 0;
}

static __always_inline __u64 locate(struct user_stack_walk *walk, __u64 address, const bool by_load)
{
	return by_load ? user_stack_locate_by_loads(walk, address)
		       : user_stack_locate(walk, address);
}

/* A word that does not cross a page; not 0 with walk->error. */
static __always_inline int read_user_word(struct user_stack_walk *walk, __u64 address, __u64 *word,
					  const bool by_load)
{
	__u64 at = locate(walk, address, by_load);

	if (!at)
		return 1;
	if (read_word(word, at, by_load)) {
		walk->error = PAGE_UNREADABLE;
		return 1;
	}
	return 0;
}

/* Reads the frame at walk->frame_pointer; not 0 where the stack ends. */
static __always_inline int next_frame(struct user_stack_walk *walk, const bool by_load)
{
	__u64 frame[2] = {}, address, at;
	__u32 offset;

	address = walk->frame_pointer;
	offset = address & (PAGE_BYTES - 1);
	if (address < LOWEST_FRAME_POINTER)
		return 1;
	if (walk->is_32_bit) {
		/* A frame that crosses a page would be no frame of a compiler. */
		if (offset > PAGE_BYTES - 8)
			return 1;
		if (read_user_word(walk, address, &frame[0], by_load))
			return 1;
		frame[1] = frame[0] >> 32;
		frame[0] = (__u32)frame[0];
	} else if (offset <= PAGE_BYTES - sizeof(frame)) {
		at = locate(walk, address, by_load);
		if (!at)
			return 1;
		if (read_two_words(frame, at, by_load)) {
			walk->error = PAGE_UNREADABLE;
			return 1;
		}
	} else {
		if (offset != PAGE_BYTES - sizeof(__u64))
			return 1;
		if (read_user_word(walk, address, &frame[0], by_load))
			return 1;
		if (read_user_word(walk, address + sizeof(__u64), &frame[1], by_load))
			return 1;
	}
	walk->frame_pointer = frame[0];
	walk->return_address = frame[1];
	walk->frames++;
	return 0;
}

__noinline int user_stack_next_frame(struct user_stack_walk *walk)
{
	return walk ? next_frame(walk, false) : 1;
}

__noinline int user_stack_next_frame_by_loads(struct user_stack_walk *walk)
{
	if (!direct_map.can_load)
		return 1;
	return walk ? next_frame(walk, true) : 1;
}

static __always_inline int follow_frames(struct user_stack_walk *walk, struct twofold_stack *stack,
					 const bool by_load)
{
	for (__u32 i = 1; i < TWOFOLD_MAX_FRAMES; i++) {
		if (by_load ? user_stack_next_frame_by_loads(walk) : user_stack_next_frame(walk))
			break;
		stack->frames[i] = walk->return_address;
	}
	accept_page(walk, by_load);
	return 0;
}

__noinline int user_stack_follow_frames(struct user_stack_walk *walk, struct twofold_stack *stack)
{
	return walk && stack ? follow_frames(walk, stack, false) : 1;
}

__noinline int user_stack_follow_frames_by_loads(struct user_stack_walk *walk,
						 struct twofold_stack *stack)
{
	if (!direct_map.can_load)
		return 1;
	return walk && stack ? follow_frames(walk, stack, true) : 1;
}

static __always_inline long walk_frames(struct task_struct *task, struct twofold_stack *stack,
					const bool by_load)
{
	struct user_stack_walk walk = {};
	struct pt_regs___x86 *registers;
	struct mm_struct *mm = task->mm;

	/* Before 5.15 nothing tells the registers. */
	if (!direct_map.levels ||
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return -EOPNOTSUPP;
	if (task->flags & (PF_KTHREAD | PF_USER_WORKER) || !mm)
		return 0;
	registers = (struct pt_regs___x86 *)bpf_task_pt_regs(task);
	/* A thread of the kernel that has not become its first program yet. */
	if (!(registers->cs & 3))
		return 0;
	stack->frames[0] = registers->ip;
	walk.frames = 1;
	walk.good_frames = 1;
	walk.memory.page = NO_PAGE;
	walk.memory.top_table = (__u64)mm->pgd;
	walk.stack_pointer = registers->sp;
	walk.frame_pointer = registers->bp;
	if (registers->cs == USER_CODE_SEGMENT_32) {
		walk.is_32_bit = 1;
		walk.frame_pointer = (__u32)walk.frame_pointer;
	} else if (registers->cs != USER_CODE_SEGMENT_64) {
		return sizeof(__u64);
	}
	if (by_load)
		user_stack_follow_frames_by_loads(&walk, stack);
	else
		user_stack_follow_frames(&walk, stack);
	return walk.frames * sizeof(__u64) + (walk.error == PAGE_UNREADABLE ? USER_STACK_CUT : 0);
}

/*
 * Writes the user stack of a thread that does not run, leaf first, into stack->frames (nframes is
 * left alone), and returns the bytes written like bpf_get_stack, plus USER_STACK_CUT; 0 for threads
 * that have no user stack; negative when there is no direct map. The caller makes sure that the
 * thread did not run meanwhile.
 */
static __noinline long walk_user_stack(struct task_struct *task, struct twofold_stack *stack)
{
	return walk_frames(task, stack, false);
}

/*
 * The same in less than half the time where the kernel allows it. For programs that are loaded from
 * 5.16 on only: the kernels before refuse what this contains.
 */
static __noinline long walk_user_stack_by_loads(struct task_struct *task,
						struct twofold_stack *stack)
{
	return direct_map.can_load ? walk_frames(task, stack, true)
				   : walk_frames(task, stack, false);
}

#else

static __noinline long walk_user_stack(struct task_struct *task, struct twofold_stack *stack)
{
	(void)task;
	(void)stack;
	return -EOPNOTSUPP;
}

static __noinline long walk_user_stack_by_loads(struct task_struct *task,
						struct twofold_stack *stack)
{
	return walk_user_stack(task, stack);
}

#endif
#endif
