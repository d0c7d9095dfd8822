// Corrections for testing many things at once.
#pragma once

#include <vector>

namespace twofold {

// Benjamini and Hochberg: which of the p-values are discoveries when, on average, at most the share
// `rate` of all discoveries may be false.
std::vector<bool> FalseDiscoveryFlags(const std::vector<double>& p, double rate);

// Holm: which are discoveries when the probability of any false one may be at most `level`.
std::vector<bool> FamilyWiseFlags(const std::vector<double>& p, double level);

}  // namespace twofold
