// A name reader's process: what rights it has, and what is lost with it when it dies.
#include "recorder/names/name_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "recorder/base/small_file.h"
#include "recorder/names/remote_files.h"
#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

constexpr const char* kProgram = TWOFOLD_BIN_DIR "/twofold-record";
constexpr NameReaderLimits kImpatient = {.wall_ns = 300'000'000};

std::string Library(const std::string& function) {
  ElfBuilder builder(64);
  builder.AddFunction(function, 0, 64);
  builder.SetBuildId("id of " + function);
  return builder.Build();
}

UniqueFd Open(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::string NameOf(RemoteElf& elf) {
  return elf.FindByFileOffset(ElfBuilder::kTextOffset + 8).value_or("(none)");
}

std::string StatusOf(pid_t pid, const std::string& key) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  const std::string text = ReadSmallFile(AT_FDCWD, path.c_str(), 16384).value_or("");
  const size_t at = text.find("\n" + key + ":");
  if (at == std::string::npos) return "";
  const size_t value = text.find_first_not_of(" \t", at + key.size() + 2);
  return text.substr(value, text.find('\n', value) - value);
}

class NameReaderTest : public testing::Test {
 protected:
  NameReader reader_{kProgram, kImpatient};
  TemporaryDirectory directory_;
};

TEST_F(NameReaderTest, HasNoRights) {
  ASSERT_TRUE(reader_.Start().has_value());
  const pid_t pid = reader_.pid();
  EXPECT_EQ(StatusOf(pid, "Seccomp"), "2");
  EXPECT_EQ(StatusOf(pid, "NoNewPrivs"), "1");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_EQ(StatusOf(pid, set), "0000000000000000") << set;
  }
  if (geteuid() != 0) return;
  const std::string users = StatusOf(pid, "Uid");
  EXPECT_NE(users.substr(0, 2), "0\t") << users;
  EXPECT_EQ(StatusOf(pid, "Groups"), "");
  // Nothing of the recorder's is open there.
  EXPECT_NE(access(("/proc/" + std::to_string(pid) + "/fd/3").c_str(), F_OK), -1);
  EXPECT_EQ(access(("/proc/" + std::to_string(pid) + "/fd/4").c_str(), F_OK), -1);
}

TEST_F(NameReaderTest, TellsFunctionsOfFiles) {
  RemoteElf elf(reader_, MemoryFile(Library("tell_me")));
  ASSERT_TRUE(elf.Read());
  EXPECT_EQ(elf.functions(), 1u);
  EXPECT_FALSE(elf.build_id().empty());
  EXPECT_EQ(NameOf(elf), "tell_me");
  EXPECT_EQ(elf.FindByFileOffset(1'000'000), std::nullopt);
  RemoteElf garbage(reader_, MemoryFile("no ELF file"));
  EXPECT_FALSE(garbage.Read());
  EXPECT_FALSE(garbage.given_up());
  EXPECT_EQ(reader_.TakeGivenUp(), 0u);
}

TEST_F(NameReaderTest, FilesAreGivenToTheNextReader) {
  RemoteElf elf(reader_, MemoryFile(Library("tell_me")));
  RemoteCode code(reader_, MemoryFile("1000 100 made\n"), RuntimeCodeFile::Format::kPerfMap);
  EXPECT_EQ(NameOf(elf), "tell_me");
  EXPECT_EQ(code.Refresh(1 << 20), 14u);
  const uint64_t changes = code.changes();
  const pid_t first = reader_.pid();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  // Until the kernel has closed its end of the socket.
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(first), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(NameOf(elf), "tell_me");
  EXPECT_NE(reader_.pid(), first);
  EXPECT_EQ(code.Refresh(1 << 20), 14u);
  EXPECT_NE(code.changes(), changes);
  EXPECT_EQ(code.Find(0x1010)->name, "made");
  EXPECT_EQ(reader_.TakeGivenUp(), 0u);
  EXPECT_GT(reader_.TakeUsage().peak_resident_bytes, 100'000u);
}

TEST_F(NameReaderTest, FileThatHangsTheReaderLosesItsNamesAndNothingElse) {
  RemoteElf good(reader_, MemoryFile(Library("good")));
  RemoteElf bad(reader_, MemoryFile(Library("bad")));
  EXPECT_EQ(NameOf(good), "good");
  EXPECT_EQ(NameOf(bad), "bad");
  ASSERT_EQ(kill(reader_.pid(), SIGSTOP), 0);
  EXPECT_EQ(NameOf(bad), "(none)");
  EXPECT_TRUE(bad.given_up());
  EXPECT_EQ(reader_.TakeGivenUp(), 1u);
  EXPECT_EQ(reader_.TakeGivenUp(), 0u);
  EXPECT_EQ(NameOf(good), "good");
  EXPECT_EQ(NameOf(bad), "(none)");
  EXPECT_EQ(reader_.TakeGivenUp(), 0u);
}

TEST_F(NameReaderTest, UserWhoseFilesTakeReadersAlongIsLeftAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to own files as somebody else";
  constexpr uid_t kSomebody = 4242;
  const auto theirs = [&](const std::string& name) {
    const std::string path = directory_.Write(name, Library(name));
    EXPECT_EQ(chown(path.c_str(), kSomebody, kSomebody), 0);
    return Open(path);
  };
  for (const char* name : {"a", "b", "c"}) {
    RemoteElf elf(reader_, theirs(name));
    ASSERT_TRUE(elf.Read());
    ASSERT_EQ(kill(reader_.pid(), SIGSTOP), 0);
    EXPECT_EQ(NameOf(elf), "(none)");
  }
  EXPECT_EQ(reader_.TakeGivenUp(), 3u);
  RemoteElf another(reader_, theirs("d"));
  EXPECT_FALSE(another.Read());
  RemoteElf ours(reader_, MemoryFile(Library("ours")));
  EXPECT_EQ(NameOf(ours), "ours");
}

TEST(NameReader, WithoutProgramSaysWhyAndGivesNoNames) {
  NameReader reader("/nowhere/twofold-record");
  const Result<void> started = reader.Start();
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().what.find("cannot start the process that reads symbols"),
            std::string::npos);
  RemoteElf elf(reader, MemoryFile(Library("tell_me")));
  EXPECT_FALSE(elf.Read());
  EXPECT_FALSE(elf.given_up());
}

}  // namespace
}  // namespace twofold
