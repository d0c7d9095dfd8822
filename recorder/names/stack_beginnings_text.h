// stack_beginnings.txt, embedded at build time (analyzer/embed.cmake).
#pragma once

#include <string_view>

namespace twofold {

extern const std::string_view kStackBeginningsText;

}  // namespace twofold
