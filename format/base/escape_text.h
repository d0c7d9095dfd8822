// Makes text of others harmless: what programs are called, what users type, what a capture holds.
// It may have control characters, terminal commands, bidirectional overrides, or bytes that are no
// text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace twofold {

// Text that is safe on a terminal and in any XML or JSON document, and that can be turned back:
//   a backslash                                      \\ (two backslashes)
//   a control character, or a byte that is not UTF-8  \xHH
//   an invisible or direction-changing character      \u{HHHH}
// Everything else stays as it is.
std::string EscapeText(std::string_view text);

// As EscapeText, and with ';' as \x3b: a frame of a folded line.
std::string EscapeFrame(std::string_view text);

// Takes EscapeText or EscapeFrame back.
std::string UnescapeText(std::string_view text);

// Escapes & < > " ' for XML text and attributes. `text` must come from EscapeText.
std::string EscapeXml(std::string_view text);

// Columns that escaped text takes on a terminal: wide East Asian characters take two, combining
// marks none.
size_t DisplayWidth(std::string_view text);

constexpr uint32_t kNoCharacter = UINT32_MAX;

// Reads one character of UTF-8 at `position` and moves past it. What is none gives kNoCharacter and
// moves past one byte.
uint32_t NextCharacter(std::string_view text, size_t& position);

}  // namespace twofold
