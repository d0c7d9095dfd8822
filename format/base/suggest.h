// "Did you mean ...?" for mistyped words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace twofold {

// How many letters must be inserted, removed, replaced or swapped with their neighbour to turn one
// word into the other.
size_t EditDistance(std::string_view from, std::string_view to);

// The candidate that `word` probably means, or empty when none is near (first one on a tie).
std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// A sentence without its full stop: "Did you mean 'cpu'? Known: cpu, offcpu", or just what is
// known.
std::string Suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace twofold
