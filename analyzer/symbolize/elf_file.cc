#include "analyzer/symbolize/elf_file.h"

#include <elf.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "format/base/byte_cursor.h"
#include "format/base/elf_notes.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxLinkBytes = 64 << 10;

// A path, then the build id.
std::string SharedBuildId(int descriptor, const ElfHeaders& headers, const ElfSection& section) {
  const std::vector<uint8_t> link = headers.ReadSection(descriptor, section, kMaxLinkBytes);
  ByteCursor cursor(link);
  if (!cursor.TakeText() || cursor.rest().size() > kMaxBuildIdBytes) return "";
  return ToHex(cursor.rest());
}

uint64_t EndOf(uint64_t start, uint64_t size) {
  return size > UINT64_MAX - start ? UINT64_MAX : start + size;
}

}  // namespace

std::optional<ElfFile> ReadElfFile(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || status.st_size < 0) return std::nullopt;
  std::optional<ElfHeaders> headers = ReadElfHeaders(descriptor, uint64_t(status.st_size));
  if (!headers) return std::nullopt;
  ElfFile file;
  for (const ElfSection& section : headers->sections) {
    if (section.type == SHT_NOBITS || section.size_bytes == 0) continue;
    if (section.type == SHT_SYMTAB) file.has_symbols = true;
    if (section.type == SHT_PROGBITS && (section.flags & SHF_EXECINSTR) != 0) file.has_code = true;
    if (section.name == ".debug_info" || section.name == ".zdebug_info") file.has_lines = true;
    if (section.name == ".gnu_debugaltlink") {
      file.shared_build_id = SharedBuildId(descriptor, *headers, section);
    }
  }
  file.build_id = std::move(headers->build_id);
  file.segments = std::move(headers->segments);
  return file;
}

CodeLayout::CodeLayout(const ElfFile& file) {
  // Code has no part that is in memory alone.
  is_derived_ = std::any_of(file.segments.begin(), file.segments.end(), [](const ElfSegment& s) {
    return s.is_executable && s.size_bytes < s.memory_bytes;
  });
  uint64_t end = 0;
  for (ElfSegment segment : file.segments) {
    if (is_derived_) {
      uint64_t step = std::max<uint64_t>(segment.alignment_bytes, 1);
      uint64_t wanted = segment.address % step;
      uint64_t base = end - end % step;
      segment.file_offset = EndOf(base, wanted);
      if (segment.file_offset < end) segment.file_offset = EndOf(segment.file_offset, step);
      segment.size_bytes = segment.memory_bytes;
      end = EndOf(segment.file_offset, segment.size_bytes);
    }
    if (segment.is_executable) code_.push_back(segment);
  }
}

std::optional<uint64_t> CodeLayout::AddressOf(uint64_t file_offset) const {
  for (const ElfSegment& segment : code_) {
    if (file_offset < segment.file_offset) continue;
    uint64_t inside = file_offset - segment.file_offset;
    if (inside < segment.size_bytes && inside <= UINT64_MAX - segment.address) {
      return segment.address + inside;
    }
  }
  return std::nullopt;
}

}  // namespace twofold
