// Unpacks what gzip packed, with a cap: a small file may claim to be anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/result.h"

namespace twofold {

bool LooksLikeGzip(std::string_view bytes);

// Several members behind each other are one text, as for gunzip. Error: no gzip, cut off, a wrong
// checksum, or more than `max_bytes`.
Result<std::string> Gunzip(std::string_view bytes, uint64_t max_bytes);

}  // namespace twofold
