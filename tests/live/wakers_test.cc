// Who woke whom, by workloads in which that is known.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
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

// Each of three threads waits for a mutex for 10 ms a round. Its holder, whom a timer woke, wakes
// one of them, that one the next, and that one the last.
TEST(Wakers, MutexLeadsToItsHolder) {
  const auto [capture, truth] = RecordCommand({"--wakers", "8", "--max-overhead", "none"},
                                              {WorkloadPath("wanted_mutex"), "4"});
  std::map<std::vector<std::string>, double> time_ns;
  double all_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : *interval.blocked) {
      if (!StackHas(capture, row.user_stack, "want_the_mutex")) continue;
      EXPECT_TRUE(StackHas(capture, row.kernel_stack, "futex_wait"));
      time_ns[WakerNames(capture, row.chain)] += double(row.time_ns);
      all_ns += double(row.time_ns);
    }
  }
  // What the threads measured has the waits for a CPU in it that follow their blocks.
  const double slack_ns = 0.02 * double(truth["wanted_ns"]);
  EXPECT_LE(all_ns, double(truth["wanted_ns"]) + slack_ns);
  EXPECT_GE(all_ns, double(truth["wanted_ns"]) - double(truth["run_delay_ns"]) - slack_ns);
  std::vector<std::string> wakers = {"holder", "[timer]"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(time_ns[wakers] / all_ns, 1 / 3., 0.05) << i << " others before it";
    wakers.insert(wakers.begin(), "wanter");
  }
}

// How often what a thread waits for in a function came from whom.
struct Neighbours {
  double all = 0;
  double by_peer = 0;       // the nearest waker, with the stack of its sending
  double by_peer_back = 0;  // that, and what woke it was the thread itself
  double by_interrupt = 0;
  double by_bystander = 0;
};

Neighbours CountNeighbours(const Capture& capture, const std::string& thread,
                           const std::string& waits, const std::string& peer,
                           const std::string& sends) {
  Neighbours counted;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : *interval.blocked) {
      if (capture.String(capture.GetThread(row.thread).name) != thread) continue;
      if (!StackHas(capture, row.user_stack, waits) || row.chain == ChainId()) continue;
      const std::vector<std::string> names = WakerNames(capture, row.chain);
      const Waker& waker = capture.GetWaker(capture.GetChain(row.chain).waker);
      const double count = double(row.count);
      counted.all += count;
      if (waker.kind != WakerKind::kTask) counted.by_interrupt += count;
      if (names[0] == "bystander") counted.by_bystander += count;
      if (names[0] != peer || !StackHas(capture, waker.user_stack, sends)) continue;
      EXPECT_TRUE(StackHas(capture, waker.kernel_stack, "do_syscall_64") ||
                  StackHas(capture, waker.kernel_stack, "invoke_syscall"));
      counted.by_peer += count;
      if (names.size() > 1 && names[1] == thread) counted.by_peer_back += count;
    }
  }
  return counted;
}

// Whoever sends over loopback runs the softirq that wakes the receiver.
class Neighbourhood : public testing::TestWithParam<const char*> {};

TEST_P(Neighbourhood, WakeEachOther) {
  // Without --exact most wake-ups have no stack, and chains go on through them all the same.
  for (const char* detail : {"--exact", "--quantum=1000"}) {
    SCOPED_TRACE(detail);
    const auto [capture, truth] = RecordCommand({detail, "--wakers", "3", "--max-overhead", "none"},
                                                {WorkloadPath("neighbours"), GetParam(), "3"});
    ASSERT_GT(truth["rounds"], 1000u);
    const Neighbours asker =
        CountNeighbours(capture, "asker", "wait_for_answer", "answerer", "send_answer");
    const Neighbours answerer =
        CountNeighbours(capture, "answerer", "wait_for_request", "asker", "send_request");
    for (const Neighbours& counted : {asker, answerer}) {
      ASSERT_GT(counted.all, 500);
      EXPECT_GE(counted.by_peer / counted.all, 0.99);
    }
    // A wake-up before the thread has left its CPU ends no block, and carries no waker on.
    EXPECT_GE(asker.by_peer_back / asker.all, 0.9);
  }
}

INSTANTIATE_TEST_SUITE_P(Wakers, Neighbourhood, testing::Values("tcp", "udp", "veth"),
                         [](const auto& tested) { return std::string(tested.param); });

// What a timer sends belongs to nobody, though it runs on a CPU on which others send.
TEST(Wakers, PacketsThatATimerSendsAreNobodys) {
  const auto [capture, truth] =
      RecordCommand({"--exact", "--wakers", "3", "--max-overhead", "none"},
                    {WorkloadPath("neighbours"), "paced", "4"});
  ASSERT_GT(truth["rounds"], 100u);
  const Neighbours answerer =
      CountNeighbours(capture, "answerer", "wait_for_request", "asker", "send_request");
  ASSERT_GT(answerer.all, 100);
  EXPECT_GE(answerer.by_interrupt / answerer.all, 0.9);
  EXPECT_LE(answerer.by_bystander / answerer.all, 0.05);
}

std::vector<std::pair<std::string, double>> Folded(const std::string& text) {
  std::vector<std::pair<std::string, double>> lines;
  std::istringstream stream(text);
  std::string line;
  while (std::getline(stream, line)) {
    const size_t space = line.rfind(' ');
    lines.emplace_back(line.substr(0, space), std::stod(line.substr(space + 1)));
  }
  return lines;
}

// What a user does: both programs, on programs that are not ours.
TEST(Wakers, GzipWaitsForTar) {
  const Workplace workplace;
  for (int i = 0; i < 2000; ++i) {
    std::ofstream(workplace.Path("file" + std::to_string(i))) << std::string(20'000, 'a');
  }
  const std::string path = workplace.Path("capture");
  const Outcome recorded =
      RunToEnd(workplace, {RecorderPath(), "--max-overhead", "none", "-o", path, "--", "sh", "-c",
                           "for i in 1 2 3 4 5 6; do tar -cf - " + workplace.Path("") +
                               "file* | gzip -1 > /dev/null; done"});
  ASSERT_EQ(recorded.status, 0) << recorded.errors;
  const Outcome folded = RunToEnd(workplace, {std::string(TWOFOLD_BIN_DIR) + "/twofold", "fold",
                                              "--view", "offwake", "--comm", "gzip", path});
  ASSERT_EQ(folded.status, 0) << folded.errors;
  double in_pipe_us = 0;
  double by_tar_us = 0;
  for (const auto& [stack, time_us] : Folded(folded.output)) {
    const size_t ends = stack.find(";--;");
    if (stack.find("pipe_read") >= ends) continue;
    in_pipe_us += time_us;
    // The waker's name comes last.
    if (stack.size() > 4 && stack.substr(stack.size() - 4) == ";tar") by_tar_us += time_us;
  }
  EXPECT_GT(in_pipe_us, 1000);
  EXPECT_GT(by_tar_us, 0.95 * in_pipe_us) << folded.output;
}

}  // namespace
}  // namespace twofold::live
