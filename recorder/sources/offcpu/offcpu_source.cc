#include "recorder/sources/offcpu/offcpu_source.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/cli/option_values.h"
#include "recorder/tracer/per_cpu_map.h"
#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kOffCpu) == TWOFOLD_SOURCE_OFFCPU);
static_assert(kBegunBefore == TWOFOLD_PART_BEGUN_BEFORE && kOpenAtEnd == TWOFOLD_PART_OPEN_AT_END);
static_assert(uint8_t(BlockState::kInterruptible) == 1 && uint8_t(BlockState::kOther) == 7);

// What walks of stacks may take of each CPU: 0.5 % of a period of 20 ms
// (bpf/offcpu/walk_budget.bpf.h).
constexpr uint64_t kWalkBudgetNs = 100'000;

// Threads that wait are walked while they do not run: every frame is one that is returned to.
constexpr StackTraits kStacks = {.map = TWOFOLD_SET_OFFCPU_STACKS, .kernel_leaf_returns = true};

// Beside TWOFOLD_GIVEN_UP_...: nothing is chosen.
constexpr uint32_t kStacksGivenUp = 1U << 31;

}  // namespace

OffCpuSource::OffCpuSource(const Options& options, const Notes& notes)
    : Source({.name = "offcpu",
              .help = "blocked time",
              .subject = "blocked time",
              .by_default = true}),
      options_(options),
      notes_(notes) {}

void OffCpuSource::DeclareOptions(OptionSet& table) {
  constexpr uint64_t kLongestBlockUs = 7ULL * 24 * 3600 * 1'000'000;
  table.Add(
      {.name = "min-block",
       .value_name = "US",
       .help = "no blocks shorter than this (default: 0)",
       .group = size_t(HelpGroup::kWhich),
       .set = ReadCount("--min-block", 0, kLongestBlockUs, "microseconds", own_.min_block_us)});
  table.Add(
      {.name = "max-block",
       .value_name = "US",
       .help = "no blocks longer than this (default: no limit)",
       .group = size_t(HelpGroup::kWhich),
       .set = ReadCount("--max-block", 1, kLongestBlockUs, "microseconds", own_.max_block_us)});
  table.Add({.name = "wakers",
             .value_name = "N",
             .help = "who woke a blocked thread, and who had woken that one, N\n"
                     "deep, 0 to 8 (default: 1)",
             .group = size_t(HelpGroup::kHow),
             .set = ReadCount("--wakers", 0, 8, "a number of wakers", own_.wakers)});
  table.AddCheck([this](const Arguments&) -> Result<void> {
    if (own_.max_block_us == 0 || own_.max_block_us >= own_.min_block_us) return {};
    return UsageError("--max-block", "it is less than --min-block, which leaves no block",
                      "Give a longer --max-block, or a shorter --min-block");
  });
}

Result<void> OffCpuSource::Probe() {
  Result<DirectMap> direct_map = FindDirectMap();
  if (direct_map) {
    direct_map_ = *direct_map;
  } else {
    notes_.Print(
        "user stacks are taken at the beginning of every block, which costs more, because " +
        direct_map.error().what + ".");
  }
  return {};
}

void OffCpuSource::Check(const KernelBtf*, std::vector<Finding>& findings) const {
  findings.push_back(Outcome("user stacks after a block", Ignoring(FindDirectMap()),
                             "only of blocks that are kept"));
}

std::vector<MapNeed> OffCpuSource::Maps() const {
  // Blocked time has more different stacks than samples at a few hundred hertz can show.
  return {{.name = "offcpu_stacks",
           .set = TWOFOLD_SET_OFFCPU_STACKS,
           .entry_bytes = kStackEntryBytes,
           .weight = 20},
          {.name = "offcpu_rows",
           .set = TWOFOLD_SET_OFFCPU_ROWS,
           .entry_bytes = HashEntryBytes(sizeof(twofold_offcpu_key), sizeof(twofold_offcpu_sums)),
           .weight = 10},
          {.name = "wakers",
           .set = TWOFOLD_SET_WAKERS,
           .entry_bytes = HashEntryBytes(8, sizeof(twofold_waker)),
           .weight = 2},
          {.name = "chains",
           .set = TWOFOLD_SET_CHAINS,
           .entry_bytes = HashEntryBytes(8, sizeof(twofold_chain)),
           .weight = 2}};
}

