// Pieces of JSON. Whoever joins them keeps the commas.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace twofold {

// A text as recorded, as a JSON string: escaped by EscapeText, then for JSON.
std::string JsonText(std::string_view text);

// The same of a text that is escaped already. In both, "<" is escaped where it begins </ or <!,
// with which a script of a page could end: names of C++ stay readable elsewhere.
std::string JsonString(std::string_view escaped);

// "[a, b]" of finished values.
std::string JsonArray(const std::vector<std::string>& values);

}  // namespace twofold
