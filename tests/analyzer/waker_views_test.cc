// The views wakeup, offwake and chain, by hand-computed captures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdio>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMs = kMillisecondNs;

RunResult RunFold(const std::string& capture, std::vector<std::string> options) {
  std::string path = WriteTemporary("wakers.twofold", capture);
  options.insert(options.begin(), "fold");
  options.push_back(path);
  return RunTwofold(options);
}

std::string Fold(const std::string& capture, const std::string& view,
                 std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"--view", view});
  RunResult result = RunFold(capture, options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

// gzip waits for tar, tar for a disk, whose interrupt came while a burner ran: the burner is not in
// the capture's wakers. In one interval, and all in whole milliseconds:
//
//   gzip  read   70 ms  woken by tar's write; tar had been woken by the disk's interrupt
//   gzip  read    5 ms  woken by tar's write; not known what had woken tar
//   gzip  sleep   4 ms  woken by a timer
//   gzip  read    3 ms  not known by what
//   gzip  wait    2 ms  still blocked at the end
//   tar   read   20 ms  woken by the disk's interrupt
//   tar   write   1 ms  woken by gzip's kernel code alone
std::string Pipe() {
  CaptureMaker maker;
  maker.recording().settings.wakers = 8;
  ThreadId tar = maker.AddThread("tar", 10, "tar-main");
  ThreadId gzip = maker.AddThread("gzip", 20, "gzip-main");
  ThreadId burner = maker.AddThread("burner", 30);
  WakerId disk = maker.Interrupt(WakerKind::kHardIrq, maker.Stack({"k:irq", "k:end_io"}));
  WakerId timer = maker.Interrupt(WakerKind::kTimer, maker.Stack({"k:hrtimer_wakeup"}));
  WakerId writer =
      maker.Task(tar, maker.Stack({"main", "dump"}), maker.Stack({"k:sys_write", "k:pipe_write"}));
  WakerId reader = maker.Task(gzip, StackId(), maker.Stack({"k:pipe_read"}));
  StackId user = maker.Stack({"main", "deflate"});
  StackId kernel = maker.Stack({"k:sys_read", "k:pipe_wait"});
  auto block = [&](ThreadId thread, StackId user_stack, StackId kernel_stack, uint64_t time_ms,
                   ChainId chain, uint8_t parts = 0,
                   BlockState state = BlockState::kInterruptible) {
    maker.AddBlocked({.thread = thread,
                      .state = state,
                      .kernel_stack = kernel_stack,
                      .user_stack = user_stack,
                      .time_ns = time_ms * kMs,
                      .count = 1,
                      .parts = parts,
                      .chain = chain});
  };
  block(gzip, user, kernel, 70, maker.Chain({writer, disk}));
  block(gzip, user, kernel, 5, maker.Chain({writer}));
  block(gzip, maker.Stack({"main", "sleep"}), StackId(), 4, maker.Chain({timer}));
  block(gzip, user, kernel, 3, ChainId());
  block(gzip, maker.Stack({"main", "wait"}), StackId(), 2, ChainId(), kOpenAtEnd);
  block(tar, maker.Stack({"main", "fill"}), maker.Stack({"k:io_schedule"}), 20, maker.Chain({disk}),
        0, BlockState::kUninterruptible);
  block(tar, maker.Stack({"main", "dump"}), StackId(), 1, maker.Chain({reader}));
  maker.Cpu(burner, maker.Stack({"burn"}), StackId(), 90);
  maker.EndInterval();
  return maker.Finish();
}

TEST(Wakeup, ShowsTheWakersStacks) {
  EXPECT_EQ(Fold(Pipe(), "wakeup"),
            "[hardirq];irq;end_io 20000\n"
            "[still blocked] 2000\n"
            "[timer];hrtimer_wakeup 4000\n"
            "[waker unknown] 3000\n"
            "gzip;pipe_read 1000\n"
            "tar;main;dump;sys_write;pipe_write 75000\n");
}

TEST(Wakeup, FirstFrameIsTheWakersProcessThreadOrNone) {
  EXPECT_THAT(Fold(Pipe(), "wakeup", {"--root", "thread"}),
              HasSubstr("tar-main;main;dump;sys_write;pipe_write 75000\n"));
  EXPECT_EQ(Fold(Pipe(), "wakeup", {"--root", "none"}),
            "[hardirq];irq;end_io 20000\n"
            "[still blocked] 2000\n"
            "[timer];hrtimer_wakeup 4000\n"
            "[waker unknown] 3000\n"
            "main;dump;sys_write;pipe_write 75000\n"
            "pipe_read 1000\n");
}

TEST(Offwake, ShowsTheSleeperAndTheFirstWakerUpsideDown) {
  EXPECT_EQ(Fold(Pipe(), "offwake"),
            "gzip;main;deflate;sys_read;pipe_wait;--;[waker unknown] 3000\n"
            "gzip;main;deflate;sys_read;pipe_wait;--;pipe_write;sys_write;dump;main;tar 75000\n"
            "gzip;main;sleep;--;hrtimer_wakeup;[timer] 4000\n"
            "gzip;main;wait;--;[still blocked] 2000\n"
            "tar;main;dump;--;pipe_read;gzip 1000\n"
            "tar;main;fill;io_schedule;--;end_io;irq;[hardirq] 20000\n");
}

TEST(Offwake, RootsNameSleeperAndWakerAlike) {
  EXPECT_THAT(Fold(Pipe(), "offwake", {"--root", "thread"}),
              HasSubstr("gzip-main;main;deflate;sys_read;pipe_wait;--;pipe_write;sys_write;dump;"
                        "main;tar-main 75000\n"));
  EXPECT_EQ(Fold(Pipe(), "offwake", {"--root", "none"}),
            "main;deflate;sys_read;pipe_wait;--;[waker unknown] 3000\n"
            "main;deflate;sys_read;pipe_wait;--;pipe_write;sys_write;dump;main 75000\n"
            "main;dump;--;pipe_read 1000\n"
            "main;fill;io_schedule;--;end_io;irq;[hardirq] 20000\n"
            "main;sleep;--;hrtimer_wakeup;[timer] 4000\n"
            "main;wait;--;[still blocked] 2000\n");
}

TEST(Chain, ShowsEveryWaker) {
  EXPECT_EQ(Fold(Pipe(), "chain"),
            "gzip;main;deflate;sys_read;pipe_wait;--;[waker unknown] 3000\n"
            "gzip;main;deflate;sys_read;pipe_wait;--;pipe_write;sys_write;dump;main;tar 5000\n"
            "gzip;main;deflate;sys_read;pipe_wait;--;pipe_write;sys_write;dump;main;tar;"
            "--;end_io;irq;[hardirq] 70000\n"
            "gzip;main;sleep;--;hrtimer_wakeup;[timer] 4000\n"
            "gzip;main;wait;--;[still blocked] 2000\n"
            "tar;main;dump;--;pipe_read;gzip 1000\n"
            "tar;main;fill;io_schedule;--;end_io;irq;[hardirq] 20000\n");
}

TEST(WakerViews, NeverNameWhoAnInterruptInterrupted) {
  for (const char* view : {"wakeup", "offwake", "chain"}) {
    EXPECT_THAT(Fold(Pipe(), view), Not(HasSubstr("burner"))) << view;
  }
}

TEST(WakerViews, HaveTheSameTotalAsOffcpu) {
  for (const char* view : {"offcpu", "wakeup", "offwake", "chain"}) {
    std::string text = Fold(Pipe(), view);
    uint64_t total_us = 0;
    for (size_t end = 0; (end = text.find('\n', end)) != std::string::npos; ++end) {
      total_us += std::stoull(text.substr(text.rfind(' ', end) + 1));
    }
    EXPECT_EQ(total_us, 105000u) << view;
  }
}

TEST(WakerViews, FiltersChooseTheSleeper) {
  EXPECT_EQ(Fold(Pipe(), "wakeup", {"--comm", "tar"}),
            "[hardirq];irq;end_io 20000\ngzip;pipe_read 1000\n");
  EXPECT_EQ(Fold(Pipe(), "offwake", {"--state", "D"}),
            "tar;main;fill;io_schedule;--;end_io;irq;[hardirq] 20000\n");
  EXPECT_EQ(Fold(Pipe(), "chain", {"--pid", "10", "--state", "S"}),
            "tar;main;dump;--;pipe_read;gzip 1000\n");
}

TEST(WakerViews, PartsOfABlockShareTheWakerOfItsEnd) {
  CaptureMaker maker;
  maker.recording().settings.wakers = 1;
  ThreadId sleeper = maker.AddThread("sleeper", 1);
  WakerId timer = maker.Interrupt(WakerKind::kTimer, StackId());
  StackId stack = maker.Stack({"nap"});
  auto part = [&](uint8_t parts, ChainId chain) {
    maker.AddBlocked({.thread = sleeper,
                      .state = BlockState::kInterruptible,
                      .user_stack = stack,
                      .time_ns = 1000,
                      .parts = parts,
                      .chain = chain});
    maker.EndInterval();
  };
  part(kOpenAtEnd, ChainId());
  part(kBegunBefore | kOpenAtEnd, ChainId());
  part(kBegunBefore, maker.Chain({timer}));
  part(kOpenAtEnd, ChainId());
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture, "offwake"),
            "sleeper;nap;--;[still blocked] 1\nsleeper;nap;--;[timer] 3\n");
  EXPECT_EQ(Fold(capture, "offwake", {"--to", "1"}), "sleeper;nap;--;[timer] 1\n");
  EXPECT_EQ(Fold(capture, "wakeup"), "[still blocked] 1\n[timer] 3\n");
}

