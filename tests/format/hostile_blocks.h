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
  std::vector<uint32_t> parent_distances = {0};
  std::vector<uint32_t> stack_frames = {1};
  std::vector<uint32_t> process_names = {1};
  std::vector<int64_t> process_starts = {0};
  std::vector<uint32_t> thread_processes = {1};
  std::vector<uint32_t> ended_processes = {1};
  std::vector<int64_t> process_ends = {0};
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
};

// Appends the block with a right checksum and the next sequence number.
void WriteDefinitions(CaptureBytes& capture, const DefinitionsSpec& spec);
void WriteInterval(CaptureBytes& capture, const IntervalSpec& spec);

// A file header and a Recording block that says nothing wrong.
CaptureBytes NewCapture();

}  // namespace twofold::testing
