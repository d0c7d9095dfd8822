// Sequences of events about processes that do not exist: their pids are beyond what the kernel
// gives out, so /proc knows nothing of them.
#include "recorder/processes/process_table.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace twofold {
namespace {

using Kind = SidebandEvent::Kind;

constexpr uint32_t kParent = 5'000'001;
constexpr uint32_t kChild = 5'000'002;
constexpr uint32_t kOther = 5'000'003;

class ProcessTableTest : public testing::Test {
 protected:
  void Fork(uint64_t time_ns, uint32_t parent, uint32_t pid) {
    SidebandEvent event = Event(Kind::kFork, time_ns, pid, pid);
    event.parent_pid = Pid(parent);
    table_->Apply(event);
  }
  void Thread(uint64_t time_ns, uint32_t pid, uint32_t tid) {
    SidebandEvent event = Event(Kind::kFork, time_ns, pid, tid);
    event.parent_pid = Pid(pid);
    table_->Apply(event);
  }
  void Exit(uint64_t time_ns, uint32_t pid, uint32_t tid = 0) {
    table_->Apply(Event(Kind::kExit, time_ns, pid, tid == 0 ? pid : tid));
  }
  void Exec(uint64_t time_ns, uint32_t pid, const std::string& name) {
    SidebandEvent event = Event(Kind::kExec, time_ns, pid, pid);
    event.text = name;
    table_->Apply(event);
  }
  void Comm(uint64_t time_ns, uint32_t pid, const std::string& name, uint32_t tid = 0) {
    SidebandEvent event = Event(Kind::kComm, time_ns, pid, tid == 0 ? pid : tid);
    event.text = name;
    table_->Apply(event);
  }
  void Map(uint64_t time_ns, uint32_t pid, uint64_t address, const std::string& path,
           uint64_t inode = 0) {
    SidebandEvent event = Event(Kind::kMap, time_ns, pid, pid);
    event.address = address;
    event.size_bytes = 0x1000;
    event.text = path;
    event.inode = inode;
    event.inode_generation = inode + 1;
    table_->Apply(event);
  }
  // A process with a name, an executable and a library.
  void StartProgram(uint64_t time_ns, uint32_t parent, uint32_t pid, const std::string& name) {
    Fork(time_ns, parent, pid);
    Exec(time_ns + 1, pid, name);
    Map(time_ns + 2, pid, 0x400000, "/bin/" + name, 11);
    Map(time_ns + 3, pid, 0x700000, "/lib/libc.so", 12);
  }
  ProcessImage* Find(uint32_t pid, uint64_t time_ns) { return table_->Find(Pid(pid), time_ns); }
  void UseScope(ProcessTable::Scope scope) {
    table_ = std::make_unique<ProcessTable>(std::move(scope));
  }

  std::unique_ptr<ProcessTable> table_ = std::make_unique<ProcessTable>(ProcessTable::Scope{});

 private:
  static SidebandEvent Event(Kind kind, uint64_t time_ns, uint32_t pid, uint32_t tid) {
    SidebandEvent event;
    event.kind = kind;
    event.time_ns = time_ns;
    event.pid = Pid(pid);
    event.tid = Tid(tid);
    return event;
  }
};

TEST_F(ProcessTableTest, ExecNamesTheProgramAndItsFirstFileIsTheExecutable) {
  StartProgram(1000, kParent, kChild, "tool");
  ProcessImage* image = Find(kChild, 2000);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->pid, Pid(kChild));
  EXPECT_EQ(image->parent_pid, Pid(kParent));
  EXPECT_EQ(image->name, "tool");
  EXPECT_EQ(image->executable, "/bin/tool");
  EXPECT_EQ(image->image_start_monotonic_ns, 1001u);
  EXPECT_EQ(image->end_monotonic_ns, 0u);
  EXPECT_TRUE(image->mappings_known);
  EXPECT_EQ(image->FindMapping(0x400800)->file->inode, 11u);
  EXPECT_EQ(image->FindMapping(0x400800)->file->inode_generation, 12u);
  EXPECT_EQ(image->FindMapping(0x400800)->since_ns, 1002u);
  EXPECT_EQ(image->FindMapping(0x700800)->path(), "/lib/libc.so");
}

