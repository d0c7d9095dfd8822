#include "format/base/utf8.h"

#include <cstdint>
#include <cstring>

namespace twofold {
namespace {

// Length of the well-formed character at the start of `text`, 0 when there is none. The ranges of
// the second byte are those of the Unicode standard, table 3-7.
size_t CharacterBytes(std::string_view text) {
  auto byte = [&](size_t i) { return uint8_t(text[i]); };
  auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  if (text.empty()) return 0;
  uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !continues(1)) return 0;
  if (first < 0xE0) return 2;
  uint8_t second = byte(1);
  if (!continues(2)) return 0;
  if (first < 0xF0) {
    if (first == 0xE0 && second < 0xA0) return 0;
    if (first == 0xED && second > 0x9F) return 0;
    return 3;
  }
  if (!continues(3)) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return 4;
}

// How many bytes at the start of `text` are ASCII, eight at a time.
size_t AsciiBytes(std::string_view text) {
  size_t done = 0;
  while (text.size() - done >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data() + done, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
    done += sizeof(word);
  }
  return done;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(AsciiBytes(text));
    if (text.empty()) return true;
    size_t bytes = CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string EscapeNonUtf8(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    size_t bytes = CharacterBytes(text);
    if (bytes == 0) {
      auto byte = uint8_t(text[0]);
      escaped += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      bytes = 1;
    } else {
      escaped.append(text.substr(0, bytes));
    }
    text.remove_prefix(bytes);
  }
  return escaped;
}

}  // namespace twofold
