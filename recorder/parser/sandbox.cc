#include "recorder/parser/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace twofold {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kOwnArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kOwnArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "Add the processor's AUDIT_ARCH_* here."
#endif

// systemd's list of user ids (systemd.io/UIDS-GIDS) leaves all from here to 2^31 unused. Plus the
// process's own id, so that no two recorders share one.
constexpr uid_t kFirstUnusedId = 1'879'048'192;
// What user namespaces with few ids map for nobody.
constexpr uid_t kNobody = 65534;

// The largest symbol table, compressed symbols and the names of run-time code together take less
// than half of it.
constexpr rlim_t kMaxMemoryBytes = rlim_t{384} << 20;
constexpr rlim_t kMaxFileBytes = rlim_t{64} << 20;  // of files in memory

Error Failure(const char* what) {
  return Error{std::string("cannot give up rights: ") + what + ": " + ErrnoText(errno), "", ""};
}

// A filter of system calls, statement by statement; what it does not allow ends the process.
class Filter {
 public:
  Filter() {
    Load(offsetof(seccomp_data, arch));
    Append(BPF_JMP | BPF_JEQ | BPF_K, kOwnArchitecture, 1, 0);
    Return(SECCOMP_RET_KILL_PROCESS);
    Load(offsetof(seccomp_data, nr));
  }

  void Allow(std::initializer_list<long> calls) {
    for (const long call : calls) {
      Append(BPF_JMP | BPF_JEQ | BPF_K, uint32_t(call), 0, 1);
      Return(SECCOMP_RET_ALLOW);
    }
  }

  // Allows a call whose argument has one of these values, and refuses it otherwise.
  void AllowIfEqual(long call, size_t argument, std::initializer_list<uint32_t> values) {
    const auto statements = uint8_t(2 + 2 * values.size());
    Append(BPF_JMP | BPF_JEQ | BPF_K, uint32_t(call), 0, statements);
    LoadArgument(argument);
    for (const uint32_t value : values) {
      Append(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
      Return(SECCOMP_RET_ALLOW);
    }
    Return(SECCOMP_RET_ERRNO | EPERM);
  }

  // Allows memory that is anonymous and not executable, and refuses other mappings.
  void AllowMemory() {
    Append(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 6);
    LoadArgument(2);
    Append(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 2, 0);
    LoadArgument(3);
    Append(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0);
    Return(SECCOMP_RET_ERRNO | EPERM);
    Return(SECCOMP_RET_ALLOW);
  }

  bool Install() {
    Return(SECCOMP_RET_KILL_PROCESS);
    const sock_fprog program = {static_cast<unsigned short>(statements_.size()),
                                statements_.data()};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void Append(int code, uint32_t k, uint8_t if_true, uint8_t if_false) {
    statements_.push_back({uint16_t(code), if_true, if_false, k});
  }
  void Load(size_t offset) { Append(BPF_LD | BPF_W | BPF_ABS, uint32_t(offset), 0, 0); }
  // The lower half: what is looked at here are ints.
  void LoadArgument(size_t index) {
    const size_t half = std::endian::native == std::endian::little ? 0 : 4;
    Load(offsetof(seccomp_data, args) + index * sizeof(uint64_t) + half);
  }
  void Return(uint32_t action) { Append(BPF_RET | BPF_K, action, 0, 0); }

  std::vector<sock_filter> statements_;
};

bool FilterCalls() {
  Filter filter;
  filter.Allow({SYS_recvmsg, SYS_sendmsg, SYS_pread64, SYS_read, SYS_write, SYS_lseek, SYS_close,
                SYS_fstat, SYS_dup, SYS_ftruncate, SYS_memfd_create});
  filter.Allow({SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise});
  filter.Allow({SYS_futex, SYS_clock_gettime, SYS_getrusage, SYS_rt_sigreturn, SYS_restart_syscall,
                SYS_exit, SYS_exit_group});
#if defined(__SANITIZE_ADDRESS__)  // whose runtime asks for it when a process ends
  filter.Allow({SYS_sigaltstack});
#endif
  filter.AllowIfEqual(SYS_newfstatat, 3, {AT_EMPTY_PATH});
  filter.AllowIfEqual(SYS_fcntl, 1, {F_GETFD, F_GETFL, F_DUPFD_CLOEXEC});
  filter.AllowMemory();
  return filter.Install();
}

// A limit that is lower already stays where only CAP_SYS_RESOURCE could raise it.
bool Limit(__rlimit_resource_t resource, rlim_t most) {
  rlimit limit = {most, most};
  if (setrlimit(resource, &limit) == 0) return true;
  if (getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min(limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) == 0;
}

bool ChangeIds(uid_t id) { return setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0; }

// By hand, as there is no wrapper in libc.
bool DropCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none = {};
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         syscall(SYS_capset, &header, none.data()) == 0;
}

}  // namespace

Result<void> EnterSandbox() {
  // The directory of its own descriptors' facts, in which no file can be made. Where it may not do
  // that, the filter alone keeps it from opening anything.
  if (chroot("/proc/self/fdinfo") == 0 && chdir("/") != 0) return Failure("its directory");
  if (!Limit(RLIMIT_CORE, 0)) return Failure("core dumps");
  // A file in memory that would be larger costs the names in it, not the process.
  signal(SIGXFSZ, SIG_IGN);
  if (!Limit(RLIMIT_FSIZE, kMaxFileBytes)) return Failure("large files");
#if !defined(__SANITIZE_ADDRESS__)  // whose shadow takes terabytes of addresses
  if (!Limit(RLIMIT_AS, kMaxMemoryBytes)) return Failure("memory");
#endif
  if (geteuid() == 0) {
    const uid_t own_id = kFirstUnusedId + static_cast<uid_t>(getpid());
    // Root of few rights may not change its ids and stays root by name; its capabilities go all the
    // same, and the filter lets nothing be opened.
    const bool is_alone = setgroups(0, nullptr) == 0 || errno == EPERM;
    if (!is_alone || (!ChangeIds(own_id) && !ChangeIds(kNobody) && errno != EPERM)) {
      return Failure("the user id");
    }
  }
  if (!DropCapabilities()) return Failure("capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failure("new privileges");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Failure("being traced");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Failure("outliving the recorder");
  if (!FilterCalls()) return Failure("system calls (seccomp)");
  return {};
}

}  // namespace twofold
