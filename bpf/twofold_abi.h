/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the BPF programs and the recorder tell each other: keys and values of the maps. Each source
 * has a header of its own.
 */
#ifndef TWOFOLD_ABI_H
#define TWOFOLD_ABI_H

#include "bpf/abi/accounts_abi.h"
#include "bpf/abi/cpi_abi.h"
#include "bpf/abi/cpu_abi.h"
#include "bpf/abi/exec_abi.h"
#include "bpf/abi/losses_abi.h"
#include "bpf/abi/map_sets_abi.h"
#include "bpf/abi/memory_abi.h"
#include "bpf/abi/offcpu_abi.h"
#include "bpf/abi/stacks_abi.h"
#include "bpf/abi/tcp_abi.h"
#include "bpf/abi/threads_abi.h"

#endif
