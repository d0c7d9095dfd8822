// The file that a recording is written to.
#pragma once

#include <string>

#include "format/base/output_file.h"
#include "format/base/result.h"

namespace twofold {

// `path`: of -o; empty: twofold-DATE-TIME.twofold in the present folder; "-": standard output.
// `path` becomes the one that was opened. Error: it cannot be, or words or a terminal would be in
// its way.
Result<OutputFile> OpenCaptureFile(std::string& path);

}  // namespace twofold
