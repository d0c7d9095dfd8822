// Writes the capture that the tests of pages and pictures use, the same on every run: an archive
// being made, with compression on one side of a pipe and a disk on the other, and a server that
// waits. Names that try to break out of a page are in it, too. Blocks have wakers, and chains of
// them; the server leaks memory and sends packets again.
//
//   web_sample_capture > sample.twofold
#include <unistd.h>

#include <cstdio>

#include "tests/analyzer/capture_maker.h"

using twofold::AllocationKind;
using twofold::BlockState;
using twofold::ChainId;
using twofold::LossCause;
using twofold::LossSource;
using twofold::RetransmitKind;
using twofold::RetransmitRow;
using twofold::StackId;
using twofold::ThreadId;
using twofold::WakerId;
using twofold::WakerKind;
using twofold::testing::CaptureMaker;
using twofold::testing::kMillisecondNs;

int main() {
  CaptureMaker maker({"cpu", "offcpu", "memleak", "tcp"});
  maker.recording().settings.wakers = 4;
  maker.recording().settings.leak_scope = "kernel";
  maker.recording().settings.leak_sample_bytes = 4096;
  maker.recording().settings.leak_age_ns = 1000 * kMillisecondNs;
  ThreadId tar = maker.AddThread("tar", 4242);
  ThreadId gzip = maker.AddThread("gzip", 4243);
  ThreadId server = maker.AddThread("server", 900);
  ThreadId worker = maker.AddSibling("worker-1", 901);
  ThreadId writeback = maker.AddThread("kworker/u8:2", 77);
  ThreadId hostile = maker.AddThread("<script>", 666);

  using Frames = std::vector<std::string>;
  auto with = [](Frames frames, const Frames& more) {
    frames.insert(frames.end(), more.begin(), more.end());
    return frames;
  };
  Frames dump = {"_start", "main", "create_archive", "dump_file", "dump_file0"};
  Frames directory = with(dump, {"dump_dir", "dump_dir0", "dump_file", "dump_file0"});
  Frames deflate = {"_start", "main", "treat_file", "zip", "deflate"};
  Frames loop = {"_start", "main", "event_loop::run()", "event_loop::poll(std::chrono::duration)"};
  Frames handler = {"clone3", "start_thread", "worker::run()",
                    "handler<request, response>::operator()(request const&, response&)"};
  Frames read = {"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64", "k:ksys_read",
                 "k:vfs_read"};
  Frames write = {"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64", "k:ksys_write",
                  "k:vfs_write"};
  Frames pipe_write = with(write, {"k:pipe_write"});
  Frames pipe_read = with(read, {"k:pipe_read"});
  Frames sleep = {"k:schedule", "k:__schedule"};

  for (int second = 0; second < 4; ++second) {
    // On the CPU: 10 ms a sample.
    maker.Cpu(gzip, maker.Stack(with(deflate, {"longest_match"})), StackId(), 52);
    maker.Cpu(gzip, maker.Stack(with(deflate, {"fill_window", "updcrc"})), StackId(), 17);
    maker.Cpu(gzip, maker.Stack(with(deflate, {"compress_block", "send_bits"})), StackId(), 11);
    maker.Cpu(gzip, maker.Stack(with(deflate, {"fill_window", "read"})),
              maker.Stack(with(pipe_read, {"k:copy_page_to_iter", "k:rep_movs_alternative"})), 6);
    maker.Cpu(tar, maker.Stack(with(directory, {"read"})),
              maker.Stack(with(read, {"k:ext4_file_read_iter", "k:filemap_read",
                                      "k:copy_page_to_iter", "k:rep_movs_alternative"})),
              14);
    maker.Cpu(tar, maker.Stack(with(directory, {"__fstatat64"})),
              maker.Stack({"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64", "k:vfs_fstatat",
                           "k:path_lookupat", "k:link_path_walk"}),
              7);
    maker.Cpu(tar, maker.Stack(with(directory, {"flush_archive", "write"})),
              maker.Stack(with(pipe_write, {"k:copy_page_from_iter"})), 5);
    maker.Cpu(tar, maker.Stack(with(directory, {"start_header", "to_chars"})), StackId(), 3);
    maker.Cpu(worker, maker.Stack(with(handler, {"json::parse(std::string_view)"})), StackId(), 8);
    maker.Cpu(worker,
              maker.Stack(with(handler, {"[/usr/lib/libcodec.so.2+0x41f3]", "[anon+0x7f20]"})),
              StackId(), 4);
    maker.Cpu(writeback, StackId(),
              maker.Stack({"k:ret_from_fork", "k:kthread", "k:worker_thread", "k:process_one_work",
                           "k:wb_workfn", "k:writeback_sb_inodes", "k:ext4_writepages"}),
              5);
    maker.Cpu(hostile,
              maker.Stack({"main", "</text><script>document.title='broken'</script>",
                           "\"onload=\"alert(1)", "]]><script>document.title='broken'</script>"}),
              StackId(), 2);

    // Off the CPU: tar and gzip wake each other, and a disk wakes tar.
    WakerId disk = maker.Interrupt(
        WakerKind::kHardIrq,
        maker.Stack({"k:asm_common_interrupt", "k:blk_mq_complete_request", "k:folio_end_read"}));
    WakerId timer = maker.Interrupt(WakerKind::kTimer,
                                    maker.Stack({"k:hrtimer_interrupt", "k:hrtimer_wakeup"}));
    WakerId reader = maker.Task(gzip, maker.Stack(with(deflate, {"fill_window", "read"})),
                                maker.Stack(with(pipe_read, {"k:wake_up_sync"})));
    WakerId writer = maker.Task(tar, maker.Stack(with(directory, {"flush_archive", "write"})),
                                maker.Stack(with(pipe_write, {"k:wake_up_sync"})));
    WakerId hostile_waker = maker.Task(
        hostile, maker.Stack({"</text><script>document.title='broken'</script>"}), StackId());
    auto block = [&](ThreadId thread, BlockState state, StackId user, StackId kernel,
                     uint64_t time_ms, uint64_t count, ChainId chain) {
      maker.AddBlocked({.thread = thread,
                        .state = state,
                        .kernel_stack = kernel,
                        .user_stack = user,
                        .time_ns = time_ms * kMillisecondNs,
                        .count = count,
                        .chain = chain});
    };
    block(tar, BlockState::kInterruptible, maker.Stack(with(directory, {"flush_archive", "write"})),
          maker.Stack(with(pipe_write, sleep)), 420, 4100, maker.Chain({reader}));
    block(tar, BlockState::kInterruptible, maker.Stack(with(directory, {"flush_archive", "write"})),
          maker.Stack(with(pipe_write, sleep)), 100, 400, maker.Chain({reader, writer, disk}));
    block(tar, BlockState::kUninterruptible, maker.Stack(with(directory, {"read"})),
          maker.Stack(with(read, {"k:ext4_file_read_iter", "k:filemap_read",
                                  "k:folio_wait_bit_common", "k:io_schedule", "k:schedule"})),
          170, 310, maker.Chain({disk}));
    block(gzip, BlockState::kInterruptible, maker.Stack(with(deflate, {"fill_window", "read"})),
          maker.Stack(with(pipe_read, sleep)), 140, 900, maker.Chain({writer, disk}));
    block(server, BlockState::kInterruptible, maker.Stack(with(loop, {"epoll_wait"})),
          maker.Stack({"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64", "k:do_epoll_wait",
                       "k:schedule_hrtimeout_range", "k:schedule"}),
          700, 11, maker.Chain({timer}));
    block(server, BlockState::kInterruptible, maker.Stack(with(loop, {"epoll_wait"})),
          maker.Stack({"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64", "k:do_epoll_wait",
                       "k:schedule_hrtimeout_range", "k:schedule"}),
          285, 1, maker.Chain({hostile_waker}));
    maker.Blocked(worker, BlockState::kInterruptible,
                  maker.Stack(with(handler, {"connection_pool::acquire()", "std::mutex::lock()",
                                             "__lll_lock_wait"})),
                  maker.Stack({"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64", "k:do_futex",
                               "k:futex_wait", "k:schedule"}),
                  610 * kMillisecondNs, 77);
    maker.Blocked(worker, BlockState::kInterruptible,
                  maker.Stack(with(handler, {"store::commit()", "fdatasync"})),
                  maker.Stack({"k:entry_SYSCALL_64_after_hwframe", "k:do_syscall_64",
                               "k:ext4_sync_file", "k:jbd2_log_wait_commit", "k:schedule"}),
                  240 * kMillisecondNs, 19);
    maker.AddBlocked({.thread = writeback,
                      .state = BlockState::kIdle,
                      .kernel_stack = maker.Stack(
                          {"k:ret_from_fork", "k:kthread", "k:worker_thread", "k:schedule"}),
                      .time_ns = 900 * kMillisecondNs,
                      .count = 0,
                      .parts = twofold::kBegunBefore | twofold::kOpenAtEnd});
    maker.Blocked(hostile, BlockState::kInterruptible,
                  maker.Stack({"main", "!<[stack lost: map full]>"}), StackId(),
                  30 * kMillisecondNs, 1);
    // Waiting for a CPU.
    for (bool preempted : {false, true}) {
      maker.AddWaiting({.thread = gzip,
                        .preempted = preempted,
                        .kernel_stack = maker.Stack(with(pipe_read, sleep)),
                        .user_stack = maker.Stack(with(deflate, {"fill_window", "read"})),
                        .time_ns = (preempted ? 8 : 3) * kMillisecondNs,
                        .count = 20});
    }
    // Memory: a leak of estimated size, a cache that the next second frees, and pages of the
    // kernel.
    const bool last = second == 3;
    StackId leak = maker.Stack(with(handler, {"store::commit()", "log::append"}));
    StackId cache = maker.Stack(with(handler, {"json::parse(std::string_view)"}));
    StackId pages = maker.Stack(with(read, {"k:filemap_alloc_folio", "k:alloc_pages"}));
    maker.Allocated({AllocationKind::kKmalloc, worker, pages, leak, 70001, 500, 17});
    maker.Allocated({AllocationKind::kSlab, worker, pages, cache, 500000, 90, 90,
                     second == 0 ? 0U : 500000U, second == 0 ? 0U : 90U});
    maker.Allocated({AllocationKind::kPages, tar, pages, maker.Stack(directory), 16384, 4, 4, 4096,
                     1, 4096, 1});
    if (last) {
      maker.Outstanding(
          {AllocationKind::kKmalloc, worker, pages, leak, 1, 210003, 1500, 51, 400000000});
      maker.Outstanding(
          {AllocationKind::kKmalloc, worker, pages, leak, 0, 70001, 500, 17, 130000000});
      maker.Outstanding({AllocationKind::kSlab, worker, pages, cache, 0, 500000, 90, 90});
      maker.Outstanding(
          {AllocationKind::kPages, tar, pages, maker.Stack(directory), 2, 32768, 8, 8});
    }
    // TCP sends again, over both versions of IP; an address tries to break out of a page.
    for (const char* remote : {"198.51.100.7", "2001:db8::7", "<script>"}) {
      RetransmitRow row;
      row.kind = remote[0] == '1' ? RetransmitKind::kTimeout : RetransmitKind::kFast;
      row.thread = server;
      row.kernel_stack = maker.Stack({"k:net_rx_action", "k:tcp_ack", "k:tcp_xmit_recovery"});
      row.state = twofold::TcpState::kEstablished;
      row.failed = remote[0] == '<';
      row.local_address = maker.Text(remote[0] == '2' ? "2001:db8::1" : "192.0.2.1");
      row.local_port = 443;
      row.remote_address = maker.Text(remote);
      row.remote_port = 50123;
      row.packets = 5;
      row.segments = 7;
      row.bytes = 10136;
      maker.Retransmitted(row);
    }
    maker.Lose(LossCause::kEventLost, LossSource::kTcp, 2, 0);
    maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 12, 25 * kMillisecondNs);
    maker.cost() = {4100000, 21000, 9000000, 6000000, 21 << 20, 8 << 20};
    maker.EndInterval();
  }
  std::string bytes = maker.Finish();
  bool written = fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  return written ? 0 : 1;
}