TEST_F(ProcessTableTest, ForkCopiesTheParentsImageAndLeavesItAlone) {
  StartProgram(1000, 1, kParent, "server");
  Fork(2000, kParent, kChild);
  Map(2100, kChild, 0x900000, "/lib/plugin.so");
  Comm(2200, kChild, "worker");
  const ProcessImage* child = Find(kChild, 3000);
  const ProcessImage* parent = Find(kParent, 3000);
  ASSERT_NE(child, nullptr);
  ASSERT_NE(parent, nullptr);
  EXPECT_EQ(child->name, "worker");
  EXPECT_EQ(child->executable, "/bin/server");
  EXPECT_EQ(child->image_start_monotonic_ns, 2000u);
  EXPECT_EQ(child->mappings.size(), 3u);
  EXPECT_EQ(child->FindMapping(0x400000)->path(), "/bin/server");
  EXPECT_EQ(parent->name, "server");
  EXPECT_EQ(parent->mappings.size(), 2u);
}

TEST_F(ProcessTableTest, ExecEndsOneImageAndBeginsAnother) {
  StartProgram(1000, kParent, kChild, "shell");
  Exec(2000, kChild, "tool");
  Map(2001, kChild, 0x500000, "/bin/tool");
  const ProcessImage* before = Find(kChild, 1999);
  const ProcessImage* after = Find(kChild, 2000);
  ASSERT_NE(before, nullptr);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(before->name, "shell");
  EXPECT_EQ(before->end_monotonic_ns, 2000u);
  EXPECT_TRUE(before->ended_by_exec);
  EXPECT_EQ(before->FindMapping(0x500000), nullptr);
  EXPECT_EQ(after->name, "tool");
  EXPECT_EQ(after->executable, "/bin/tool");
  EXPECT_EQ(after->start_boottime_ns, before->start_boottime_ns);
  EXPECT_EQ(after->parent_pid, before->parent_pid);
  EXPECT_EQ(after->FindMapping(0x400000), nullptr);
  Exit(3000, kChild);
  EXPECT_EQ(after->end_monotonic_ns, 3000u);
  EXPECT_FALSE(after->ended_by_exec);
}

TEST_F(ProcessTableTest, OnlyTheMainThreadNamesTheProcess) {
  StartProgram(1000, kParent, kChild, "tool");
  Thread(1100, kChild, 5'000'100);
  Comm(1200, kChild, "side-thread", 5'000'100);
  EXPECT_EQ(Find(kChild, 1300)->name, "tool");
  Comm(1400, kChild, "renamed");
  EXPECT_EQ(Find(kChild, 1500)->name, "renamed");
}

TEST_F(ProcessTableTest, ProcessEndsWithItsLastThread) {
  StartProgram(1000, kParent, kChild, "tool");
  Thread(1100, kChild, 5'000'100);
  Thread(1100, kChild, 5'000'101);
  Exit(1200, kChild, 5'000'100);
  Exit(1300, kChild);  // the leader is gone, one thread is left
  EXPECT_EQ(Find(kChild, 1400)->end_monotonic_ns, 0u);
  Map(1400, kChild, 0xa00000, "/lib/late.so");
  EXPECT_EQ(Find(kChild, 1450)->FindMapping(0xa00000)->path(), "/lib/late.so");
  Exit(1500, kChild, 5'000'101);
  EXPECT_EQ(Find(kChild, 1600)->end_monotonic_ns, 1500u);
}

TEST_F(ProcessTableTest, ExecByAThreadTakesTheLeadersPlace) {
  StartProgram(1000, kParent, kChild, "tool");
  Thread(1100, kChild, 5'000'100);
  Exit(1200, kChild);  // exec kills the leader
  Exec(1201, kChild, "next");
  Exit(1300, kChild);
  EXPECT_EQ(Find(kChild, 1250)->name, "next");
  EXPECT_EQ(Find(kChild, 1250)->end_monotonic_ns, 1300u);
}

