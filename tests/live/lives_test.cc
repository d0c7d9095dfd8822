// Lives of processes: name, parent, begin, end, how they ended and where they belonged, however
// brief they were.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

struct Life {
  const Process* process = nullptr;
  std::optional<int64_t> end_ns;
  std::optional<uint32_t> exit_status;
};

// The images of processes, with their ends.
std::vector<Life> Lives(const Capture& capture) {
  std::vector<Life> lives;
  for (const Process& process : capture.definitions.processes)
    lives.push_back({.process = &process});
  for (const ProcessEnd& end : capture.definitions.process_ends) {
    lives.at(end.process.value - 1).end_ns = end.end_ns;
    lives.at(end.process.value - 1).exit_status = end.exit_status;
  }
  return lives;
}

TEST(Lives, FiveHundredProcessesOfAMillisecondAreAllKnown) {
  const auto [capture, truth] =
      RecordCommand({"--frequency", "997"}, {WorkloadPath("brief_lives"), "500"});
  ASSERT_EQ(truth["started"], 500u);
  std::set<uint32_t> pids;
  std::map<uint32_t, size_t> by_status;
  for (const Life& life : Lives(capture)) {
    const Process& process = *life.process;
    if (process.parent_pid.value != truth["pid"] || !life.exit_status) continue;
    EXPECT_EQ(capture.String(process.name), "brief_lives");
    EXPECT_EQ(capture.String(process.executable),
              std::filesystem::canonical(WorkloadPath("brief_lives")));
    ASSERT_TRUE(life.end_ns.has_value());
    EXPECT_GE(*life.end_ns - process.image_start_ns, 1'000'000);
    EXPECT_LT(*life.end_ns - process.image_start_ns, 2'000'000'000);
    EXPECT_TRUE(pids.insert(process.pid.value).second);
    ++by_status[*life.exit_status];
  }
  EXPECT_EQ(pids.size(), 500u);
  uint64_t sum_of_pids = 0;
  for (const uint32_t pid : pids) sum_of_pids += pid;
  EXPECT_EQ(sum_of_pids, truth["sum_of_pids"]);
  EXPECT_EQ(by_status.size(), 100u);
  for (const auto& [status, count] : by_status) EXPECT_EQ(count, 5u) << status;

  // What they burned has its name: half a second, give or take four standard deviations.
  const uint64_t period_ns = capture.intervals.front().cpu->period_ns;
  const double samples = 500e6 / double(period_ns);
  EXPECT_NEAR(double(CpuNs(capture, {.function = "burn_briefly"})) / double(period_ns), samples,
              4 * std::sqrt(samples) + 0.1 * samples);
  EXPECT_EQ(LossCount(capture), 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kProcessUnknown), 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kModuleUnreadable), 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kEventsLost), 0u);
}

TEST(Lives, HowProcessesEndIsTold) {
  const auto [capture, truth] = RecordCommand(
      {}, {"sh", "-c", "(exit 7); sh -c 'kill -TERM $$'; sh -c 'kill -SEGV $$'; sleep 0.01; true"});
  std::multiset<uint32_t> statuses;
  for (const Life& life : Lives(capture)) {
    if (life.exit_status) statuses.insert(*life.exit_status);
  }
  // The shell itself, and sleep.
  EXPECT_EQ(statuses,
            (std::multiset<uint32_t>{0, 0, 7, kKilledBySignal + 15, kKilledBySignal + 11}));
}

TEST(Lives, ProcessThatEndsByAnotherThreadTellsTheStatusOfAll) {
  // Its main thread exits first; the process goes on in another one.
  const auto [capture, truth] =
      RecordCommand({}, {TWOFOLD_BIN_DIR "/../tests/names/names_leader_exits"});
  std::multiset<uint32_t> statuses;
  for (const Life& life : Lives(capture)) {
    if (life.exit_status) statuses.insert(*life.exit_status);
  }
  EXPECT_EQ(statuses, std::multiset<uint32_t>{0});
}

}  // namespace
}  // namespace twofold::live