TEST(WakerViews, LostAndUnplacedTimeHaveFramesOfTheirOwn) {
  CaptureMaker maker;
  maker.recording().settings.wakers = 1;
  ThreadId thread = maker.AddThread("a", 1);
  maker.interval().quantum_ns = kMs;
  maker.AddAccount({.thread = thread, .existed_ns = 2 * kMs, .blocked_ns = {2 * kMs}});
  maker.EndInterval();
  maker.Lose(LossCause::kMapBusy, LossSource::kOffCpu, 1, 3 * kMs);
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture, "wakeup"), "[lost: map busy] 3000\n[not sampled] 2000\n");
  for (const char* view : {"offwake", "chain"}) {
    EXPECT_EQ(Fold(capture, view), "[lost: map busy] 3000\na;[not sampled] 2000\n");
  }
}

TEST(WakerViews, EqualTextsMergeAcrossParts) {
  // Two wakers at other addresses; a sleeper whose own frames are called like a waker's.
  CaptureMaker maker;
  maker.recording().settings.wakers = 1;
  ThreadId sleeper = maker.AddThread("s", 1);
  ThreadId waker = maker.AddThread("w", 2);
  auto block = [&](StackId stack, ChainId chain) {
    maker.AddBlocked({.thread = sleeper,
                      .state = BlockState::kInterruptible,
                      .user_stack = stack,
                      .time_ns = 1000,
                      .chain = chain});
  };
  block(maker.Stack({"f"}), maker.Chain({maker.Task(waker, maker.Stack({"g", "h"}), StackId())}));
  block(maker.Stack({"f"}),
        maker.Chain({maker.Task(waker, maker.Stack({"g"}), maker.Stack({"k:h"}))}));
  block(maker.Stack({"f", "--", "h", "g"}), maker.Chain({maker.Task(waker, StackId(), StackId())}));
  // The same frames, parted between sleeper and waker in two ways.
  block(maker.Stack({"f", "--"}), maker.Chain({maker.Task(waker, maker.Stack({"x"}), StackId())}));
  block(maker.Stack({"f"}), maker.Chain({maker.Task(waker, maker.Stack({"x", "--"}), StackId())}));
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), "offwake"),
            "s;f;--;h;g;w 2\ns;f;--;--;x;w 2\ns;f;--;h;g;--;w 1\n");
}

