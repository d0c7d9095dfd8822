// What TCP sent again: the table and the view of stacks, against sums worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RetransmitRow Row(CaptureMaker& maker, ThreadId thread, const std::string& local,
                  const std::string& remote) {
  RetransmitRow row;
  row.thread = thread;
  row.net_namespace = 4026531840;
  row.local_address = maker.Text(local);
  row.local_port = 443;
  row.remote_address = maker.Text(remote);
  row.remote_port = 50000;
  row.kind = RetransmitKind::kTimeout;
  row.state = TcpState::kEstablished;
  return row;
}

// nginx sends 3 packets again to one client by the timer, 10 at once to another, by IPv6, of which
// the host fails to send 2, and curl cannot reach a server in the second interval.
void Talk(CaptureMaker& maker) {
  ThreadId nginx = maker.AddThread("nginx", 812);
  ThreadId curl = maker.AddThread("curl", 99);
  StackId timer = maker.Stack({"k:tcp_write_timer", "k:tcp_retransmit_timer"});
  StackId ack = maker.Stack({"k:tcp_ack", "k:tcp_xmit_recovery"});

  RetransmitRow row = Row(maker, nginx, "192.0.2.7", "198.51.100.3");
  row.kernel_stack = timer;
  row.packets = 3;
  row.segments = 6;
  row.bytes = 8688;
  uint32_t first = maker.Retransmitted(row);
  maker.RetransmittedAt(first, 250 * kMillisecondNs, 2, 2896);
  maker.RetransmittedAt(first, 500 * kMillisecondNs, 2, 2896);
  maker.RetransmittedAt(first, 900 * kMillisecondNs, 2, 2896);

  row = Row(maker, nginx, "2001:db8::7", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff");
  row.kernel_stack = ack;
  row.kind = RetransmitKind::kFast;
  row.packets = row.segments = 8;
  row.bytes = 11584;
  uint32_t second = maker.Retransmitted(row);
  maker.RetransmittedAt(second, 100 * kMillisecondNs, 1, 1448);  // the others were lost
  row.failed = true;
  row.state = TcpState::kCloseWait;
  row.packets = row.segments = 2;
  row.bytes = 2896;
  maker.Retransmitted(row);
  maker.EndInterval();

  row = Row(maker, curl, "192.0.2.7", "203.0.113.9");
  row.kernel_stack = timer;
  row.kind = RetransmitKind::kSyn;
  row.state = TcpState::kSynSent;
  row.packets = row.segments = 1;
  maker.RetransmittedAt(maker.Retransmitted(row), 1500 * kMillisecondNs, 1, 0);
  maker.Lose(LossCause::kEventLost, LossSource::kTcp, 5, 0);
  maker.Lose(LossCause::kEventTimeLost, LossSource::kTcp, 7, 0);
  maker.EndInterval();
}

RunResult Of(std::vector<std::string> words) {
  CaptureMaker maker({"tcp"});
  Talk(maker);
  words.push_back(WriteTemporary("tcp.twofold", maker.Finish()));
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

TEST(Retransmits, TableHasALineForEachConnectionMostSegmentsFirst) {
  CaptureMaker maker({"tcp"});
  Talk(maker);
  std::string path = WriteTemporary("tcp.twofold", maker.Finish());
  EXPECT_EQ(RunOnTerminal({"table", "--view", "tcp", path}),
            "TCP sent again: 17 segments in 14 packets, 22.6 KiB, on 3 connections\n"
            "segments  packets     bytes   first    last  pid  process\n"
            "      10       10  14.1 KiB     0 s  1.00 s  812  nginx\n"
            "    [2001:db8::7]:443 -> [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:50000,\n"
            "    close-wait, established; fast 10, 2 not sent\n"
            "       6        3  8.48 KiB  250 ms  900 ms  812  nginx\n"
            "    192.0.2.7:443 -> 198.51.100.3:50000, established; timeout 6\n"
            "       1        1       0 B  1.50 s  1.50 s   99  curl\n"
            "    192.0.2.7:443 -> 203.0.113.9:50000, syn-sent; syn 1\n");
  RunResult result = Of({"table", "--view", "tcp"});
  EXPECT_THAT(result.output, HasSubstr(":50000, close-wait, established; fast 10, 2 not sent\n"))
      << "a pipe breaks no lines";
  EXPECT_THAT(result.words, HasSubstr("5 packets were lost while recording"));
}

TEST(Retransmits, TableForProgramsTellsEverything) {
  EXPECT_EQ(Of({"table", "--view", "tcp", "--format", "csv", "--limit", "1"}).output,
            "capture_id,pid,process,net_namespace,local,remote,states,packets,segments,bytes,"
            "first_ns,last_ns,failed_packets,timeout_segments,fast_segments,probe_segments,"
            "syn_segments,synack_segments,other_segments\r\n"
            "1,812,nginx,4026531840,[2001:db8::7]:443,"
            "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:50000,\"close-wait,established\",10,10,14480,"
            "0,1000000000,2,0,10,0,0,0,0\r\n");
  EXPECT_THAT(Of({"table", "--view", "tcp", "--format", "json", "--comm", "curl"}).output,
              HasSubstr("\"remote\": \"203.0.113.9:50000\", \"states\": \"syn-sent\""));
}

TEST(Retransmits, TableTakesFiltersAndALimit) {
  EXPECT_THAT(Of({"table", "--view", "tcp", "--kind", "syn"}).output,
              HasSubstr("1 segment in 1 packet, 0 B, on 1 connection\n"));
  RunResult result = Of({"table", "--view", "tcp", "--to", "1", "--limit", "1"});
  EXPECT_THAT(result.output, HasSubstr("16 segments in 13 packets"));
  EXPECT_THAT(result.output, Not(HasSubstr("198.51.100.3")));
  EXPECT_THAT(result.words, HasSubstr("shows the 1 of 2 connections with most segments"));
  EXPECT_THAT(result.words, Not(HasSubstr("lost")));
  CaptureMaker maker({"tcp"});
  Talk(maker);
  std::string path = WriteTemporary("tcp.twofold", maker.Finish());
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"--root", "thread"}, {"--state", "S"}, {"--of", "cpu"}, {"--focus", "x"}}) {
    std::vector<std::string> words = {"table", "--view", "tcp", options[0], options[1], path};
    EXPECT_EQ(RunTwofold(words).status, 2) << options[0];
  }
}

