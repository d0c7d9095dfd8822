// The longest single blocks and waits of an interval: table Exemplars.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/container.h"
#include "format/records/blocked_rows.h"
#include "format/records/row_fields.h"

namespace twofold {

// What an exemplar is one of.
enum class ExemplarKind : uint8_t {
  kOther = 0,            // a kind of a newer version
  kInterruptible = 1,    // blocks in state S, and all that are not of the next kind
  kUninterruptible = 2,  // blocks in state D
  kWaiting = 3,          // waits for a CPU
};

// One of the longest single blocks, or waits for a CPU, of those of its kind that ended in an
// interval or were still going on when the recording ended.
struct Exemplar {
  ExemplarKind kind = ExemplarKind::kOther;
  ThreadId thread;
  BlockState state = BlockState::kOther;  // of blocks
  bool preempted = false;                 // of waits
  bool open = false;                      // still going on at end_ns, when the recording ended
  uint64_t start_ns = 0;                  // 0: it may have begun before the window
  uint64_t end_ns = 0;  // when the thread was woken; of waits: when it got its CPU
  uint32_t cpu = 0;     // that the thread went on on
  StackId kernel_stack;
  StackId user_stack;
  ChainId chain;  // of blocks

  friend bool operator==(const Exemplar&, const Exemplar&) = default;
};

template <>
struct RowKind<Exemplar> : RowKindDefaults {
  // Two members in one column. Bits of newer versions are left out.
  struct FlagsField {
    static constexpr field::Role kRole = field::Role::kPlain;
    static constexpr uint8_t kPreempted = 1;
    static constexpr uint8_t kOpen = 2;

    constexpr uint64_t Get(const Exemplar& row) const {
      return (row.preempted ? kPreempted : 0) | (row.open ? kOpen : 0);
    }
    constexpr void Set(Exemplar& row, uint64_t number) const {
      row.preempted = (number & kPreempted) != 0;
      row.open = (number & kOpen) != 0;
    }

    const char* column;
  };

  static constexpr const char* kTable = "exemplars";
  static constexpr const char* kRow = "an exemplar";
  static constexpr std::tuple kFields = {
      field::Key("kind", &Exemplar::kind, field::UpTo<ExemplarKind::kWaiting>),
      field::Reference("thread", &Exemplar::thread),
      field::Key("state", &Exemplar::state, KnownBlockState),
      FlagsField{"flags"},
      field::Plain("start_ns", &Exemplar::start_ns),
      field::Plain("end_ns", &Exemplar::end_ns),
      field::Plain("cpu", &Exemplar::cpu),
      field::Reference("kernel_stack", &Exemplar::kernel_stack),
      field::Reference("user_stack", &Exemplar::user_stack),
      field::Reference("chain", &Exemplar::chain),
  };
  static constexpr const char* FindFault(const Exemplar& row) {
    const bool in_order =
        row.start_ns <= row.end_ns && row.end_ns <= uint64_t(container::kMaxTimeNs);
    return in_order ? nullptr : "an exemplar ends before it begins";
  }
};

}  // namespace twofold
