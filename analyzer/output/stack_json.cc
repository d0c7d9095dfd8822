// The output "json": everything that is known of every stack and frame, for programs. Its form is
// described in docs/analyzing.md and has a version: members may be added to version 1, and none
// changes what it means.
#include <cmath>
#include <cstdio>
#include <string>

#include "analyzer/output/output.h"
#include "analyzer/output/text_sink.h"
#include "analyzer/text/json.h"

namespace twofold {
namespace {

constexpr uint32_t kUnused = UINT32_MAX;

std::string_view KindName(FrameKind kind) {
  switch (kind) {
    case FrameKind::kRoot:
      return "root";
    case FrameKind::kFact:
      return "fact";
    case FrameKind::kUser:
      return "user";
    case FrameKind::kKernel:
      return "kernel";
    case FrameKind::kSpecial:
      return "message";
    case FrameKind::kSeparator:
      return "separator";
    case FrameKind::kWaker:
      return "waker";
  }
  return "";
}

std::string FrameObject(const Folded& folded, uint32_t name) {
  const FrameName& frame_name = folded.names[name];
  std::string text = "{\"name\": " + JsonString(folded.Text(name)) + ", \"kind\": \"" +
                     std::string(KindName(frame_name.kind)) + "\"";
  if (frame_name.frame == 0) return text + "}";
  const FrameDetail& frame = folded.details.frames[frame_name.frame - 1];
  const ModuleDetail* module = folded.details.ModuleOf(frame);
  if (!frame.symbol.empty()) text += ", \"symbol\": " + JsonString(frame.symbol);
  if (module != nullptr && module->kind != "special") {
    text += ", \"module\": " + JsonString(module->path.empty() ? module->name : module->path) +
            ", \"module_kind\": " + JsonString(module->kind);
    if (!module->build_id.empty()) text += ", \"build_id\": " + JsonString(module->build_id);
    char offset[32];
    snprintf(offset, sizeof(offset), "0x%llx", static_cast<unsigned long long>(frame.offset));
    text += std::string(", \"offset\": \"") + offset + "\"";
  }
  if (!frame.file.empty()) text += ", \"file\": " + JsonString(frame.file);
  if (frame.line != 0) text += ", \"line\": " + std::to_string(frame.line);
  if (frame.is_inlined) text += ", \"inlined\": true";
  return text + "}";
}

}  // namespace

Result<void> WriteStackJson(const Folded& folded, const Presentation& presentation,
                            ByteSink& sink) {
  TextSink out(sink);
  const View& view = *presentation.view;
  std::vector<std::string> notes;
  for (const std::string& note : presentation.notes) notes.push_back(JsonText(note));
  TWOFOLD_RETURN_IF_ERROR(out.Append(
      "{\n\"format\": \"twofold-stacks\",\n\"version\": 1,\n\"view\": " + JsonString(view.name) +
      ",\n\"unit\": " +
      JsonString(view.unit == Unit::kNanoseconds ? "nanoseconds" : UnitName(view.unit)) +
      ",\n\"start_realtime_ns\": " + std::to_string(presentation.start_realtime_ns) +
      ",\n\"window_ns\": " + std::to_string(presentation.window_ns) + ",\n\"total\": " +
      std::to_string(folded.total) + ",\n\"lost\": " + std::to_string(folded.lost) +
      ",\n\"notes\": " + JsonArray(notes) + ",\n\"stacks\": ["));
  // Frames are numbered in the order in which they come first.
  std::vector<uint32_t> numbers(folded.names.size(), kUnused);
  std::vector<uint32_t> names;
  PathWalker walker(folded);
  const char* separator = "\n";
  for (const FoldedStack& stack : folded.stacks) {
    walker.MoveTo(stack);
    std::string frames;
    for (uint32_t name : walker.path()) {
      if (numbers[name] == kUnused) {
        numbers[name] = uint32_t(names.size());
        names.push_back(name);
      }
      frames += (frames.empty() ? "" : ", ") + std::to_string(numbers[name]);
    }
    std::string object = "{\"weight\": " + std::to_string(stack.value) +
                         ", \"count\": " + std::to_string(stack.count);
    if (auto bytes = folded.BytesOf(stack.value)) {
      object += ", \"bytes\": " + std::to_string(*bytes);
    }
    if (view.ratio != nullptr) {
      object += ", \"" + std::string(view.ratio->divisor_column) +
                "\": " + std::to_string(stack.divisor) + ", \"" +
                std::string(view.ratio->divisor_count_column) +
                "\": " + std::to_string(stack.divisor_count);
    }
    if (!view.variance_column.empty()) {
      object += ", \"standard_error\": " + std::to_string(std::llround(std::sqrt(stack.variance)));
    }
    TWOFOLD_RETURN_IF_ERROR(out.Append(separator + object + ", \"frames\": [" + frames + "]}"));
    separator = ",\n";
  }
  TWOFOLD_RETURN_IF_ERROR(out.Append(folded.stacks.empty() ? "],\n" : "\n],\n"));
  TWOFOLD_RETURN_IF_ERROR(out.Append("\"frames\": ["));
  separator = "\n";
  for (uint32_t name : names) {
    TWOFOLD_RETURN_IF_ERROR(out.Append(separator + FrameObject(folded, name)));
    separator = ",\n";
  }
  TWOFOLD_RETURN_IF_ERROR(out.Append(names.empty() ? "]\n}\n" : "\n]\n}\n"));
  return out.Flush();
}

}  // namespace twofold
