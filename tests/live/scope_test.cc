// What is in scope by thread and by name, and what is not: from the moment on that a thread comes
// into scope until the moment that it leaves it.

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "tests/live/scope_harness.h"

namespace twofold::live {
namespace {

using std::chrono::milliseconds;

// A thread of this process that sleeps, in small steps, until it is told to end. What it is to do
// meanwhile it does itself.
class SleepingThread {
 public:
  explicit SleepingThread(const std::string& name)
      : thread_([this, name] {
          prctl(PR_SET_NAME, name.c_str());
          tid_ = uint32_t(gettid());
          while (!stop_) {
            if (rename_) {
              renamed_ = Moment::Of([&] { prctl(PR_SET_NAME, new_name_.c_str()); });
              rename_ = false;
            }
            std::this_thread::sleep_for(milliseconds(2));
          }
        }) {
    EXPECT_TRUE(Eventually([&] { return tid_ != 0; }));
  }
  ~SleepingThread() {
    stop_ = true;
    thread_.join();
  }

  uint32_t tid() const { return tid_; }

  Moment Rename(const std::string& name) {
    new_name_ = name;
    rename_ = true;
    EXPECT_TRUE(Eventually([&] { return !rename_; }));
    return renamed_;
  }

 private:
  std::atomic<uint32_t> tid_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> rename_ = false;
  std::string new_name_;
  Moment renamed_;
  std::thread thread_;
};

TEST(ScopeByThread, OtherThreadsOfTheProcessAreNotRecorded) {
  Workloads workloads;
  const uint32_t pid = workloads.StartOurs("threads");
  const uint32_t sleeper = TidOf(pid, "sleeper");
  const uint32_t half = TidOf(pid, "half_and_half");
  Recorder recorder({"-t", std::to_string(sleeper) + "," + std::to_string(half)});
  LetIntervalsPass(3);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(capture.recording.settings.scope, "threads");
  EXPECT_EQ(capture.recording.settings.tids, (std::vector<uint32_t>{sleeper, half}));
  EXPECT_EQ(RecordedTids(capture), (std::set<uint32_t>{sleeper, half}));
  EXPECT_EQ(RecordedNames(capture), (std::set<std::string>{"sleeper", "half_and_half"}));
  ExpectInScope(capture, sleeper, StartOf(capture), EndOf(capture));
  EXPECT_GT(BlockedNs(capture, {.tid = sleeper}), AccountedBlockedNs(capture, sleeper) * 9 / 10);
}

TEST(ScopeByThread, ThreadsAndProcessesThatItStartsAreNotRecorded) {
  std::atomic<uint32_t> tid = 0;
  std::atomic<bool> stop = false;
  std::thread parent([&] {
    tid = uint32_t(gettid());
    while (!stop) {
      std::thread([] { std::this_thread::sleep_for(milliseconds(1)); }).join();
      EXPECT_EQ(std::system("true"), 0);
    }
  });
  ASSERT_TRUE(Eventually([&] { return tid != 0; }));
  Recorder recorder({"-t", std::to_string(tid)});
  LetIntervalsPass(2);
  const Capture capture = recorder.Finish();
  stop = true;
  parent.join();
  EXPECT_EQ(RecordedTids(capture), std::set<uint32_t>{tid});
}

TEST(ScopeByThread, RecordingEndsWithTheProcessesOfTheThreads) {
  const Workplace workplace;
  Program workload({WorkloadPath("sleep_shares"), "3"}, workplace.Path("out"),
                   workplace.Path("err"));
  Program recorder({RecorderPath(), "-o", workplace.Path("capture.twofold"), "-t",
                    std::to_string(workload.pid())},
                   workplace.Path("recorder-out"), workplace.Path("recorder-err"));
  EXPECT_EQ(workload.Wait(), 0);
  EXPECT_EQ(recorder.Wait(), 0) << ReadWhole(workplace.Path("recorder-err"));
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kTargetsExited);
}

TEST(ScopeByThread, ThreadThatDoesNotExistIsASentence) {
  ExpectRefusal({"-t", "4194304"}, "-t 4194304: there is no thread 4194304");
}

TEST(ScopeByName, OtherNamesAreNotRecorded) {
  Workloads workloads;
  const uint32_t wanted = workloads.StartOurs("sleep_shares");
  const uint32_t unwanted = workloads.StartOurs("burn_shares");
  Recorder recorder({"--comm", "sl*p?shares"});
  LetIntervalsPass(3);
  const uint32_t later = workloads.StartOurs("sleep_shares");
  LetIntervalsPass(2);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(capture.recording.settings.scope, "system");
  EXPECT_EQ(capture.recording.settings.comm, "sl*p?shares");
  EXPECT_EQ(RecordedNames(capture), std::set<std::string>{"sleep_shares"});
  const std::set<uint32_t> pids = RecordedPids(capture);
  EXPECT_TRUE(pids.contains(wanted));
  EXPECT_TRUE(pids.contains(later));
  EXPECT_FALSE(pids.contains(unwanted));
  ExpectInScope(capture, wanted, StartOf(capture), EndOf(capture));
  EXPECT_GT(BlockedNs(capture, {.pid = wanted, .function = "sleep_in_seventy"}),
            AccountedBlockedNs(capture, wanted) / 2);
  EXPECT_EQ(LossCountOf(capture, LossCause::kTaskStorageFailed), 0u);
}

TEST(ScopeByName, NarrowsAProcess) {
  Workloads workloads;
  const uint32_t pid = workloads.StartOurs("threads");
  const uint32_t other = workloads.StartOurs("threads");
  const uint32_t burner = TidOf(pid, "burner");
  TidOf(other, "burner");
  Recorder recorder({"-p", std::to_string(pid), "--comm", "*urn*"});
  LetIntervalsPass(3);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(capture.recording.settings.scope, "processes");
  EXPECT_EQ(RecordedTids(capture), std::set<uint32_t>{burner});
  EXPECT_EQ(RecordedNames(capture), std::set<std::string>{"burner"});
}

TEST(ScopeByName, NarrowsACommandToTheProgramsThatItExecutes) {
  // The shell's own name never matches; it begets the one that does.
  const auto [capture, truth] = RecordCommand(
      {"--comm", "sleep_shares"}, {"sh", "-c",
                                   WorkloadPath("burn_shares") + " 0.2 > /dev/null; sh -c '" +
                                       WorkloadPath("sleep_shares") + " 0.5; true'"});
  EXPECT_EQ(RecordedNames(capture), std::set<std::string>{"sleep_shares"});
  EXPECT_EQ(RecordedPids(capture), std::set<uint32_t>{uint32_t(truth["pid"])});
  EXPECT_GE(ExistedNs(capture, uint32_t(truth["pid"])), truth["wall_ns"]);
}

TEST(ScopeByName, ExecutingAProgramOfAnotherNameLeavesTheScope) {
  const auto [capture, truth] =
      RecordCommand({"--comm", "sh"}, {"sh", "-c", "exec " + WorkloadPath("sleep_shares") + " 1"});
  EXPECT_EQ(RecordedNames(capture), std::set<std::string>{"sh"});
  EXPECT_LT(ExistedNs(capture, uint32_t(truth["pid"])), truth["wall_ns"] / 2);
}

TEST(ScopeByName, ThreadIsInScopeWhileItsNameMatches) {
  SleepingThread thread("elsewhere");
  Recorder recorder({"--comm", "in_scope_?"});
  LetIntervalsPass(1);
  const Moment in = thread.Rename("in_scope_1");
  LetIntervalsPass(3);
  const Moment out = thread.Rename("out_of_scope");
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedNames(capture), std::set<std::string>{"in_scope_1"});
  EXPECT_EQ(RecordedTids(capture), std::set<uint32_t>{thread.tid()});
  ExpectInScope(capture, thread.tid(), in, out);
}

