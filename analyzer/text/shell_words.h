// Arguments of a program as a shell would read them.
#pragma once

#include <string>
#include <string_view>

namespace twofold {

// `arguments`, each followed by a byte 0, with spaces between them; what a shell would not take as
// one word, as it is, stands in single quotes, and a single quote in double ones. Not escaped for a
// terminal.
std::string ShellWords(std::string_view arguments);

// Text of ShellWords, safe on a terminal as EscapeText's is, and still what a shell reads: quoted
// parts with backslashes or characters that are not to be printed are written $'...', which bash,
// zsh and busybox know. Escape it no further.
std::string HarmlessShellWords(std::string_view shell_words);

}  // namespace twofold
