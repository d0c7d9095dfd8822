// What of a recording concerns memory (--record memleak): whether this host can, which processes'
// allocators are probed, and how many bytes stand between samples.
#pragma once

#include <cstdint>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"
#include "recorder/name_reader.h"
#include "recorder/options.h"
#include "recorder/restraint.h"
#include "recorder/tracer.h"

namespace twofold {

class LeakRecording {
 public:
  // The largest B.
  static constexpr uint64_t kLargestSample_bytes = 1 << 20;

  // Without a way to record memory the rest of the recording goes on, with a note, if there is any.
  // Error: there is none, and this is why.
  static Result<void> Prepare(const Options& options, TracerSettings& settings);

  // Probes the allocators of the processes in scope. After Tracer::Start; the same holds for
  // errors.
  Result<void> Start(const Options& options, Tracer& tracer, NameReader& reader);

  bool is_recorded() const { return tracer_ != nullptr; }

  // A process in scope has mapped something: a library with an allocator, perhaps.
  void Follow(Pid pid);

  // Keeps the cost of the programs in allocators below what is allowed by raising B, as far as that
  // helps; each allocation that is kept knows what it stands for. What an allocation costs at least
  // was asked for, and so was a B that the user has set: where the user has set no limit as well, B
  // stays, and the cost makes nothing stop. Returns what the others' restraint is to judge.
  Restraint::Spent Restrain(Restraint::Spent spent, uint64_t elapsed_ns, uint32_t cpus);

 private:
  void TellOfFilesWithoutNew();

  Tracer* tracer_ = nullptr;
  NameReader* reader_ = nullptr;
  std::vector<Pid> pids_;  // of user scope
  uint64_t sample_bytes_ = 1;
  uint32_t limit_permyriad_ = 0;
  bool limit_given_ = false;
  bool may_raise_ = false;
  bool told_of_failure_ = false;
};

}  // namespace twofold
