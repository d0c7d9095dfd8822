// Perf maps of this very process, in the place where its runtime would put them, and files that
// somebody else put there.
#include "recorder/names/runtime_names.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "recorder/base/small_file.h"
#include "recorder/processes/careful_open.h"
#include "recorder/processes/process_table.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

TEST(ProcStatus, InnermostPidAndUsers) {
  const auto identity = ParseProcStatus(
      "Name:\tjava\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\nNgid:\t0\nPid:\t4711\n"
      "Uid:\t1000\t1001\t1002\t1003\nGid:\t0\t0\t0\t0\nNStgid:\t4711\t17\t3\nNSpid:\t4711\t17\t3\n"
      "NSpgid:\t9\t9\t9\n");
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->pid_inside, 3u);
  EXPECT_EQ(identity->user_ids, (std::vector<uint32_t>{1000, 1001, 1002, 1003}));
  EXPECT_FALSE(ParseProcStatus("").has_value());
  EXPECT_FALSE(ParseProcStatus("Uid:\t0\t0\t0\t0\n").has_value());
  EXPECT_FALSE(ParseProcStatus("NSpid:\t1\n").has_value());
  EXPECT_FALSE(ParseProcStatus("Uid:\t0\tx\nNSpid:\t1\n").has_value());
}

TEST(RuntimeNamesMappings, WhichMayHoldCodeAndWhichAreJitDumps) {
  const auto mapping = [](const char* text) {
    Mapping mapping;
    mapping.file = std::make_shared<const MappedFile>(ClassifyMappingText(text));
    return mapping;
  };
  for (const char* text : {"", "//anon", "[anon:dalvik-jit]", "[heap]", "/dev/zero (deleted)",
                           "/memfd:doublemapper (deleted)", "/dev/shm/doublemapper (deleted)"}) {
    EXPECT_TRUE(RuntimeNames::MayHoldCode(mapping(text))) << text;
  }
  for (const char* text : {"[vdso]", "[vsyscall]", "[uprobes]", "/usr/bin/node",
                           "/usr/lib/libc.so.6 (deleted)", "/dev/shm/library.so"}) {
    EXPECT_FALSE(RuntimeNames::MayHoldCode(mapping(text))) << text;
  }
  EXPECT_TRUE(RuntimeNames::IsJitDump(mapping("/home/a/.debug/jit/x/jit-812.dump")));
  EXPECT_TRUE(RuntimeNames::IsJitDump(mapping("/tmp/jit-1.dump (deleted)")));
  for (const char* text : {"/tmp/jit-.dump", "/tmp/jit-x1.dump", "/tmp/jit-1.dump.so",
                           "/tmp/1.dump", "/tmp/jit.dump", "jit", ""}) {
    EXPECT_FALSE(RuntimeNames::IsJitDump(mapping(text))) << text;
  }
}

class RuntimeNamesTest : public testing::Test {
 protected:
  RuntimeNamesTest() {
    const auto status = ReadSmallFile(AT_FDCWD, "/proc/self/status", 16384);
    map_path_ = "/tmp/perf-" + std::to_string(ParseProcStatus(*status)->pid_inside) + ".map";
    unlink(map_path_.c_str());
    image_ = processes_.ReadFromProc(Pid(uint32_t(getpid())));
  }
  ~RuntimeNamesTest() override { unlink(map_path_.c_str()); }

  void WriteMap(const std::string& bytes, bool append = false) const {
    std::ofstream(map_path_, append ? std::ios::app : std::ios::trunc) << bytes;
  }

  // The name at the next interval's end.
  std::string NameNow(uint64_t address) {
    names_.EndInterval();
    const auto entry = names_.Find(*image_, address);
    if (!entry) names_.CountUnnamed(*image_);
    return entry ? entry->name : "";
  }

  std::string map_path_;
  ProcessTable processes_{ProcessTable::Scope{}};
  ProcessImage* image_ = nullptr;
  NameReader reader_{TWOFOLD_BIN_DIR "/twofold-record"};
  RuntimeNames names_{reader_};
};

TEST_F(RuntimeNamesTest, MapIsReadOncePerIntervalAndFollowed) {
  WriteMap("1000 100 first\n");
  EXPECT_EQ(NameNow(0x1005), "first");
  const uint64_t version = names_.Version(*image_);
  WriteMap("1000 100 second\n", true);
  EXPECT_EQ(names_.Find(*image_, 0x1005)->name, "first");
  EXPECT_EQ(names_.Version(*image_), version);
  EXPECT_EQ(NameNow(0x1005), "second");
  EXPECT_NE(names_.Version(*image_), version);
  EXPECT_EQ(names_.TakeUnnamedProcesses(), 0u);
  EXPECT_EQ(names_.TakeUnusableFiles(), 0u);
}

TEST_F(RuntimeNamesTest, DeletedMapIsReadToItsEnd) {
  WriteMap("1000 100 first\n");
  EXPECT_EQ(NameNow(0x1005), "first");
  std::ofstream writer(map_path_, std::ios::app);
  ASSERT_EQ(unlink(map_path_.c_str()), 0);
  writer << "1000 100 second\n" << std::flush;
  image_->end_monotonic_ns = 1;
  EXPECT_EQ(NameNow(0x1005), "second");
}

