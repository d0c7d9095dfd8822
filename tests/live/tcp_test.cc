// Packets that TCP sends again: as many as the kernel itself counts, and under the process that
// holds the socket, whoever was interrupted when they were sent.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/live/kernel_trace.h"
#include "tests/live/record_harness.h"
#include "tests/live/scope_harness.h"

namespace twofold::live {
namespace {

struct Sums {
  uint64_t packets = 0;
  uint64_t segments = 0;
  uint64_t bytes = 0;
  std::set<uint32_t> owners;  // pids
  std::set<std::string> owner_names;
  std::set<std::string> addresses;
  std::set<uint32_t> net_namespaces;
};

// Of the rows that are wanted.
Sums SumOf(const Capture& capture, const std::function<bool(const RetransmitRow&)>& wanted) {
  Sums sums;
  for (const Interval& interval : capture.intervals) {
    for (const RetransmitRow& row : interval.retransmits.value().rows) {
      if (!wanted(row)) continue;
      sums.packets += row.packets;
      sums.segments += row.segments;
      sums.bytes += row.bytes;
      const Thread& thread = capture.GetThread(row.thread);
      const Process& process = capture.GetProcess(thread.process);
      EXPECT_EQ(thread.tid.value, process.pid.value);
      sums.owners.insert(process.pid.value);
      sums.owner_names.insert(capture.String(thread.name));
      sums.addresses.insert(capture.String(row.local_address));
      sums.addresses.insert(capture.String(row.remote_address));
      sums.net_namespaces.insert(row.net_namespace);
    }
  }
  return sums;
}

std::function<bool(const RetransmitRow&)> Ports(uint64_t local, uint64_t remote) {
  return [=](const RetransmitRow& row) {
    return row.local_port == local && row.remote_port == remote;
  };
}

bool Any(const RetransmitRow&) { return true; }

uint32_t OwnNetNamespace() {
  struct stat information = {};
  EXPECT_EQ(stat("/proc/self/ns/net", &information), 0);
  return uint32_t(information.st_ino);
}

// Every packet is there as an event, and both tell the same, interval by interval.
void ExpectEventsTellWhatRowsTell(const Capture& capture) {
  uint64_t before_ns = 0;
  for (const Interval& interval : capture.intervals) {
    const Retransmits& retransmits = interval.retransmits.value();
    std::vector<RetransmitRow> by_events = retransmits.rows;
    for (RetransmitRow& row : by_events) row.packets = row.segments = row.bytes = 0;
    for (const RetransmitEvent& event : retransmits.events) {
      EXPECT_GE(event.time_ns, before_ns);
      EXPECT_LE(event.time_ns, WindowNs(capture));
      RetransmitRow& row = by_events.at(event.row);
      ++row.packets;
      row.segments += event.segments;
      row.bytes += event.bytes;
    }
    EXPECT_EQ(by_events, retransmits.rows);
    before_ns = interval.start_ns > 50'000'000 ? interval.start_ns - 50'000'000 : 0;
  }
}

// What the recorder is to see all of.
const std::vector<std::string> kSentAgain = {"tcp/tcp_retransmit_skb", "tcp/tcp_retransmit_synack"};

Recorded RecordDrops(const std::vector<std::string>& words) {
  std::vector<std::string> command = {WorkloadPath("tcp_drops")};
  command.insert(command.end(), words.begin(), words.end());
  return RecordAllSeen(kSentAgain, [&] {
    return RecordCommand({"--record", "tcp", "--max-overhead", "none"}, command);
  });
}

void ExpectFlowsAndTotals(const std::string& family, const std::string& address) {
  const auto [capture, truth] = RecordDrops({"3", family});
  const Sums all = SumOf(capture, Any);
  EXPECT_EQ(all.segments, truth["segments"]);
  EXPECT_GT(all.segments, 20u);
  EXPECT_GT(all.segments, all.packets);  // packets of many segments
  EXPECT_GT(all.bytes, 1000 * all.segments);
  EXPECT_LE(all.bytes, 1500 * all.segments);
  EXPECT_EQ(all.net_namespaces.size(), 1u);
  EXPECT_FALSE(all.net_namespaces.contains(OwnNetNamespace()));

  const Sums client = SumOf(capture, Ports(truth["port"], 5000));
  EXPECT_EQ(client.segments, truth["client_segments"]);
  EXPECT_EQ(client.owners, std::set<uint32_t>{uint32_t(truth["client"])});
  EXPECT_EQ(client.addresses, std::set<std::string>{address});
  const Sums worker = SumOf(capture, Ports(5000, truth["port"]));
  EXPECT_EQ(worker.segments, truth["worker_segments"]);
  EXPECT_EQ(worker.owners, std::set<uint32_t>{uint32_t(truth["worker"])});
  EXPECT_EQ(worker.addresses, std::set<std::string>{address});
  ExpectEventsTellWhatRowsTell(capture);
  EXPECT_EQ(LossCount(capture), 0u);
}

TEST(Tcp, SegmentsSentAgainAreAsManyAsTheKernelCounts) { ExpectFlowsAndTotals("4", "127.0.0.1"); }

TEST(Tcp, SegmentsSentAgainByIPv6AreAsManyAsTheKernelCounts) { ExpectFlowsAndTotals("6", "::1"); }

TEST(Tcp, IPv4ByASocketOfIPv6IsShownAsIPv4) { ExpectFlowsAndTotals("mapped", "127.0.0.1"); }

TEST(Tcp, RequestsAndAnswersToThemHaveTheirKinds) {
  const auto [capture, truth] = RecordDrops({"2", "4", "syn"});
  EXPECT_EQ(SumOf(capture, Any).segments, truth["segments"]);
  const Sums requests = SumOf(capture, Ports(truth["syn_port"], 5001));
  EXPECT_EQ(requests.segments, truth["nobody_segments"]);
  EXPECT_EQ(requests.bytes, 0u);
  EXPECT_EQ(requests.owners, std::set<uint32_t>{uint32_t(truth["pid"])});
  const Sums answers = SumOf(capture, [](const RetransmitRow& row) {
    return row.kind == RetransmitKind::kSynAck && row.local_port == 5002;
  });
  EXPECT_GT(answers.segments, 0u);
  EXPECT_EQ(answers.owners, std::set<uint32_t>{uint32_t(truth["pid"])});
  for (const Interval& interval : capture.intervals) {
    for (const RetransmitRow& row : interval.retransmits->rows) {
      EXPECT_EQ(row.kind == RetransmitKind::kSyn, row.state == TcpState::kSynSent);
      EXPECT_EQ(row.kind == RetransmitKind::kSynAck, row.state == TcpState::kNewSynRecv);
      EXPECT_NE(row.kind, RetransmitKind::kOther);
      const std::vector<std::string> names = StackNames(capture, row.kernel_stack);
      ASSERT_FALSE(names.empty());
      // The innermost frame is TCP's, and nothing of what was interrupted is beyond the interrupt.
      EXPECT_EQ(names.back(),
                row.kind == RetransmitKind::kSynAck ? "tcp_rtx_synack" : "__tcp_retransmit_skb");
      if (StackHas(capture, row.kernel_stack, "net_rx_action")) {
        EXPECT_FALSE(StackHas(capture, row.kernel_stack, "entry_SYSCALL_64_after_hwframe"));
      }
      if (row.kind == RetransmitKind::kTimeout || row.kind == RetransmitKind::kSyn) {
        // The first of a series; acknowledgements set others off.
        EXPECT_TRUE(row.kind != RetransmitKind::kSyn ||
                    StackHas(capture, row.kernel_stack, "tcp_retransmit_timer"));
      }
    }
  }
}

struct TwoRecordings {
  Truth truth;
  Capture of_worker;
  Capture of_all;
};

TwoRecordings RecordConnectionFromBefore() {
  const Workplace workplace;
  const std::string output = workplace.Path("output");
  Program program({WorkloadPath("tcp_drops"), "2", "4", "wait"}, output, workplace.Path("errors"));
  EXPECT_TRUE(Eventually([&] { return ReadWhole(output).ends_with("\n"); }));
  const Truth ready(ReadWhole(output));
  // Of processes that were named only these are told.
  Recorder recorder(
      {"--record", "tcp", "--max-overhead", "none", "-p", std::to_string(ready["worker"])});
  Recorder whole_host({"--record", "tcp", "--max-overhead", "none"});
  program.Signal(SIGUSR1);
  EXPECT_EQ(program.Wait(), 0) << ReadWhole(workplace.Path("errors"));
  Truth truth(ReadWhole(output));
  Capture of_worker = recorder.Finish();
  return {std::move(truth), std::move(of_worker), whole_host.Finish()};
}

TEST(Tcp, ConnectionsFromBeforeTheRecordingHaveTheirOwners) {
  const auto [truth, of_worker, of_all] = RecordAllSeen(kSentAgain, RecordConnectionFromBefore);
  const Sums worker = SumOf(of_worker, Any);
  EXPECT_EQ(worker.segments, truth["worker_segments"]);
  EXPECT_EQ(worker.owners, std::set<uint32_t>{uint32_t(truth["worker"])});
  ExpectEventsTellWhatRowsTell(of_worker);
  const Sums client = SumOf(of_all, Ports(truth["port"], 5000));
  EXPECT_EQ(client.segments, truth["client_segments"]);
  EXPECT_EQ(client.owners, std::set<uint32_t>{uint32_t(truth["client"])});
  EXPECT_EQ(SumOf(of_all, Ports(5000, truth["port"])).segments, truth["worker_segments"]);
}

TEST(Tcp, WhatAProcessLeftBehindIsStillIts) {
  const auto [capture, truth] = RecordDrops({"2", "4", "orphan"});
  const Sums left = SumOf(capture, [&](const RetransmitRow& row) {
    return row.local_port == truth["port"] && row.state == TcpState::kFinWait1 &&
           row.kind == RetransmitKind::kTimeout;
  });
  EXPECT_GT(left.segments, 0u);
  EXPECT_EQ(left.owners, std::set<uint32_t>{uint32_t(truth["client"])});
}

// Nobody takes events out of the buffer for the whole recording: the smallest there is.
Recorded RecordWhileNobodyTakesEvents() {
  const Workplace workplace;
  const std::string output = workplace.Path("output");
  Program program({WorkloadPath("tcp_drops"), "3", "4", "wait"}, output, workplace.Path("errors"));
  EXPECT_TRUE(Eventually([&] { return ReadWhole(output).ends_with("\n"); }));
  Program recorder({RecorderPath(), "--record", "tcp", "--memory", "8", "--max-overhead", "none",
                    "-o", workplace.Path("capture")},
                   workplace.Path("recorder-out"), workplace.Path("recorder-err"));
  EXPECT_TRUE(Eventually([&] { return !ReadWhole(workplace.Path("capture.partial")).empty(); }));
  recorder.Signal(SIGSTOP);
  program.Signal(SIGUSR1);
  EXPECT_EQ(program.Wait(), 0) << ReadWhole(workplace.Path("errors"));
  recorder.Signal(SIGCONT);
  recorder.Signal(SIGINT);
  EXPECT_EQ(recorder.Wait(), 0) << ReadWhole(workplace.Path("recorder-err"));
  return {LoadCapture(workplace.Path("capture")), Truth(ReadWhole(output))};
}

TEST(Tcp, SumsStayRightWhereEventsAreLost) {
  const auto [capture, truth] = RecordAllSeen(kSentAgain, RecordWhileNobodyTakesEvents);
  EXPECT_EQ(SumOf(capture, Ports(truth["port"], 5000)).segments, truth["client_segments"]);
  EXPECT_EQ(SumOf(capture, Ports(5000, truth["port"])).segments, truth["worker_segments"]);
  uint64_t events = 0;
  for (const Interval& interval : capture.intervals) events += interval.retransmits->events.size();
  EXPECT_EQ(events + LossCountOf(capture, LossCause::kEventTimeLost), SumOf(capture, Any).packets);
}

}  // namespace
}  // namespace twofold::live