void OffCpuSource::Prepare(twofold_bpf& skeleton, const MapSizes&) {
  auto& constants = *skeleton.rodata;
  constants.record_offcpu = is_recorded();
  constants.max_wakers = own_.wakers;
  constants.min_block_ns = own_.min_block_us * 1000;
  constants.max_block_ns = own_.max_block_us * 1000;
  constants.user_stack_at_switch_out = is_recorded() && !direct_map_;
  if (direct_map_) constants.direct_map = *direct_map_;
  quantum_ns_ = options_.QuantumNs();
  skeleton.bss->quantum_ns = quantum_ns_;
  largest_quantum_ns_ = quantum_ns_;
  // Who names a T wants that one.
  if (options_.IsQuantumDefault()) constants.walk_budget_ns = kWalkBudgetNs;
}

Result<void> OffCpuSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  wakers_.emplace(tracer);
  tracer.moves().Follow(TWOFOLD_SET_OFFCPU_ROWS, rows_);
  return {};
}

std::vector<Lever> OffCpuSource::Levers() const {
  return {{.detail = DetailKind::kQuantum,
           .full = options_.QuantumNs(),
           .least = Restraint::kLargestQuantumNs},
          {.detail = DetailKind::kWaitStacks, .full = 1, .least = 0},
          {.detail = DetailKind::kWakers, .full = own_.wakers, .least = 0},
          {.detail = DetailKind::kShortUserStacks, .full = 0, .least = TWOFOLD_SHORT_BLOCK_NS},
          {.detail = DetailKind::kStacks, .full = 1, .least = 0}};
}

void OffCpuSource::SetDetail(DetailKind detail, uint64_t value) {
  const auto set = [this](uint32_t bit, bool is_given_up) {
    given_up_ = is_given_up ? given_up_ | bit : given_up_ & ~bit;
  };
  switch (detail) {
    case DetailKind::kQuantum:
      quantum_ns_ = value;
      break;
    case DetailKind::kWaitStacks:
      set(TWOFOLD_GIVEN_UP_WAIT_STACKS, value == 0);
      break;
    case DetailKind::kWakers:
      set(TWOFOLD_GIVEN_UP_WAKERS, value == 0);
      break;
    case DetailKind::kShortUserStacks:
      set(TWOFOLD_GIVEN_UP_SHORT_USER_STACKS, value != 0);
      break;
    case DetailKind::kStacks:
      set(kStacksGivenUp, value == 0);
      break;
    default:
      return;
  }
  largest_quantum_ns_ = std::max(largest_quantum_ns_, quantum_ns_);
  ever_given_up_ |= given_up_;
  const bool chooses = (given_up_ & kStacksGivenUp) == 0;
  __atomic_store_n(&skeleton_->bss->quantum_ns, chooses ? quantum_ns_ : TWOFOLD_CHOOSE_NOTHING,
                   __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->given_up, given_up_, __ATOMIC_RELAXED);
}

Result<void> OffCpuSource::Read(const IntervalEnd& end) {
  interval_quantum_ns_ = std::exchange(largest_quantum_ns_, quantum_ns_);
  interval_given_up_ = std::exchange(ever_given_up_, given_up_);
  TWOFOLD_RETURN_IF_ERROR(ReadLargestQuantum(end));
  retired_wakers_.clear();
  TWOFOLD_RETURN_IF_ERROR(rows_.ReadDifferencesOfSum(
      end.sum, [this](const twofold_offcpu_key& key, const twofold_offcpu_value& now,
                      const twofold_offcpu_value& before) {
        added_.push_back({.key = key,
                          .value = {.time_ns = now.time_ns - before.time_ns,
                                    .count = now.count - before.count,
                                    .sampled_ns = now.sampled_ns - before.sampled_ns,
                                    .samples = now.samples - before.samples,
                                    .variance_us2 = now.variance_us2 - before.variance_us2,
                                    .count_variance = now.count_variance - before.count_variance,
                                    .quanta_us2 = now.quanta_us2 - before.quanta_us2}});
      }));
  return ReadLongest(end.sum);
}

