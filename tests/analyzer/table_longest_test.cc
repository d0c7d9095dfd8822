// twofold table --view longest, against exemplars that are made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMs = kMillisecondNs;

// gzip reads from tar for 400 ms; a worker wakes tar, and a timer the worker. tar waits for the
// disk twice, for 90 ms and since before the start. gzip is preempted for 30 ms.
std::string Relay() {
  CaptureMaker maker;
  ThreadId tar = maker.AddThread("tar", 100);
  ThreadId gzip = maker.AddThread("gzip", 200, "gz;io", 201);
  ThreadId worker = maker.AddThread("kworker/0:1", 7);
  StackId read = maker.Stack({"k:vfs_read", "k:pipe_read", "k:schedule"});
  StackId user = maker.Stack({"main", "read_all"});
  StackId disk = maker.Stack({"k:vfs_read", "k:filemap_read", "k:io_schedule"});
  DefinitionsBuilder& definitions = maker.definitions();
  Waker timer{WakerKind::kTimer, ThreadId(),
              maker.Stack({"k:__hrtimer_run_queues", "k:hrtimer_wakeup"}), StackId()};
  Waker by_worker{
      WakerKind::kTask, worker,
      maker.Stack({"k:worker_thread", "k:blk_done", "k:__wake_up_common", "k:try_to_wake_up"}),
      StackId()};
  Waker by_tar{WakerKind::kTask, tar, maker.Stack({"k:vfs_write", "k:pipe_write"}),
               maker.Stack({"main", "write_all"})};
  ChainId end = definitions.InternChain(ChainId(), definitions.InternWaker(timer));
  ChainId middle = definitions.InternChain(end, definitions.InternWaker(by_worker));
  ChainId chain = definitions.InternChain(middle, definitions.InternWaker(by_tar));
  Exemplar block;
  block.kind = ExemplarKind::kInterruptible;
  block.thread = gzip;
  block.state = BlockState::kInterruptible;
  block.start_ns = 100 * kMs + 1234;
  block.end_ns = 500 * kMs + 1234;
  block.cpu = 3;
  block.kernel_stack = read;
  block.user_stack = user;
  block.chain = chain;
  Exemplar first_read;
  first_read.kind = ExemplarKind::kUninterruptible;
  first_read.thread = tar;
  first_read.state = BlockState::kUninterruptible;
  first_read.end_ns = 50 * kMs;
  first_read.kernel_stack = disk;
  first_read.chain = end;
  maker.interval().exemplars = {block, first_read};
  maker.EndInterval();
  Exemplar wait;
  wait.kind = ExemplarKind::kWaiting;
  wait.thread = gzip;
  wait.preempted = true;
  wait.start_ns = 1000 * kMs;
  wait.end_ns = 1030 * kMs;
  wait.cpu = 1;
  wait.user_stack = user;
  Exemplar second_read = first_read;
  second_read.start_ns = 1910 * kMs;
  second_read.end_ns = 2000 * kMs;
  second_read.open = true;
  second_read.chain = ChainId();
  maker.interval().exemplars = {wait, second_read};
  maker.EndInterval();
  return maker.Finish();
}

