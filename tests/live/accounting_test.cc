// Every nanosecond of every thread is accounted for: the states of each thread add up to the time
// that it existed, and each of them is what the workload and the kernel say by themselves.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

constexpr double kIdentityPart = 0.001;  // of wall time

// Sums over all intervals of the threads that a condition selects.
template <typename Condition>
Account Sum(const Capture& capture, Condition condition) {
  Account sum;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : interval.accounts.value_or(std::vector<Account>())) {
      if (!condition(capture.GetThread(account.thread))) continue;
      sum.existed_ns += account.existed_ns;
      sum.on_cpu_ns += account.on_cpu_ns;
      sum.woken_ns += account.woken_ns;
      sum.preempted_ns += account.preempted_ns;
      for (size_t state = 0; state < kBlockStates; ++state) {
        sum.blocked_ns[state] += account.blocked_ns[state];
      }
    }
  }
  return sum;
}

Account OfTid(const Capture& capture, uint64_t tid) {
  return Sum(capture, [&](const Thread& thread) { return thread.tid.value == tid; });
}

uint64_t Blocked(const Account& account) {
  return account.SumNs() - account.on_cpu_ns - account.woken_ns - account.preempted_ns;
}

void ExpectIdentity(const Capture& capture) {
  size_t accounts = 0;
  for (const Interval& interval : capture.intervals) {
    ASSERT_TRUE(interval.accounts.has_value());
    for (const Account& account : *interval.accounts) {
      ++accounts;
      const double residue_ns = std::fabs(double(account.SumNs()) - double(account.existed_ns));
      EXPECT_LE(residue_ns, kIdentityPart * double(interval.end_ns - interval.start_ns))
          << capture.String(capture.GetThread(account.thread).name) << " in interval "
          << interval.number;
    }
  }
  EXPECT_GT(accounts, 0u);
}

// Blocked time by stack and blocked time by account come about independently. Where short blocks
// were kept by chance, they agree within the error of that: a block of length d < T is kept with
// probability d / T and counts T, so the sum has a variance of d (T - d) for each, less than T
// times the time in short blocks, which the accounts tell exactly.
void ExpectRowsAgreeWithAccounts(const Capture& capture) {
  constexpr double kErrors = 6;
  struct Sums {
    double rows_ns = 0;
    double accounts_ns = 0;
    double variance_ns2 = 0;
  };
  std::map<ThreadId, Sums> sums;
  for (const Interval& interval : capture.intervals) {
    std::map<ThreadId, double> short_ns;
    for (const Account& account : *interval.accounts) {
      sums[account.thread].accounts_ns += double(Blocked(account));
      short_ns[account.thread] += double(Blocked(account));
    }
    for (const BlockedRow& row : *interval.blocked) {
      sums[row.thread].rows_ns += double(row.time_ns);
      short_ns[row.thread] -= double(row.time_ns - row.sampled_ns);
    }
    for (const auto& [thread, time_ns] : short_ns) {
      sums[thread].variance_ns2 += double(interval.quantum_ns) * std::max(0.0, time_ns);
    }
  }
  for (const auto& [thread, sum] : sums) {
    EXPECT_NEAR(sum.rows_ns, sum.accounts_ns,
                kIdentityPart * double(WindowNs(capture)) + kErrors * std::sqrt(sum.variance_ns2))
        << capture.String(capture.GetThread(thread).name);
  }
}

TEST(Accounting, StatesOfThreadsAreWhatTheThreadsSay) {
  const auto [capture, truth] = RecordCommand({}, {WorkloadPath("threads"), "5"});
  ExpectIdentity(capture);
  ExpectRowsAgreeWithAccounts(capture);
  for (const std::string name : {"sleeper", "burner", "half_and_half"}) {
    SCOPED_TRACE(name);
    const Account account = OfTid(capture, truth[name + "_tid"]);
    const double wall_ns = double(truth[name + "_wall_ns"]);
    const double slack_ns =
        0.005 * wall_ns;  // what a thread does before and after its measured part
    // It begins to measure when it runs for the first time.
    const double waited_ns = double(truth[name + "_run_delay_ns"]);
    EXPECT_GE(double(account.existed_ns), wall_ns - slack_ns);
    EXPECT_LE(double(account.existed_ns), wall_ns + waited_ns + slack_ns);
    EXPECT_NEAR(double(account.woken_ns + account.preempted_ns),
                double(truth[name + "_run_delay_ns"]), slack_ns);
    if (name == "burner") {
      EXPECT_NEAR(double(account.on_cpu_ns), double(truth["burner_cpu_ns"]), slack_ns);
    }
    if (name == "sleeper") {
      const double off_cpu_ns = double(Blocked(account) + account.woken_ns);
      EXPECT_GE(off_cpu_ns, double(truth["sleeper_off_cpu_ns"]) - slack_ns);
      EXPECT_LE(off_cpu_ns, double(truth["sleeper_off_cpu_ns"]) + waited_ns + slack_ns);
    }
  }
}

