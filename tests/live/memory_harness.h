// What the live tests of memory share: a workload that waits until it is recorded, and sums of rows
// of memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/capture.h"
#include "tests/live/record_harness.h"
#include "tests/live/scope_harness.h"

namespace twofold::live {

// What memory a capture tells of.
struct Memory {
  uint64_t allocated_bytes = 0;
  uint64_t allocated_count = 0;
  uint64_t samples = 0;
  uint64_t freed_bytes = 0;
  uint64_t freed_count = 0;
  uint64_t untracked_bytes = 0;
  uint64_t untracked_count = 0;
  // When the recording ended:
  uint64_t outstanding_bytes = 0;
  uint64_t outstanding_count = 0;
  uint64_t outstanding_samples = 0;
  uint64_t variance_bytes2 = 0;
  uint64_t young_count = 0;  // of outstanding_count: of age 0
};

// Of rows with a function anywhere in the user or kernel stack (empty: all), of one kind
// (nullopt: all).
Memory MemoryOf(const Capture& capture, const std::string& function,
                std::optional<AllocationKind> kind = {});

// The test fails unless for every combination of thread, kind and stacks what was allocated less
// what was freed or could not be tracked is what is outstanding.
void ExpectAllAccountedFor(const Capture& capture);

// A workload that is recorded from before it begins.
class MemoryRun {
 public:
  // `preload`: a library to take the place of malloc; empty: none. The recorder gets its -p, and
  // --record memleak unless the options say what to record.
  MemoryRun(const std::vector<std::string>& workload, const std::vector<std::string>& options,
            const std::string& preload = "");

  pid_t pid() const { return workload_->pid(); }

  // Lets the workload do what it does, and returns what it says about itself.
  Truth LetItRun();

  void End(int signal_number) { workload_->Signal(signal_number); }
  int WaitForEnd() { return workload_->Wait(); }

  // Ends the recording, unless it ends by itself.
  Capture Finish() { return recorder_->Finish(); }
  Recorder& recorder() { return *recorder_; }

 private:
  std::string Output() const;

  Workplace workplace_;
  std::unique_ptr<Program> workload_;
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace twofold::live
