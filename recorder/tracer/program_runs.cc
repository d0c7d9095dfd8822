#include "recorder/tracer/program_runs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "recorder/tracer/programs.h"

namespace twofold {

std::optional<ProgramRuns> ReadProgramRuns(const std::vector<const bpf_program*>& programs) {
  ProgramRuns total;
  for (const bpf_program* program : programs) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info = {};
    uint32_t info_bytes = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes) != 0) return std::nullopt;
    total.ns += info.run_time_ns;
    total.count += info.run_cnt;
    total.missed += info.recursion_misses;
  }
  return total;
}

std::vector<const bpf_program*> AllPrograms(const twofold_bpf& skeleton) {
  std::vector<const bpf_program*> programs;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) programs.push_back(program);
  return programs;
}

}  // namespace twofold
