#include "recorder/sources/memory/leak_recording.h"

#include <algorithm>
#include <string>

#include "recorder/host/kernel_btf.h"
#include "recorder/host/kernel_features.h"
#include "recorder/tracer/uprobe_multi.h"

namespace twofold {

Result<void> LeakRecording::GoOnWithout(const Error& failure) const {
  if (options_.SourceCount() == 1) {
    return Error{.what = "memory cannot be recorded: " + failure.what,
                 .where = failure.where.empty() ? "--record memleak" : failure.where,
                 .remedy = failure.remedy.empty() ? "twofold-record --check tells what this host "
                                                    "can record"
                                                  : failure.remedy};
  }
  notes_.Print("memory is not recorded, because " + failure.what + ".");
  return {};
}

Result<void> LeakRecording::Prepare(TracerSettings& settings) {
  if (!options_.memleak) return {};
  if (options_.leak_kernel) {
    const Result<KernelBtf> types = KernelBtf::Load();
    const Result<void> there = types ? TryKernelAllocations(*types) : Result<void>(types.error());
    if (!there) return GoOnWithout(there.error());
  }
  settings.leak_scope =
      options_.leak_kernel ? TracerSettings::LeakScope::kKernel : TracerSettings::LeakScope::kUser;
  settings.uprobe_sessions = !options_.leak_kernel && HasUprobeSessions();
  settings.leak_sample_bytes = options_.leak_sample_bytes;
  settings.leak_age_ns = uint64_t(options_.leak_age_s * 1e9);
  return {};
}

Result<void> LeakRecording::Start(Tracer& tracer, NameReader& reader) {
  size_t functions = 0;
  for (const Pid pid : options_.leak_kernel ? std::vector<Pid>() : options_.pids) {
    const Result<size_t> probed = tracer.FollowAllocators(pid, reader);
    if (!probed) return GoOnWithout(probed.error());
    functions = *probed;
  }
  if (!options_.leak_kernel && functions == 0) {
    return GoOnWithout(
        Error{.what = tracer.WhyNoAllocators(),
              .where = "-p " + std::to_string(options_.pids.front().value),
              .remedy = "What the kernel allocates can be recorded with --leak-scope kernel, also "
                        "for programs with an allocator of their own"});
  }
  tracer_ = &tracer;
  reader_ = &reader;
  if (!options_.leak_kernel) pids_ = options_.pids;
  TellOfFilesWithoutNew();
  restraint_ = LeakRestraint(options_.leak_sample_bytes, options_.max_overhead_permyriad,
                             options_.max_overhead_given,
                             options_.max_overhead_given || !options_.leak_sample_given);
  return {};
}

void LeakRecording::TellOfFilesWithoutNew() {
  for (const std::string& file : tracer_->TakeFilesWithoutNew()) {
    notes_.Print(
        "what operator new of " + file +
        " allocates is not recorded: an exception that it throws when memory is refused would "
        "end the program (this takes Linux 6.13, and a process without a limit on memory).");
  }
}

void LeakRecording::Follow(Pid pid) {
  if (tracer_ == nullptr || std::find(pids_.begin(), pids_.end(), pid) == pids_.end()) return;
  const Result<size_t> probed = tracer_->FollowAllocators(pid, *reader_);
  TellOfFilesWithoutNew();
  if (probed || told_of_failure_) return;
  told_of_failure_ = true;
  notes_.Print("memory that a new library allocates is not recorded, because " +
               probed.error().what + ".");
}

Restraint::Spent LeakRecording::Restrain(const Restraint::Spent& spent, uint64_t elapsed_ns,
                                         uint32_t cpus) {
  if (tracer_ == nullptr) return spent;
  const uint64_t sample_bytes = restraint_.sample_bytes();
  const Restraint::Spent others = restraint_.Judge(spent, elapsed_ns, cpus);
  if (restraint_.sample_bytes() != sample_bytes) {
    tracer_->SetLeakSampleBytes(restraint_.sample_bytes());
  }
  return others;
}

}  // namespace twofold
