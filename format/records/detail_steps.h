// What was given up in the interval, so that recording keeps to its limit, and what was taken back:
// table DetailSteps.
#pragma once

#include <cstdint>
#include <tuple>

#include "format/container.h"
#include "format/records/row_fields.h"

namespace twofold {

// What recording can do without, the most dispensable first.
enum class DetailKind : uint8_t {
  kOther = 0,            // of a newer version
  kQuantum = 1,          // T, in nanoseconds
  kWaitStacks = 2,       // stacks of waits for a CPU; 0: none are walked
  kWakers = 3,           // longest chain of wakers; 0: none are walked
  kShortUserStacks = 4,  // nanoseconds; no user stacks of blocks that are shorter
  kSampleRate = 5,       // samples per second and CPU, from the next interval on
  kStacks = 6,           // stacks of blocks and waits; 0: exact times by thread and state alone
  kLimit = 7,  // nothing is left to give up; 1: and the cost is above the limit all the same
};

struct DetailStep {
  uint64_t time_ns = 0;
  DetailKind detail = DetailKind::kOther;
  uint64_t from = 0;
  uint64_t to = 0;
  bool taken_back = false;      // there was room again
  uint32_t cost_permyriad = 0;  // that led to it: hundredths of a per cent of the host's CPU time

  friend bool operator==(const DetailStep&, const DetailStep&) = default;
};

template <>
struct RowKind<DetailStep> : RowKindDefaults {
  static constexpr const char* kTable = "detail steps";
  static constexpr std::tuple kFields = {
      field::Plain("time_ns", &DetailStep::time_ns),
      field::Key("detail", &DetailStep::detail, field::UpTo<DetailKind::kLimit>),
      field::Plain("from", &DetailStep::from),
      field::Plain("to", &DetailStep::to),
      field::Plain("taken_back", &DetailStep::taken_back),
      field::Plain("cost_permyriad", &DetailStep::cost_permyriad),
  };
  static constexpr const char* FindFault(const DetailStep& row) {
    const bool in_range = row.time_ns <= uint64_t(container::kMaxTimeNs);
    return in_range ? nullptr : "the time of a detail step is out of range";
  }
};

}  // namespace twofold
