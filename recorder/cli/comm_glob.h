// Names of threads by a pattern: * stands for any characters, ? for one, everything else for
// itself. The pattern is compiled into masks that the BPF programs match with, one step for each
// character and no way back (bpf/threads/scope.bpf.h); Matches does the same steps here.
//
// A pattern is a row of elements (characters and ?), with or without a star before each and at the
// end. The set of elements matched so far is a mask: bit n stands for "the first n".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/result.h"

namespace twofold {

struct CommGlob {
  // Error (Kind::kUsage): the pattern is empty or has more than 15 characters beside its stars,
  // which is as long as the kernel keeps a thread's name.
  static Result<CommGlob> Parse(const std::string& pattern);

  // Names are bytes; the kernel does not know characters of several.
  bool Matches(std::string_view name) const;

  std::array<uint32_t, 256> accepts = {};  // by byte: bit n: element n may be this byte
  uint32_t stars = 0;                      // bit n: a star stands behind the first n elements
  uint32_t elements = 0;
};

}  // namespace twofold
