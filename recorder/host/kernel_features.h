// Whether the kernel offers single features, found by using them for a moment. Each Error says in a
// few words why it does not.
#pragma once

#include <cstdint>
#include <string>

#include "format/base/result.h"
#include "recorder/host/kernel_btf.h"

namespace twofold {

// Attaches an empty program to a tracepoint, by its type (tp_btf).
Result<void> TryTracepoint(const KernelBtf& types, const std::string& tracepoint);

// Whether the kernel's allocations can be followed: its tracepoints are there, with the arguments
// of 6.1 and later.
Result<void> TryKernelAllocations(const KernelBtf& types);

// Lets an empty program pass over all tasks, and reads its output to the end.
Result<void> TryTaskIterator(const KernelBtf& types);

// The same over all descriptors of all processes.
Result<void> TryDescriptorIterator(const KernelBtf& types);

// Makes a map that holds something for each thread, and one for each socket.
Result<void> TryTaskStorage();
Result<void> TrySocketStorage();

// Makes a ring buffer.
Result<void> TryRingBuffer();

// Lets a hardware event (PERF_COUNT_HW_...) count and sample this process for a moment.
Result<void> TryHardwareEvent(uint64_t event);

// Opens a software event (PERF_COUNT_SW_...) of this process for sampling.
Result<void> TrySoftwareEvent(uint64_t event);

// Opens a probe at a function of this program.
Result<void> TryUprobe();

// The tracepoint at the end of a system call, which takes tracefs.
Result<void> TrySystemCallEnd(const std::string& system_call);

}  // namespace twofold
