/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Memory by stack. */
#ifndef TWOFOLD_ABI_MEMORY_H
#define TWOFOLD_ABI_MEMORY_H

#include "bpf/abi/base_abi.h"

/* Rows of memory: AllocationRow of format/capture.h. Values only grow. */
struct twofold_allocation_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 thread;
	__u32 kind; /* enum twofold_allocation_kind */
};
TWOFOLD_ASSERT(sizeof(struct twofold_allocation_key) == 24);

enum twofold_allocation_kind { /* AllocationKind of format/capture.h */
			       TWOFOLD_ALLOCATION_MALLOC = 1,
			       TWOFOLD_ALLOCATION_MMAP = 2,
			       TWOFOLD_ALLOCATION_KMALLOC = 3,
			       TWOFOLD_ALLOCATION_SLAB = 4,
			       TWOFOLD_ALLOCATION_PAGES = 5,
};

/* What an allocator function takes, and does; the cookie of its probe. */
enum twofold_allocator_function { /* AllocatorFunction of recorder/parser/elf_allocators.h */
				  TWOFOLD_ALLOCATOR_MALLOC = 0,
				  TWOFOLD_ALLOCATOR_CALLOC = 1,
				  TWOFOLD_ALLOCATOR_REALLOC = 2,
				  TWOFOLD_ALLOCATOR_REALLOCARRAY = 3,
				  TWOFOLD_ALLOCATOR_MEMALIGN = 4,
				  TWOFOLD_ALLOCATOR_POSIX_MEMALIGN = 5,
				  TWOFOLD_ALLOCATOR_FREE = 6,
				  TWOFOLD_ALLOCATOR_MMAP = 7,
				  TWOFOLD_ALLOCATOR_MREMAP = 8,
				  TWOFOLD_ALLOCATOR_MUNMAP = 9,
				  TWOFOLD_ALLOCATOR_NEW = 10,
				  TWOFOLD_ALLOCATOR_THROWING_NEW = 11,
};

struct twofold_allocation_value {
	__u64 allocated_bytes;
	__u64 allocated_count;
	__u64 samples;
	__u64 freed_bytes;
	__u64 freed_count;
	__u64 untracked_bytes;
	__u64 untracked_count;
};
TWOFOLD_ASSERT(sizeof(struct twofold_allocation_value) == 56);

/* The table of outstanding allocations that were kept. */
struct twofold_live_key {
	__u64 address;
	__u64 tgid; /* whose address; 0: the kernel's */
};
TWOFOLD_ASSERT(sizeof(struct twofold_live_key) == 16);

struct twofold_live {
	struct twofold_allocation_key row;
	__u64 weight_bytes; /* what it stands for */
	__u64 weight_count;
	__u64 size_bytes; /* its own */
	__u64 time_ns;
};
TWOFOLD_ASSERT(sizeof(struct twofold_live) == 56);

#endif
