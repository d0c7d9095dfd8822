#include "recorder/capture_builder.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>

namespace twofold {
namespace {

std::string_view SpecialText(uint64_t stack, bool user) {
  switch (stack) {
    case TWOFOLD_STACK_MAP_FULL:
      return "[stack lost: map full]";
    case TWOFOLD_STACK_MAP_BUSY:
      return "[stack lost: map busy]";
    case TWOFOLD_STACK_NOT_TAKEN:
      return "[user stack not taken: blocked before the recording]";
    default:
      return user ? "[user stack unreadable]" : "[kernel stack unreadable]";
  }
}

std::string_view NameOf(const twofold_thread& thread) {
  return {thread.comm, strnlen(thread.comm, sizeof(thread.comm))};
}

// Sorts rows by what they refer to and adds up those that refer to the same: two hashes may name
// stacks that differ only in frames which the capture does not show.
template <typename Row, typename Key, typename Add>
void MergeRows(std::vector<Row>& rows, Key key, Add add) {
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return key(a) < key(b); });
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (kept > 0 && key(rows[kept - 1]) == key(rows[i])) {
      add(rows[kept - 1], rows[i]);
    } else {
      rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
}

}  // namespace

CaptureBuilder::CaptureBuilder(const Recording& recording, const Tracer& tracer,
                               ProcessTable& processes, Symbolizer& symbolizer,
                               const KernelSymbols& kernel_symbols, DefinitionsBuilder& definitions)
    : recording_(recording),
      tracer_(tracer),
      processes_(processes),
      symbolizer_(symbolizer),
      kernel_symbols_(kernel_symbols),
      definitions_(definitions) {}

int64_t CaptureBuilder::SinceStart(uint64_t boottime_ns) const {
  return int64_t(boottime_ns) - int64_t(recording_.start_boottime_ns);
}

Interval CaptureBuilder::Build(const Reading& reading, const TracerSettings& settings) {
  // Every thread in scope is told of, also one that no row refers to.
  for (const twofold_thread& thread : reading.threads) DefineThread(thread);
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
    MergeRows(
        cpu_rows.rows,
        [](const CpuRow& row) { return std::tuple(row.thread, row.kernel_stack, row.user_stack); },
        [](CpuRow& into, const CpuRow& from) { into.samples += from.samples; });
  }
  if (settings.offcpu) {
    std::vector<BlockedRow>& rows = interval.blocked.emplace();
    for (const BlockedDifference& difference : reading.blocked) {
      const twofold_blocked_key& key = difference.key;
      const ThreadId thread = ThreadOf(key.thread);
      rows.push_back(
          BlockedRow{.thread = thread,
                     .state = BlockState(key.state),
                     .kernel_stack = KernelStack(Tracer::StackClass::kBlocked, key.kernel_stack),
                     .user_stack = UserStack(Tracer::StackClass::kBlocked, key.user_stack,
                                             thread_process_.at(key.thread)),
                     .time_ns = difference.time_ns,
                     .count = difference.count});
    }
    MergeRows(
        rows,
        [](const BlockedRow& row) {
          return std::tuple(row.thread, row.state, row.kernel_stack, row.user_stack);
        },
        [](BlockedRow& into, const BlockedRow& from) {
          into.time_ns += from.time_ns;
          into.count += from.count;
        });
  }
  if (settings.states) {
    std::vector<Account>& accounts = interval.accounts.emplace();
    for (const AccountDifference& difference : reading.accounts) {
      accounts.push_back(BuildAccount(difference));
    }
    std::sort(accounts.begin(), accounts.end(),
              [](const Account& a, const Account& b) { return a.thread < b.thread; });
  }
  const uint64_t unreadable = symbolizer_.TakeUnreadableModules();
  if (unreadable > 0) {
    interval.losses.push_back(Loss{.cause = LossCause::kModuleUnreadable, .count = unreadable});
  }
  if (unknown_processes_counted_ > 0) {
    interval.losses.push_back(
        Loss{.cause = LossCause::kProcessUnknown, .count = unknown_processes_counted_});
    unknown_processes_counted_ = 0;
  }
  return interval;
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
  // How long it existed is told by clocks, not by the states: a reader can hold one against the
  // other.
  uint64_t& until_ns = accounted_until_ns_[difference.thread];
  account.existed_ns = difference.at_ns > until_ns ? difference.at_ns - until_ns : 0;
  until_ns = difference.at_ns;
  if (difference.ended) accounted_until_ns_.erase(difference.thread);
  return account;
}