// Each CPU may have had a larger T for a while.
Result<void> OffCpuSource::ReadLargestQuantum(const IntervalEnd& end) {
  const Result<std::vector<twofold_walks>> per_cpu =
      ReadPerCpu<twofold_walks>(skeleton_->maps.walks, 0, "the budget of walks");
  if (!per_cpu) return per_cpu.error();
  for (const twofold_walks& walks : *per_cpu) {
    if (walks.interval_start_ns[end.sum] != skeleton_->bss->interval_start_ns) continue;
    interval_quantum_ns_ = std::max(interval_quantum_ns_, uint64_t(walks.largest_ns[end.sum]));
  }
  return {};
}

Result<void> OffCpuSource::ReadLongest(size_t sum) {
  longest_.clear();
  const auto order = [](const Longest& longest) {
    const twofold_exemplar& exemplar = longest.exemplar;
    return std::tuple(exemplar.start_ns - exemplar.end_ns, exemplar.start_ns, exemplar.thread);
  };
  for (uint32_t kind = 0; kind < TWOFOLD_EXEMPLAR_KINDS; ++kind) {
    const uint32_t index = uint32_t(sum) * TWOFOLD_EXEMPLAR_KINDS + kind;
    Result<std::vector<twofold_exemplars>> per_cpu =
        ReadPerCpu<twofold_exemplars>(skeleton_->maps.exemplars, index, "the longest blocks");
    if (!per_cpu) return std::move(per_cpu).error();
    std::vector<Longest> of_kind;
    for (size_t cpu = 0; cpu < per_cpu->size(); ++cpu) {
      for (const twofold_exemplar& exemplar : (*per_cpu)[cpu].kept) {
        if (exemplar.end_ns != 0) of_kind.push_back({exemplar, kind, uint32_t(cpu)});
      }
    }
    std::sort(of_kind.begin(), of_kind.end(),
              [&](const Longest& a, const Longest& b) { return order(a) < order(b); });
    if (of_kind.size() > TWOFOLD_EXEMPLARS) of_kind.resize(TWOFOLD_EXEMPLARS);
    longest_.insert(longest_.end(), of_kind.begin(), of_kind.end());
    TWOFOLD_RETURN_IF_ERROR(
        ClearPerCpu<twofold_exemplars>(skeleton_->maps.exemplars, index, "the longest blocks"));
  }
  return {};
}

void OffCpuSource::OnRetired(twofold_map_set set, int fd) {
  if (set != TWOFOLD_SET_WAKERS) return;
  uint64_t key = 0;
  for (bool first = true; bpf_map_get_next_key(fd, first ? nullptr : &key, &key) == 0;
       first = false) {
    retired_wakers_.push_back(key);
  }
}

void OffCpuSource::Describe(Settings& settings) const {
  settings.user_stack_method = direct_map_ ? "page-walk" : "switch-out";
  settings.wakers = own_.wakers;
  settings.min_block_ns = own_.min_block_us * 1000;
  settings.max_block_ns = own_.max_block_us * 1000;
  settings.quantum_ns = options_.QuantumNs();
}

void OffCpuSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  // A thread may still carry them, in chains that it will be a part of.
  for (const uint64_t key : retired_wakers_) wakers_->WakerOf(builder, key);
  if ((interval_given_up_ & kStacksGivenUp) != 0) {
    added_.clear();
    BuildFromAccounts(builder, interval);
  } else {
    BuildBlocks(builder, interval);
  }
  for (const Longest& longest : longest_) {
    interval.exemplars.push_back(BuildExemplar(builder, longest));
  }
  interval.quantum_ns = interval_quantum_ns_;
}

