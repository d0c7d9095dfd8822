#include "recorder/sources/sources.h"

#include <algorithm>
#include <string>
#include <utility>

#include "recorder/sources/cpi/cpi_source.h"
#include "recorder/sources/cpu/cpu_source.h"
#include "recorder/sources/exec/exec_source.h"
#include "recorder/sources/faults/faults_source.h"
#include "recorder/sources/irq/irq_source.h"
#include "recorder/sources/memory/memory_source.h"
#include "recorder/sources/offcpu/offcpu_source.h"
#include "recorder/sources/tcp/tcp_source.h"

namespace twofold {

// In the order in which they are named, read and detached: the samplers first.
Sources::Sources(Options& options) : options_(options), notes_(options.quiet) {
  sources_.push_back(std::make_unique<CpuSource>(options));
  sources_.push_back(std::make_unique<OffCpuSource>(options, notes_));
  sources_.push_back(std::make_unique<CpiSource>(options));
  sources_.push_back(std::make_unique<FaultsSource>(options));
  sources_.push_back(std::make_unique<MemorySource>(options, notes_));
  sources_.push_back(std::make_unique<TcpSource>());
  sources_.push_back(std::make_unique<ExecSource>(options, notes_));
  sources_.push_back(std::make_unique<IrqSource>());
}

std::vector<SourceWords> Sources::words() {
  std::vector<SourceWords> words;
  for (const auto& source : sources_) {
    const Source::Words& of = source->words();
    words.push_back({.name = std::string(of.name),
                     .help = std::string(of.help),
                     .by_default = of.by_default,
                     .declare = [&source](OptionSet& table) { source->DeclareOptions(table); }});
  }
  return words;
}

void Sources::Choose() {
  for (const auto& source : sources_) {
    if (source->IsAskedFor(options_)) source->Record();
  }
}

bool Sources::NeedStates() const {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source->is_recorded() && source->NeedsStates();
  });
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
  if (options_.sources.size() == 1) {
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

std::vector<Lever> Sources::Levers() const {
  std::vector<Lever> levers;
  for (const auto& source : sources_) {
    if (!source->is_recorded()) continue;
    const std::vector<Lever> own = source->Levers();
    levers.insert(levers.end(), own.begin(), own.end());
  }
  return levers;
}

void Sources::SetDetail(DetailKind detail, uint64_t value) {
  for (const auto& source : sources_) {
    if (source->is_recorded()) source->SetDetail(detail, value);
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
