// Fuzzes the reader of captures. libFuzzer calls LLVMFuzzerTestOneInput; replay.cc calls it in
// ctest. Checksums and compression would stop nearly every random change at the door, so the first
// byte of an input says how far it is let in.
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "format/base/bytes.h"
#include "format/base/check.h"
#include "format/base/utf8.h"
#include "format/capture_reader.h"
#include "format/container.h"
#include "format/zstd_frame.h"

namespace twofold {
namespace {

using container::BlockHeader;
using container::FileHeader;
using container::Trailer;

// Gives every structure the checksum that its bytes have, as far as sizes lead from one to the
// next.
void FixChecksums(std::vector<uint8_t>& file) {
  std::span<const uint8_t> bytes(file);
  FileHeader file_header;
  if (!CopyFrom(bytes, file_header)) return;
  file_header.checksum = container::Checksum(file_header, {});
  std::memcpy(file.data(), &file_header, sizeof(file_header));
  size_t offset = sizeof(file_header);
  BlockHeader block;
  while (StartsWith(bytes.subspan(offset), container::kBlockMagic) &&
         CopyFrom(bytes.subspan(offset), block) &&
         block.stored_bytes <= bytes.size() - offset - sizeof(block)) {
    block.checksum =
        container::Checksum(block, bytes.subspan(offset + sizeof(block), block.stored_bytes));
    std::memcpy(file.data() + offset, &block, sizeof(block));
    offset += sizeof(block) + block.stored_bytes;
  }
  Trailer trailer;
  if (!CopyFrom(bytes.subspan(offset), trailer)) return;
  trailer.checksum = container::Checksum(trailer);
  std::memcpy(file.data() + offset, &trailer, sizeof(trailer));
}

// Wraps each record of the input (type, two bytes of length, FlatBuffer) in a block that is right.
std::vector<uint8_t> WrapRecords(std::span<const uint8_t> input) {
  std::vector<uint8_t> file(sizeof(FileHeader));
  FileHeader file_header;
  file_header.checksum = container::Checksum(file_header, {});
  std::memcpy(file.data(), &file_header, sizeof(file_header));
  ZstdPacker packer;
  for (uint64_t sequence = 0; input.size() >= 3; ++sequence) {
    size_t length = std::min<size_t>(input[1] | input[2] << 8, input.size() - 3);
    std::vector<uint8_t> payload;
    if (!packer.AppendFrame(input.subspan(3, length), payload)) return file;
    BlockHeader block;
    block.type = input[0];
    block.stored_bytes = uint32_t(payload.size());
    block.unpacked_bytes = uint32_t(length);
    block.sequence = sequence;
    block.checksum = container::Checksum(block, payload);
    std::span<const uint8_t> header = BytesOf(block);
    file.insert(file.end(), header.begin(), header.end());
    file.insert(file.end(), payload.begin(), payload.end());
    input = input.subspan(3 + length);
  }
  return file;
}

// What everybody behind the reader relies on.
void CheckDefinitions(const Capture& capture) {
  const Definitions& has = capture.definitions;
  for (const std::string& text : has.strings) TWOFOLD_CHECK(IsUtf8(text));
  for (const Module& module : has.modules) {
    TWOFOLD_CHECK(module.path.value <= has.strings.size());
    TWOFOLD_CHECK(module.build_id.value <= has.strings.size());
  }
  for (const Frame& frame : has.frames) {
    TWOFOLD_CHECK(frame.module.value <= has.modules.size());
    TWOFOLD_CHECK(frame.symbol.value <= has.strings.size());
  }
  for (size_t i = 0; i < has.stacks.size(); ++i) {
    TWOFOLD_CHECK(has.stacks[i].parent.value <= i);
    TWOFOLD_CHECK(has.stacks[i].frame.value >= 1);
    TWOFOLD_CHECK(has.stacks[i].frame.value <= has.frames.size());
  }
  for (const Process& process : has.processes) {
    TWOFOLD_CHECK(process.name.value <= has.strings.size());
    TWOFOLD_CHECK(process.executable.value <= has.strings.size());
    TWOFOLD_CHECK(process.cgroup.value <= has.strings.size());
  }
  for (const Thread& thread : has.threads) {
    TWOFOLD_CHECK(thread.process.value >= 1 && thread.process.value <= has.processes.size());
    TWOFOLD_CHECK(thread.name.value <= has.strings.size());
    TWOFOLD_CHECK(thread.cgroup.value <= has.strings.size());
  }
  for (const ProcessEnd& end : has.process_ends) {
    TWOFOLD_CHECK(end.process.value >= 1 && end.process.value <= has.processes.size());
  }
  for (const Waker& waker : has.wakers) {
    TWOFOLD_CHECK(waker.kind != WakerKind::kTask || waker.thread.value >= 1);
    TWOFOLD_CHECK(waker.thread.value <= has.threads.size());
    TWOFOLD_CHECK(waker.kernel_stack.value <= has.stacks.size());
    TWOFOLD_CHECK(waker.user_stack.value <= has.stacks.size());
  }
  for (size_t i = 0; i < has.chains.size(); ++i) {
    TWOFOLD_CHECK(has.chains[i].next.value <= i);
    TWOFOLD_CHECK(has.chains[i].waker.value >= 1);
    TWOFOLD_CHECK(has.chains[i].waker.value <= has.wakers.size());
    uint32_t wakers = 1;
    for (ChainId next = has.chains[i].next; next.value != 0; next = capture.GetChain(next).next) {
      TWOFOLD_CHECK(++wakers <= container::kMaxChainWakers);
    }
  }
}

// The same of rows.
class RowChecker {
 public:
  explicit RowChecker(const Capture& capture) : has_(capture.definitions) {}

