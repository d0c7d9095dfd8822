/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stacks under a hash of their content. Not BPF_MAP_TYPE_STACK_TRACE: that map has one slot per
 * hash bucket and gives up, or overwrites, where two stacks meet. Here a stack that is stored
 * stays, and a full map is a counted loss.
 */
#ifndef TWOFOLD_STORE_STACKS_BPF_H
#define TWOFOLD_STORE_STACKS_BPF_H

#include "bpf/abi/stacks_abi.h"
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

static __always_inline enum twofold_map_set set_of_stacks(__u32 source)
{
	switch (source) {
	case TWOFOLD_SOURCE_CPU:
		return TWOFOLD_SET_CPU_STACKS;
	case TWOFOLD_SOURCE_COUNTERS:
		return TWOFOLD_SET_COUNTER_STACKS;
	case TWOFOLD_SOURCE_MEMORY:
		return TWOFOLD_SET_MEMORY_STACKS;
	case TWOFOLD_SOURCE_TCP:
		return TWOFOLD_SET_TCP_STACKS;
	default:
		return TWOFOLD_SET_OFFCPU_STACKS;
	}
}

/*
 * Stores the frames that `bytes` (a helper's return value) says are in the scratch, and returns the
 * stack's name. `failed_cause` is counted when the helper gave none. `asleep`: the kernel stack of
 * a thread that does not run.
 */
static __always_inline __u64 store_stack(void *map, struct twofold_stack *scratch, long bytes,
					 bool asleep, __u32 source, __u32 failed_cause)
{
	__u32 cause;
	__u64 hash;

	if (bytes <= 0) {
		count_loss(source, failed_cause, 1, 0);
		return TWOFOLD_STACK_UNREADABLE;
	}
	scratch->nframes = (__u32)bytes / sizeof(__u64);
	/* Only a walk of our own says that. */
	if (bytes & USER_STACK_CUT)
		scratch->nframes |= TWOFOLD_FRAMES_CUT;
	hash = hash_frames(scratch);
	if (!map)
		return TWOFOLD_STACK_MAP_BUSY;
	if (bpf_map_lookup_elem(map, &hash))
		return hash;
	scratch->called = asleep ? called_from(scratch->frames[0]) : 0;
	cause = insert_once(map, set_of_stacks(source), &hash, scratch);
	if (!cause)
		return hash;
	if (cause == TWOFOLD_LOSS_ROW_MAP_FULL)
		cause = TWOFOLD_LOSS_STACK_MAP_FULL;
	count_loss(source, cause, 1, 0);
	return lost_stack(cause);
}

#endif
