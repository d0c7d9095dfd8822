#include "analyzer/symbolize/found_places.h"

#include <algorithm>

namespace twofold {

const SourcePlace* FileAnswer::Find(const CodePlace& place) const {
  auto found = std::lower_bound(places.begin(), places.end(), place);
  if (found == places.end() || *found != place) return nullptr;
  const SourcePlace& answer = answers.places[size_t(found - places.begin())];
  return answer.frames.empty() ? nullptr : &answer;
}

}  // namespace twofold
