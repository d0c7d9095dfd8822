#include "format/file_header.h"

#include <algorithm>
#include <optional>

#include "format/base/bytes.h"
#include "format/container.h"
#include "format/foreign_file.h"

namespace twofold {
namespace {

constexpr char kReadByNewer[] = "Open it with a newer twofold";
constexpr char kTransferAgain[] = "Transfer the capture again from the host that recorded it";

}  // namespace

Result<CheckedHeader> CheckFileHeader(std::span<const uint8_t> bytes, const std::string& name) {
  container::FileHeader header;
  std::span<const uint8_t> magic = bytes.first(std::min<size_t>(bytes.size(), 8));
  bool right_magic = StartsWith(container::kFileMagic, magic) && !magic.empty();
  if (!CopyFrom(bytes, header)) {
    if (!right_magic) return DescribeForeignFile(bytes, name);
    return Error{
        "the file ends within its header, after " + std::to_string(bytes.size()) + " bytes", name,
        kTransferAgain};
  }
  uint64_t header_bytes = header.header_bytes;
  bool right_size = header_bytes >= sizeof(header) &&
                    header_bytes <= container::kMaxFileHeaderBytes && header_bytes <= bytes.size();
  header.magic = container::kFileMagic;
  bool right_checksum =
      right_size &&
      container::Checksum(header, bytes.subspan(sizeof(header), header_bytes - sizeof(header))) ==
          header.checksum;
  if (!right_magic && !right_checksum) return DescribeForeignFile(bytes, name);
  if (std::optional<Error> text_mode = DescribeTextMode(bytes, name)) return *text_mode;
  if (!right_magic || !right_checksum) {
    return Error{"the file's header is damaged", name + " at byte 0", kTransferAgain};
  }
  if (header.major_version > container::kMajorVersion) {
    return Error{"the capture has container version " + std::to_string(header.major_version) + "." +
                     std::to_string(header.minor_version) + ", this program reads version " +
                     std::to_string(container::kMajorVersion),
                 name, kReadByNewer};
  }
  if (header.major_version != container::kMajorVersion) {
    return Error{"the capture has container version " + std::to_string(header.major_version) +
                     ", which never was",
                 name, "Ask whoever made the file for a capture of twofold-record"};
  }
  if (uint64_t unknown = header.required_features & ~container::kMergedFeature; unknown != 0) {
    std::string list;
    for (int bit = 0; bit < 64; ++bit) {
      if ((unknown >> bit & 1) != 0) list += (list.empty() ? "" : ", ") + std::to_string(bit);
    }
    return Error{"the capture needs features that this program does not know (number " + list + ")",
                 name, kReadByNewer};
  }
  return CheckedHeader{header_bytes, (header.required_features & container::kMergedFeature) != 0};
}

}  // namespace twofold
