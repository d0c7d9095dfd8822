// Opening the files of processes that are gone, or that never were: what is left is the path in our
// own root, and what must not be opened there.
#include "recorder/names/module_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <optional>

#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class ModuleFileTest : public testing::Test {
 protected:
  // The bytes of the first candidate; "(none)" when there is none.
  static std::string Open(const MappedFile& file) {
    ProcessImage image;
    image.pid = Pid(5'000'001);
    image.start_boottime_ns = 1;
    const Mapping mapping{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
    std::string bytes = "(none)";
    ForEachCandidateFile(image, mapping, [&](UniqueFd fd) {
      bytes.resize(100);
      const ssize_t got = read(fd.get(), bytes.data(), bytes.size());
      bytes.resize(got < 0 ? 0 : size_t(got));
      return true;
    });
    return bytes;
  }

  // The inode's generation, where the file system tells it.
  static std::optional<uint32_t> GenerationOf(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    uint64_t generation = 0;
    if (!fd || ioctl(fd.get(), FS_IOC_GETVERSION, &generation) != 0) return std::nullopt;
    return uint32_t(generation);
  }

  TemporaryDirectory directory_;
};

TEST_F(ModuleFileTest, PathInOurRootNeedsTheRightDeviceAndInode) {
  const MappedFile file = MappedFileAt(directory_.Write("library", "content"));
  EXPECT_EQ(Open(file), "content");
  MappedFile other = file;
  ++other.inode;
  EXPECT_EQ(Open(other), "(none)");
  other.inode = 0;
  EXPECT_EQ(Open(other), "(none)");
  other = file;
  other.device = makedev(major(file.device) + 1, minor(file.device));
  // A device without a driver may be an overlay's, whose files have other devices in events.
  EXPECT_EQ(Open(other), major(file.device) == 0 ? "content" : "(none)");
  other.device = 0;
  EXPECT_EQ(Open(other), "content");
}

// An inode's number is soon given to another file.
TEST_F(ModuleFileTest, AnotherGenerationOfTheInodeIsAnotherFile) {
  MappedFile file = MappedFileAt(directory_.Write("library", "content"));
  const auto generation = GenerationOf(file.path);
  if (!generation) GTEST_SKIP() << "the file system here tells no generations of inodes";
  file.inode_generation = *generation;
  EXPECT_EQ(Open(file), "content");
  ++file.inode_generation;
  EXPECT_EQ(Open(file), "(none)");
}

TEST_F(ModuleFileTest, DeletedAndMissingFilesAreNotFoundByPath) {
  MappedFile file = MappedFileAt(directory_.Write("library", "content"));
  file.deleted = true;
  EXPECT_EQ(Open(file), "(none)");
  file.deleted = false;
  for (const std::string& path :
       {directory_.path() + "/none", std::string("relative"), std::string()}) {
    file.path = path;
    EXPECT_EQ(Open(file), "(none)") << path;
  }
}

TEST_F(ModuleFileTest, LinksAreNotFollowed) {
  MappedFile file = MappedFileAt(directory_.Write("secret", "content"));
  const std::string secret = file.path;
  file.path = directory_.path() + "/link";
  ASSERT_EQ(symlink(secret.c_str(), file.path.c_str()), 0);
  EXPECT_EQ(Open(file), "(none)");
  const std::string directory_link = directory_.path() + "/inner";
  ASSERT_EQ(symlink(directory_.path().c_str(), directory_link.c_str()), 0);
  file.path = directory_link + "/secret";
  EXPECT_EQ(Open(file), "(none)");
  MappedFile self = MappedFileAt("/proc/self/exe");
  self.path = "/proc/self/exe";
  EXPECT_EQ(Open(self), "(none)");
}

// A FIFO without a writer would block an ordinary open for ever.
TEST_F(ModuleFileTest, OnlyRegularFilesAreOpened) {
  const std::string fifo = directory_.path() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {fifo, directory_.path(), std::string("/dev/zero")}) {
    EXPECT_EQ(Open(MappedFileAt(path)), "(none)") << path;
  }
}

}  // namespace
}  // namespace twofold
