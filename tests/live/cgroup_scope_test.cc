// What is in scope by cgroup: in cgroups of the test's own, below the hierarchy of version 2.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "tests/live/scope_harness.h"

namespace twofold::live {
namespace {

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

TEST_F(ScopeByCgroup, MoveWithinTheScopeChangesNothing) {
  const uint32_t pid = workloads_->StartOurs("sleep_shares");
  Move(pid, Directory());
  Recorder recorder({"--cgroup", Directory()});
  LetIntervalsPass(1);
  Move(pid, Directory() + "/below");
  LetIntervalsPass(1);
  const Capture capture = recorder.Finish();
  EXPECT_EQ(RecordedThreads(capture).size(), 1u);
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
// brief nobody can ask it any more where it was.
TEST_F(ScopeByCgroup, BriefProcessThatWasMovedIsToldWhereItEnded) {
  const auto [capture, truth] =
      RecordCommand({}, {"sh", "-c",
                         "for i in 1 2 3 4 5; do sh -c 'echo $$ > " + Directory() +
                             "/below/cgroup.procs; exec " + WorkloadPath("brief") + " 1'; done"});
  size_t briefs = 0;
  for (const Process& process : capture.definitions.processes) {
    if (capture.String(process.name) != "brief") continue;
    EXPECT_EQ(capture.String(process.cgroup), "/" + name_ + "/below");
    ++briefs;
  }
  EXPECT_EQ(briefs, 5u);
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
