// How long the programs ran, as the kernel counts it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

struct bpf_program;
struct twofold_bpf;

namespace twofold {

struct ProgramRuns {
  uint64_t ns = 0;
  uint64_t count = 0;
  uint64_t missed = 0;  // runs that did not take place, as the program was running on that CPU
};

// Of the programs of `programs` together, as far as they are loaded. nullopt: the kernel does not
// tell (errno).
std::optional<ProgramRuns> ReadProgramRuns(const std::vector<const bpf_program*>& programs);

// Of all of them.
std::vector<const bpf_program*> AllPrograms(const twofold_bpf& skeleton);

}  // namespace twofold
