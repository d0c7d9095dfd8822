// Self-restraint: keeps the cost of recording below what the user allows.
//
// The cost is what the BPF programs and the recorder itself took of the host's CPU time: of all its
// CPUs together. Where it is too high, detail is given up in steps, the most dispensable first, and
// only such detail as the cost comes from. Where there is room again it is taken back, one step at
// a time: one that had to be given up again at once has to wait twice as long. What is left in the
// end, exact times of threads, is recorded whatever it costs, unless the caller stops then.
//
// What the recorder does outside of the programs, such as reading symbols of processes that it sees
// for the first time, comes in bursts: it has to be too much for ten judgements on end.
//
// This decides; it does nothing itself. The sources say what they can do without, and do so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "format/records/detail_steps.h"

namespace twofold {

// What a source can do without.
struct Lever {
  DetailKind detail = DetailKind::kOther;
  uint64_t full = 0;   // as the user asked for it
  uint64_t least = 0;  // when it is given up
  // What it makes less: what is done at switches and wake-ups, or else.
  bool at_switches = true;
};

class Restraint {
 public:
  // The largest T: one second.
  static constexpr uint64_t kLargestQuantumNs = 1'000'000'000;

  // `limit_permyriad`: hundredths of a per cent of the host's CPU time; 0: no limit. Levers are
  // used in the order of DetailKind.
  Restraint(uint32_t limit_permyriad, uint32_t cpus, const std::vector<Lever>& levers);

  // The CPU time that a stretch of time, of a second or so, has cost.
  struct Spent {
    uint64_t scheduler_ns = 0;  // in the programs at switches and wake-ups
    uint64_t programs_ns = 0;   // in all programs
    uint64_t recorder_ns = 0;   // in the recorder itself
    uint64_t AllNs() const { return programs_ns + recorder_ns; }
  };

  struct Step {
    DetailKind detail = DetailKind::kOther;
    uint64_t from = 0;
    uint64_t to = 0;
    bool taken_back = false;
    uint32_t cost_permyriad = 0;  // of the host's CPU time, that led to it

    friend bool operator==(const Step&, const Step&) = default;
  };

  // What is to be done now, in this order; mostly nothing. DetailKind::kLimit, which is no lever,
  // says that the limit is missed with nothing left to give up, or is no longer.
  std::vector<Step> Judge(const Spent& spent, uint64_t elapsed_ns);

  // The limit is missed, and nothing is left to give up.
  bool is_missed() const { return is_missed_; }
  // Steps that were taken and not taken back.
  size_t given_up() const;

 private:
  // In parts of what is allowed.
  struct Shares {
    double all;
    double programs;
    double scheduler;
    uint32_t cost_permyriad;
  };
  struct Position {
    Lever lever;
    uint64_t now;
  };

  std::vector<Step> GiveUp(const Shares& shares);
  std::vector<Step> TakeBack(const Shares& shares);
  void Miss(const Shares& shares, bool is_missed, std::vector<Step>& steps);
  bool WouldHelp(const Lever& lever, const Shares& shares) const;

  double limit_;  // part of one CPU; 0: none
  uint32_t cpus_;
  std::vector<Position> positions_;
  bool is_missed_ = false;
  // Judgements in a row:
  int too_much_ = 0;
  int with_nothing_left_ = 0;
  int with_room_ = 0;
  int within_limit_ = 0;
  int since_taken_back_;
  int patience_;  // with room before a step is taken back
};

}  // namespace twofold
