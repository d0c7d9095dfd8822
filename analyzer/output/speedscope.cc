// The output "speedscope": one profile of the type "sampled", a sample for each stack, as
// https://www.speedscope.app reads it. Stacks come in the order of their frames, so its view "time
// order" is as readable as "left heavy".
#include <map>
#include <string>
#include <tuple>

#include "analyzer/output/microseconds.h"
#include "analyzer/output/output.h"
#include "analyzer/output/text_sink.h"
#include "analyzer/text/json.h"
#include "format/base/version.h"

namespace twofold {
namespace {

// Where a browser finds the format's description; nothing is fetched from there.
constexpr std::string_view kSchema = "https://www.speedscope.app/file-format-schema.json";

// Frames of one text and place are one, whether they are code of the program, the kernel or a
// waker.
using Place = std::tuple<uint32_t, std::string_view, int64_t>;

Place PlaceOf(const Folded& folded, uint32_t name) {
  const FrameName& frame = folded.names[name];
  if (frame.frame == 0) return {frame.text, {}, 0};
  const FrameDetail& detail = folded.details.frames[frame.frame - 1];
  return {frame.text, detail.file, detail.line};
}

std::string FrameObject(const Folded& folded, uint32_t name) {
  auto [text, file, line] = PlaceOf(folded, name);
  std::string object = "{\"name\":" + JsonString(folded.texts[text]);
  if (!file.empty()) object += ",\"file\":" + JsonString(file);
  if (line != 0) object += ",\"line\":" + std::to_string(line);
  return object + "}";
}

std::string JoinNumbers(const std::vector<uint64_t>& numbers) {
  std::string text;
  for (uint64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return "[" + text + "]";
}

}  // namespace

Result<void> WriteSpeedscope(const Folded& folded, const Presentation& presentation,
                             ByteSink& sink) {
  TextSink out(sink);
  std::string title =
      presentation.title.empty() ? std::string(presentation.view->title) : presentation.title;
  // It has no unit for other numbers.
  Unit view_unit = presentation.view->unit;
  bool has_unit = view_unit == Unit::kNanoseconds || view_unit == Unit::kBytes;
  std::string unit(has_unit ? UnitName(view_unit) : "none");
  TWOFOLD_RETURN_IF_ERROR(
      out.Append("{\"$schema\":" + JsonString(kSchema) + ",\n\"exporter\":\"twofold@" +
                 std::string(kVersion) + "\",\n\"name\":" + JsonText(title) +
                 ",\n\"activeProfileIndex\":0,\n\"profiles\":[{\"type\":\"sampled\",\"name\":" +
                 JsonText(title) + ",\"unit\":\"" + unit + "\",\n\"samples\":["));
  // Frames in the order in which they come first, one for each text and place.
  std::vector<uint32_t> names;
  std::map<Place, uint64_t> frame_of_place;
  PathWalker walker(folded);
  const char* separator = "\n";
  for (const FoldedStack& stack : folded.stacks) {
    walker.MoveTo(stack);
    std::vector<uint64_t> frames;
    for (uint32_t name : walker.path()) {
      auto [entry, fresh] = frame_of_place.try_emplace(PlaceOf(folded, name), names.size());
      if (fresh) names.push_back(name);
      frames.push_back(entry->second);
    }
    TWOFOLD_RETURN_IF_ERROR(out.Append(separator + JoinNumbers(frames)));
    separator = ",\n";
  }
  std::vector<uint64_t> values = ShownValues(folded.stacks, presentation.view->unit);
  uint64_t total = 0;
  for (uint64_t value : values) total += value;
  TWOFOLD_RETURN_IF_ERROR(out.Append("],\n\"weights\":" + JoinNumbers(values) +
                                     ",\n\"startValue\":0,\"endValue\":" + std::to_string(total) +
                                     "}],\n\"shared\":{\"frames\":["));
  separator = "\n";
  for (uint32_t name : names) {
    TWOFOLD_RETURN_IF_ERROR(out.Append(separator + FrameObject(folded, name)));
    separator = ",\n";
  }
  TWOFOLD_RETURN_IF_ERROR(out.Append("]}}\n"));
  return out.Flush();
}

}  // namespace twofold
