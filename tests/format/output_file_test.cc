// Output files are whole or not there, private, and never in place of something else.
#include "format/base/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "format/base/rename.h"
#include "tests/format/scratch_folder.h"

namespace twofold::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void Put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct stat StatusOf(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status;
}

class OutputFileTest : public ::testing::Test {
 protected:
  OutputFileTest() { signal(SIGPIPE, SIG_IGN); }

  std::string Path(const std::string& name) const { return folder_.Path(name); }

  // The message of a path that cannot be created; nothing may be left behind by trying.
  std::string MessageFor(const std::string& path, bool replace = false) {
    std::vector<std::string> before = folder_.Names();
    Result<OutputFile> file = OutputFile::Create(path, replace);
    EXPECT_EQ(folder_.Names(), before);
    if (!file) return file.error().Message();
    ADD_FAILURE() << path << " was created";
    return "";
  }

  ScratchFolder folder_;
};

TEST_F(OutputFileTest, CommittedFileIsThereWholeAndPrivate) {
  umask(022);
  Result<OutputFile> file = OutputFile::Create(Path("a"));
  ASSERT_TRUE(file.has_value()) << file.error().Message();
  EXPECT_THAT(folder_.Names(), ElementsAre("a.partial"));
  EXPECT_EQ(StatusOf(Path("a.partial")).st_mode & 07777, 0600U);
  ASSERT_TRUE(file->Append("hello ").has_value());
  ASSERT_TRUE(file->Append("world").has_value());
  ASSERT_TRUE(file->Commit().has_value());
  EXPECT_THAT(folder_.Names(), ElementsAre("a"));
  EXPECT_EQ(Content(Path("a")), "hello world");
  EXPECT_EQ(StatusOf(Path("a")).st_mode & 07777, 0600U);
}

TEST_F(OutputFileTest, DroppedFileLeavesNothing) {
  {
    Result<OutputFile> file = OutputFile::Create(Path("a"));
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->Append("half").has_value());
  }
  EXPECT_THAT(folder_.Names(), IsEmpty());
}

TEST_F(OutputFileTest, AssignmentDropsTheFileThatWasThere) {
  Result<OutputFile> first = OutputFile::Create(Path("a"));
  Result<OutputFile> second = OutputFile::Create(Path("b"));
  ASSERT_TRUE(first.has_value() && second.has_value());
  *first = std::move(*second);
  EXPECT_THAT(folder_.Names(), ElementsAre("b.partial"));
  ASSERT_TRUE(first->Append("b").has_value());
  ASSERT_TRUE(first->Commit().has_value());
  EXPECT_THAT(folder_.Names(), ElementsAre("b"));
}

TEST_F(OutputFileTest, PartialFileStaysWhenAskedTo) {
  {
    Result<OutputFile> file = OutputFile::Create(Path("a"));
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->Append("half").has_value());
    EXPECT_EQ(file->KeepPartial(), Path("a.partial"));
  }
  EXPECT_THAT(folder_.Names(), ElementsAre("a.partial"));
  EXPECT_EQ(Content(Path("a.partial")), "half");
}

TEST_F(OutputFileTest, ExistingFileIsNotTouched) {
  Put(Path("a"), "mine");
  EXPECT_EQ(MessageFor(Path("a")),
            Path("a") + ": the file exists already. Choose another name, or remove it first.");
  EXPECT_EQ(Content(Path("a")), "mine");
}

TEST_F(OutputFileTest, FileThatAppearsInTheMeantimeIsNotTouched) {
  Result<OutputFile> file = OutputFile::Create(Path("a"));
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->Append("ours").has_value());
  Put(Path("a"), "theirs");
  Result<void> committed = file->Commit();
  ASSERT_FALSE(committed.has_value());
  EXPECT_THAT(committed.error().Message(), HasSubstr("appeared in the meantime"));
  EXPECT_EQ(Content(Path("a")), "theirs");
  EXPECT_EQ(file->KeepPartial(), Path("a.partial"));
  EXPECT_EQ(Content(Path("a.partial")), "ours");
}

