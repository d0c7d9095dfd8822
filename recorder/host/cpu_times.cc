#include "recorder/host/cpu_times.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr size_t kMostBytes = 4 << 20;  // the line of interrupts grows with the host

// Takes a number off the front of a text, with the blanks before it.
std::optional<uint64_t> TakeNumber(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(size_t(stopped - text.data()));
  return number;
}

// What was added to a counter; the counter before keeps the higher mark.
uint64_t Advance(uint64_t& before, uint64_t now) {
  const uint64_t added = now > before ? now - before : 0;
  before = std::max(before, now);
  return added;
}

}  // namespace

std::map<uint32_t, CpuTime> ParseProcStatCpus(std::string_view text, uint64_t ticks_per_second) {
  std::map<uint32_t, CpuTime> cpus;
  if (ticks_per_second == 0) return cpus;
  while (text.starts_with("cpu")) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(3);
    if (line.starts_with(' ')) continue;  // the sum of all
    const std::optional<uint64_t> cpu = TakeNumber(line);
    if (!cpu || *cpu > UINT32_MAX || !line.starts_with(' ')) continue;
    // user, nice, system, idle, iowait, irq, softirq, steal; guest times are in user and nice.
    uint64_t ticks[8] = {};
    size_t fields = 0;
    while (fields < std::size(ticks)) {
      const std::optional<uint64_t> number = TakeNumber(line);
      if (!number) break;
      ticks[fields++] = *number;
    }
    if (fields < 4) continue;
    const auto time_ns = [&](size_t field) {
      return ticks[field] / ticks_per_second * kSecondNs +
             ticks[field] % ticks_per_second * kSecondNs / ticks_per_second;
    };
    cpus[uint32_t(*cpu)] = CpuTime{.cpu = uint32_t(*cpu),
                                   .user_ns = time_ns(0) + time_ns(1),
                                   .system_ns = time_ns(2),
                                   .irq_ns = time_ns(5),
                                   .softirq_ns = time_ns(6),
                                   .steal_ns = time_ns(7),
                                   .idle_ns = time_ns(3),
                                   .iowait_ns = time_ns(4)};
  }
  return cpus;
}

std::vector<CpuTime> CpuTimes::TakeDifferences(std::string_view proc_stat,
                                               uint64_t ticks_per_second) {
  std::map<uint32_t, CpuTime> now = ParseProcStatCpus(proc_stat, ticks_per_second);
  std::vector<CpuTime> differences;
  for (auto& [cpu, time] : now) {
    const auto found = before_.find(cpu);
    if (found == before_.end()) continue;
    CpuTime before = found->second;
    differences.push_back(CpuTime{.cpu = cpu,
                                  .user_ns = Advance(before.user_ns, time.user_ns),
                                  .system_ns = Advance(before.system_ns, time.system_ns),
                                  .irq_ns = Advance(before.irq_ns, time.irq_ns),
                                  .softirq_ns = Advance(before.softirq_ns, time.softirq_ns),
                                  .steal_ns = Advance(before.steal_ns, time.steal_ns),
                                  .idle_ns = Advance(before.idle_ns, time.idle_ns),
                                  .iowait_ns = Advance(before.iowait_ns, time.iowait_ns)});
    time = before;
  }
  before_ = std::move(now);
  return differences;
}

std::optional<std::vector<CpuTime>> CpuTimes::TakeDifferences() {
  const long ticks_per_second = sysconf(_SC_CLK_TCK);
  const std::optional<std::string> text = ReadSmallFile(AT_FDCWD, "/proc/stat", kMostBytes);
  if (!text || ticks_per_second <= 0) return std::nullopt;
  return TakeDifferences(*text, uint64_t(ticks_per_second));
}

}  // namespace twofold
