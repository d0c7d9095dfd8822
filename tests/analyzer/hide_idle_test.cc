// Where threads wait, and --hide-idle: with stacks as kernels, C libraries and well-known programs
// give them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/waits/wait_places.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMs = kMillisecondNs;

struct Stack {
  std::vector<std::string_view> kernel;  // innermost first
  std::vector<std::string_view> user;

  std::vector<WaitFunction> Functions() const {
    std::vector<WaitFunction> functions;
    for (std::string_view name : kernel) functions.push_back({name, true});
    for (std::string_view name : user) functions.push_back({name, false});
    return functions;
  }
};

WaitPlaces& Known() {
  static WaitPlaces places = std::move(WaitPlaces::Load()).value();
  return places;
}

std::string Place(const Stack& stack) {
  std::vector<WaitFunction> functions = stack.Functions();
  size_t place = Known().PlaceOf(functions);
  return place == WaitPlaces::npos ? "nowhere" : std::string(functions[place].name);
}

std::string Idle(const Stack& stack) {
  IdleKind kind = Known().IdleOf(stack.Functions());
  return kind == IdleKind::kNone ? "no" : std::string(NameOf(kind));
}

const std::vector<std::string_view> kFutex = {
    "__schedule", "schedule",        "futex_wait_queue", "futex_wait",
    "do_futex",   "__x64_sys_futex", "do_syscall_64",    "entry_SYSCALL_64_after_hwframe"};
const std::vector<std::string_view> kEpoll = {"schedule",
                                              "schedule_hrtimeout_range_clock",
                                              "ep_poll",
                                              "do_epoll_wait",
                                              "__x64_sys_epoll_wait",
                                              "do_syscall_64",
                                              "entry_SYSCALL_64_after_hwframe"};

TEST(WaitPlaces, ThePlaceIsTheInnermostFunctionThatIsNoMachinery) {
  EXPECT_EQ(Place({{"__schedule", "schedule", "pipe_read", "vfs_read"}, {"read", "main"}}),
            "pipe_read");
  EXPECT_EQ(Place({kFutex, {"__lll_lock_wait", "pthread_mutex_lock", "take_job", "main"}}),
            "take_job");
  EXPECT_EQ(Place({kFutex,
                   {"__futex_abstimed_wait_common", "pthread_cond_wait@@GLIBC_2.3.2",
                    "std::condition_variable::wait", "Pool::Next", "main"}}),
            "Pool::Next");
  EXPECT_EQ(Place({kEpoll, {"epoll_wait", "WaitEventSetWaitBlock", "WaitLatch", "ProcSleep"}}),
            "ProcSleep");
  EXPECT_EQ(Place({{"schedule", "schedule_preempt_disabled", "__mutex_lock.constprop.0",
                    "ext4_file_write_iter"},
                   {}}),
            "ext4_file_write_iter");
  EXPECT_EQ(Place({{"el0t_64_sync", "el0_svc"}, {}}), "el0t_64_sync") << "nothing else is there";
}

TEST(WaitPlaces, WhereAllIsMachineryItsOutermostPartIsThePlace) {
  EXPECT_EQ(Place({kFutex, {}}), "do_futex");
  EXPECT_EQ(Place({kFutex, {"__futex_abstimed_wait_common"}}), "__futex_abstimed_wait_common");
  EXPECT_EQ(Place({{}, {}}), "nowhere");
}

TEST(WaitPlaces, WaitingForWorkIsToldByThePlaceThatWaits) {
  EXPECT_EQ(Idle({{"schedule", "worker_thread", "kthread", "ret_from_fork"}, {}}),
            "kernel threads");
  EXPECT_EQ(Idle({{"schedule", "do_nanosleep", "hrtimer_nanosleep"}, {"clock_nanosleep", "main"}}),
            "timers");
  EXPECT_EQ(Idle({kEpoll, {"epoll_wait", "my_loop", "main"}}), "events");
  EXPECT_EQ(Idle({{"schedule", "inet_csk_accept", "inet_accept"}, {"accept", "main"}}), "events");
  EXPECT_EQ(Idle({kFutex,
                  {"__futex_abstimed_wait_common", "Unsafe_Park",
                   "java.util.concurrent.locks.LockSupport.park",
                   "java.util.concurrent.LinkedBlockingQueue.take",
                   "java.util.concurrent.ThreadPoolExecutor.getTask"}}),
            "pools");
}

TEST(WaitPlaces, WhatWaitsForSomethingInParticularIsNotIdle) {
  EXPECT_EQ(Idle({kFutex, {"__lll_lock_wait", "pthread_mutex_lock", "work", "main"}}), "no");
  EXPECT_EQ(Idle({kFutex, {"pthread_cond_wait", "wait_for_answer", "main"}}), "no");
  EXPECT_EQ(Idle({{"io_schedule", "folio_wait_bit_common", "filemap_read"}, {"read"}}), "no");
  EXPECT_EQ(Idle({{"schedule", "pipe_read", "vfs_read"}, {"read", "main"}}), "no");
  EXPECT_EQ(Idle({{"schedule", "do_wait", "kernel_wait4"}, {"wait4", "main"}}), "no");
  EXPECT_EQ(Idle({{}, {}}), "no");
  // A worker's loop also runs the work.
  EXPECT_EQ(Idle({{"io_schedule", "folio_wait_bit_common", "vfs_read"},
                  {"read", "load", "java.util.concurrent.ThreadPoolExecutor.getTask"}}),
            "no");
  EXPECT_EQ(Idle({kFutex, {"pthread_mutex_lock", "serve", "ServerLoop"}}), "no");
  // In PostgreSQL a client's next query and a row's lock are waited for by the same functions.
  EXPECT_EQ(Idle({kEpoll,
                  {"epoll_wait", "WaitEventSetWait", "secure_read", "pq_getbyte", "PostgresMain",
                   "ServerLoop"}}),
            "events");
  EXPECT_EQ(Idle({kEpoll,
                  {"epoll_wait", "WaitEventSetWait", "WaitLatch", "ProcSleep", "LockAcquire",
                   "PostgresMain", "ServerLoop"}}),
            "no");
}

