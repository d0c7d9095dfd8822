#include "format/base/elf_headers.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "format/base/bytes.h"
#include "format/base/elf_notes.h"
#include "format/base/input_file.h"

namespace twofold {
namespace {

// Honest files stay far below.
constexpr uint64_t kMaxSegments = 4096;
constexpr uint64_t kMaxSections = 65536;
constexpr uint64_t kMaxNotesBytes = uint64_t{64} * 1024;
constexpr uint64_t kMaxSectionNamesBytes = uint64_t{1} << 20;
constexpr size_t kMaxSectionNameBytes = 31;

struct Width32 {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Section = Elf32_Shdr;
};
struct Width64 {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Section = Elf64_Shdr;
};

template <typename Width>
class HeaderReader {
 public:
  HeaderReader(int fd, ElfHeaders& out) : fd_(fd), out_(out) {}

  bool Read() {
    if (!CopyFrom(ReadRange(fd_, 0, sizeof(header_)), header_)) return false;
    out_.is_64_bit = header_.e_ident[EI_CLASS] == ELFCLASS64;
    out_.machine = header_.e_machine;
    ReadTables();
    TakeSegments();
    TakeSections();
    return true;
  }

 private:
  using Segment = typename Width::Segment;
  using Section = typename Width::Section;

  // As many rows as are in the file.
  template <typename Row>
  std::vector<Row> ReadTable(uint64_t offset, uint64_t row_bytes, uint64_t count) const {
    if (offset == 0 || row_bytes != sizeof(Row)) return {};
    const std::vector<uint8_t> bytes =
        ReadRange(fd_, offset, out_.InFile(offset, count * sizeof(Row)));
    std::vector<Row> rows(bytes.size() / sizeof(Row));
    if (!rows.empty()) std::memcpy(rows.data(), bytes.data(), rows.size() * sizeof(Row));
    return rows;
  }

  // A number that does not fit the file's header stands in its first section.
  void ReadTables() {
    uint64_t segments = header_.e_phnum;
    uint64_t sections = header_.e_shnum;
    names_number_ = header_.e_shstrndx;
    if (segments == PN_XNUM || sections == 0 || names_number_ == SHN_XINDEX) {
      const std::vector<Section> first =
          ReadTable<Section>(header_.e_shoff, header_.e_shentsize, 1);
      if (segments == PN_XNUM) segments = first.empty() ? 0 : first[0].sh_info;
      if (sections == 0) sections = first.empty() ? 0 : first[0].sh_size;
      if (names_number_ == SHN_XINDEX) names_number_ = first.empty() ? 0 : first[0].sh_link;
    }
    segments_ =
        ReadTable<Segment>(header_.e_phoff, header_.e_phentsize, std::min(segments, kMaxSegments));
    sections_ =
        ReadTable<Section>(header_.e_shoff, header_.e_shentsize, std::min(sections, kMaxSections));
  }

  void TakeSegments() {
    for (const Segment& segment : segments_) {
      if (segment.p_type == PT_LOAD) {
        out_.segments.push_back({.file_offset = segment.p_offset,
                                 .address = segment.p_vaddr,
                                 .size_bytes = segment.p_filesz,
                                 .memory_bytes = segment.p_memsz,
                                 .alignment_bytes = segment.p_align,
                                 .is_executable = (segment.p_flags & PF_X) != 0});
      } else if (segment.p_type == PT_NOTE) {
        TakeNotes(segment.p_offset, segment.p_filesz, segment.p_align);
      } else if (segment.p_type == PT_DYNAMIC) {
        out_.dynamic_file_offset = segment.p_offset;
        out_.dynamic_bytes = out_.InFile(segment.p_offset, segment.p_filesz);
      }
    }
  }

