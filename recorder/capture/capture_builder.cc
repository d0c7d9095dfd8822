#include "recorder/capture/capture_builder.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "recorder/base/clocks.h"
#include "recorder/capture/merge_rows.h"

namespace twofold {
namespace {

std::string_view NameOf(const twofold_thread& thread) {
  return {thread.comm, strnlen(thread.comm, sizeof(thread.comm))};
}

}  // namespace

CaptureBuilder::CaptureBuilder(const Recording& recording, const Tracer& tracer,
                               ProcessTable& processes, Symbolizer& symbolizer,
                               const KernelSymbols& kernel_symbols, CgroupPaths& cgroup_paths,
                               DefinitionsBuilder& definitions)
    : recording_(recording),
      tracer_(tracer),
      processes_(processes),
      symbolizer_(symbolizer),
      kernel_symbols_(kernel_symbols),
      cgroup_paths_(cgroup_paths),
      definitions_(definitions) {}

int64_t CaptureBuilder::SinceStart(uint64_t boottime_ns) const {
  return int64_t(boottime_ns) - int64_t(recording_.start_boottime_ns);
}

Interval CaptureBuilder::Build(const Reading& reading, const TracerSettings& settings,
                               uint64_t from_ns) {
  ++builds_;
  rows_when_ = {.from_ns = from_ns, .to_ns = MonotonicNowNs()};
  symbolizer_.BeginInterval(from_ns);
  // Every thread in scope is told of, also one that no row refers to.
  for (const twofold_thread& thread : reading.threads) DefineThread(thread);
  for (const ProcessEndReading& end : reading.process_ends) NoteExitStatus(end);
  Interval interval;
  interval.losses = reading.losses;
  if (settings.cpu) {
    CpuRows& cpu_rows = interval.cpu.emplace();
    cpu_rows.period_ns = tracer_.sample_period_ns();
    for (const CpuDifference& difference : reading.cpu) {
      const twofold_cpu_key& key = difference.key;
      const ThreadId thread = ThreadOf(key.thread);
      cpu_rows.rows.push_back(CpuRow{
          .thread = thread,
          .kernel_stack = KernelStack(Tracer::StackClass::kCpu, key.kernel_stack),
          .user_stack =
              UserStack(Tracer::StackClass::kCpu, key.user_stack, thread_process_.at(key.thread)),
          .samples = difference.samples});
    }
    MergeRows(cpu_rows.rows);
  }
  if (settings.counters && !tracer_.counters_failure()) BuildCounterRows(reading, interval);
  if (settings.leak_scope != TracerSettings::LeakScope::kNone) {
    BuildMemoryRows(reading, interval);
  }
  if (settings.exec) BuildExecRows(reading, interval);
  if (settings.tcp) BuildRetransmits(reading, settings, interval);
  if (settings.offcpu) {
    // A thread may still carry them, in chains that it will be a part of.
    for (const uint64_t key : reading.retired_wakers) WakerOf(key);
    BuildOffCpuRows(reading, interval);
    for (const ExemplarReading& exemplar : reading.exemplars) {
      interval.exemplars.push_back(BuildExemplar(exemplar));
    }
    interval.quantum_ns = reading.quantum_ns;
  }
  if (settings.states) {
    std::vector<Account>& accounts = interval.accounts.emplace();
    std::vector<WaitCount>& waits = interval.wait_counts.emplace();
    for (const AccountDifference& difference : reading.accounts) {
      accounts.push_back(BuildAccount(difference));
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
  const uint64_t unreadable = symbolizer_.TakeUnreadableModules();
  if (unreadable > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kModuleUnreadable, .count = unreadable});
  }
  const uint64_t given_up = symbolizer_.TakeGivenUpFiles();
  if (given_up > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kFileGivenUp, .count = given_up});
  }
  const uint64_t unnamed = symbolizer_.TakeProcessesWithoutRuntimeNames();
  if (unnamed > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kRuntimeCodeUnnamed, .count = unnamed});
  }
  const uint64_t unusable = symbolizer_.TakeUnusableRuntimeFiles();
  if (unusable > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kRuntimeNamesUnusable, .count = unusable});
  }
  if (unknown_processes_counted_ > 0) {
    interval.losses.push_back(
        Loss{.cause = LossCause::kProcessUnknown, .count = unknown_processes_counted_});
    unknown_processes_counted_ = 0;
  }
  return interval;
}