TEST(Accounting, TwoBurnersOnOneCpuTakeTurns) {
  const Workplace workplace;
  const std::string burner = WorkloadPath("burn_shares");
  const auto [capture, truth] = RecordCommand(
      {}, {"taskset", "-c", "0", "sh", "-c", burner + " 2 > /dev/null & " + burner + " 2; wait"});
  ExpectIdentity(capture);
  const Account account = OfTid(capture, truth["pid"]);
  // Both began together and want 2 s of one CPU: each waits for about as long as it runs.
  EXPECT_NEAR(double(account.on_cpu_ns), double(truth["cpu_ns"]), 0.01 * double(truth["cpu_ns"]));
  EXPECT_GT(account.preempted_ns, account.existed_ns / 3);
  EXPECT_LT(Blocked(account), account.existed_ns / 20);
  EXPECT_NEAR(
      double(account.on_cpu_ns + account.preempted_ns + account.woken_ns + Blocked(account)),
      double(account.existed_ns), kIdentityPart * double(account.existed_ns));
}

TEST(Accounting, ThreadThatNeverRunsIsThereFromEndToEnd) {
  const Workplace workplace;
  Program workload({WorkloadPath("blocked_whole_window"), "30"}, workplace.Path("out"),
                   workplace.Path("err"));
  ASSERT_TRUE(Eventually([&] {  // it has begun to wait
    return ReadWhole("/proc/" + std::to_string(workload.pid()) + "/syscall").rfind("0 ", 0) == 0;
  }));
  const Outcome outcome =
      RunToEnd(workplace, {RecorderPath(), "-o", workplace.Path("capture.twofold"), "-d", "2.5",
                           "-p", std::to_string(workload.pid())});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ExpectIdentity(capture);
  const Account account = OfTid(capture, uint64_t(workload.pid()));
  const double window_ns = double(WindowNs(capture));
  EXPECT_NEAR(double(account.existed_ns), window_ns, kIdentityPart * window_ns);
  EXPECT_NEAR(double(account.blocked_ns[size_t(BlockState::kInterruptible) - 1]), window_ns,
              kIdentityPart * window_ns);
}

TEST(Accounting, ProcessesThatLiveForMillisecondsHaveTheirWholeLife) {
  const auto [capture, truth] = RecordCommand({}, {WorkloadPath("process_tree"), "3"});
  ExpectIdentity(capture);
  size_t briefs = 0;
  Account all;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      const Process& process = capture.GetProcess(capture.GetThread(account.thread).process);
      if (capture.String(process.name) != "brief") continue;
      all.existed_ns += account.existed_ns;
      all.on_cpu_ns += account.on_cpu_ns;
    }
  }
  for (const Process& process : capture.definitions.processes) {
    briefs += capture.String(process.name) == "brief";
  }
  EXPECT_EQ(briefs, truth["briefs"]);
  // Each sleeps for 10 ms once it is itself; its parent measures the fork, the exec and the wait as
  // well.
  EXPECT_GT(all.existed_ns, truth["briefs"] * 10'000'000);
  EXPECT_LT(all.existed_ns, truth["briefs_lifetime_ns"]);
  EXPECT_GT(all.on_cpu_ns, 0u);
  EXPECT_EQ(LossCountOf(capture, LossCause::kAccountLost), 0u);
}

