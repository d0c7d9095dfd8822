#include "analyzer/symbolize/elf_file.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace twofold {
namespace {

// Honest files stay far below.
constexpr uint64_t kMaxSections = 65536;
constexpr uint64_t kMaxSegments = 256;
constexpr uint64_t kMaxNamesBytes = 4 << 20;
constexpr uint64_t kMaxNoteBytes = 64 << 10;
constexpr uint64_t kMaxBuildIdBytes = 64;

bool ReadAt(int descriptor, uint64_t offset, void* to, size_t size) {
  if (offset > static_cast<uint64_t>(INT64_MAX) - size) return false;
  char* position = static_cast<char*>(to);
  while (size > 0) {
    ssize_t got = pread(descriptor, position, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    position += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return true;
}

template <typename T>
bool ReadTable(int descriptor, uint64_t offset, uint64_t count, std::vector<T>& rows) {
  rows.resize(count);
  return ReadAt(descriptor, offset, rows.data(), count * sizeof(T));
}

std::string Hexadecimal(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text += kDigits[static_cast<uint8_t>(c) >> 4];
    text += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

// The build id among the notes of a section or segment; empty: none.
std::string BuildIdOf(std::string_view notes) {
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes.data(), sizeof(note));
    notes.remove_prefix(sizeof(note));
    uint64_t name_bytes = (uint64_t{note.n_namesz} + 3) / 4 * 4;
    uint64_t content_bytes = (uint64_t{note.n_descsz} + 3) / 4 * 4;
    if (name_bytes > notes.size() || note.n_descsz > notes.size() - name_bytes) break;
    bool is_build_id = note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
                       notes.substr(0, 4) == std::string_view("GNU\0", 4);
    if (is_build_id && note.n_descsz > 0 && note.n_descsz <= kMaxBuildIdBytes) {
      return Hexadecimal(notes.substr(name_bytes, note.n_descsz));
    }
    notes.remove_prefix(std::min<uint64_t>(name_bytes + content_bytes, notes.size()));
  }
  return "";
}

std::string ReadPart(int descriptor, uint64_t offset, uint64_t size, uint64_t max_bytes) {
  std::string bytes(std::min(size, max_bytes), '\0');
  if (!ReadAt(descriptor, offset, bytes.data(), bytes.size())) bytes.clear();
  return bytes;
}

template <typename Header, typename Section, typename Segment>
class Reader {
 public:
  explicit Reader(int descriptor) : descriptor_(descriptor) {}

  std::optional<ElfFile> Read() {
    if (!ReadAt(descriptor_, 0, &header_, sizeof(header_))) return std::nullopt;
    ReadSegments();
    ReadSections();
    return std::move(file_);
  }

 private:
  void ReadSegments() {
    std::vector<Segment> segments;
    bool is_usable = header_.e_phentsize == sizeof(Segment) && header_.e_phnum <= kMaxSegments &&
                     ReadTable(descriptor_, header_.e_phoff, header_.e_phnum, segments);
    if (!is_usable) return;
    for (const Segment& segment : segments) {
      if (segment.p_type != PT_LOAD) continue;
      file_.segments.push_back({.file_offset = segment.p_offset,
                                .file_bytes = segment.p_filesz,
                                .address = segment.p_vaddr,
                                .memory_bytes = segment.p_memsz,
                                .alignment = segment.p_align,
                                .is_code = (segment.p_flags & PF_X) != 0});
    }
  }

  void ReadSections() {
    std::vector<Section> sections;
    // A count that does not fit the header stands in the first section.
    uint64_t count = header_.e_shnum;
    uint64_t names_index = header_.e_shstrndx;
    if (header_.e_shoff == 0 || header_.e_shentsize != sizeof(Section)) return;
    if (count == 0 || names_index == SHN_XINDEX) {
      if (!ReadTable(descriptor_, header_.e_shoff, 1, sections)) return;
      if (count == 0) count = sections[0].sh_size;
      if (names_index == SHN_XINDEX) names_index = sections[0].sh_link;
    }
    if (count > kMaxSections || names_index >= count) return;
    if (!ReadTable(descriptor_, header_.e_shoff, count, sections)) return;
    const Section& names = sections[names_index];
    if (names.sh_type == SHT_NOBITS || names.sh_size > kMaxNamesBytes) return;
    names_ = ReadPart(descriptor_, names.sh_offset, names.sh_size, kMaxNamesBytes);
    for (const Section& section : sections) ReadSection(section);
  }

  void ReadSection(const Section& section) {
    if (section.sh_type == SHT_NOBITS || section.sh_size == 0) return;
    std::string_view name;
    if (section.sh_name < names_.size()) name = names_.c_str() + section.sh_name;
    if (section.sh_type == SHT_SYMTAB) file_.has_symbols = true;
    if (name == ".debug_info" || name == ".zdebug_info") file_.has_lines = true;
    if (section.sh_type == SHT_PROGBITS && (section.sh_flags & SHF_EXECINSTR) != 0) {
      file_.has_code = true;
    }
    if (section.sh_type == SHT_NOTE && file_.build_id.empty()) {
      file_.build_id =
          BuildIdOf(ReadPart(descriptor_, section.sh_offset, section.sh_size, kMaxNoteBytes));
    }
    if (name == ".gnu_debugaltlink") {
      // A path, which ends with a zero, then the build id.
      std::string link = ReadPart(descriptor_, section.sh_offset, section.sh_size, kMaxNoteBytes);
      size_t zero = link.find('\0');
      if (zero != std::string::npos && link.size() - zero - 1 <= kMaxBuildIdBytes) {
        file_.shared_build_id = Hexadecimal(std::string_view(link).substr(zero + 1));
      }
    }
  }

  int descriptor_;
  Header header_ = {};
  std::string names_;
  ElfFile file_;
};

uint64_t EndOf(uint64_t start, uint64_t size) {
  return size > UINT64_MAX - start ? UINT64_MAX : start + size;
}

}  // namespace

std::optional<ElfFile> ReadElfFile(int descriptor) {
  unsigned char identity[EI_NIDENT];
  if (!ReadAt(descriptor, 0, identity, sizeof(identity))) return std::nullopt;
  bool is_elf = std::memcmp(identity, ELFMAG, SELFMAG) == 0 && identity[EI_DATA] == ELFDATA2LSB;
  if (!is_elf) return std::nullopt;
  if (identity[EI_CLASS] == ELFCLASS64) {
    return Reader<Elf64_Ehdr, Elf64_Shdr, Elf64_Phdr>(descriptor).Read();
  }
  if (identity[EI_CLASS] == ELFCLASS32) {
    return Reader<Elf32_Ehdr, Elf32_Shdr, Elf32_Phdr>(descriptor).Read();
  }
  return std::nullopt;
}

CodeLayout::CodeLayout(const ElfFile& file) {
  // Code has no part that is in memory alone.
  is_derived_ = std::any_of(file.segments.begin(), file.segments.end(), [](const LoadSegment& s) {
    return s.is_code && s.file_bytes < s.memory_bytes;
  });
  uint64_t end = 0;
  for (LoadSegment segment : file.segments) {
    if (is_derived_) {
      uint64_t step = std::max<uint64_t>(segment.alignment, 1);
      uint64_t wanted = segment.address % step;
      uint64_t base = end - end % step;
      segment.file_offset = EndOf(base, wanted);
      if (segment.file_offset < end) segment.file_offset = EndOf(segment.file_offset, step);
      segment.file_bytes = segment.memory_bytes;
      end = EndOf(segment.file_offset, segment.file_bytes);
    }
    if (segment.is_code) code_.push_back(segment);
  }
}

std::optional<uint64_t> CodeLayout::AddressOf(uint64_t file_offset) const {
  for (const LoadSegment& segment : code_) {
    if (file_offset < segment.file_offset) continue;
    uint64_t inside = file_offset - segment.file_offset;
    if (inside < segment.file_bytes && inside <= UINT64_MAX - segment.address) {
      return segment.address + inside;
    }
  }
  return std::nullopt;
}

}  // namespace twofold