void CaptureBuilder::NoteExitStatus(const ProcessEndReading& end) {
  const auto process = thread_process_.find(end.thread);
  if (process == thread_process_.end() || process->second.image == nullptr) return;
  const uint32_t signal = end.wait_status & 0x7f;
  images_.at(process->second.image).exit_status =
      signal == 0 ? end.wait_status >> 8 & 0xff : kKilledBySignal + signal;
}

void CaptureBuilder::BuildOffCpuRows(const Reading& reading, Interval& interval) {
  std::vector<BlockedRow>& blocked = interval.blocked.emplace();
  std::vector<WaitingRow>& waiting = interval.waiting.emplace();
  for (const OffCpuDifference& difference : reading.offcpu) {
    const twofold_offcpu_key& key = difference.key;
    const twofold_offcpu_value& added = difference.added;
    const ThreadId thread = ThreadOf(key.thread);
    const StackId kernel_stack = KernelStack(Tracer::StackClass::kOffCpu, key.kernel_stack);
    const StackId user_stack =
        UserStack(Tracer::StackClass::kOffCpu, key.user_stack, thread_process_.at(key.thread));
    if (key.state > TWOFOLD_LAST_BLOCK_STATE) {
      waiting.push_back(WaitingRow{.thread = thread,
                                   .preempted = key.state == TWOFOLD_WAITING_PREEMPTED,
                                   .kernel_stack = kernel_stack,
                                   .user_stack = user_stack,
                                   .time_ns = added.time_ns,
                                   .count = added.count,
                                   .sampled_ns = added.sampled_ns,
                                   .samples = added.samples,
                                   .variance_us2 = added.variance_us2,
                                   .count_variance = added.count_variance});
    } else {
      blocked.push_back(BlockedRow{.thread = thread,
                                   .state = BlockState(key.state),
                                   .kernel_stack = kernel_stack,
                                   .user_stack = user_stack,
                                   .time_ns = added.time_ns,
                                   .count = added.count,
                                   .parts = uint8_t(key.parts),
                                   .chain = ChainOf(key.chain),
                                   .sampled_ns = added.sampled_ns,
                                   .samples = added.samples,
                                   .variance_us2 = added.variance_us2,
                                   .count_variance = added.count_variance});
    }
  }
  MergeRows(blocked);
  MergeRows(waiting);
}

void CaptureBuilder::BuildCounterRows(const Reading& reading, Interval& interval) {
  constexpr Tracer::StackClass kClass = Tracer::StackClass::kCounters;
  CounterRows& counters = interval.counters.emplace();
  counters.cycles = reading.counted.cycles;
  counters.instructions = reading.counted.instructions;
  for (const CounterDifference& difference : reading.counters) {
    const twofold_cpu_key& key = difference.key;
    const ThreadId thread = ThreadOf(key.thread);
    counters.rows.push_back(
        {.thread = thread,
         .kernel_stack = KernelStack(kClass, key.kernel_stack),
         .user_stack = UserStack(kClass, key.user_stack, thread_process_.at(key.thread)),
         .cycles = difference.added.cycles,
         .cycle_samples = difference.added.cycle_samples,
         .instructions = difference.added.instructions,
         .instruction_samples = difference.added.instruction_samples});
  }
  MergeRows(counters.rows);
}