TEST(Accounting, RecorderThatIsStoppedForSecondsLosesNothing) {
  const Workplace workplace;
  Program workload({WorkloadPath("sleep_shares"), "30"}, workplace.Path("out"),
                   workplace.Path("err"));
  const uint32_t pid = uint32_t(workload.pid());
  Program recorder({RecorderPath(), "-o", workplace.Path("capture.twofold"), "-d", "7", "-p",
                    std::to_string(pid)},
                   workplace.Path("recorder-out"), workplace.Path("recorder-err"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  recorder.Signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(4000));
  recorder.Signal(SIGCONT);
  ASSERT_EQ(recorder.Wait(), 0) << ReadWhole(workplace.Path("recorder-err"));
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ExpectIdentity(capture);
  ExpectRowsAgreeWithAccounts(capture);
  const double window_ns = double(WindowNs(capture));
  EXPECT_GT(window_ns, 6.9e9);
  EXPECT_NEAR(double(OfTid(capture, pid).existed_ns), window_ns, kIdentityPart * window_ns);
  EXPECT_EQ(LossCount(capture), 0u);
}

// Threads end by the thousand while nobody reads their accounts: the buffer runs over. What is lost
// is counted, each thread, and its time.
TEST(Accounting, LostAccountsAreCountedWithTheirTime) {
  const Workplace workplace;
  Program recorder({RecorderPath(), "-o", workplace.Path("capture.twofold"), "--max-overhead",
                    "none", "--", WorkloadPath("brief_threads"), "8", "5000"},
                   workplace.Path("out"), workplace.Path("err"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  recorder.Signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::milliseconds(5000));
  recorder.Signal(SIGCONT);
  ASSERT_EQ(recorder.Wait(), 0) << ReadWhole(workplace.Path("err"));
  const Truth truth(ReadWhole(workplace.Path("out")));
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ExpectIdentity(capture);
  std::map<ThreadId, uint64_t> existed_ns;
  double lost_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      existed_ns[account.thread] += account.existed_ns;
    }
    for (const Loss& loss : interval.losses) {
      if (loss.cause == LossCause::kAccountLost) lost_ns += double(loss.time_ns);
    }
  }
  const uint64_t lost = LossCountOf(capture, LossCause::kAccountLost);
  EXPECT_GT(lost, 1000u);
  // A brief thread lives for as long as its like, whether its account found room or not.
  double brief_ns = 0;
  double kept = 0;
  for (const auto& [thread, time_ns] : existed_ns) {
    if (capture.GetThread(thread).tid.value == truth["pid"]) continue;
    brief_ns += double(time_ns);
    kept += 1;
  }
  // The account that a thread hands over when it begins to end may have been the last that found
  // room: then it is kept, and what comes after it is lost.
  EXPECT_GE(kept + double(lost), double(truth["threads"]));
  EXPECT_LE(kept + double(lost), 1.001 * double(truth["threads"]));
  EXPECT_GT(lost_ns / double(lost), 0.3 * brief_ns / kept);
  EXPECT_LT(lost_ns / double(lost), 3 * brief_ns / kept);
  std::printf("%.0f accounts of %.1f us kept, %.0f of %.1f us lost, of %llu threads\n", kept,
              brief_ns / kept / 1000, double(lost), lost_ns / double(lost) / 1000,
              static_cast<unsigned long long>(truth["threads"]));
}

// Off-CPU time of each thread in each interval, by rows and by accounts.
struct OffCpu {
  double rows_ns = 0;
  double accounts_ns = 0;
  bool has_account = false;
};

std::map<std::pair<uint32_t, ThreadId>, OffCpu> OffCpuByInterval(const Capture& capture) {
  std::map<std::pair<uint32_t, ThreadId>, OffCpu> sums;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      OffCpu& sum = sums[{interval.number, account.thread}];
      sum.accounts_ns += double(account.SumNs() - account.on_cpu_ns);
      sum.has_account = true;
    }
    for (const BlockedRow& row : *interval.blocked) {
      sums[{interval.number, row.thread}].rows_ns += double(row.time_ns);
    }
    for (const WaitingRow& row : *interval.waiting) {
      sums[{interval.number, row.thread}].rows_ns += double(row.time_ns);
    }
    for (const CpuRow& row : interval.cpu->rows) sums[{interval.number, row.thread}];
  }
  return sums;
}

