// What perf's sideband tells about processes that these tests start. Needs root.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>

#include "recorder/host/online_cpus.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/module_file.h"
#include "recorder/processes/process_table.h"
#include "recorder/processes/sideband.h"

extern char** environ;

namespace twofold {
namespace {

const std::string kTiny = TWOFOLD_NAMES_DIR "/names_tiny";

// Starts a program and waits for its end; returns its pid.
uint32_t RunProgram(const std::string& program, const std::string& argument = "") {
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  if (!argument.empty()) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  EXPECT_EQ(posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments.data(), environ), 0)
      << program;
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << program;
  return uint32_t(pid);
}

class SidebandLive : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Sideband>> sideband = Sideband::Open();
    ASSERT_TRUE(sideband.has_value()) << sideband.error().Message();
    sideband_ = std::move(sideband).value();
  }

  void Drain() {
    events_.clear();
    sideband_->Drain(events_);
  }

  std::unique_ptr<Sideband> sideband_;
  std::vector<SidebandEvent> events_;
};

TEST_F(SidebandLive, EveryShortLivedProcessIsSeenWithAllThatNamesIt) {
  constexpr int kCount = 200;
  ProcessTable table{ProcessTable::Scope{}};
  table.ScanProc();
  const auto follow = [&] {
    Drain();
    for (const SidebandEvent& event : events_) {
      table.Apply(event);
    }
  };
  std::vector<uint32_t> pids;
  for (int i = 0; i < kCount; ++i) {
    pids.push_back(RunProgram(kTiny));
    if (i % 50 == 49) follow();
  }
  follow();
  EXPECT_EQ(sideband_->lost(), 0u);

  struct stat status {};
  ASSERT_EQ(stat(kTiny.c_str(), &status), 0);
  for (const uint32_t pid : pids) {
    const ProcessImage* image = table.Find(Pid(pid), UINT64_MAX);
    ASSERT_NE(image, nullptr) << pid;
    EXPECT_EQ(image->name, "names_tiny");
    EXPECT_EQ(image->executable, kTiny);
    EXPECT_EQ(image->parent_pid, Pid(uint32_t(getpid())));
    EXPECT_NE(image->end_monotonic_ns, 0u);
    EXPECT_FALSE(image->ended_by_exec);
    const auto mapping = std::find_if(image->mappings.begin(), image->mappings.end(),
                                      [](const Mapping& m) { return m.path() == kTiny; });
    ASSERT_NE(mapping, image->mappings.end());
    EXPECT_EQ(mapping->file->inode, status.st_ino);
    EXPECT_GT(mapping->since_ns, image->image_start_monotonic_ns);
    EXPECT_LT(mapping->since_ns, image->end_monotonic_ns);
    // Though the process is gone.
    bool was_opened = false;
    EXPECT_TRUE(ForEachCandidateFile(
        *image, *mapping, [&](UniqueFd fd) { return was_opened = static_cast<bool>(fd); }));
    EXPECT_TRUE(was_opened);
    const ProcessImage* forked = table.Find(Pid(pid), image->image_start_monotonic_ns - 1);
    ASSERT_NE(forked, nullptr);
    EXPECT_TRUE(forked->ended_by_exec);
    EXPECT_EQ(forked->executable, table.Find(Pid(uint32_t(getpid())), 0)->executable);
  }
}