  void TakeSections() {
    std::vector<uint8_t> names;
    if (names_number_ < sections_.size()) {
      const Section& section = sections_[names_number_];
      names = ReadInFile(section.sh_offset, section.sh_size, kMaxSectionNamesBytes);
    }
    out_.sections.push_back({});  // number 0 is none
    for (size_t i = 1; i < sections_.size(); ++i) {
      const Section& section = sections_[i];
      out_.sections.push_back({NameAt(names, section.sh_name), section.sh_type, section.sh_flags,
                               section.sh_addr, section.sh_offset, section.sh_size,
                               section.sh_entsize, section.sh_link});
      if (section.sh_type == SHT_NOTE) {
        TakeNotes(section.sh_offset, section.sh_size, section.sh_addralign);
      }
    }
  }

  static std::string NameAt(std::span<const uint8_t> names, uint64_t offset) {
    if (offset >= names.size()) return "";
    const std::string_view name = AsText(names.subspan(offset)).substr(0, kMaxSectionNameBytes);
    return std::string(name.substr(0, name.find('\0')));
  }

  void TakeNotes(uint64_t offset, uint64_t size_bytes, uint64_t alignment_bytes) {
    if (!out_.build_id.empty()) return;
    out_.build_id = FindBuildId(ReadInFile(offset, size_bytes, kMaxNotesBytes), alignment_bytes);
  }

  std::vector<uint8_t> ReadInFile(uint64_t offset, uint64_t size_bytes, uint64_t max_bytes) const {
    return ReadRange(fd_, offset, std::min(out_.InFile(offset, size_bytes), max_bytes));
  }

  const int fd_;
  ElfHeaders& out_;
  typename Width::Header header_ = {};
  std::vector<Segment> segments_;
  std::vector<Section> sections_;
  uint64_t names_number_ = 0;  // the section with the names of all
};

}  // namespace

uint64_t ElfHeaders::InFile(uint64_t offset, uint64_t size_bytes) const {
  if (offset >= file_bytes) return 0;
  return std::min(size_bytes, file_bytes - offset);
}

std::vector<uint8_t> ElfHeaders::ReadSection(int fd, const ElfSection& section,
                                             uint64_t max_bytes) const {
  const uint64_t in_file = InFile(section.file_offset, section.size_bytes);
  return ReadRange(fd, section.file_offset, std::min(in_file, max_bytes));
}

const ElfSection* ElfHeaders::FindType(uint32_t type) const {
  for (const ElfSection& section : sections) {
    if (section.type == type) return &section;
  }
  return nullptr;
}

const ElfSection* ElfHeaders::FindName(std::string_view name) const {
  for (const ElfSection& section : sections) {
    if (section.type != SHT_NOBITS && section.name == name) return &section;
  }
  return nullptr;
}

const ElfSection* ElfHeaders::LinkOf(const ElfSection& section) const {
  return section.link != 0 && section.link < sections.size() ? &sections[section.link] : nullptr;
}

std::optional<uint64_t> ElfHeaders::FileOffsetOf(uint64_t address) const {
  for (const bool executable : {true, false}) {
    for (const ElfSegment& segment : segments) {
      if (segment.is_executable == executable && address >= segment.address &&
          address - segment.address < segment.size_bytes) {
        return address - segment.address + segment.file_offset;
      }
    }
  }
  return std::nullopt;
}

std::optional<ElfHeaders> ReadElfHeaders(int fd, uint64_t file_bytes) {
  const std::vector<uint8_t> identity = ReadRange(fd, 0, EI_NIDENT);
  const bool is_known = identity.size() == EI_NIDENT &&
                        std::memcmp(identity.data(), ELFMAG, SELFMAG) == 0 &&
                        identity[EI_DATA] == ELFDATA2LSB && identity[EI_VERSION] == EV_CURRENT;
  if (!is_known) return std::nullopt;
  ElfHeaders headers;
  headers.file_bytes = file_bytes;
  bool is_whole = false;
  if (identity[EI_CLASS] == ELFCLASS64) is_whole = HeaderReader<Width64>(fd, headers).Read();
  if (identity[EI_CLASS] == ELFCLASS32) is_whole = HeaderReader<Width32>(fd, headers).Read();
  if (!is_whole) return std::nullopt;
  return headers;
}

}  // namespace twofold
