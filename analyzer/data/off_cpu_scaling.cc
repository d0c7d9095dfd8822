#include "analyzer/data/off_cpu_scaling.h"

#include <algorithm>
#include <cmath>

#include "analyzer/data/counts_by_chance.h"
#include "analyzer/data/flat_map.h"
#include "analyzer/data/pools.h"
#include "analyzer/data/sharing.h"

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

// One state of one thread, over all intervals with accounts.
struct Group {
  ThreadId thread;
  uint8_t slot = 0;
  uint64_t exact_ns = 0;
  Sharing measured;
  uint64_t sampled_ns = 0;
  double quanta_ns2 = 0;  // of all its samples: the sum of T x T
  Counted counted;
  uint64_t short_ns = 0;      // exact time less measured time
  bool is_in_excess = false;  // more was measured than the account tells
  uint32_t pool = kNone;
  Sharing unplaced;              // its parts are the intervals' (Unplaced)
  uint64_t rows_ns = 0;          // in the interval at hand
  uint32_t in_interval = kNone;  // whose rows those are
};

// Groups that are scaled together.
struct Pool {
  uint64_t short_ns = 0;  // of its groups
  Sharing sampled;
  double quanta_ns2 = 0;
  Counted counted;
  uint64_t uncounted = 0;   // Waits::Uncounted of its groups
  uint64_t lacking_ns = 0;  // of groups whose samples tell less than their short_ns
  Sharing lost;             // of what chance does not explain
  bool is_short = false;    // UnplacedTime::is_short
  bool leaves_out = false;  // blocks were left out on purpose
};

// Whether `sampled_ns` can be an estimate of `exact_ns` by blocks of `quantum_ns` at most. The
// estimate's variance is at most exact time x quantum (format/capture.h).
bool IsPlausible(uint64_t exact_ns, uint64_t sampled_ns, uint64_t quantum_ns) {
  if (quantum_ns == 0 || exact_ns <= sampled_ns) return true;
  uint64_t errors = (exact_ns - sampled_ns) / kPlausibleErrors;
  return static_cast<Wide>(errors) * errors <= static_cast<Wide>(exact_ns) * quantum_ns;
}

