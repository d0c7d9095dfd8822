// What frames are called where they become text: names as recorded, or readable (C++ and Rust
// demangled, Java without types), and where their
// code is in the source. Everything that prints frames asks here; tables and views of SQL have
// names as they were recorded.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/data/database.h"
#include "analyzer/names/demangle_many.h"
#include "format/base/result.h"

namespace twofold {

class FrameNames {
 public:
  // Demangles the names of all frames, each distinct one once; with `demangle` false all are shown
  // as recorded. `lines` is for ShownWithLine.
  static Result<FrameNames> Read(Database& database, bool demangle, bool lines = false);

  // What a frame of that name shows, not yet escaped. Lives as long as this object and `name`.
  std::string_view Shown(std::string_view name) const;

  // The same with " (file.c:42)" behind it, where `lines` was asked for and the place is known.
  std::string ShownWithLine(int64_t frame_id, std::string_view name) const;

  // Sentences about names that should be readable and are not.
  std::vector<std::string> Notes() const;

 private:
  Result<void> ReadDemangled(Database& database);
  Result<void> ReadLines(Database& database);

  bool readable_ = false;
  std::unordered_map<std::string, size_t> mangled_;  // index into demangled_
  DemangledNames demangled_;
  std::vector<std::string> lines_;  // of frame i at i - 1; empty: none were asked for
};

}  // namespace twofold