// Intervals end while threads begin and end: what a thread did is in the interval in which it did
// it, in rows and accounts alike.
TEST(Accounting, RowsAndAccountsAreOfTheSameInstant) {
  const auto [capture, truth] = RecordCommand(
      {"--exact", "--interval", "0.1", "--max-overhead", "none", "--frequency", "997"},
      {WorkloadPath("brief_lives"), "500"});
  ExpectIdentity(capture);
  double accounts_ns = 0;
  double apart_ns = 0;
  size_t without_account = 0;
  // What no tracer was told of is in the interval in which the thread is seen again, and under the
  // name that it has then.
  std::set<uint32_t> ran_unseen;  // tids
  const auto note_unseen = [&](ThreadId thread, StackId stack) {
    if (StackHas(capture, stack, "[stack lost: ran unseen]")) {
      ran_unseen.insert(capture.GetThread(thread).tid.value);
    }
  };
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : *interval.blocked) note_unseen(row.thread, row.kernel_stack);
    for (const WaitingRow& row : *interval.waiting) note_unseen(row.thread, row.kernel_stack);
  }
  EXPECT_LT(ran_unseen.size(), 50u);
  for (const auto& [key, sum] : OffCpuByInterval(capture)) {
    without_account += !sum.has_account;
    if (ran_unseen.contains(capture.GetThread(key.second).tid.value)) continue;
    accounts_ns += sum.accounts_ns;
    apart_ns += std::fabs(sum.rows_ns - sum.accounts_ns);
  }
  std::printf("%zu intervals, %.3f ms of %.3f ms apart\n", capture.intervals.size(), apart_ns / 1e6,
              accounts_ns / 1e6);
  EXPECT_GT(capture.intervals.size(), 5u);
  EXPECT_EQ(without_account, 0u);
  EXPECT_LT(apart_ns, kIdentityPart * accounts_ns);
}

TEST(Accounting, ThreadThatAnotherOneRenamesHasTheTimeBeforeUnderItsOldName) {
  const auto [capture, truth] = RecordCommand({"--exact"}, {WorkloadPath("renamed_sleeper")});
  ExpectIdentity(capture);
  std::map<std::string, OffCpu> by_name;
  for (const auto& [key, sum] : OffCpuByInterval(capture)) {
    OffCpu& of_name = by_name[capture.String(capture.GetThread(key.second).name)];
    of_name.rows_ns += sum.rows_ns;
    of_name.accounts_ns += sum.accounts_ns;
  }
  EXPECT_NEAR(by_name["before"].accounts_ns, 0.4e9, 0.05e9);
  EXPECT_NEAR(by_name["after"].accounts_ns, 0.6e9, 0.05e9);
  for (const auto& [name, sum] : by_name) {
    EXPECT_NEAR(sum.rows_ns, sum.accounts_ns, kIdentityPart * 1e9) << name;
  }
}

TEST(Accounting, IntervalsEndWhenTheyShouldAlsoWhereNoCpuComesToRest) {
  const auto [capture, truth] =
      RecordCommand({"--interval", "0.5", "-d", "3", "--max-overhead", "none"},
                    {WorkloadPath("ping_pongs"), "4"});
  constexpr double kIntervalNs = 5e8;
  for (const Interval& interval : capture.intervals) {
    // On a busy machine one may last twice as long.
    const double turns = double(interval.end_ns) / kIntervalNs;
    EXPECT_NEAR(turns * kIntervalNs, std::round(turns) * kIntervalNs, 1000)
        << "interval " << interval.number;
  }
  EXPECT_GE(capture.intervals.size(), 5u);
  EXPECT_NEAR(double(WindowNs(capture)), 3e9, 1000);
}

