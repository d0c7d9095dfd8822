#include "format/base/elf_notes.h"

#include <elf.h>
#include <fcntl.h>

#include <string_view>
#include <vector>

#include "format/base/byte_cursor.h"
#include "format/base/input_file.h"
#include "format/base/unique_fd.h"

namespace twofold {
namespace {

constexpr size_t kMaxNotesFileBytes = size_t{64} * 1024;

}  // namespace

std::string FindBuildId(std::span<const uint8_t> notes, uint64_t alignment_bytes) {
  constexpr std::string_view kGnu("GNU\0", 4);
  const size_t padded_to = alignment_bytes == 8 ? 8 : 4;
  ByteCursor cursor(notes);
  Elf64_Nhdr header;  // the same in 32-bit files
  while (cursor.Read(header)) {
    const auto name = cursor.Take(header.n_namesz);
    if (!name || !cursor.Align(padded_to)) return "";
    const auto content = cursor.Take(header.n_descsz);
    if (!content) return "";
    if (header.n_type == NT_GNU_BUILD_ID && AsText(*name) == kGnu) {
      return content->size() > kMaxBuildIdBytes ? "" : ToHex(*content);
    }
    if (!cursor.Align(padded_to)) return "";
  }
  return "";
}

std::string ReadBuildIdOfNotesFile(const char* path) {
  const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return "";
  return FindBuildId(ReadRange(fd.get(), 0, kMaxNotesFileBytes));
}

}  // namespace twofold
