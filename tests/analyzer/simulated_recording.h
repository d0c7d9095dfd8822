// Recordings made by chance, as the recorder makes them (format/capture.h), of threads whose times
// by function are known: part by part, a block shorter than T is kept with the probability d / T
// and counts T, and as T / d blocks; each block ends with a wait of no length; CPU time is sampled
// at a CPU's ticks.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "format/capture.h"

namespace twofold::testing {

// A function is a number: the user stack of its rows.
using Function = uint32_t;

struct FunctionTruth {
  uint64_t on_cpu_ns = 0;
  uint64_t blocked_ns = 0;
  uint64_t blocks = 0;
};

class SimulatedRecording {
 public:
  struct Settings {
    uint64_t period_ns = 10101010;  // of CPU samples
    uint64_t quantum_ns = 1000000;  // T
    // T changes from 20 ms to 20 ms, and from thread to thread: to one of these by chance. Empty:
    // it is quantum_ns, which is the largest of them otherwise.
    std::vector<uint64_t> quanta_ns;
    uint64_t interval_ns = 1000000000;
    uint32_t intervals = 10;
    // Where the accounts of a thread that began after the window lie: so many intervals later than
    // the thread's time. (The last interval keeps its own.)
    uint32_t accounts_late = 0;
  };

  SimulatedRecording(const Settings& settings, uint64_t seed);

  // A process with one thread, both of that name.
  ThreadId AddThread(const std::string& name, const std::string& executable);

  // The thread runs, or is blocked, from start_ns on. Threads that begin at 0 are those of before.
  void Run(ThreadId thread, Function function, uint64_t start_ns, uint64_t length_ns);
  void Block(ThreadId thread, Function function, uint64_t start_ns, uint64_t length_ns,
             BlockState state = BlockState::kInterruptible);

  // Random numbers for what threads do.
  std::mt19937_64& random() { return random_; }
  uint64_t WindowNs() const { return settings_.interval_ns * settings_.intervals; }
  const std::map<Function, FunctionTruth>& truth() const { return truth_; }

  Capture Finish();

 private:
  // Calls use(interval, start_ns, length_ns, is_last) for each part of a time.
  template <typename Use>
  void ForEachPart(uint64_t start_ns, uint64_t length_ns, Use use);
  StringId Intern(const std::string& text);
  uint64_t QuantumAt(ThreadId thread, uint64_t start_ns) const;
  Account& AccountOf(uint32_t interval, ThreadId thread);

  const Settings settings_;
  std::mt19937_64 random_;
  uint64_t first_tick_ns_;
  Capture capture_;
  std::map<std::string, StringId> strings_;
  std::vector<bool> is_born_;  // by thread id: in the window
  std::map<Function, FunctionTruth> truth_;
  std::map<std::tuple<uint32_t, uint32_t, Function>, uint64_t> samples_;
  std::map<std::tuple<uint32_t, uint32_t, Function, BlockState>, BlockedRow> blocked_;
  std::map<std::pair<uint32_t, uint32_t>, Account> accounts_;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> waits_;  // by interval and thread
};

}  // namespace twofold::testing
