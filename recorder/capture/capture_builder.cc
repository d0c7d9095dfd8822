#include "recorder/capture/capture_builder.h"

#include <algorithm>

#include "recorder/capture/merge_rows.h"

namespace twofold {

CaptureBuilder::CaptureBuilder(const Recording& recording, const Tracer& tracer,
                               ProcessTable& processes, Symbolizer& symbolizer,
                               const KernelSymbols& kernel_symbols, CgroupPaths& cgroup_paths,
                               DefinitionsBuilder& definitions)
    : recording_(recording),
      symbolizer_(symbolizer),
      definitions_(definitions),
      threads_(recording, processes, cgroup_paths, definitions),
      stacks_(tracer, processes, symbolizer, kernel_symbols, definitions) {}

Interval CaptureBuilder::Begin(const Reading& reading, bool has_accounts, const TimeRange& when) {
  stacks_.BeginInterval(when);
  symbolizer_.BeginInterval(when.from_ns);
  // Every thread in scope is told of, also one that no row refers to.
  for (const twofold_thread& thread : reading.threads) threads_.Define(thread);
  for (const ProcessEndReading& end : reading.process_ends) threads_.NoteExitStatus(end);
  Interval interval;
  interval.losses = reading.losses;
  if (has_accounts) BuildAccounts(reading, interval);
  return interval;
}

void CaptureBuilder::BuildAccounts(const Reading& reading, Interval& interval) {
  std::vector<Account>& accounts = interval.accounts.emplace();
  std::vector<WaitCount>& waits = interval.wait_counts.emplace();
  for (const AccountDifference& difference : reading.accounts) {
    accounts.push_back(threads_.BuildAccount(difference));
    for (uint8_t bucket = 0; bucket < kWaitBuckets; ++bucket) {
      if (difference.waits[bucket] == 0) continue;
      waits.push_back(WaitCount{
          .thread = accounts.back().thread, .bucket = bucket, .count = difference.waits[bucket]});
    }
  }
  MergeRows(waits);
  std::sort(accounts.begin(), accounts.end(),
            [](const Account& a, const Account& b) { return a.thread < b.thread; });
}

void CaptureBuilder::Finish(Interval& interval) {
  const auto lose = [&](LossCause cause, uint64_t count) {
    if (count > 0) interval.losses.push_back(Loss{.cause = cause, .count = count});
  };
  lose(LossCause::kModuleUnreadable, symbolizer_.TakeUnreadableModules());
  lose(LossCause::kFileGivenUp, symbolizer_.TakeGivenUpFiles());
  lose(LossCause::kRuntimeCodeUnnamed, symbolizer_.TakeProcessesWithoutRuntimeNames());
  lose(LossCause::kRuntimeNamesUnusable, symbolizer_.TakeUnusableRuntimeFiles());
  lose(LossCause::kProcessUnknown, threads_.TakeUnknownProcesses());
}

void CaptureBuilder::DefineProcessEnds(uint64_t before_monotonic_ns) {
  stacks_.Forget(threads_.DefineProcessEnds(before_monotonic_ns));
}

}  // namespace twofold
