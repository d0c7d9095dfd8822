// Arguments of a program as a shell would read them.
#pragma once

#include <string>
#include <string_view>

namespace twofold {

// `arguments`, each followed by a byte 0, with spaces between them; what a shell would not take as
// one word, as it is, stands in single quotes. Not escaped for a terminal.
std::string ShellWords(std::string_view arguments);

}  // namespace twofold
