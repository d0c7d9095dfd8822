/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stacks under a hash of their content. Not BPF_MAP_TYPE_STACK_TRACE: that map has one slot per
 * hash bucket and gives up, or overwrites, where two stacks meet. Here a stack that is stored
 * stays, and a full map is a counted loss.
 */
#ifndef TWOFOLD_STORE_STACKS_BPF_H
#define TWOFOLD_STORE_STACKS_BPF_H

#include "bpf/abi/stacks_abi.h"
#include "bpf/kernel/task_state.bpf.h"
#include "bpf/kernel/user_stack.bpf.h"
#include "bpf/store/map_sets.bpf.h"

/* murmur3's 64-bit mixing, a word at a time: 64 bits keep chance collisions at 3e-8 for a million
 * stacks. */
static __always_inline __u64 rotate_left(__u64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	word *= 0x87c37b91114253d5ULL;
	word = rotate_left(word, 31) * 0x4cf5ad432745937fULL;
	return rotate_left(hash ^ word, 27) * 5 + 0x52dce729;
}

/* Ends a hash; never one of the small numbers that say why there is none. */
static __always_inline __u64 finish_hash(__u64 hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	hash ^= hash >> 33;
	return hash < TWOFOLD_FIRST_STACK_HASH ? hash + TWOFOLD_FIRST_STACK_HASH : hash;
}

/* A global function: the verifier looks at it once, not for every stack that is stored. */
__noinline __u64 hash_frames(const struct twofold_stack *stack)
{
	__u64 hash;
	__u32 frames;

	if (!stack)
		return 0;
	hash = 0x9e3779b97f4a7c15ULL ^ stack->nframes;
	frames = stack->nframes & ~TWOFOLD_FRAMES_CUT;
	for (int i = 0; i < TWOFOLD_MAX_FRAMES; i++) {
		if (i >= frames)
			break;
		hash = mix(hash, stack->frames[i]);
	}
	return finish_hash(hash);
}

/* Which number says that a stack was lost for this cause. */
static __always_inline __u64 lost_stack(__u32 cause)
{
	switch (cause) {
	case TWOFOLD_LOSS_INSERTS_CAPPED:
		return TWOFOLD_STACK_CAPPED;
	case TWOFOLD_LOSS_STACK_MAP_FULL:
		return TWOFOLD_STACK_MAP_FULL;
	default:
		return TWOFOLD_STACK_MAP_BUSY;
	}
}

/*
 * Where the call before a return address goes to, relative to that address; 0: not known. Only for
 * direct calls, whose target is in the instruction.
 */
static __always_inline __s32 called_from(__u64 return_address)
{
#if defined(__TARGET_ARCH_x86)
	struct {
		__u8 opcode;
		__s32 displacement;
	} __attribute__((packed)) call;

	if (bpf_probe_read_kernel(&call, sizeof(call), (void *)(return_address - sizeof(call))))
		return 0;
	return call.opcode == 0xe8 ? call.displacement : 0;
#elif defined(__TARGET_ARCH_arm64)
	__u32 call;

	if (bpf_probe_read_kernel(&call, sizeof(call), (void *)(return_address - sizeof(call))))
		return 0;
	if (call >> 26 != 0x25) /* bl */
		return 0;
	return ((__s32)(call << 6) >> 4) - 4;
#else
	return 0;
#endif
}

/* Where a source keeps its stacks. */
struct stack_map {
	void *map; /* the one in use */
	enum twofold_map_set set;
	enum twofold_loss_source source;
};

static __always_inline struct stack_map stacks_in_use(void *places, enum twofold_map_set set,
						      enum twofold_loss_source source)
{
	return (struct stack_map){.map = map_in_use(places, set), .set = set, .source = source};
}

/*
 * Stores the frames that `bytes` (a helper's return value) says are in the scratch, and returns the
 * stack's name. `failed_cause` is counted when the helper gave none. `asleep`: the kernel stack of
 * a thread that does not run.
 */
static __always_inline __u64 store_stack(const struct stack_map *stacks,
					 struct twofold_stack *scratch, long bytes, bool asleep,
					 enum twofold_loss_cause failed_cause)
{
	__u32 cause;
	__u64 hash;

	if (bytes <= 0) {
		count_loss(stacks->source, failed_cause, 1, 0);
		return TWOFOLD_STACK_UNREADABLE;
	}
	scratch->nframes = (__u32)bytes / sizeof(__u64);
	/* Only a walk of our own says that. */
	if (bytes & USER_STACK_CUT)
		scratch->nframes |= TWOFOLD_FRAMES_CUT;
	hash = hash_frames(scratch);
	if (!stacks->map)
		return TWOFOLD_STACK_MAP_BUSY;
	if (bpf_map_lookup_elem(stacks->map, &hash))
		return hash;
	scratch->called = asleep ? called_from(scratch->frames[0]) : 0;
	cause = insert_once(stacks->map, stacks->set, &hash, scratch);
	if (!cause)
		return hash;
	if (cause == TWOFOLD_LOSS_ROW_MAP_FULL)
		cause = TWOFOLD_LOSS_STACK_MAP_FULL;
	count_loss(stacks->source, cause, 1, 0);
	return lost_stack(cause);
}

/* The user stack of the current thread, which has one. */
static __always_inline __u64 own_user_stack(void *ctx, const struct stack_map *stacks,
					    struct twofold_stack *scratch)
{
	long bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), BPF_F_USER_STACK);

	return store_stack(stacks, scratch, bytes, false, TWOFOLD_LOSS_USER_STACK_FAILED);
}

/* The stacks of the current thread, where an interrupt looks at it. */
static __always_inline void interrupted_stacks(void *ctx, struct task_struct *current_task,
					       const struct stack_map *stacks,
					       struct twofold_stack *scratch, __u64 *kernel_stack,
					       __u64 *user_stack)
{
	/* The first frame of an interrupted kernel is always known, so no frames mean that it was
	 * user mode. */
	long bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);

	if (bytes > 0)
		*kernel_stack = store_stack(stacks, scratch, bytes, false,
					    TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	if (has_user_stack(current_task))
		*user_stack = own_user_stack(ctx, stacks, scratch);
}

#endif
