/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stacks under a hash of their content. Not BPF_MAP_TYPE_STACK_TRACE: that map has one slot per
 * hash bucket and gives up, or overwrites, where two stacks meet. Here a stack that is stored
 * stays, and a full map is a counted loss.
 */
#ifndef TWOFOLD_STACKS_BPF_H
#define TWOFOLD_STACKS_BPF_H

#include "losses.bpf.h"

/* murmur3's 64-bit mixing, a word at a time: 64 bits keep chance collisions at 3e-8 for a million
 * stacks. */
static __always_inline __u64 rotate_left(__u64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static __always_inline __u64 hash_frames(const struct twofold_stack *stack)
{
	__u64 hash = 0x9e3779b97f4a7c15ULL ^ stack->nframes;

	for (int i = 0; i < TWOFOLD_MAX_FRAMES; i++) {
		__u64 word;

		if (i >= stack->nframes)
			break;
		word = stack->frames[i] * 0x87c37b91114253d5ULL;
		word = rotate_left(word, 31) * 0x4cf5ad432745937fULL;
		hash = rotate_left(hash ^ word, 27) * 5 + 0x52dce729;
	}
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	hash ^= hash >> 33;
	return hash < TWOFOLD_FIRST_STACK_HASH ? hash + TWOFOLD_FIRST_STACK_HASH : hash;
}

/*
 * Stores the frames that `bytes` (a helper's return value) says are in the scratch, and returns the
 * stack's name. `failed_cause` is counted when the helper gave none.
 */
static __always_inline __u64 store_stack(void *map, struct twofold_stack *scratch, long bytes,
					 __u32 source, __u32 failed_cause)
{
	__u64 hash;
	long err;

	if (bytes <= 0) {
		count_loss(source, failed_cause, 1, 0);
		return TWOFOLD_STACK_UNREADABLE;
	}
	scratch->nframes = (__u32)bytes / sizeof(__u64);
	scratch->padding = 0;
	hash = hash_frames(scratch);
	if (bpf_map_lookup_elem(map, &hash))
		return hash;
	err = bpf_map_update_elem(map, &hash, scratch, BPF_NOEXIST);
	if (!err || err == -EEXIST)
		return hash;
	if (err == -E2BIG || err == -ENOMEM) {
		count_loss(source, TWOFOLD_LOSS_STACK_MAP_FULL, 1, 0);
		return TWOFOLD_STACK_MAP_FULL;
	}
	count_loss(source, TWOFOLD_LOSS_MAP_BUSY, 1, 0);
	return TWOFOLD_STACK_MAP_BUSY;
}

#endif
