#include "recorder/host/hardware_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "format/base/unique_fd.h"
#include "recorder/base/clocks.h"
#include "recorder/host/kernel_features.h"

namespace twofold {
namespace {

perf_event_attr Attributes(uint64_t event, uint64_t period) {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = event;
  attributes.sample_period = period;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return attributes;
}

int Open(perf_event_attr attributes, pid_t pid, int cpu, int group) {
  return int(syscall(SYS_perf_event_open, &attributes, pid, cpu, group, PERF_FLAG_FD_CLOEXEC));
}

Error Failure(const std::string& what) { return Error{what + ": " + ErrnoText(errno), "", ""}; }

}  // namespace

Result<uint64_t> CyclesPerSample(uint32_t frequency_hz) {
  constexpr uint64_t kMeasuredNs = 5'000'000;
  for (const uint64_t event : {PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CPU_CYCLES}) {
    TWOFOLD_RETURN_IF_ERROR(TryHardwareEvent(event));
  }
  const UniqueFd counter(Open(Attributes(PERF_COUNT_HW_CPU_CYCLES, 0), 0, -1, -1));
  if (!counter) return Failure("cycles cannot be counted");
  struct {
    uint64_t count, enabled_ns, running_ns;
  } counted = {};
  const uint64_t start_ns = MonotonicNowNs();
  while (MonotonicNowNs() - start_ns < kMeasuredNs) {
  }
  if (read(counter.get(), &counted, sizeof(counted)) != ssize_t(sizeof(counted))) {
    return Failure("cycles cannot be read");
  }
  if (counted.running_ns == 0) return Error{"the counter of cycles stands still", "", ""};
  const double per_second = double(counted.count) * 1e9 / double(counted.running_ns);
  return uint64_t(std::max(10'000.0, per_second / frequency_hz));
}

Result<void> HardwareCounters::AttachOn(int cpu, const bpf_program* of_cycles,
                                        const bpf_program* of_instructions, uint64_t period) {
  // The leader starts both, when all is attached.
  perf_event_attr leading = Attributes(PERF_COUNT_HW_CPU_CYCLES, period);
  leading.disabled = 1;
  UniqueFd leader(Open(leading, -1, cpu, -1));
  if (!leader) {
    if (errno == ENODEV || errno == ENXIO) return {};  // an offline CPU
    return Failure("cycles cannot be sampled on CPU " + std::to_string(cpu));
  }
  UniqueFd member(Open(Attributes(PERF_COUNT_HW_INSTRUCTIONS, period), -1, cpu, leader.get()));
  if (!member) return Failure("instructions cannot be sampled on CPU " + std::to_string(cpu));
  const auto attach = [&](UniqueFd& event, const bpf_program* program,
                          bool is_of_cycles) -> Result<void> {
    bpf_link* link = bpf_program__attach_perf_event(program, event.get());
    if (link == nullptr) return Failure("cannot attach a program to a hardware counter");
    events_.push_back({.link = link, .fd = event.Release(), .of_cycles = is_of_cycles});
    return {};
  };
  TWOFOLD_RETURN_IF_ERROR(attach(member, of_instructions, false));
  return attach(leader, of_cycles, true);
}

Result<void> HardwareCounters::Attach(const bpf_program* of_cycles,
                                      const bpf_program* of_instructions, uint64_t period) {
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 0; cpu < cpus; ++cpu) {
    Result<void> attached = AttachOn(cpu, of_cycles, of_instructions, period);
    if (!attached) {
      Detach();
      return attached;
    }
  }
  if (events_.empty()) return Error{"no CPU has hardware counters", "", ""};
  return {};
}

HardwareCounters::Counted HardwareCounters::TakeDifferences() {
  Counted sum;
  for (Event& event : events_) {
    struct {
      uint64_t count, enabled_ns, running_ns;
    } now = {};
    if (read(event.fd, &now, sizeof(now)) != ssize_t(sizeof(now))) continue;
    CounterTotal& total = event.of_cycles ? sum.cycles : sum.instructions;
    total.counted += now.count - event.before.counted;
    total.enabled_ns += now.enabled_ns - event.before.enabled_ns;
    total.running_ns += now.running_ns - event.before.running_ns;
    event.before = {now.count, now.enabled_ns, now.running_ns};
  }
  return sum;
}

void HardwareCounters::Detach() {
  for (const Event& event : events_) bpf_link__destroy(event.link);
  events_.clear();
}

}  // namespace twofold