TEST(WakerViews, CapturesWithoutWakersAreAnErrorWithTheWayOut) {
  CaptureMaker maker;
  maker.EndInterval();
  std::string capture = maker.Finish();
  const std::pair<const char*, const char*> cases[] = {
      {"wakeup", "--wakers 1"}, {"offwake", "--wakers 1"}, {"chain", "--wakers 8"}};
  for (const auto& [view, words] : cases) {
    RunResult result = RunFold(capture, {"--view", view});
    EXPECT_EQ(result.status, 1) << view;
    EXPECT_EQ(result.output, "") << view;
    EXPECT_THAT(result.words, HasSubstr(words)) << view;
  }
  CaptureMaker cpu({"cpu"});
  cpu.EndInterval();
  EXPECT_THAT(RunFold(cpu.Finish(), {"--view", "offwake"}).words, HasSubstr("--record offcpu"));
}

TEST(Chain, SaysWhenNoMoreThanOneWakerWasAskedFor) {
  auto words = [](uint32_t wakers) {
    CaptureMaker maker;
    maker.recording().settings.wakers = wakers;
    maker.EndInterval();
    return RunFold(maker.Finish(), {"--view", "chain"}).words;
  };
  EXPECT_THAT(words(1), HasSubstr("--wakers 8"));
  EXPECT_THAT(words(4), Not(HasSubstr("--wakers")));
}

