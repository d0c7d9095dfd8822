// Self-restraint: keeps the cost of recording below what the user allows.
//
// The cost is what the BPF programs and the recorder itself took of the host's CPU time: of all its
// CPUs together. What can be turned down is how many short blocks are walked, so when the cost is
// too high, the quantum T is raised; rows stay unbiased, because each knows its T. What an event
// costs at the least, and what CPU samples cost, cannot be turned down: if that alone is too much,
// T stays, and recording has to stop.
//
// What the recorder does outside of the programs, such as reading symbols of processes that it sees
// for the first time, comes in bursts that T has nothing to do with: it has to be too much for ten
// seconds on end.
#pragma once

#include <cstdint>

namespace twofold {

class Restraint {
 public:
  enum class Verdict { kKeep, kChangeQuantum, kStop };

  // The largest T: one second.
  static constexpr uint64_t kLargestQuantumNs = 1'000'000'000;

  // `limit_permyriad`: hundredths of a per cent of the host's CPU time; 0: no limit.
  // `quantum_ns`: T at the start; 0 (every block is kept) is raised as well, if need be.
  Restraint(uint32_t limit_permyriad, uint32_t cpus, uint64_t quantum_ns);

  // The CPU time that a stretch of time, of a second or so, has cost.
  struct Spent {
    uint64_t scheduler_ns = 0;  // in the programs at switches and wake-ups: what T can turn down
    uint64_t programs_ns = 0;   // in all programs
    uint64_t recorder_ns = 0;   // in the recorder itself
  };
  Verdict Judge(const Spent& spent, uint64_t elapsed_ns);

  // T from now on.
  uint64_t quantum_ns() const { return quantum_ns_; }

 private:
  double limit_;  // part of one CPU; 0: none
  uint64_t first_quantum_ns_;
  uint64_t quantum_ns_;
  int programs_too_much_ = 0;  // judgements in a row, with the largest T
  int too_much_ = 0;           // judgements in a row
};

}  // namespace twofold