  void Check(const Interval& interval) {
    TWOFOLD_CHECK(interval.start_ns >= end_ns_ && interval.end_ns >= interval.start_ns);
    end_ns_ = interval.end_ns;
    if (interval.cpu) {
      for (const CpuRow& row : interval.cpu->rows) CheckStacks(row);
    }
    if (interval.blocked) {
      for (const BlockedRow& row : *interval.blocked) {
        CheckStacks(row);
        TWOFOLD_CHECK(row.chain.value <= has_.chains.size());
        TWOFOLD_CHECK(row.sampled_ns <= row.time_ns);
        Add(row.time_ns, blocked_ns_);
        Add(row.variance_us2, blocked_variance_us2_);
        Add(row.count_variance, blocked_count_variance_);
      }
    }
    if (interval.waiting) {
      for (const WaitingRow& row : *interval.waiting) {
        CheckStacks(row);
        TWOFOLD_CHECK(row.sampled_ns <= row.time_ns);
        Add(row.time_ns, waiting_ns_);
        Add(row.variance_us2, waiting_variance_us2_);
        Add(row.count_variance, waiting_count_variance_);
      }
    }
    if (interval.counters) {
      for (const CounterRow& row : interval.counters->rows) {
        CheckStacks(row);
        Add(row.cycles, cycles_);
        Add(row.instructions, instructions_);
      }
    }
    if (interval.allocations) {
      for (const AllocationRow& row : *interval.allocations) {
        CheckStacks(row);
        Add(row.allocated_bytes, allocated_bytes_);
        Add(row.freed_bytes, freed_bytes_);
      }
    }
    if (interval.outstanding) {
      for (const OutstandingRow& row : *interval.outstanding) {
        CheckStacks(row);
        TWOFOLD_CHECK(row.age <= kMaxAge);
        Add(row.bytes, outstanding_bytes_);
      }
    }
    if (interval.retransmits) {
      for (const RetransmitRow& row : interval.retransmits->rows) {
        CheckThread(row.thread);
        TWOFOLD_CHECK(row.kernel_stack.value <= has_.stacks.size());
        CheckString(row.local_address);
        CheckString(row.remote_address);
        Add(row.segments, segments_);
      }
      for (const RetransmitEvent& event : interval.retransmits->events) {
        TWOFOLD_CHECK(event.row < interval.retransmits->rows.size());
      }
    }
    if (interval.execs) {
      for (const ExecRow& row : *interval.execs) {
        CheckThread(row.thread);
        CheckString(row.parent_name);
        CheckString(row.file);
        CheckString(row.arguments);
      }
    }
    if (interval.wait_counts) {
      for (const WaitCount& row : *interval.wait_counts) {
        CheckThread(row.thread);
        TWOFOLD_CHECK(row.bucket < kWaitBuckets);
        Add(row.count, waits_);
      }
    }
    if (interval.cpu_times) {
      for (const CpuTime& row : *interval.cpu_times) Add(row.idle_ns, idle_ns_);
    }
    for (const Exemplar& row : interval.exemplars) {
      CheckStacks(row);
      TWOFOLD_CHECK(row.chain.value <= has_.chains.size());
      TWOFOLD_CHECK(row.start_ns <= row.end_ns && row.end_ns <= INT64_MAX);
    }
  }

 private:
  void CheckThread(ThreadId thread) {
    TWOFOLD_CHECK(thread.value >= 1 && thread.value <= has_.threads.size());
  }

  void CheckString(StringId text) { TWOFOLD_CHECK(text.value <= has_.strings.size()); }

  template <typename Row>
  void CheckStacks(const Row& row) {
    CheckThread(row.thread);
    TWOFOLD_CHECK(row.kernel_stack.value <= has_.stacks.size());
    TWOFOLD_CHECK(row.user_stack.value <= has_.stacks.size());
  }

  static void Add(uint64_t value, int64_t& total) {
    TWOFOLD_CHECK(value <= INT64_MAX);
    TWOFOLD_CHECK(!__builtin_add_overflow(total, int64_t(value), &total));
  }

  const Definitions& has_;
  uint64_t end_ns_ = 0;
  int64_t blocked_ns_ = 0;
  int64_t blocked_variance_us2_ = 0;
  int64_t blocked_count_variance_ = 0;
  int64_t waiting_ns_ = 0;
  int64_t waiting_variance_us2_ = 0;
  int64_t waiting_count_variance_ = 0;
  int64_t waits_ = 0;
  int64_t allocated_bytes_ = 0;
  int64_t freed_bytes_ = 0;
  int64_t outstanding_bytes_ = 0;
  int64_t segments_ = 0;
  int64_t cycles_ = 0;
  int64_t instructions_ = 0;
  int64_t idle_ns_ = 0;
};

void CheckPromises(const Capture& capture) {
  CheckDefinitions(capture);
  RowChecker rows(capture);
  for (const Interval& interval : capture.intervals) rows.Check(interval);
  TWOFOLD_CHECK(capture.damages.size() <= 101);
}

}  // namespace
}  // namespace twofold

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::span<const uint8_t> input(data + 1, size - 1);
  std::vector<uint8_t> file;
  switch (data[0] % 3) {
    case 0:
      file.assign(input.begin(), input.end());
      break;
    case 1:
      file.assign(input.begin(), input.end());
      twofold::FixChecksums(file);
      break;
    case 2:
      file = twofold::WrapRecords(input);
      break;
  }
  twofold::Result<twofold::Capture> read = twofold::ReadCapture(file, "fuzzed");
  if (read) twofold::CheckPromises(*read);
  return 0;
}