TEST_F(OutputFileTest, EveryWayToRenameNeverReplaces) {
  for (auto rename_file : {RenameWithoutReplacing, RenameByLink, RenameByReservation}) {
    Put(Path("from"), "ours");
    Put(Path("to"), "theirs");
    EXPECT_EQ(rename_file(Path("from"), Path("to")), EEXIST);
    EXPECT_EQ(Content(Path("to")), "theirs");
    ASSERT_EQ(unlink(Path("to").c_str()), 0);
    EXPECT_EQ(rename_file(Path("from"), Path("to")), 0);
    EXPECT_THAT(folder_.Names(), ElementsAre("to"));
    EXPECT_EQ(Content(Path("to")), "ours");
    EXPECT_EQ(rename_file(Path("missing"), Path("other")), ENOENT);
    EXPECT_THAT(folder_.Names(), ElementsAre("to"));
    ASSERT_EQ(unlink(Path("to").c_str()), 0);
  }
}

TEST_F(OutputFileTest, ReplacingHappensAtTheEndOnly) {
  Put(Path("a"), "old");
  {
    Result<OutputFile> dropped = OutputFile::Create(Path("a"), true);
    ASSERT_TRUE(dropped.has_value());
    ASSERT_TRUE(dropped->Append("half").has_value());
    EXPECT_EQ(Content(Path("a")), "old");
  }
  EXPECT_EQ(Content(Path("a")), "old");
  Result<OutputFile> file = OutputFile::Create(Path("a"), true);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->Append("new").has_value());
  ASSERT_TRUE(file->Commit().has_value());
  EXPECT_THAT(folder_.Names(), ElementsAre("a"));
  EXPECT_EQ(Content(Path("a")), "new");
}

TEST_F(OutputFileTest, PlantedLinksAreNotFollowed) {
  Put(Path("secret"), "secret");
  ASSERT_EQ(symlink(Path("secret").c_str(), Path("a.partial").c_str()), 0);
  EXPECT_THAT(MessageFor(Path("a")), HasSubstr("a.partial: the file exists already"));
  ASSERT_EQ(symlink(Path("nowhere").c_str(), Path("b").c_str()), 0);
  EXPECT_THAT(MessageFor(Path("b")), HasSubstr("the file exists already"));
  EXPECT_THAT(MessageFor(Path("b"), true), HasSubstr("this is a symbolic link"));
  EXPECT_EQ(Content(Path("secret")), "secret");
}

TEST_F(OutputFileTest, PartialFileThatWasSwappedIsNeitherRenamedNorRemoved) {
  Result<OutputFile> file = OutputFile::Create(Path("a"));
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(unlink(Path("a.partial").c_str()), 0);
  Put(Path("a.partial"), "not ours");
  Result<void> committed = file->Commit();
  ASSERT_FALSE(committed.has_value());
  EXPECT_THAT(committed.error().what, HasSubstr("removed or replaced"));
  *file = std::move(*OutputFile::Create(Path("c")));
  EXPECT_EQ(Content(Path("a.partial")), "not ours");
}

TEST_F(OutputFileTest, PathsThatCannotBeAreNamed) {
  EXPECT_EQ(MessageFor(Path("missing/a")),
            Path("missing/a") +
                ": cannot create the file: No such file or directory. Create its directory first.");
  EXPECT_THAT(MessageFor(Path("")), HasSubstr("this is a directory"));
  EXPECT_THAT(MessageFor(Path("missing/")), HasSubstr("the path names a directory"));
  Put(Path("file"), "");
  EXPECT_THAT(MessageFor(Path("file/a")), HasSubstr("Not a directory"));
  EXPECT_THAT(MessageFor(Path(std::string(300, 'x'))), HasSubstr("File name too long"));
  Result<OutputFile> empty = OutputFile::Create("");
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().kind, Error::Kind::kUsage);
}

TEST_F(OutputFileTest, ReadOnlyPlacesAreNamed) {
  EXPECT_THAT(MessageFor("/proc/twofold-test"), HasSubstr("cannot create the file"));
}

TEST_F(OutputFileTest, FullDiskIsNamed) {
  Result<OutputFile> file = OutputFile::Create("/dev/full");
  ASSERT_TRUE(file.has_value()) << file.error().Message();
  Result<void> written = file->Append("x");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().Message(),
            "/dev/full: cannot write: No space left on device. Free some space, or choose another "
            "disk.");
}

