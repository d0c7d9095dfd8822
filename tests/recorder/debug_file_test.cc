#include "recorder/names/debug_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "recorder/parser/elf_symbols.h"
#include "recorder/processes/careful_open.h"
#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

using Paths = std::vector<std::string>;

TEST(DebugFilePaths, AreWhereDebuggersLook) {
  EXPECT_EQ(DebugFilePaths("/opt/app/bin/server", "abcdef0123", DebugLink{"server.debug", 7}),
            (Paths{"/usr/lib/debug/.build-id/ab/cdef0123.debug", "/opt/app/bin/server.debug",
                   "/opt/app/bin/.debug/server.debug", "/usr/lib/debug/opt/app/bin/server.debug"}));
  EXPECT_EQ(DebugFilePaths("/server", "", DebugLink{"s", 7}),
            (Paths{"/s", "/.debug/s", "/usr/lib/debug/s"}));
}

TEST(DebugFilePaths, WhatIsNotKnownGivesNone) {
  EXPECT_EQ(DebugFilePaths("/bin/x", "", std::nullopt), Paths{});
  EXPECT_EQ(DebugFilePaths("/bin/x", "ab", std::nullopt), Paths{});
  EXPECT_EQ(DebugFilePaths("/bin/x", "../../etc", std::nullopt), Paths{});
  EXPECT_EQ(DebugFilePaths("relative", "", DebugLink{"s", 7}), Paths{});
  EXPECT_EQ(DebugFilePaths("", "", DebugLink{"s", 7}), Paths{});
}

// .gnu_debuglink: a name, padding, a checksum.
std::optional<DebugLink> LinkOf(const std::string& section) {
  ElfBuilder builder(0x10);
  builder.AddSection(".gnu_debuglink", section);
  Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(builder.Build()), "test");
  EXPECT_TRUE(symbols.has_value());
  return symbols->debug_link();
}

std::string LinkSection(std::string name) {
  name += '\0';
  name.resize((name.size() + 3) / 4 * 4);
  return name + "\x78\x56\x34\x12";
}

TEST(DebugLink, IsAFileNameAndAChecksum) {
  EXPECT_EQ(LinkOf(LinkSection("server.debug")), (DebugLink{"server.debug", 0x12345678}));
  EXPECT_EQ(LinkOf(LinkSection("abc")), (DebugLink{"abc", 0x12345678}));
  EXPECT_EQ(LinkOf(LinkSection("...")), (DebugLink{"...", 0x12345678}));
  EXPECT_EQ(LinkOf(LinkSection(std::string(255, 'n'))),
            (DebugLink{std::string(255, 'n'), 0x12345678}));
}

TEST(DebugLink, NothingButAFileNameIsTaken) {
  for (const std::string name : {"", ".", "..", "/", "/etc/shadow", "../x", "a/b", "a/"}) {
    EXPECT_EQ(LinkOf(LinkSection(name)), std::nullopt) << name;
  }
  EXPECT_EQ(LinkOf(LinkSection(std::string(256, 'n'))), std::nullopt);
}

TEST(DebugLink, DamagedSectionsAreNone) {
  const std::string whole = LinkSection("server.debug");
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(LinkOf(whole.substr(0, length)), std::nullopt) << length;
  }
  EXPECT_EQ(LinkOf(std::string(64, 'n')), std::nullopt);
}

class DebugFileTest : public testing::Test {
 protected:
  // The bytes of all files that are offered for a module of a process that is gone.
  Paths Offered(const std::string& link_name) {
    MappedFile file;
    file.path = directory_.path() + "/module";
    const Mapping mapping{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
    ProcessImage image;
    image.pid = Pid(5'000'001);
    image.start_boottime_ns = 1;
    Paths offered;
    EXPECT_FALSE(ForEachDebugFile(image, mapping, "", DebugLink{link_name, 0}, [&](UniqueFd fd) {
      char bytes[100];
      const ssize_t got = read(fd.get(), bytes, sizeof bytes);
      offered.emplace_back(bytes, got < 0 ? 0 : size_t(got));
      return false;
    }));
    return offered;
  }

  void SetUp() override { std::filesystem::create_directory(directory_.path() + "/.debug"); }

  TemporaryDirectory directory_;
};

TEST_F(DebugFileTest, BesideTheModuleComesBeforeItsDebugDirectory) {
  EXPECT_EQ(Offered("m.debug"), Paths{});
  directory_.Write(".debug/m.debug", "second");
  EXPECT_EQ(Offered("m.debug"), Paths{"second"});
  directory_.Write("m.debug", "first");
  EXPECT_EQ(Offered("m.debug"), (Paths{"first", "second"}));
}

TEST_F(DebugFileTest, LinksAndWhatIsNoFileAreNotOpened) {
  directory_.Write("secret", "secret");
  ASSERT_EQ(symlink("secret", (directory_.path() + "/m.debug").c_str()), 0);
  ASSERT_EQ(mkfifo((directory_.path() + "/.debug/m.debug").c_str(), 0600), 0);
  EXPECT_EQ(Offered("m.debug"), Paths{});
}

TEST_F(DebugFileTest, LinksThatAreFollowedStayInsideOfTheRoot) {
  // The directory is the root here.
  const UniqueFd root(open(directory_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  directory_.Write("target", "target");
  const auto link = [&](const char* to, const char* name) {
    ASSERT_EQ(symlink(to, (directory_.path() + "/" + name).c_str()), 0);
  };
  link("/target", "absolute");
  link("../../../../target", "relative");
  link("/etc/passwd", "out");
  link("circle_two", "circle_one");
  link("circle_one", "circle_two");
  const auto is_file = [&](const char* path, Links links) {
    return static_cast<bool>(OpenRegular(FindInRoot(root.get(), path, links), 0));
  };
  EXPECT_TRUE(is_file("/absolute", Links::kInRoot));
  EXPECT_TRUE(is_file("/relative", Links::kInRoot));
  EXPECT_FALSE(is_file("/out", Links::kInRoot));
  EXPECT_FALSE(is_file("/circle_one", Links::kInRoot));
  EXPECT_FALSE(is_file("/absolute", Links::kRefused));
  EXPECT_TRUE(is_file("/target", Links::kRefused));
}

}  // namespace
}  // namespace twofold