TEST(Retransmits, StacksBeginWithTheConnection) {
  RunResult result = Of({"fold", "--view", "tcp"});
  EXPECT_EQ(result.output,
            "[lost: event lost] 5\n"
            "curl;203.0.113.9:50000;syn-sent;syn;tcp_write_timer;tcp_retransmit_timer 1\n"
            "nginx;198.51.100.3:50000;established;timeout;tcp_write_timer;tcp_retransmit_timer 6\n"
            "nginx;[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:50000;close-wait;fast (not sent);"
            "tcp_ack;tcp_xmit_recovery 2\n"
            "nginx;[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:50000;established;fast;tcp_ack;"
            "tcp_xmit_recovery 8\n");
  EXPECT_THAT(result.words, HasSubstr("5 segments (22.7 %) were lost"));
  EXPECT_EQ(Of({"fold", "--view", "tcp", "--root", "none", "--kind", "syn,synack"}).output,
            "203.0.113.9:50000;syn-sent;syn;tcp_write_timer;tcp_retransmit_timer 1\n");
}

TEST(Retransmits, OutputsOfStacksCountSegmentsAndPackets) {
  EXPECT_EQ(Of({"export", "--format", "csv", "--view", "tcp", "--kind", "timeout"}).output,
            "segments,count,first_frame,last_frame,stack\r\n"
            "6,3,nginx,tcp_retransmit_timer,nginx;198.51.100.3:50000;established;timeout;"
            "tcp_write_timer;tcp_retransmit_timer\r\n");
  std::string json = Of({"export", "--format", "json", "--view", "tcp"}).output;
  EXPECT_THAT(json, HasSubstr("\"unit\": \"segments\""));
  EXPECT_THAT(json, HasSubstr("{\"name\": \"198.51.100.3:50000\", \"kind\": \"fact\"}"));
  std::string svg = Of({"flame", "--view", "tcp"}).output;
  EXPECT_THAT(svg, HasSubstr("tcp view: 22 segments in a window of 2.00 s"));
  EXPECT_THAT(svg, HasSubstr(">connection</text>"));
  EXPECT_THAT(Of({"table", "--view", "top", "--of", "tcp"}).output,
              HasSubstr("Functions of the view tcp, 22 segments in all"));
}

