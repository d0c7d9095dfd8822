#include "analyzer/text/shell_words.h"

#include <algorithm>

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
      text += "'\\''";
    } else {
      text += c;
    }
  }
  text += '\'';
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

}  // namespace twofold
