#include "recorder/processes/process_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twofold {
namespace {

std::shared_ptr<const MappedFile> File(const std::string& path, uint64_t inode = 0,
                                       uint64_t generation = 0, uint64_t device = 0x801) {
  MappedFile file = ClassifyMappingText(path);
  file.device = device;
  file.inode = inode;
  file.inode_generation = generation;
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

TEST(ProcessImage, RepetitionChangesNothingButAMissingGeneration) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x9000, 0x1000, File("/lib", 77)});
  EXPECT_FALSE(image.AddMapping({0x1000, 0x9000, 0x1000, File("/lib", 77, 5)}));
  EXPECT_THAT(Describe(image), ElementsAre("1000-9000@1000 /lib"));
  EXPECT_EQ(image.mappings[0].file->inode_generation, 5u);
  EXPECT_FALSE(image.AddMapping({0x2000, 0x3000, 0x2000, File("/lib", 77)}));  // a part of it again
  EXPECT_THAT(Describe(image), ElementsAre("1000-9000@1000 /lib"));
  EXPECT_EQ(image.mappings[0].file->inode_generation, 5u);
  EXPECT_EQ(image.mapping_changes, 1u);
  EXPECT_EQ(image.last_replacement, 0u);
}

// Of a file in an overlay /proc tells the overlay's device and inode, and an event may tell those
// of the file below.
TEST(ProcessImage, FileOfAnOverlayIsTheSameByEitherOfItsNumbers) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x9000, 0x1000, File("/lib", 77, 0, 0x2a)});
  EXPECT_FALSE(image.AddMapping({0x1000, 0x9000, 0x1000, File("/lib", 12345, 5, 0x801)}));
  EXPECT_TRUE(image.AddMapping({0x1000, 0x9000, 0x1000, File("/other", 12346, 5, 0x801)}));
}

// "PATH@OFFSET" of what may have been at an address, oldest first.
std::vector<std::string> DescribeAt(const ProcessImage& image, uint64_t address, uint64_t from_ns,
                                    uint64_t to_ns) {
  std::vector<std::string> places;
  for (const Mapping* mapping : image.FindMappings(address, {from_ns, to_ns})) {
    places.push_back(mapping == nullptr
                         ? "?"
                         : mapping->path() + "@" +
                               std::to_string(address - mapping->start + mapping->file_offset));
  }
  return places;
}

TEST(ProcessImage, TellsWhatWasMappedWithinATime) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x9000, 0, File("/a", 1), 100});
  EXPECT_TRUE(image.AddMapping({0x5000, 0xd000, 0, File("/b", 2), 200}));
  // Only one of them was ever there.
  EXPECT_THAT(DescribeAt(image, 0x1010, 0, 1000), ElementsAre("/a@16"));
  EXPECT_THAT(DescribeAt(image, 0x9010, 0, 1000), ElementsAre("/b@16400"));
  // Both were, one after the other.
  EXPECT_THAT(DescribeAt(image, 0x5010, 0, 1000), ElementsAre("/a@16400", "/b@16"));
  EXPECT_THAT(DescribeAt(image, 0x5010, 199, 200), ElementsAre("/a@16400", "/b@16"));
  EXPECT_THAT(DescribeAt(image, 0x5010, 100, 199), ElementsAre("/a@16400"));
  EXPECT_THAT(DescribeAt(image, 0x5010, 200, 300), ElementsAre("/b@16"));
  EXPECT_EQ(image.last_mapped_ns, 200u);
  // Before anything was.
  EXPECT_THAT(DescribeAt(image, 0x5010, 0, 99), IsEmpty());
  EXPECT_THAT(DescribeAt(image, 0x1010, 0, 99), IsEmpty());
  EXPECT_THAT(DescribeAt(image, 0x9010, 0, 199), IsEmpty());
}

TEST(ProcessImage, MappingsThatTakeTurnsAreKeptOnce) {
  ProcessImage image;
  const auto a = File("/a", 1);
  const auto b = File("/b", 2);
  for (uint64_t time_ns = 10; time_ns <= 10'000; time_ns += 20) {
    image.AddMapping({0x1000, 0x2000, 0, a, time_ns});
    EXPECT_TRUE(image.AddMapping({0x1000, 0x2000, 0, b, time_ns + 10}));
  }
  EXPECT_EQ(image.replaced.size(), 2u);
  EXPECT_THAT(DescribeAt(image, 0x1800, 9'995, 10'100), ElementsAre("/a@2048", "/b@2048"));
  EXPECT_THAT(DescribeAt(image, 0x1800, 10'000, 10'100), ElementsAre("/b@2048"));
}

TEST(ProcessImage, WhatIsForgottenIsNotTakenForNothing) {
  ProcessImage image;
  const uint64_t count = ProcessImage::kMaxReplaced + 10;
  for (uint64_t i = 0; i <= count; ++i) {
    image.AddMapping({0x1000, 0x2000, 0, File("/x" + std::to_string(i), i + 1), 10 * (i + 1)});
  }
  EXPECT_EQ(image.replaced.size(), ProcessImage::kMaxReplaced);
  const auto all = DescribeAt(image, 0x1000, 0, UINT64_MAX);
  ASSERT_EQ(all.size(), ProcessImage::kMaxReplaced + 2);
  EXPECT_EQ(all.front(), "?");
  EXPECT_THAT(DescribeAt(image, 0x1000, 10 * (count + 1), UINT64_MAX),
              ElementsAre("/x" + std::to_string(count) + "@0"));
}

// What /proc shows after events were lost has been there since nobody knows when.
TEST(ProcessImage, MappingThatWasFoundLaterLeavesBothPossible) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x2000, 0, File("/a", 1), 100});
  EXPECT_TRUE(image.AddMapping({0x1000, 0x2000, 0, File("/b", 2)}, 500));
  EXPECT_THAT(DescribeAt(image, 0x1000, 200, 300), ElementsAre("/b@0", "/a@0"));
  EXPECT_THAT(DescribeAt(image, 0x1000, 500, 600), ElementsAre("/b@0"));
}

TEST(ProcessImage, AnotherFileUnderTheSamePathIsAnotherFile) {
  ProcessImage image;
  image.AddMapping({0x1000, 0x3000, 0, File("/lib", 7, 1)});
  EXPECT_TRUE(image.AddMapping({0x1000, 0x3000, 0, File("/lib", 7, 2)}));
  EXPECT_EQ(image.mappings[0].file->inode_generation, 2u);
  image.AddMapping({0x5000, 0x7000, 0, File("/x", 1)});
  EXPECT_TRUE(image.AddMapping({0x5000, 0x7000, 0, File("/x", 2)}));
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
