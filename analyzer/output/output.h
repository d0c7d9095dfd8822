// Outputs: how weighted stacks are written. An output is one function in a file of its own in
// output/, plus one line in the list in output.cc; it works for every view and every filter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/fold/folded.h"
#include "format/base/byte_sink.h"
#include "format/base/result.h"

namespace twofold {

// What an output may say beside the stacks themselves, and how pictures are drawn.
struct Presentation {
  const View* view = nullptr;
  int64_t window_ns = 0;           // the time that the stacks cover
  std::vector<std::string> notes;  // what is missing, a sentence each

  std::string title;         // empty: the view's
  uint32_t width_px = 1200;  // of pictures
  double min_width_percent = 0.1;
  bool root_on_top = false;
};

struct OutputFormat {
  std::string_view name;
  std::string_view summary;
  Result<void> (*write)(const Folded& folded, const Presentation& presentation, ByteSink& sink);
};

const std::vector<OutputFormat>& OutputFormats();

// The format of that name; names are the program's own, so a missing one is a bug.
const OutputFormat& GetOutputFormat(std::string_view name);

// Lines "root;caller;callee 123" with the value in microseconds.
Result<void> WriteFolded(const Folded& folded, const Presentation& presentation, ByteSink& sink);

// A flame graph that zooms and searches in a browser, and is a still picture elsewhere.
Result<void> WriteSvg(const Folded& folded, const Presentation& presentation, ByteSink& sink);

}  // namespace twofold
