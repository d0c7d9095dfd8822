// What is still possible in the sandbox, and what ends a process there.
#include "recorder/parser/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "format/base/unique_fd.h"

namespace twofold {
namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;

// Runs in a process of its own: 0 when `action` says true.
[[noreturn]] void RunInside(const std::function<bool()>& action) {
  if (!EnterSandbox()) _exit(2);
  _exit(action() ? 0 : 1);
}

TEST(Sandbox, WhatTheReaderDoesIsAllowed) {
  const UniqueFd file(open(TWOFOLD_NAMES_DIR "/names_pie", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file);
  EXPECT_EXIT(RunInside([&] {
                struct stat status {};
                char byte;
                std::vector<char> large(size_t{8} << 20, 'x');  // has pages of its own
                large.resize(size_t{16} << 20);
                const UniqueFd copy(memfd_create("copy", MFD_CLOEXEC));
                return fstat(file.get(), &status) == 0 && status.st_size > 0 &&
                       pread(file.get(), &byte, 1, 0) == 1 && dup(file.get()) >= 0 && copy &&
                       write(copy.get(), &byte, 1) == 1;
              }),
              ExitedWithCode(0), "");
}

TEST(Sandbox, AnythingElseEndsTheProcess) {
  const std::vector<std::pair<const char*, std::function<bool()>>> actions = {
      {"open", [] { return open("/etc/hostname", O_RDONLY | O_CLOEXEC) >= 0; }},
      {"socket", [] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
      {"fork", [] { return fork() >= 0; }},
      {"execve",
       [] {
         char* const none[] = {nullptr};
         return execve("/bin/true", none, none) == 0;
       }},
      {"kill", [] { return kill(1, 0) == 0; }},
      {"ptrace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }},
      {"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0) == 0; }},
      {"setuid", [] { return setuid(0) == 0; }},
      {"unlink", [] { return unlink("/x") == 0; }},
  };
  for (const auto& [name, action] : actions) {
    SCOPED_TRACE(name);
    EXPECT_EXIT(RunInside(action), KilledBySignal(SIGSYS), "");
  }
}

// As root without the capability to raise limits, which is then as everybody else.
bool GiveUpRaisingLimits() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> rights = {};
  if (syscall(SYS_capget, &header, rights.data()) != 0) return false;
  rights[CAP_SYS_RESOURCE / 32].effective &= ~(1U << (CAP_SYS_RESOURCE % 32));
  rights[CAP_SYS_RESOURCE / 32].permitted &= ~(1U << (CAP_SYS_RESOURCE % 32));
  return syscall(SYS_capset, &header, rights.data()) == 0;
}

bool Limit(__rlimit_resource_t resource, rlim_t most) {
  const rlimit limit = {most, most};
  return setrlimit(resource, &limit) == 0;
}

// As `ulimit -f 16` and `ulimit -v 307200` leave it.
[[noreturn]] void RunInsideOfLowLimits() {
  bool done = Limit(RLIMIT_FSIZE, 16 << 10);
#if !defined(__SANITIZE_ADDRESS__)
  done = done && Limit(RLIMIT_AS, rlim_t{300} << 20);
#endif
  if (!done || !GiveUpRaisingLimits()) _exit(3);
  RunInside([] {
    // What does not fit is refused, and ends nothing.
    const UniqueFd copy(memfd_create("copy", MFD_CLOEXEC));
    const std::vector<char> large(size_t{64} << 10, 'x');
    const ssize_t first = write(copy.get(), large.data(), large.size());
    return first == 16 << 10 && write(copy.get(), large.data(), 1) < 0 && errno == EFBIG;
  });
}

TEST(Sandbox, LowerLimitsThanItsOwnStay) {
  EXPECT_EXIT(RunInsideOfLowLimits(), ExitedWithCode(0), "");
}

TEST(Sandbox, MemoryStaysPrivateAndIsNeverExecutable) {
  const UniqueFd file(open(TWOFOLD_NAMES_DIR "/names_pie", O_RDONLY | O_CLOEXEC));
  EXPECT_EXIT(RunInside([&] {
                void* code =
                    mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                void* mapped = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file.get(), 0);
                return code == MAP_FAILED && mapped == MAP_FAILED;
              }),
              ExitedWithCode(0), "");
  EXPECT_EXIT(RunInside([] {
                void* data =
                    mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                return mprotect(data, 4096, PROT_READ | PROT_EXEC) == 0;
              }),
              KilledBySignal(SIGSYS), "");
}

TEST(Sandbox, RootIsNobodyThere) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to have something to give up";
  EXPECT_EXIT(
      {
        // Asked before the filter would refuse the question.
        if (!EnterSandbox()) _exit(2);
        struct stat status {};
        // A file in memory belongs to its maker.
        const UniqueFd own(memfd_create("own", MFD_CLOEXEC));
        _exit(fstat(own.get(), &status) == 0 && status.st_uid != 0 && status.st_gid != 0 ? 0 : 1);
      },
      ExitedWithCode(0), "");
}

}  // namespace
}  // namespace twofold
