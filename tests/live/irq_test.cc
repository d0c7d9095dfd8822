// Interrupts: as many as the kernel itself counts, each no longer than its time, and a part of the
// on-CPU time of the threads that they took it from.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

// By handler; of all CPUs together.
using Counts = std::map<std::string, uint64_t>;

// Writes to the disk and sends to the same host, between two looks at the kernel's own counts.
// The first argument is a file.
const char kLoad[] =
    "cat /proc/softirqs /proc/interrupts; echo =====\n"
    "dd if=/dev/zero of=\"$0\" bs=4096 count=400 oflag=direct 2>/dev/null\n"
    "i=0; while [ $i -lt 40 ]; do dd if=/dev/zero bs=65536 count=100 2>/dev/null | "
    "dd of=/dev/null bs=65536 2>/dev/null; i=$((i+1)); done\n"
    "rm -f \"$0\"\n"
    "cat /proc/softirqs /proc/interrupts\n";

// The sums over CPUs: of soft interrupts by vector, of hard ones by number.
Counts ReadCounts(const std::string& text) {
  Counts counts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> name) || name.back() != ':') continue;
    name.pop_back();
    uint64_t sum = 0;
    for (uint64_t count = 0; words >> count;) sum += count;
    counts[name] = sum;
  }
  return counts;
}

struct RecordedIrqs {
  Capture capture;
  Counts counted;  // by the kernel, while the command ran
};

RecordedIrqs RecordLoad(const std::vector<std::string>& options) {
  const Workplace workplace;
  std::vector<std::string> words = {RecorderPath(), "-o", workplace.Path("capture.twofold")};
  words.insert(words.end(), options.begin(), options.end());
  for (const std::string& word : {std::string("--"), std::string("sh"), std::string("-c"),
                                  std::string(kLoad), workplace.Path("data")}) {
    words.push_back(word);
  }
  const Outcome outcome = RunToEnd(workplace, words);
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  const size_t middle = outcome.output.find("=====");
  EXPECT_NE(middle, std::string::npos);
  Counts counted = ReadCounts(outcome.output.substr(middle));
  for (const auto& [name, before] : ReadCounts(outcome.output.substr(0, middle))) {
    counted[name] -= before;
  }
  return {LoadCapture(workplace.Path("capture.twofold")), counted};
}

Counts RecordedCounts(const Capture& capture) {
  Counts counts;
  for (const Interval& interval : capture.intervals) {
    for (const IrqRow& row : interval.irqs.value()) {
      counts[row.kind == IrqKind::kHard ? std::to_string(row.number)
                                        : capture.String(row.handler)] += row.count;
    }
  }
  return counts;
}

// The recording begins before the command looks for the first time, and ends after the last: it
// may have those of some tens of milliseconds more. One that was going on when the command looked
// may be on either side.
TEST(Irqs, AreAsManyAsTheKernelCounts) {
  const RecordedIrqs recorded = RecordLoad({"--record", "irq", "--max-overhead", "none"});
  const Counts counts = RecordedCounts(recorded.capture);
  std::set<std::string> compared;
  for (const auto& [name, count] : recorded.counted) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
    const bool is_vector = name == "TIMER" || name == "SCHED" || name == "RCU" || name == "BLOCK" ||
                           name == "NET_RX" || name == "HRTIMER" || name == "TASKLET";
    if ((!is_number && !is_vector) || count < 100) continue;
    const auto found = counts.find(name);
    ASSERT_NE(found, counts.end()) << name << ": " << count << " in the kernel, none recorded";
    EXPECT_GE(found->second + 10, count) << name;
    EXPECT_LE(found->second, count + count / 10 + 200) << name;
    compared.insert(name);
  }
  EXPECT_GE(compared.size(), 2u) << "the load made too few interrupts";
  EXPECT_EQ(LossCount(recorded.capture), 0u);
}

// On a CPU with little to do a handler often has one interrupt in an interval, which is its
// longest.
TEST(Irqs, LongestIsOfItsInterval) {
  const Recorded recorded = RecordCommand(
      {"--record", "irq", "--interval", "0.1", "--max-overhead", "none"}, {"sleep", "3"});
  size_t single = 0;
  for (const Interval& interval : recorded.capture.intervals) {
    for (const IrqRow& row : interval.irqs.value()) {
      EXPECT_LE(row.longest_ns, row.time_ns);
      EXPECT_LE(row.time_ns, row.longest_ns * row.count);
      if (row.count != 1) continue;
      EXPECT_EQ(row.longest_ns, row.time_ns) << recorded.capture.String(row.handler);
      ++single;
    }
  }
  EXPECT_GT(recorded.capture.intervals.size(), 25u);
  EXPECT_GT(single, 5u) << "no interval had a single interrupt of a handler";
}

// An interrupt is on one CPU at a time, and takes its time from whatever runs there.
TEST(Irqs, ArePartOfTheTimeOfCpusAndThreads) {
  const RecordedIrqs recorded = RecordLoad({"--record", "cpu,irq", "--max-overhead", "none"});
  std::map<uint32_t, uint64_t> of_cpu_ns;
  std::map<uint32_t, uint64_t> of_thread_ns;
  std::map<uint32_t, uint64_t> on_cpu_ns;
  uint64_t all_ns = 0;
  uint64_t threads_ns = 0;
  for (const Interval& interval : recorded.capture.intervals) {
    for (const IrqRow& row : interval.irqs.value()) {
      of_cpu_ns[row.cpu] += row.time_ns;
      all_ns += row.time_ns;
    }
    for (const ThreadIrqRow& row : interval.thread_irqs.value()) {
      of_thread_ns[row.thread.value] += row.time_ns;
      threads_ns += row.time_ns;
    }
    for (const Account& account : interval.accounts.value()) {
      on_cpu_ns[account.thread.value] += account.on_cpu_ns;
    }
  }
  EXPECT_GT(all_ns, 0u);
  EXPECT_GT(threads_ns, 0u);
  EXPECT_LE(threads_ns, all_ns);
  for (const auto& [cpu, time_ns] : of_cpu_ns) EXPECT_LE(time_ns, WindowNs(recorded.capture));
  for (const auto& [thread, time_ns] : of_thread_ns) {
    EXPECT_LE(time_ns, on_cpu_ns[thread])
        << recorded.capture.String(recorded.capture.GetThread(ThreadId(thread)).name);
  }
}

TEST(Irqs, AreNotRecordedUnlessAskedFor) {
  const Recorded recorded = RecordCommand({}, {"sleep", "0.2"});
  for (const Interval& interval : recorded.capture.intervals) {
    EXPECT_FALSE(interval.irqs.has_value());
    EXPECT_FALSE(interval.thread_irqs.has_value());
  }
}

}  // namespace
}  // namespace twofold::live
