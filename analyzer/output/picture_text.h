// Style and script of the flame graph, embedded at build time (analyzer/embed.cmake).
#pragma once

#include <string_view>

namespace twofold {

extern const std::string_view kFlameCss;     // flame.css
extern const std::string_view kFlameScript;  // flame.js

}  // namespace twofold
