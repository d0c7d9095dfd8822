// What kinds are called: in SQL's columns `kind`, in options, and in tables.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "format/capture.h"

namespace twofold {

// By number from 1 on; the last one is for number 0 and for those of newer versions.
constexpr std::string_view kModuleKinds[] = {"user",      "kernel",  "kernel-module", "vdso",
                                             "anonymous", "special", "runtime",       "other"};
constexpr std::string_view kWakerKinds[] = {"task", "hardirq", "softirq", "timer", "other"};
constexpr std::string_view kExemplarKinds[] = {"interruptible", "uninterruptible", "waiting",
                                               "other"};
constexpr std::string_view kAllocationKinds[] = {"malloc", "mmap",  "kmalloc",
                                                 "slab",   "pages", "other"};
constexpr std::string_view kRetransmitKinds[] = {"timeout", "fast",   "probe",
                                                 "syn",     "synack", "other"};

constexpr std::string_view kIrqKinds[] = {"hard", "soft", "other"};
constexpr std::string_view kDetails[] = {
    "quantum",     "wait-stacks", "wakers", "short-user-stacks",
    "sample-rate", "stacks",      "limit",  "other"};
constexpr std::string_view kPageFaultKinds[] = {"minor", "major", "other"};

template <typename Kind, size_t count>
constexpr std::string_view NameIn(const std::string_view (&names)[count], Kind kind) {
  const auto number = size_t(kind);
  return number >= 1 && number < count ? names[number - 1] : names[count - 1];
}

constexpr std::string_view NameOf(ModuleKind kind) { return NameIn(kModuleKinds, kind); }
constexpr std::string_view NameOf(WakerKind kind) { return NameIn(kWakerKinds, kind); }
constexpr std::string_view NameOf(ExemplarKind kind) { return NameIn(kExemplarKinds, kind); }
constexpr std::string_view NameOf(AllocationKind kind) { return NameIn(kAllocationKinds, kind); }
constexpr std::string_view NameOf(RetransmitKind kind) { return NameIn(kRetransmitKinds, kind); }
constexpr std::string_view NameOf(IrqKind kind) { return NameIn(kIrqKinds, kind); }
constexpr std::string_view NameOf(DetailKind detail) { return NameIn(kDetails, detail); }
constexpr std::string_view NameOf(PageFaultKind kind) { return NameIn(kPageFaultKinds, kind); }

static_assert(NameOf(ModuleKind::kRuntime) == "runtime" && NameOf(ModuleKind::kOther) == "other");
static_assert(NameOf(WakerKind::kTimer) == "timer");
static_assert(NameOf(ExemplarKind::kWaiting) == "waiting");
static_assert(NameOf(AllocationKind::kPages) == "pages");
static_assert(NameOf(DetailKind::kLimit) == "limit");
static_assert(NameOf(RetransmitKind::kSynAck) == "synack");

}  // namespace twofold
