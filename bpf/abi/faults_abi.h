/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Page faults by stack. */
#ifndef TWOFOLD_ABI_FAULTS_H
#define TWOFOLD_ABI_FAULTS_H

#include "bpf/abi/base_abi.h"

enum twofold_fault_kind { /* PageFaultKind of format/capture.h */
			  TWOFOLD_FAULT_MINOR = 1,
			  TWOFOLD_FAULT_MAJOR = 2,
};

/* Rows of page faults. Values only grow. */
struct twofold_fault_key {
	__u64 kernel_stack; /* TWOFOLD_STACK_NONE: it came in user mode */
	__u64 user_stack;
	__u32 thread;
	__u32 kind; /* enum twofold_fault_kind */
};
TWOFOLD_ASSERT(sizeof(struct twofold_fault_key) == 24);

struct twofold_fault_value {
	__u64 pages; /* sum of the samples' periods: a fault is of one page */
	__u64 samples;
	__u64 variance_pages2; /* of pages: sum of period x (period - 1) */
};
TWOFOLD_ASSERT(sizeof(struct twofold_fault_value) == 24);

struct twofold_fault_sums {
	struct twofold_fault_value of[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_fault_sums) == 48);

#endif
