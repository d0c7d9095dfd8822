#include "recorder/cli/comm_glob.h"

#include "bpf/abi/threads_abi.h"

namespace twofold {

Result<CommGlob> CommGlob::Parse(const std::string& pattern) {
  constexpr uint32_t kLongest = TWOFOLD_COMM_BYTES - 1;
  const auto refuse = [](const std::string& what) {
    return Error{.what = what,
                 .where = "--comm",
                 .remedy =
                     "It takes a name of at most 15 characters, in which * stands for any "
                     "characters and ? for one, such as --comm 'postgres*'",
                 .kind = Error::Kind::kUsage};
  };
  if (pattern.empty()) return refuse("the pattern is empty, and no thread has an empty name");
  CommGlob glob;
  for (const char character : pattern) {
    if (character == '*') {
      glob.stars |= 1u << glob.elements;
      continue;
    }
    if (glob.elements == kLongest) {
      return refuse("'" + pattern +
                    "' is longer than any thread's name, which the kernel cuts at " +
                    std::to_string(kLongest) + " characters");
    }
    const uint32_t element = 1u << glob.elements++;
    if (character == '?') {
      for (uint32_t& accepts : glob.accepts) accepts |= element;
    } else {
      glob.accepts[uint8_t(character)] |= element;
    }
  }
  return glob;
}

bool CommGlob::Matches(std::string_view name) const {
  uint32_t matched = 1;
  for (const char character : name) {
    matched = (matched & accepts[uint8_t(character)]) << 1 | (matched & stars);
  }
  return (matched >> elements & 1) != 0;
}

}  // namespace twofold
