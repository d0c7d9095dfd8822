// All sources.
#pragma once

#include <memory>
#include <vector>

#include "format/base/result.h"
#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/sources/source.h"

namespace twofold {

class Sources {
 public:
  // Every source that there is. `options` are borrowed; the command line sets them, and must not
  // move them any more.
  explicit Sources(Options& options);

  // For ParseOptions.
  std::vector<SourceWords> words();

  // The options are set: those that they name are recorded.
  void Choose();
  bool NeedStates() const;

  // Asks each whether this host can have it.
  Result<void> Probe();
  // Leaves one out that cannot be had, with a note. Error: nothing else was asked for.
  Result<void> GoOnWithout(TracedSource& source, const Error& failure);
  Result<void> Begin(NameReader& reader);
  // Their names, and their settings.
  void Describe(Settings& settings) const;
  void BuildRows(CaptureBuilder& builder, Interval& interval);
  void FollowMappings(Pid pid);
  // As Source::Levers, of all of them.
  std::vector<Lever> Levers() const;
  void SetDetail(DetailKind detail, uint64_t value);
  // As Source::Restrain, of all of them.
  Restraint::Spent Restrain(Restraint::Spent spent, uint64_t elapsed_ns, uint32_t cpus);
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const;

  std::vector<TracedSource*> traced() const;

 private:
  Result<void> GoOnWithoutSource(Source& source, const Error& failure);

  Options& options_;
  const Notes notes_;
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace twofold
