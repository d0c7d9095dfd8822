#include "analyzer/data/off_cpu_scaling.h"

#include <algorithm>

#include "analyzer/data/flat_map.h"

namespace twofold {
namespace {

using Wide = unsigned __int128;

// A thread's states: blocked by BlockState less one, then the waits for a CPU.
constexpr uint32_t kWoken = kBlockStates;
constexpr uint32_t kPreempted = kBlockStates + 1;
constexpr uint32_t kSlots = kBlockStates + 2;
static_assert(kSlots <= 16);

// Chance explains a deviation of this many standard errors.
constexpr uint64_t kPlausibleErrors = 4;
// Clocks read a moment apart differ by no more than 1 / kClockShare of a time.
constexpr uint64_t kClockShare = 1000;

constexpr uint32_t kNone = UINT32_MAX;

uint64_t PlusSaturating(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

// Gives shares of `target` to parts of `whole` so that they add up: the running sum is rounded,
// not each share.
struct Sharing {
  uint64_t whole = 0;
  uint64_t target = 0;
  uint64_t parts_so_far = 0;
  uint64_t given_so_far = 0;

  uint64_t Next(uint64_t part) {
    if (whole == target || whole == 0) return part;
    parts_so_far = PlusSaturating(parts_so_far, part);
    uint64_t given = static_cast<uint64_t>(static_cast<Wide>(parts_so_far) * target / whole);
    uint64_t share = given - given_so_far;
    given_so_far = given;
    return share;
  }
};

// One state of one thread, over all intervals with an account of it.
struct Group {
  uint64_t exact_ns = 0;
  Sharing measured;
  Sharing sampled;
  uint64_t unplaced_ns = 0;
  bool is_short = false;              // UnplacedTime::is_short
  uint64_t rows_ns = 0;               // in the interval at hand
  uint32_t in_interval = UINT32_MAX;  // whose rows those are
};

// Whether `sampled_ns` can be an estimate of `exact_ns` by blocks of `quantum_ns` at most. The
// estimate's variance is at most exact time x quantum (format/capture.h).
bool IsPlausible(uint64_t exact_ns, uint64_t sampled_ns, uint64_t quantum_ns) {
  if (quantum_ns == 0 || exact_ns <= sampled_ns) return true;
  uint64_t errors = (exact_ns - sampled_ns) / kPlausibleErrors;
  return static_cast<Wide>(errors) * errors <= static_cast<Wide>(exact_ns) * quantum_ns;
}

void Decide(Group& group, uint64_t quantum_ns, bool leaves_blocks_out) {
  Sharing& measured = group.measured;
  Sharing& sampled = group.sampled;
  uint64_t by_clocks_ns = group.exact_ns / kClockShare;
  measured.target = measured.whole;
  if (measured.whole > group.exact_ns) {
    sampled.target = 0;
    if (measured.whole - group.exact_ns <= by_clocks_ns) measured.target = group.exact_ns;
    return;
  }
  uint64_t rest_ns = group.exact_ns - measured.whole;
  if (!leaves_blocks_out) {
    if (sampled.whole > 0 && IsPlausible(rest_ns, sampled.whole, quantum_ns)) {
      sampled.target = rest_ns;
      return;
    }
    if (sampled.whole == 0 && measured.whole > 0 && rest_ns <= by_clocks_ns) {
      measured.target = group.exact_ns;
      return;
    }
    group.is_short = sampled.whole == 0 && quantum_ns > 0 && IsPlausible(rest_ns, 0, quantum_ns);
  }
  sampled.target = std::min(sampled.whole, rest_ns);
  group.unplaced_ns = rest_ns - sampled.target;
}

class Scaler {
 public:
  explicit Scaler(const Capture& capture)
      : capture_(capture), account_interval_(capture.definitions.threads.size() + 1, kNone) {}

  void Measure() {
    for (uint32_t i = 0; i < capture_.intervals.size(); ++i) {
      const Interval& interval = capture_.intervals[i];
      if (!interval.accounts) continue;
      quantum_ns_ = std::max(quantum_ns_, interval.quantum_ns);
      MarkAccounts(i);
      ForEachExactTime(i, [&](ThreadId thread, uint32_t slot, uint64_t time_ns) {
        Group& group = GetGroup(thread, slot);
        group.exact_ns = PlusSaturating(group.exact_ns, time_ns);
      });
      ForEachRow(interval, [&](const auto& row, uint32_t slot) {
        if (!HasAccount(row.thread, i)) return;
        Group& group = GetGroup(row.thread, slot);
        uint64_t sampled_ns = std::min(row.sampled_ns, row.time_ns);
        group.measured.whole = PlusSaturating(group.measured.whole, row.time_ns - sampled_ns);
        group.sampled.whole = PlusSaturating(group.sampled.whole, sampled_ns);
      });
    }
    const Settings& settings = capture_.recording.settings;
    bool leaves_blocks_out = settings.min_block_ns > 0 || settings.max_block_ns > 0;
    for (size_t i = 0; i < groups_.size(); ++i) {
      Decide(groups_[i], quantum_ns_, leaves_blocks_out && slots_[i] < kBlockStates);
    }
  }

  // `use(time_ns, slot)` for every row in order.
  template <typename Use>
  void Scale(Use use) {
    for (uint32_t i = 0; i < capture_.intervals.size(); ++i) {
      const Interval& interval = capture_.intervals[i];
      if (interval.accounts) MarkAccounts(i);
      ForEachRow(interval, [&](const auto& row, uint32_t slot) {
        if (!interval.accounts || !HasAccount(row.thread, i)) {
          use(row.time_ns, slot);
          return;
        }
        Group& group = GetGroup(row.thread, slot);
        uint64_t sampled_ns = std::min(row.sampled_ns, row.time_ns);
        uint64_t measured_ns = group.measured.Next(row.time_ns - sampled_ns);
        use(PlusSaturating(measured_ns, group.sampled.Next(sampled_ns)), slot);
      });
    }
  }

  // Unplaced time lies in the intervals whose rows tell less than the account does.
  std::vector<UnplacedTime> Unplaced() {
    std::vector<UnplacedTime> all;
    std::vector<uint32_t> group_of;
    for (uint32_t i = 0; i < capture_.intervals.size(); ++i) {
      const Interval& interval = capture_.intervals[i];
      if (!interval.accounts) continue;
      MarkAccounts(i);
      ForEachRow(interval, [&](const auto& row, uint32_t slot) {
        if (!HasAccount(row.thread, i)) return;
        Group& group = GetGroup(row.thread, slot);
        if (group.in_interval != i) group.rows_ns = 0;
        group.in_interval = i;
        group.rows_ns = PlusSaturating(group.rows_ns, row.time_ns);
      });
      ForEachExactTime(i, [&](ThreadId thread, uint32_t slot, uint64_t time_ns) {
        uint32_t index = GroupIndex(thread, slot);
        const Group& group = groups_[index];
        if (group.unplaced_ns == 0) return;
        uint64_t rows_ns = group.in_interval == i ? group.rows_ns : 0;
        if (time_ns <= rows_ns) return;
        UnplacedTime unplaced{i,
                              thread,
                              BlockState::kOther,
                              slot >= kWoken,
                              slot == kPreempted,
                              group.is_short,
                              time_ns - rows_ns};
        if (slot < kWoken) unplaced.state = static_cast<BlockState>(slot + 1);
        all.push_back(unplaced);
        group_of.push_back(index);
      });
    }
    std::vector<Sharing> sharings(groups_.size());
    for (size_t i = 0; i < all.size(); ++i) {
      Sharing& sharing = sharings[group_of[i]];
      sharing.whole = PlusSaturating(sharing.whole, all[i].time_ns);
      sharing.target = groups_[group_of[i]].unplaced_ns;
    }
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].time_ns = sharings[group_of[i]].Next(all[i].time_ns);
    }
    all.erase(
        std::remove_if(all.begin(), all.end(), [](const auto& one) { return one.time_ns == 0; }),
        all.end());
    return all;
  }

