// Inputs that a fuzzer starts from: small captures in each of the ways that
// fuzz_capture_reader.cc lets them in.
#pragma once

#include <string>
#include <vector>

namespace twofold::testing {

std::vector<std::string> FuzzSeeds();

}  // namespace twofold::testing
