// wait_kinds.txt and wait_places.txt, embedded at build time (analyzer/embed.cmake).
#pragma once

#include <string_view>

namespace twofold {

extern const std::string_view kWaitKindsText;
extern const std::string_view kWaitPlacesText;

}  // namespace twofold