 private:
  void MarkAccounts(uint32_t interval) {
    for (const Account& account : *capture_.intervals[interval].accounts) {
      if (account.thread.value < account_interval_.size()) {
        account_interval_[account.thread.value] = interval;
      }
    }
  }

  bool HasAccount(ThreadId thread, uint32_t interval) const {
    return thread.value < account_interval_.size() && account_interval_[thread.value] == interval;
  }

  // Blocked rows, then waiting rows.
  template <typename Use>
  static void ForEachRow(const Interval& interval, Use use) {
    if (interval.blocked) {
      for (const BlockedRow& row : *interval.blocked) {
        size_t state = static_cast<size_t>(row.state);
        bool known = state >= 1 && state <= kBlockStates;
        use(row, static_cast<uint32_t>(known ? state - 1 : kBlockStates - 1));
      }
    }
    if (interval.waiting) {
      for (const WaitingRow& row : *interval.waiting) {
        use(row, row.preempted ? kPreempted : kWoken);
      }
    }
  }

  // Times that are not 0, of states whose rows the interval has.
  template <typename Use>
  void ForEachExactTime(uint32_t index, Use use) const {
    const Interval& interval = capture_.intervals[index];
    for (const Account& account : *interval.accounts) {
      if (!HasAccount(account.thread, index)) continue;
      for (uint32_t slot = 0; interval.blocked && slot < kBlockStates; ++slot) {
        if (account.blocked_ns[slot] > 0) use(account.thread, slot, account.blocked_ns[slot]);
      }
      if (!interval.waiting) continue;
      if (account.woken_ns > 0) use(account.thread, kWoken, account.woken_ns);
      if (account.preempted_ns > 0) use(account.thread, kPreempted, account.preempted_ns);
    }
  }