TEST(Retransmits, InfoAddsThemUp) {
  EXPECT_THAT(Of({"info"}).output,
              HasSubstr("\nTCP\n"
                        "  sent again    17 segments in 14 packets, 22.6 KiB, on 3 connections\n"
                        "  not sent      2 packets\n"
                        "  segments by   fast 10, timeout 6, syn 1\n"));
}

TEST(Retransmits, TextsCannotCommandATerminal) {
  CaptureMaker maker({"tcp"});
  RetransmitRow row = Row(maker, maker.AddThread("\x1b[31mred", 1), "\x1b]0;x\x07", "a;b");
  row.packets = row.segments = 1;
  maker.Retransmitted(row);
  maker.EndInterval();
  std::string path = WriteTemporary("hostile.twofold", maker.Finish());
  for (const char* command : {"table", "fold", "flame"}) {
    RunResult result = RunTwofold({command, "--view", "tcp", path});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output.find('\x1b'), std::string::npos) << command;
  }
  EXPECT_EQ(RunTwofold({"fold", "--view", "tcp", path}).output,
            "\\x1b[31mred;a\\x3bb:50000;established;timeout 1\n");
}

TEST(Retransmits, SumsThatNoHostHasAreErrors) {
  std::vector<std::string> paths;
  for (int64_t start_s : {1, 2}) {
    CaptureMaker maker({"tcp"});
    maker.recording().start_realtime_ns = start_s;
    RetransmitRow row = Row(maker, maker.AddThread("x", 1), "192.0.2.1", "192.0.2.2");
    row.packets = row.segments = row.bytes = INT64_MAX;
    maker.Retransmitted(row);
    maker.EndInterval();
    paths.push_back(WriteTemporary("huge" + std::to_string(start_s) + ".twofold", maker.Finish()));
    EXPECT_EQ(RunTwofold({"table", "--view", "tcp", paths.back()}).status, 0);
  }
  std::string both = TemporaryPath("huge-tcp.twofold");
  ASSERT_EQ(RunTwofold({"merge", "-o", both, paths[0], paths[1]}).status, 0);
  for (const char* command : {"table", "fold"}) {
    RunResult result = RunTwofold({command, "--view", "tcp", both});
    EXPECT_EQ(result.status, 1) << command;
    EXPECT_THAT(result.words, HasSubstr("huge-tcp.twofold")) << command;
  }
}

TEST(Retransmits, SqlHasThePacketsOneByOne) {
  CaptureMaker maker({"tcp"});
  Talk(maker);
  std::string path = WriteTemporary("tcp-sql.twofold", maker.Finish());
  std::string database = TemporaryPath("tcp.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, path, path}).status, 0);
  const std::string query =
      "SELECT retransmit.remote_address, time_ns / 1000000 AS ms, retransmit_event.segments FROM"
      " retransmit_event JOIN retransmit USING (retransmit_id) JOIN interval USING (interval_id)"
      " WHERE capture_id = (SELECT max(capture_id) FROM capture) ORDER BY time_ns";
  for (const std::string& input : {path, database}) {
    EXPECT_EQ(RunTwofold({"sql", "--format", "csv", input, query}).output,
              "remote_address,ms,segments\r\n"
              "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff,100,1\r\n"
              "198.51.100.3,250,2\r\n198.51.100.3,500,2\r\n198.51.100.3,900,2\r\n"
              "203.0.113.9,1500,1\r\n");
  }
}

TEST(Retransmits, CaptureWithoutThemSaysHowToRecordThem) {
  CaptureMaker maker;
  maker.EndInterval();
  std::string path = WriteTemporary("no-tcp.twofold", maker.Finish());
  for (const char* command : {"table", "fold"}) {
    RunResult result = RunTwofold({command, "--view", "tcp", path});
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.words, HasSubstr("--record tcp"));
  }
}

}  // namespace
}  // namespace twofold::testing
