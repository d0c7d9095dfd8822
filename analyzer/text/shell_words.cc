#include "analyzer/text/shell_words.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "format/base/escape_text.h"

namespace twofold {
namespace {

bool IsPlain(char c) {
  bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return is_letter || std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

void AppendWord(std::string_view word, std::string& text) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), IsPlain)) {
    text += word;
    return;
  }
  text += '\'';
  for (char c : word) {
    if (c == '\'') {
      text += "'\"'\"'";
    } else {
      text += c;
    }
  }
  text += '\'';
}

// As EscapeText, without \u{HHHH}, which no shell knows.
std::string EscapeForShell(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    NextCharacter(text, position);
    const std::string_view character = text.substr(start, position - start);
    const std::string escaped = EscapeText(character);
    if (!escaped.starts_with("\\u")) {
      out += escaped;
      continue;
    }
    for (const char byte : character) {
      char hexadecimal[8];
      (void)snprintf(hexadecimal, sizeof hexadecimal, "\\x%02x", uint8_t(byte));
      out += hexadecimal;
    }
  }
  return out;
}

}  // namespace

std::string ShellWords(std::string_view arguments) {
  std::string text;
  while (!arguments.empty()) {
    size_t end = std::min(arguments.find('\0'), arguments.size());
    if (!text.empty()) text += ' ';
    AppendWord(arguments.substr(0, end), text);
    arguments.remove_prefix(std::min(end + 1, arguments.size()));
  }
  return text;
}

std::string HarmlessShellWords(std::string_view shell_words) {
  std::string text;
  for (size_t i = 0; i < shell_words.size();) {
    const char c = shell_words[i];
    if (c != '\'' && c != '"') {
      text += c;
      ++i;
      continue;
    }
    const size_t close = std::min(shell_words.find(c, i + 1), shell_words.size());
    const std::string_view inside = shell_words.substr(i + 1, close - i - 1);
    const std::string escaped = EscapeForShell(inside);
    if (escaped != inside) text += '$';
    text += c + escaped + c;
    i = close + 1;
  }
  return text;
}

}  // namespace twofold
