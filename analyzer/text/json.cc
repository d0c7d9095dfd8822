#include "analyzer/text/json.h"

#include "format/base/escape_text.h"

namespace twofold {

std::string JsonText(std::string_view text) {
  // EscapeText leaves no control character, so that only a few letters are special.
  return JsonString(EscapeText(text));
}

std::string JsonString(std::string_view escaped) {
  std::string out = "\"";
  for (size_t i = 0; i < escaped.size(); ++i) {
    char c = escaped[i];
    char next = i + 1 < escaped.size() ? escaped[i + 1] : '\0';
    if (c == '<' && (next == '/' || next == '!')) {
      out += "\\u003c";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string JsonArray(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) {
    if (out.size() > 1) out += ", ";
    out += value;
  }
  return out + "]";
}

}  // namespace twofold
