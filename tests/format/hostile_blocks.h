// Blocks built field by field, to hold what no writer would write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/format/capture_bytes.h"

namespace twofold::testing {

template <typename T>
flatbuffers::Offset<flatbuffers::Vector<T>> Column(flatbuffers::FlatBufferBuilder& builder,
                                                   const std::vector<T>& values) {
  return builder.CreateVector(values);
}

// What a Definitions block of a test holds; the default is a valid chain of one of each kind.
struct DefinitionsSpec {
  uint32_t first[6] = {1, 1, 1, 1, 1, 1};
  std::string text = "name";
  std::vector<uint32_t> text_lengths = {4};
  std::vector<uint32_t> module_paths = {1};
  std::vector<uint32_t> frame_modules = {1};
  std::vector<uint32_t> frame_symbols = {1};
  std::vector<uint64_t> frame_offsets = {0};
  std::vector<uint32_t> frame_files = {0};
  std::vector<uint32_t> frame_lines = {0};
  std::vector<uint8_t> frames_inlined = {0};
  std::vector<uint32_t> parent_distances = {0};
  std::vector<uint32_t> stack_frames = {1};
  std::vector<uint32_t> process_names = {1};
  std::vector<int64_t> process_starts = {0};
  std::vector<uint32_t> thread_processes = {1};
  std::vector<uint32_t> thread_cgroups = {1};
  std::vector<uint32_t> ended_processes = {1};
  std::vector<int64_t> process_ends = {0};
  std::vector<uint32_t> exit_statuses = {0};
  uint32_t first_waker = 1;
  uint32_t first_chain = 1;
  std::vector<uint8_t> waker_kinds = {1};
  std::vector<uint32_t> waker_threads = {1};
  std::vector<uint32_t> waker_kernel_stacks = {1};
  std::vector<uint32_t> waker_user_stacks = {1};
  std::vector<uint32_t> chain_wakers = {1};
  std::vector<uint32_t> next_distances = {0};
};

// The default interval refers to the default definitions and is valid.
struct IntervalSpec {
  uint32_t number = 0;
  uint64_t start_ns = 0;
  uint64_t end_ns = 1000;
  std::vector<uint32_t> threads = {1};
  std::vector<uint32_t> kernel_stacks = {1};
  std::vector<uint32_t> user_stacks = {0};
  std::vector<uint64_t> samples = {3};
  uint64_t period_ns = 10;
  std::vector<uint32_t> blocked_threads = {1};
  std::vector<uint8_t> states = {1};
  std::vector<uint32_t> blocked_stacks = {1};
  std::vector<uint64_t> times_ns = {100};
  std::vector<uint64_t> counts = {1};
  std::vector<uint64_t> lost = {1};
  std::vector<uint64_t> lost_ns = {1};
  uint64_t bpf_ns = 1;
  std::vector<uint32_t> account_threads = {1};
  std::vector<uint64_t> existed_ns = {1000};
  std::vector<uint64_t> other_ns = {1000};  // the last of its columns; those between are zeros
  std::vector<uint8_t> parts = {3};
  std::vector<uint32_t> chains = {1};
  std::vector<uint64_t> sampled_ns = {40};
  std::vector<uint64_t> kept = {2};
  std::vector<uint64_t> variances_us2 = {5};
  std::vector<uint64_t> count_variances = {3};
  std::vector<uint64_t> quanta_us2 = {1'000'000};
  uint64_t quantum_ns = 50;
  uint64_t map_inserts = 1;
  std::vector<uint32_t> waiting_threads = {1};
  std::vector<uint8_t> preempted = {1};
  std::vector<uint32_t> waiting_kernel_stacks = {1};
  std::vector<uint32_t> waiting_user_stacks = {1};
  std::vector<uint64_t> waiting_ns = {10};
  std::vector<uint64_t> waiting_sampled_ns = {10};
  std::vector<uint64_t> waits = {1};
  std::vector<uint64_t> waiting_kept = {1};
  std::vector<uint64_t> waiting_variances_us2 = {1};
  std::vector<uint64_t> waiting_count_variances = {1};
  std::vector<uint64_t> waiting_quanta_us2 = {1'000'000};
  std::vector<uint32_t> counter_threads = {1};
  std::vector<uint32_t> counter_kernel_stacks = {1};
  std::vector<uint32_t> counter_user_stacks = {1};
  std::vector<uint64_t> cycles = {1};
  std::vector<uint64_t> cycle_samples = {1};
  std::vector<uint64_t> instructions = {1};
  std::vector<uint64_t> instruction_samples = {1};
  uint64_t cycles_counted = 1;
  uint64_t cycles_enabled_ns = 1;
  uint64_t cycles_running_ns = 1;
  uint64_t instructions_counted = 1;
  std::vector<uint32_t> counted_threads = {1};
  std::vector<uint8_t> buckets = {25};
  std::vector<uint64_t> counted_waits = {1};
  std::vector<uint8_t> exemplar_kinds = {1};
  std::vector<uint32_t> exemplar_threads = {1};
  std::vector<uint8_t> exemplar_states = {1};
  std::vector<uint8_t> exemplar_flags = {0};
  std::vector<uint64_t> exemplar_starts_ns = {100};
  std::vector<uint64_t> exemplar_ends_ns = {900};
  std::vector<uint32_t> exemplar_cpus = {0};
  std::vector<uint32_t> exemplar_kernel_stacks = {1};
  std::vector<uint32_t> exemplar_user_stacks = {1};
  std::vector<uint32_t> exemplar_chains = {1};
  std::vector<uint32_t> cpus = {0};
  std::vector<uint64_t> idle_ns = {1000};  // the other times are absent
};

// Appends the block with a right checksum and the next sequence number.
void WriteDefinitions(CaptureBytes& capture, const DefinitionsSpec& spec);
void WriteInterval(CaptureBytes& capture, const IntervalSpec& spec);

// A file header and a Recording block that says nothing wrong.
CaptureBytes NewCapture();

// The reason for which a block was left out, or the error of the whole capture; empty: neither.
std::string FaultOf(const CaptureBytes& capture);
// The same of a capture with such a Definitions block, or with the default one and such an Interval
// block.
std::string FaultOfDefinitions(const DefinitionsSpec& spec);
std::string FaultOfInterval(const IntervalSpec& spec);

}  // namespace twofold::testing