TEST(ScopeByName, ThreadMayComeBackUnderAnotherNameThatMatches) {
  SleepingThread thread("in_scope_1");
  Recorder recorder({"-p", std::to_string(getpid()), "--comm", "in_scope_?"});
  LetIntervalsPass(1);
  const Moment out = thread.Rename("out_of_scope");
  LetIntervalsPass(1);
  const Moment in = thread.Rename("in_scope_2");
  LetIntervalsPass(1);
  const Moment renamed = thread.Rename("in_scope_3");
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedNames(capture),
            (std::set<std::string>{"in_scope_1", "in_scope_2", "in_scope_3"}));
  const uint64_t existed_ns = ExistedNs(capture, thread.tid());
  const uint64_t start_ns = capture.recording.start_monotonic_ns;
  EXPECT_GE(existed_ns, out.before_ns - start_ns + EndOf(capture).before_ns - in.after_ns);
  EXPECT_LE(existed_ns, out.after_ns - start_ns + EndOf(capture).before_ns - in.before_ns);
  EXPECT_GT(renamed.before_ns, in.after_ns);
}

TEST(ScopeByName, SleeperThatAnotherThreadRenamesIsFollowedInTheMiddleOfItsBlock) {
  std::atomic<uint32_t> tid = 0;
  std::atomic<bool> stop = false;
  std::thread sleeper([&] {
    tid = uint32_t(gettid());
    stop.wait(false);
  });
  ASSERT_TRUE(Eventually([&] { return tid != 0; }));
  const std::string comm = "/proc/self/task/" + std::to_string(tid) + "/comm";
  Recorder recorder({"--exact", "--comm", "in_scope"});
  LetIntervalsPass(1);
  const Moment in = Moment::Of([&] { std::ofstream(comm) << "in_scope"; });
  LetIntervalsPass(3);
  const Moment out = Moment::Of([&] { std::ofstream(comm) << "elsewhere"; });
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  stop = true;
  stop.notify_all();
  sleeper.join();
  EXPECT_EQ(RecordedTids(capture), std::set<uint32_t>{tid});
  ExpectInScope(capture, tid, in, out);
  // All of it is blocked time, by account and by stack.
  EXPECT_EQ(AccountedBlockedNs(capture, tid), ExistedNs(capture, tid));
  EXPECT_NEAR(double(BlockedNs(capture, {.tid = tid})), double(ExistedNs(capture, tid)),
              kIdentityPart * double(WindowNs(capture)));
  EXPECT_EQ(BlockCount(capture, {.tid = tid}), 0u);
}

