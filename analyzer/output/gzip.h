// Packs bytes as gzip does (RFC 1952), without a name and a time: the same bytes on every run.
#pragma once

#include <string>
#include <string_view>

#include "format/base/result.h"

namespace twofold {

Result<std::string> Gzip(std::string_view bytes);

}  // namespace twofold
