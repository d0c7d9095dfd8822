#include "analyzer/output/output.h"

#include "format/base/check.h"
#include "format/base/suggest.h"

namespace twofold {

const std::vector<OutputFormat>& OutputFormats() {
  static const std::vector<OutputFormat> formats = {
      {"pprof", "for go tool pprof and its kin", WritePprof, Detail::kThreads},
      {"speedscope", "for speedscope.app", WriteSpeedscope, Detail::kPlaces},
      {"json", "everything about every frame", WriteStackJson, Detail::kFrames},
      {"csv", "a row per stack", WriteStackCsv},
      {"folded", "one line per stack, as flame graph tools read them", WriteFolded},
      {"svg", "a flame graph for a browser", WriteSvg},
  };
  return formats;
}

Result<const OutputFormat*> FindOutputFormat(std::string_view name) {
  std::vector<std::string_view> names;
  for (const OutputFormat& format : OutputFormats()) {
    if (format.name == name) return &format;
    names.push_back(format.name);
  }
  return Error{"there is no format '" + std::string(name) + "'", "--format",
               Suggestion(name, names), Error::Kind::kUsage};
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
