#include "recorder/names/name_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "recorder/base/clocks.h"
#include "recorder/base/scheduling.h"
#include "recorder/base/small_file.h"
#include "recorder/parser/name_reader_process.h"

namespace twofold {
namespace {

constexpr uint32_t kMaxFailedStarts = 3;
constexpr int kPollMs = 20;
constexpr size_t kMaxStatusBytes = size_t{16} * 1024;

// What somebody else's file may take ahead of others: a quarter of a CPU, which the kernel
// enforces, and so much CPU time between two calls of EndInterval.
constexpr CpuBudget kAhead = {.runtime_ns = 25'000'000, .period_ns = 100'000'000};
constexpr uint64_t kAheadCpuNs = 50'000'000;

uint64_t CpuTimeNs(pid_t pid) {
  clockid_t clock;
  return clock_getcpuclockid(pid, &clock) == 0 ? ClockNs(clock) : 0;
}

// VmHWM of /proc/PID/status; 0: not known. What getrusage tells holds the peak of the program that
// was before execve.
uint64_t PeakResidentBytes(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  const std::string text = ReadSmallFile(AT_FDCWD, path.c_str(), kMaxStatusBytes).value_or("");
  constexpr std::string_view kKey = "VmHWM:";
  size_t at = text.find(kKey);
  if (at == std::string::npos) return 0;
  at = text.find_first_not_of(" \t", at + kKey.size());
  uint64_t kib = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at, text.data() + text.size(), kib);
  return kib * 1024;
}

// In the child, between fork and exec: nothing but async-signal-safe calls.
[[noreturn]] void BecomeReader(int socket, const char* program) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Parsing files is not as urgent as recording.
  if (getpriority(PRIO_PROCESS, 0) < 0) static_cast<void>(setpriority(PRIO_PROCESS, 0, 0));
  // dup2 onto itself would leave it to be closed by exec.
  const bool in_place = socket == kNameReaderSocket
                            ? fcntl(socket, F_SETFD, 0) == 0
                            : dup2(socket, kNameReaderSocket) == kNameReaderSocket;
  if (in_place) {
    char* const arguments[] = {const_cast<char*>(kNameReaderProgram), nullptr};
    char* const environment[] = {nullptr};
    execve(program, arguments, environment);
  }
  _exit(127);
}

}  // namespace

NameReader::NameReader(std::string program, NameReaderLimits limits)
    : program_(std::move(program)), limits_(limits) {}

NameReader::~NameReader() {
  Kill();
  Reap();
}

void NameReader::Blame(uid_t user) {
  ++given_up_;
  if (user != 0) ++taken_readers_[user];
}

bool NameReader::IsBlamed(uid_t user) const {
  const auto found = taken_readers_.find(user);
  return found != taken_readers_.end() && found->second >= limits_.readers_per_user;
}

Result<void> NameReader::Start() {
  if (pid_ != 0) return {};
  Reap();
  const auto failure = [this](const std::string& what) {
    ++failed_starts_;
    return Error{"cannot start the process that reads symbols: " + what, "", ""};
  };
  if (failed_starts_ >= kMaxFailedStarts) return failure("it failed too often");
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return failure(ErrnoText(errno));
  }
  socket_.Reset(ends[0]);
  UniqueFd other_end(ends[1]);
  const pid_t child = fork();
  if (child < 0) return failure(ErrnoText(errno));
  if (child == 0) BecomeReader(other_end.get(), program_.c_str());
  other_end.Reset();
  pid_ = child;
  RunAheadForAWhile();
  // Nothing is sent to it before it has given up its rights.
  const Reply first = Receive();
  if (first.outcome != Outcome::kOk) {
    Kill();
    return failure(first.text.empty() ? "it ended at once" : first.text);
  }
  failed_starts_ = 0;
  return {};
}

