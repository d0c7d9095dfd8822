// What debug files told of the places of a capture, by build id.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyzer/symbolize/source_places.h"
#include "analyzer/symbolize/stack_uses.h"

namespace twofold {

// What one debug file told.
struct FileAnswer {
  std::vector<CodePlace> places;  // that were asked for, in order
  SourcePlaces answers;           // of each

  // nullptr: nothing is known of it.
  const SourcePlace* Find(const CodePlace& place) const;
};

using FoundPlaces = std::map<std::string, FileAnswer>;

}  // namespace twofold
