#include "tests/analyzer/simulated_recording.h"

#include <algorithm>

namespace twofold::testing {

SimulatedRecording::SimulatedRecording(const Settings& settings, uint64_t seed)
    : settings_(settings), random_(seed), is_born_(1) {
  first_tick_ns_ = random_() % settings_.period_ns;
  capture_.recording.settings.sources = {"cpu", "offcpu"};
  capture_.recording.settings.quantum_ns = settings_.quantum_ns;
}

StringId SimulatedRecording::Intern(const std::string& text) {
  auto [entry, fresh] =
      strings_.try_emplace(text, uint32_t(capture_.definitions.strings.size() + 1));
  if (fresh) capture_.definitions.strings.push_back(text);
  return entry->second;
}

ThreadId SimulatedRecording::AddThread(const std::string& name, const std::string& executable) {
  Definitions& definitions = capture_.definitions;
  Process process;
  process.pid = Pid(uint32_t(definitions.processes.size() + 100));
  process.name = Intern(name);
  process.executable = Intern(executable);
  definitions.processes.push_back(process);
  Thread thread;
  thread.process = ProcessId(uint32_t(definitions.processes.size()));
  thread.tid = Tid(process.pid.value);
  thread.name = process.name;
  definitions.threads.push_back(thread);
  is_born_.push_back(false);
  return ThreadId(uint32_t(definitions.threads.size()));
}

template <typename Use>
void SimulatedRecording::ForEachPart(uint64_t start_ns, uint64_t length_ns, Use use) {
  uint64_t end_ns = std::min(start_ns + length_ns, WindowNs());
  bool is_cut = start_ns + length_ns > end_ns;
  while (start_ns < end_ns) {
    uint64_t interval = start_ns / settings_.interval_ns;
    uint64_t part_end_ns = std::min(end_ns, (interval + 1) * settings_.interval_ns);
    use(uint32_t(interval), start_ns, part_end_ns - start_ns, part_end_ns == end_ns && !is_cut);
    start_ns = part_end_ns;
  }
}

Account& SimulatedRecording::AccountOf(uint32_t interval, ThreadId thread) {
  if (is_born_[thread.value]) {
    interval = std::min(interval + settings_.accounts_late, settings_.intervals - 1);
  }
  Account& account = accounts_[{interval, thread.value}];
  account.thread = thread;
  return account;
}

void SimulatedRecording::Run(ThreadId thread, Function function, uint64_t start_ns,
                             uint64_t length_ns) {
  if (start_ns > 0) is_born_[thread.value] = true;
  ForEachPart(start_ns, length_ns, [&](uint32_t interval, uint64_t from_ns, uint64_t ns, bool) {
    auto ticks_before = [&](uint64_t at_ns) {
      return (at_ns + settings_.period_ns - first_tick_ns_ - 1) / settings_.period_ns;
    };
    uint64_t samples = ticks_before(from_ns + ns) - ticks_before(from_ns);
    if (samples > 0) samples_[{interval, thread.value, function}] += samples;
    Account& account = AccountOf(interval, thread);
    account.existed_ns += ns;
    account.on_cpu_ns += ns;
    truth_[function].on_cpu_ns += ns;
  });
}

uint64_t SimulatedRecording::QuantumAt(ThreadId thread, uint64_t start_ns) const {
  if (settings_.quanta_ns.empty()) return settings_.quantum_ns;
  constexpr uint64_t kPeriodNs = 20'000'000;
  std::minstd_rand chance(uint32_t(start_ns / kPeriodNs * 31 + thread.value));
  chance.discard(4);
  return settings_.quanta_ns[chance() % settings_.quanta_ns.size()];
}

void SimulatedRecording::Block(ThreadId thread, Function function, uint64_t start_ns,
                               uint64_t length_ns, BlockState state) {
  if (start_ns > 0) is_born_[thread.value] = true;
  uint64_t quantum_ns = QuantumAt(thread, start_ns);
  ForEachPart(start_ns, length_ns, [&](uint32_t interval, uint64_t, uint64_t ns, bool is_last) {
    Account& account = AccountOf(interval, thread);
    account.existed_ns += ns;
    account.blocked_ns[size_t(state) - 1] += ns;
    truth_[function].blocked_ns += ns;
    truth_[function].blocks += is_last ? 1 : 0;
    if (is_last) waits_[{interval, thread.value}] += 1;
    bool by_chance = ns < quantum_ns;
    if (by_chance && random_() % quantum_ns >= ns) return;
    BlockedRow& row = blocked_[{interval, thread.value, function, state}];
    row.thread = thread;
    row.state = state;
    row.user_stack = StackId(function);
    row.time_ns += std::max(ns, quantum_ns);
    row.samples += 1;
    if (by_chance) {
      row.sampled_ns += quantum_ns;
      row.variance_us2 += quantum_ns / 1000 * ((quantum_ns - ns) / 1000);
      row.quanta_us2 += quantum_ns / 1000 * (quantum_ns / 1000);
      if (is_last) {
        uint64_t stands_for = (quantum_ns + random_() % ns) / ns;
        row.count += stands_for;
        row.count_variance += stands_for * (stands_for - 1);
      }
    } else if (is_last) {
      row.count += 1;
    }
  });
}

Capture SimulatedRecording::Finish() {
  for (uint32_t i = 0; i < settings_.intervals; ++i) {
    Interval interval;
    interval.number = i;
    interval.start_ns = i * settings_.interval_ns;
    interval.end_ns = interval.start_ns + settings_.interval_ns;
    interval.quantum_ns = settings_.quantum_ns;
    interval.cpu.emplace();
    interval.cpu->period_ns = settings_.period_ns;
    interval.blocked.emplace();
    interval.accounts.emplace();
    interval.wait_counts.emplace();
    capture_.intervals.push_back(std::move(interval));
  }
  for (const auto& [key, samples] : samples_) {
    auto [interval, thread, function] = key;
    CpuRow row;
    row.thread = ThreadId(thread);
    row.user_stack = StackId(function);
    row.samples = samples;
    capture_.intervals[interval].cpu->rows.push_back(row);
  }
  for (const auto& [key, row] : blocked_) {
    capture_.intervals[std::get<0>(key)].blocked->push_back(row);
  }
  for (const auto& [key, account] : accounts_) {
    capture_.intervals[key.first].accounts->push_back(account);
  }
  for (const auto& [key, count] : waits_) {
    capture_.intervals[key.first].wait_counts->push_back({ThreadId(key.second), 0, count});
  }
  return std::move(capture_);
}

}  // namespace twofold::testing
