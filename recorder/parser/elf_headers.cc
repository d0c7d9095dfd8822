// Headers through libelf, which knows their extensions; everything else by our own bounded reads.
#include "recorder/parser/elf_headers.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <span>

#include "recorder/base/elf_notes.h"
#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr size_t kMaxSegments = 4096;
constexpr size_t kMaxSections = 65536;
constexpr size_t kMaxNotesBytes = size_t{64} * 1024;
constexpr size_t kMaxSectionNamesBytes = size_t{1} << 20;
constexpr size_t kMaxSectionNameBytes = 31;

struct CloseElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};

class HeaderReader {
 public:
  HeaderReader(int fd, ElfHeaders& out) : fd_(fd), out_(out) {}

  bool Read() {
    static const bool libelf_ready = elf_version(EV_CURRENT) != EV_NONE;
    if (!libelf_ready) return false;
    const std::unique_ptr<Elf, CloseElf> elf(elf_begin(fd_, ELF_C_READ, nullptr));
    if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return false;
    GElf_Ehdr header;
    if (gelf_getehdr(elf.get(), &header) == nullptr) return false;
    constexpr uint8_t kOwnOrder =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    if (header.e_ident[EI_DATA] != kOwnOrder) return false;
    out_.is_64_bit = header.e_ident[EI_CLASS] == ELFCLASS64;
    out_.machine = header.e_machine;
    ReadSegments(elf.get());
    ReadSections(elf.get());
    return true;
  }

 private:
  void ReadSegments(Elf* elf) {
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) return;
    for (size_t i = 0; i < std::min(count, kMaxSegments); ++i) {
      GElf_Phdr segment;
      if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) break;
      if (segment.p_type == PT_LOAD) {
        out_.segments.push_back(
            {segment.p_offset, segment.p_vaddr, segment.p_filesz, (segment.p_flags & PF_X) != 0});
      } else if (segment.p_type == PT_NOTE) {
        ReadNotes(segment.p_offset, segment.p_filesz, segment.p_align);
      } else if (segment.p_type == PT_DYNAMIC) {
        out_.dynamic_file_offset = segment.p_offset;
        out_.dynamic_bytes = out_.InFile(segment.p_offset, segment.p_filesz);
      }
    }
    // A page can be in two segments, and it is code that is looked up.
    std::stable_partition(out_.segments.begin(), out_.segments.end(),
                          [](const ElfSegment& s) { return s.is_executable; });
  }

  void ReadSections(Elf* elf) {
    const std::vector<uint8_t> names = ReadSectionNames(elf);
    out_.sections.push_back({});  // number 0 is none
    Elf_Scn* section = nullptr;
    while (out_.sections.size() < kMaxSections) {
      section = elf_nextscn(elf, section);
      if (section == nullptr) break;
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) == nullptr) break;
      out_.sections.push_back({NameAt(names, header.sh_name), header.sh_type, header.sh_flags,
                               header.sh_addr, header.sh_offset, header.sh_size, header.sh_entsize,
                               header.sh_link});
      if (header.sh_type == SHT_NOTE) {
        ReadNotes(header.sh_offset, header.sh_size, header.sh_addralign);
      }
    }
  }

  std::vector<uint8_t> ReadSectionNames(Elf* elf) const {
    size_t number = 0;
    GElf_Shdr header;
    if (elf_getshdrstrndx(elf, &number) != 0) return {};
    Elf_Scn* section = elf_getscn(elf, number);
    if (section == nullptr || gelf_getshdr(section, &header) == nullptr) return {};
    std::vector<uint8_t> names(static_cast<size_t>(
        std::min<uint64_t>(out_.InFile(header.sh_offset, header.sh_size), kMaxSectionNamesBytes)));
    names.resize(ReadAt(fd_, header.sh_offset, names).value_or(0));
    return names;
  }

  static std::string NameAt(const std::vector<uint8_t>& names, uint32_t offset) {
    std::string name;
    for (size_t at = offset; at < names.size() && names[at] != 0; ++at) {
      if (name.size() >= kMaxSectionNameBytes) break;
      name += static_cast<char>(names[at]);
    }
    return name;
  }

  void ReadNotes(uint64_t offset, uint64_t size_bytes, uint64_t alignment_bytes) {
    if (!out_.build_id.empty()) return;
    const uint64_t wanted = std::min<uint64_t>(out_.InFile(offset, size_bytes), kMaxNotesBytes);
    std::vector<uint8_t> notes(static_cast<size_t>(wanted));
    const auto got = ReadAt(fd_, offset, notes);
    if (!got) return;
    out_.build_id = FindBuildId(std::span(notes).first(*got), alignment_bytes);
  }

  const int fd_;
  ElfHeaders& out_;
};

}  // namespace

uint64_t ElfHeaders::InFile(uint64_t offset, uint64_t size_bytes) const {
  if (offset >= file_bytes) return 0;
  return std::min(size_bytes, file_bytes - offset);
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
  for (const ElfSegment& segment : segments) {
    if (address >= segment.address && address - segment.address < segment.size_bytes) {
      return address - segment.address + segment.file_offset;
    }
  }
  return std::nullopt;
}

std::optional<ElfHeaders> ReadElfHeaders(int fd, uint64_t file_bytes) {
  ElfHeaders headers;
  headers.file_bytes = file_bytes;
  if (!HeaderReader(fd, headers).Read()) return std::nullopt;
  return headers;
}

}  // namespace twofold
