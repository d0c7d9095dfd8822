// Headers of ELF files that are made here, byte by byte; tests/recorder/elf_*_test.cc compare those
// of real files with what binutils say.
#include "format/base/elf_headers.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "format/base/byte_cursor.h"
#include "format/base/unique_fd.h"

namespace twofold {
namespace {

template <typename T>
void Put(std::string& bytes, size_t at, const T& value) {
  bytes.replace(at, sizeof(value), reinterpret_cast<const char*>(&value), sizeof(value));
}

std::optional<ElfHeaders> Read(const std::string& bytes) {
  UniqueFd fd(memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  return ReadElfHeaders(fd.get(), bytes.size());
}

constexpr size_t kSegmentsAt = 0x40;
constexpr size_t kSectionsAt = 0x100;
constexpr size_t kNamesAt = 0x300;
constexpr size_t kNotesAt = 0x320;

// Two segments, of data and of code, and four sections: none, the notes, the names, code. All
// numbers stand in the first section, as in files with more than fit the header.
std::string SmallFile() {
  std::string bytes(0x400, '\0');
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_machine = EM_X86_64;
  header.e_phoff = kSegmentsAt;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = PN_XNUM;
  header.e_shoff = kSectionsAt;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 0;
  header.e_shstrndx = SHN_XINDEX;
  Put(bytes, 0, header);

  Elf64_Phdr segment = {};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R;
  segment.p_offset = 0;
  segment.p_vaddr = 0x1000;
  segment.p_filesz = 0x380;
  segment.p_memsz = 0x500;
  segment.p_align = 0x1000;
  Put(bytes, kSegmentsAt, segment);
  segment.p_flags = PF_R | PF_X;
  segment.p_offset = 0x380;
  segment.p_vaddr = 0x1300;
  segment.p_filesz = segment.p_memsz = 0x80;
  Put(bytes, kSegmentsAt + sizeof(segment), segment);

  Elf64_Shdr section = {};
  section.sh_size = 4;
  section.sh_link = 2;
  section.sh_info = 2;
  Put(bytes, kSectionsAt, section);
  section = {};
  section.sh_type = SHT_NOTE;
  section.sh_offset = kNotesAt;
  section.sh_size = sizeof(Elf64_Nhdr) + 8;
  section.sh_addralign = 4;
  Put(bytes, kSectionsAt + sizeof(section), section);
  section = {};
  section.sh_type = SHT_STRTAB;
  section.sh_offset = kNamesAt;
  section.sh_size = 0x20;
  Put(bytes, kSectionsAt + 2 * sizeof(section), section);
  section = {};
  section.sh_name = 1;
  section.sh_type = SHT_PROGBITS;
  section.sh_flags = SHF_EXECINSTR;
  section.sh_addr = 0x1300;
  section.sh_offset = 0x380;
  section.sh_size = 0x80;
  section.sh_link = 2;
  Put(bytes, kSectionsAt + 3 * sizeof(section), section);

  bytes.replace(kNamesAt + 1, 5, ".text");
  Put(bytes, kNotesAt, Elf64_Nhdr{4, 3, NT_GNU_BUILD_ID});
  bytes.replace(kNotesAt + sizeof(Elf64_Nhdr), 7, std::string("GNU\0\x01\xab\xff", 7));
  return bytes;
}

TEST(ElfHeaders, NumbersOfTheFirstSectionCountWhereTheHeaderSaysSo) {
  const std::optional<ElfHeaders> headers = Read(SmallFile());
  ASSERT_TRUE(headers);
  EXPECT_TRUE(headers->is_64_bit);
  EXPECT_EQ(headers->machine, EM_X86_64);
  EXPECT_EQ(headers->build_id, "01abff");
  ASSERT_EQ(headers->segments.size(), 2u);
  EXPECT_EQ(headers->segments[0].memory_bytes, 0x500u);
  EXPECT_EQ(headers->segments[0].alignment_bytes, 0x1000u);
  EXPECT_FALSE(headers->segments[0].is_executable);
  EXPECT_TRUE(headers->segments[1].is_executable);
  ASSERT_EQ(headers->sections.size(), 4u);
  const ElfSection* text = headers->FindName(".text");
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text->size_bytes, 0x80u);
  EXPECT_EQ(headers->LinkOf(*text), &headers->sections[2]);
}

TEST(ElfHeaders, AnAddressInTwoSegmentsIsLookedUpInTheCode) {
  const std::optional<ElfHeaders> headers = Read(SmallFile());
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->FileOffsetOf(0x1000), 0u);
  EXPECT_EQ(headers->FileOffsetOf(0x1310), 0x390u);
  EXPECT_EQ(headers->FileOffsetOf(0x1380), std::nullopt);
  EXPECT_EQ(headers->FileOffsetOf(UINT64_MAX), std::nullopt);
}

TEST(ElfHeaders, RowsOfAnotherSizeAreNotRead) {
  std::string bytes = SmallFile();
  Elf64_Ehdr header;
  ASSERT_TRUE(CopyFrom(AsBytes(bytes), header));
  header.e_shentsize = sizeof(Elf64_Shdr) + 8;
  Put(bytes, 0, header);
  const std::optional<ElfHeaders> headers = Read(bytes);
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->FindName(".text"), nullptr);
  EXPECT_EQ(headers->build_id, "");
}

// What a file says of itself never makes a reader take more memory than the file has bytes.
TEST(ElfHeaders, EveryPrefixAndEveryFlippedBitIsSurvived) {
  const std::string whole = SmallFile();
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::optional<ElfHeaders> headers = Read(whole.substr(0, length));
    EXPECT_EQ(headers.has_value(), length >= sizeof(Elf64_Ehdr)) << length;
  }
  for (size_t bit = 0; bit < (kNotesAt + 0x20) * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = char(damaged[bit / 8] ^ 1 << bit % 8);
    const std::optional<ElfHeaders> headers = Read(damaged);
    if (!headers) continue;
    EXPECT_LE(headers->sections.size(), whole.size() / sizeof(Elf32_Shdr) + 1);
    EXPECT_LE(headers->segments.size(), whole.size() / sizeof(Elf32_Phdr));
    for (const ElfSection& section : headers->sections) {
      EXPECT_LE(headers->ReadSection(-1, section, 64).size(), 64u);
      (void)headers->LinkOf(section);
    }
  }
}

TEST(ByteCursor, GivesNothingWhereTooLittleIsLeftAndStays) {
  const std::string bytes("\x01\x02\x03\x04name\0xyz", 12);
  ByteCursor cursor(AsBytes(bytes));
  uint32_t number = 0;
  uint64_t large = 0;
  EXPECT_TRUE(cursor.Read(number));
  EXPECT_EQ(number, 0x04030201u);
  EXPECT_EQ(cursor.TakeText(), "name");
  EXPECT_EQ(cursor.TakeText(), std::nullopt);
  EXPECT_FALSE(cursor.Read(large));
  EXPECT_FALSE(cursor.Take(UINT64_MAX));
  EXPECT_FALSE(cursor.Align(16));
  EXPECT_EQ(AsText(cursor.rest()), "xyz");
  EXPECT_TRUE(cursor.Align(4));
  EXPECT_TRUE(cursor.rest().empty());
  EXPECT_TRUE(cursor.Align(4));
}

}  // namespace
}  // namespace twofold
