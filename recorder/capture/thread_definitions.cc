#include "recorder/capture/thread_definitions.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "recorder/base/clocks.h"

namespace twofold {
namespace {

std::string_view NameOf(const twofold_thread& thread) {
  return {thread.comm, strnlen(thread.comm, sizeof(thread.comm))};
}

// One number for a process: pid_max is below 2^22, so the pid and the start's low bits make one.
uint64_t ProcessKey(uint32_t tgid, uint64_t start_boottime_ns) {
  return start_boottime_ns << 22 | tgid;
}

}  // namespace

int64_t ThreadDefinitions::SinceStart(uint64_t boottime_ns) const {
  return int64_t(boottime_ns) - int64_t(recording_.start_boottime_ns);
}

ThreadId ThreadDefinitions::ThreadOf(uint32_t number) {
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

void ThreadDefinitions::Define(const twofold_thread& thread) {
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

StringId ThreadDefinitions::CgroupOf(const twofold_thread& thread, const ProcessImage* image) {
  const ProcCgroups in_proc = image == nullptr ? ProcCgroups() : image->cgroups;
  std::string path = cgroup_paths_.Find(thread.cgroup_id).value_or(in_proc.version_2);
  // On hosts that use version 1 most are in the root of version 2, which says nothing.
  if ((path.empty() || path == "/") && !in_proc.version_1.empty()) path = in_proc.version_1;
  if (path.empty() && thread.cgroup_id != 0) {
    path = "[cgroup " + std::to_string(thread.cgroup_id) + "]";
  }
  return definitions_.InternString(path);
}

DefinedProcess ThreadDefinitions::DefineProcess(const twofold_thread& thread) {
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

DefinedThread ThreadDefinitions::OutOfScope(const twofold_thread& thread) {
  const std::string key(reinterpret_cast<const char*>(&thread), sizeof(thread));
  const auto known = out_of_scope_.find(key);
  if (known != out_of_scope_.end()) return known->second;
  const std::string_view name = NameOf(thread);
  DefinedThread defined;
  if (thread.tgid == 0) {
    // The idle thread of a CPU, or somebody of whom only this much is known.
    const StringId text = definitions_.InternString(name.empty() ? "[not in scope]" : name);
    defined.process = {.id = definitions_.AddProcess(Process{.name = text}), .image = nullptr};
    defined.id = definitions_.AddThread(Thread{.process = defined.process.id, .name = text});
  } else {
    twofold_thread now = thread;
    now.created_ns = MonotonicNowNs();
    defined.process = DefineProcess(now);
    defined.id = definitions_.AddThread(Thread{.process = defined.process.id,
                                               .tid = Tid(thread.tid),
                                               .start_ns = SinceStart(thread.start_boottime_ns),
                                               .name = definitions_.InternString(name),
                                               .cgroup = CgroupOf(thread, defined.process.image)});
  }
  return out_of_scope_.emplace(key, defined).first->second;
}

std::optional<ThreadId> ThreadDefinitions::MainThread(uint32_t tgid,
                                                      uint64_t process_start_boottime_ns) const {
  const auto process = main_threads_.find(ProcessKey(tgid, process_start_boottime_ns));
  if (process == main_threads_.end()) return std::nullopt;
  return process->second;
}

Account ThreadDefinitions::BuildAccount(const AccountDifference& difference) {
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

void ThreadDefinitions::NoteExitStatus(const ProcessEndReading& end) {
  const auto process = thread_process_.find(end.thread);
  if (process == thread_process_.end() || process->second.image == nullptr) return;
  const uint32_t signal = end.wait_status & 0x7f;
  images_.at(process->second.image).exit_status =
      signal == 0 ? end.wait_status >> 8 & 0xff : kKilledBySignal + signal;
}

std::vector<ProcessId> ThreadDefinitions::DefineProcessEnds(uint64_t before_monotonic_ns) {
  std::vector<ProcessId> ended;
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
    ended.push_back(known.id);
    for (const uint32_t number : known.threads) thread_process_.at(number).image = nullptr;
    for (auto& [key, thread] : out_of_scope_) {
      if (thread.process.image == image) thread.process.image = nullptr;
    }
    entry = images_.erase(entry);
  }
  return ended;
}

}  // namespace twofold