uint64_t DifferenceOrZero(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

uint64_t Rounded(double value) { return uint64_t(std::llround(std::min(value, 9e18))); }

class Scaler {
 public:
  explicit Scaler(const Capture& capture)
      : capture_(capture),
        has_account_(capture.definitions.threads.size() + 1),
        waits_(has_account_.size()) {
    const Settings& settings = capture.recording.settings;
    leaves_blocks_out_ = settings.min_block_ns > 0 || settings.max_block_ns > 0;
  }

  void Measure() {
    FindAccounts();
    SumGroups();
    FormGroupPools();
    for (Pool& pool : pools_) Decide(pool);
    for (Group& group : groups_) PlaceRest(group);
  }

  // `use(row, slot)` for every row in order.
  template <typename Use>
  void Scale(Use use) {
    for (const Interval& interval : capture_.intervals) {
      ForEachRow(interval, [&](const auto& row, uint32_t slot) {
        bool has_account = interval.accounts && HasAccount(row.thread);
        use(has_account ? ScaleRow(row, GetGroup(row.thread, slot), interval.quantum_ns)
                        : RawRow(row, interval.quantum_ns),
            slot);
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
      ForEachRow(interval, [&](const auto& row, uint32_t slot) {
        if (!HasAccount(row.thread)) return;
        Group& group = GetGroup(row.thread, slot);
        if (group.in_interval != i) group.rows_ns = 0;
        group.in_interval = i;
        group.rows_ns = PlusSaturating(group.rows_ns, row.time_ns);
      });
      ForEachExactTime(interval, [&](ThreadId thread, uint32_t slot, uint64_t time_ns) {
        uint32_t index = GroupIndex(thread, slot);
        const Group& group = groups_[index];
        if (group.unplaced.target == 0) return;
        uint64_t rows_ns = group.in_interval == i ? group.rows_ns : 0;
        if (time_ns <= rows_ns) return;
        UnplacedTime unplaced;
        unplaced.interval = i;
        unplaced.thread = thread;
        if (slot < kWoken) unplaced.state = static_cast<BlockState>(slot + 1);
        unplaced.waiting = slot >= kWoken;
        unplaced.preempted = slot == kPreempted;
        unplaced.is_short = pools_[group.pool].is_short;
        unplaced.time_ns = time_ns - rows_ns;
        all.push_back(unplaced);
        group_of.push_back(index);
      });
    }
    for (size_t i = 0; i < all.size(); ++i) {
      Sharing& parts = groups_[group_of[i]].unplaced;
      parts.whole = PlusSaturating(parts.whole, all[i].time_ns);
    }
    for (size_t i = 0; i < all.size(); ++i) {
      UnplacedTime& one = all[i];
      one.time_ns = groups_[group_of[i]].unplaced.Next(one.time_ns);
      if (!one.is_short) continue;
      double variance_ns2 = double(std::min(quantum_ns_, one.time_ns)) * double(one.time_ns);
      one.error_ns = Rounded(std::sqrt(variance_ns2));
    }
    all.erase(
        std::remove_if(all.begin(), all.end(), [](const auto& one) { return one.time_ns == 0; }),
        all.end());
    return all;
  }

 private:
  void FindAccounts() {
    for (const Interval& interval : capture_.intervals) {
      if (!interval.accounts) continue;
      for (const Account& account : *interval.accounts) {
        if (account.thread.value < has_account_.size()) has_account_[account.thread.value] = true;
      }
    }
  }

  void SumGroups() {
    for (const Interval& interval : capture_.intervals) {
      if (!interval.accounts) continue;
      quantum_ns_ = std::max(quantum_ns_, interval.quantum_ns);
      ForEachExactTime(interval, [&](ThreadId thread, uint32_t slot, uint64_t time_ns) {
        Group& group = GetGroup(thread, slot);
        group.exact_ns = PlusSaturating(group.exact_ns, time_ns);
      });
      ForEachRow(interval, [&](const auto& row, uint32_t slot) {
        if (!HasAccount(row.thread)) return;
        Group& group = GetGroup(row.thread, slot);
        uint64_t sampled_ns = std::min(row.sampled_ns, row.time_ns);
        group.measured.whole = PlusSaturating(group.measured.whole, row.time_ns - sampled_ns);
        group.sampled_ns = PlusSaturating(group.sampled_ns, sampled_ns);
        group.counted.Add(CountedByChance(row, interval.quantum_ns));
        if (uint64_t quantum_ns = QuantumNs(row, interval.quantum_ns); quantum_ns > 0) {
          group.quanta_ns2 += double(sampled_ns) * double(quantum_ns);
          samples_ += double(sampled_ns) / double(quantum_ns);
          samples_ns_ += double(sampled_ns);
        }
        Waits& waits = waits_[row.thread.value];
        uint64_t& counted = slot < kWoken ? waits.blocks : waits.waits;
        counted = PlusSaturating(counted, row.count);
      });
      if (!interval.wait_counts) continue;
      for (const WaitCount& count : *interval.wait_counts) {
        if (!HasAccount(count.thread)) continue;
        uint64_t& exact = waits_[count.thread.value].exact;
        exact = PlusSaturating(exact, count.count);
      }
    }
    for (Group& group : groups_) {
      Sharing& measured = group.measured;
      measured.target = measured.whole;
      group.short_ns = DifferenceOrZero(group.exact_ns, measured.whole);
      uint64_t excess_ns = DifferenceOrZero(measured.whole, group.exact_ns);
      bool by_clocks = excess_ns <= group.exact_ns / kClockShare;
      if (excess_ns > 0 && by_clocks) measured.target = group.exact_ns;
      group.is_in_excess = excess_ns > 0 && !by_clocks;
    }
  }

  // A group with more rows than its account tells was not accounted for whole: what its samples
  // stand for is not known, so they don't mix with others'.
  void FormGroupPools() {
    // Some CPUs may have a much larger T than others, for a while.
    double usual_ns = samples_ > 0 ? samples_ns_ / samples_ : double(quantum_ns_);
    std::vector<PoolMember> members;
    for (const Group& group : groups_) {
      double expected = quantum_ns_ == 0 ? 0 : double(group.short_ns) / usual_ns;
      members.push_back({group.thread, group.slot, expected,
                         quantum_ns_ == 0 || group.is_in_excess || LeavesOut(group)});
    }
    Pools formed = FormPools(capture_.definitions, members);
    pools_.resize(formed.count);
    for (size_t i = 0; i < groups_.size(); ++i) {
      Group& group = groups_[i];
      group.pool = formed.of_member[i];
      Pool& pool = pools_[group.pool];
      pool.short_ns = PlusSaturating(pool.short_ns, group.short_ns);
      pool.sampled.whole = PlusSaturating(pool.sampled.whole, group.sampled_ns);
      pool.quanta_ns2 += group.quanta_ns2;
      pool.counted.Add(group.counted);
      if (!IsByClocks(group)) {
        uint64_t uncounted = waits_[group.thread.value].Uncounted(group.slot < kWoken);
        pool.uncounted = PlusSaturating(pool.uncounted, uncounted);
      }
      uint64_t lacking_ns = DifferenceOrZero(group.short_ns, group.sampled_ns);
      pool.lacking_ns = PlusSaturating(pool.lacking_ns, lacking_ns);
      pool.leaves_out = LeavesOut(group);
    }
  }

  void Decide(Pool& pool) const {
    Sharing& sampled = pool.sampled;
    sampled.target = pool.short_ns;
    if (sampled.whole == 0) {
      pool.is_short =
          !pool.leaves_out && quantum_ns_ > 0 && IsPlausible(pool.short_ns, 0, quantum_ns_);
      return;
    }
    bool by_chance = !pool.leaves_out && IsPlausible(pool.short_ns, sampled.whole, quantum_ns_);
    if (by_chance) return;
    sampled.target = std::min(sampled.whole, pool.short_ns);
    pool.lost.whole = pool.lacking_ns;
    pool.lost.target = pool.short_ns - sampled.target;
  }

  // What of a group's time goes to no sampled row.
  void PlaceRest(Group& group) {
    Pool& pool = pools_[group.pool];
    if (pool.sampled.whole > 0) {
      if (pool.lost.target == 0) return;
      group.unplaced.target = pool.lost.Next(DifferenceOrZero(group.short_ns, group.sampled_ns));
      return;
    }
    if (IsByClocks(group) && !pool.leaves_out && !group.is_in_excess) {
      group.measured.target = group.exact_ns;
    } else {
      group.unplaced.target = group.short_ns;
    }
  }

  static bool IsByClocks(const Group& group) {
    return group.measured.whole > 0 && group.short_ns <= group.exact_ns / kClockShare;
  }
  bool LeavesOut(const Group& group) const { return leaves_blocks_out_ && group.slot < kWoken; }

  // The variance of a row's share of its pool, the sum of which is exact: that of what the row
  // sampled, and that of what the others did. Where all have the same T it is w x (1 - x / whole).
  // What was not sampled may have had the largest T of its interval.
  template <typename Row>
  ScaledRow ScaleRow(const Row& row, Group& group, uint64_t largest_ns) {
    Pool& pool = pools_[group.pool];
    uint64_t sampled_ns = std::min(row.sampled_ns, row.time_ns);
    uint64_t measured_ns = group.measured.Next(row.time_ns - sampled_ns);
    uint64_t estimated_ns = pool.sampled.Next(sampled_ns);
    ScaledRow scaled;
    scaled.time_ns = PlusSaturating(measured_ns, estimated_ns);
    double factor = pool.sampled.Factor();
    double x = double(estimated_ns);
    double whole = double(std::max<uint64_t>(pool.sampled.target, 1));
    double share = std::min(x / whole, 1.0);
    // What a sample of the row stands for, and one of its pool.
    double w = std::min(double(QuantumNs(row, largest_ns)) * factor, whole);
    double of_pool_ns =
        std::min(pool.quanta_ns2 / std::max(double(pool.sampled.whole), 1.0) * factor, whole);
    double variance_ns2 = (1 - share) * (1 - share) * w * x +
                          share * share * std::max(of_pool_ns * whole - w * x, 0.0);
    if (largest_ns == 0) variance_ns2 = double(row.variance_us2) * 1e6 * factor * factor;
    scaled.variance_us2 = Rounded(variance_ns2 / 1e6);
    double unseen_ns = std::min(double(largest_ns) * factor, whole);
    scaled.sample_ns = pool.short_ns > 0 ? Rounded(unseen_ns) : 0;
    Counted counted = CountedByChance(row, largest_ns);
    scaled.count_variance = Rounded(counted.variance);
    if (scaled.sample_ns == 0) return scaled;
    bool is_sampled = pool.sampled.whole > 0;
    double of_pool = is_sampled ? pool.counted.PerSample() : double(pool.uncounted);
    double times = is_sampled && of_pool_ns > 0 ? std::max(unseen_ns / of_pool_ns, 1.0) : 1;
    scaled.sample_count = Rounded(times * std::max(of_pool, counted.PerSample()));
    return scaled;
  }

  // Of a thread without an account.
  template <typename Row>
  static ScaledRow RawRow(const Row& row, uint64_t largest_ns) {
    double x = double(std::min(row.sampled_ns, row.time_ns));
    uint64_t quantum_ns = QuantumNs(row, largest_ns);
    double variance_us2 = quantum_ns > 0 ? double(quantum_ns) * x / 1e6 : double(row.variance_us2);
    Counted counted = CountedByChance(row, largest_ns);
    return {row.time_ns, Rounded(variance_us2), largest_ns, Rounded(counted.variance),
            Rounded(counted.PerSample())};
  }

  bool HasAccount(ThreadId thread) const {
    return thread.value < has_account_.size() && has_account_[thread.value];
  }

  // Blocked rows, then waiting rows.
  template <typename Use>
  static void ForEachRow(const Interval& interval, Use use) {
    if (interval.blocked) {
      for (const BlockedRow& row : *interval.blocked) {
        size_t state = size_t(row.state);
        bool known = state >= 1 && state <= kBlockStates;
        use(row, uint32_t(known ? state - 1 : kBlockStates - 1));
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
  void ForEachExactTime(const Interval& interval, Use use) const {
    for (const Account& account : *interval.accounts) {
      if (!HasAccount(account.thread)) continue;
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
                                             uint32_t(groups_.size()), inserted);
    if (inserted) {
      Group& group = groups_.emplace_back();
      group.thread = thread;
      group.slot = uint8_t(slot);
    }
    return index;
  }
  Group& GetGroup(ThreadId thread, uint32_t slot) { return groups_[GroupIndex(thread, slot)]; }

  const Capture& capture_;
  bool leaves_blocks_out_ = false;
  uint64_t quantum_ns_ = 0;  // the largest of intervals with accounts
  double samples_ = 0;       // of all rows, and what they stand for
  double samples_ns_ = 0;
  std::vector<bool> has_account_;  // by thread: in any interval
  std::vector<Waits> waits_;       // by thread
  FlatMap group_ids_;              // thread and slot
  std::vector<Group> groups_;
  std::vector<Pool> pools_;
};

}  // namespace

uint64_t StandardErrorNs(const ScaledRow& row) {
  double sample_ns = double(row.sample_ns);
  double variance_ns2 = double(row.variance_us2) * 1e6 + 2 * sample_ns * sample_ns;
  return Rounded(std::sqrt(variance_ns2));
}

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
  scaler.Scale([&](const ScaledRow& row, uint32_t slot) {
    (slot < kBlockStates ? blocked_ : waiting_).push_back(row);
  });
  unplaced_ = scaler.Unplaced();
}

std::string_view OffCpuScaling::FrameOf(const UnplacedTime& unplaced) const {
  if (leaves_blocks_out_ && !unplaced.waiting) return "[outside --min-block/--max-block]";
  return unplaced.is_short ? std::string_view("[not sampled]") : std::string_view(lost_frame_);
}

}  // namespace twofold
