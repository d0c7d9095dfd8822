#include "recorder/cost/restraint.h"

#include <algorithm>

namespace twofold {
namespace {

// How often in a row the cost must be too high with the largest T before recording stops: one
// stretch may have had its cost from the T before.
constexpr int kPatience = 2;

// The same for what T has no influence on.
constexpr int kLongPatience = 10;

// While all programs keep to the limit T is raised only when those that it can turn down have at
// least this part of what is allowed: else it is a burst of the recorder's own work.
constexpr double kSchedulerPart = 0.5;

// T goes down by half only when twice the cost is allowed, or it would swing.
constexpr double kRoomToLower = 0.45;

// Where T was raised and the cost is still above the limit, but not by more than this, a tenth of
// the walks is enough; a larger T would only make the estimates worse.
constexpr double kAlmost = 1.3;
constexpr uint64_t kSecondFactor = 10;

constexpr uint64_t kSmallestRaisedNs = 100'000;

}  // namespace

Restraint::Restraint(uint32_t limit_permyriad, uint32_t cpus, uint64_t quantum_ns)
    : limit_(double(limit_permyriad) / 10'000 * double(std::max(cpus, 1u))),
      first_quantum_ns_(quantum_ns),
      quantum_ns_(quantum_ns) {}

Restraint::Verdict Restraint::Judge(const Spent& spent, uint64_t elapsed_ns) {
  if (limit_ == 0 || elapsed_ns == 0) return Verdict::kKeep;
  const double allowed_ns = limit_ * double(elapsed_ns);
  const double scheduler = double(spent.scheduler_ns) / allowed_ns;
  const double programs = double(spent.programs_ns) / allowed_ns;
  const double share = programs + double(spent.recorder_ns) / allowed_ns;
  too_much_ = share > 1 ? too_much_ + 1 : 0;
  if (programs <= 1) programs_too_much_ = 0;
  if (too_much_ >= kLongPatience) return Verdict::kStop;
  if (share <= 1) {
    if (share > kRoomToLower || quantum_ns_ == first_quantum_ns_) return Verdict::kKeep;
    quantum_ns_ = std::max(first_quantum_ns_, quantum_ns_ / 2);
    if (first_quantum_ns_ == 0 && quantum_ns_ < kSmallestRaisedNs) quantum_ns_ = 0;
    return Verdict::kChangeQuantum;
  }
  if (programs <= 1 && scheduler < kSchedulerPart) return Verdict::kKeep;
  if (quantum_ns_ >= kLargestQuantumNs || programs - scheduler > 1) {
    if (programs > 1) ++programs_too_much_;
    return programs_too_much_ >= kPatience ? Verdict::kStop : Verdict::kKeep;
  }
  if (quantum_ns_ > first_quantum_ns_) {
    // Either it was almost enough, or walks are not what it is.
    if (programs > 1 && ++programs_too_much_ >= kPatience) return Verdict::kStop;
    quantum_ns_ = share <= kAlmost ? std::min(quantum_ns_ * kSecondFactor, kLargestQuantumNs)
                                   : kLargestQuantumNs;
    return Verdict::kChangeQuantum;
  }
  // What T can change is the walks, whose number goes as 1/T; a part of the cost stays. So it is
  // raised by much at once: a second later it is right, or at its largest.
  const double factor = programs > 4 ? 1000 : 30;
  quantum_ns_ = uint64_t(std::min(double(std::max(quantum_ns_, kSmallestRaisedNs)) * factor,
                                  double(kLargestQuantumNs)));
  return Verdict::kChangeQuantum;
}

}  // namespace twofold