TEST_F(ProcessTableTest, TimesAfterTheEndGiveTheLastImage) {
  StartProgram(1000, kParent, kChild, "tool");
  Exit(2000, kChild);
  ASSERT_NE(Find(kChild, 2500), nullptr);
  EXPECT_EQ(Find(kChild, 2500)->end_monotonic_ns, 2000u);
  EXPECT_EQ(Find(kChild, 999), nullptr);
  EXPECT_EQ(Find(kOther, 2000), nullptr);
}

TEST_F(ProcessTableTest, ReusedPidIsAnotherProcess) {
  StartProgram(1000, kParent, kChild, "first");
  Exit(2000, kChild);
  StartProgram(3000, kOther, kChild, "second");
  EXPECT_EQ(Find(kChild, 1500)->name, "first");
  EXPECT_EQ(Find(kChild, 2500)->name, "first");
  EXPECT_EQ(Find(kChild, 3500)->name, "second");
  EXPECT_EQ(Find(kChild, 3500)->parent_pid, Pid(kOther));
}

TEST_F(ProcessTableTest, ReusedPidEndsAProcessWhoseExitWasLost) {
  StartProgram(1000, kParent, kChild, "first");
  Fork(3000, kOther, kChild);
  EXPECT_EQ(Find(kChild, 2000)->end_monotonic_ns, 3000u);
  EXPECT_EQ(Find(kChild, 3000)->parent_pid, Pid(kOther));
  EXPECT_EQ(Find(kChild, 3000)->end_monotonic_ns, 0u);
}

TEST_F(ProcessTableTest, UnknownParentLeavesMappingsUnknown) {
  Fork(1000, kParent, kChild);
  const ProcessImage* image = Find(kChild, 1000);
  ASSERT_NE(image, nullptr);
  EXPECT_FALSE(image->mappings_known);
  EXPECT_EQ(image->name, "");
  EXPECT_EQ(image->parent_pid, Pid(kParent));
  Exec(1100, kChild, "tool");
  EXPECT_TRUE(Find(kChild, 1100)->mappings_known);
}

TEST_F(ProcessTableTest, EventsOfAProcessWhoseForkWasLostMakeItKnown) {
  Map(1000, kChild, 0x400000, "/bin/tool");
  Comm(1100, kChild, "tool");
  ProcessImage* image = Find(kChild, 1200);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->name, "tool");
  EXPECT_FALSE(image->mappings_known);
  EXPECT_EQ(image->FindMapping(0x400000)->path(), "/bin/tool");
  Exit(2000, kChild);
  Map(3000, kChild, 0x800000, "/bin/stranger");  // after the end: another process
  EXPECT_NE(Find(kChild, 3000), image);
  EXPECT_EQ(image->FindMapping(0x800000), nullptr);
}

TEST_F(ProcessTableTest, LateEventsBelongToTheProcessThatEnded) {
  StartProgram(1000, kParent, kChild, "tool");
  Exit(2000, kChild);
  Map(1990, kChild, 0xa00000, "/lib/late.so");
  EXPECT_EQ(table_->size(), 1u + 1u);  // the fork's image and the exec's
  EXPECT_NE(Find(kChild, 2000)->FindMapping(0xa00000), nullptr);
}

