// Page faults: as many as the kernel counts itself in /proc/PID/stat, where they were made, with
// the error that is stated.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

constexpr uint64_t kQuarterPages = 5'000;

enum class Mode { kAny, kUser, kKernel };

struct Faults {
  uint64_t pages = 0;
  uint64_t samples = 0;
  double variance_pages2 = 0;

  double error_pages() const { return std::sqrt(variance_pages2); }
};

Faults operator+(const Faults& a, const Faults& b) {
  return {a.pages + b.pages, a.samples + b.samples, a.variance_pages2 + b.variance_pages2};
}

// Of a process, with a function anywhere in the user stack.
Faults FaultsOf(const Capture& capture, uint64_t pid, const std::string& function,
                PageFaultKind kind = PageFaultKind::kMinor, Mode mode = Mode::kAny) {
  Faults sum;
  for (const Interval& interval : capture.intervals) {
    for (const PageFaultRow& row : interval.page_faults.value()) {
      const Process& process = capture.GetProcess(capture.GetThread(row.thread).process);
      if (process.pid.value != pid || row.kind != kind) continue;
      if (mode != Mode::kAny && (row.kernel_stack.value == 0) != (mode == Mode::kUser)) continue;
      if (!StackHas(capture, row.user_stack, function)) continue;
      sum.pages += row.pages;
      sum.samples += row.samples;
      sum.variance_pages2 += double(row.variance_pages2);
    }
  }
  return sum;
}

Recorded RecordFaults(const std::vector<std::string>& options, uint64_t quarter_pages) {
  std::vector<std::string> all = {"--record", "faults", "--max-overhead", "none"};
  all.insert(all.end(), options.begin(), options.end());
  return RecordCommand(all, {WorkloadPath("page_faults"), std::to_string(quarter_pages)});
}

TEST(Faults, EachIsThereWithItsStackWherePeriodIsOne) {
  const auto [capture, truth] = RecordFaults({"--faults-period", "1"}, kQuarterPages);
  const uint64_t pid = truth["pid"];
  const Faults quarter = FaultsOf(capture, pid, "touch_a_quarter");
  const Faults rest = FaultsOf(capture, pid, "touch_three_quarters");
  EXPECT_EQ(quarter.pages, kQuarterPages);
  EXPECT_EQ(rest.pages, 3 * kQuarterPages);
  const Faults touched = quarter + rest;
  EXPECT_EQ(touched.samples, touched.pages);
  EXPECT_EQ(touched.variance_pages2, 0);
  // What the kernel counts has a few more, for code that runs for the first time.
  EXPECT_LE(touched.pages, truth["minor"]);
  EXPECT_GE(touched.pages + 20, truth["minor"]);
  const uint64_t bytes = touched.pages * capture.recording.host.page_bytes;
  EXPECT_NEAR(double(bytes), double(truth["resident_bytes"]), 0.01 * double(bytes));
  EXPECT_EQ(LossCount(capture), 0u);
}

TEST(Faults, ThoseOfTheKernelHaveItsStack) {
  const auto [capture, truth] = RecordFaults({"--faults-period", "1"}, kQuarterPages);
  const uint64_t pid = truth["pid"];
  const Faults in_kernel =
      FaultsOf(capture, pid, "read_zeros", PageFaultKind::kMinor, Mode::kKernel);
  EXPECT_EQ(in_kernel.pages, kQuarterPages);
  EXPECT_LE(in_kernel.pages, truth["read_minor"]);
  const Faults of_user =
      FaultsOf(capture, pid, "touch_a_quarter", PageFaultKind::kMinor, Mode::kKernel);
  EXPECT_EQ(of_user.pages, 0u);
  // Below the system call, not where the fault is handled.
  for (const Interval& interval : capture.intervals) {
    for (const PageFaultRow& row : *interval.page_faults) {
      if (row.kernel_stack.value == 0 || !StackHas(capture, row.user_stack, "read_zeros")) continue;
      EXPECT_TRUE(StackHas(capture, row.kernel_stack, "read_zero") ||
                  StackHas(capture, row.kernel_stack, "read_iter_zero") ||
                  StackHas(capture, row.kernel_stack, "vfs_read"));
    }
  }
}

TEST(Faults, MajorOnesAreTold) {
  const Workplace workplace;
  const auto [capture, truth] =
      RecordCommand({"--record", "faults", "--faults-period", "1", "--max-overhead", "none"},
                    {WorkloadPath("page_faults"), "100", workplace.Path("data")});
  if (truth["major"] == 0) GTEST_SKIP() << "the kernel keeps the file's pages here";
  const uint64_t pid = truth["pid"];
  EXPECT_EQ(FaultsOf(capture, pid, "touch_file", PageFaultKind::kMajor).pages, truth["major"]);
}

// Without a period the kernel adapts it: many faults have few samples, and sums stay right within
// the error that is stated.
TEST(Faults, OfAStormAreSampledAndStayRight) {
  constexpr uint64_t kPages = 60'000;
  const auto [capture, truth] = RecordFaults({}, kPages);
  const uint64_t pid = truth["pid"];
  const Faults quarter = FaultsOf(capture, pid, "touch_a_quarter");
  const Faults rest = FaultsOf(capture, pid, "touch_three_quarters");
  const Faults all = quarter + rest;
  std::printf(
      "%llu pages of %llu, %llu samples; quarter %llu +- %.0f, rest %llu +- %.0f\n",
      static_cast<unsigned long long>(all.pages), 4 * static_cast<unsigned long long>(kPages),
      static_cast<unsigned long long>(all.samples), static_cast<unsigned long long>(quarter.pages),
      quarter.error_pages(), static_cast<unsigned long long>(rest.pages), rest.error_pages());
  EXPECT_LT(all.samples, all.pages / 4);
  EXPECT_GT(all.variance_pages2, 0);
  EXPECT_NEAR(double(all.pages), 4.0 * kPages, 4 * all.error_pages());
  EXPECT_NEAR(double(quarter.pages), double(kPages), 4 * quarter.error_pages());
  EXPECT_NEAR(double(rest.pages), 3.0 * kPages, 4 * rest.error_pages());
  EXPECT_LT(quarter.error_pages(), 0.2 * kPages);
}

// 61 is a prime: it beats with no short pattern of the program's.
TEST(Faults, PeriodThatIsGivenIsKept) {
  const auto [capture, truth] = RecordFaults({"--faults-period", "61"}, kQuarterPages);
  const uint64_t pid = truth["pid"];
  const Faults quarter = FaultsOf(capture, pid, "touch_a_quarter");
  EXPECT_EQ(quarter.pages, 61 * quarter.samples);
  EXPECT_EQ(quarter.variance_pages2, 60.0 * 61 * double(quarter.samples));
  EXPECT_NEAR(double(quarter.pages), double(kQuarterPages), 3 * quarter.error_pages());
}

TEST(Faults, AreThoseOfTheThreadsInScope) {
  const auto [capture, truth] = RecordFaults({"--faults-period", "1"}, 100);
  for (const Interval& interval : capture.intervals) {
    for (const PageFaultRow& row : *interval.page_faults) {
      const Process& process = capture.GetProcess(capture.GetThread(row.thread).process);
      EXPECT_EQ(process.pid.value, truth["pid"]);
    }
  }
}

TEST(Faults, AreNotRecordedUnlessAskedFor) {
  const Recorded recorded = RecordCommand({}, {"sleep", "0.2"});
  for (const Interval& interval : recorded.capture.intervals) {
    EXPECT_FALSE(interval.page_faults.has_value());
  }
}

}  // namespace
}  // namespace twofold::live
