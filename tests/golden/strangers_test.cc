#include "tests/golden/strangers.h"

#include <gtest/gtest.h>

#include "format/definitions_builder.h"

namespace twofold {
namespace {

// A measured process with a child, woken by a stranger.
class StrangersTest : public ::testing::Test {
 protected:
  ThreadId MakeThread(uint32_t pid, uint32_t parent_pid, const char* name) {
    Process process;
    process.pid = Pid(pid);
    process.parent_pid = Pid(parent_pid);
    process.name = builder_.InternString(name);
    process.executable = builder_.InternString(std::string("/bin/") + name);
    Thread thread;
    thread.process = builder_.AddProcess(process);
    thread.tid = Tid(pid);
    thread.name = process.name;
    return builder_.AddThread(thread);
  }

  StackId MakeStack(ModuleKind kind, const char* path, const char* symbol) {
    Module module;
    module.kind = kind;
    module.path = builder_.InternString(path);
    Frame frame;
    frame.module = builder_.InternModule(module);
    frame.symbol = builder_.InternString(symbol);
    return builder_.InternStackNode({}, builder_.InternFrame(frame));
  }

  std::string NameOf(ThreadId thread) const {
    return capture_.String(capture_.GetThread(thread).name);
  }

  DefinitionsBuilder builder_;
  Capture capture_;
};

TEST_F(StrangersTest, OnlyWhatWasMeasuredAndItsChildrenKeepNames) {
  ThreadId measured = MakeThread(100, 1, "measured");
  ThreadId child = MakeThread(101, 100, "child");
  ThreadId grandchild = MakeThread(102, 101, "grandchild");
  ThreadId stranger = MakeThread(50, 1, "secret-daemon");
  // Time without a thread stands under a made-up one, which is nobody's parent.
  ThreadId made_up = MakeThread(0, 0, "[thread table full]");
  ThreadId init = MakeThread(1, 0, "secret-init");
  StackId own = MakeStack(ModuleKind::kUserFile, "/bin/measured", "main");
  Waker by_stranger;
  by_stranger.thread = stranger;
  by_stranger.kernel_stack = MakeStack(ModuleKind::kKernel, "", "pipe_write");
  by_stranger.user_stack = MakeStack(ModuleKind::kUserFile, "/bin/secret-daemon", "secret_loop");
  Waker by_child;
  by_child.thread = child;
  by_child.user_stack = MakeStack(ModuleKind::kUserFile, "/bin/child", "wake_parent");
  BlockedRow row;
  row.thread = measured;
  row.user_stack = own;
  row.chain = builder_.InternChain(builder_.InternChain({}, builder_.InternWaker(by_stranger)),
                                   builder_.InternWaker(by_child));
  capture_.definitions = builder_.TakeNew();
  capture_.intervals.emplace_back().blocked = {row, BlockedRow{.thread = made_up}};

  HideStrangers(capture_);

  EXPECT_EQ(NameOf(measured), "measured");
  EXPECT_EQ(NameOf(child), "child");
  EXPECT_EQ(NameOf(grandchild), "grandchild");
  EXPECT_EQ(NameOf(made_up), "[thread table full]");
  EXPECT_EQ(NameOf(stranger), "other-1");
  EXPECT_EQ(NameOf(init), "other-3");
  for (const std::string& text : capture_.definitions.strings) {
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  }
  // The chain is as long as before, and what does not tell of the stranger is still there.
  const Chain& first = capture_.GetChain(capture_.intervals[0].blocked->front().chain);
  EXPECT_EQ(capture_.GetWaker(first.waker), by_child);
  const Waker& second = capture_.GetWaker(capture_.GetChain(first.next).waker);
  EXPECT_EQ(second.thread, stranger);
  EXPECT_EQ(second.user_stack, StackId());
  const Frame& kernel = capture_.GetFrame(capture_.GetStack(second.kernel_stack).frame);
  EXPECT_EQ(capture_.String(kernel.symbol), "pipe_write");
  const Frame& user = capture_.GetFrame(capture_.GetStack(by_child.user_stack).frame);
  EXPECT_EQ(capture_.String(user.symbol), "wake_parent");
}

}  // namespace
}  // namespace twofold
