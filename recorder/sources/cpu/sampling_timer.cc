#include "recorder/sources/cpu/sampling_timer.h"

#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <random>
#include <string>
#include <system_error>

#include "recorder/base/clocks.h"
#include "recorder/base/scheduling.h"
#include "recorder/host/kernel_features.h"

namespace twofold {
namespace {

// Of the ticks' period, relative to that of the samples. Drawing a period begins it anew, so
// between two ticks there may be twice the longest, which must not be more than a sample's.
constexpr double kShortest = 0.3;
constexpr double kLongest = 0.5;

// Between two drawings.
constexpr int kShortestDrawingMs = 50;
constexpr int kLongestDrawingMs = 150;

class Chance {
 public:
  // Different in each process and thread; nothing secret depends on it.
  Chance() : engine_(std::random_device()()) {}

  uint64_t PeriodNs(uint64_t mean_period_ns) {
    std::uniform_real_distribution<double> part(kShortest, kLongest);
    return uint64_t(double(mean_period_ns) * part(engine_));
  }
  int DrawingMs() {
    return std::uniform_int_distribution(kShortestDrawingMs, kLongestDrawingMs)(engine_);
  }

 private:
  std::mt19937 engine_;
};

Error Failure(const std::string& what, int error) {
  return Error{.what = what + ": " + ErrnoText(error),
               .where = "",
               .remedy = error == EPERM || error == EACCES
                             ? "Run as root; a kernel in lockdown mode or a container may refuse "
                               "all the same"
                             : "Report it with the output of `uname -r`"};
}

}  // namespace

uint32_t SamplingTimer::Cpus() { return uint32_t(sysconf(_SC_NPROCESSORS_CONF)); }

Result<void> SamplingTimer::Attach(const bpf_program* program, const bpf_map* samplings,
                                   uint64_t mean_period_ns) {
  mean_period_ns_ = mean_period_ns;
  void* const memory = mmap(nullptr, Cpus() * sizeof(twofold_sampling), PROT_READ | PROT_WRITE,
                            MAP_SHARED, bpf_map__fd(samplings), 0);
  if (memory == MAP_FAILED) return Failure("cannot map the sampler's moments", errno);
  samplings_ = static_cast<twofold_sampling*>(memory);
  Chance chance;
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  for (uint32_t cpu = 0; cpu < Cpus(); ++cpu) {
    attributes.sample_period = chance.PeriodNs(mean_period_ns);
    TellPeriod(cpu, attributes.sample_period);
    UniqueFd event(
        int(syscall(SYS_perf_event_open, &attributes, -1, int(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
    if (!event) {
      if (errno == ENODEV || errno == ENXIO) continue;  // an offline CPU
      return Failure("cannot open the sampling event on CPU " + std::to_string(cpu), errno);
    }
    bpf_link* link = bpf_program__attach_perf_event(program, event.get());
    if (link == nullptr) return Failure("cannot attach the sampler", errno);
    timers_.push_back({.cpu = cpu, .event = event.Release(), .link = link});
  }
  stop_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_) return Failure("cannot make an event descriptor", errno);
  try {
    thread_ = std::thread([this] { DrawPeriods(); });
  } catch (const std::system_error& error) {
    return Failure("cannot start the thread that draws sampling periods", error.code().value());
  }
  return {};
}

void SamplingTimer::TellPeriod(uint32_t cpu, uint64_t period_ns) {
  __atomic_store_n(&samplings_[cpu].tick_period_ns, period_ns, __ATOMIC_RELAXED);
}

void SamplingTimer::DrawPeriods() {
  sigset_t all;
  sigfillset(&all);
  // Signals are for the recorder's other thread; an error only says that `all` is none.
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  RunAsMainThread();
  Chance chance;
  pollfd stop = {.fd = stop_.get(), .events = POLLIN};
  while (poll(&stop, 1, chance.DrawingMs()) == 0) {
    for (const Timer& timer : timers_) {
      uint64_t period_ns = chance.PeriodNs(mean_period_ns_);
      // A timer that refuses, as on a CPU that went offline, keeps its period: still a right one.
      if (ioctl(timer.event, PERF_EVENT_IOC_PERIOD, &period_ns) != 0) continue;
      TellPeriod(timer.cpu, period_ns);
    }
  }
}

void SamplingTimer::Detach() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    // The counter is 0, so there is room for it.
    if (write(stop_.get(), &one, sizeof(one)) == ssize_t(sizeof(one))) thread_.join();
  }
  for (const Timer& timer : timers_) bpf_link__destroy(timer.link);
  timers_.clear();
  if (samplings_ != nullptr) munmap(samplings_, Cpus() * sizeof(twofold_sampling));
  samplings_ = nullptr;
}

}  // namespace twofold
