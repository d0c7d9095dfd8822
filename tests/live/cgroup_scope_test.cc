// What is in scope by cgroup, and which cgroup time belongs to: in cgroups of the test's own, below
// the hierarchy of version 2.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "tests/live/scope_harness.h"

namespace twofold::live {
namespace {

constexpr double kSamplePeriodNs = 1e9 / 99;  // of the recorder's default

// What one thread did in each cgroup, by its path.
struct TimeByCgroup {
  using Times = std::map<std::string, uint64_t>;
  Times existed_ns, on_cpu_ns, blocked_ns;  // by its accounts
  Times sampled_ns, in_blocks_ns;           // by its rows

  static uint64_t Of(const Times& times, const std::string& path) {
    const auto found = times.find(path);
    return found == times.end() ? 0 : found->second;
  }
  uint64_t Existed(const std::string& path) const { return Of(existed_ns, path); }
  uint64_t OnCpu(const std::string& path) const { return Of(on_cpu_ns, path); }
  uint64_t Blocked(const std::string& path) const { return Of(blocked_ns, path); }
  uint64_t Sampled(const std::string& path) const { return Of(sampled_ns, path); }
  uint64_t InBlocks(const std::string& path) const { return Of(in_blocks_ns, path); }
};

TimeByCgroup TimesOf(const Capture& capture, uint32_t tid) {
  TimeByCgroup times;
  const auto path_of = [&](ThreadId thread) -> const std::string* {
    const Thread& row = capture.GetThread(thread);
    return row.tid.value == tid ? &capture.String(row.cgroup) : nullptr;
  };
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : interval.accounts.value_or(std::vector<Account>())) {
      const std::string* path = path_of(account.thread);
      if (path == nullptr) continue;
      times.existed_ns[*path] += account.existed_ns;
      times.on_cpu_ns[*path] += account.on_cpu_ns;
      for (const uint64_t blocked_ns : account.blocked_ns) times.blocked_ns[*path] += blocked_ns;
    }
    for (const BlockedRow& row : interval.blocked.value_or(std::vector<BlockedRow>())) {
      if (const std::string* path = path_of(row.thread)) times.in_blocks_ns[*path] += row.time_ns;
    }
    const CpuRows cpu = interval.cpu.value_or(CpuRows());
    for (const CpuRow& row : cpu.rows) {
      const std::string* path = path_of(row.thread);
      if (path != nullptr) times.sampled_ns[*path] += row.samples * cpu.period_ns;
    }
  }
  return times;
}

// Where threads of a name were.
std::set<std::string> CgroupsOf(const Capture& capture, const std::string& name) {
  std::set<std::string> paths;
  for (const ThreadId thread : RecordedThreads(capture)) {
    const Thread& row = capture.GetThread(thread);
    if (capture.String(row.name) == name) paths.insert(capture.String(row.cgroup));
  }
  return paths;
}

// A cgroup of the test's own, with a folder below it.
class ScopeByCgroup : public testing::Test {
 protected:
  void SetUp() override {
    std::istringstream mounts(ReadWhole("/proc/self/mounts"));
    std::string device, directory, type, rest;
    while (mounts >> device >> directory >> type && std::getline(mounts, rest)) {
      if (type == "cgroup2") mount_ = directory;
    }
    if (mount_.empty()) GTEST_SKIP() << "no cgroup hierarchy of version 2 is mounted";
    name_ = "twofold-test-" + std::to_string(getpid());
    std::error_code failed;
    if (!std::filesystem::create_directory(mount_ + "/" + name_, failed)) {
      GTEST_SKIP() << "no cgroup can be made in " << mount_ << ": " << failed.message();
    }
    std::filesystem::create_directory(Directory() + "/below");
  }

  void TearDown() override {
    if (name_.empty()) return;
    workloads_.reset();  // their last processes must be gone
    for (const std::string& directory : {Directory() + "/below", Directory()}) {
      EXPECT_TRUE(Eventually([&] { return rmdir(directory.c_str()) == 0 || errno == ENOENT; }))
          << directory;
    }
  }

