// The output "pprof": a gzipped profile.proto, as `go tool pprof` and what is built on it read it
// (https://github.com/google/pprof/blob/main/proto/profile.proto).
//
// | here | there |
// |-|-|
// | a stack of a thread | a Sample, innermost first, with the labels pid, tid, process, thread |
// | a module | a Mapping with its build id. It begins at 0, so addresses are offsets in the file |
// | a frame | a Location with one Line; with those inlined into it, one Location with a Line each |
// | a function | a Function: name as shown, system_name as in the file |
// | a first frame, a message, `--` | a Location without a mapping and an address |
//
// Wakers are upside down, so their inlined frames have Locations of their own: the order of a
// Location's Lines is fixed.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <unordered_map>

#include "analyzer/output/gzip.h"
#include "analyzer/output/microseconds.h"
#include "analyzer/output/output.h"
#include "analyzer/output/protobuf.h"
#include "analyzer/text/profile_proto.h"
#include "format/base/escape_text.h"

namespace twofold {
namespace {

constexpr uint64_t kPageBytes = 4096;

class ProfileWriter {
 public:
  ProfileWriter(const Folded& folded, const Presentation& presentation)
      : folded_(folded), presentation_(presentation) {
    strings_.push_back("");
    string_ids_[""] = 0;
  }

  std::string Write() {
    bool is_cpu = presentation_.view->source == "cpu";
    const View& view = *presentation_.view;
    bool is_time = view.unit == Unit::kNanoseconds;
    bool is_sampled = is_cpu || view.ratio != nullptr || view.unit == Unit::kPages;
    std::string value_type = !is_time ? std::string(UnitName(view.unit)) : is_cpu ? "cpu" : "time";
    std::string value_unit = is_time ? "microseconds" : "count";
    std::string count_type = is_sampled ? "samples" : "events";
    if (view.unit == Unit::kBytes) {
      // As profiles of heaps have it.
      value_type = "space";
      value_unit = "bytes";
      count_type = "objects";
    } else if (view.unit == Unit::kSegments) {
      count_type = "packets";
    }
    profile_.Message(ProfileField::kSampleType, ValueType(count_type, "count"));
    profile_.Message(ProfileField::kSampleType, ValueType(value_type, value_unit));
    if (view.ratio != nullptr) {
      profile_.Message(ProfileField::kSampleType,
                       ValueType(std::string(view.ratio->divisor_name), "count"));
    }
    if (folded_.page_bytes != 0) {
      profile_.Message(ProfileField::kSampleType, ValueType("space", "bytes"));
    }
    std::vector<uint64_t> values = ShownValues(folded_.stacks, view.unit);
    PathWalker walker(folded_);
    for (size_t i = 0; i < folded_.stacks.size(); ++i) {
      walker.MoveTo(folded_.stacks[i]);
      WriteSample(walker.path(), folded_.stacks[i], values[i]);
    }
    WriteMappings();
    profile_.Number(ProfileField::kTime, uint64_t(presentation_.start_realtime_ns));
    profile_.Number(ProfileField::kDuration, uint64_t(presentation_.window_ns));
    if (is_cpu && presentation_.cpu_period_ns > 0) {
      profile_.Message(ProfileField::kPeriodType, ValueType("cpu", "nanoseconds"));
      profile_.Number(ProfileField::kPeriod, uint64_t(presentation_.cpu_period_ns));
    }
    std::vector<uint64_t> comments = {
        StringId("twofold, view " + std::string(presentation_.view->name))};
    for (const std::string& note : presentation_.notes) {
      comments.push_back(StringId(EscapeText(note)));
    }
    profile_.Numbers(ProfileField::kComment, comments);
    profile_.Number(ProfileField::kDefaultSampleType, StringId(value_type));
    for (const std::string& text : strings_) profile_.Bytes(ProfileField::kString, text);
    return profile_.bytes();
  }

 private:
  struct Mapping {
    uint64_t id = 0;
    uint64_t last_offset = 0;
    bool all_named = true;
    bool has_file_names = false;
    bool has_lines = false;
    bool has_inlined = false;
  };

