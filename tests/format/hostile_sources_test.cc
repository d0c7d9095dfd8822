// Memory, retransmits and executed programs that say something wrong in blocks that are whole.
#include <gtest/gtest.h>

#include "schemas/capture_generated.h"
#include "tests/format/hostile_blocks.h"

namespace twofold::testing {
namespace {

using container::BlockType;

// One row of everything. The definitions before it have one thread, one stack and, as strings, as
// many as the default DefinitionsSpec.
struct SourcesSpec {
  std::vector<uint8_t> allocation_kinds = {1};
  std::vector<uint32_t> allocation_threads = {1};
  std::vector<uint32_t> allocation_kernel_stacks = {1};
  std::vector<uint32_t> allocation_user_stacks = {1};
  std::vector<uint64_t> allocated_bytes = {1};
  std::vector<uint64_t> allocated_counts = {1};
  std::vector<uint64_t> allocation_samples = {1};
  std::vector<uint64_t> freed_bytes = {1};
  std::vector<uint64_t> freed_counts = {1};
  std::vector<uint64_t> untracked_bytes = {1};
  std::vector<uint64_t> untracked_counts = {1};
  std::vector<uint8_t> outstanding_kinds = {1};
  std::vector<uint32_t> outstanding_threads = {1};
  std::vector<uint32_t> outstanding_kernel_stacks = {1};
  std::vector<uint32_t> outstanding_user_stacks = {1};
  std::vector<uint8_t> ages = {63};
  std::vector<uint64_t> outstanding_bytes = {1};
  std::vector<uint64_t> outstanding_counts = {1};
  std::vector<uint64_t> outstanding_samples = {1};
  std::vector<uint64_t> variances_bytes2 = {1};
  std::vector<uint8_t> retransmit_kinds = {1};
  std::vector<uint32_t> retransmit_threads = {1};
  std::vector<uint32_t> retransmit_stacks = {1};
  std::vector<uint8_t> tcp_states = {1};
  std::vector<uint8_t> failed = {1};
  std::vector<uint32_t> net_namespaces = {1};
  std::vector<uint32_t> local_addresses = {1};
  std::vector<uint16_t> local_ports = {1};
  std::vector<uint32_t> remote_addresses = {1};
  std::vector<uint16_t> remote_ports = {1};
  std::vector<uint64_t> packets = {1};
  std::vector<uint64_t> segments = {1};
  std::vector<uint64_t> retransmitted_bytes = {1};
  std::vector<uint32_t> event_rows = {0};
  std::vector<uint64_t> event_times_ns = {1};
  std::vector<uint32_t> event_segments = {1};
  std::vector<uint32_t> event_bytes = {1};
  std::vector<uint32_t> exec_threads = {1};
  std::vector<uint64_t> exec_times_ns = {1};
  std::vector<uint16_t> exec_errors = {1};
  std::vector<uint32_t> parent_pids = {1};
  std::vector<uint32_t> parent_names = {1};
  std::vector<uint32_t> files = {1};
  std::vector<uint32_t> arguments = {1};
  std::vector<uint8_t> arguments_cut = {1};
};

Result<Capture> ReadSources(const SourcesSpec& spec) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  flatbuffers::FlatBufferBuilder builder;
  const auto column = [&](const auto& values) { return Column(builder, values); };
  auto allocations = wire::CreateAllocationRows(
      builder, column(spec.allocation_kinds), column(spec.allocation_threads),
      column(spec.allocation_kernel_stacks), column(spec.allocation_user_stacks),
      column(spec.allocated_bytes), column(spec.allocated_counts), column(spec.allocation_samples),
      column(spec.freed_bytes), column(spec.freed_counts), column(spec.untracked_bytes),
      column(spec.untracked_counts));
  auto outstanding = wire::CreateOutstandingRows(
      builder, column(spec.outstanding_kinds), column(spec.outstanding_threads),
      column(spec.outstanding_kernel_stacks), column(spec.outstanding_user_stacks),
      column(spec.ages), column(spec.outstanding_bytes), column(spec.outstanding_counts),
      column(spec.outstanding_samples), column(spec.variances_bytes2));
  auto retransmits = wire::CreateRetransmitRows(
      builder, column(spec.retransmit_kinds), column(spec.retransmit_threads),
      column(spec.retransmit_stacks), column(spec.tcp_states), column(spec.failed),
      column(spec.net_namespaces), column(spec.local_addresses), column(spec.local_ports),
      column(spec.remote_addresses), column(spec.remote_ports), column(spec.packets),
      column(spec.segments), column(spec.retransmitted_bytes));
  auto events =
      wire::CreateRetransmitEvents(builder, column(spec.event_rows), column(spec.event_times_ns),
                                   column(spec.event_segments), column(spec.event_bytes));
  auto execs = wire::CreateExecRows(builder, column(spec.exec_threads), column(spec.exec_times_ns),
                                    column(spec.exec_errors), column(spec.parent_pids),
                                    column(spec.parent_names), column(spec.files),
                                    column(spec.arguments), column(spec.arguments_cut));
  wire::IntervalBuilder interval(builder);
  interval.add_end_ns(1000);
  interval.add_allocations(allocations);
  interval.add_outstanding(outstanding);
  interval.add_retransmits(retransmits);
  interval.add_retransmit_events(events);
  interval.add_execs(execs);
  builder.Finish(interval.Finish());
  capture.WriteBlock(BlockType::kInterval, builder);
  return capture.Read();
}

std::string FaultOf(const SourcesSpec& spec) {
  Result<Capture> read = ReadSources(spec);
  if (!read) return read.error().Message();
  for (const Damage& damage : read->damages) {
    size_t reason = damage.what.find("is left out: ");
    if (reason != std::string::npos) return damage.what.substr(reason + 13);
  }
  return "";
}

TEST(HostileSources, NothingIsWrongToBeginWith) { EXPECT_EQ(FaultOf({}), ""); }

TEST(HostileSources, ColumnsOfDifferentLengthsAreRefused) {
  const std::string allocations = "its columns of allocations differ in length";
  EXPECT_EQ(FaultOf({.allocation_kinds = {}}), allocations);
  EXPECT_EQ(FaultOf({.allocation_threads = {1, 1}}), allocations);
  EXPECT_EQ(FaultOf({.allocation_kernel_stacks = {}}), allocations);
  EXPECT_EQ(FaultOf({.allocation_user_stacks = {1, 1}}), allocations);
  EXPECT_EQ(FaultOf({.allocated_bytes = {}}), allocations);
  EXPECT_EQ(FaultOf({.allocated_counts = {}}), allocations);
  EXPECT_EQ(FaultOf({.allocation_samples = {1, 1}}), allocations);
  EXPECT_EQ(FaultOf({.freed_bytes = {1, 1}}), allocations);
  EXPECT_EQ(FaultOf({.freed_counts = {}}), allocations);
  EXPECT_EQ(FaultOf({.untracked_bytes = {}}), allocations);
  EXPECT_EQ(FaultOf({.untracked_counts = {1, 1}}), allocations);
  const std::string outstanding = "its columns of outstanding memory differ in length";
  EXPECT_EQ(FaultOf({.outstanding_kinds = {1, 1}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_threads = {}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_kernel_stacks = {}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_user_stacks = {}}), outstanding);
  EXPECT_EQ(FaultOf({.ages = {0, 1}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_bytes = {}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_counts = {1, 1}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_samples = {}}), outstanding);
  EXPECT_EQ(FaultOf({.variances_bytes2 = {}}), outstanding);
  const std::string retransmits = "its columns of retransmits differ in length";
  EXPECT_EQ(FaultOf({.retransmit_kinds = {}}), retransmits);
  EXPECT_EQ(FaultOf({.retransmit_threads = {}}), retransmits);
  EXPECT_EQ(FaultOf({.retransmit_stacks = {1, 1}}), retransmits);
  EXPECT_EQ(FaultOf({.tcp_states = {}}), retransmits);
  EXPECT_EQ(FaultOf({.failed = {1, 1}}), retransmits);
  EXPECT_EQ(FaultOf({.net_namespaces = {}}), retransmits);
  EXPECT_EQ(FaultOf({.local_addresses = {}}), retransmits);
  EXPECT_EQ(FaultOf({.local_ports = {1, 1}}), retransmits);
  EXPECT_EQ(FaultOf({.remote_addresses = {}}), retransmits);
  EXPECT_EQ(FaultOf({.remote_ports = {}}), retransmits);
  EXPECT_EQ(FaultOf({.packets = {}}), retransmits);
  EXPECT_EQ(FaultOf({.segments = {1, 1}}), retransmits);
  EXPECT_EQ(FaultOf({.retransmitted_bytes = {}}), retransmits);
  const std::string events = "its columns of retransmit events differ in length";
  EXPECT_EQ(FaultOf({.event_rows = {0, 0}}), events);
  EXPECT_EQ(FaultOf({.event_times_ns = {}}), events);
  EXPECT_EQ(FaultOf({.event_segments = {}}), events);
  EXPECT_EQ(FaultOf({.event_bytes = {1, 1}}), events);
  const std::string execs = "its columns of executed programs differ in length";
  EXPECT_EQ(FaultOf({.exec_threads = {1, 1}}), execs);
  EXPECT_EQ(FaultOf({.exec_times_ns = {}}), execs);
  EXPECT_EQ(FaultOf({.exec_errors = {1, 1}}), execs);
  EXPECT_EQ(FaultOf({.parent_pids = {}}), execs);
  EXPECT_EQ(FaultOf({.parent_names = {}}), execs);
  EXPECT_EQ(FaultOf({.files = {}}), execs);
  EXPECT_EQ(FaultOf({.arguments = {1, 1}}), execs);
  EXPECT_EQ(FaultOf({.arguments_cut = {}}), execs);
}

TEST(HostileSources, RowsNameWhatIsDefined) {
  const std::string undefined = "it refers to ids that are not defined";
  constexpr uint32_t kNowhere = 1000;
  EXPECT_EQ(FaultOf({.allocation_threads = {0}}), "a memory row names no thread");
  EXPECT_EQ(FaultOf({.allocation_threads = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.allocation_kernel_stacks = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.allocation_user_stacks = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.outstanding_threads = {0}}), "a memory row names no thread");
  EXPECT_EQ(FaultOf({.outstanding_threads = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.outstanding_kernel_stacks = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.outstanding_user_stacks = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.retransmit_threads = {0}}), "a retransmit names no thread");
  EXPECT_EQ(FaultOf({.retransmit_threads = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.retransmit_stacks = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.local_addresses = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.remote_addresses = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.event_rows = {1}}), "a retransmit event names no row");
  EXPECT_EQ(FaultOf({.event_rows = {UINT32_MAX}}), "a retransmit event names no row");
  EXPECT_EQ(FaultOf({.exec_threads = {0}}), "an executed program names no thread");
  EXPECT_EQ(FaultOf({.exec_threads = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.parent_names = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.files = {kNowhere}}), undefined);
  EXPECT_EQ(FaultOf({.arguments = {kNowhere}}), undefined);
}

TEST(HostileSources, ValuesOutOfRangeAreRefused) {
  EXPECT_EQ(FaultOf({.ages = {64}}), "the age of memory is out of range");
  EXPECT_EQ(FaultOf({.event_times_ns = {1ULL << 63}}), "the time of a retransmit is out of range");
  EXPECT_EQ(FaultOf({.exec_times_ns = {1ULL << 63}}),
            "the time of an executed program is out of range");
}

TEST(HostileSources, SumsThatOverflowAreRefused) {
  constexpr uint64_t kTooMuch = 1ULL << 63;
  const std::string allocations = "its allocations add up to more than 2^63";
  EXPECT_EQ(FaultOf({.allocated_bytes = {kTooMuch}}), allocations);
  EXPECT_EQ(FaultOf({.allocated_counts = {kTooMuch}}), allocations);
  EXPECT_EQ(FaultOf({.allocation_samples = {kTooMuch}}), allocations);
  EXPECT_EQ(FaultOf({.freed_bytes = {kTooMuch}}), allocations);
  EXPECT_EQ(FaultOf({.freed_counts = {UINT64_MAX}}), allocations);
  EXPECT_EQ(FaultOf({.untracked_bytes = {kTooMuch}}), allocations);
  EXPECT_EQ(FaultOf({.untracked_counts = {kTooMuch}}), allocations);
  const std::string outstanding = "its outstanding memory adds up to more than 2^63";
  EXPECT_EQ(FaultOf({.outstanding_bytes = {kTooMuch}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_counts = {kTooMuch}}), outstanding);
  EXPECT_EQ(FaultOf({.outstanding_samples = {kTooMuch}}), outstanding);
  EXPECT_EQ(FaultOf({.variances_bytes2 = {kTooMuch}}), outstanding);
  const std::string retransmits = "its retransmits add up to more than 2^63";
  EXPECT_EQ(FaultOf({.packets = {kTooMuch}}), retransmits);
  EXPECT_EQ(FaultOf({.segments = {kTooMuch}}), retransmits);
  EXPECT_EQ(FaultOf({.retransmitted_bytes = {kTooMuch}}), retransmits);
}

TEST(HostileSources, KindsOfNewerVersionsAreKeptAsOthers) {
  Result<Capture> read = ReadSources({.allocation_kinds = {6},
                                      .outstanding_kinds = {255},
                                      .retransmit_kinds = {6},
                                      .tcp_states = {13}});
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  ASSERT_EQ(read->intervals.size(), 1U);
  const Interval& interval = read->intervals[0];
  EXPECT_EQ(interval.allocations->at(0).kind, AllocationKind::kOther);
  EXPECT_EQ(interval.outstanding->at(0).kind, AllocationKind::kOther);
  EXPECT_EQ(interval.retransmits->rows.at(0).kind, RetransmitKind::kOther);
  EXPECT_EQ(interval.retransmits->rows.at(0).state, TcpState::kOther);
}

}  // namespace
}  // namespace twofold::testing
