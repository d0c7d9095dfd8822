#include "analyzer/import/pprof_tables.h"

#include <algorithm>
#include <utility>

#include "analyzer/text/profile_proto.h"

namespace twofold {
namespace {

// Far above what real profiles have; bounds what a hostile one takes.
constexpr size_t kMaxRows = 1U << 24;

class TablesReader {
 public:
  Result<PprofTables> Read(std::string_view profile) {
    // Texts first: they usually stand last, and all else names them by number.
    TWOFOLD_RETURN_IF_ERROR(ForEachField(profile, [&](const ProtobufReader& field) {
      return field.field() == ProfileField::kString ? Add(tables_.strings, field.bytes(), "string")
                                                    : Result<void>();
    }));
    if (tables_.strings.empty() || !tables_.strings.front().empty()) {
      return MalformedPprof("its first string is not the empty one");
    }
    // What is referred to before what refers to it, whatever the order of the file.
    TWOFOLD_RETURN_IF_ERROR(
        ForEachField(profile, [&](const ProtobufReader& field) { return ReadLeaf(field); }));
    TWOFOLD_RETURN_IF_ERROR(Sort(mapping_of_, "mapping"));
    TWOFOLD_RETURN_IF_ERROR(Sort(function_of_, "function"));
    TWOFOLD_RETURN_IF_ERROR(
        ForEachField(profile, [&](const ProtobufReader& field) { return ReadLocation(field); }));
    TWOFOLD_RETURN_IF_ERROR(Sort(tables_.location_of, "location"));
    return std::move(tables_);
  }

 private:
  template <typename Use>
  static Result<void> ForEachField(std::string_view message, Use use) {
    ProtobufReader fields(message);
    while (fields.Next()) TWOFOLD_RETURN_IF_ERROR(use(fields));
    if (fields.broken()) return MalformedPprof("a field reaches beyond its end");
    return {};
  }

  template <typename Row>
  static Result<void> Add(std::vector<Row>& rows, Row row, const char* what) {
    if (rows.size() >= kMaxRows) {
      return Error{"the profile has more than " + std::to_string(kMaxRows) + " " + what + "s", "",
                   "No real profile does"};
    }
    rows.push_back(std::move(row));
    return {};
  }

  static Result<void> Sort(PprofIds& ids, const char* what) {
    if (ids.Sort()) return {};
    return MalformedPprof(std::string("the id of a ") + what + " is 0 or there twice");
  }

  // Index and 1 of what an id means; 0 means none.
  static Result<uint32_t> Find(const PprofIds& ids, uint64_t id, const char* what) {
    const uint32_t found = id == 0 ? 0 : ids.Find(id);
    if (found != 0 || id == 0) return found;
    return MalformedPprof(std::string("there is no ") + what + " with the id " +
                          std::to_string(id));
  }

  Result<void> Text(uint64_t number, std::string_view& text) const {
    if (number >= tables_.strings.size()) {
      return MalformedPprof("there is no string " + std::to_string(number));
    }
    text = tables_.strings[number];
    return {};
  }

  Result<void> ReadValueType(std::string_view message, PprofValueType& type) const {
    return ForEachField(message, [&](const ProtobufReader& field) -> Result<void> {
      if (field.field() == ValueTypeField::kType) return Text(field.number(), type.type);
      if (field.field() == ValueTypeField::kUnit) return Text(field.number(), type.unit);
      return {};
    });
  }

  Result<void> ReadLeaf(const ProtobufReader& field) {
    switch (field.field()) {
      case ProfileField::kSampleType: {
        PprofValueType type;
        TWOFOLD_RETURN_IF_ERROR(ReadValueType(field.bytes(), type));
        return Add(tables_.sample_types, type, "sample type");
      }
      case ProfileField::kPeriodType:
        return ReadValueType(field.bytes(), tables_.period_type);
      case ProfileField::kMapping:
        return ReadMapping(field.bytes());
      case ProfileField::kFunction:
        return ReadFunction(field.bytes());
      case ProfileField::kTime:
        tables_.time_ns = int64_t(field.number());
        return {};
      case ProfileField::kDuration:
        tables_.duration_ns = int64_t(field.number());
        return {};
      case ProfileField::kPeriod:
        tables_.period = int64_t(field.number());
        return {};
      case ProfileField::kDefaultSampleType:
        return Text(field.number(), tables_.default_sample_type);
      case ProfileField::kComment: {
        Result<void> read;
        const bool whole = field.ForEachNumber([&](uint64_t number) {
          std::string_view text;
          if (read) read = Text(number, text);
          if (read) read = Add(tables_.comments, text, "comment");
        });
        return whole ? read : MalformedPprof("its comments reach beyond their end");
      }
      default:
        return {};
    }
  }

