/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the kernel has all memory mapped, and how page tables say where a page lies: found by the
 * recorder with bpf/direct_map.bpf.c, used by bpf/kernel/direct_map.bpf.h.
 */
#ifndef TWOFOLD_ABI_DIRECT_MAP_H
#define TWOFOLD_ABI_DIRECT_MAP_H

#include <linux/types.h>

/* All zero: there is none. */
struct twofold_direct_map {
	__u64 base;	  /* kernel address of physical address 0 */
	__u64 end_bytes;  /* physical address behind the last memory; nothing beyond is ever read */
	__u64 frame_mask; /* the bits of an entry that are the physical address of a page */
	__u32 levels;	  /* of page tables: 4 or 5 */
	__u32 can_load;	  /* not 0: programs may read it by loads, without a helper (since 6.2) */
};

#endif