std::string Table(const std::string& capture, std::vector<std::string> options) {
  std::string path = WriteTemporary("longest.twofold", capture);
  options.insert(options.begin(), {"table", "--view", "longest"});
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

TEST(TableLongest, TellsWhoWaitedForWhatAndWhatEndedIt) {
  EXPECT_EQ(Table(Relay(), {}),
            "Blocked, could not be interrupted (D)\n"
            "1.  90.0 ms (disk, D) at 1.910000 s, not over: tar (pid 100)\n"
            "    kernel   io_schedule < filemap_read < vfs_read\n"
            "2.  50.0 ms (disk, D) from before the start: tar (pid 100)\n"
            "    kernel   io_schedule < filemap_read < vfs_read\n"
            "    woken by [timer]: hrtimer_wakeup < __hrtimer_run_queues\n"
            "\n"
            "Blocked, asleep or stopped\n"
            "1.  400 ms (pipe, S) at 0.100001 s: gz;io (pid 200, tid 201)\n"
            "    kernel   pipe_read < vfs_read\n"
            "    user     read_all < main\n"
            "    woken by tar (100): pipe_write < vfs_write\n"
            "      after  kworker/0:1 (7): blk_done < worker_thread\n"
            "      after  [timer]: hrtimer_wakeup < __hrtimer_run_queues\n"
            "\n"
            "Waiting for a CPU\n"
            "1.  30.0 ms (preempted) at 1.000000 s: gz;io (pid 200, tid 201)\n"
            "    user     read_all < main\n");
}

TEST(TableLongest, JsonHasWholeStacksAndTheWholeChain) {
  EXPECT_EQ(Table(Relay(), {"--format", "json", "--tid", "201", "--to", "1"}),
            "[\n"
            "{\"capture_id\": 1, \"kind\": \"interruptible\", \"time_ns\": 400000000, "
            "\"start_ns\": 100001234, \"end_ns\": 500001234, \"is_open\": 0, \"pid\": 200, "
            "\"tid\": 201, \"process\": \"gzip\", \"thread\": \"gz;io\", \"state\": \"S\", "
            "\"waited_for\": \"pipe\", \"preempted\": null, \"cpu\": 3, \"interval\": 0, "
            "\"kernel_stack\": [\"vfs_read\", \"pipe_read\", \"schedule\"], "
            "\"user_stack\": [\"main\", \"read_all\"], \"wakers\": ["
            "{\"kind\": \"task\", \"name\": \"tar\", \"pid\": 100, \"tid\": 100, "
            "\"process\": \"tar\", \"kernel_stack\": [\"vfs_write\", \"pipe_write\"], "
            "\"user_stack\": [\"main\", \"write_all\"]}, "
            "{\"kind\": \"task\", \"name\": \"kworker/0:1\", \"pid\": 7, \"tid\": 7, "
            "\"process\": \"kworker/0:1\", \"kernel_stack\": [\"worker_thread\", \"blk_done\", "
            "\"__wake_up_common\", \"try_to_wake_up\"], \"user_stack\": []}, "
            "{\"kind\": \"timer\", \"name\": \"[timer]\", \"pid\": null, \"tid\": null, "
            "\"process\": null, \"kernel_stack\": [\"__hrtimer_run_queues\", \"hrtimer_wakeup\"], "
            "\"user_stack\": []}]}\n"
            "]\n");
}

TEST(TableLongest, CsvFoldsStacksAndChains) {
  EXPECT_EQ(Table(Relay(), {"--format", "csv", "--comm", "gz*"}),
            "capture_id,kind,time_ns,start_ns,end_ns,is_open,pid,tid,process,thread,state,"
            "waited_for,preempted,cpu,interval,kernel_stack,user_stack,wakers\r\n"
            "1,interruptible,400000000,100001234,500001234,0,200,201,gzip,gz;io,S,pipe,,3,0,"
            "vfs_read;pipe_read;schedule,main;read_all,pipe_write;vfs_write;write_all;main;tar;"
            "--;try_to_wake_up;__wake_up_common;blk_done;worker_thread;kworker/0:1;"
            "--;hrtimer_wakeup;__hrtimer_run_queues;[timer]\r\n"
            "1,waiting,30000000,1000000000,1030000000,0,200,201,gzip,gz;io,R,,1,1,1,,"
            "main;read_all,\r\n");
}

TEST(TableLongest, LimitCountsEachKindOverTheWholeWindow) {
  std::string text = Table(Relay(), {"--limit", "1"});
  EXPECT_THAT(text, HasSubstr("1.  90.0 ms (disk, D)"));
  EXPECT_EQ(text.find("50.0 ms"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("1.  400 ms"));
  EXPECT_THAT(text, HasSubstr("1.  30.0 ms"));
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (uint64_t i = 1; i <= 20; ++i) {
    Exemplar block;
    block.kind = ExemplarKind::kInterruptible;
    block.thread = thread;
    block.state = BlockState::kInterruptible;
    block.start_ns = 1;
    block.end_ns = 1 + i * kMs;
    maker.interval().exemplars.push_back(block);
  }
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_THAT(Table(capture, {}), HasSubstr("\n16. 5.00 ms (unknown, S) at 0.000000 s: a (pid 1)"));
  EXPECT_EQ(Table(capture, {}).find("\n17."), std::string::npos);
  EXPECT_THAT(Table(capture, {"--limit", "0"}), HasSubstr("\n20. 1.00 ms"));
}

TEST(TableLongest, LimitIsAWholeNumber) {
  for (const char* limit : {"0.5", "-1", "many", ""}) {
    RunResult result = RunTwofold({"table", "--view", "longest", "--limit", limit, "x.twofold"});
    EXPECT_EQ(result.status, 2) << limit;
    EXPECT_THAT(result.words, HasSubstr("--limit")) << limit;
  }
}

TEST(TableLongest, IdleWorkersComeLastOfTheirKind) {
  CaptureMaker maker;
  ThreadId idle = maker.AddThread("idle", 1);
  ThreadId busy = maker.AddThread("busy", 2);
  Exemplar block;
  block.kind = ExemplarKind::kInterruptible;
  block.state = BlockState::kInterruptible;
  block.thread = idle;
  block.kernel_stack = maker.Stack({"k:kthread", "k:worker_thread", "k:schedule"});
  block.start_ns = 1;
  block.end_ns = 1 + 900 * kMs;
  maker.interval().exemplars = {block};
  block.thread = busy;
  block.kernel_stack = maker.Stack({"k:vfs_read", "k:pipe_read", "k:schedule"});
  for (uint64_t time_ms : {1, 2}) {
    block.end_ns = 1 + time_ms * kMs;
    maker.interval().exemplars.push_back(block);
  }
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Table(capture, {}),
            "Blocked, asleep or stopped\n"
            "1.  2.00 ms (pipe, S) at 0.000000 s: busy (pid 2)\n"
            "    kernel   pipe_read < vfs_read\n"
            "2.  1.00 ms (pipe, S) at 0.000000 s: busy (pid 2)\n"
            "    kernel   pipe_read < vfs_read\n"
            "3.  900 ms (idle-worker, S) at 0.000000 s: idle (pid 1)\n"
            "    kernel   worker_thread < kthread\n");
  EXPECT_EQ(Table(capture, {"--limit", "2"}).find("idle"), std::string::npos);
}

TEST(TableLongest, UsersFunctionsTellKinds) {
  std::string path = WriteTemporary("tape.txt", "network filemap_read instead of disk\n");
  EXPECT_THAT(Table(Relay(), {"--wait-kinds", path, "--pid", "100"}),
              HasSubstr("90.0 ms (network, D)"));
}

TEST(TableLongest, NothingThereIsSaidAndNoError) {
  CaptureMaker maker;
  maker.AddThread("a", 1);
  maker.EndInterval();
  std::string path = WriteTemporary("none.twofold", maker.Finish());
  RunResult result = RunTwofold({"table", "--view", "longest", "--format", "json", path});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "[]\n");
  EXPECT_EQ(result.words, "twofold: the capture holds no longest blocks and waits\n");
}

