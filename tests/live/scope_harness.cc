#include "tests/live/scope_harness.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <time.h>

#include <filesystem>

namespace twofold::live {

uint64_t NowNs() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

Recorder::Recorder(const std::vector<std::string>& options) {
  std::vector<std::string> words = {RecorderPath(), "-o", Path(), "--interval", "0.25"};
  words.insert(words.end(), options.begin(), options.end());
  program_ = std::make_unique<Program>(words, workplace_.Path("recorder-out"),
                                       workplace_.Path("recorder-err"));
  // The first block is written when everything is traced.
  EXPECT_TRUE(Eventually([&] {
    std::error_code none_yet;
    const uintmax_t bytes = std::filesystem::file_size(Path() + ".partial", none_yet);
    return !none_yet && bytes > 0;
  })) << ReadWhole(workplace_.Path("recorder-err"));
}

Capture Recorder::Finish() {
  program_->Signal(SIGINT);
  return WaitForEnd();
}

Capture Recorder::WaitForEnd(int status) {
  EXPECT_EQ(program_->Wait(), status) << ReadWhole(workplace_.Path("recorder-err"));
  return LoadCapture(Path());
}

uint32_t Workloads::Start(const std::vector<std::string>& words, const std::string& name) {
  const std::string number = std::to_string(programs_.size());
  programs_.push_back(std::make_unique<Program>(words, workplace_.Path("out" + number),
                                                workplace_.Path("err" + number)));
  const uint32_t pid = uint32_t(programs_.back()->pid());
  EXPECT_TRUE(Eventually(
      [&] { return ReadWhole("/proc/" + std::to_string(pid) + "/comm") == name + "\n"; }));
  return pid;
}

uint32_t TidOf(uint32_t pid, const std::string& name) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/task";
  uint32_t tid = 0;
  EXPECT_TRUE(Eventually([&] {
    for (const auto& task : std::filesystem::directory_iterator(directory)) {
      if (ReadWhole(task.path().string() + "/comm") == name + "\n") {
        tid = uint32_t(std::stoul(task.path().filename().string()));
      }
    }
    return tid != 0;
  })) << name;
  return tid;
}

std::set<ThreadId> RecordedThreads(const Capture& capture) {
  std::set<ThreadId> threads;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : interval.accounts.value_or(std::vector<Account>())) {
      threads.insert(account.thread);
    }
    for (const BlockedRow& row : interval.blocked.value_or(std::vector<BlockedRow>())) {
      threads.insert(row.thread);
    }
    for (const CpuRow& row : interval.cpu.value_or(CpuRows()).rows) threads.insert(row.thread);
  }
  return threads;
}

std::set<std::string> RecordedNames(const Capture& capture) {
  std::set<std::string> names;
  for (const ThreadId thread : RecordedThreads(capture)) {
    names.insert(capture.String(capture.GetThread(thread).name));
  }
  return names;
}

std::set<uint32_t> RecordedPids(const Capture& capture) {
  std::set<uint32_t> pids;
  for (const ThreadId thread : RecordedThreads(capture)) {
    pids.insert(capture.GetProcess(capture.GetThread(thread).process).pid.value);
  }
  return pids;
}

std::set<uint32_t> RecordedTids(const Capture& capture) {
  std::set<uint32_t> tids;
  for (const ThreadId thread : RecordedThreads(capture)) {
    tids.insert(capture.GetThread(thread).tid.value);
  }
  return tids;
}

uint64_t ExistedNs(const Capture& capture, uint32_t tid) {
  uint64_t sum_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : interval.accounts.value_or(std::vector<Account>())) {
      if (capture.GetThread(account.thread).tid.value == tid) sum_ns += account.existed_ns;
    }
  }
  return sum_ns;
}

uint64_t AccountedBlockedNs(const Capture& capture, uint32_t tid) {
  uint64_t sum_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : interval.accounts.value_or(std::vector<Account>())) {
      if (capture.GetThread(account.thread).tid.value != tid) continue;
      for (const uint64_t blocked_ns : account.blocked_ns) sum_ns += blocked_ns;
    }
  }
  return sum_ns;
}

Moment StartOf(const Capture& capture) {
  const uint64_t start_ns = capture.recording.start_monotonic_ns;
  return {start_ns, start_ns};
}

Moment EndOf(const Capture& capture) {
  const uint64_t end_ns = capture.recording.start_monotonic_ns + WindowNs(capture);
  return {end_ns, end_ns};
}

void ExpectInScope(const Capture& capture, uint32_t tid, const Moment& from, const Moment& to) {
  const uint64_t existed_ns = ExistedNs(capture, tid);
  EXPECT_GE(existed_ns, to.before_ns - from.after_ns);
  EXPECT_LE(existed_ns, to.after_ns - from.before_ns);
  if (to.after_ns >= EndOf(capture).before_ns) return;
  uint64_t states_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : interval.accounts.value_or(std::vector<Account>())) {
      if (capture.GetThread(account.thread).tid.value == tid) states_ns += account.SumNs();
    }
  }
  EXPECT_NEAR(double(states_ns), double(existed_ns), kIdentityPart * double(WindowNs(capture)));
}

void ExpectRefusal(const std::vector<std::string>& options, const std::string& part) {
  const Workplace workplace;
  std::vector<std::string> words = {RecorderPath(), "-d", "1", "-o",
                                    workplace.Path("capture.twofold")};
  words.insert(words.end(), options.begin(), options.end());
  const Outcome outcome = RunToEnd(workplace, words);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find(part), std::string::npos) << outcome.errors;
  EXPECT_EQ(outcome.errors.find('\n'), outcome.errors.size() - 1) << outcome.errors;
  EXPECT_TRUE(workplace.Files().empty());
}

}  // namespace twofold::live
