// What blocked threads wait for, by the functions of the kernel: with stacks as kernels give them,
// with and without the frames of the scheduler.
#include "analyzer/waits/wait_kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string KindIn(WaitKinds& kinds, const std::vector<std::string_view>& innermost_first,
                   char state = 'S') {
  return std::string(InfoOf(kinds.Classify(state, innermost_first)).name);
}

std::string Kind(const std::vector<std::string_view>& innermost_first, char state = 'S') {
  static WaitKinds kinds = std::move(WaitKinds::Load()).value();
  return KindIn(kinds, innermost_first, state);
}

TEST(WaitKinds, TheReasonIsFoundWithAndWithoutTheSchedulersFrames) {
  struct Case {
    const char* kind;
    std::vector<std::string_view> full;    // all frames, as older kernels and other tools give them
    std::vector<std::string_view> short_;  // one function of the scheduler, then its callers
  };
  const Case cases[] = {
      {"disk",
       {"__schedule", "schedule", "io_schedule", "folio_wait_bit_common", "filemap_read",
        "ext4_file_read_iter", "vfs_read", "ksys_read", "do_syscall_64"},
       {"io_schedule", "folio_wait_bit_common", "filemap_read", "vfs_read", "do_syscall_64"}},
      {"disk",
       {"__schedule", "schedule", "jbd2_log_wait_commit", "ext4_sync_file", "do_fsync"},
       {"schedule", "jbd2_log_wait_commit", "ext4_sync_file", "do_fsync"}},
      {"disk",
       {"__schedule", "schedule", "schedule_timeout", "__wait_for_common", "wait_for_completion_io",
        "submit_bio_wait", "blkdev_issue_flush", "xfs_file_fsync"},
       {"wait_for_completion_io", "submit_bio_wait", "blkdev_issue_flush", "xfs_file_fsync"}},
      {"disk",
       {"__schedule", "schedule", "schedule_timeout", "wait_for_completion", "xfs_buf_iowait",
        "__xfs_buf_submit", "vfs_read"},
       {"wait_for_completion", "xfs_buf_iowait", "__xfs_buf_submit", "vfs_read"}},
      {"lock",
       {"__schedule", "schedule", "schedule_preempt_disabled", "__mutex_lock.constprop.0",
        "__mutex_lock_slowpath", "mutex_lock", "ext4_file_write_iter", "vfs_write"},
       {"mutex_lock", "ext4_file_write_iter", "vfs_write"}},
      {"lock",
       {"__schedule", "schedule", "schedule_preempt_disabled", "rwsem_down_read_slowpath",
        "down_read", "walk_component", "path_lookupat"},
       {"down_read", "walk_component", "path_lookupat"}},
      {"lock",
       {"__schedule", "schedule", "futex_wait_queue", "__futex_wait", "futex_wait", "do_futex"},
       {"schedule", "__futex_wait", "futex_wait", "do_futex"}},
      {"lock",
       {"__schedule", "schedule", "futex_wait_queue_me", "futex_wait", "do_futex"},
       {"schedule", "futex_wait_queue_me", "futex_wait", "do_futex"}},
      {"sleep",
       {"__schedule", "schedule", "do_nanosleep", "hrtimer_nanosleep", "common_nsleep"},
       {"do_nanosleep", "hrtimer_nanosleep", "common_nsleep"}},
      {"network",
       {"__schedule", "schedule", "schedule_timeout", "wait_woken", "sk_wait_data",
        "tcp_recvmsg_locked", "tcp_recvmsg", "sock_recvmsg"},
       {"schedule_timeout", "wait_woken", "sk_wait_data", "tcp_recvmsg_locked", "sock_recvmsg"}},
      {"network",
       {"__schedule", "schedule", "schedule_timeout", "unix_stream_read_generic",
        "unix_stream_recvmsg", "sock_recvmsg"},
       {"schedule_timeout", "unix_stream_read_generic", "unix_stream_recvmsg", "sock_recvmsg"}},
      {"network",
       {"__schedule", "schedule", "schedule_timeout", "inet_csk_accept", "inet_accept",
        "__sys_accept4"},
       {"schedule_timeout", "inet_csk_accept", "inet_accept", "__sys_accept4"}},
      {"pipe",
       {"__schedule", "schedule", "pipe_read", "vfs_read", "ksys_read"},
       {"schedule", "anon_pipe_read", "vfs_read", "ksys_read"}},
      {"pipe",
       {"__schedule", "schedule", "schedule_timeout", "wait_woken", "n_tty_read",
        "iterate_tty_read", "tty_read", "vfs_read"},
       {"schedule_timeout", "wait_woken", "n_tty_read", "tty_read", "vfs_read"}},
      {"poll",
       {"__schedule", "schedule", "schedule_hrtimeout_range_clock", "ep_poll", "do_epoll_wait"},
       {"schedule_hrtimeout_range", "do_epoll_wait", "__x64_sys_epoll_wait"}},
      {"poll",
       {"__schedule", "schedule", "schedule_hrtimeout_range", "poll_schedule_timeout.constprop.0",
        "do_select", "core_sys_select"},
       {"schedule_hrtimeout_range", "poll_schedule_timeout.constprop.0", "do_select"}},
      {"poll",
       {"__schedule", "schedule", "io_cqring_wait", "__do_sys_io_uring_enter", "do_syscall_64"},
       {"schedule", "io_cqring_wait", "__do_sys_io_uring_enter", "do_syscall_64"}},
      {"child",
       {"__schedule", "schedule", "do_wait", "kernel_wait4", "__do_sys_wait4"},
       {"schedule", "do_wait", "kernel_wait4", "__do_sys_wait4"}},
      {"signal",
       {"__schedule", "schedule", "__x64_sys_pause", "do_syscall_64"},
       {"schedule", "__arm64_sys_pause", "invoke_syscall"}},
      {"idle-worker",
       {"__schedule", "schedule", "worker_thread", "kthread", "ret_from_fork"},
       {"schedule", "worker_thread", "kthread", "ret_from_fork"}},
      {"idle-worker",
       {"__schedule", "schedule", "schedule_timeout", "rcu_gp_fqs_loop", "rcu_gp_kthread"},
       {"schedule_timeout", "rcu_gp_fqs_loop", "rcu_gp_kthread", "kthread"}},
      {"idle-worker",
       {"__schedule", "schedule", "a_drivers_thread", "kthread", "ret_from_fork_asm"},
       {"schedule", "a_drivers_thread", "kthread", "ret_from_fork_asm"}},
      {"other",
       {"__schedule", "schedule", "schedule_timeout", "wait_for_completion", "__flush_work"},
       {"wait_for_completion", "a_new_ioctl", "vfs_ioctl", "do_syscall_64"}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(Kind(one.full), one.kind) << one.full[2];
    EXPECT_EQ(Kind(one.short_), one.kind) << one.short_[1];
  }
}

TEST(WaitKinds, APageFaultOutweighsTheDiskThatItReadsFrom) {
  EXPECT_EQ(Kind({"io_schedule", "folio_wait_bit_common", "filemap_fault", "__do_fault",
                  "__handle_mm_fault", "handle_mm_fault", "do_user_addr_fault", "exc_page_fault",
                  "asm_exc_page_fault"}),
            "page-fault");
  // arm64, and pages that come over the network.
  EXPECT_EQ(Kind({"io_schedule", "folio_wait_bit_common", "nfs_file_fault", "do_mem_abort"}),
            "page-fault");
  // A fault while a call writes to the program's memory: the call's own functions are outside.
  EXPECT_EQ(Kind({"io_schedule", "swap_read_folio", "do_swap_page", "exc_page_fault",
                  "_copy_to_iter", "tcp_recvmsg", "sock_recvmsg"}),
            "page-fault");
  // The lock that a fault takes is what is waited for.
  EXPECT_EQ(Kind({"down_read", "lock_mm_and_find_vma", "do_user_addr_fault", "exc_page_fault"}),
            "lock");
}

TEST(WaitKinds, ANetworkFileSystemWaitsForTheNetwork) {
  EXPECT_EQ(Kind({"io_schedule", "folio_wait_bit_common", "nfs_wb_folio", "vfs_write"}), "network");
  EXPECT_EQ(Kind({"schedule", "rpc_wait_bit_killable", "__rpc_execute", "nfs4_call_sync"}),
            "network");
}

TEST(WaitKinds, AWorkerAtWorkIsNotIdle) {
  EXPECT_EQ(Kind({"schedule", "a_drivers_work", "process_one_work", "worker_thread", "kthread"}),
            "other");
  EXPECT_EQ(Kind({"io_schedule", "folio_wait_bit", "process_one_work", "worker_thread"}, 'D'),
            "disk");
  EXPECT_EQ(Kind({"schedule", "a_drivers_thread", "kthread"}, 'D'), "other");
}

TEST(WaitKinds, StatesTellWhatStacksDoNot) {
  EXPECT_EQ(Kind({"schedule", "pipe_read"}, 'T'), "stopped");
  EXPECT_EQ(Kind({}, 't'), "stopped");
  EXPECT_EQ(Kind({}, 'P'), "idle-worker");
  EXPECT_EQ(Kind({"schedule", "an_unknown_function"}, 'I'), "idle-worker");
  EXPECT_EQ(Kind({"mutex_lock", "process_one_work"}, 'I'), "lock");
  EXPECT_EQ(Kind({}, 'S'), "unknown");
  EXPECT_EQ(Kind({}, 'D'), "unknown");
  EXPECT_EQ(Kind({"an_unknown_function"}, '?'), "other");
}

TEST(WaitKinds, TailsOfCompilersDoNotCount) {
  for (const char* tail : {".isra.0", ".constprop.0", ".part.0", ".cold", ".isra.0.constprop.1"}) {
    std::string name = "pipe_read" + std::string(tail);
    EXPECT_EQ(Kind({"schedule", name, "vfs_read"}), "pipe") << name;
  }
  EXPECT_EQ(Kind({".pipe_read"}), "other");
}

TEST(WaitKinds, InnerFramesComeFirstAndEarlierLinesOfOneFrame) {
  Result<WaitKinds> kinds = WaitKinds::Parse(
      "lock  inner   # a comment\n"
      "\n"
      "# another\n"
      "disk\touter\n"
      "pipe  out*\n"
      "poll  o?te\n",
      "mine");
  ASSERT_TRUE(kinds.has_value()) << kinds.error().Message();
  EXPECT_EQ(KindIn(*kinds, {"nothing", "inner", "outer"}), "lock");
  EXPECT_EQ(KindIn(*kinds, {"outer", "inner"}), "disk");
  EXPECT_EQ(KindIn(*kinds, {"outermost", "inner"}), "pipe");
  EXPECT_EQ(KindIn(*kinds, {"out"}), "pipe");
  EXPECT_EQ(KindIn(*kinds, {"oute"}), "pipe");
  EXPECT_EQ(KindIn(*kinds, {"onte"}), "poll");
  EXPECT_EQ(KindIn(*kinds, {"inne", "inner2", "xinner"}), "other");
}

TEST(WaitKinds, InsteadOfChangesOnlyTheKindsThatItNames) {
  Result<WaitKinds> kinds = WaitKinds::Parse(
      "lock a\ndisk b\nnetwork c\npage-fault fault instead of disk network\n", "mine");
  ASSERT_TRUE(kinds.has_value()) << kinds.error().Message();
  EXPECT_EQ(KindIn(*kinds, {"a", "fault"}), "lock");
  EXPECT_EQ(KindIn(*kinds, {"b", "x", "fault", "y"}), "page-fault");
  EXPECT_EQ(KindIn(*kinds, {"c", "fault"}), "page-fault");
  EXPECT_EQ(KindIn(*kinds, {"fault", "b"}), "page-fault");
  EXPECT_EQ(KindIn(*kinds, {"b"}), "disk");
}

TEST(WaitKinds, WrongLinesAreErrorsWithTheirPlace) {
  auto error = [](const std::string& text) {
    Result<WaitKinds> kinds = WaitKinds::Parse(text, "mine.txt");
    EXPECT_FALSE(kinds.has_value()) << text;
    return kinds.has_value() ? "" : kinds.error().Message();
  };
  EXPECT_THAT(error("disk a\n\ndisc b\n"),
              HasSubstr("mine.txt, line 3: there is no kind of waiting 'disc'. Did you mean "
                        "'disk'?"));
  EXPECT_THAT(error("disk\n"), HasSubstr("mine.txt, line 1: "));
  EXPECT_THAT(error("disk a b\n"), HasSubstr("line 1: this is no line of kinds of waiting"));
  EXPECT_THAT(error("disk a instead of\n"), HasSubstr("line 1: this is no line"));
  EXPECT_THAT(error("disk a instead of lock tape\n"), HasSubstr("line 1: there is no kind"));
  // What no stack tells is no kind to give.
  EXPECT_THAT(error("unknown a\n"), HasSubstr("line 1: there is no kind"));
}

TEST(WaitKinds, AnyPatternAndAnyNameEndInTime) {
  std::string stars;
  for (int i = 0; i < 2000; ++i) stars += "*a";
  Result<WaitKinds> kinds = WaitKinds::Parse("disk " + stars + "b\n", "mine");
  ASSERT_TRUE(kinds.has_value());
  std::string name(100000, 'a');
  EXPECT_EQ(KindIn(*kinds, {name}), "other");
}

TEST(WaitKinds, UsersLinesComeBeforeOurs) {
  std::string path = WriteTemporary("kinds.txt", "network pipe_read\n");
  Result<WaitKinds> kinds = WaitKinds::Load(path);
  ASSERT_TRUE(kinds.has_value()) << kinds.error().Message();
  EXPECT_EQ(KindIn(*kinds, {"schedule", "pipe_read"}), "network");
  EXPECT_EQ(KindIn(*kinds, {"schedule", "pipe_write"}), "pipe");
  for (const std::string& wrong :
       {TemporaryPath("none.txt"), ::testing::TempDir(), std::string("/dev/zero")}) {
    Result<WaitKinds> none = WaitKinds::Load(wrong);
    ASSERT_FALSE(none.has_value()) << wrong;
    EXPECT_EQ(none.error().where, wrong);
    EXPECT_EQ(none.error().kind, Error::Kind::kUsage);
  }
}

}  // namespace
}  // namespace twofold::testing
