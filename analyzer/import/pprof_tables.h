// The tables of a pprof profile: what its samples refer to
// (https://github.com/google/pprof/blob/main/proto/profile.proto). Texts are views of the profile's
// bytes. Tables may stand behind what refers to them, so they are read in a pass of their own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/import/protobuf_reader.h"
#include "format/base/result.h"

namespace twofold {

struct PprofValueType {
  std::string_view type;
  std::string_view unit;
};

struct PprofMapping {
  uint64_t start = 0;
  uint64_t file_offset = 0;
  std::string_view file_name;
  std::string_view build_id;
};

struct PprofFunction {
  std::string_view name;
  std::string_view system_name;
  std::string_view file_name;
};

struct PprofLine {
  uint32_t function = 0;  // index into functions and 1; 0: none
  uint32_t line = 0;      // in the source; 0: unknown
};

struct PprofLocation {
  uint32_t mapping = 0;  // index into mappings and 1; 0: none
  uint32_t first_line = 0;
  uint32_t lines = 0;  // innermost first; each one was inlined into the next
  uint64_t address = 0;
};

// Rows by ids that may be any numbers. Sorted rather than hashed: whoever makes a file could choose
// ids that collide.
class PprofIds {
 public:
  void Add(uint64_t id, size_t row) { rows_.emplace_back(id, uint32_t(row)); }
  // After the last Add. False: an id is 0 or there twice.
  bool Sort();
  // The row and 1; 0: there is none.
  uint32_t Find(uint64_t id) const;

 private:
  std::vector<std::pair<uint64_t, uint32_t>> rows_;
};

struct PprofTables {
  std::vector<PprofValueType> sample_types;
  std::vector<PprofMapping> mappings;
  std::vector<PprofFunction> functions;
  std::vector<PprofLocation> locations;
  std::vector<PprofLine> lines;
  PprofIds location_of;  // index into locations and 1, by id
  std::vector<std::string_view> strings;
  std::vector<std::string_view> comments;
  PprofValueType period_type;
  int64_t period = 0;
  int64_t time_ns = 0;  // since 1970; 0: unknown
  int64_t duration_ns = 0;
  std::string_view default_sample_type;

  // Error: the profile is malformed, refers to what it does not define, or has more of something
  // than any real one.
  static Result<PprofTables> Read(std::string_view profile);
};

// "the profile is malformed: WHY".
Error MalformedPprof(const std::string& why);

}  // namespace twofold
