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
  int64_t window_ns = 0;          // the time that the stacks cover
  int64_t start_realtime_ns = 0;  // CLOCK_REALTIME where it begins
  int64_t cpu_period_ns = 0;  // that one CPU sample stands for; 0: there are none, or it changes
  std::vector<std::string> facts;  // where and when it was recorded, and what was chosen of it
  std::vector<std::string> notes;  // what is missing, a sentence each

  std::string title;         // empty: the view's
  uint32_t width_px = 1200;  // of pictures
  double min_width_percent = 0.1;
  bool root_on_top = false;
};

// What an output needs to know of stacks.
enum class Detail {
  kTexts,    // names: stacks with the same ones are one
  kPlaces,   // and where frames are in the source, in Folded::details
  kFrames,   // Folded::details of their frames
  kThreads,  // and of their threads
};

struct OutputFormat {
  std::string_view name;     // as --format has it
  std::string_view summary;  // for --help
  Result<void> (*write)(const Folded& folded, const Presentation& presentation, ByteSink& sink);
  Detail detail = Detail::kTexts;
};

const std::vector<OutputFormat>& OutputFormats();

// Error: the name is unknown; suggests one.
Result<const OutputFormat*> FindOutputFormat(std::string_view name);

// The format of that name; names are the program's own, so a missing one is a bug.
const OutputFormat& GetOutputFormat(std::string_view name);

// Lines "root;caller;callee 123" with the value in microseconds.
Result<void> WriteFolded(const Folded& folded, const Presentation& presentation, ByteSink& sink);

// A flame graph that zooms and searches in a browser, and is a still picture elsewhere.
Result<void> WriteSvg(const Folded& folded, const Presentation& presentation, ByteSink& sink);

// A profile.proto, packed by gzip, in microseconds. Stacks have Detail::kThreads.
Result<void> WritePprof(const Folded& folded, const Presentation& presentation, ByteSink& sink);

// A file of speedscope, in microseconds. Stacks have Detail::kPlaces.
Result<void> WriteSpeedscope(const Folded& folded, const Presentation& presentation,
                             ByteSink& sink);

// An object with all stacks and frames, in nanoseconds. Stacks have Detail::kFrames.
Result<void> WriteStackJson(const Folded& folded, const Presentation& presentation, ByteSink& sink);

// RFC 4180: a row for each stack, in nanoseconds.
Result<void> WriteStackCsv(const Folded& folded, const Presentation& presentation, ByteSink& sink);

}  // namespace twofold
