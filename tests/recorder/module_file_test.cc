// Opening the files of processes that are gone, or that never were: what is left is the path in our
// own root, and what must not be opened there.
#include "recorder/module_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class ModuleFileTest : public testing::Test {
 protected:
  // The bytes of the first candidate; "(none)" when there is none.
  std::string Open(const std::string& path, const std::string& build_id, uint64_t inode,
                   bool deleted = false) {
    MappedFile file;
    file.path = path;
    file.build_id = build_id;
    file.inode = inode;
    file.deleted = deleted;
    ProcessImage image;
    image.pid = Pid(5'000'001);
    image.start_boottime_ns = 1;
    const Mapping mapping{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
    std::string bytes = "(none)";
    ForEachCandidateFile(image, mapping, [&](UniqueFd fd) {
      bytes.resize(100);
      const ssize_t got = read(fd.get(), bytes.data(), bytes.size());
      bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
      return true;
    });
    return bytes;
  }

  TemporaryDirectory directory_;
};

TEST_F(ModuleFileTest, PathInOurRootNeedsABuildIdToCompareOrTheRightInode) {
  const std::string path = directory_.Write("library", "content");
  EXPECT_EQ(Open(path, "abcd", 0), "content");
  EXPECT_EQ(Open(path, "", InodeOf(path)), "content");
  EXPECT_EQ(Open(path, "", InodeOf(path) + 1), "(none)");
  EXPECT_EQ(Open(path, "", 0), "(none)");
}

TEST_F(ModuleFileTest, DeletedAndMissingFilesAreNotFoundByPath) {
  const std::string path = directory_.Write("library", "content");
  EXPECT_EQ(Open(path, "abcd", 0, true), "(none)");
  EXPECT_EQ(Open(directory_.path() + "/none", "abcd", 0), "(none)");
  EXPECT_EQ(Open("relative", "abcd", 0), "(none)");
  EXPECT_EQ(Open("", "abcd", 0), "(none)");
}

TEST_F(ModuleFileTest, LinksAreNotFollowed) {
  const std::string secret = directory_.Write("secret", "content");
  const std::string link = directory_.path() + "/link";
  ASSERT_EQ(symlink(secret.c_str(), link.c_str()), 0);
  EXPECT_EQ(Open(link, "abcd", 0), "(none)");
  const std::string directory_link = directory_.path() + "/inner";
  ASSERT_EQ(symlink(directory_.path().c_str(), directory_link.c_str()), 0);
  EXPECT_EQ(Open(directory_link + "/secret", "abcd", 0), "(none)");
  EXPECT_EQ(Open("/proc/self/exe", "abcd", 0), "(none)");
}

// A FIFO without a writer would block an ordinary open for ever.
TEST_F(ModuleFileTest, OnlyRegularFilesAreOpened) {
  const std::string fifo = directory_.path() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(Open(fifo, "abcd", 0), "(none)");
  EXPECT_EQ(Open(fifo, "", InodeOf(fifo)), "(none)");
  EXPECT_EQ(Open(directory_.path(), "abcd", 0), "(none)");
  EXPECT_EQ(Open("/dev/zero", "abcd", 0), "(none)");
}

}  // namespace
}  // namespace twofold
