// Damaged and hostile ELF files: the parser must end, stay in bounds (the sanitizers watch) and
// never take more memory than the file can justify.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <random>

#include "format/base/elf_notes.h"
#include "recorder/parser/elf_symbols.h"
#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

// Every bit of a byte is flipped, or where the sanitizers make that slow one.
#ifdef __SANITIZE_ADDRESS__
constexpr int kBitStep = 8;
#else
constexpr int kBitStep = 1;
#endif

std::string SmallFile() {
  ElfBuilder builder(0x100);
  builder.SetBuildId("0123456789abcdefghij");
  builder.AddFunction("first", 0x00, 0x20);
  builder.AddFunction("alias_of_first", 0x00, 0x20, STB_WEAK);
  builder.AddFunction("unsized", 0x40, 0);
  builder.AddDynamicFunction("dynamic", 0x80, 0x20);
  return builder.Build();
}

// Parses and looks everything up; returns whether it was taken for an ELF file.
bool Exercise(const std::string& bytes) {
  Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(bytes), "damaged");
  if (!symbols) {
    EXPECT_FALSE(symbols.error().what.empty());
    return false;
  }
  EXPECT_LE(symbols->size(), bytes.size() / sizeof(Elf32_Sym) * 2);
  EXPECT_LE(symbols->build_id().size(), 128u);
  for (uint64_t offset = 0; offset < 0x1200; offset += 0x10) {
    const auto name = symbols->FindByFileOffset(offset);
    EXPECT_LE(name.value_or("").size(), bytes.size());
    (void)symbols->FindByAddress(ElfBuilder::kTextAddress + offset);
    (void)symbols->FindByAddress(UINT64_MAX - offset);
  }
  return true;
}

TEST(ElfGarbage, EveryPrefixIsSurvived) {
  const std::string whole = SmallFile();
  ASSERT_TRUE(Exercise(whole));
  for (size_t length = 0; length < whole.size(); ++length) {
    // Between the headers and the tables is filler.
    if (length > 0x300 && length < 0x1080) continue;
    Exercise(whole.substr(0, length));
  }
}

TEST(ElfGarbage, EveryFlippedBitOfTheHeadersAndTablesIsSurvived) {
  const std::string whole = SmallFile();
  for (size_t at = 0; at < whole.size(); ++at) {
    if (at >= 0x240 && at < 0x1100) continue;
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ (1 << bit));
      Exercise(damaged);
    }
  }
}

TEST(ElfGarbage, RandomOverwritesAreSurvived) {
  std::mt19937 random(20240229);  // NOLINT: the same every time
  const std::string small = SmallFile();
  const std::string real = ReadWholeFile(TWOFOLD_NAMES_DIR "/names_stripped");
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = round % 4 == 0 ? real : small;
    const uint32_t count = 1 + random() % 8;
    for (uint32_t i = 0; i < count; ++i) {
      // Headers at the begin, section headers and tables at the end.
      const size_t window = std::min<size_t>(damaged.size(), 1024);
      size_t at = random() % window;
      if (random() % 2 == 0) at = damaged.size() - 1 - at;
      static const uint64_t kValues[] = {0,          1,          0x7fffffff, 0xffffffff,
                                         UINT64_MAX, 1ULL << 63, 0x1000,     UINT64_MAX - 7};
      const uint64_t value = kValues[random() % std::size(kValues)];
      const size_t length = std::min<size_t>(1ULL << (random() % 4), damaged.size() - at);
      std::memcpy(damaged.data() + at, &value, length);
    }
    Exercise(damaged);
  }
}

TEST(ElfGarbage, ClaimedSizesTakeNoMemory) {
  std::string bytes = SmallFile();
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (uint16_t i = 0; i < header.e_shnum; ++i) {
    const size_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
    Elf64_Shdr section;
    std::memcpy(&section, bytes.data() + at, sizeof section);
    section.sh_size = 1ULL << 62;
    std::memcpy(bytes.data() + at, &section, sizeof section);
  }
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  EXPECT_TRUE(Exercise(bytes));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024);  // KiB
}

