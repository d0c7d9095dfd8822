// What shells offer while a command line is typed. The scripts in tools/install/ ask the programs
// with --complete, followed by the words so far and the one that is being typed. An answer is
// lines:
//   WORD<tab>DESCRIPTION   a word that fits
//   :files                 any file fits
//   :folders               any folder fits
//   :commands              any program fits
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/base/options.h"

namespace twofold {

// A line, or nothing where `word` does not begin with `current`.
std::string CompletionLine(std::string_view word, std::string_view description,
                           std::string_view current);

// What fits for the last of `words`, which follow the program or the subcommand.
std::string CompleteOptions(const OptionSet& options, const std::vector<std::string>& words);

}  // namespace twofold
