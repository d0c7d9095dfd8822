// Reads pprof profiles: gzipped or plain profile.proto.
#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "analyzer/import/gunzip.h"
#include "analyzer/import/imported_capture.h"
#include "analyzer/import/module_kind.h"
#include "analyzer/import/pprof_tables.h"
#include "analyzer/import/unescape.h"
#include "analyzer/text/profile_proto.h"
#include "format/container.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxProfileBytes = uint64_t{1} << 30;
// Of all samples: a small hostile profile can name the same long stack again and again.
constexpr uint64_t kMaxFrames = uint64_t{1} << 31;
// One more than a capture keeps, so that it is noticed.
constexpr size_t kMaxStackFrames = container::kMaxStackFrames + 1;
constexpr size_t kMaxNamedLabels = 100;

// Nanoseconds in a unit of pprof's; 0: it is no time.
uint64_t NanosecondsOf(std::string_view unit) {
  // "us" with the sign of micro, or with the Greek letter that looks like it.
  constexpr std::string_view kMicro = "\xc2\xb5s";
  constexpr std::string_view kMu = "\xce\xbcs";
  if (unit == "nanoseconds" || unit == "nanosecond" || unit == "ns") return 1;
  if (unit == "microseconds" || unit == "microsecond" || unit == "us" || unit == kMicro ||
      unit == kMu) {
    return 1'000;
  }
  if (unit == "milliseconds" || unit == "millisecond" || unit == "ms") return 1'000'000;
  if (unit == "seconds" || unit == "second" || unit == "s") return 1'000'000'000;
  return 0;
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos and 1 is 0
}

// "[libc.so.6+0x1234]", which stands for a name that is not known.
bool IsPlaceInModule(std::string_view name) {
  const size_t plus = name.rfind("+0x");
  return name.starts_with('[') && name.ends_with(']') && plus != std::string_view::npos &&
         name.substr(plus + 3).find_first_not_of("0123456789abcdef") == name.size() - plus - 4;
}

class PprofReader {
 public:
  PprofReader(std::string_view profile, ImportedCapture& capture)
      : profile_(profile), capture_(capture) {}

  Result<PprofNotes> Read(const std::string& sample_type) {
    TWOFOLD_ASSIGN_OR_RETURN(PprofTables tables, PprofTables::Read(profile_));
    tables_ = std::move(tables);
    TWOFOLD_RETURN_IF_ERROR(ChooseType(sample_type));
    for (std::string_view comment : tables_.comments) {
      is_ours_ = is_ours_ || comment.starts_with("twofold, view ");
    }
    if (tables_.time_ns > 0 && tables_.time_ns <= container::kMaxTimeNs) {
      const bool sane = tables_.duration_ns > 0 && tables_.duration_ns <= container::kMaxTimeNs;
      capture_.SetWindow(tables_.time_ns, sane ? uint64_t(tables_.duration_ns) : 0);
    }
    TWOFOLD_RETURN_IF_ERROR(FindPeriod());
    TWOFOLD_RETURN_IF_ERROR(ForEachSample(
        [&](std::string_view message, uint64_t value) { return AddSample(message, value); }));
    for (const std::string& key : other_labels_) notes_.other_labels.push_back(key);
    return std::move(notes_);
  }

 private:
  Result<void> ChooseType(const std::string& wanted) {
    const auto& types = tables_.sample_types;
    if (types.empty()) return MalformedPprof("it has no types of samples");
    std::string_view name = wanted.empty() ? tables_.default_sample_type : wanted;
    const auto found = std::find_if(types.begin(), types.end(),
                                    [&](const PprofValueType& type) { return type.type == name; });
    if (found == types.end() && !wanted.empty()) {
      std::string known;
      for (const PprofValueType& type : types) {
        known += (known.empty() ? "" : ", ") + std::string(type.type);
      }
      return Error{"the profile has no samples of the type '" + wanted + "'", "--sample-type",
                   "Known: " + known, Error::Kind::kUsage};
    }
    type_ = found == types.end() ? types.size() - 1 : size_t(found - types.begin());
    if (wanted.empty()) TWOFOLD_RETURN_IF_ERROR(LeaveUnusedType());
    notes_.sample_type = types[type_].type;
    notes_.unit = types[type_].unit;
    unit_ns_ = NanosecondsOf(notes_.unit);
    notes_.is_time = unit_ns_ > 0;
    return {};
  }

  // Of a type that nothing was measured for, all values are 0: then another one is taken, of time
  // if there is one.
  Result<void> LeaveUnusedType() {
    const auto& types = tables_.sample_types;
    std::optional<size_t> other;
    const size_t first = type_;
    for (size_t i = 0; i <= types.size(); ++i) {
      // The one that was chosen first, then the others from the last on.
      type_ = i == 0 ? first : types.size() - i;
      bool is_used = false;
      TWOFOLD_RETURN_IF_ERROR(ForEachSample([&](std::string_view, uint64_t value) -> Result<void> {
        is_used = is_used || value != 0;
        return {};
      }));
      if (i == 0 && is_used) return {};
      if (!is_used) continue;
      const bool is_time = NanosecondsOf(types[type_].unit) > 0;
      if (!other || (is_time && NanosecondsOf(types[*other].unit) == 0)) other = type_;
    }
    if (other) notes_.unused_type = types[first].type;
    type_ = other.value_or(first);
    return {};
  }