TEST_F(OutputFileTest, FileSizeLimitIsNamed) {
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  Result<OutputFile> file = OutputFile::Create(Path("a"));
  ASSERT_TRUE(file.has_value());
  struct rlimit small = {1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<void> written = file->Append(std::string(5000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_DFL);
  ASSERT_FALSE(written.has_value());
  EXPECT_THAT(written.error().Message(), HasSubstr("File too large. Raise the file size limit"));
}

TEST_F(OutputFileTest, CharacterDevicesAreWrittenToDirectly) {
  Result<OutputFile> file = OutputFile::Create("/dev/null");
  ASSERT_TRUE(file.has_value()) << file.error().Message();
  EXPECT_TRUE(file->Append("x").has_value());
  EXPECT_EQ(file->KeepPartial(), "");
  Result<OutputFile> again = OutputFile::Create("/dev/null");
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->Commit().has_value());
  EXPECT_TRUE(S_ISCHR(StatusOf("/dev/null").st_mode));
}

TEST_F(OutputFileTest, FifosAreWrittenToDirectly) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = Content(Path("fifo")); });
  {
    Result<OutputFile> file = OutputFile::Create(Path("fifo"));
    ASSERT_TRUE(file.has_value()) << file.error().Message();
    EXPECT_TRUE(file->Append("through the pipe").has_value());
    EXPECT_TRUE(file->Commit().has_value());
  }
  reader.join();
  EXPECT_EQ(got, "through the pipe");
  EXPECT_THAT(folder_.Names(), ElementsAre("fifo"));
}

TEST_F(OutputFileTest, DescriptorsAreWrittenToDirectly) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Result<OutputFile> file = OutputFile::Create("/dev/fd/" + std::to_string(ends[1]));
  ASSERT_TRUE(file.has_value()) << file.error().Message();
  ASSERT_TRUE(file->Append("abc").has_value());
  ASSERT_TRUE(file->Commit().has_value());
  char got[4] = {};
  EXPECT_EQ(read(ends[0], got, 3), 3);
  EXPECT_STREQ(got, "abc");
  // The descriptor that was named stays open.
  EXPECT_EQ(write(ends[1], "d", 1), 1);
  close(ends[0]);
  close(ends[1]);
  EXPECT_THAT(MessageFor("/dev/fd/999999"), HasSubstr("Bad file descriptor"));
}

TEST_F(OutputFileTest, PipeWithoutReaderIsItsOwnKindOfError) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  int saved = dup(STDOUT_FILENO);
  fflush(stdout);
  ASSERT_GE(dup2(ends[1], STDOUT_FILENO), 0);
  Result<OutputFile> file = OutputFile::Create("-");
  Result<void> with_reader = file->Append("x");
  close(ends[0]);
  Result<void> without = file->Append("x");
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(ends[1]);
  EXPECT_TRUE(with_reader.has_value());
  ASSERT_FALSE(without.has_value());
  EXPECT_EQ(without.error().kind, Error::Kind::kBrokenPipe);
  EXPECT_EQ(without.error().where, "standard output");
}

class Sudo {
 public:
  Sudo(const char* uid, const char* gid) {
    setenv("SUDO_UID", uid, 1);
    setenv("SUDO_GID", gid, 1);
  }
  ~Sudo() {
    unsetenv("SUDO_UID");
    unsetenv("SUDO_GID");
  }
};

TEST_F(OutputFileTest, UnderSudoTheInvokingUserOwnsTheFile) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  Sudo sudo("1234", "5678");
  Result<OutputFile> file = OutputFile::Create(Path("a"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(StatusOf(Path("a.partial")).st_uid, 1234U);
  EXPECT_EQ(StatusOf(Path("a.partial")).st_gid, 5678U);
}

TEST_F(OutputFileTest, OwnersThatAreNoNumbersAreIgnored) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  for (const char* uid : {"", "-1", "4294967295", "4294967296", "12x", " 12", "+12", "0x10"}) {
    Sudo sudo(uid, "5678");
    Result<OutputFile> file = OutputFile::Create(Path("a"));
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(StatusOf(Path("a.partial")).st_uid, 0U) << uid;
    EXPECT_EQ(StatusOf(Path("a.partial")).st_gid, 0U) << uid;
  }
}

}  // namespace
}  // namespace twofold::testing