TEST_F(ProcessTableTest, ExitOfAnUnknownProcessIsIgnored) {
  Exit(1000, kChild);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(ProcessTableTest, ForgetRemovesWhatEndedBefore) {
  StartProgram(1000, kParent, kChild, "first");
  Exit(2000, kChild);
  StartProgram(3000, kParent, kOther, "second");
  ASSERT_EQ(table_->size(), 4u);
  table_->Forget(2000);
  EXPECT_EQ(table_->size(), 3u);  // what exec replaced is gone
  table_->Forget(2001);
  EXPECT_EQ(Find(kChild, 1500), nullptr);
  EXPECT_NE(Find(kOther, 3500), nullptr);
}

TEST_F(ProcessTableTest, ScopeKeepsStrangersOut) {
  UseScope({.all = false, .pids = {Pid(kParent)}, .follow_children = false});
  StartProgram(1000, 1, kParent, "wanted");
  StartProgram(1100, 1, kOther, "stranger");
  Fork(1200, kParent, kChild);
  Comm(1300, kOther, "still-stranger");
  EXPECT_NE(Find(kParent, 2000), nullptr);
  EXPECT_EQ(Find(kOther, 2000), nullptr);
  EXPECT_EQ(Find(kChild, 2000), nullptr);
}

TEST_F(ProcessTableTest, ScopeFollowsDescendants) {
  UseScope({.all = false, .pids = {Pid(kParent)}, .follow_children = true});
  StartProgram(1000, 1, kParent, "wanted");
  Fork(1200, kParent, kChild);
  Fork(1300, kChild, kOther);
  EXPECT_EQ(Find(kOther, 1400)->executable, "/bin/wanted");
  Exit(1500, kChild);
  Fork(1600, 1, kChild);  // the pid comes back as a stranger
  EXPECT_EQ(Find(kChild, 1700)->parent_pid, Pid(kParent));
  EXPECT_EQ(Find(kChild, 1700)->end_monotonic_ns, 1500u);
}

TEST_F(ProcessTableTest, DamagedMapsAreIgnored) {
  StartProgram(1000, kParent, kChild, "tool");
  SidebandEvent event;
  event.kind = Kind::kMap;
  event.time_ns = 2000;
  event.pid = Pid(kChild);
  event.tid = Tid(kChild);
  event.address = UINT64_MAX - 10;
  event.size_bytes = 100;
  event.text = "/bin/wrapped";
  table_->Apply(event);
  event.address = 0x1000;
  event.size_bytes = 0;
  table_->Apply(event);
  EXPECT_EQ(Find(kChild, 3000)->mappings.size(), 2u);
}

TEST_F(ProcessTableTest, FilesAreSharedByProcesses) {
  StartProgram(1000, 1, kParent, "tool");
  StartProgram(2000, 1, kChild, "tool");
  EXPECT_EQ(Find(kParent, 3000)->mappings[0].file, Find(kChild, 3000)->mappings[0].file);
}

// --- with /proc: this process and children that wait to be told to go on

class WaitingChild {
 public:
  WaitingChild() {
    EXPECT_EQ(pipe(gate_), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(gate_[1]);
      char byte = 0;
      if (read(gate_[0], &byte, 1) < 0) _exit(1);
      _exit(0);
    }
    close(gate_[0]);
  }
  ~WaitingChild() { End(); }
  void End() {
    if (pid_ <= 0) return;
    close(gate_[1]);
    EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
    pid_ = 0;
  }
  uint32_t pid() const { return uint32_t(pid_); }

 private:
  int gate_[2] = {-1, -1};
  pid_t pid_ = 0;
};

TEST_F(ProcessTableTest, ScanKnowsThisProcess) {
  const uint32_t self = uint32_t(getpid());
  UseScope({.all = false, .pids = {Pid(self)}, .follow_children = false});
  table_->ScanProc();
  EXPECT_EQ(table_->size(), 1u);
  const ProcessImage* image = Find(self, 0);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->parent_pid, Pid(uint32_t(getppid())));
  EXPECT_EQ(image->name, std::string("recorder_names_test").substr(0, 15));
  EXPECT_TRUE(image->mappings_known);
  const Mapping* here = image->FindMapping(reinterpret_cast<uint64_t>(&ClassifyMappingText));
  ASSERT_NE(here, nullptr);
  EXPECT_EQ(here->path(), image->executable);
  EXPECT_NE(here->file->inode, 0u);
}

