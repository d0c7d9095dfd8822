// Strings of a capture are UTF-8; what the kernel and files give may be any bytes.
#pragma once

#include <string>
#include <string_view>

namespace twofold {

// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

// `text` with every byte that is not part of well-formed UTF-8 written as \xHH (lower case).
std::string EscapeNonUtf8(std::string_view text);

}  // namespace twofold
