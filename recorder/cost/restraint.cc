#include "recorder/cost/restraint.h"

#include <algorithm>

namespace twofold {
namespace {

// How often in a row the cost must be too high with nothing left to give up before the limit is
// missed, as one stretch may have had its cost from the steps before; and how often within the
// limit before it is so no longer.
constexpr int kMissPatience = 2;
constexpr int kEndMissPatience = 5;

// The same for the recorder's own work.
constexpr int kBurstPatience = 10;

// Before a step is taken back there must have been room so often in a row; one that fails within
// so many judgements doubles that.
constexpr int kLeastPatience = 2;
constexpr int kMostPatience = 64;
constexpr int kFailsWithin = 5;

// Where the programs keep to the limit, what happens at switches must have at least this part of
// what is allowed before anything is given up at once: else it is a burst of the recorder's work.
constexpr double kSchedulerPart = 0.5;

// What costs less than this part of what is allowed is not given up: it would change nothing.
constexpr double kWorthIt = 0.1;

// A step is taken back only when twice the cost is allowed, or it would swing.
constexpr double kRoomToTakeBack = 0.45;

// Where the cost is above the limit by no more than this, one step is enough.
constexpr double kAlmost = 1.3;
constexpr double kFarAbove = 2;

// T is raised by much at once, as the walks, which it is to change, go as 1/T; a second step, and
// what is far above the limit, makes it the largest.
constexpr uint64_t kQuantumFactor = 30;
constexpr uint64_t kAlmostFactor = 10;
constexpr double kLargestQuantumAbove = 4;
constexpr uint64_t kSmallestRaisedNs = 100'000;

constexpr uint64_t kRateFactor = 4;

uint64_t RaiseQuantum(const Lever& lever, uint64_t now, double above) {
  const bool is_first = now == lever.full;
  if (above > (is_first ? kLargestQuantumAbove : kAlmost)) return lever.least;
  const uint64_t factor = is_first ? kQuantumFactor : kAlmostFactor;
  return std::min(std::max(now, kSmallestRaisedNs) * factor, lever.least);
}

uint64_t Lowered(const Lever& lever, uint64_t now, double above) {
  if (lever.detail == DetailKind::kQuantum) return RaiseQuantum(lever, now, above);
  if (lever.detail == DetailKind::kSampleRate) return std::max(now / kRateFactor, lever.least);
  return lever.least;
}

uint64_t TakenBack(const Lever& lever, uint64_t now) {
  if (lever.detail == DetailKind::kSampleRate) return std::min(now * kRateFactor, lever.full);
  if (lever.detail != DetailKind::kQuantum) return lever.full;
  const uint64_t half = std::max(now / 2, lever.full);
  return half < kSmallestRaisedNs ? lever.full : half;
}

}  // namespace

Restraint::Restraint(uint32_t limit_permyriad, uint32_t cpus, const std::vector<Lever>& levers)
    : limit_(double(limit_permyriad) / 10'000 * double(std::max(cpus, 1u))),
      cpus_(std::max(cpus, 1u)),
      since_taken_back_(kFailsWithin),
      patience_(kLeastPatience) {
  for (const Lever& lever : levers) positions_.push_back({.lever = lever, .now = lever.full});
  std::stable_sort(positions_.begin(), positions_.end(), [](const Position& a, const Position& b) {
    return a.lever.detail < b.lever.detail;
  });
}

size_t Restraint::given_up() const {
  return size_t(std::count_if(positions_.begin(), positions_.end(), [](const Position& position) {
    return position.now != position.lever.full;
  }));
}

std::vector<Restraint::Step> Restraint::Judge(const Spent& spent, uint64_t elapsed_ns) {
  if (limit_ == 0 || elapsed_ns == 0) return {};
  const double allowed_ns = limit_ * double(elapsed_ns);
  const double of_host = double(spent.AllNs()) / double(elapsed_ns) / cpus_;
  const Shares shares{.all = double(spent.AllNs()) / allowed_ns,
                      .programs = double(spent.programs_ns) / allowed_ns,
                      .scheduler = double(spent.scheduler_ns) / allowed_ns,
                      .cost_permyriad = uint32_t(std::min(of_host, 1.0) * 1e4 + 0.5)};
  if (since_taken_back_ < kFailsWithin && ++since_taken_back_ == kFailsWithin) {
    patience_ = kLeastPatience;
  }
  return shares.all > 1 ? GiveUp(shares) : TakeBack(shares);
}

bool Restraint::WouldHelp(const Lever& lever, const Shares& shares) const {
  // Less to read and to name is less of the recorder's own work, too.
  if (too_much_ >= kBurstPatience && shares.programs <= 1) return true;
  return (lever.at_switches ? shares.scheduler : shares.programs - shares.scheduler) >= kWorthIt;
}

void Restraint::Miss(const Shares& shares, bool is_missed, std::vector<Step>& steps) {
  if (is_missed_ == is_missed) return;
  is_missed_ = is_missed;
  steps.push_back({.detail = DetailKind::kLimit,
                   .from = is_missed ? 0u : 1u,
                   .to = is_missed ? 1u : 0u,
                   .taken_back = !is_missed,
                   .cost_permyriad = shares.cost_permyriad});
}

std::vector<Restraint::Step> Restraint::GiveUp(const Shares& shares) {
  std::vector<Step> steps;
  with_room_ = 0;
  within_limit_ = 0;
  ++too_much_;
  const bool is_burst = shares.programs <= 1 && shares.scheduler < kSchedulerPart;
  if (is_burst && too_much_ < kBurstPatience) return steps;
  if (since_taken_back_ < kFailsWithin) patience_ = std::min(patience_ * 2, kMostPatience);
  since_taken_back_ = kFailsWithin;
  const size_t most = shares.all <= kAlmost ? 1 : shares.all <= kFarAbove ? 2 : 3;
  for (Position& position : positions_) {
    if (steps.size() == most) break;
    const Lever& lever = position.lever;
    if (position.now == lever.least || !WouldHelp(lever, shares)) continue;
    const uint64_t from = position.now;
    position.now = Lowered(lever, from, shares.all);
    steps.push_back({.detail = lever.detail,
                     .from = from,
                     .to = position.now,
                     .cost_permyriad = shares.cost_permyriad});
    // Whether more than a longer T is needed shows when it has had its effect.
    const bool may_be_enough = from == lever.full || position.now != lever.least;
    if (lever.detail == DetailKind::kQuantum && may_be_enough) break;
  }
  with_nothing_left_ = steps.empty() ? with_nothing_left_ + 1 : 0;
  if (with_nothing_left_ >= kMissPatience) Miss(shares, true, steps);
  return steps;
}

std::vector<Restraint::Step> Restraint::TakeBack(const Shares& shares) {
  std::vector<Step> steps;
  too_much_ = 0;
  with_nothing_left_ = 0;
  ++within_limit_;
  with_room_ = shares.all <= kRoomToTakeBack ? with_room_ + 1 : 0;
  const bool has_room = with_room_ >= patience_;
  if (has_room || within_limit_ >= kEndMissPatience) Miss(shares, false, steps);
  if (!has_room) return steps;
  for (auto position = positions_.rbegin(); position != positions_.rend(); ++position) {
    if (position->now == position->lever.full) continue;
    const uint64_t from = position->now;
    position->now = TakenBack(position->lever, from);
    steps.push_back({.detail = position->lever.detail,
                     .from = from,
                     .to = position->now,
                     .taken_back = true,
                     .cost_permyriad = shares.cost_permyriad});
    with_room_ = 0;
    since_taken_back_ = 0;
    break;
  }
  return steps;
}

}  // namespace twofold
