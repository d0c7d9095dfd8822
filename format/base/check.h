// TWOFOLD_CHECK ends the program on a bug of ours. Never use it on bytes that came from a file or
// from the kernel.
#pragma once

namespace twofold {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace twofold

#define TWOFOLD_CHECK(condition)                                              \
  do {                                                                        \
    if (!(condition)) ::twofold::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
