// What the tests of scope share: recordings that go on while something happens, and for how long a
// thread was in scope.
//
// Moments are held against the account of the thread concerned. The test knows each one between two
// readings of the same clock, before and after; so bounds are exact, not tolerances.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {

constexpr double kIdentityPart = 0.001;  // of the window, as in accounting_test.cc

// CLOCK_MONOTONIC.
uint64_t NowNs();

// A moment that lies between two readings of the clock.
struct Moment {
  uint64_t before_ns = 0;
  uint64_t after_ns = 0;

  template <typename Action>
  static Moment Of(Action action) {
    Moment moment;
    moment.before_ns = NowNs();
    action();
    moment.after_ns = NowNs();
    return moment;
  }
};

// A recording with intervals of 250 ms that runs until Finish.
class Recorder {
 public:
  // Returns when everything is traced.
  explicit Recorder(const std::vector<std::string>& options);

  // Ends it with Ctrl-C; the test fails if the recorder does.
  Capture Finish();

  // Waits until it ends by itself; the test fails if it does not, or says that it failed.
  Capture WaitForEnd(int status = 0);

 private:
  std::string Path() const { return workplace_.Path("capture.twofold"); }

  Workplace workplace_;
  std::unique_ptr<Program> program_;
};

inline void LetIntervalsPass(int count) {
  std::this_thread::sleep_for(std::chrono::milliseconds(250 * count));
}

// Programs that run until this is destroyed.
class Workloads {
 public:
  // Returns the process's id when the program runs under its own name.
  uint32_t Start(const std::vector<std::string>& words, const std::string& name);

  // One of tests/live/workloads, for a minute.
  uint32_t StartOurs(const std::string& name) { return Start({WorkloadPath(name), "60"}, name); }

 private:
  Workplace workplace_;
  std::vector<std::unique_ptr<Program>> programs_;
};

// The thread of a process that has a name; waits until it has it.
uint32_t TidOf(uint32_t pid, const std::string& name);

// Names, processes and threads of which an account, a sample or a block tells.
std::set<ThreadId> RecordedThreads(const Capture& capture);
std::set<std::string> RecordedNames(const Capture& capture);
std::set<uint32_t> RecordedPids(const Capture& capture);
std::set<uint32_t> RecordedTids(const Capture& capture);

// How long a thread was in scope, and blocked meanwhile, under whatever names.
uint64_t ExistedNs(const Capture& capture, uint32_t tid);
uint64_t AccountedBlockedNs(const Capture& capture, uint32_t tid);

Moment StartOf(const Capture& capture);
Moment EndOf(const Capture& capture);

// The thread was in scope from one moment to another; where it left the scope again, its states
// fill that time.
void ExpectInScope(const Capture& capture, uint32_t tid, const Moment& from, const Moment& to);

// The recorder refuses the options with status 1 and one line that has `part` in it, and leaves
// nothing behind.
void ExpectRefusal(const std::vector<std::string>& options, const std::string& part);

}  // namespace twofold::live
