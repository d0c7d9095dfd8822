#include "analyzer/output/output.h"

#include "format/base/check.h"

namespace twofold {

const std::vector<OutputFormat>& OutputFormats() {
  static const std::vector<OutputFormat> formats = {
      {"folded", "one line per stack, as flame graph tools read them", WriteFolded},
      {"svg", "a flame graph for a browser", WriteSvg},

  };
  return formats;
}

const OutputFormat& GetOutputFormat(std::string_view name) {
  const OutputFormat* found = nullptr;
  for (const OutputFormat& format : OutputFormats()) {
    if (format.name == name) found = &format;
  }
  TWOFOLD_CHECK(found != nullptr);
  return *found;
}

}  // namespace twofold
