#include "recorder/parser/elf_debug_link.h"

#include <zlib.h>

#include <vector>

#include "format/base/byte_cursor.h"
#include "format/base/input_file.h"

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
  const std::vector<uint8_t> bytes =
      headers.ReadSection(fd, *section, kMaxFileNameBytes + 1 + sizeof(uint32_t));
  ByteCursor cursor(bytes);
  DebugLink link;
  const auto name = cursor.TakeText();
  if (!name || !cursor.Align(4) || !cursor.Read(link.crc32)) return std::nullopt;
  link.file_name = *name;
  if (link.file_name.empty() || link.file_name == "." || link.file_name == ".." ||
      link.file_name.find('/') != std::string::npos) {
    return std::nullopt;
  }
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
  return uint32_t(crc);
}

}  // namespace twofold
