// Who woke whom, by workloads in which that is known.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

// The wakers of a chain, the nearest first: names of threads, or of what an interrupt was.
std::vector<std::string> WakerNames(const Capture& capture, ChainId chain) {
  std::vector<std::string> names;
  for (; chain != ChainId(); chain = capture.GetChain(chain).next) {
    const Waker& waker = capture.GetWaker(capture.GetChain(chain).waker);
    switch (waker.kind) {
      case WakerKind::kTask:
        names.push_back(capture.String(capture.GetThread(waker.thread).name));
        break;
      case WakerKind::kTimer:
        names.push_back("[timer]");
        break;
      default:
        names.push_back("[interrupt]");
    }
  }
  return names;
}

uint64_t NsOfChain(const Capture& capture, const std::string& thread,
                   const std::vector<std::string>& wakers) {
  uint64_t time_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : *interval.blocked) {
      if (capture.String(capture.GetThread(row.thread).name) != thread) continue;
      if (WakerNames(capture, row.chain) == wakers) time_ns += row.time_ns;
    }
  }
  return time_ns;
}

constexpr double kMost = 0.9;

TEST(Wakers, RelayOfFiveThreadsEndsInTheTimer) {
  const auto [capture, truth] =
      RecordCommand({"--wakers", "8", "--max-overhead", "none"}, {WorkloadPath("relay"), "3"});
  std::vector<std::string> wakers = {"[timer]"};
  for (int number = 1; number <= 5; ++number) {
    const std::string thread = "relay_" + std::to_string(number);
    EXPECT_GT(double(NsOfChain(capture, thread, wakers)), kMost * double(truth["wall_ns"]))
        << thread;
    wakers.insert(wakers.begin(), thread);
  }
}

TEST(Wakers, ChainIsNoLongerThanAskedFor) {
  const auto [capture, truth] =
      RecordCommand({"--wakers", "2", "--max-overhead", "none"}, {WorkloadPath("relay"), "2"});
  EXPECT_GT(double(NsOfChain(capture, "relay_5", {"relay_4", "relay_3"})),
            kMost * double(truth["wall_ns"]));
}

TEST(Wakers, WithoutWakersNoneAreKept) {
  const auto [capture, truth] = RecordCommand({"--wakers", "0"}, {WorkloadPath("relay"), "1"});
  EXPECT_TRUE(capture.definitions.chains.empty());
  EXPECT_TRUE(capture.definitions.wakers.empty());
}

// The timer fires on a CPU that another program burns: it is interrupted, and wakes nobody.
TEST(Wakers, WhoeverWasInterruptedIsNeverNamed) {
  const auto [capture, truth] =
      RecordCommand({"--exact", "--wakers", "8"}, {WorkloadPath("relay"), "3"});
  ASSERT_GT(truth["ticks"], 100u);
  for (const Waker& waker : capture.definitions.wakers) {
    const bool task = waker.kind == WakerKind::kTask;
    const bool burner = task && capture.String(capture.GetThread(waker.thread).name) == "burner";
    // Its end wakes its parent, and nothing else.
    EXPECT_TRUE(!burner || StackHas(capture, waker.kernel_stack, "do_exit"));
    if (task) continue;
    EXPECT_EQ(waker.user_stack, StackId());
    EXPECT_FALSE(StackHas(capture, waker.kernel_stack, "do_syscall_64"));
  }
}

}  // namespace
}  // namespace twofold::live