  uint64_t StringId(const std::string& text) {
    auto [entry, fresh] = string_ids_.try_emplace(text, strings_.size());
    if (fresh) strings_.push_back(text);
    return entry->second;
  }

  ProtobufMessage ValueType(const std::string& type, const std::string& unit) {
    ProtobufMessage message;
    message.Number(ValueTypeField::kType, StringId(type));
    message.Number(ValueTypeField::kUnit, StringId(unit));
    return message;
  }

  const FrameDetail* DetailOf(uint32_t name) const {
    uint32_t frame = folded_.names[name].frame;
    return frame == 0 ? nullptr : &folded_.details.frames[frame - 1];
  }

  // Whether the frame `name` was inlined into the frame `caller`, which is still there: a filter
  // may have hidden it.
  bool IsInlinedInto(uint32_t name, uint32_t caller) const {
    const FrameDetail* inner = DetailOf(name);
    const FrameDetail* outer = DetailOf(caller);
    return inner != nullptr && outer != nullptr && inner->is_inlined &&
           folded_.names[name].kind != FrameKind::kWaker &&
           folded_.names[name].kind == folded_.names[caller].kind &&
           inner->module == outer->module && inner->offset == outer->offset;
  }

  void WriteSample(const std::vector<uint32_t>& path, const FoldedStack& stack, uint64_t value) {
    std::vector<uint64_t> locations;
    for (size_t i = path.size(); i > 0;) {
      std::vector<uint32_t> names = {path[--i]};
      while (i > 0 && IsInlinedInto(names.back(), path[i - 1])) names.push_back(path[--i]);
      locations.push_back(LocationId(names));
    }
    ProtobufMessage sample;
    sample.Numbers(SampleField::kLocationIds, locations);
    std::vector<uint64_t> values = {stack.count, value};
    if (presentation_.view->ratio != nullptr) values.push_back(stack.divisor);
    if (auto bytes = folded_.BytesOf(stack.value)) values.push_back(*bytes);
    sample.Numbers(SampleField::kValues, values);
    if (stack.thread != 0) {
      const ThreadDetail& thread = folded_.details.threads[stack.thread - 1];
      AddNumberLabel(sample, "pid", thread.pid);
      AddNumberLabel(sample, "tid", thread.tid);
      AddTextLabel(sample, "process", thread.process);
      AddTextLabel(sample, "thread", thread.thread);
    }
    profile_.Message(ProfileField::kSample, sample);
  }

  void AddNumberLabel(ProtobufMessage& sample, const char* key, int64_t number) {
    ProtobufMessage label;
    label.Number(LabelField::kKey, StringId(key));
    label.Number(LabelField::kNumber, uint64_t(number));
    sample.Message(SampleField::kLabel, label);
  }

  void AddTextLabel(ProtobufMessage& sample, const char* key, const std::string& text) {
    if (text.empty()) return;
    ProtobufMessage label;
    label.Number(LabelField::kKey, StringId(key));
    label.Number(LabelField::kText, StringId(text));
    sample.Message(SampleField::kLabel, label);
  }