TEST_F(ProcessTableTest, ScanOfAllFindsMoreThanOne) {
  const WaitingChild child;
  table_->ScanProc();
  EXPECT_GE(table_->size(), 2u);
  EXPECT_NE(Find(child.pid(), 0), nullptr);
  // Kernel threads are processes without mappings or executable.
  if (const ProcessImage* kthreadd = Find(2, 0); kthreadd && kthreadd->name == "kthreadd") {
    EXPECT_TRUE(kthreadd->mappings.empty());
    EXPECT_TRUE(kthreadd->mappings_known);
    EXPECT_EQ(kthreadd->executable, "");
  }
}

TEST_F(ProcessTableTest, EventsOlderThanTheScanChangeNothing) {
  WaitingChild child;
  table_->ScanProc();
  const size_t scanned = table_->size();
  ProcessImage* image = Find(child.pid(), 0);
  ASSERT_NE(image, nullptr);
  const size_t mappings = image->mappings.size();
  const std::string name = image->name;
  const uint64_t before_ns = image->read_monotonic_ns;
  Fork(before_ns - 500, uint32_t(getpid()), child.pid());
  Exec(before_ns - 400, child.pid(), "elsewhere");
  Map(before_ns - 300, child.pid(), 0x1000, "/bin/elsewhere");
  Comm(before_ns - 200, child.pid(), "elsewhere");
  Exit(before_ns, child.pid());
  EXPECT_EQ(table_->size(), scanned);
  EXPECT_EQ(Find(child.pid(), before_ns), image);
  EXPECT_EQ(image->name, name);
  EXPECT_EQ(image->mappings.size(), mappings);
  EXPECT_EQ(image->end_monotonic_ns, 0u);
}

TEST_F(ProcessTableTest, SecondScanEndsWhatIsGone) {
  WaitingChild child;
  const uint32_t pid = child.pid();
  table_->ScanProc();
  ASSERT_NE(Find(pid, 0), nullptr);
  child.End();
  table_->ScanProc();
  EXPECT_NE(Find(pid, 0)->end_monotonic_ns, 0u);
  EXPECT_EQ(Find(uint32_t(getpid()), 0)->end_monotonic_ns, 0u);
}

TEST_F(ProcessTableTest, ReadFromProcKnowsTheLivingOnly) {
  WaitingChild child;
  const Pid pid(child.pid());
  ProcessImage* image = table_->ReadFromProc(pid);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->image_start_monotonic_ns, 0u);
  EXPECT_EQ(table_->ReadFromProc(pid), image);
  EXPECT_EQ(table_->size(), 1u);
  child.End();
  EXPECT_EQ(table_->ReadFromProc(pid), nullptr);
  EXPECT_EQ(table_->ReadFromProc(Pid(kChild)), nullptr);
}

// A fork that only an event told of: what the event cannot know comes from /proc when it is asked
// for.
TEST_F(ProcessTableTest, FindCompletesALiveProcessFromProc) {
  WaitingChild child;
  timespec now{};
  ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
  const uint64_t now_ns = uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
  Fork(now_ns, kParent, child.pid());
  const ProcessImage* image = Find(child.pid(), now_ns);
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->cgroups, ProcProcess::Open(Pid(child.pid()))->Cgroups());
  EXPECT_EQ(image->name, std::string("recorder_names_test").substr(0, 15));
  EXPECT_TRUE(image->mappings_known);
  EXPECT_NE(image->FindMapping(reinterpret_cast<uint64_t>(&ClassifyMappingText)), nullptr);
}

TEST_F(ProcessTableTest, StrangerUnderTheSamePidIsNotAsked) {
  WaitingChild child;
  Fork(1000, kParent, child.pid());  // long before the child started
  const ProcessImage* image = Find(child.pid(), 2000);
  ASSERT_NE(image, nullptr);
  EXPECT_FALSE(image->mappings_known);
  EXPECT_EQ(image->name, "");
  EXPECT_TRUE(image->mappings.empty());
}

}  // namespace
}  // namespace twofold
