// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The programs that run inside the kernel. They add up where the time of every thread in scope
 * went, in cumulative maps: a key once inserted stays and its values only grow, so that the steady
 * state is look-ups and additions. The recorder reads the maps at the end of each interval and
 * keeps the differences.
 *
 *   threads.bpf.h   which threads are followed
 *   blocked.bpf.h   blocked time by stack
 *   sampler.bpf.h   on-CPU time by stack
 *   stacks.bpf.h    stacks under a hash of their content
 *   losses.bpf.h    what could not be kept
 */
#include "kernel_types.h"

#include <asm-generic/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "twofold_abi.h"

#include "blocked.bpf.h"
#include "sampler.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