  std::string Directory() const { return mount_ + "/" + name_; }

  // Moves a process with all its threads.
  static Moment Move(uint32_t pid, const std::string& directory) {
    return Moment::Of([&] {
      std::ofstream file(directory + "/cgroup.procs");
      file << pid << std::flush;
      EXPECT_TRUE(file.good()) << directory;
    });
  }

  std::string mount_;
  std::string name_;
  std::unique_ptr<Workloads> workloads_ = std::make_unique<Workloads>();
};

TEST_F(ScopeByCgroup, ProcessesOutsideAreNotRecorded) {
  const uint32_t inside = workloads_->StartOurs("sleep_shares");
  const uint32_t below = workloads_->StartOurs("sleep_shares");
  const uint32_t outside = workloads_->StartOurs("sleep_shares");
  Move(inside, Directory());
  Move(below, Directory() + "/below");
  for (const std::string& path : {Directory(), "/" + name_, name_}) {
    Recorder recorder({"--cgroup", path});
    LetIntervalsPass(2);
    const Capture capture = recorder.Finish();
    EXPECT_EQ(capture.recording.settings.scope, "cgroup");
    EXPECT_EQ(capture.recording.settings.cgroup, "/" + name_);
    EXPECT_EQ(RecordedPids(capture), (std::set<uint32_t>{inside, below}));
    EXPECT_FALSE(RecordedPids(capture).contains(outside));
    ExpectInScope(capture, inside, StartOf(capture), EndOf(capture));
    EXPECT_GT(BlockedNs(capture, {.pid = inside, .function = "sleep_in_seventy"}),
              AccountedBlockedNs(capture, inside) / 2);
  }
}

TEST_F(ScopeByCgroup, ItsParentIsNoPartOfIt) {
  const uint32_t inside = workloads_->StartOurs("sleep_shares");
  const uint32_t below = workloads_->StartOurs("sleep_shares");
  Move(inside, Directory());
  Move(below, Directory() + "/below");
  Recorder recorder({"--cgroup", name_ + "/below"});
  LetIntervalsPass(2);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(capture.recording.settings.cgroup, "/" + name_ + "/below");
  EXPECT_EQ(RecordedPids(capture), std::set<uint32_t>{below});
}

TEST_F(ScopeByCgroup, ProcessesBornInsideAreRecordedFromTheirBirth) {
  Recorder recorder({"--cgroup", Directory()});
  LetIntervalsPass(1);
  // It moves itself, and has a child then.
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {"sh", "-c",
                                               "echo $$ > " + Directory() + "/cgroup.procs; " +
                                                   WorkloadPath("sleep_shares") + " 0.5; true"});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Capture capture = recorder.Finish();
  const Truth truth(outcome.output);
  EXPECT_EQ(RecordedNames(capture), (std::set<std::string>{"sh", "sleep_shares"}));
  EXPECT_GE(ExistedNs(capture, uint32_t(truth["pid"])), truth["wall_ns"]);
}

TEST_F(ScopeByCgroup, ProcessIsInScopeWhileItIsInside) {
  const uint32_t pid = workloads_->StartOurs("sleep_shares");
  const uint32_t other = workloads_->StartOurs("sleep_shares");
  Move(other, Directory());
  Recorder recorder({"--cgroup", Directory()});
  LetIntervalsPass(1);
  const Moment in = Move(pid, Directory());
  LetIntervalsPass(3);
  const Moment out = Move(pid, mount_);
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedPids(capture), (std::set<uint32_t>{pid, other}));
  ExpectInScope(capture, pid, in, out);
  // From one cgroup of the scope to another it stays.
  ExpectInScope(capture, other, StartOf(capture), EndOf(capture));
}