// The flag in a record that says so stays set for whoever is told next.
TEST_F(SidebandLive, ListenerThatAsksForBuildIdsChangesNothing) {
  perf_event_attr attr = {};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.size = sizeof attr;
  attr.sample_id_all = 1;
  attr.mmap = 1;
  attr.mmap2 = 1;
  attr.build_id = 1;
  struct Ring {
    UniqueFd fd;
    void* pages;
  };
  const size_t size_bytes = 9 * size_t(sysconf(_SC_PAGESIZE));
  std::vector<Ring> rings;
  for (const uint32_t cpu : OnlineCpus()) {
    UniqueFd fd(int(syscall(SYS_perf_event_open, &attr, -1, int(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd) GTEST_SKIP() << "this kernel tells no build ids: " << strerror(errno);
    void* pages = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(pages, MAP_FAILED) << strerror(errno);
    rings.push_back({std::move(fd), pages});
  }
  // Whoever opened first is told last: that is one that opens now, and reads beside the other.
  Result<std::unique_ptr<Sideband>> later = Sideband::Open();
  ASSERT_TRUE(later.has_value());
  struct stat status {};
  ASSERT_EQ(stat(kTiny.c_str(), &status), 0);
  const uint32_t pid = RunProgram(kTiny);
  for (Sideband* sideband : {sideband_.get(), later->get()}) {
    events_.clear();
    sideband->Drain(events_);
    const auto mapping =
        std::find_if(events_.begin(), events_.end(), [&](const SidebandEvent& event) {
          return event.kind == SidebandEvent::Kind::kMap && event.pid == Pid(pid) &&
                 event.text == kTiny;
        });
    ASSERT_NE(mapping, events_.end());
    EXPECT_EQ(mapping->inode, status.st_ino);
  }
  for (const Ring& ring : rings) munmap(ring.pages, size_bytes);
}

TEST_F(SidebandLive, EventsComeInOrderOfTimeAndNoneFromTheFuture) {
  uint64_t last_ns = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5; ++i) RunProgram(kTiny);
    Drain();
    timespec now{};
    ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    const uint64_t now_ns = uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
    EXPECT_FALSE(events_.empty());
    for (const SidebandEvent& event : events_) {
      EXPECT_GE(event.time_ns, last_ns);
      EXPECT_LE(event.time_ns, now_ns);
      last_ns = event.time_ns;
    }
  }
}

TEST_F(SidebandLive, EveryProcessHasOneForkOneExecAndOneExitInThatOrder) {
  std::set<uint32_t> pids;
  for (int i = 0; i < 50; ++i) pids.insert(RunProgram(kTiny));
  Drain();
  for (const uint32_t pid : pids) {
    std::string kinds;
    for (const SidebandEvent& event : events_) {
      if (event.pid != Pid(pid)) continue;
      if (event.kind == SidebandEvent::Kind::kFork) kinds += 'f';
      if (event.kind == SidebandEvent::Kind::kExec) kinds += 'x';
      if (event.kind == SidebandEvent::Kind::kExit) kinds += 'e';
    }
    EXPECT_EQ(kinds, "fxe") << pid;
  }
}

TEST_F(SidebandLive, FullRingsCountWhatTheyLose) {
  // Every life takes more than 400 bytes, the rings hold 128 KiB each.
  constexpr int kCount = 1500;
  for (int i = 0; i < kCount; ++i) RunProgram(kTiny);
  Drain();
  const size_t events = events_.size();
  // The kernel tells of losses when it writes again into the ring that was full: on that CPU.
  for (int i = 0; i < 500 && sideband_->lost() == 0; ++i) {
    RunProgram(kTiny);
    Drain();
  }
  EXPECT_GT(sideband_->lost(), 0u);
  EXPECT_GT(events, 0u);
}

TEST_F(SidebandLive, HalfFullRingWakesItsReader) {
  const auto ready = [&] {
    std::vector<pollfd> fds;
    for (const int fd : sideband_->fds()) fds.push_back({fd, POLLIN, 0});
    return poll(fds.data(), fds.size(), 0);
  };
  EXPECT_EQ(ready(), 0);
  bool woken = false;
  for (int i = 0; i < 400 && !woken; ++i) {
    RunProgram(kTiny);
    woken = ready() > 0;
  }
  EXPECT_TRUE(woken);
  Drain();
  EXPECT_EQ(sideband_->lost(), 0u);
}

TEST_F(SidebandLive, ProcessOutlivesItsMainThread) {
  ProcessTable table{ProcessTable::Scope{}};
  table.ScanProc();
  const uint32_t pid = RunProgram(TWOFOLD_NAMES_DIR "/names_leader_exits");
  Drain();
  uint64_t leader_exit_ns = 0;
  uint64_t last_exit_ns = 0;
  for (const SidebandEvent& event : events_) {
    table.Apply(event);
    if (event.pid != Pid(pid) || event.kind != SidebandEvent::Kind::kExit) continue;
    if (event.tid.value == pid) leader_exit_ns = event.time_ns;
    last_exit_ns = event.time_ns;
  }
  ASSERT_NE(leader_exit_ns, 0u);
  EXPECT_GE(last_exit_ns, leader_exit_ns + 90'000'000);
  const ProcessImage* image = table.Find(Pid(pid), leader_exit_ns);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->end_monotonic_ns, last_exit_ns);
}