  // Calls `use(message, value)`, which gives a Result<void>, for each sample with a value.
  template <typename Use>
  Result<void> ForEachSample(Use use) {
    ProtobufReader fields(profile_);
    while (fields.Next()) {
      if (fields.field() != ProfileField::kSample) continue;
      ProtobufReader sample(fields.bytes());
      size_t values = 0;
      int64_t value = 0;
      while (sample.Next()) {
        if (sample.field() != SampleField::kValues) continue;
        const bool whole = sample.ForEachNumber([&](uint64_t number) {
          if (values++ == type_) value = int64_t(number);
        });
        if (!whole) return MalformedPprof("a sample's values reach beyond their end");
      }
      if (sample.broken()) return MalformedPprof("a sample reaches beyond its end");
      if (values != tables_.sample_types.size()) {
        return MalformedPprof("a sample has " + std::to_string(values) + " values, not " +
                              std::to_string(tables_.sample_types.size()));
      }
      TWOFOLD_RETURN_IF_ERROR(use(fields.bytes(), uint64_t(value)));
    }
    return {};
  }

  // What one sample of the capture stands for. Values that are whole multiples of the profile's
  // period are so many samples of it; else nobody knows how many samples there were, and each unit
  // of time counts as one.
  Result<void> FindPeriod() {
    const uint64_t period_unit_ns = NanosecondsOf(tables_.period_type.unit);
    uint64_t period_ns = 0;
    if (tables_.period > 0 && period_unit_ns > 0 &&
        !__builtin_mul_overflow(uint64_t(tables_.period), period_unit_ns, &period_ns)) {
      notes_.period_ns = period_ns;
    }
    if (!notes_.is_time) return {};
    bool multiples = notes_.period_ns > 0 && notes_.period_ns % unit_ns_ == 0;
    const uint64_t step = multiples ? notes_.period_ns / unit_ns_ : 1;
    TWOFOLD_RETURN_IF_ERROR(ForEachSample([&](std::string_view, uint64_t value) -> Result<void> {
      multiples = multiples && value % step == 0;
      return {};
    }));
    divisor_ = multiples ? step : 1;
    notes_.period_ns = multiples ? notes_.period_ns : unit_ns_;
    return {};
  }

  Result<void> AddSample(std::string_view message, uint64_t value) {
    if (value == 0) return {};
    if (int64_t(value) < 0) {
      ++notes_.negative_samples;
      return {};
    }
    frames_.clear();
    texts_.clear();
    thread_ = {};
    std::string_view thread_name;
    ProtobufReader sample(message);
    while (sample.Next()) {
      if (sample.field() == SampleField::kLocationIds) {
        Result<void> added;
        const bool whole = sample.ForEachNumber([&](uint64_t id) {
          if (added) added = AddLocation(id);
        });
        if (!whole) return MalformedPprof("a sample's locations reach beyond their end");
        TWOFOLD_RETURN_IF_ERROR(added);
      } else if (sample.field() == SampleField::kLabel) {
        TWOFOLD_RETURN_IF_ERROR(ReadLabel(sample.bytes(), thread_name));
      }
    }
    frames_seen_ += frames_.size();
    if (frames_seen_ > kMaxFrames) {
      return Error{"the samples have too many frames together", "", "No real profile does"};
    }
    NameThread(thread_name);
    std::reverse(frames_.begin(), frames_.end());
    capture_.Add(thread_, std::nullopt, frames_, value / divisor_, value / divisor_);
    return {};
  }

  Result<void> ReadLabel(std::string_view message, std::string_view& thread_name) {
    ProtobufReader fields(message);
    std::string_view key;
    std::string_view text;
    int64_t number = 0;
    while (fields.Next()) {
      const uint64_t value = fields.number();
      if (fields.field() == LabelField::kNumber) number = int64_t(value);
      if (fields.field() != LabelField::kKey && fields.field() != LabelField::kText) continue;
      if (value >= tables_.strings.size()) return MalformedPprof("a label has no text");
      (fields.field() == LabelField::kKey ? key : text) = tables_.strings[value];
    }
    if (fields.broken()) return MalformedPprof("a label reaches beyond its end");
    const bool is_id = number > 0 && number <= INT32_MAX;
    if (key == "pid" && is_id) {
      thread_.pid = uint32_t(number);
    } else if (key == "tid" && is_id) {
      thread_.tid = uint32_t(number);
    } else if (key == "process" && !text.empty()) {
      thread_.process = Plain(text);
    } else if (key == "thread" && !text.empty()) {
      thread_name = Plain(text);
    } else if (other_labels_.size() < kMaxNamedLabels) {
      other_labels_.emplace(key);
    }
    return {};
  }