TEST(WaitPlaces, WrongLinesAreNamed) {
  EXPECT_THAT(WaitPlaces::Parse("pool a\nwork b\n", "mine").error().Message(),
              HasSubstr("mine, line 2: there is no word 'work'"));
  EXPECT_THAT(WaitPlaces::Parse("pool\n", "mine").error().Message(), HasSubstr("mine, line 1"));
}

// 1000 ms of a pool of the kernel's, 500 ms of an event loop, 200 ms for a lock, 100 ms for a pipe.
std::string Host() {
  CaptureMaker maker({"cpu", "offcpu", "wakers"});
  auto blocked = [&](ThreadId thread, const std::vector<std::string>& user,
                     const std::vector<std::string>& kernel, uint64_t time_ns) {
    maker.Blocked(thread, BlockState::kInterruptible, maker.Stack(user), maker.Stack(kernel),
                  time_ns);
  };
  ThreadId kworker = maker.AddThread("kworker/0:1", 10);
  ThreadId nginx = maker.AddThread("nginx", 20);
  ThreadId app = maker.AddThread("app", 30);
  maker.Blocked(kworker, BlockState::kInterruptible, StackId(),
                maker.Stack({"k:ret_from_fork", "k:kthread", "k:worker_thread", "k:schedule"}),
                1000 * kMs);
  blocked(nginx, {"main", "loop"}, {"k:do_syscall_64", "k:ep_poll", "k:schedule"}, 500 * kMs);
  blocked(app, {"main", "transfer", "pthread_mutex_lock"},
          {"k:do_syscall_64", "k:do_futex", "k:futex_wait", "k:schedule"}, 200 * kMs);
  blocked(app, {"main", "copy"}, {"k:do_syscall_64", "k:pipe_read", "k:schedule"}, 100 * kMs);
  maker.Cpu(app, maker.Stack({"main", "ServerLoop"}), StackId(), 1);
  maker.EndInterval();
  return maker.Finish();
}

RunResult Twofold(std::vector<std::string> words) {
  words.push_back(WriteTemporary("idle.twofold", Host()));
  return RunTwofold(words);
}

constexpr char kNote[] =
    "hidden as waiting for work: 1.50 s, 83.3 % (kernel threads 1.00 s, events 500 ms)";

TEST(HideIdle, LeavesWhatWaitsForSomethingAndSaysHowMuchIsHidden) {
  RunResult result = Twofold({"fold", "--view", "offcpu", "--hide-idle"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output,
            "app;main;copy;do_syscall_64;pipe_read;schedule 100000\n"
            "app;main;transfer;pthread_mutex_lock;do_syscall_64;do_futex;futex_wait;schedule "
            "200000\n");
  EXPECT_EQ(result.words, "twofold: " + std::string(kNote) + "\n");
}

TEST(HideIdle, IsToldInEveryOutput) {
  for (std::vector<std::string> words :
       {std::vector<std::string>{"flame"}, {"export", "--format", "json"}}) {
    words.insert(words.end(), {"--view", "offcpu", "--hide-idle"});
    RunResult result = Twofold(words);
    EXPECT_THAT(result.output, HasSubstr("hidden as waiting for work: 1.50 s, 83.3 %")) << words[0];
    EXPECT_THAT(result.words, HasSubstr(kNote)) << words[0];
  }
  EXPECT_THAT(Twofold({"flame", "--view", "offcpu", "--hide-idle"}).output,
              HasSubstr(">Filters: --hide-idle</text>"));
  EXPECT_THAT(Twofold({"table", "--view", "offcpu", "--hide-idle"}).words, HasSubstr(kNote));
}

TEST(HideIdle, ThatHidesAllSaysSoAndFails) {
  RunResult result = Twofold({"fold", "--view", "offcpu", "--hide-idle", "--comm", "nginx"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.words, HasSubstr("hidden as waiting for work: 500 ms, 100.0 %"));
  EXPECT_THAT(result.words, HasSubstr("no time matches the filters"));
}

TEST(HideIdle, IsOfViewsOfSleepersOnly) {
  for (const char* view : {"cpu", "wakeup"}) {
    RunResult result = Twofold({"fold", "--view", view, "--hide-idle"});
    EXPECT_EQ(result.status, 2) << view;
    EXPECT_THAT(result.words, HasSubstr("does not show what threads wait for")) << view;
  }
  EXPECT_EQ(Twofold({"table", "--view", "states", "--hide-idle"}).status, 2);
}

TEST(TableTop, BlockedTimeBelongsToThePlaceThatWaits) {
  EXPECT_EQ(Twofold({"table", "--view", "offcpu", "--limit", "4"}).output,
            "Functions of the view offcpu, 1.80 s in all; self: of the place that waits\n"
            "  self    %  total    % module function\n"
            "1.00 s 55.6 1.00 s 55.6 kernel worker_thread\n"
            "500 ms 27.8 500 ms 27.8 app    loop\n"
            "200 ms 11.1 200 ms 11.1 app    transfer\n"
            "100 ms  5.6 100 ms  5.6 kernel pipe_read\n");
  EXPECT_THAT(Twofold({"table", "--view", "offcpu", "--hide-idle", "--root", "process"}).output,
              HasSubstr("app     app    transfer\n"));
}

}  // namespace
}  // namespace twofold::testing
