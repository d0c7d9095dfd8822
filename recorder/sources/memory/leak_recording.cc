#include "recorder/sources/memory/leak_recording.h"

#include <algorithm>
#include <string>

#include "recorder/cli/note.h"
#include "recorder/host/kernel_btf.h"
#include "recorder/host/kernel_features.h"
#include "recorder/tracer/uprobe_multi.h"

namespace twofold {
namespace {

Result<void> GoOnWithout(const Options& options, const Error& failure) {
  if (options.SourceCount() == 1) {
    return Error{.what = "memory cannot be recorded: " + failure.what,
                 .where = failure.where.empty() ? "--record memleak" : failure.where,
                 .remedy = failure.remedy.empty() ? "twofold-record --check tells what this host "
                                                    "can record"
                                                  : failure.remedy};
  }
  PrintNote("memory is not recorded, because " + failure.what + ".");
  return {};
}

}  // namespace

Result<void> LeakRecording::Prepare(const Options& options, TracerSettings& settings) {
  if (!options.memleak) return {};
  if (options.leak_kernel) {
    const Result<KernelBtf> types = KernelBtf::Load();
    const Result<void> there = types ? TryKernelAllocations(*types) : Result<void>(types.error());
    if (!there) return GoOnWithout(options, there.error());
  }
  settings.leak_scope =
      options.leak_kernel ? TracerSettings::LeakScope::kKernel : TracerSettings::LeakScope::kUser;
  settings.uprobe_sessions = !options.leak_kernel && HasUprobeSessions();
  settings.leak_sample_bytes = options.leak_sample_bytes;
  settings.leak_age_ns = uint64_t(options.leak_age_s * 1e9);
  return {};
}

Result<void> LeakRecording::Start(const Options& options, Tracer& tracer, NameReader& reader) {
  size_t functions = 0;
  for (const Pid pid : options.leak_kernel ? std::vector<Pid>() : options.pids) {
    const Result<size_t> probed = tracer.FollowAllocators(pid, reader);
    if (!probed) return GoOnWithout(options, probed.error());
    functions = *probed;
  }
  if (!options.leak_kernel && functions == 0) {
    return GoOnWithout(
        options,
        Error{.what = tracer.WhyNoAllocators(),
              .where = "-p " + std::to_string(options.pids.front().value),
              .remedy = "What the kernel allocates can be recorded with --leak-scope kernel, also "
                        "for programs with an allocator of their own"});
  }
  tracer_ = &tracer;
  reader_ = &reader;
  if (!options.leak_kernel) pids_ = options.pids;
  TellOfFilesWithoutNew();
  restraint_ = LeakRestraint(options.leak_sample_bytes, options.max_overhead_permyriad,
                             options.max_overhead_given,
                             options.max_overhead_given || !options.leak_sample_given);
  return {};
}

void LeakRecording::TellOfFilesWithoutNew() {
  for (const std::string& file : tracer_->TakeFilesWithoutNew()) {
    PrintNote(
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
  PrintNote("memory that a new library allocates is not recorded, because " + probed.error().what +
            ".");
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