Exemplar CaptureBuilder::BuildExemplar(const ExemplarReading& reading) {
  const twofold_exemplar& exemplar = reading.exemplar;
  const bool waiting = exemplar.state > TWOFOLD_LAST_BLOCK_STATE;
  const uint64_t start_ns = recording_.start_monotonic_ns;
  const ThreadId thread = ThreadOf(exemplar.thread);
  return Exemplar{.kind = ExemplarKind(reading.kind + 1),
                  .thread = thread,
                  .state = waiting ? BlockState::kOther : BlockState(exemplar.state),
                  .preempted = exemplar.state == TWOFOLD_WAITING_PREEMPTED,
                  .open = exemplar.open != 0,
                  .start_ns = exemplar.start_ns > start_ns ? exemplar.start_ns - start_ns : 0,
                  .end_ns = exemplar.end_ns > start_ns ? exemplar.end_ns - start_ns : 0,
                  .cpu = reading.cpu,
                  .kernel_stack = KernelStack(Tracer::StackClass::kOffCpu, exemplar.kernel_stack),
                  .user_stack = UserStack(Tracer::StackClass::kOffCpu, exemplar.user_stack,
                                          thread_process_.at(exemplar.thread)),
                  .chain = ChainOf(exemplar.chain)};
}

Account CaptureBuilder::BuildAccount(const AccountDifference& difference) {
  const uint64_t* time_ns = difference.time_ns;
  Account account{.thread = ThreadOf(difference.thread),
                  .user_ns = difference.user_ns,
                  .system_ns = difference.system_ns,
                  .on_cpu_ns = time_ns[TWOFOLD_ON_CPU],
                  .woken_ns = time_ns[TWOFOLD_WOKEN],
                  .preempted_ns = time_ns[TWOFOLD_PREEMPTED]};
  for (size_t state = 0; state < kBlockStates; ++state) {
    account.blocked_ns[state] = time_ns[TWOFOLD_BLOCKED + 1 + state];
  }
  // Many threads may be without a row of the thread table; nothing but their states tells how long
  // they existed.
  if (difference.thread == 0) {
    account.existed_ns = account.SumNs();
    return account;
  }
  // How long it existed is told by clocks, not by the states: a reader can hold one against the
  // other.
  uint64_t& until_ns = accounted_until_ns_[difference.thread];
  account.existed_ns = difference.at_ns > until_ns ? difference.at_ns - until_ns : 0;
  until_ns = std::max(until_ns, difference.at_ns);
  if (difference.ended) accounted_until_ns_.erase(difference.thread);
  return account;
}

ThreadId CaptureBuilder::ThreadOf(uint32_t number) {
  const auto known = thread_ids_.find(number);
  if (known != thread_ids_.end()) return known->second;
  // Number 0: the table was full when the thread began. Its time is kept under a name that says so.
  const StringId name = definitions_.InternString(
      number == TWOFOLD_THREAD_INTERRUPT ? "[interrupt]" : "[thread table full]");
  const DefinedProcess process{.id = definitions_.AddProcess(Process{.name = name}),
                               .image = nullptr};
  thread_process_.emplace(number, process);
  const ThreadId id = definitions_.AddThread(Thread{.process = process.id, .name = name});
  return thread_ids_.emplace(number, id).first->second;
}

void CaptureBuilder::DefineThread(const twofold_thread& thread) {
  const DefinedProcess process = DefineProcess(thread);
  const ThreadId id =
      definitions_.AddThread(Thread{.process = process.id,
                                    .tid = Tid(thread.tid),
                                    .start_ns = SinceStart(thread.start_boottime_ns),
                                    .name = definitions_.InternString(NameOf(thread)),
                                    .cgroup = CgroupOf(thread, process.image)});
  thread_process_.emplace(thread.thread, process);
  if (process.image != nullptr) images_.at(process.image).threads.push_back(thread.thread);
  thread_ids_.emplace(thread.thread, id);
  ThreadId& main_thread = main_threads_[ProcessKey(thread.tgid, thread.process_start_boottime_ns)];
  if (thread.tid == thread.tgid) main_thread = id;
  accounted_until_ns_.emplace(thread.thread, thread.created_ns);
}

