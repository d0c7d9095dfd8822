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

void AppendUtf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += char(code);
  } else if (code < 0x800) {
    out += char(0xc0 | code >> 6);
    out += char(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += char(0xe0 | code >> 12);
    out += char(0x80 | (code >> 6 & 0x3f));
    out += char(0x80 | (code & 0x3f));
  } else {
    out += char(0xf0 | code >> 18);
    out += char(0x80 | (code >> 12 & 0x3f));
    out += char(0x80 | (code >> 6 & 0x3f));
    out += char(0x80 | (code & 0x3f));
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

uint32_t NextCharacter(std::string_view text, size_t& position) {
  auto byte = [&](size_t i) { return uint8_t(text[i]); };
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
      snprintf(buffer, sizeof(buffer), "\\x%02x", uint8_t(text[start]));
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

std::string EscapeFrame(std::string_view text) {
  std::string escaped = EscapeText(text);
  if (escaped.find(';') == std::string::npos) return escaped;
  std::string out;
  for (const char c : escaped) {
    if (c == ';') {
      out += "\\x3b";
    } else {
      out += c;
    }
  }
  return out;
}

std::string UnescapeText(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view rest = text.substr(i);
    if (rest.substr(0, 2) == "\\\\") {
      out += '\\';
      i += 1;
    } else if (rest.substr(0, 2) == "\\x" && rest.size() >= 4 && HexDigit(rest[2]) >= 0 &&
               HexDigit(rest[3]) >= 0) {
      out += char(HexDigit(rest[2]) * 16 + HexDigit(rest[3]));
      i += 3;
    } else if (rest.substr(0, 3) == "\\u{") {
      uint32_t code = 0;
      size_t digits = 0;
      while (digits < 6 && 3 + digits < rest.size() && HexDigit(rest[3 + digits]) >= 0) {
        code = code * 16 + uint32_t(HexDigit(rest[3 + digits]));
        ++digits;
      }
      AppendUtf8(out, code);
      i += 3 + digits;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string EscapeXml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t position = 0; position < text.size();) {
    uint32_t code = NextCharacter(text, position);
    bool combining = (code >= 0x300 && code <= 0x36f) || (code >= 0xfe00 && code <= 0xfe0f);
    bool wide = code != kNoCharacter &&
                ((code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                 (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                 (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                 (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
                 (code >= 0x20000 && code <= 0x3fffd));
    width += combining ? 0 : wide ? 2 : 1;
  }
  return width;
}

}  // namespace twofold