TEST(ScopeByName, ThreadThatKeepsChangingItsNameDoesNotFillTheTable) {
  const uint32_t tid = uint32_t(gettid());
  char own_name[16] = {};
  prctl(PR_GET_NAME, own_name);
  Recorder recorder({"--memory", "8", "--comm", "in_scope"});
  for (int i = 0; i < 20'000; ++i) prctl(PR_SET_NAME, i % 2 == 0 ? "in_scope" : "elsewhere");
  const Capture capture = recorder.Finish();
  prctl(PR_SET_NAME, own_name);
  EXPECT_EQ(LossCountOf(capture, LossCause::kThreadTableFull), 0u);
  EXPECT_LE(RecordedTids(capture), std::set<uint32_t>{tid});
  EXPECT_LE(RecordedThreads(capture).size(), 64u);
}

TEST(ScopeByName, NameThatNobodyHasGivesAnEmptyCaptureAndANote) {
  const Workplace workplace;
  const Outcome outcome =
      RunToEnd(workplace, {RecorderPath(), "-d", "0.5", "--comm", "nobody-at-all", "-o",
                           workplace.Path("capture.twofold")});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_NE(outcome.errors.find("Note: nothing was recorded"), std::string::npos) << outcome.errors;
  EXPECT_TRUE(RecordedThreads(LoadCapture(workplace.Path("capture.twofold"))).empty());
}

}  // namespace
}  // namespace twofold::live