TEST(TableLongest, NamesAndLongStacksFitIn80Columns) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("\x1b[2J" + std::string(60, 'x'), 4194304, "", 4194303);
  std::vector<std::string> frames;
  for (int i = 0; i < 100; ++i) frames.push_back("k:a_function_" + std::to_string(i));
  StackId kernel = maker.Stack(frames);
  StackId user = maker.Stack({"main", std::string(200, 'u') + "\x1b"});
  Waker waker{WakerKind::kTask, thread, kernel, user};
  ChainId chain =
      maker.definitions().InternChain(ChainId(), maker.definitions().InternWaker(waker));
  Exemplar block;
  block.kind = ExemplarKind::kInterruptible;
  block.thread = thread;
  block.state = BlockState::kInterruptible;
  block.start_ns = 1;
  block.end_ns = 365 * 86400 * kSecondNs;
  block.open = true;
  block.kernel_stack = kernel;
  block.user_stack = user;
  block.chain = chain;
  maker.interval().exemplars = {block};
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_THAT(Table(capture, {}), HasSubstr(" < a_function_0\n")) << "a pipe cuts nothing";
  std::string text =
      RunOnTerminal({"table", "--view", "longest", WriteTemporary("wide.twofold", capture)});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("    kernel   a_function_99 < a_function_98 < a_function_97 < "));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
}

TEST(TableLongest, TheSameFromADatabase) {
  std::string capture = WriteTemporary("same_longest.twofold", Relay());
  std::string database = TemporaryPath("same_longest.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, capture}).status, 0);
  for (const char* format : {"table", "csv", "json"}) {
    EXPECT_EQ(RunTwofold({"table", "--view", "longest", "--format", format, database}).output,
              RunTwofold({"table", "--view", "longest", "--format", format, capture}).output);
  }
}

}  // namespace
}  // namespace twofold::testing
