// The program on a terminal, which cuts tables; in a pipe they are whole.
#pragma once

#include <string>
#include <vector>

namespace twofold::testing {

// What `twofold WORDS...` prints on a terminal of that many columns (0: one that does not say).
// Checks that its exit status is 0.
std::string RunOnTerminal(const std::vector<std::string>& arguments, unsigned short columns = 0);

}  // namespace twofold::testing
