#include "recorder/session/event_loop.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace twofold {
namespace {

Error EventError(const std::string& what) {
  return Error{.what = "cannot wait for " + what + ": " + ErrnoText(errno),
               .where = "",
               .remedy = "Raise the limit on open files (ulimit -n)"};
}

}  // namespace

Result<void> EventLoop::Open() {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return EventError("events");
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stop_signals, signal_number);
  sigprocmask(SIG_BLOCK, &stop_signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  signals_.Reset(signalfd(-1, &stop_signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return EventError("signals");
  TWOFOLD_RETURN_IF_ERROR(Watch(signals_.get(), Wake::kSignal));
  timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return EventError("a timer");
  return Watch(timer_.get(), Wake::kTime);
}

Result<void> EventLoop::Watch(int fd, Wake wake) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = uint32_t(wake);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return EventError("events");
  return {};
}

Result<void> EventLoop::WatchTargets(const std::vector<Pid>& pids, const std::string& option) {
  for (const Pid pid : pids) {
    UniqueFd target(int(syscall(SYS_pidfd_open, pid.value, 0)));
    if (!target) {
      return Error{
          .what = "cannot watch process " + std::to_string(pid.value) + ": " + ErrnoText(errno),
          .where = option,
          .remedy = "Check that it still runs"};
    }
    TWOFOLD_RETURN_IF_ERROR(Watch(target.get(), Wake::kTarget));
    targets_.push_back(std::move(target));
  }
  return {};
}

bool EventLoop::HaveTargetsEnded() {
  std::erase_if(targets_, [](const UniqueFd& target) {
    pollfd ended = {.fd = target.get(), .events = POLLIN, .revents = 0};
    return poll(&ended, 1, 0) == 1;
  });
  return targets_.empty();
}

Result<void> EventLoop::WakeAt(uint64_t monotonic_ns) {
  constexpr uint64_t kSecondNs = 1'000'000'000;
  itimerspec when = {};
  when.it_value.tv_sec = time_t(monotonic_ns / kSecondNs);
  when.it_value.tv_nsec = long(monotonic_ns % kSecondNs);
  if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
    return EventError("a timer");
  }
  return {};
}

Result<std::vector<Wake>> EventLoop::Wait() {
  epoll_event events[16];
  const int count = epoll_wait(epoll_.get(), events, 16, -1);
  if (count < 0 && errno != EINTR) return EventError("events");
  std::vector<Wake> wakes;
  for (int i = 0; i < count; ++i) wakes.push_back(Wake(events[i].data.u32));
  return wakes;
}

}  // namespace twofold
