// Undoes what EscapeText did to names in files that twofold itself wrote.
#pragma once

#include <string>
#include <string_view>

namespace twofold {

// What 'twofold fold' writes for bytes that would not be safe: \\ and \xHH. Other backslashes stay.
std::string Unescape(std::string_view text);

}  // namespace twofold