TEST_F(SidebandLive, ExecByAThreadGoesOnUnderTheSamePid) {
  ProcessTable table{ProcessTable::Scope{}};
  table.ScanProc();
  const uint32_t pid = RunProgram(TWOFOLD_NAMES_DIR "/names_thread_execs", kTiny);
  Drain();
  for (const SidebandEvent& event : events_) table.Apply(event);
  const ProcessImage* image = table.Find(Pid(pid), UINT64_MAX);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->name, "names_tiny");
  EXPECT_NE(image->end_monotonic_ns, 0u);
  const ProcessImage* before = table.Find(Pid(pid), image->image_start_monotonic_ns - 1);
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(before->name, "names_thread_ex");
  EXPECT_TRUE(before->ended_by_exec);
}

TEST_F(SidebandLive, ScopeFollowsTheDescendantsOfThisTest) {
  const auto self = Pid(uint32_t(getpid()));
  ProcessTable table({.all = false, .pids = {self}, .follow_children = true});
  table.ScanProc();
  const uint32_t pid = RunProgram(kTiny);
  Drain();
  for (const SidebandEvent& event : events_) table.Apply(event);
  EXPECT_NE(table.Find(Pid(pid), UINT64_MAX), nullptr);
  EXPECT_EQ(table.Find(Pid(1), UINT64_MAX), nullptr);
}

TEST_F(SidebandLive, BpfProgramOfAMomentKeepsItsName) {
  Result<KernelSymbols> symbols = KernelSymbols::Load();
  ASSERT_TRUE(symbols.has_value()) << symbols.error().Message();
  const bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
                           {.code = BPF_JMP | BPF_EXIT}};
  UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "of_a_moment", "GPL", pass,
                                 std::size(pass), nullptr));
  ASSERT_TRUE(program) << strerror(errno);
  program.Reset();
  const auto is_ours = [](const SidebandEvent& event) {
    return event.text.ends_with("_of_a_moment");
  };
  // The kernel lets go of it after a grace period.
  std::vector<SidebandEvent> ours;
  for (int attempt = 0; attempt < 100 && ours.size() < 2; ++attempt) {
    usleep(20'000);
    Drain();
    std::copy_if(events_.begin(), events_.end(), std::back_inserter(ours), is_ours);
  }
  ASSERT_EQ(ours.size(), 2u);
  EXPECT_EQ(ours[0].kind, SidebandEvent::Kind::kBpfProgram);
  EXPECT_EQ(ours[1].kind, SidebandEvent::Kind::kBpfProgramGone);
  EXPECT_EQ(ours[0].address, ours[1].address);
  symbols->AddProgram(ours[0].address, ours[0].size_bytes, ours[0].text);
  symbols->RemoveProgram(ours[1].address);
  const auto hit = symbols->Find(ours[0].address + 1);
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->name, ours[0].text);
  EXPECT_EQ(hit->module, "bpf");
}

}  // namespace
}  // namespace twofold