TEST_F(ScopeByCgroup, MoveWithinTheScopeLeavesNothingOut) {
  const uint32_t pid = workloads_->StartOurs("sleep_shares");
  Move(pid, Directory());
  Recorder recorder({"--cgroup", Directory()});
  LetIntervalsPass(1);
  Move(pid, Directory() + "/below");
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedTids(capture), std::set<uint32_t>{pid});
  ExpectInScope(capture, pid, StartOf(capture), EndOf(capture));
}

TEST_F(ScopeByCgroup, SleeperThatIsMovedInIsFollowedInTheMiddleOfItsBlock) {
  const uint32_t pid =
      workloads_->Start({WorkloadPath("blocked_whole_window"), "60"}, "blocked_whole_w");
  ASSERT_TRUE(Eventually([&] {  // it has begun to wait
    return ReadWhole("/proc/" + std::to_string(pid) + "/syscall").rfind("0 ", 0) == 0;
  }));
  Recorder recorder({"--exact", "--cgroup", Directory()});
  LetIntervalsPass(1);
  const Moment in = Move(pid, Directory());
  LetIntervalsPass(3);
  const Moment out = Move(pid, mount_);
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  ExpectInScope(capture, pid, in, out);
  EXPECT_EQ(AccountedBlockedNs(capture, pid), ExistedNs(capture, pid));
  EXPECT_NEAR(double(BlockedNs(capture, {.tid = pid})), double(ExistedNs(capture, pid)),
              kIdentityPart * double(WindowNs(capture)));
}

TEST_F(ScopeByCgroup, EveryThreadOfAProcessThatIsMovedFollowsByTheIntervalsEnd) {
  const uint32_t pid = workloads_->StartOurs("threads");
  const std::set<uint32_t> tids = {pid, TidOf(pid, "sleeper"), TidOf(pid, "burner"),
                                   TidOf(pid, "half_and_half")};
  Recorder recorder({"--cgroup", Directory()});
  LetIntervalsPass(1);
  const Moment in = Move(pid, Directory());
  LetIntervalsPass(4);
  const Moment out = Move(pid, mount_);
  LetIntervalsPass(4);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedTids(capture), tids);
  ExpectInScope(capture, pid, in, out);
  // The ends of intervals that the moves fall into, on the recorder's clock.
  const auto end_behind = [&](uint64_t time_ns) {
    for (const Interval& interval : capture.intervals) {
      const uint64_t end_ns = capture.recording.start_monotonic_ns + interval.end_ns;
      if (end_ns >= time_ns) return end_ns;
    }
    return EndOf(capture).before_ns;
  };
  for (const uint32_t tid : tids) {
    if (tid == pid) continue;
    EXPECT_GE(ExistedNs(capture, tid), out.before_ns - end_behind(in.after_ns)) << tid;
    EXPECT_LE(ExistedNs(capture, tid), end_behind(out.after_ns) + 50'000'000 - in.before_ns) << tid;
  }
}

TEST_F(ScopeByCgroup, NameNarrowsIt) {
  const uint32_t pid = workloads_->StartOurs("sleep_shares");
  const uint32_t other = workloads_->StartOurs("burn_shares");
  Move(pid, Directory());
  Move(other, Directory());
  Recorder recorder({"--cgroup", Directory(), "--comm", "sleep*"});
  LetIntervalsPass(2);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedPids(capture), std::set<uint32_t>{pid});
}

TEST_F(ScopeByCgroup, CgroupThatDoesNotExistIsASentence) {
  ExpectRefusal({"--cgroup", "/" + name_ + "/none"},
                "--cgroup /" + name_ + "/none: there is no such cgroup below " + mount_);
  ExpectRefusal({"--cgroup", "/tmp"}, "there is no such cgroup below " + mount_);
}

TEST_F(ScopeByCgroup, EmptyCgroupGivesAnEmptyCaptureAndANote) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {RecorderPath(), "-d", "0.5", "--cgroup", name_, "-o",
                                               workplace.Path("capture.twofold")});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_NE(outcome.errors.find("no thread was in the cgroup"), std::string::npos)
      << outcome.errors;
}