TEST_F(RuntimeNamesTest, ReplacedMapIsReadAnew) {
  WriteMap("1000 100 first\n2000 100 gone\n");
  EXPECT_EQ(NameNow(0x1005), "first");
  const std::string other = map_path_ + ".new";
  std::ofstream(other) << "1000 100 second\n";
  ASSERT_EQ(rename(other.c_str(), map_path_.c_str()), 0);
  EXPECT_EQ(NameNow(0x1005), "second");
  EXPECT_EQ(NameNow(0x2005), "");
}

TEST_F(RuntimeNamesTest, ProcessWithoutNamesIsCountedOnce) {
  EXPECT_EQ(NameNow(0x1005), "");
  EXPECT_EQ(NameNow(0x2005), "");
  EXPECT_EQ(names_.TakeUnnamedProcesses(), 1u);
  EXPECT_EQ(names_.TakeUnnamedProcesses(), 0u);
  WriteMap("1000 100 late\n");
  EXPECT_EQ(NameNow(0x1005), "late");
  EXPECT_EQ(names_.TakeUnusableFiles(), 0u);
}

TEST_F(RuntimeNamesTest, LinksAreNotFollowed) {
  TemporaryDirectory directory;
  const std::string secret = directory.Write("secret", "1000 100 secret\n");
  ASSERT_EQ(symlink(secret.c_str(), map_path_.c_str()), 0);
  EXPECT_EQ(NameNow(0x1005), "");
  EXPECT_EQ(names_.TakeUnnamedProcesses(), 1u);
}

TEST_F(RuntimeNamesTest, FifosAndDirectoriesCostTheNamesAndAreCounted) {
  ASSERT_EQ(mkfifo(map_path_.c_str(), 0666), 0);
  EXPECT_EQ(NameNow(0x1005), "");
  EXPECT_EQ(NameNow(0x1005), "");
  EXPECT_EQ(names_.TakeUnusableFiles(), 1u);
  unlink(map_path_.c_str());
  ASSERT_EQ(mkdir(map_path_.c_str(), 0700), 0);
  EXPECT_EQ(NameNow(0x1005), "");
  rmdir(map_path_.c_str());
  WriteMap("1000 100 good\n");
  EXPECT_EQ(NameNow(0x1005), "good");
}

TEST_F(RuntimeNamesTest, FilesOfSomebodyElseAreRefused) {
  if (getuid() != 0) GTEST_SKIP() << "only root can give a file away";
  WriteMap("1000 100 planted\n");
  ASSERT_EQ(chown(map_path_.c_str(), 65534, 65534), 0);
  EXPECT_EQ(NameNow(0x1005), "");
  EXPECT_EQ(names_.TakeUnusableFiles(), 1u);
  ASSERT_EQ(chown(map_path_.c_str(), 0, 0), 0);
  EXPECT_EQ(NameNow(0x1005), "planted");
}

TEST_F(RuntimeNamesTest, MapThatIsOlderThanTheProcessBelongsToAnother) {
  WriteMap("1000 100 old\n");
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, map_path_.c_str(), times, 0), 0);
  EXPECT_EQ(NameNow(0x1005), "");
  EXPECT_EQ(names_.TakeUnnamedProcesses(), 1u);
  EXPECT_EQ(names_.TakeUnusableFiles(), 0u);
}

TEST_F(RuntimeNamesTest, MapWrittenAtTheVeryEndIsFoundWhenTheProcessWasKnown) {
  names_.Prepare(*image_);
  ProcessImage gone = *image_;
  gone.pid = Pid(5'000'001);
  gone.end_monotonic_ns = 1;
  WriteMap("1000 100 at the end\n");
  EXPECT_FALSE(names_.Find(gone, 0x1005).has_value());  // nobody knew this one
  EXPECT_EQ(NameNow(0x1005), "at the end");
}

TEST_F(RuntimeNamesTest, JitDumpIsFoundByItsMapping) {
  TemporaryDirectory directory;
  std::string dump(40, '\0');
  const uint32_t head[] = {0x4A695444, 1, 40};
  dump.replace(0, sizeof head, reinterpret_cast<const char*>(head), sizeof head);
  const uint32_t load[] = {0, 16 + 40 + 6 + 4, 0, 0, 1, 1};
  const uint64_t numbers[] = {0x1000, 0x1000, 4, 1};
  dump.append(reinterpret_cast<const char*>(load), sizeof load);
  dump.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
  dump.append(std::string("first\0code", 10));
  const std::string path = directory.Write("jit-7.dump", dump);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  void* marker = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(marker, MAP_FAILED);
  ProcessTable processes{ProcessTable::Scope{}};
  image_ = processes.ReadFromProc(Pid(uint32_t(getpid())));
  EXPECT_EQ(NameNow(0x1002), "first");
  EXPECT_EQ(names_.TakeUnusableFiles(), 0u);
  munmap(marker, 4096);
}

TEST_F(RuntimeNamesTest, NobodysProcessesAreForgotten) {
  WriteMap("1000 100 first\n");
  EXPECT_EQ(NameNow(0x1005), "first");
  EXPECT_GT(names_.memory_bytes(), 0u);
  for (int i = 0; i < 100; ++i) names_.EndInterval();
  EXPECT_EQ(names_.memory_bytes(), 0u);
  EXPECT_EQ(NameNow(0x1005), "first");
}

}  // namespace
}  // namespace twofold