void OffCpuSource::BuildBlocks(CaptureBuilder& builder, Interval& interval) {
  std::vector<BlockedRow>& blocked = interval.blocked.emplace();
  std::vector<WaitingRow>& waiting = interval.waiting.emplace();
  for (auto [key, value] : std::exchange(added_, {})) {
    // All of an interval's waits are alike: some would have the stacks of the block before.
    const bool is_wait = key.state > TWOFOLD_LAST_BLOCK_STATE;
    if (is_wait && (interval_given_up_ & TWOFOLD_GIVEN_UP_WAIT_STACKS) != 0) {
      key.kernel_stack = TWOFOLD_STACK_GIVEN_UP;
      if (key.user_stack != TWOFOLD_STACK_NONE) key.user_stack = TWOFOLD_STACK_GIVEN_UP;
    }
    const CaptureBuilder::Place place = builder.PlaceOf(kStacks, key);
    if (key.state > TWOFOLD_LAST_BLOCK_STATE) {
      waiting.push_back({.thread = place.thread,
                         .preempted = key.state == TWOFOLD_WAITING_PREEMPTED,
                         .kernel_stack = place.kernel_stack,
                         .user_stack = place.user_stack,
                         .time_ns = value.time_ns,
                         .count = value.count,
                         .sampled_ns = value.sampled_ns,
                         .samples = value.samples,
                         .variance_us2 = value.variance_us2,
                         .count_variance = value.count_variance,
                         .quanta_us2 = value.quanta_us2});
    } else {
      blocked.push_back({.thread = place.thread,
                         .state = BlockState(key.state),
                         .kernel_stack = place.kernel_stack,
                         .user_stack = place.user_stack,
                         .time_ns = value.time_ns,
                         .count = value.count,
                         .parts = uint8_t(key.parts),
                         .chain = wakers_->ChainOf(builder, key.chain),
                         .sampled_ns = value.sampled_ns,
                         .samples = value.samples,
                         .variance_us2 = value.variance_us2,
                         .count_variance = value.count_variance,
                         .quanta_us2 = value.quanta_us2});
    }
  }
  MergeRows(blocked);
  MergeRows(waiting);
}

// Without stacks for a part of the interval, what the programs did choose says little: the threads'
// exact times are all that is told, under a frame that says why.
void OffCpuSource::BuildFromAccounts(CaptureBuilder& builder, Interval& interval) {
  std::vector<BlockedRow>& blocked = interval.blocked.emplace();
  std::vector<WaitingRow>& waiting = interval.waiting.emplace();
  if (!interval.accounts) return;
  const StackId given_up = builder.stacks().Kernel(kStacks, TWOFOLD_STACK_GIVEN_UP);
  for (const Account& account : *interval.accounts) {
    for (size_t state = 0; state < kBlockStates; ++state) {
      if (account.blocked_ns[state] == 0) continue;
      blocked.push_back({.thread = account.thread,
                         .state = BlockState(state + 1),
                         .kernel_stack = given_up,
                         .time_ns = account.blocked_ns[state]});
    }
    for (const bool preempted : {false, true}) {
      const uint64_t time_ns = preempted ? account.preempted_ns : account.woken_ns;
      if (time_ns == 0) continue;
      waiting.push_back({.thread = account.thread,
                         .preempted = preempted,
                         .kernel_stack = given_up,
                         .time_ns = time_ns});
    }
  }
  MergeRows(blocked);
  MergeRows(waiting);
}

Exemplar OffCpuSource::BuildExemplar(CaptureBuilder& builder, const Longest& longest) {
  const twofold_exemplar& exemplar = longest.exemplar;
  const bool waiting = exemplar.state > TWOFOLD_LAST_BLOCK_STATE;
  const CaptureBuilder::Place place = builder.PlaceOf(kStacks, exemplar);
  return {.kind = ExemplarKind(longest.kind + 1),
          .thread = place.thread,
          .state = waiting ? BlockState::kOther : BlockState(exemplar.state),
          .preempted = exemplar.state == TWOFOLD_WAITING_PREEMPTED,
          .open = exemplar.open != 0,
          .start_ns = builder.SinceStart(exemplar.start_ns),
          .end_ns = builder.SinceStart(exemplar.end_ns),
          .cpu = longest.cpu,
          .kernel_stack = place.kernel_stack,
          .user_stack = place.user_stack,
          .chain = wakers_->ChainOf(builder, exemplar.chain)};
}

}  // namespace twofold
