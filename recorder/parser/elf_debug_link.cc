#include "recorder/parser/elf_debug_link.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr size_t kMaxFileNameBytes = 255;  // NAME_MAX
constexpr uint64_t kMaxFileBytes = uint64_t{512} << 20;
constexpr size_t kChunkBytes = size_t{64} * 1024;

}  // namespace

// The name, its NUL, padding to a multiple of 4, the checksum.
std::optional<DebugLink> ReadDebugLink(int fd, const ElfHeaders& headers) {
  const ElfSection* section = headers.FindName(".gnu_debuglink");
  if (section == nullptr) return std::nullopt;
  uint8_t bytes[(kMaxFileNameBytes + 1) + sizeof(uint32_t)];
  const uint64_t wanted =
      std::min<uint64_t>(headers.InFile(section->file_offset, section->size_bytes), sizeof bytes);
  const size_t got =
      ReadAt(fd, section->file_offset, std::span(bytes).first(static_cast<size_t>(wanted)))
          .value_or(0);
  const size_t name_bytes = static_cast<size_t>(std::find(bytes, bytes + got, 0) - bytes);
  const size_t checksum_at = (name_bytes + 1 + 3) & ~size_t{3};
  DebugLink link;
  if (checksum_at + sizeof link.crc32 > got) return std::nullopt;
  link.file_name.assign(reinterpret_cast<const char*>(bytes), name_bytes);
  if (link.file_name.empty() || link.file_name == "." || link.file_name == ".." ||
      link.file_name.find('/') != std::string::npos) {
    return std::nullopt;
  }
  std::memcpy(&link.crc32, bytes + checksum_at, sizeof link.crc32);
  return link;
}

std::optional<uint32_t> Crc32OfFile(int fd, uint64_t file_bytes) {
  if (file_bytes > kMaxFileBytes) return std::nullopt;
  std::vector<uint8_t> chunk(kChunkBytes);
  uLong crc = crc32(0, nullptr, 0);
  for (uint64_t done = 0; done < file_bytes;) {
    const auto got = ReadAt(fd, done, chunk);
    if (!got || *got == 0) return std::nullopt;
    crc = crc32(crc, chunk.data(), static_cast<uInt>(*got));
    done += *got;
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace twofold