// A container's first process is born in the cgroup of whoever starts it, and is moved; when it is
// brief nobody can ask it any more where it was, nor the cgroup for its name.
TEST_F(ScopeByCgroup, BriefProcessesAreToldWhereTheyWereAlsoWhenTheirCgroupsAreGone) {
  const auto [capture, truth] =
      RecordCommand({}, {"sh", "-c",
                         "for i in $(seq 20); do d=" + Directory() +
                             "/brief$i; mkdir $d; sh -c \"echo \\$\\$ > $d/cgroup.procs; exec " +
                             WorkloadPath("brief") + " 1\"; rmdir $d; done"});
  std::multiset<std::string> told, expected;
  for (const ThreadId thread : RecordedThreads(capture)) {
    const Thread& row = capture.GetThread(thread);
    const Process& process = capture.GetProcess(row.process);
    if (capture.String(process.name) != "brief") continue;
    told.insert(capture.String(row.cgroup));
    EXPECT_EQ(row.cgroup, process.cgroup);
  }
  for (int i = 1; i <= 20; ++i) expected.insert("/" + name_ + "/brief" + std::to_string(i));
  EXPECT_EQ(told, expected);
}

// A cgroup that was there before the recording, and is removed before the first interval ends.
TEST_F(ScopeByCgroup, CgroupsThatAreRemovedKeepTheirPaths) {
  std::filesystem::create_directory(Directory() + "/old");
  const auto [capture, truth] =
      RecordCommand({}, {"sh", "-c",
                         "sh -c 'echo $$ > " + Directory() + "/old/cgroup.procs; exec " +
                             WorkloadPath("brief") + " 1'; rmdir " + Directory() + "/old"});
  EXPECT_EQ(CgroupsOf(capture, "brief"), std::set<std::string>{"/" + name_ + "/old"});
}

// By CPU samples, by blocked time and by the account: the time before the move is the old one's.
TEST_F(ScopeByCgroup, TimeOfAMovedProcessBelongsToTheCgroupThatItWasInThen) {
  const uint32_t burner = workloads_->StartOurs("burn_shares");
  const uint32_t sleeper = workloads_->StartOurs("sleep_shares");
  for (const uint32_t pid : {burner, sleeper}) Move(pid, Directory());
  Recorder recorder({"--exact", "-p", std::to_string(burner) + "," + std::to_string(sleeper)});
  LetIntervalsPass(6);
  const Moment moves[] = {Move(burner, Directory() + "/below"),
                          Move(sleeper, Directory() + "/below")};
  LetIntervalsPass(6);
  const Capture capture = recorder.Finish();
  for (const uint32_t pid : {burner, sleeper}) {
    SCOPED_TRACE(pid == burner ? "burner" : "sleeper");
    const Moment& move = moves[pid == sleeper];
    const TimeByCgroup times = TimesOf(capture, pid);
    EXPECT_EQ(times.existed_ns.size(), 2u);
    const std::string old_path = "/" + name_, new_path = old_path + "/below";
    EXPECT_GE(times.Existed(old_path), move.before_ns - StartOf(capture).before_ns);
    EXPECT_LE(times.Existed(old_path), move.after_ns - StartOf(capture).before_ns);
    EXPECT_GE(times.Existed(new_path), EndOf(capture).before_ns - move.after_ns);
    EXPECT_LE(times.Existed(new_path), EndOf(capture).before_ns - move.before_ns);
    for (const std::string& path : {old_path, new_path}) {
      // Rows against accounts: samples to four standard errors of as many chances to hit the thread
      // on its CPU, blocks to what a switch takes.
      const double ticks = double(times.Existed(path)) / kSamplePeriodNs;
      const double part = double(times.OnCpu(path)) / double(times.Existed(path));
      EXPECT_NEAR(double(times.Sampled(path)), double(times.OnCpu(path)),
                  kSamplePeriodNs * (2 + 4 * std::sqrt(ticks * part * (1 - part))))
          << path;
      EXPECT_NEAR(double(times.InBlocks(path)), double(times.Blocked(path)), 5e6) << path;
    }
  }
}