TEST(WakerViews, SqlHasWakersAndChains) {
  std::string path = WriteTemporary("wakers.twofold", Pipe());
  auto query = [&](const std::string& sql) {
    RunResult result = RunTwofold({"sql", "--csv", path, sql});
    EXPECT_EQ(result.status, 0) << result.words;
    return result.output;
  };
  EXPECT_EQ(query("SELECT waker_kind, process.name, sum(value_us) AS us FROM wakeup"
                  " LEFT JOIN process ON process.process_id = waker_process_id"
                  " GROUP BY 1, 2 ORDER BY us DESC"),
            "waker_kind,name,us\r\n"
            "task,tar,75000.0\r\n"
            "hardirq,,20000.0\r\n"
            ",,5000.0\r\n"
            "timer,,4000.0\r\n"
            "task,gzip,1000.0\r\n");
  EXPECT_EQ(query("SELECT position, kind, name FROM chain_wakers WHERE chain_id ="
                  " (SELECT chain_id FROM blocked WHERE time_ns = 70000000) ORDER BY 1"),
            "position,kind,name\r\n0,task,tar-main\r\n1,hardirq,[hardirq]\r\n");
}

TEST(WakerViews, RowsThatReferToNothingAreErrorsNotCrashes) {
  std::string capture = WriteTemporary("wakers.twofold", Pipe());
  for (const char* sql :
       {"UPDATE chain SET next_chain_id = chain_id", "UPDATE chain SET next_chain_id = 4000",
        "UPDATE chain SET waker_id = 4000", "UPDATE chain SET waker_id = NULL",
        "UPDATE waker SET thread_id = 12345 WHERE kind = 'task'",
        "UPDATE waker SET thread_id = -1 WHERE kind = 'task'",
        "UPDATE waker SET kernel_stack_id = 4000000000", "UPDATE waker SET user_stack_id = -7",
        "UPDATE waker SET waker_id = waker_id + 9", "DELETE FROM chain", "DELETE FROM waker",
        "UPDATE blocked SET chain_id = 77", "UPDATE blocked SET chain_id = -1",
        "UPDATE blocked SET scaled_ns = -1"}) {
    std::string path = TemporaryPath("tampered-wakers.db");
    std::remove(path.c_str());
    ASSERT_EQ(RunTwofold({"load", "-o", path, capture}).status, 0);
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
    std::string statements = std::string("PRAGMA foreign_keys = OFF; ") + sql;
    EXPECT_EQ(sqlite3_exec(handle, statements.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
    for (const char* view : {"wakeup", "offwake", "chain"}) {
      RunResult result = RunTwofold({"fold", "--view", view, path});
      EXPECT_EQ(result.status, 1) << view << " " << sql << "\n" << result.output;
      EXPECT_EQ(result.output, "") << sql;
      EXPECT_THAT(result.words, HasSubstr("tampered-wakers.db")) << sql;
    }
  }
}

// A picture shows the waker's frames in a colour and with words of their own.
TEST(WakerViews, PicturesTellWakersFromSleepers) {
  std::string path = WriteTemporary("wakers.twofold", Pipe());
  std::string svg = RunTwofold({"flame", "--view", "offwake", path}).output;
  EXPECT_THAT(svg, HasSubstr(">its waker</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>pipe_write\n75.0 ms, 71.4 %\nof the waker"));
  auto fill = [&](const std::string& title) {
    size_t at = svg.find("<title>" + title + "\n");
    EXPECT_NE(at, std::string::npos) << title;
    return svg.substr(svg.find("fill=\"#", at) + 6, 7);
  };
  auto red_minus_blue = [](const std::string& c) {
    return std::stoi(c.substr(1, 2), nullptr, 16) - std::stoi(c.substr(5, 2), nullptr, 16);
  };
  // Cool for the sleeper, another hue for the waker.
  EXPECT_LT(red_minus_blue(fill("pipe_wait")), 0);
  EXPECT_GT(red_minus_blue(fill("pipe_write")), 40);
  svg = RunTwofold({"flame", "--view", "offcpu", path}).output;
  EXPECT_THAT(svg, Not(HasSubstr("its waker")));
}

}  // namespace
}  // namespace twofold::testing
