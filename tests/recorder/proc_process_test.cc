#include "recorder/processes/proc_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <thread>

#include "recorder/base/small_file.h"
#include "recorder/host/online_cpus.h"

namespace twofold {
namespace {

// Fields 3 to 22 of /proc/PID/stat.
std::string StatRest(const std::string& flags, const std::string& threads,
                     const std::string& start) {
  return " S 7 1 1 0 -1 " + flags + " 1 2 3 4 5 6 7 8 20 0 " + threads + " 0 " + start + " 1 2 3\n";
}

TEST(ParseProcStat, NamesMayHoldBlanksAndParentheses) {
  const auto stat = ParseProcStat("42 (a) b (c ) x)" + StatRest("4194560", "3", "250"), 100);
  EXPECT_EQ(stat->name, "a) b (c ) x");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent_pid, Pid(7));
  EXPECT_EQ(stat->threads, 3u);
  EXPECT_FALSE(stat->is_kernel_thread);
  EXPECT_FALSE(stat->is_exiting);
  EXPECT_TRUE(ParseProcStat("42 (a)" + StatRest("4194564", "3", "250"), 100)->is_exiting);
  EXPECT_EQ(stat->start_boottime_ns, 2'500'000'000u);
}

TEST(ParseProcStat, KernelWorkersLoseTheNameOfTheirWork) {
  const auto worker =
      ParseProcStat("9 (kworker/u4:2-ext4-rsv)" + StatRest("69238880", "1", "1"), 100);
  ASSERT_TRUE(worker.has_value());
  EXPECT_TRUE(worker->is_kernel_thread);
  EXPECT_EQ(worker->name, "kworker/u4:2");
  const auto user = ParseProcStat("9 (kworker/u4:2-x)" + StatRest("4194560", "1", "1"), 100);
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->name, "kworker/u4:2-x");
}

TEST(ParseProcStat, RefusesGarbage) {
  for (const char* text : {"", "42", "42 (name", "42 name) S 7", "42 (name) S 7 1 1", ") 42 (",
                           "42 (name) SS 7 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 5 ",
                           "42 (name) S x 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 5 "}) {
    EXPECT_FALSE(ParseProcStat(text, 100).has_value()) << text;
  }
}

TEST(ParseProcCgroups, TellsBothVersionsApart) {
  const auto parse = [](const char* text) {
    const ProcCgroups cgroups = ParseProcCgroups(text);
    return cgroups.version_2 + " " + cgroups.version_1;
  };
  EXPECT_EQ(parse("0::/user.slice/session-1.scope\n"), "/user.slice/session-1.scope ");
  EXPECT_EQ(parse("1:name=systemd:/a\n0::/b\n"), "/b /a");
  EXPECT_EQ(parse("4:memory:/m\n1:name=systemd:/a\n0::/\n"), "/ /a");
  EXPECT_EQ(parse("5:cpu,cpuacct:/\n4:memory:/m:n\n1:name=systemd:/\n0::/\n"), "/ /m:n");
  EXPECT_EQ(parse("4:memory:/m\n0::/b\n"), "/b /m");
  EXPECT_EQ(parse("0::/\n"), "/ ");
  EXPECT_EQ(parse("1:name=systemd:/\n"), " /");
  EXPECT_EQ(parse("0::/a\\012b\n"), "/a\nb ");
  EXPECT_EQ(parse("garbage\n\n:\n"), " ");
}

TEST(ParseMapsLine, TellsExecutableMappings) {
  const auto line = ParseMapsLine(
      "7f00a000-7f00c000 r-xp 00002000 fe:01 12345                      /usr/lib/a b\\012c.so");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->start, 0x7f00a000u);
  EXPECT_EQ(line->end, 0x7f00c000u);
  EXPECT_EQ(line->file_offset, 0x2000u);
  EXPECT_EQ(line->device, makedev(0xfe, 1));
  EXPECT_EQ(line->inode, 12345u);
  EXPECT_EQ(line->text, "/usr/lib/a b\nc.so");
  const auto anonymous = ParseMapsLine("7f00a000-7f00c000 rwxp 00000000 00:00 0 ");
  ASSERT_TRUE(anonymous.has_value());
  EXPECT_EQ(anonymous->text, "");
}

TEST(ParseMapsLine, LeavesOutTheRest) {
  for (const char* text :
       {"", "7f00a000-7f00c000 r--p 00002000 fe:01 12345 /usr/lib/a.so",
        "7f00a000 r-xp 00002000 fe:01 12345 /a", "7f00c000-7f00a000 r-xp 0 fe:01 1 /a",
        "7f00a000-7f00c000 r-xp 00002000 fe01 12345 /a", "7f00a000-7f00c000 r-xp 0 fe:01",
        "x-y r-xp 0 fe:01 1 /a", "7f00a000-7f00a000 r-xp 0 fe:01 1 /a"}) {
    EXPECT_FALSE(ParseMapsLine(text).has_value()) << text;
  }
}