// A sleeper that nothing wakes: its block is divided at the move.
TEST_F(ScopeByCgroup, SleeperThatIsMovedHasItsBlockDivided) {
  const uint32_t pid =
      workloads_->Start({WorkloadPath("blocked_whole_window"), "60"}, "blocked_whole_w");
  ASSERT_TRUE(Eventually([&] {  // it has begun to wait
    return ReadWhole("/proc/" + std::to_string(pid) + "/syscall").rfind("0 ", 0) == 0;
  }));
  Move(pid, Directory());
  Recorder recorder({"--exact", "-p", std::to_string(pid)});
  LetIntervalsPass(2);
  const Moment move = Move(pid, Directory() + "/below");
  LetIntervalsPass(2);
  const Capture capture = recorder.Finish();
  const TimeByCgroup times = TimesOf(capture, pid);
  const double until_ns = double(move.after_ns - StartOf(capture).before_ns);
  EXPECT_NEAR(double(times.InBlocks("/" + name_)), until_ns, 5e6);
  EXPECT_NEAR(double(times.InBlocks("/" + name_ + "/below")),
              double(EndOf(capture).before_ns - move.before_ns), 5e6);
  // Each part has its stack.
  EXPECT_EQ(BlockedNs(capture, {.tid = pid, .function = "wait_on_pipe"}),
            BlockedNs(capture, {.tid = pid}));
}

TEST_F(ScopeByCgroup, ThreadsOfAProcessThatIsMovedAsAWholeFollowByTheIntervalsEnd) {
  const uint32_t pid = workloads_->StartOurs("threads");
  const std::set<uint32_t> tids = {pid, TidOf(pid, "sleeper"), TidOf(pid, "burner"),
                                   TidOf(pid, "half_and_half")};
  Move(pid, Directory());
  Recorder recorder({"-p", std::to_string(pid)});
  LetIntervalsPass(3);
  const Moment move = Move(pid, Directory() + "/below");
  LetIntervalsPass(3);
  const Capture capture = recorder.Finish();
  for (const uint32_t tid : tids) {
    SCOPED_TRACE(tid);
    const TimeByCgroup times = TimesOf(capture, tid);
    const uint64_t old_ns = times.Existed("/" + name_);
    const uint64_t new_ns = times.Existed("/" + name_ + "/below");
    EXPECT_GE(old_ns, move.before_ns - StartOf(capture).before_ns);
    // An interval, and what the pass over all tasks takes.
    EXPECT_LE(old_ns, move.after_ns - StartOf(capture).before_ns + 300'000'000);
    EXPECT_NEAR(double(old_ns + new_ns), double(WindowNs(capture)), 1e6);
  }
}

// Controllers of its parent, and hierarchies of version 1, are no other cgroup.
TEST_F(ScopeByCgroup, ThreadThatStaysHasOneRow) {
  const uint32_t pid = workloads_->StartOurs("sleep_shares");
  Move(pid, Directory());
  Recorder recorder({"-p", std::to_string(pid)});
  LetIntervalsPass(1);
  Move(pid, Directory());
  LetIntervalsPass(1);
  EXPECT_EQ(RecordedThreads(recorder.Finish()).size(), 1u);
}

TEST(ScopeByCgroupOnOldHosts, HierarchyOfVersionOneAloneIsASentence) {
  const Workplace workplace;
  // A mount namespace without the hierarchy of version 2.
  const Outcome outcome = RunToEnd(
      workplace,
      {"unshare", "--mount", "sh", "-c",
       "grep ' cgroup2 ' /proc/self/mounts | while read -r d where rest; do umount \"$where\" || "
       "exit 1; done; exec " +
           RecorderPath() + " -d 1 --cgroup / -o " + workplace.Path("capture.twofold")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("no cgroup hierarchy of version 2"), std::string::npos)
      << outcome.errors;
}

}  // namespace
}  // namespace twofold::live
