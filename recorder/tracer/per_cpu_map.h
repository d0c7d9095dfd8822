// Reading and writing what a BPF array has for each CPU.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "recorder/tracer/bpf_link.h"

namespace twofold {

// An element of a per-CPU array: a value for each CPU that there may ever be. `what` it is, for
// errors.
template <typename Value>
Result<std::vector<Value>> ReadPerCpu(const bpf_map* map, uint32_t index, const std::string& what) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return TracerError("cannot count the CPUs", -cpus);
  std::vector<Value> values(size_t(cpus), Value{});
  if (bpf_map__lookup_elem(map, &index, sizeof(index), values.data(), values.size() * sizeof(Value),
                           0) != 0) {
    return TracerError("cannot read " + what, errno);
  }
  return values;
}

// Zeroes an element on every CPU. It must be one that no program writes to meanwhile.
template <typename Value>
Result<void> ClearPerCpu(const bpf_map* map, uint32_t index, const std::string& what) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return TracerError("cannot count the CPUs", -cpus);
  const std::vector<Value> zeroes(size_t(cpus), Value{});
  if (bpf_map__update_elem(map, &index, sizeof(index), zeroes.data(), zeroes.size() * sizeof(Value),
                           BPF_ANY) != 0) {
    return TracerError("cannot clear " + what, errno);
  }
  return {};
}

}  // namespace twofold
