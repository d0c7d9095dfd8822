// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The programs that run inside the kernel. They add up where the time of every thread in scope
 * went, in cumulative maps: a key once inserted stays and its values only grow, so that the steady
 * state is look-ups and additions. The recorder reads the maps at the end of each interval and
 * keeps the differences.
 *
 *   scope.bpf.h     which threads are to be followed
 *   threads.bpf.h   which threads are followed
 *   offcpu.bpf.h    blocked and waiting time by stack
 *   cgroups.bpf.h   threads that are moved from one cgroup to another
 *   wakers.bpf.h    what woke a thread
 *   exemplars.bpf.h the longest single blocks and waits
 *   user_stack.bpf.h user stacks of threads that do not run
 *   exec.bpf.h      executed programs
 *   tcp.bpf.h       packets that TCP sent again
 *   events.bpf.h    single events
 *   sampler.bpf.h   on-CPU time by stack
 *   counters.bpf.h  hardware events by stack
 *   memory.bpf.h    memory by stack: what both scopes share
 *   kernel_memory.bpf.h what the kernel allocates
 *   user_memory.bpf.h what processes allocate
 *   stacks.bpf.h    stacks under a hash of their content
 *   map_sets.bpf.h  maps that come in pairs, and the rationing of new keys
 *   losses.bpf.h    what could not be kept
 */
#include "bpf/kernel/types.h"

#include <asm-generic/errno.h>
#include <asm/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>


#include "bpf/programs/cgroups.bpf.h"
#include "bpf/sources/cpi.bpf.h"
#include "bpf/sources/kernel_memory.bpf.h"
#include "bpf/sources/exec.bpf.h"
#include "bpf/offcpu/offcpu.bpf.h"
#include "bpf/sources/cpu.bpf.h"
#include "bpf/sources/user_memory.bpf.h"
#include "bpf/sources/tcp.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