  uint32_t GroupIndex(ThreadId thread, uint32_t slot) {
    bool inserted = false;
    uint32_t index = group_ids_.FindOrInsert(uint64_t{thread.value} << 4 | slot,
                                             static_cast<uint32_t>(groups_.size()), inserted);
    if (inserted) {
      groups_.push_back({});
      slots_.push_back(static_cast<uint8_t>(slot));
    }
    return index;
  }
  Group& GetGroup(ThreadId thread, uint32_t slot) { return groups_[GroupIndex(thread, slot)]; }

  const Capture& capture_;
  uint64_t quantum_ns_ = 0;                 // the largest of intervals with accounts
  std::vector<uint32_t> account_interval_;  // by thread: the last one marked
  FlatMap group_ids_;                       // thread and slot
  std::vector<Group> groups_;
  std::vector<uint8_t> slots_;  // by group
};

}  // namespace

bool LeavesNoRow(LossCause cause) {
  switch (cause) {
    case LossCause::kUnknown:
    case LossCause::kRowMapFull:
    case LossCause::kMapBusy:
    case LossCause::kTaskStorageFailed:
    case LossCause::kProgramMissed:
    case LossCause::kInsertsCapped:
      return true;
    default:
      return false;
  }
}

OffCpuScaling::OffCpuScaling(const Capture& capture) {
  const Settings& settings = capture.recording.settings;
  leaves_blocks_out_ = settings.min_block_ns > 0 || settings.max_block_ns > 0;
  lost_frame_ = "[not sampled]";
  std::string_view lost_by;
  for (const Interval& interval : capture.intervals) {
    for (const Loss& loss : interval.losses) {
      bool counts = loss.source == LossSource::kOffCpu && LeavesNoRow(loss.cause) &&
                    (loss.count > 0 || loss.time_ns > 0);
      if (!counts) continue;
      std::string_view name = GetLossInfo(loss.cause).name;
      lost_by = lost_by.empty() || lost_by == name ? name : "several causes";
    }
  }
  if (!lost_by.empty()) {
    lost_frame_ = "[lost: " + std::string(lost_by) + "]";
    std::replace(lost_frame_.begin(), lost_frame_.end(), '-', ' ');
  }

  Scaler scaler(capture);
  scaler.Measure();
  scaler.Scale([&](uint64_t time_ns, uint32_t slot) {
    (slot < kBlockStates ? blocked_ns_ : waiting_ns_).push_back(time_ns);
  });
  unplaced_ = scaler.Unplaced();
}

std::string_view OffCpuScaling::FrameOf(const UnplacedTime& unplaced) const {
  if (leaves_blocks_out_ && !unplaced.waiting) return "[outside --min-block/--max-block]";
  return unplaced.is_short ? std::string_view("[not sampled]") : std::string_view(lost_frame_);
}

}  // namespace twofold
