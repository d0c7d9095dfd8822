// What is known of frames and threads beside their names: for outputs that say it, and for filters
// that ask for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "format/base/result.h"

namespace twofold {

// Texts are made harmless by EscapeText.
struct ModuleDetail {
  std::string kind;      // as in module.kind of SQL
  std::string path;      // may be empty
  std::string name;      // for display
  std::string build_id;  // lower-case hexadecimal; empty: unknown
};

struct FrameDetail {
  uint32_t module = 0;      // index into StackDetails::modules and 1; 0: unknown
  std::string symbol;       // as in the file, not demangled; empty: no name is known
  uint64_t offset = 0;      // as in frame.offset_bytes of SQL
  std::string file;         // of the source; empty: unknown
  int64_t line = 0;         // in it; 0: unknown
  bool is_inlined = false;  // into the function of the frame that calls it
};

struct ThreadDetail {
  int64_t pid = 0;
  int64_t tid = 0;
  std::string process;
  std::string thread;
};

struct StackDetails {
  std::vector<ModuleDetail> modules;  // by module id - 1
  std::vector<FrameDetail> frames;    // by frame id - 1
  std::vector<ThreadDetail> threads;  // by thread id - 1

  // The module of a frame; nullptr: unknown.
  const ModuleDetail* ModuleOf(const FrameDetail& frame) const {
    return frame.module == 0 ? nullptr : &modules[frame.module - 1];
  }

  // Error: the database cannot be read, or its ids are not those of `twofold load`.
  static Result<StackDetails> Read(Database& database);
};

}  // namespace twofold
