#include "format/base/escape_text.h"

#include <cstdio>

namespace twofold {
namespace {

// Characters that can be used to make a text look like another one, or that XML does not allow.
bool IsTreacherous(uint32_t code) {
  return code == 0xad || code == 0x61c || code == 0x115f || code == 0x1160 || code == 0x180e ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0x3164 || code == 0xfeff ||
         (code >= 0xfff0 && code <= 0xfffb) || (code & 0xfffe) == 0xfffe ||
         (code >= 0xfdd0 && code <= 0xfdef) || (code >= 0xe0000 && code <= 0xe0fff);
}

}  // namespace

uint32_t NextCharacter(std::string_view text, size_t& position) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(position);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  size_t length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (lead >= 0xf5) length = 0;
  if (length == 0 || position + length > text.size()) {
    ++position;
    return kNoCharacter;
  }
  uint32_t code = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    uint8_t next = byte(position + i);
    if ((next & 0xc0) != 0x80) {
      ++position;
      return kNoCharacter;
    }
    code = code << 6 | (next & 0x3f);
  }
  bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  bool surrogate = code >= 0xd800 && code < 0xe000;
  if (overlong || surrogate || code > 0x10ffff) {
    ++position;
    return kNoCharacter;
  }
  position += length;
  return code;
}

std::string EscapeText(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char buffer[16];
  for (size_t position = 0; position < text.size();) {
    size_t start = position;
    uint32_t code = NextCharacter(text, position);
    if (code == '\\') {
      out += "\\\\";
    } else if (code == kNoCharacter || code < 0x20 || code == 0x7f) {
      snprintf(buffer, sizeof(buffer), "\\x%02x", static_cast<uint8_t>(text[start]));
      out += buffer;
    } else if ((code >= 0x80 && code < 0xa0) || IsTreacherous(code)) {
      snprintf(buffer, sizeof(buffer), "\\u{%x}", code);
      out += buffer;
    } else {
      out += text.substr(start, position - start);
    }
  }
  return out;
}

}  // namespace twofold
