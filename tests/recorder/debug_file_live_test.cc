// Debug files in the root of another process, as of a container. Needs root for chroot.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "recorder/names/debug_file.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class DebugFileLive : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root_.path() + "/usr/lib/debug/.build-id/ab");
    std::filesystem::create_directories(root_.path() + "/usr/lib/debug/bin");
    std::filesystem::create_directory(root_.path() + "/bin");
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      const bool is_inside = chroot(root_.path().c_str()) == 0 && chdir("/") == 0;
      if (is_inside && write(ready[1], "!", 1) == 1) pause();
      _exit(1);
    }
    close(ready[1]);
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1) << "the child could not change its root";
    close(ready[0]);
  }

  void TearDown() override {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  // What the process is offered for its module /bin/module.
  std::vector<std::string> Offered() {
    MappedFile file;
    file.path = "/bin/module";
    const Mapping mapping{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
    ProcessImage image;
    image.pid = Pid(uint32_t(child_));
    std::vector<std::string> offered;
    const DebugLink link{"module.debug", 0};
    ForEachDebugFile(image, mapping, "abcdef012345", link, [&](UniqueFd fd) {
      char bytes[100];
      const ssize_t got = read(fd.get(), bytes, sizeof bytes);
      offered.emplace_back(bytes, got < 0 ? 0 : size_t(got));
      return false;
    });
    return offered;
  }

  TemporaryDirectory root_;
  pid_t child_ = -1;
};

TEST_F(DebugFileLive, EachPlaceInTheProcesssRootIsLookedAtInOrder) {
  root_.Write("usr/lib/debug/.build-id/ab/cdef012345.debug", "by build id");
  root_.Write("bin/module.debug", "beside");
  root_.Write("usr/lib/debug/bin/module.debug", "by path");
  EXPECT_EQ(Offered(), (std::vector<std::string>{"by build id", "beside", "by path"}));
}

// As Fedora's packages have them.
TEST_F(DebugFileLive, LinksByBuildIdAreFollowedInsideOfTheRoot) {
  root_.Write("usr/lib/debug/bin/other.debug", "linked");
  const std::string link = root_.path() + "/usr/lib/debug/.build-id/ab/cdef012345.debug";
  ASSERT_EQ(symlink("../../bin/other.debug", link.c_str()), 0);
  EXPECT_EQ(Offered(), std::vector<std::string>{"linked"});
  ASSERT_EQ(unlink(link.c_str()), 0);
  ASSERT_EQ(symlink("/usr/lib/debug/bin/other.debug", link.c_str()), 0);
  EXPECT_EQ(Offered(), std::vector<std::string>{"linked"});
  // Out of the root: such a file is not there.
  ASSERT_EQ(unlink(link.c_str()), 0);
  ASSERT_EQ(symlink("../../../../../../../../etc/passwd", link.c_str()), 0);
  EXPECT_EQ(Offered(), std::vector<std::string>{});
}

TEST_F(DebugFileLive, LinksElsewhereAreNotFollowed) {
  root_.Write("bin/other", "linked");
  ASSERT_EQ(symlink("other", (root_.path() + "/bin/module.debug").c_str()), 0);
  EXPECT_EQ(Offered(), std::vector<std::string>{});
}

}  // namespace
}  // namespace twofold