StringId CaptureBuilder::CgroupOf(const twofold_thread& thread, const ProcessImage* image) {
  const ProcCgroups in_proc = image == nullptr ? ProcCgroups() : image->cgroups;
  std::string path = cgroup_paths_.Find(thread.cgroup_id).value_or(in_proc.version_2);
  // On hosts that use version 1 most are in the root of version 2, which says nothing.
  if ((path.empty() || path == "/") && !in_proc.version_1.empty()) path = in_proc.version_1;
  if (path.empty() && thread.cgroup_id != 0) {
    path = "[cgroup " + std::to_string(thread.cgroup_id) + "]";
  }
  return definitions_.InternString(path);
}

CaptureBuilder::DefinedProcess CaptureBuilder::DefineProcess(const twofold_thread& thread) {
  ProcessImage* image = processes_.Find(Pid(thread.tgid), thread.created_ns);
  if (image == nullptr) image = processes_.ReadFromProc(Pid(thread.tgid));
  if (image != nullptr) {
    const auto known = images_.find(image);
    if (known != images_.end()) return {.id = known->second.id, .image = image};
    const int64_t image_start_ns =
        int64_t(image->image_start_monotonic_ns) - int64_t(recording_.start_monotonic_ns);
    const int64_t start_ns = SinceStart(thread.process_start_boottime_ns);
    const ProcessId id = definitions_.AddProcess(
        Process{.pid = image->pid,
                .parent_pid = Pid(thread.parent_tgid),
                .start_ns = start_ns,
                .image_start_ns = image->image_start_monotonic_ns == 0 ? start_ns : image_start_ns,
                .name = definitions_.InternString(image->name),
                .executable = definitions_.InternString(image->executable),
                .cgroup = CgroupOf(thread, image)});
    ++process_ids_made_;
    images_.emplace(image, KnownImage{.id = id, .threads = {}, .exit_status = {}});
    if (!image->mappings_known) ++unknown_processes_counted_;
    return {.id = id, .image = image};
  }
  const uint64_t key = ProcessKey(thread.tgid, thread.process_start_boottime_ns);
  const auto known = unknown_processes_.find(key);
  if (known != unknown_processes_.end()) return {.id = known->second, .image = nullptr};
  const int64_t start_ns = SinceStart(thread.process_start_boottime_ns);
  const ProcessId id =
      definitions_.AddProcess(Process{.pid = Pid(thread.tgid),
                                      .parent_pid = Pid(thread.parent_tgid),
                                      .start_ns = start_ns,
                                      .image_start_ns = start_ns,
                                      .name = definitions_.InternString(NameOf(thread)),
                                      .cgroup = CgroupOf(thread, nullptr)});
  ++process_ids_made_;
  ++unknown_processes_counted_;
  unknown_processes_.emplace(key, id);
  return {.id = id, .image = nullptr};
}

void CaptureBuilder::DefineProcessEnds(uint64_t before_monotonic_ns) {
  for (auto entry = images_.begin(); entry != images_.end();) {
    const ProcessImage* image = entry->first;
    const KnownImage& known = entry->second;
    if (image->end_monotonic_ns == 0 || image->end_monotonic_ns >= before_monotonic_ns) {
      ++entry;
      continue;
    }
    definitions_.AddProcessEnd(ProcessEnd{
        .process = known.id,
        .end_ns = int64_t(image->end_monotonic_ns) - int64_t(recording_.start_monotonic_ns),
        .exit_status = known.exit_status});
    for (auto& stacks : user_stacks_) {
      // What a process has not freed is told of when the recording ends.
      if (&stacks != &user_stacks_[size_t(Tracer::StackClass::kMemory)]) {
        stacks.erase(known.id.value);
      }
    }
    waker_stacks_.erase(known.id.value);
    for (const uint32_t number : known.threads) thread_process_.at(number).image = nullptr;
    for (auto& [key, thread] : threads_out_of_scope_) {
      if (thread.process.image == image) thread.process.image = nullptr;
    }
    entry = images_.erase(entry);
  }
}

}  // namespace twofold
