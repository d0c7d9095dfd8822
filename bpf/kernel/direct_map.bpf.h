/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads the memory of a process that is not running, through its page tables and the kernel's map
 * of all memory (the direct map), as the processor would; x86-64 only. Nothing here faults, sleeps
 * or takes a lock: what cannot be read is an error.
 *
 * The tables may change while they are read. Who reads asks again afterwards, by recheck_page(),
 * whether the page is still where it was; only then what was read counts.
 *
 * The including file defines `direct_map`: constant where speed matters.
 *
 * Memory is read in one of two ways, `by_load` says which: by the helper bpf_probe_read_kernel, or
 * by plain loads, with which a walk takes less than half the time: the kernel's bpf_rdonly_cast
 * lets a program load from any address, and the load gives 0 where there is nothing. A program that
 * contains such a cast does not load before 5.16, and must not reach it where direct_map.can_load
 * is 0.
 */
#ifndef TWOFOLD_KERNEL_DIRECT_MAP_BPF_H
#define TWOFOLD_KERNEL_DIRECT_MAP_BPF_H

#include "bpf/abi/direct_map_abi.h"
#include "bpf/kernel/types.h"

/* arch/x86/include/asm/pgtable_types.h */
#define PAGE_ENTRY_PRESENT   0x001
#define PAGE_ENTRY_HUGE	     0x080 /* in the levels above the last one */
#define PAGE_ENTRY_PROT_NONE 0x100 /* when not present: there, but nobody may access it */

#define PAGE_BYTES 4096
/* Firmware and devices, not memory; no process's pages are there. */
#define LOW_MEMORY_BYTES 0x100000

enum page_error {
	PAGE_NOT_THERE = 1, /* nothing is mapped at the address */
	PAGE_UNREADABLE =
		2, /* something is, or was a moment ago: swapped out, on the move, no memory */
};

#define NO_PAGE 1 /* no address of a page */

/* A process, and the page of it that was read last. */
struct process_memory {
	__u64 top_table;  /* kernel address */
	__u64 page;	  /* address in the process, without the offset in the page, or NO_PAGE */
	__u64 page_start; /* kernel address of the page */
	__u64 entry_at;	  /* kernel address of the page table entry that says so */
	__u64 entry;
};

/* A type of the kernel that is two words. */
struct timespec64___words {
	__u64 tv_sec;
	__u64 tv_nsec;
} __attribute__((preserve_access_index));

extern void *bpf_rdonly_cast(void *object, __u32 type) __ksym __weak;

/* Reads one word of the kernel's memory; not 0 where it cannot be read. */
static __always_inline int read_word(__u64 *word, __u64 at, const bool by_load)
{
	const struct timespec64___words *words;

	if (!by_load)
		return bpf_probe_read_kernel(word, sizeof(*word), (const void *)at);
	words = bpf_rdonly_cast((void *)at, bpf_core_type_id_kernel(struct timespec64___words));
	*word = words->tv_sec;
	return 0;
}

/* Reads two words. What loads say of nothing is asked for again: it could be what is there. */
static __always_inline int read_two_words(__u64 words[2], __u64 at, const bool by_load)
{
	const struct timespec64___words *cast;

	if (by_load) {
		cast = bpf_rdonly_cast((void *)at,
				       bpf_core_type_id_kernel(struct timespec64___words));
		words[0] = cast->tv_sec;
		words[1] = cast->tv_nsec;
		if (words[0] | words[1])
			return 0;
	}
	return bpf_probe_read_kernel(words, 2 * sizeof(*words), (const void *)at);
}

/*
 * The physical address and the flags of an entry. A page that is there without access has its frame
 * number inverted (arch/x86/include/asm/pgtable-invert.h), so has a huge page that is being split.
 */
static __always_inline __u64 decode_entry(__u64 entry, bool last_levels)
{
	if (entry & PAGE_ENTRY_PRESENT)
		return entry;
	if (last_levels && (entry & (PAGE_ENTRY_PROT_NONE | PAGE_ENTRY_HUGE)))
		return (entry ^ direct_map.frame_mask) | PAGE_ENTRY_PRESENT;
	return 0;
}

/* The kernel address of physical memory, 0 when there is no such memory. */
static __always_inline __u64 physical_memory(__u64 physical)
{
	if (physical < LOW_MEMORY_BYTES || physical >= direct_map.end_bytes)
		return 0;
	return direct_map.base + physical;
}

/* 0 when the page still is where find_page() found it. */
static __always_inline int recheck_page(struct process_memory *memory, const bool by_load)
{
	const __u64 matters =
		direct_map.frame_mask | PAGE_ENTRY_PRESENT | PAGE_ENTRY_PROT_NONE | PAGE_ENTRY_HUGE;
	__u64 entry;

	if (read_word(&entry, memory->entry_at, by_load))
		return PAGE_UNREADABLE;
	return (entry ^ memory->entry) & matters ? PAGE_UNREADABLE : 0;
}

/* Finds where the page of a user address lies; 0 or enum page_error. */
static __always_inline int find_page(struct process_memory *memory, __u64 address,
				     const bool by_load)
{
	__u64 table = memory->top_table;

	if (address >> (direct_map.levels == 5 ? 56 : 47))
		return PAGE_NOT_THERE;
	memory->page = NO_PAGE;
#pragma unroll
	for (int level = 5; level > 0; level--) {
		const int shift = 12 + 9 * (level - 1);
		const __u64 span = 1ULL << shift;
		__u64 entry_at, entry, decoded, physical;

		if (level > direct_map.levels)
			continue;
		entry_at = table + (address >> shift & 511) * sizeof(entry);
		if (read_word(&entry, entry_at, by_load))
			return PAGE_UNREADABLE;
		if (!entry)
			return PAGE_NOT_THERE;
		decoded = decode_entry(entry, level <= 3);
		if (!decoded)
			return PAGE_UNREADABLE;
		physical = decoded & direct_map.frame_mask;
		if (level > 1 && !(level <= 3 && decoded & PAGE_ENTRY_HUGE)) {
			table = physical_memory(physical);
			if (!table)
				return PAGE_UNREADABLE;
			continue;
		}
		/* The lowest bits of a huge page's frame are flags, too. */
		physical = (physical & ~(span - 1)) |
			   (address & (span - 1) & ~(__u64)(PAGE_BYTES - 1));
		memory->page_start = physical_memory(physical);
		if (!memory->page_start)
			return PAGE_UNREADABLE;
		memory->entry_at = entry_at;
		memory->entry = entry;
		memory->page = address & ~(__u64)(PAGE_BYTES - 1);
		return 0;
	}
	return PAGE_UNREADABLE;
}

#endif
