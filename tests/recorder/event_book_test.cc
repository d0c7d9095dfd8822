// Single events between the buffer that the programs fill and the readings that they belong to.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "bpf/abi/exec_abi.h"
#include "bpf/abi/tcp_abi.h"
#include "recorder/sources/exec/exec_events.h"
#include "recorder/sources/tcp/retransmit_events.h"

namespace twofold {
namespace {

using namespace std::string_literals;

// An event as the programs write it: only the bytes that it uses.
std::string ExecEvent(uint64_t time_ns, const std::string& file, const std::string& arguments,
                      int32_t directory = TWOFOLD_NO_DIRECTORY) {
  static twofold_exec event;
  event = {};
  event.kind = TWOFOLD_EVENT_EXEC;
  event.thread = 7;
  event.time_ns = time_ns;
  event.directory = directory;
  event.parent_tgid = 41;
  std::memcpy(event.parent_comm, "sh", 2);
  event.file_bytes = uint32_t(file.size());
  event.argument_bytes = uint32_t(arguments.size());
  return std::string(reinterpret_cast<const char*>(&event), TWOFOLD_EXEC_HEAD_BYTES) + file +
         arguments;
}

void Add(ExecEvents& events, const std::string& event) { events.Add(event.data(), event.size()); }

TEST(ExecEvents, ExecutedProgramsComeInOrderOfTimeAndInTheirInterval) {
  ExecEvents events;
  Add(events, ExecEvent(30, "/bin/c\0"s, ""));
  Add(events, ExecEvent(10, "/bin/a\0"s, "a\0b\0"s));
  Add(events, ExecEvent(20, "/bin/b\0"s, ""));
  std::vector<Loss> losses;
  const std::vector<ExecReading> first = events.Take(30, losses);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].file, "/bin/a");
  EXPECT_EQ(first[0].arguments, "a\0b\0"s);
  EXPECT_EQ(first[0].parent_name, "sh");
  EXPECT_EQ(first[0].parent_tgid, 41u);
  EXPECT_EQ(first[1].file, "/bin/b");
  ASSERT_EQ(events.Take(31, losses).size(), 1u);
  EXPECT_TRUE(events.Take(40, losses).empty());
  EXPECT_TRUE(losses.empty());
}

TEST(ExecEvents, PathsRelativeToAFolderAreAsTheKernelWritesThem) {
  ExecEvents events;
  Add(events, ExecEvent(1, "\0"s, "", 9));
  Add(events, ExecEvent(2, "name\0"s, "", 9));
  Add(events, ExecEvent(3, "/absolute\0"s, "", 9));
  Add(events, ExecEvent(4, "relative\0"s, ""));
  Add(events, ExecEvent(5, "", ""));
  std::vector<Loss> losses;
  std::vector<std::string> files;
  for (const ExecReading& exec : events.Take(10, losses)) files.push_back(exec.file);
  EXPECT_EQ(files,
            (std::vector<std::string>{"/dev/fd/9", "/dev/fd/9/name", "/absolute", "relative", ""}));
}

TEST(ExecEvents, EventsThatLieAboutTheirLengthAreLeftOut) {
  ExecEvents events;
  const std::string whole = ExecEvent(1, "/bin/a\0"s, "argument\0"s);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) Add(events, whole.substr(0, bytes));
  std::vector<Loss> losses;
  EXPECT_TRUE(events.Take(10, losses).empty());
}

TEST(ExecEvents, MoreThanItMayHoldIsCounted) {
  ExecEvents events;
  const std::string event = ExecEvent(1, "/bin/a\0"s, std::string(4096, 'x'));
  constexpr uint64_t kEvents = 10'000;
  for (uint64_t i = 0; i < kEvents; ++i) Add(events, event);
  std::vector<Loss> losses;
  const size_t kept = events.Take(10, losses).size();
  EXPECT_GT(kept, 1000u);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].cause, LossCause::kEventLost);
  EXPECT_EQ(losses[0].source, LossSource::kExec);
  EXPECT_EQ(losses[0].count, kEvents - kept);
}

twofold_retransmit Packet(uint64_t time_ns, uint16_t port) {
  twofold_retransmit packet = {};
  packet.kind = TWOFOLD_EVENT_RETRANSMIT;
  packet.time_ns = time_ns;
  packet.segments = port;
  packet.key.local_port = port;
  return packet;
}

RetransmitDifference Row(uint16_t port, uint64_t packets) {
  RetransmitDifference row = {};
  row.key.local_port = port;
  row.added.packets = packets;
  return row;
}

TEST(RetransmitEvents, PacketsWaitForTheReadingThatHasTheirRow) {
  RetransmitEvents events;
  for (const uint64_t time_ns : {30, 10, 20}) {
    const twofold_retransmit packet = Packet(time_ns, 80);
    events.Add(&packet, sizeof(packet));
  }
  const twofold_retransmit other = Packet(15, 443);
  events.Add(&other, sizeof(other));
  std::vector<Loss> losses;
  // The rows were read when two of the packets were in them.
  const auto first = events.Take({Row(22, 1), Row(80, 2)}, false, losses);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].time_ns, 10u);
  EXPECT_EQ(first[1].time_ns, 20u);
  EXPECT_EQ(first[0].row, 1u);
  const auto second = events.Take({Row(443, 1), Row(80, 1)}, false, losses);
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].row, 0u);
  EXPECT_EQ(second[0].segments, 443u);
  EXPECT_EQ(second[1].time_ns, 30u);
  EXPECT_TRUE(losses.empty());
}

}  // namespace
}  // namespace twofold
