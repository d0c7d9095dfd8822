// What shells offer while a command line of twofold-record is typed: the answers of --complete to
// the scripts in tools/install/, told from the text of --help.
#pragma once

#include <string>
#include <vector>

namespace twofold {

// What fits for the last of `words`, which follow the program's name. Lines:
//   WORD<tab>DESCRIPTION   a word that fits
//   :files, :folders, :commands   any file, folder or program fits
std::string Completions(const std::vector<std::string>& words);

}  // namespace twofold