bool NameReader::Send(const NameRequest& request, int fd) {
  NameRequest bytes = request;
  iovec part = {&bytes, sizeof bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

// False: it died, or took too long.
bool NameReader::WaitForReply() {
  const uint64_t begin_ns = MonotonicNowNs();
  const uint64_t begin_cpu_ns = CpuTimeNs(pid_);
  while (true) {
    pollfd wanted = {socket_.get(), POLLIN, 0};
    const int ready = poll(&wanted, 1, kPollMs);
    if (ready > 0) return (wanted.revents & POLLIN) != 0;
    if (ready < 0 && errno != EINTR) return false;
    KeepToBudget();
    if (CpuTimeNs(pid_) > begin_cpu_ns + limits_.cpu_ns) return false;
    if (MonotonicNowNs() - begin_ns > limits_.wall_ns) return false;
  }
}

NameReader::Reply NameReader::Receive() {
  Reply reply;
  reply.outcome = Outcome::kLost;
  if (!WaitForReply()) return reply;
  NameReplyHeader header;
  std::array<char, kMaxReplyTextBytes> text;
  iovec parts[2] = {{&header, sizeof header}, {text.data(), text.size()}};
  msghdr message = {};  // without room for descriptors: the kernel closes any that were sent
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t got;
  do {
    got = recvmsg(socket_.get(), &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < ssize_t{sizeof header}) return reply;
  const size_t text_bytes = size_t(got) - sizeof header;
  if (text_bytes != header.text_bytes) return reply;
  reply.outcome = header.kind == NameReplyKind::kOk        ? Outcome::kOk
                  : header.kind == NameReplyKind::kNothing ? Outcome::kNothing
                                                           : Outcome::kError;
  std::copy(std::begin(header.values), std::end(header.values), std::begin(reply.values));
  reply.text.assign(text.data(), text_bytes);
  return reply;
}

NameReader::Reply NameReader::Ask(const NameRequest& request, int fd) {
  const uint64_t generation = generation_;
  // One that died between two questions (the kernel ran out of memory, somebody killed it) did so
  // for no fault of this file: the next one is asked.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!Start() || (fd < 0 && generation != generation_)) return Reply();
    if (!Send(request, fd)) {
      Kill();
      continue;
    }
    Reply reply = Receive();
    KeepToBudget();
    if (reply.outcome == Outcome::kLost) Kill();
    return reply;
  }
  return Reply();
}

void NameReader::RunAheadForAWhile() {
  if (pid_ == 0 || !RunAhead(pid_, kAhead)) return;
  ahead_until_cpu_ns_ = CpuTimeNs(pid_) + kAheadCpuNs;
}

void NameReader::KeepToBudget() {
  if (ahead_until_cpu_ns_ == 0 || pid_ == 0 || CpuTimeNs(pid_) < ahead_until_cpu_ns_) return;
  RunAsOthers(pid_, 0);
  ahead_until_cpu_ns_ = 0;
}

void NameReader::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  socket_.Reset();
  ++generation_;
  killed_.push_back(std::exchange(pid_, 0));
  ahead_until_cpu_ns_ = 0;
  Reap();
}

// Without waiting: what hangs on a disk dies when the disk answers.
void NameReader::Reap() {
  std::erase_if(killed_, [this](pid_t pid) {
    rusage usage = {};
    const pid_t ended = wait4(pid, nullptr, WNOHANG, &usage);
    if (ended != pid) return ended < 0;
    of_the_dead_.user_ns += TimevalNs(usage.ru_utime);
    of_the_dead_.system_ns += TimevalNs(usage.ru_stime);
    return true;
  });
}

void NameReader::EndInterval() {
  if (pid_ != 0) static_cast<void>(Ask({.kind = NameRequestKind::kEndInterval}));
  RunAheadForAWhile();
}

uint64_t NameReader::CpuNs() const {
  return ClockNs(CLOCK_THREAD_CPUTIME_ID) + (pid_ != 0 ? CpuTimeNs(pid_) : 0);
}

NameReader::Usage NameReader::TakeUsage() {
  Reap();
  Usage now = of_the_dead_;
  if (pid_ != 0) {
    now.peak_resident_bytes = PeakResidentBytes(pid_);
    const Reply reply = Ask({.kind = NameRequestKind::kUsage});
    if (reply.outcome == Outcome::kOk) {
      now.user_ns += reply.values[0];
      now.system_ns += reply.values[1];
    }
  }
  // One that was killed is not told of before it is gone.
  last_usage_.user_ns = std::max(last_usage_.user_ns, now.user_ns);
  last_usage_.system_ns = std::max(last_usage_.system_ns, now.system_ns);
  last_usage_.peak_resident_bytes =
      std::max(last_usage_.peak_resident_bytes, now.peak_resident_bytes);
  return last_usage_;
}

}  // namespace twofold
