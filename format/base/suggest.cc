#include "format/base/suggest.h"

#include <algorithm>

namespace twofold {

// Optimal string alignment: Levenshtein's distance plus swaps of neighbours.
size_t EditDistance(std::string_view from, std::string_view to) {
  constexpr size_t kLongest = 64;
  from = from.substr(0, kLongest);
  to = to.substr(0, kLongest);
  std::vector<std::vector<size_t>> d(from.size() + 1, std::vector<size_t>(to.size() + 1));
  for (size_t i = 0; i <= from.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= to.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    for (size_t j = 1; j <= to.size(); ++j) {
      size_t replace = d[i - 1][j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replace});
      bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[from.size()][to.size()];
}

std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  size_t best = 1 + std::max<size_t>(1, word.size() / 3);
  for (std::string_view candidate : candidates) {
    bool begins_so = word.size() >= 2 && candidate.substr(0, word.size()) == word;
    size_t distance = begins_so ? 1 : EditDistance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string Suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string text;
  std::string_view nearest = Nearest(word, candidates);
  if (!nearest.empty()) text = "Did you mean '" + std::string(nearest) + "'? ";
  text += "Known: ";
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) text += ", ";
    text += candidates[i];
  }
  return text;
}

}  // namespace twofold
