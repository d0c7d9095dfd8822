// What of a recording concerns memory (--record memleak): whether this host can, which processes'
// allocators are probed, and how many bytes stand between samples.
#pragma once

#include <cstdint>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"
#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/cost/restraint.h"
#include "recorder/names/name_reader.h"
#include "recorder/sources/memory/leak_restraint.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

class LeakRecording {
 public:
  // `options` outlives it.
  explicit LeakRecording(const Options& options) : options_(options), notes_(options.quiet) {}

  // Without a way to record memory the rest of the recording goes on, with a note, if there is any.
  // Error: there is none, and this is why.
  Result<void> Prepare(TracerSettings& settings);

  // Probes the allocators of the processes in scope. After Tracer::Start; the same holds for
  // errors.
  Result<void> Start(Tracer& tracer, NameReader& reader);

  bool is_recorded() const { return tracer_ != nullptr; }

  // A process in scope has mapped something: a library with an allocator, perhaps.
  void Follow(Pid pid);

  // As LeakRestraint::Judge, and sees to B. Without a recording of memory: `spent`.
  Restraint::Spent Restrain(const Restraint::Spent& spent, uint64_t elapsed_ns, uint32_t cpus);

 private:
  Result<void> GoOnWithout(const Error& failure) const;
  void TellOfFilesWithoutNew();

  const Options& options_;
  const Notes notes_;
  Tracer* tracer_ = nullptr;
  NameReader* reader_ = nullptr;
  std::vector<Pid> pids_;  // of user scope
  LeakRestraint restraint_{1, 0, false, false};
  bool told_of_failure_ = false;
};

}  // namespace twofold