TEST(ProcProcess, TellsAboutThisProcess) {
  const auto process = ProcProcess::Open(Pid(uint32_t(getpid())));
  ASSERT_TRUE(process.has_value());
  const ProcStat& stat = process->stat();
  EXPECT_EQ(stat.parent_pid, Pid(uint32_t(getppid())));
  EXPECT_FALSE(stat.is_kernel_thread);
  timespec now{};
  ASSERT_EQ(clock_gettime(CLOCK_BOOTTIME, &now), 0);
  const uint64_t now_ns = uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
  EXPECT_LE(stat.start_boottime_ns, now_ns);
  EXPECT_GE(stat.start_boottime_ns + 600'000'000'000, now_ns);
  EXPECT_EQ(process->Executable(), ReadLink(-100, "/proc/self/exe"));
  EXPECT_TRUE(process->Cgroups().has_value());

  const uint64_t here = reinterpret_cast<uint64_t>(&ParseProcCgroups);
  bool found = false;
  EXPECT_TRUE(process->ForEachExecutableMapping([&](const MapsLine& line) {
    if (here >= line.start && here < line.end) found = line.text == *process->Executable();
  }));
  EXPECT_TRUE(found);

  uint32_t other_tid = 0;
  std::vector<uint32_t> tids;
  std::thread([&] {
    other_tid = uint32_t(gettid());
    tids = process->Tids();
  }).join();
  EXPECT_TRUE(std::is_sorted(tids.begin(), tids.end()));
  EXPECT_TRUE(std::binary_search(tids.begin(), tids.end(), other_tid));
  EXPECT_TRUE(std::binary_search(tids.begin(), tids.end(), uint32_t(getpid())));
}

// A process whose main thread has ended; another one waits until it is told to end.
class HeadlessChild {
 public:
  HeadlessChild() {
    if (pipe(gate_) != 0) return;
    pid_ = fork();
    if (pid_ != 0) {
      close(gate_[0]);
      return;
    }
    close(gate_[1]);
    std::thread([gate = gate_[0]] {
      char byte = 0;
      _exit(read(gate, &byte, 1) == 0 ? 0 : 1);
    }).detach();
    syscall(SYS_exit, 0);  // of this thread alone
  }
  ~HeadlessChild() {
    close(gate_[1]);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
  }
  Pid pid() const { return Pid(uint32_t(pid_)); }

  // As soon as it is so.
  std::optional<ProcProcess> Open() const {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      auto process = ProcProcess::Open(pid());
      if (process && process->stat().has_ended()) return process;
      usleep(10'000);
    }
    return std::nullopt;
  }

 private:
  int gate_[2] = {-1, -1};
  pid_t pid_ = 0;
};

TEST(ProcProcess, TellsAllWhenTheMainThreadHasEnded) {
  const HeadlessChild child;
  const auto process = child.Open();
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->stat().threads, 2u);
  EXPECT_EQ(process->Executable(), ReadLink(-100, "/proc/self/exe"));
  EXPECT_TRUE(process->Cgroups().has_value());
  const std::vector<uint32_t> tids = process->Tids();
  EXPECT_EQ(tids.size(), 1u);
  EXPECT_EQ(std::count(tids.begin(), tids.end(), child.pid().value), 0);

  std::string place;
  const uint64_t here = reinterpret_cast<uint64_t>(&ParseProcCgroups);
  EXPECT_TRUE(process->ForEachExecutableMapping([&](const MapsLine& line) {
    if (here < line.start || here >= line.end) return;
    char text[64];
    (void)snprintf(text, sizeof text, "map_files/%" PRIx64 "-%" PRIx64, line.start, line.end);
    place = text;
  }));
  EXPECT_NE(place, "");
  for (const std::string& path : {place, std::string("root"), std::string("status"),
                                  std::string("ns/mnt"), std::string("maps")}) {
    EXPECT_EQ(faccessat(process->directory_fd(), path.c_str(), F_OK, 0), 0) << path;
  }
  EXPECT_EQ(ReadLink(process->directory_fd(), "root"), "/");
}

TEST(ProcProcess, TellsNothingAboutNobody) {
  EXPECT_FALSE(ProcProcess::Open(Pid(0x7fffffff)).has_value());
}

TEST(ListProcesses, KnowsThisOne) {
  const std::vector<Pid> pids = ListProcesses();
  EXPECT_TRUE(std::is_sorted(pids.begin(), pids.end()));
  EXPECT_TRUE(std::binary_search(pids.begin(), pids.end(), Pid(uint32_t(getpid()))));
}

TEST(ParseCpuList, TakesNumbersAndRanges) {
  EXPECT_EQ(ParseCpuList("0-3,7,10-11\n"), (std::vector<uint32_t>{0, 1, 2, 3, 7, 10, 11}));
  EXPECT_EQ(ParseCpuList("0"), std::vector<uint32_t>{0});
  EXPECT_EQ(ParseCpuList(""), std::vector<uint32_t>{});
  EXPECT_EQ(ParseCpuList("x"), std::vector<uint32_t>{});
  EXPECT_EQ(ParseCpuList("2-"), std::vector<uint32_t>{});
  EXPECT_EQ(ParseCpuList("0-4294967295"), std::vector<uint32_t>{});
  EXPECT_EQ(OnlineCpus().size(), size_t(sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace
}  // namespace twofold