ThreadId CaptureBuilder::ThreadOf(uint32_t number) {
  const auto known = thread_ids_.find(number);
  if (known != thread_ids_.end()) return known->second;
  // Number 0: the table was full when the thread began. Its time is kept under a name that says so.
  const StringId name = definitions_.InternString("[thread table full]");
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
                                    .name = definitions_.InternString(NameOf(thread))});
  thread_process_.emplace(thread.thread, process);
  if (process.image != nullptr) images_.at(process.image).threads.push_back(thread.thread);
  thread_ids_.emplace(thread.thread, id);
  accounted_until_ns_.emplace(thread.thread, thread.created_ns);
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
                .cgroup = definitions_.InternString(image->cgroup)});
    ++process_ids_made_;
    images_.emplace(image, KnownImage{.id = id, .threads = {}});
    if (!image->mappings_known) ++unknown_processes_counted_;
    return {.id = id, .image = image};
  }
  // pid_max is below 2^22, so the pid and the start's low bits make one key.
  const uint64_t key = thread.process_start_boottime_ns << 22 | thread.tgid;
  const auto known = unknown_processes_.find(key);
  if (known != unknown_processes_.end()) return {.id = known->second, .image = nullptr};
  const int64_t start_ns = SinceStart(thread.process_start_boottime_ns);
  const ProcessId id =
      definitions_.AddProcess(Process{.pid = Pid(thread.tgid),
                                      .parent_pid = Pid(thread.parent_tgid),
                                      .start_ns = start_ns,
                                      .image_start_ns = start_ns,
                                      .name = definitions_.InternString(NameOf(thread))});
  ++process_ids_made_;
  ++unknown_processes_counted_;
  unknown_processes_.emplace(key, id);
  return {.id = id, .image = nullptr};
}

StackId CaptureBuilder::SpecialStack(std::string_view text) {
  return definitions_.InternStackNode(StackId(), definitions_.InternSpecialFrame(text));
}

// A blocked stack was walked by a program that runs at a tracepoint inside __schedule: the frames
// of both come first.
uint32_t CaptureBuilder::FirstSchedulerFrame(const twofold_stack& stack) const {
  constexpr uint32_t kDeepestTracing = 16;
  for (uint32_t i = 0; i < std::min(stack.nframes, kDeepestTracing); ++i) {
    const std::optional<KernelSymbols::Hit> hit = kernel_symbols_.Find(stack.frames[i]);
    if (hit && hit->name == "__schedule") return i;
  }
  return 0;
}

StackId CaptureBuilder::KernelStack(Tracer::StackClass stack_class, uint64_t hash) {
  if (hash == TWOFOLD_STACK_NONE) return StackId();
  if (hash < TWOFOLD_FIRST_STACK_HASH) return SpecialStack(SpecialText(hash, false));
  auto& stacks = kernel_stacks_[stack_class == Tracer::StackClass::kCpu];
  const auto known = stacks.find(hash);
  if (known != stacks.end()) return known->second;
  const std::optional<twofold_stack> stack = tracer_.FindStack(stack_class, hash);
  if (!stack) return SpecialStack(SpecialText(TWOFOLD_STACK_UNREADABLE, false));

  const bool blocked = stack_class == Tracer::StackClass::kBlocked;
  const uint32_t first = blocked ? FirstSchedulerFrame(*stack) : 0;

  std::vector<FrameId> root_first;
  if (stack->nframes == TWOFOLD_MAX_FRAMES) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  }
  for (uint32_t i = stack->nframes; i-- > first;) {
    root_first.push_back(symbolizer_.KernelFrame(stack->frames[i], blocked || i > 0));
  }
  ++stacks_made_;
  return stacks.emplace(hash, definitions_.InternStack(root_first)).first->second;
}

StackId CaptureBuilder::UserStack(Tracer::StackClass stack_class, uint64_t hash,
                                  const DefinedProcess& process) {
  if (hash == TWOFOLD_STACK_NONE) return StackId();
  if (hash < TWOFOLD_FIRST_STACK_HASH) return SpecialStack(SpecialText(hash, true));
  auto& stacks = user_stacks_[stack_class == Tracer::StackClass::kCpu][process.id.value];
  const auto known = stacks.find(hash);
  if (known != stacks.end()) return known->second;
  const std::optional<twofold_stack> stack = tracer_.FindStack(stack_class, hash);
  if (!stack) return SpecialStack(SpecialText(TWOFOLD_STACK_UNREADABLE, true));

  std::vector<FrameId> root_first;
  if (stack->nframes == TWOFOLD_MAX_FRAMES) {
    root_first.push_back(definitions_.InternSpecialFrame("[truncated stack]"));
  }
  if (process.image == nullptr) {
    root_first.push_back(definitions_.InternSpecialFrame("[process gone before it was read]"));
  } else {
    // A return address that nothing is mapped at is no return address: the program keeps something
    // else where a frame pointer is expected, and what the walk found behind it is noise.
    uint32_t walked = 1;
    while (walked < stack->nframes &&
           (!process.image->mappings_known || process.image->FindMapping(stack->frames[walked]))) {
      ++walked;
    }
    if (walked < stack->nframes) {
      root_first = {definitions_.InternSpecialFrame("[stack ends: no frame pointer]")};
    }
    for (uint32_t i = walked; i-- > 0;) {
      root_first.push_back(symbolizer_.UserFrame(*process.image, stack->frames[i], i > 0));
    }
  }
  ++stacks_made_;
  return stacks.emplace(hash, definitions_.InternStack(root_first)).first->second;
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
        .end_ns = int64_t(image->end_monotonic_ns) - int64_t(recording_.start_monotonic_ns)});
    for (auto& stacks : user_stacks_) stacks.erase(known.id.value);
    for (const uint32_t number : known.threads) thread_process_.at(number).image = nullptr;
    entry = images_.erase(entry);
  }
}

}  // namespace twofold
