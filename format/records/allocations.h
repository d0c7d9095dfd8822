// Memory by the stack that allocated it: tables AllocationRows and OutstandingRows.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

// What hands out memory.
enum class AllocationKind : uint8_t {
  kOther = 0,    // a kind of a newer version
  kMalloc = 1,   // a user allocator: malloc, calloc, realloc, memalign, operator new ...
  kMmap = 2,     // mmap, called by the program
  kKmalloc = 3,  // the kernel's kmalloc
  kSlab = 4,     // one of the kernel's object caches (kmem_cache_alloc)
  kPages = 5,    // the kernel's page allocator, which the two before get their memory from
};

// Rows of memory hold estimates. An allocation of s bytes that has at least B bytes
// (Settings::leak_sample_bytes) is kept for certain and counts as what it is; a smaller one is kept
// with probability s / B and stands for B bytes and B / s allocations. Its free counts as much as
// it did. So expected values are the true ones whatever B is.

// Memory of one stack in an interval. Over all intervals allocated less freed less untracked is
// what is outstanding.
struct AllocationRow {
  AllocationKind kind = AllocationKind::kOther;
  ThreadId thread;  // that allocated it
  StackId kernel_stack;
  StackId user_stack;
  uint64_t allocated_bytes = 0;
  uint64_t allocated_count = 0;
  uint64_t samples = 0;      // allocations that were kept
  uint64_t freed_bytes = 0;  // of what was allocated since the recording began, whoever freed it
  uint64_t freed_count = 0;
  uint64_t untracked_bytes = 0;  // the part of allocated_bytes that found no room in the table of
                                 // outstanding allocations: whether it was freed is not known
  uint64_t untracked_count = 0;

  friend bool operator==(const AllocationRow&, const AllocationRow&) = default;
};

template <>
struct RowKind<AllocationRow> : RowKindDefaults {
  static constexpr const char* kTable = "allocations";
  static constexpr const char* kRow = "a memory row";
  static constexpr std::tuple kFields = {
      field::Key("kind", &AllocationRow::kind, field::UpTo<AllocationKind::kPages>),
      field::Reference("thread", &AllocationRow::thread),
      field::Reference("kernel_stack", &AllocationRow::kernel_stack),
      field::Reference("user_stack", &AllocationRow::user_stack),
      field::Sum("allocated_bytes", &AllocationRow::allocated_bytes),
      field::Sum("allocated_count", &AllocationRow::allocated_count),
      field::Sum("samples", &AllocationRow::samples),
      field::Sum("freed_bytes", &AllocationRow::freed_bytes),
      field::Sum("freed_count", &AllocationRow::freed_count),
      field::Sum("untracked_bytes", &AllocationRow::untracked_bytes),
      field::Sum("untracked_count", &AllocationRow::untracked_count),
  };
};

constexpr uint8_t kMaxAge = 63;

// What was allocated since the recording began and is not freed when the interval ends.
struct OutstandingRow {
  AllocationKind kind = AllocationKind::kOther;
  ThreadId thread;
  StackId kernel_stack;
  StackId user_stack;
  uint8_t age = 0;  // 0: younger than Settings::leak_age_ns; n: from 2^(n-1) up to below 2^n times
                    // that
  uint64_t bytes = 0;
  uint64_t count = 0;
  uint64_t samples = 0;          // allocations that were kept
  uint64_t variance_bytes2 = 0;  // unbiased estimate of the variance of bytes: the sum of B x (B -
                                 // s) over those that were kept by chance

  friend bool operator==(const OutstandingRow&, const OutstandingRow&) = default;
};

template <>
struct RowKind<OutstandingRow> : RowKindDefaults {
  static constexpr const char* kTable = "outstanding memory";
  static constexpr const char* kRow = "a memory row";
  static constexpr const char* kAddUp = "adds up";
  static constexpr std::tuple kFields = {
      field::Key("kind", &OutstandingRow::kind, field::UpTo<AllocationKind::kPages>),
      field::Reference("thread", &OutstandingRow::thread),
      field::Reference("kernel_stack", &OutstandingRow::kernel_stack),
      field::Reference("user_stack", &OutstandingRow::user_stack),
      field::Key("age", &OutstandingRow::age),
      field::Sum("bytes", &OutstandingRow::bytes),
      field::Sum("count", &OutstandingRow::count),
      field::Sum("samples", &OutstandingRow::samples),
      field::Sum("variance_bytes2", &OutstandingRow::variance_bytes2),
  };
  static constexpr const char* FindFault(const OutstandingRow& row) {
    return row.age > kMaxAge ? "the age of memory is out of range" : nullptr;
  }
};

}  // namespace twofold
