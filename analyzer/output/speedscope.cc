// The output "speedscope": one profile of the type "sampled" (of pages another one in bytes), a
// sample for each stack, as https://www.speedscope.app reads it. Stacks come in the order of their
// frames, so its view "time order" is as readable as "left heavy".
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

// Writes profiles of the same stacks, and then the frames that are in them.
class Writer {
 public:
  Writer(const Folded& folded, ByteSink& sink) : folded_(folded), out_(sink) {}

  Result<void> Begin(const std::string& title) {
    return out_.Append("{\"$schema\":" + JsonString(kSchema) + ",\n\"exporter\":\"twofold@" +
                       std::string(kVersion) + "\",\n\"name\":" + JsonText(title) +
                       ",\n\"activeProfileIndex\":0,\n\"profiles\":[");
  }

  // `values`: of the stacks.
  Result<void> AddProfile(const std::string& title, std::string_view unit,
                          const std::vector<uint64_t>& values) {
    TWOFOLD_RETURN_IF_ERROR(
        out_.Append(before_profile_ + std::string("{\"type\":\"sampled\",\"name\":") +
                    JsonText(title) + ",\"unit\":\"" + std::string(unit) + "\",\n\"samples\":["));
    before_profile_ = ",\n";
    PathWalker walker(folded_);
    const char* separator = "\n";
    for (const FoldedStack& stack : folded_.stacks) {
      walker.MoveTo(stack);
      std::vector<uint64_t> frames;
      for (uint32_t name : walker.path()) frames.push_back(NumberOf(name));
      TWOFOLD_RETURN_IF_ERROR(out_.Append(separator + JoinNumbers(frames)));
      separator = ",\n";
    }
    uint64_t total = 0;
    for (uint64_t value : values) total += value;
    return out_.Append("],\n\"weights\":" + JoinNumbers(values) +
                       ",\n\"startValue\":0,\"endValue\":" + std::to_string(total) + "}");
  }

  Result<void> Finish() {
    TWOFOLD_RETURN_IF_ERROR(out_.Append("],\n\"shared\":{\"frames\":["));
    const char* separator = "\n";
    for (uint32_t name : names_) {
      TWOFOLD_RETURN_IF_ERROR(out_.Append(separator + FrameObject(folded_, name)));
      separator = ",\n";
    }
    TWOFOLD_RETURN_IF_ERROR(out_.Append("]}}\n"));
    return out_.Flush();
  }

 private:
  // Frames are numbered in the order in which they come first, one for each text and place.
  uint64_t NumberOf(uint32_t name) {
    auto [entry, fresh] = frame_of_place_.try_emplace(PlaceOf(folded_, name), names_.size());
    if (fresh) names_.push_back(name);
    return entry->second;
  }

  const Folded& folded_;
  TextSink out_;
  const char* before_profile_ = "";
  std::vector<uint32_t> names_;
  std::map<Place, uint64_t> frame_of_place_;
};

}  // namespace

Result<void> WriteSpeedscope(const Folded& folded, const Presentation& presentation,
                             ByteSink& sink) {
  Writer writer(folded, sink);
  std::string title =
      presentation.title.empty() ? std::string(presentation.view->title) : presentation.title;
  // It has no unit for other numbers.
  Unit view_unit = presentation.view->unit;
  bool has_unit = view_unit == Unit::kNanoseconds || view_unit == Unit::kBytes;
  TWOFOLD_RETURN_IF_ERROR(writer.Begin(title));
  TWOFOLD_RETURN_IF_ERROR(writer.AddProfile(title, has_unit ? UnitName(view_unit) : "none",
                                            ShownValues(folded.stacks, view_unit)));
  if (folded.page_bytes != 0) {
    std::vector<uint64_t> bytes;
    for (const FoldedStack& stack : folded.stacks) {
      bytes.push_back(folded.BytesOf(stack.value).value_or(0));
    }
    TWOFOLD_RETURN_IF_ERROR(writer.AddProfile(title + ", in bytes", "bytes", bytes));
  }
  return writer.Finish();
}

}  // namespace twofold