  Result<void> ReadMapping(std::string_view message) {
    PprofMapping mapping;
    uint64_t id = 0;
    TWOFOLD_RETURN_IF_ERROR(ForEachField(message, [&](const ProtobufReader& field) -> Result<void> {
      switch (field.field()) {
        case MappingField::kId:
          id = field.number();
          return {};
        case MappingField::kStart:
          mapping.start = field.number();
          return {};
        case MappingField::kFileOffset:
          mapping.file_offset = field.number();
          return {};
        case MappingField::kFileName:
          return Text(field.number(), mapping.file_name);
        case MappingField::kBuildId:
          return Text(field.number(), mapping.build_id);
        default:
          return {};
      }
    }));
    mapping_of_.Add(id, tables_.mappings.size());
    return Add(tables_.mappings, mapping, "mapping");
  }

  Result<void> ReadFunction(std::string_view message) {
    PprofFunction function;
    uint64_t id = 0;
    TWOFOLD_RETURN_IF_ERROR(ForEachField(message, [&](const ProtobufReader& field) -> Result<void> {
      switch (field.field()) {
        case FunctionField::kId:
          id = field.number();
          return {};
        case FunctionField::kName:
          return Text(field.number(), function.name);
        case FunctionField::kSystemName:
          return Text(field.number(), function.system_name);
        case FunctionField::kFileName:
          return Text(field.number(), function.file_name);
        default:
          return {};
      }
    }));
    function_of_.Add(id, tables_.functions.size());
    return Add(tables_.functions, function, "function");
  }

  Result<void> ReadLocation(const ProtobufReader& profile_field) {
    if (profile_field.field() != ProfileField::kLocation) return {};
    PprofLocation location;
    location.first_line = uint32_t(tables_.lines.size());
    uint64_t id = 0;
    TWOFOLD_RETURN_IF_ERROR(
        ForEachField(profile_field.bytes(), [&](const ProtobufReader& field) -> Result<void> {
          switch (field.field()) {
            case LocationField::kId:
              id = field.number();
              return {};
            case LocationField::kMappingId: {
              TWOFOLD_ASSIGN_OR_RETURN(uint32_t mapping,
                                       Find(mapping_of_, field.number(), "mapping"));
              location.mapping = mapping;
              return {};
            }
            case LocationField::kAddress:
              location.address = field.number();
              return {};
            case LocationField::kLine:
              ++location.lines;
              return ReadLine(field.bytes());
            default:
              return {};
          }
        }));
    tables_.location_of.Add(id, tables_.locations.size());
    return Add(tables_.locations, location, "location");
  }

  Result<void> ReadLine(std::string_view message) {
    PprofLine line;
    TWOFOLD_RETURN_IF_ERROR(ForEachField(message, [&](const ProtobufReader& field) -> Result<void> {
      if (field.field() == LineField::kFunctionId) {
        TWOFOLD_ASSIGN_OR_RETURN(uint32_t function, Find(function_of_, field.number(), "function"));
        line.function = function;
      }
      // Some write -1, or other numbers that are no line.
      if (field.field() == LineField::kLine && field.number() <= INT32_MAX) {
        line.line = uint32_t(field.number());
      }
      return {};
    }));
    return Add(tables_.lines, line, "line");
  }

  PprofTables tables_;
  PprofIds mapping_of_;
  PprofIds function_of_;
};

}  // namespace

bool PprofIds::Sort() {
  std::sort(rows_.begin(), rows_.end());
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  return (rows_.empty() || rows_.front().first != 0) &&
         std::adjacent_find(rows_.begin(), rows_.end(), same) == rows_.end();
}

uint32_t PprofIds::Find(uint64_t id) const {
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), std::pair(id, uint32_t{0}));
  return found == rows_.end() || found->first != id ? 0 : found->second + 1;
}

Error MalformedPprof(const std::string& why) {
  return Error{"the profile is malformed: " + why, "", "Check that the file is a pprof profile"};
}

Result<PprofTables> PprofTables::Read(std::string_view profile) {
  return TablesReader().Read(profile);
}

}  // namespace twofold