// Files that linkers and find-debuginfo made, with a PLT, .gnu_debugdata and .gnu_debuglink.
class ElfGarbageReal : public testing::TestWithParam<const char*> {
 protected:
  static void ExerciseWithDebugFile(const std::string& bytes, const std::string& debug_bytes) {
    Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(bytes), "damaged");
    if (!symbols) return;
    EXPECT_LE(symbols->size(), kMostFunctions);
    (void)symbols->AddDebugFile(MemoryFile(debug_bytes), "debug file");
    EXPECT_LE(symbols->size(), kMostFunctions);
    for (uint64_t offset = 0; offset < bytes.size(); offset += 16) {
      (void)symbols->FindByFileOffset(offset);
    }
    if (symbols->debug_link()) {
      EXPECT_EQ(symbols->debug_link()->file_name.find('/'), std::string::npos);
    }
  }

  // Of damage: a few thousand bytes hold no more symbols.
  static constexpr size_t kMostFunctions = 400;

  std::string whole_ = ReadWholeFile(std::string(TWOFOLD_NAMES_DIR "/") + GetParam());
  std::string debug_file_ = ReadWholeFile(TWOFOLD_NAMES_DIR "/names_small.so.both.debug");
};

TEST_P(ElfGarbageReal, EveryPrefixIsSurvived) {
  for (size_t length = 0; length <= whole_.size(); ++length) {
    ExerciseWithDebugFile(whole_.substr(0, length), debug_file_);
  }
}

TEST_P(ElfGarbageReal, EveryFlippedBitIsSurvived) {
  for (size_t at = 0; at < whole_.size(); ++at) {
    for (int bit = int(at % kBitStep); bit < 8; bit += kBitStep) {
      std::string damaged = whole_;
      damaged[at] = char(damaged[at] ^ (1 << bit));
      ExerciseWithDebugFile(damaged, debug_file_);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, ElfGarbageReal,
                         testing::Values("names_small.so.both", "names_i386.so", "names_arm64.so"));

TEST(ElfGarbage, EveryFlippedBitOfADebugFileIsSurvived) {
  const std::string bytes = ReadWholeFile(TWOFOLD_NAMES_DIR "/names_small.so.link");
  const std::string whole = ReadWholeFile(TWOFOLD_NAMES_DIR "/names_small.so.link.debug");
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int bit = int(at % kBitStep); bit < 8; bit += kBitStep) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ (1 << bit));
      Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(bytes), "whole");
      ASSERT_TRUE(symbols.has_value());
      (void)symbols->AddDebugFile(MemoryFile(damaged), "damaged");
      for (uint64_t offset = 0; offset < bytes.size(); offset += 16) {
        (void)symbols->FindByFileOffset(offset);
      }
    }
  }
}

TEST(ElfNotes, DamagedNotesGiveNoBuildId) {
  std::string notes;
  const auto append = [&](uint32_t value) {
    notes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  append(4);
  append(2);
  append(1);  // another type of note
  notes.append("GNU\0\x01\x02\0\0", 8);
  append(4);
  append(3);
  append(3);  // NT_GNU_BUILD_ID
  notes.append("GNU\0\xaa\xbb\xcc\0", 8);
  const auto find = [](const std::string& bytes) {
    return FindBuildId({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  EXPECT_EQ(find(notes), "aabbcc");
  for (size_t length = 0; length < notes.size() - 1; ++length) {
    EXPECT_EQ(find(notes.substr(0, length)), "") << length;
  }
  for (size_t at = 0; at < 12; ++at) {
    std::string damaged = notes;
    damaged[at] = '\xff';
    (void)find(damaged);
  }
}

TEST(ElfNotes, EightByteAlignmentIsFollowed) {
  std::string notes;
  const auto append = [&](uint32_t value) {
    notes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  append(4);
  append(4);
  append(5);
  notes.append("GNU\0\x01\x02\x03\x04\0\0\0\0", 12);  // padded to 8
  append(4);
  append(1);
  append(3);
  notes.append("GNU\0\xee", 5);
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(notes.data()),
                                       notes.size());
  EXPECT_EQ(FindBuildId(bytes, 8), "ee");
  EXPECT_EQ(FindBuildId(bytes, 4), "");
}

}  // namespace
}  // namespace twofold
