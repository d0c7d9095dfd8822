// Words of a line, between blanks.
#pragma once

#include <charconv>
#include <string_view>

namespace twofold {

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

inline std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the first word from `text`; empty: there is none.
inline std::string_view TakeWord(std::string_view& text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  size_t end = 0;
  while (end < text.size() && !IsBlank(text[end])) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

// Takes the last word from `text`.
inline std::string_view TakeLastWord(std::string_view& text) {
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  size_t begin = text.size();
  while (begin > 0 && !IsBlank(text[begin - 1])) --begin;
  const std::string_view word = text.substr(begin);
  text.remove_suffix(text.size() - begin);
  return word;
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

}  // namespace twofold
