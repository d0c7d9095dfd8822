// Code that a program makes while it runs, named by its perf map or jitdump.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

constexpr double kSharePoints = 0.02;

Recorded Record(const std::string& how) {
  return RecordCommand({"--frequency", "997"}, {WorkloadPath("runtime_code"), "8", how});
}

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : double(part) / double(whole);
}

// Everything that is true however the names were told.
void ExpectShares(const Capture& capture, const Truth& truth) {
  const uint64_t first_ns = CpuNs(capture, {.function = "made_burner"});
  const uint64_t again_ns = CpuNs(capture, {.function = "made_burner_again"});
  const uint64_t plain_ns = CpuNs(capture, {.function = "burn_in_c"});
  const uint64_t all_ns = first_ns + again_ns + plain_ns;
  EXPECT_NEAR(Share(first_ns + again_ns, all_ns),
              Share(truth["made_ns"], truth["made_ns"] + truth["plain_ns"]), kSharePoints);
  // The interval in which the name changed has the new one.
  const double true_again = Share(truth["again_ns"], truth["made_ns"] + truth["plain_ns"]);
  EXPECT_GT(Share(again_ns, all_ns), true_again - kSharePoints);
  EXPECT_LT(Share(again_ns, all_ns), true_again + 1.0 / 3 / 8 + 2 * kSharePoints);
  EXPECT_EQ(CpuNs(capture, {.function = "wrong_burner"}), 0u);
  // Called by the program's own functions.
  EXPECT_GT(double(CpuNs(capture, {.function = "call_made_burner"})),
            0.97 * double(first_ns + again_ns));
  EXPECT_NEAR(double(BlockedNs(capture, {.function = "made_sleeper"})), double(truth["slept_ns"]),
              0.02 * double(truth["wall_ns"]) + double(truth["run_delay_ns"]));
  EXPECT_EQ(LossCount(capture), 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kRuntimeCodeUnnamed), 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kRuntimeNamesUnusable), 0u);
  for (const Frame& frame : capture.definitions.frames) {
    if (capture.GetModule(frame.module).kind != ModuleKind::kRuntime) continue;
    EXPECT_EQ(capture.String(capture.GetModule(frame.module).path), "[jit]");
    EXPECT_LT(frame.offset, 64u);
  }
}

TEST(RuntimeCode, PerfMapNamesIt) {
  const auto [capture, truth] = Record("map");
  std::filesystem::remove("/tmp/perf-" + std::to_string(truth["pid"]) + ".map");
  ExpectShares(capture, truth);
}

TEST(RuntimeCode, PerfMapThatIsDeletedAtTheEndStillNamesIt) {
  const auto [capture, truth] = Record("deleted");
  EXPECT_FALSE(std::filesystem::exists("/tmp/perf-" + std::to_string(truth["pid"]) + ".map"));
  ExpectShares(capture, truth);
}

TEST(RuntimeCode, PerfMapInNamespacesOfItsOwn) {
  const auto [capture, truth] = Record("inside");
  EXPECT_EQ(truth["pid"], 1u);
  ExpectShares(capture, truth);
}

TEST(RuntimeCode, JitDumpNamesIt) {
  const auto [capture, truth] = Record("dump");
  ExpectShares(capture, truth);
}

TEST(RuntimeCode, WithoutNamesItKeepsItsTimeAndIsCounted) {
  const auto [capture, truth] = Record("nowhere");
  EXPECT_EQ(LossCountOf(capture, LossCause::kRuntimeCodeUnnamed), 1u);
  EXPECT_EQ(CpuNs(capture, {.function = "made_burner"}), 0u);
  const uint64_t made_ns = CpuNs(capture, {.function = "call_made_burner"});
  const uint64_t plain_ns = CpuNs(capture, {.function = "burn_in_c"});
  EXPECT_NEAR(Share(made_ns, made_ns + plain_ns),
              Share(truth["made_ns"], truth["made_ns"] + truth["plain_ns"]), kSharePoints);
  EXPECT_EQ(LossCount(capture), 0u);
}

}  // namespace
}  // namespace twofold::live
