// Page faults by stack: table PageFaultRows.
#pragma once

#include <cstdint>
#include <tuple>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

enum class PageFaultKind : uint8_t {
  kOther = 0,  // a kind of a newer version
  kMinor = 1,  // the kernel had the page, or made it
  kMajor = 2,  // it waited for a disk or the like
};

// Page faults of a thread with a pair of stacks, by sampling: each sample stands for as many faults
// as lay between it and the sample before on that CPU, its period. A fault is of one page of
// Host::page_bytes, also where the kernel gave more at once.
struct PageFaultRow {
  PageFaultKind kind = PageFaultKind::kOther;
  ThreadId thread;
  StackId kernel_stack;  // 0: they came in user mode
  StackId user_stack;
  uint64_t pages = 0;  // sum of the samples' periods
  uint64_t samples = 0;
  uint64_t variance_pages2 = 0;  // estimate of the variance of pages: the sum of period x (period -
                                 // 1); 0: each fault was sampled, and pages is exact

  friend bool operator==(const PageFaultRow&, const PageFaultRow&) = default;
};

template <>
struct RowKind<PageFaultRow> : RowKindDefaults {
  static constexpr const char* kTable = "page faults";
  static constexpr const char* kRow = "a page fault row";
  static constexpr std::tuple kFields = {
      field::Key("kind", &PageFaultRow::kind, field::UpTo<PageFaultKind::kMajor>),
      field::Reference("thread", &PageFaultRow::thread),
      field::Reference("kernel_stack", &PageFaultRow::kernel_stack),
      field::Reference("user_stack", &PageFaultRow::user_stack),
      field::Sum("pages", &PageFaultRow::pages),
      field::Sum("samples", &PageFaultRow::samples),
      field::Sum("variance_pages2", &PageFaultRow::variance_pages2),
  };
};

}  // namespace twofold