TEST(Accounting, NoAccountOfTenThousandThreadsThatEndTogetherIsLost) {
  const auto [capture, truth] = RecordCommand({"--max-overhead", "none", "--quantum", "1000"},
                                              {WorkloadPath("end_together"), "10000"});
  ExpectIdentity(capture);
  EXPECT_EQ(LossCountOf(capture, LossCause::kAccountLost), 0u);
  std::map<uint32_t, double> existed_ns;
  double off_cpu_ns = 0;
  double rows_ns = 0;
  double lost_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      existed_ns[capture.GetThread(account.thread).tid.value] += double(account.existed_ns);
      off_cpu_ns += double(account.SumNs() - account.on_cpu_ns);
    }
    for (const BlockedRow& row : *interval.blocked) rows_ns += double(row.time_ns);
    for (const WaitingRow& row : *interval.waiting) rows_ns += double(row.time_ns);
    for (const Loss& loss : interval.losses) lost_ns += double(loss.time_ns);
  }
  EXPECT_EQ(existed_ns.size(), truth["threads"] + 1);
  EXPECT_NEAR(rows_ns + lost_ns, off_cpu_ns, kIdentityPart * off_cpu_ns);
}

// More threads begin in an interval than the smallest table has rows: the time of the others is
// kept under one name, and it all adds up.
TEST(Accounting, ThreadsWithoutARowOfTheTableAddUp) {
  const auto [capture, truth] = RecordCommand(
      {"--memory", "8", "--interval", "4", "--max-overhead", "none", "--record", "offcpu"},
      {WorkloadPath("brief_threads"), "6", "4000"});
  ExpectIdentity(capture);
  EXPECT_GT(LossCountOf(capture, LossCause::kThreadTableFull), 1000u);
  uint64_t with_row = 0;
  double with_row_ns = 0;
  double without_row_ns = 0;
  double lost_ns = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      const Thread& thread = capture.GetThread(account.thread);
      if (thread.tid.value == truth["pid"]) continue;
      const bool has_row = thread.tid.value != 0;
      with_row += has_row;
      (has_row ? with_row_ns : without_row_ns) += double(account.SumNs());
    }
    for (const Loss& loss : interval.losses) {
      if (loss.cause == LossCause::kAccountLost) lost_ns += double(loss.time_ns);
    }
  }
  std::printf("%llu threads of %.1f us with a row; %.1f ms without one, %.1f ms lost\n",
              static_cast<unsigned long long>(with_row), with_row_ns / double(with_row) / 1000,
              without_row_ns / 1e6, lost_ns / 1e6);
  // All live for as long.
  const double without_row = double(truth["threads"] - with_row);
  EXPECT_GT(without_row_ns + lost_ns, 0.3 * without_row * with_row_ns / double(with_row));
  EXPECT_LT(without_row_ns + lost_ns, 3 * without_row * with_row_ns / double(with_row));
}

// Looks at the whole host and keeps nothing of it.
// A process that has ended before the window, and whose parent has not asked for its status.
class EndedChild {
 public:
  EndedChild() : pid_(fork()) {
    if (pid_ == 0) _exit(0);
    siginfo_t status;
    waitid(P_PID, id_t(pid_), &status, WEXITED | WNOWAIT);
  }
  ~EndedChild() { waitpid(pid_, nullptr, 0); }
  EndedChild(const EndedChild&) = delete;
  EndedChild& operator=(const EndedChild&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(Accounting, EveryThreadOfTheHostAddsUp) {
  const Workplace workplace;
  const EndedChild ended;
  ASSERT_GT(ended.pid(), 0);
  const Outcome outcome =
      RunToEnd(workplace, {RecorderPath(), "-o", workplace.Path("capture.twofold"), "-d", "3"});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ExpectIdentity(capture);
  ExpectRowsAgreeWithAccounts(capture);
  // Most threads of a host neither begin nor end within three seconds.
  const uint64_t window_ns = WindowNs(capture);
  std::map<std::pair<uint32_t, int64_t>, uint64_t> existed_ns;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      const Thread& thread = capture.GetThread(account.thread);
      existed_ns[{thread.tid.value, thread.start_ns}] += account.existed_ns;
    }
  }
  size_t whole = 0;
  for (const auto& [thread, time_ns] : existed_ns) {
    EXPECT_LE(double(time_ns), double(window_ns) * (1 + kIdentityPart))
        << "thread " << thread.first;
    whole += double(time_ns) >= double(window_ns) * (1 - kIdentityPart);
  }
  EXPECT_GT(whole, 20u);
  // What has ended is not a thread that does something.
  EXPECT_EQ(OfTid(capture, uint64_t(ended.pid())).existed_ns, 0u);
}

}  // namespace
}  // namespace twofold::live
