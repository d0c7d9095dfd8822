// Pieces of JSON. Whoever joins them keeps the commas.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace twofold {

// A text as recorded, as a JSON string: escaped by EscapeText, then for JSON.
std::string JsonText(std::string_view text);

// The same of a text that is escaped already. Also "<" is escaped: no script of a page ends in it.
std::string JsonString(std::string_view escaped);

// "[a, b]" of finished values.
std::string JsonArray(const std::vector<std::string>& values);

}  // namespace twofold
