#include "recorder/base/elf_notes.h"

#include <elf.h>
#include <fcntl.h>

#include <cstring>
#include <string_view>

#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr size_t kMaxBuildIdBytes = 64;
constexpr size_t kMaxNotesFileBytes = size_t{64} * 1024;

}  // namespace

std::string FindBuildId(std::span<const uint8_t> notes, uint64_t alignment_bytes) {
  constexpr std::string_view kGnu("GNU\0", 4);
  const uint64_t mask = alignment_bytes == 8 ? 7 : 3;
  while (notes.size() >= sizeof(Elf64_Nhdr)) {  // the same in 32-bit files
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data(), sizeof header);
    const uint64_t name_at = sizeof header;
    const uint64_t description_at = (name_at + header.n_namesz + mask) & ~mask;
    const uint64_t description_end = description_at + header.n_descsz;
    if (description_end > notes.size()) return "";
    const std::string_view name(reinterpret_cast<const char*>(notes.data()) + name_at,
                                header.n_namesz);
    if (header.n_type == NT_GNU_BUILD_ID && name == kGnu) {
      if (header.n_descsz > kMaxBuildIdBytes) return "";
      return ToHex(notes.subspan(description_at, header.n_descsz));
    }
    const uint64_t next = (description_end + mask) & ~mask;
    if (next >= notes.size()) return "";
    notes = notes.subspan(next);
  }
  return "";
}

std::string ReadBuildIdOfNotesFile(const char* path) {
  const auto bytes = ReadSmallFile(AT_FDCWD, path, kMaxNotesFileBytes);
  if (!bytes) return "";
  return FindBuildId({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
}

}  // namespace twofold
