#include "recorder/sources/sources.h"

#include <string>
#include <utility>

#include "recorder/sources/cpi/cpi_source.h"
#include "recorder/sources/cpu/cpu_source.h"
#include "recorder/sources/exec/exec_source.h"
#include "recorder/sources/memory/memory_source.h"
#include "recorder/sources/offcpu/offcpu_source.h"
#include "recorder/sources/tcp/tcp_source.h"

namespace twofold {

// In the order in which they are named in a capture, read and detached: the samplers first.
Sources::Sources(const Options& options, const Notes& notes) : options_(options), notes_(notes) {
  sources_.push_back(std::make_unique<CpuSource>(options));
  sources_.push_back(std::make_unique<CpiSource>(options));
  sources_.push_back(std::make_unique<OffCpuSource>(options, notes));
  sources_.push_back(std::make_unique<MemorySource>(options, notes));
  sources_.push_back(std::make_unique<ExecSource>(options, notes));
  sources_.push_back(std::make_unique<TcpSource>(options));
}

std::vector<TracedSource*> Sources::traced() const {
  std::vector<TracedSource*> traced;
  for (const auto& source : sources_) traced.push_back(source.get());
  return traced;
}

Result<void> Sources::GoOnWithoutSource(Source& source, const Error& failure) {
  source.Detach();
  source.LeaveOut();
  const Source::Words& words = source.words();
  const std::string subject(words.subject);
  if (options_.SourceCount() == 1) {
    return Error{
        .what = subject + " cannot be recorded: " + failure.what,
        .where = failure.where.empty() ? "--record " + std::string(words.name) : failure.where,
        .remedy = failure.remedy.empty() ? std::string(words.remedy) : failure.remedy};
  }
  notes_.Print(subject + (words.is_plural ? " are" : " is") + " not recorded, because " +
               failure.what + ".");
  return {};
}

Result<void> Sources::GoOnWithout(TracedSource& source, const Error& failure) {
  for (const auto& known : sources_) {
    if (known.get() == &source) return GoOnWithoutSource(*known, failure);
  }
  return failure;
}

Result<void> Sources::Probe() {
  for (const auto& source : sources_) {
    if (!source->is_recorded()) continue;
    const Result<void> there = source->Probe();
    if (!there) TWOFOLD_RETURN_IF_ERROR(GoOnWithoutSource(*source, there.error()));
  }
  return {};
}

Result<void> Sources::Begin(NameReader& reader) {
  for (const auto& source : sources_) {
    if (!source->is_recorded()) continue;
    const Result<void> begun = source->Begin(reader);
    if (!begun) TWOFOLD_RETURN_IF_ERROR(GoOnWithoutSource(*source, begun.error()));
  }
  return {};
}

void Sources::Describe(Settings& settings) const {
  for (const auto& source : sources_) {
    if (!source->is_recorded()) continue;
    settings.sources.emplace_back(source->words().name);
    source->Describe(settings);
  }
}

void Sources::BuildRows(CaptureBuilder& builder, Interval& interval) {
  for (const auto& source : sources_) {
    if (source->is_recorded()) source->BuildRows(builder, interval);
  }
}

void Sources::FollowMappings(Pid pid) {
  for (const auto& source : sources_) {
    if (source->is_recorded()) source->FollowMappings(pid);
  }
}

void Sources::SetQuantum(uint64_t quantum_ns) {
  for (const auto& source : sources_) {
    if (source->is_recorded()) source->SetQuantum(quantum_ns);
  }
}

Restraint::Spent Sources::Restrain(Restraint::Spent spent, uint64_t elapsed_ns, uint32_t cpus) {
  for (const auto& source : sources_) {
    if (source->is_recorded()) spent = source->Restrain(spent, elapsed_ns, cpus);
  }
  return spent;
}

void Sources::Check(const KernelBtf* types, std::vector<Finding>& findings) const {
  for (const auto& source : sources_) source->Check(types, findings);
}

}  // namespace twofold
