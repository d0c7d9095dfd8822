#include "recorder/process_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twofold {
namespace {

std::shared_ptr<const MappedFile> File(const std::string& path, const std::string& build_id = "",
                                       uint64_t inode = 0) {
  MappedFile file = ClassifyMappingText(path);
  file.build_id = build_id;
  file.inode = inode;
  return std::make_shared<const MappedFile>(file);
}

// "START-END@OFFSET PATH" of every mapping.
std::vector<std::string> Describe(const ProcessImage& image) {
  std::vector<std::string> lines;
  for (const Mapping& m : image.mappings) {
    char text[128];
    snprintf(text, sizeof text, "%llx-%llx@%llx %s", static_cast<unsigned long long>(m.start),
             static_cast<unsigned long long>(m.end), static_cast<unsigned long long>(m.file_offset),
             m.path().c_str());
    lines.emplace_back(text);
  }
  return lines;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ProcessImage, FindsTheMappingAtAnAddress) {
  ProcessImage image;
  image.AddMapping({0x3000, 0x5000, 0, File("/b")});
  image.AddMapping({0x1000, 0x2000, 0, File("/a")});
  EXPECT_EQ(image.FindMapping(0xfff), nullptr);
  EXPECT_EQ(image.FindMapping(0x1000)->path(), "/a");
  EXPECT_EQ(image.FindMapping(0x1fff)->path(), "/a");
  EXPECT_EQ(image.FindMapping(0x2000), nullptr);
  EXPECT_EQ(image.FindMapping(0x4fff)->path(), "/b");
  EXPECT_EQ(image.FindMapping(0x5000), nullptr);
  EXPECT_EQ(image.FindMapping(UINT64_MAX), nullptr);
  EXPECT_EQ(ProcessImage().FindMapping(0x1000), nullptr);
}

TEST(ProcessImage, NewMappingCutsAHoleIntoAnOlderOne) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x9000, 0x10000, File("/old")});
  image.AddMapping({0x3000, 0x5000, 0, File("/new")});
  EXPECT_THAT(Describe(image),
              ElementsAre("1000-3000@10000 /old", "3000-5000@0 /new", "5000-9000@14000 /old"));
}

TEST(ProcessImage, NewMappingTrimsItsNeighboursAndReplacesWhatItCovers) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x3000, 0, File("/left")});
  image.AddMapping({0x3000, 0x4000, 0, File("/covered")});
  image.AddMapping({0x5000, 0x8000, 0x100000, File("/right")});
  image.AddMapping({0x2000, 0x6000, 0, File("/new")});
  EXPECT_THAT(Describe(image),
              ElementsAre("1000-2000@0 /left", "2000-6000@0 /new", "6000-8000@101000 /right"));
}

TEST(ProcessImage, ReplacesAtTheSamePlace) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x3000, 0, File("/old")});
  image.AddMapping({0x1000, 0x3000, 0, File("/new")});
  EXPECT_THAT(Describe(image), ElementsAre("1000-3000@0 /new"));
  image.AddMapping({0x1000, 0x3000, 0x1000, File("/new")});  // the same file, another part of it
  EXPECT_THAT(Describe(image), ElementsAre("1000-3000@1000 /new"));
}

TEST(ProcessImage, RepetitionChangesNothingButAMissingBuildId) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x9000, 0x1000, File("/lib", "", 77)});
  image.AddMapping({0x1000, 0x9000, 0x1000, File("/lib", "abcd")});
  EXPECT_THAT(Describe(image), ElementsAre("1000-9000@1000 /lib"));
  EXPECT_EQ(image.mappings[0].build_id(), "abcd");
  image.AddMapping({0x2000, 0x3000, 0x2000, File("/lib", "", 77)});  // a part of it again
  EXPECT_THAT(Describe(image), ElementsAre("1000-9000@1000 /lib"));
  EXPECT_EQ(image.mappings[0].build_id(), "abcd");
}

TEST(ProcessImage, AnotherFileUnderTheSamePathIsAnotherFile) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x3000, 0, File("/lib", "abcd")});
  image.AddMapping({0x1000, 0x3000, 0, File("/lib", "ef01")});
  EXPECT_EQ(image.mappings[0].build_id(), "ef01");
  image.AddMapping({0x5000, 0x7000, 0, File("/x", "", 1)});
  image.AddMapping({0x5000, 0x7000, 0, File("/x", "", 2)});
  EXPECT_EQ(image.mappings[1].file->inode, 2u);
}

// Offsets in run-time code count from the mapping's begin, which must not move for a repetition.
TEST(ProcessImage, ProtectingPartsOfRunTimeCodeKeepsItsBegin) {
  ProcessImage image;
  image.AddMapping({0x10000, 0x20000, 0, File("")});
  image.AddMapping({0x14000, 0x15000, 0, File("//anon")});
  EXPECT_THAT(Describe(image), ElementsAre("10000-20000@0 "));
}

TEST(ProcessImage, ImpossibleMappingsAreRefused) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x1000, 0, File("/a")});
  image.AddMapping({0x2000, 0x1000, 0, File("/a")});
  image.AddMapping({0x1000, 0x2000, 0, nullptr});
  EXPECT_THAT(Describe(image), IsEmpty());
}

TEST(ProcessImage, MappingsHaveALimit) {
  ProcessImage image;
  const auto file = File("/a");
  for (uint64_t i = 0; i < 70'000; ++i) {
    image.AddMapping({0x10000 + i * 0x2000, 0x11000 + i * 0x2000, 0, file});
  }
  EXPECT_EQ(image.mappings.size(), 65'536u);
}

TEST(ClassifyMappingText, KnowsFilesVdsoAndAnonymousMemory) {
  const auto describe = [](std::string_view text) {
    const MappedFile file = ClassifyMappingText(text);
    return std::make_tuple(file.kind, file.path, file.deleted);
  };
  using Kind = ModuleKind;
  EXPECT_EQ(describe("/bin/a"), std::make_tuple(Kind::kUserFile, "/bin/a", false));
  EXPECT_EQ(describe("/bin/a (deleted)"), std::make_tuple(Kind::kUserFile, "/bin/a", true));
  EXPECT_EQ(describe("/memfd:jit (deleted)"), std::make_tuple(Kind::kUserFile, "/memfd:jit", true));
  EXPECT_EQ(describe("[vdso]"), std::make_tuple(Kind::kVdso, "[vdso]", false));
  EXPECT_EQ(describe(""), std::make_tuple(Kind::kAnonymous, "", false));
  EXPECT_EQ(describe("//anon"), std::make_tuple(Kind::kAnonymous, "", false));
  EXPECT_EQ(describe("[anon:code]"), std::make_tuple(Kind::kAnonymous, "", false));
  EXPECT_EQ(describe("/dev/zero (deleted)"), std::make_tuple(Kind::kAnonymous, "", false));
  EXPECT_EQ(describe("[uprobes]"), std::make_tuple(Kind::kAnonymous, "[uprobes]", false));
}

}  // namespace
}  // namespace twofold