  // Who the sample is of. An outermost frame that only says so once more, as 'twofold export'
  // writes it, is none.
  void NameThread(std::string_view thread_name) {
    if (!frames_.empty()) {
      const ImportedFrame& root = frames_.back();
      const bool says_who =
          !root.name.empty() && (root.name == thread_.process || root.name == thread_name);
      const bool lost =
          thread_.process.empty() && frames_.size() == 1 && root.kind == ModuleKind::kSpecial;
      const bool is_code = root.kind != ModuleKind::kOther && root.kind != ModuleKind::kSpecial;
      if (!is_code && root.module.empty() && (says_who || lost)) {
        if (thread_.process.empty() && thread_name.empty()) thread_.process = root.name;
        frames_.pop_back();
      }
    }
    // Profiles of one program do not name it; its file comes first.
    if (thread_.process.empty() && thread_name.empty()) {
      if (!tables_.mappings.empty()) {
        thread_.process = BaseName(tables_.mappings.front().file_name);
      }
      if (thread_.process.empty()) thread_.process = "[no name]";
    }
    thread_.name = thread_name.empty() ? thread_.process : thread_name;
  }

  // Adds a location's frames, innermost first.
  Result<void> AddLocation(uint64_t id) {
    const uint32_t found = tables_.location_of.Find(id);
    if (found == 0) return MalformedPprof("there is no location with the id " + std::to_string(id));
    const PprofLocation& location = tables_.locations[found - 1];
    if (location.lines == 0 && frames_.size() < kMaxStackFrames) {
      frames_.push_back(FrameAt(location));
      HideKernelAddress(frames_.back());
    }
    for (uint32_t i = 0; i < location.lines && frames_.size() < kMaxStackFrames; ++i) {
      const PprofLine& line = tables_.lines[location.first_line + i];
      ImportedFrame frame = FrameAt(location);
      if (line.function != 0) {
        const PprofFunction& function = tables_.functions[line.function - 1];
        // As pprof shows it. In a profile of Twofold's the other is the name in the file, which
        // other options show in other ways.
        const bool by_system_name =
            function.name.empty() || (is_ours_ && !function.system_name.empty());
        const std::string_view name = by_system_name ? function.system_name : function.name;
        if (location.mapping == 0 || !IsPlaceInModule(name)) frame.name = Plain(name);
        frame.file = Plain(function.file_name);
      }
      frame.line = line.line;
      frame.inlined = i + 1 < location.lines;
      if (location.mapping == 0 && location.address == 0 && frame.name.starts_with('[') &&
          frame.name.ends_with(']')) {
        frame.kind = ModuleKind::kSpecial;
      }
      HideKernelAddress(frame);
      frames_.push_back(frame);
    }
    return {};
  }

  // What the place in code tells, without a name.
  ImportedFrame FrameAt(const PprofLocation& location) const {
    ImportedFrame frame;
    frame.offset = location.address;
    std::string_view module;
    if (location.mapping != 0) {
      const PprofMapping& mapping = tables_.mappings[location.mapping - 1];
      module = mapping.file_name;
      frame.build_id = mapping.build_id;
      frame.offset = location.address - mapping.start + mapping.file_offset;
    }
    SetModule(module, location.address, frame);
    if (module == "[vdso]") {
      frame.kind = ModuleKind::kVdso;
    } else if (frame.kind == ModuleKind::kOther && module.starts_with('/')) {
      frame.kind = ModuleKind::kUserFile;
    }
    // An address would tell where memory lies.
    if (frame.kind == ModuleKind::kRuntime || frame.IsKernel()) frame.offset = 0;
    return frame;
  }

  // A text as it was before 'twofold export' made it harmless.
  std::string_view Plain(std::string_view text) {
    if (!is_ours_ || text.find('\\') == std::string_view::npos) return text;
    return *texts_.insert(Unescape(text)).first;
  }

  std::string_view profile_;
  ImportedCapture& capture_;
  PprofTables tables_;
  PprofNotes notes_;
  size_t type_ = 0;
  uint64_t unit_ns_ = 0;
  uint64_t divisor_ = 1;
  bool is_ours_ = false;
  uint64_t frames_seen_ = 0;
  std::set<std::string> other_labels_;
  // Of the sample at hand.
  ImportedThread thread_;
  std::vector<ImportedFrame> frames_;  // leaf first, then root first
  std::set<std::string> texts_;
};

}  // namespace

bool LooksLikePprof(std::string_view bytes) {
  if (LooksLikeGzip(bytes)) return true;
  // Text has no control characters but these; a message's keys and lengths are full of them.
  const std::string_view head = bytes.substr(0, 256);
  return std::any_of(head.begin(), head.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
}

Result<PprofNotes> ReadPprof(std::string_view bytes, const std::string& sample_type,
                             ImportedCapture& capture) {
  if (!LooksLikeGzip(bytes)) {
    if (bytes.size() > kMaxProfileBytes) {
      return Error{"the profile has more than 1 GiB", "", "No real profile does"};
    }
    return PprofReader(bytes, capture).Read(sample_type);
  }
  TWOFOLD_ASSIGN_OR_RETURN(std::string profile, Gunzip(bytes, kMaxProfileBytes));
  Result<PprofNotes> notes = PprofReader(profile, capture).Read(sample_type);
  return notes;
}

}  // namespace twofold
