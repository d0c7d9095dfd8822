// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Tries one guess of where the direct map is: does it lead to bytes that the recorder has put at an
 * address of its own? Run by recorder/host/direct_map.cc before a recording, and unloaded before
 * it.
 */
#include "bpf/kernel/types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/abi/direct_map_abi.h"

#define COOKIE_BYTES 16

/* Written by the recorder before each run. */
struct twofold_direct_map direct_map;
__u64 cookie_address; /* does not cross a page */
__u8 cookie[COOKIE_BYTES];

/* Written by the run. */
__u64 top_table;
__u32 found;
__u32 tells_registers; /* of threads that sleep: since 5.15 */

#include "bpf/kernel/direct_map.bpf.h"

static __always_inline int try_guess(const bool by_load)
{
	struct process_memory memory = {.page = NO_PAGE};
	struct task_struct *task = (void *)bpf_get_current_task();
#ifdef __TARGET_ARCH_x86
	__u64 bytes[COOKIE_BYTES / 8], wanted[COOKIE_BYTES / 8];
#endif

	found = 0;
	tells_registers = bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs);
	memory.top_table = (__u64)BPF_CORE_READ(task, mm, pgd);
	top_table = memory.top_table;
#ifdef __TARGET_ARCH_x86
	if (find_page(&memory, cookie_address, by_load))
		return 0;
	if (read_two_words(bytes, memory.page_start + (cookie_address & (PAGE_BYTES - 1)), by_load))
		return 0;
	if (recheck_page(&memory, by_load))
		return 0;
	__builtin_memcpy(wanted, cookie, sizeof(wanted));
	found = bytes[0] == wanted[0] && bytes[1] == wanted[1];
#endif
	return 0;
}

SEC("raw_tp")
int try_direct_map(void *ctx)
{
	(void)ctx;
	return try_guess(false);
}

/* Not on every kernel. */
SEC("raw_tp")
int try_loads(void *ctx)
{
	(void)ctx;
	return try_guess(true);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
