// What needs a cgroup of its own is in tests/live.
#include "recorder/host/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace twofold {
namespace {

using testing::HasSubstr;

TEST(FindCgroupMount, VersionTwoIsToldFromVersionOne) {
  const auto mount = FindCgroupMount(
      "22 1 0:20 / /proc rw - proc proc rw\n"
      "31 22 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 master:1 - cgroup2 cgroup2 rw\n");
  ASSERT_TRUE(mount.has_value());
  EXPECT_EQ(mount->directory, "/sys/fs/cgroup/unified");
  EXPECT_EQ(mount->root, "/");
}

TEST(FindCgroupMount, MountOfTheRootIsPreferred) {
  const std::string part = "50 1 0:38 /a/b /mnt/part rw - cgroup2 cgroup2 rw\n";
  const std::string whole = "51 1 0:38 / /mnt/with\\040blank rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(FindCgroupMount(part + whole)->directory, "/mnt/with blank");
  EXPECT_EQ(FindCgroupMount(whole + part)->directory, "/mnt/with blank");
  EXPECT_EQ(FindCgroupMount(part)->directory, "/mnt/part");
  EXPECT_EQ(FindCgroupMount(part)->root, "/a/b");
}

TEST(FindCgroupMount, GarbageHasNone) {
  for (const char* text : {"", "\n\n", "cgroup2", "1 2 3 / /mnt - cgroup2", "1 2 3 / /mnt rw -",
                           "1 2 0:3 / /mnt rw shared:1 cgroup2 - ext4 /dev/x rw"}) {
    EXPECT_FALSE(FindCgroupMount(text).has_value()) << text;
  }
}

// A mountinfo of one's own.
class FindCgroupTest : public testing::Test {
 protected:
  FindCgroupTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "twofold-cgroup-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~FindCgroupTest() override { std::filesystem::remove_all(directory_); }

  std::string Mountinfo(const std::string& text) const {
    std::ofstream(directory_ + "/mountinfo") << text;
    return directory_ + "/mountinfo";
  }

  std::string directory_;
};

TEST_F(FindCgroupTest, HostWithVersionOneOnlyIsNamed) {
  const auto cgroup = FindCgroup(
      "/a", Mountinfo("31 22 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"));
  ASSERT_FALSE(cgroup);
  EXPECT_THAT(cgroup.error().Message(), HasSubstr("no cgroup hierarchy of version 2"));
  EXPECT_THAT(cgroup.error().Message(), HasSubstr("systemd.unified_cgroup_hierarchy=1"));
}

TEST_F(FindCgroupTest, DirectoryThatIsNoCgroupIsRefused) {
  std::filesystem::create_directory(directory_ + "/below");
  const std::string mountinfo =
      Mountinfo("41 31 0:38 / " + directory_ + " rw - cgroup2 cgroup2 rw\n");
  for (const std::string& path : {std::string("below"), directory_ + "/below", std::string("/none"),
                                  std::string("../.."), std::string("/")}) {
    const auto cgroup = FindCgroup(path, mountinfo);
    ASSERT_FALSE(cgroup) << path;
    EXPECT_THAT(cgroup.error().Message(), HasSubstr("there is no such cgroup below " + directory_));
    EXPECT_THAT(cgroup.error().Message(), HasSubstr("--cgroup " + path));
  }
}

TEST(FindCgroup, RootOfThisHostIsFoundByEveryName) {
  std::ifstream file("/proc/self/mountinfo");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto mount = FindCgroupMount(text);
  if (!mount) GTEST_SKIP() << "no cgroup hierarchy of version 2 is mounted";
  struct stat status = {};
  ASSERT_EQ(stat(mount->directory.c_str(), &status), 0);
  for (const std::string& path :
       {std::string("/"), mount->directory, mount->directory + "/", std::string("."),
        mount->directory + "/../" + std::filesystem::path(mount->directory).filename().string()}) {
    const auto cgroup = FindCgroup(path);
    ASSERT_TRUE(cgroup) << path << ": " << cgroup.error().Message();
    EXPECT_EQ(cgroup->path, mount->root) << path;
    EXPECT_EQ(cgroup->id, status.st_ino) << path;
  }
}

TEST(CgroupPaths, TellWhatCgroupsAnIdStandsFor) {
  const Result<Cgroup> root = FindCgroup("/");
  if (!root || geteuid() != 0) GTEST_SKIP() << "needs root and a hierarchy of version 2";
  CgroupPaths paths;
  EXPECT_EQ(paths.Find(root->id), root->path);
  EXPECT_EQ(paths.Find(root->id), root->path);
  EXPECT_EQ(paths.Find(0xffff'ffff'ffff), std::nullopt);
}

// Any folders do for the walk.
TEST_F(FindCgroupTest, PathsAreKnownAlsoOnceTheCgroupsAreRemoved) {
  std::filesystem::create_directories(directory_ + "/mount/a/b");
  std::filesystem::create_directories(directory_ + "/mount/c");
  std::ofstream(directory_ + "/mount/cgroup.procs") << "1\n";
  const auto id = [this](const std::string& path) {
    struct stat status = {};
    EXPECT_EQ(stat((directory_ + "/mount" + path).c_str(), &status), 0) << path;
    return uint64_t(status.st_ino);
  };
  const uint64_t mount = id(""), a = id("/a"), b = id("/a/b"), c = id("/c");
  const std::string line = " " + directory_ + "/mount rw - cgroup2 cgroup2 rw\n";
  CgroupPaths paths(Mountinfo("41 31 0:38 /" + line));
  CgroupPaths below(Mountinfo("41 31 0:38 /x" + line));
  CgroupPaths few(Mountinfo("41 31 0:38 /" + line), 2);
  std::filesystem::remove_all(directory_ + "/mount");
  EXPECT_EQ(paths.Find(mount), "/");
  EXPECT_EQ(paths.Find(a), "/a");
  EXPECT_EQ(paths.Find(b), "/a/b");
  EXPECT_EQ(paths.Find(c), "/c");
  EXPECT_EQ(below.Find(mount), "/x");
  EXPECT_EQ(below.Find(b), "/x/a/b");
  // The oldest are forgotten first.
  few.Add(0x7000'0000'0001, "/new");
  few.Add(0x7000'0000'0002, "/newer");
  EXPECT_EQ(few.Find(0x7000'0000'0001), "/new");
  EXPECT_EQ(few.Find(0x7000'0000'0002), "/newer");
  EXPECT_EQ(few.Find(a), std::nullopt);
  EXPECT_EQ(few.Find(c), std::nullopt);
}

TEST(PerfTellsVersionTwo, WhereItsControllerIsInNoHierarchyOfVersionOne) {
  const std::string head = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t1\t1\n";
  EXPECT_TRUE(PerfTellsVersionTwo(head + "perf_event\t0\t1\t1\n"));
  EXPECT_FALSE(PerfTellsVersionTwo(head + "perf_event\t10\t1\t1\n"));
  EXPECT_TRUE(PerfTellsVersionTwo(head));
  EXPECT_TRUE(PerfTellsVersionTwo(""));
}

TEST(CgroupPaths, HostWithoutTheHierarchyHasNone) {
  CgroupPaths paths("/dev/null");
  EXPECT_EQ(paths.Find(1), std::nullopt);
}

}  // namespace
}  // namespace twofold
