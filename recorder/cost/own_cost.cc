#include "recorder/cost/own_cost.h"

#include <sys/resource.h>

#include "recorder/base/clocks.h"

namespace twofold {
OwnCost::Own OwnCost::ReadOwn() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const NameReader::Usage reader = reader_.TakeUsage();
  return Own{.user_ns = TimevalNs(usage.ru_utime) + reader.user_ns,
             .system_ns = TimevalNs(usage.ru_stime) + reader.system_ns,
             .peak_resident_bytes = uint64_t(usage.ru_maxrss) * 1024 + reader.peak_resident_bytes};
}

Cost OwnCost::TakeForInterval(const Reading& reading) {
  const Own own = ReadOwn();
  const Cost cost{.bpf_ns = reading.bpf_ns,
                  .bpf_runs = reading.bpf_runs,
                  .user_ns = own.user_ns - in_intervals_.user_ns,
                  .system_ns = own.system_ns - in_intervals_.system_ns,
                  .peak_resident_bytes = own.peak_resident_bytes,
                  .map_bytes = tracer_.map_bytes(),
                  .map_inserts = reading.map_inserts,
                  .bpf_measured_ns = reading.bpf_measured_ns};
  in_intervals_ = own;
  total_.bpf_ns += cost.bpf_ns;
  total_.bpf_runs += cost.bpf_runs;
  total_.user_ns += cost.user_ns;
  total_.system_ns += cost.system_ns;
  total_.peak_resident_bytes = cost.peak_resident_bytes;
  total_.map_bytes = cost.map_bytes;
  return cost;
}

void OwnCost::BeginStretch(uint64_t now_ns) {
  const Own own = ReadOwn();
  stretch_start_ns_ = now_ns;
  programs_before_ = tracer_.TotalRunTime();
  own_ns_before_ = own.user_ns + own.system_ns;
}

Restraint::Spent OwnCost::TakeForJudgement(uint64_t now_ns, uint64_t& elapsed_ns) {
  const RunTimeMeter::Total programs_until = programs_before_;
  const uint64_t own_ns_until = own_ns_before_;
  elapsed_ns = now_ns - stretch_start_ns_;
  BeginStretch(now_ns);
  return Restraint::Spent{
      .scheduler_ns = uint64_t(programs_before_.scheduler_ns - programs_until.scheduler_ns),
      .programs_ns = uint64_t(programs_before_.all_ns - programs_until.all_ns),
      .recorder_ns = own_ns_before_ - own_ns_until};
}

}  // namespace twofold
