// The output "speedscope": one profile of the type "sampled", a sample for each stack, as
// https://www.speedscope.app reads it. Stacks come in the order of their frames, so its view "time
// order" is as readable as "left heavy".
#include <string>
#include <unordered_map>

#include "analyzer/output/microseconds.h"
#include "analyzer/output/output.h"
#include "analyzer/output/text_sink.h"
#include "analyzer/text/json.h"
#include "format/base/version.h"

namespace twofold {
namespace {

// Where a browser finds the format's description; nothing is fetched from there.
constexpr std::string_view kSchema = "https://www.speedscope.app/file-format-schema.json";

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
  // It has no unit for cycles.
  std::string unit = presentation.view->unit == Unit::kNanoseconds ? "microseconds" : "none";
  TWOFOLD_RETURN_IF_ERROR(
      out.Append("{\"$schema\":" + JsonString(kSchema) + ",\n\"exporter\":\"twofold@" +
                 std::string(kVersion) + "\",\n\"name\":" + JsonText(title) +
                 ",\n\"activeProfileIndex\":0,\n\"profiles\":[{\"type\":\"sampled\",\"name\":" +
                 JsonText(title) + ",\"unit\":\"" + unit + "\",\n\"samples\":["));
  // Frames in the order in which they come first, one for each text.
  std::vector<uint32_t> texts;
  std::unordered_map<uint32_t, uint64_t> frame_of_text;
  PathWalker walker(folded);
  const char* separator = "\n";
  for (const FoldedStack& stack : folded.stacks) {
    walker.MoveTo(stack);
    std::vector<uint64_t> frames;
    for (uint32_t name : walker.path()) {
      uint32_t text = folded.names[name].text;
      auto [entry, fresh] = frame_of_text.try_emplace(text, texts.size());
      if (fresh) texts.push_back(text);
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
  for (uint32_t text : texts) {
    TWOFOLD_RETURN_IF_ERROR(
        out.Append(separator + ("{\"name\":" + JsonString(folded.texts[text]) + "}")));
    separator = ",\n";
  }
  TWOFOLD_RETURN_IF_ERROR(out.Append("]}}\n"));
  return out.Flush();
}

}  // namespace twofold
