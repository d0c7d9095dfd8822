// Makes text from a capture harmless. Names come from other people's programs: they may hold
// control characters, terminal commands, bidirectional overrides, markup, or bytes that are no text
// at all.
#pragma once

#include <string>
#include <string_view>

#include "format/base/escape_text.h"  // EscapeText

namespace twofold {

// As EscapeText, and with ';' as \x3b: a frame of a folded line.
std::string EscapeFrame(std::string_view text);

// Takes EscapeText or EscapeFrame back.
std::string UnescapeText(std::string_view text);

// Escapes & < > " ' for XML text and attributes. `text` must come from EscapeText.
std::string EscapeXml(std::string_view text);

// Columns that escaped text takes on a terminal: wide East Asian characters take two, combining
// marks none.
size_t DisplayWidth(std::string_view text);

}  // namespace twofold