  // The Location of frames at one place in code, innermost first.
  uint64_t LocationId(const std::vector<uint32_t>& names) {
    auto [entry, fresh] = location_ids_.try_emplace(names, location_ids_.size() + 1);
    if (!fresh) return entry->second;
    ProtobufMessage location;
    location.Number(LocationField::kId, entry->second);
    const FrameDetail* place = DetailOf(names.back());
    const ModuleDetail* module = place == nullptr ? nullptr : folded_.details.ModuleOf(*place);
    if (module != nullptr && module->kind != "special") {
      // Of the kernel and of code made at run time offsets count from functions.
      bool in_file =
          module->kind != "kernel" && module->kind != "kernel-module" && module->kind != "runtime";
      Mapping& mapping = MappingOf(place->module);
      if (in_file) mapping.last_offset = std::max(mapping.last_offset, place->offset);
      mapping.has_inlined = mapping.has_inlined || names.size() > 1;
      for (uint32_t name : names) {
        const FrameDetail& frame = *DetailOf(name);
        mapping.all_named = mapping.all_named && !frame.symbol.empty();
        mapping.has_file_names = mapping.has_file_names || !frame.file.empty();
        mapping.has_lines = mapping.has_lines || frame.line != 0;
      }
      location.Number(LocationField::kMappingId, mapping.id);
      if (in_file) location.Number(LocationField::kAddress, place->offset);
    }
    for (uint32_t name : names) {
      const FrameDetail* frame = DetailOf(name);
      ProtobufMessage line;
      line.Number(LineField::kFunctionId, FunctionId(name));
      if (frame != nullptr) line.Number(LineField::kLine, uint64_t(frame->line));
      location.Message(LocationField::kLine, line);
    }
    profile_.Message(ProfileField::kLocation, location);
    return entry->second;
  }

  uint64_t FunctionId(uint32_t name) {
    const FrameDetail* frame = DetailOf(name);
    std::string text(folded_.Text(name));
    uint64_t name_id = StringId(text);
    uint64_t symbol_id =
        frame == nullptr || frame->symbol.empty() ? name_id : StringId(frame->symbol);
    uint64_t file_id = frame == nullptr ? 0 : StringId(frame->file);
    auto [entry, fresh] =
        function_ids_.try_emplace({name_id, symbol_id, file_id}, function_ids_.size() + 1);
    if (!fresh) return entry->second;
    ProtobufMessage function;
    function.Number(FunctionField::kId, entry->second);
    function.Number(FunctionField::kName, name_id);
    function.Number(FunctionField::kSystemName, symbol_id);
    function.Number(FunctionField::kFileName, file_id);
    profile_.Message(ProfileField::kFunction, function);
    return entry->second;
  }

  Mapping& MappingOf(uint32_t module) {
    Mapping& mapping = mappings_[module];
    if (mapping.id == 0) mapping.id = mappings_.size();
    return mapping;
  }

  // Last, when it is known how far each one reaches.
  void WriteMappings() {
    for (const auto& [module, mapping] : mappings_) {
      const ModuleDetail& detail = folded_.details.modules[module - 1];
      ProtobufMessage message;
      message.Number(MappingField::kId, mapping.id);
      uint64_t pages = mapping.last_offset / kPageBytes + 1;
      message.Number(MappingField::kLimit, pages * kPageBytes);
      message.Number(MappingField::kFileName,
                     StringId(detail.path.empty() && !detail.name.empty() ? "[" + detail.name + "]"
                                                                          : detail.path));
      message.Number(MappingField::kBuildId, StringId(detail.build_id));
      message.Number(MappingField::kHasFunctions, mapping.all_named ? 1 : 0);
      message.Number(MappingField::kHasFileNames, mapping.has_file_names ? 1 : 0);
      message.Number(MappingField::kHasLines, mapping.has_lines ? 1 : 0);
      message.Number(MappingField::kHasInlined, mapping.has_inlined ? 1 : 0);
      profile_.Message(ProfileField::kMapping, message);
    }
  }

  const Folded& folded_;
  const Presentation& presentation_;
  ProtobufMessage profile_;
  std::vector<std::string> strings_;
  std::unordered_map<std::string, uint64_t> string_ids_;
  std::map<std::vector<uint32_t>, uint64_t> location_ids_;    // by names, innermost first
  std::map<std::array<uint64_t, 3>, uint64_t> function_ids_;  // by name, symbol and file
  std::map<uint32_t, Mapping> mappings_;                      // by module id
};

}  // namespace

Result<void> WritePprof(const Folded& folded, const Presentation& presentation, ByteSink& sink) {
  TWOFOLD_ASSIGN_OR_RETURN(std::string packed, Gzip(ProfileWriter(folded, presentation).Write()));
  const std::string& bytes = packed;
  return sink.Append(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

}  // namespace twofold
