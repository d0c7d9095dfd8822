// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The programs that run inside the kernel. They add up where the time of every thread in scope
 * went, in cumulative maps: a key once inserted stays and its values only grow, so that the steady
 * state is look-ups and additions. The recorder reads the maps at the end of each interval and
 * keeps the differences.
 */
#include "bpf/kernel/types.h"

#include "bpf/programs/cgroups.bpf.h"
#include "bpf/programs/pass.bpf.h"
#include "bpf/programs/processes.bpf.h"
#include "bpf/programs/switches.bpf.h"
#include "bpf/sources/cpi.bpf.h"
#include "bpf/sources/cpu.bpf.h"
#include "bpf/sources/exec.bpf.h"
#include "bpf/sources/faults.bpf.h"
#include "bpf/sources/irq.bpf.h"
#include "bpf/sources/kernel_memory.bpf.h"
#include "bpf/sources/tcp.bpf.h"
#include "bpf/sources/user_memory.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
