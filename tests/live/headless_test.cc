// A process whose main thread has ended goes on in its others, and is told of like any other.

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>

#include "tests/live/memory_harness.h"

namespace twofold::live {
namespace {

bool HasLostItsMainThread(uint32_t pid) {
  return ReadWhole("/proc/" + std::to_string(pid) + "/stat").find(" Z ") != std::string::npos;
}

TEST(Headless, ProcessIsKnownWhole) {
  const Workplace workplace;
  Program workload({WorkloadPath("headless"), "60"}, workplace.Path("out"), workplace.Path("err"));
  const auto pid = uint32_t(workload.pid());
  ASSERT_TRUE(Eventually([&] { return HasLostItsMainThread(pid); }));
  Recorder recorder({"-p", std::to_string(pid), "--frequency", "997"});
  LetIntervalsPass(6);
  const Capture capture = recorder.Finish();
  workload.Signal(SIGTERM);
  EXPECT_EQ(workload.Wait(), 0);

  size_t images = 0;
  for (const Process& process : capture.definitions.processes) {
    if (process.pid.value != pid) continue;
    ++images;
    EXPECT_EQ(capture.String(process.name), "headless");
    EXPECT_EQ(capture.String(process.executable),
              std::filesystem::canonical(WorkloadPath("headless")));
    EXPECT_NE(capture.String(process.cgroup), "");
  }
  EXPECT_EQ(images, 1u);
  const double all_ns = double(CpuNs(capture, {.pid = pid}));
  EXPECT_GT(all_ns, 0.1e9);
  EXPECT_GT(double(CpuNs(capture, {.pid = pid, .function = "burn_headless"})), 0.85 * all_ns);
  EXPECT_GT(BlockedNs(capture, {.pid = pid, .function = "go_on"}), 0.5e9);
  EXPECT_EQ(LossCountOf(capture, LossCause::kProcessUnknown), 0u);
}

// The kernel could not place the probes, and says nothing about it.
TEST(Headless, MemoryIsRefusedWithTheReason) {
  const Workplace workplace;
  Program workload({WorkloadPath("headless"), "60"}, workplace.Path("out"), workplace.Path("err"));
  const auto pid = uint32_t(workload.pid());
  ASSERT_TRUE(Eventually([&] { return HasLostItsMainThread(pid); }));
  ExpectRefusal({"-p", std::to_string(pid), "--record", "memleak", "--leak-scope", "user"},
                "no probes can be placed in a process whose main thread has ended");
}

}  // namespace
}  // namespace twofold::live
