// What to do about losses, as far as it depends on what was recorded.
#pragma once

#include <string>
#include <string_view>

#include "format/losses.h"

namespace twofold {

// The way out of a loss for a recording with this scope (Settings::scope): one or two sentences. A
// recording of the whole host can also be narrowed; one that was narrowed is not told to be.
std::string LossAdvice(const LossInfo& info, std::string_view scope);

}  // namespace twofold
