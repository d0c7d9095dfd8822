// What kind of recording a file is, and what kind it is not.
#pragma once

#include <string>
#include <string_view>

#include "format/base/result.h"

namespace twofold {

enum class ImportFormat { kPerf, kFolded, kPprof };

// Error: the bytes are of something that no reader reads, whatever the user calls it; says what and
// how to go on. `name`: of the file.
Result<void> RefuseForeign(std::string_view bytes, const std::string& name);

// As the bytes look. Error: they look like none.
Result<ImportFormat> GuessFormat(std::string_view bytes, const std::string& name);

}  // namespace twofold
