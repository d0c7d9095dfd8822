// What a freezer of cgroups holds is stopped, and neither asleep nor waiting: in cgroups of the
// test's own, of version 1 and of version 2.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "tests/live/scope_harness.h"

namespace twofold::live {
namespace {

constexpr auto kFrozenFor = std::chrono::seconds(6);
constexpr double kTotalPart = 0.02;
constexpr double kIntervalNs = 250e6;  // of Recorder

// Where a file system of cgroups is mounted that has an option; "": nowhere.
std::string MountOf(const std::string& wanted_type, const std::string& option) {
  std::istringstream mounts(ReadWhole("/proc/self/mounts"));
  std::string device, directory, type, options, rest;
  while (mounts >> device >> directory >> type >> options && std::getline(mounts, rest)) {
    if (type == wanted_type && ("," + options + ",").find(option) != std::string::npos)
      return directory;
  }
  return "";
}

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

struct StateTimes {
  uint64_t stopped_ns = 0, other_ns = 0;            // blocked, by its accounts
  uint64_t stopped_rows_ns = 0, other_rows_ns = 0;  // and by its rows
};

StateTimes TimesOf(const Capture& capture, uint32_t pid) {
  StateTimes times;
  const size_t stopped = size_t(BlockState::kStopped) - 1;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      if (capture.GetThread(account.thread).tid.value != pid) continue;
      for (size_t state = 0; state < kBlockStates; ++state) {
        (state == stopped ? times.stopped_ns : times.other_ns) += account.blocked_ns[state];
      }
    }
    for (const BlockedRow& row : *interval.blocked) {
      if (capture.GetThread(row.thread).tid.value != pid) continue;
      (row.state == BlockState::kStopped ? times.stopped_rows_ns : times.other_rows_ns) +=
          row.time_ns;
    }
  }
  return times;
}

class Freezer : public testing::Test {
 protected:
  void Use(const std::string& mount) {
    if (mount.empty()) GTEST_SKIP() << "no freezer of cgroups of this version is mounted";
    directory_ = mount + "/twofold-freezer-" + std::to_string(getpid());
    std::error_code failed;
    if (!std::filesystem::create_directory(directory_, failed)) {
      directory_.clear();
      GTEST_SKIP() << "no cgroup can be made in " << mount << ": " << failed.message();
    }
  }

  void TearDown() override {
    if (directory_.empty()) return;
    workloads_.reset();  // their last processes must be gone
    EXPECT_TRUE(Eventually([&] { return rmdir(directory_.c_str()) == 0 || errno == ENOENT; }));
  }

  // Freezes a thread that runs, one that waits for a pipe and one that sleeps in the middle of a
  // recording, and holds each against how long that was.
  void ExpectStopped(const std::string& file, const std::string& freeze, const std::string& thaw,
                     double sleeper_slack_ns) {
    const uint32_t burner = workloads_->StartOurs("burn_shares");
    const uint32_t reader =
        workloads_->Start({WorkloadPath("blocked_whole_window"), "60"}, "blocked_whole_w");
    const uint32_t sleeper = workloads_->Start({"sleep", "60"}, "sleep");
    for (const uint32_t pid : {burner, reader, sleeper}) {
      ASSERT_TRUE(Write(directory_ + "/cgroup.procs", std::to_string(pid)));
    }
    Recorder recorder(
        {"--max-overhead", "none", "-p",
         std::to_string(burner) + "," + std::to_string(reader) + "," + std::to_string(sleeper)});
    LetIntervalsPass(4);
    const Moment frozen = Moment::Of([&] { EXPECT_TRUE(Write(directory_ + "/" + file, freeze)); });
    std::this_thread::sleep_for(kFrozenFor);
    const Moment thawed = Moment::Of([&] { EXPECT_TRUE(Write(directory_ + "/" + file, thaw)); });
    LetIntervalsPass(4);
    const Capture capture = recorder.Finish();
    const double frozen_ns = double(thawed.before_ns - frozen.after_ns);
    for (const uint32_t pid : {burner, reader, sleeper}) {
      SCOPED_TRACE(ReadWhole("/proc/" + std::to_string(pid) + "/comm"));
      const double slack_ns = kTotalPart * frozen_ns + (pid == sleeper ? sleeper_slack_ns : 0);
      const StateTimes times = TimesOf(capture, pid);
      EXPECT_NEAR(double(times.stopped_ns), frozen_ns, slack_ns);
      EXPECT_NEAR(double(times.stopped_rows_ns), frozen_ns, slack_ns);
      // The rest of the window it was asleep, or it ran.
      const double rest_ns =
          pid == burner ? 0 : double(WindowNs(capture)) - double(times.stopped_ns);
      EXPECT_NEAR(double(times.other_ns), rest_ns, slack_ns);
      EXPECT_NEAR(double(times.other_rows_ns), rest_ns, slack_ns);
    }
  }

  std::string directory_;
  std::unique_ptr<Workloads> workloads_ = std::make_unique<Workloads>();
};

// The sleeper is frozen and thawed where it is, which shows at ends of intervals.
TEST_F(Freezer, OfVersionOneStops) {
  Use(MountOf("cgroup", ",freezer,"));
  if (IsSkipped()) return;
  ExpectStopped("freezer.state", "FROZEN", "THAWED", kIntervalNs);
}

TEST_F(Freezer, OfVersionTwoStops) {
  Use(MountOf("cgroup2", ""));
  if (IsSkipped()) return;
  ExpectStopped("cgroup.freeze", "1", "0", 0);
}

}  // namespace
}  // namespace twofold::live
