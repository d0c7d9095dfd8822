// Exact times of threads by state: table Accounts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/blocked_rows.h"
#include "format/records/row_fields.h"

namespace twofold {

// Where the time of a thread went in an interval, exactly: on_cpu, woken, preempted and the blocked
// times add up to existed_ns.
struct Account {
  ThreadId thread;
  uint64_t existed_ns = 0;  // how long the thread existed in the interval, under this id
  uint64_t user_ns = 0;     // the scheduler's own estimate of how on_cpu_ns divides
  uint64_t system_ns = 0;
  uint64_t on_cpu_ns = 0;
  uint64_t woken_ns = 0;      // able to run since it was woken or born, waiting for a CPU
  uint64_t preempted_ns = 0;  // able to run, lost its CPU to another thread
  std::array<uint64_t, kBlockStates> blocked_ns = {};  // by BlockState, less one

  // on_cpu, woken, preempted and blocked time together.
  uint64_t SumNs() const;

  friend bool operator==(const Account&, const Account&) = default;
};

template <>
struct RowKind<Account> : RowKindDefaults {
  // The time in one of the states of blocks.
  struct BlockedField {
    using Value = uint64_t;
    static constexpr field::Role kRole = field::Role::kSum;

    constexpr uint64_t& Of(Account& row) const { return row.blocked_ns[Index()]; }
    constexpr const uint64_t& Of(const Account& row) const { return row.blocked_ns[Index()]; }
    constexpr uint64_t Get(const Account& row) const { return Of(row); }
    constexpr void Set(Account& row, uint64_t number) const { Of(row) = number; }
    constexpr size_t Index() const { return size_t(state) - 1; }

    const char* column;
    BlockState state;
  };

  static constexpr const char* kTable = "accounts";
  static constexpr const char* kRow = "an account";
  static constexpr size_t kFullColumns = 14;
  static constexpr bool kHasOneTotal = true;
  static constexpr std::tuple kFields = {
      field::Reference("thread", &Account::thread),
      field::Sum("existed_ns", &Account::existed_ns),
      field::Sum("user_ns", &Account::user_ns),
      field::Sum("system_ns", &Account::system_ns),
      field::Sum("on_cpu_ns", &Account::on_cpu_ns),
      field::Sum("woken_ns", &Account::woken_ns),
      field::Sum("preempted_ns", &Account::preempted_ns),
      BlockedField{"interruptible_ns", BlockState::kInterruptible},
      BlockedField{"uninterruptible_ns", BlockState::kUninterruptible},
      BlockedField{"stopped_ns", BlockState::kStopped},
      BlockedField{"traced_ns", BlockState::kTraced},
      BlockedField{"parked_ns", BlockState::kParked},
      BlockedField{"idle_ns", BlockState::kIdle},
      BlockedField{"other_ns", BlockState::kOther},
  };
};

}  // namespace twofold
