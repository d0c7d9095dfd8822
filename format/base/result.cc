#include "format/base/result.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace twofold {

std::string Error::Message() const {
  std::string message;
  if (!where.empty()) message += where + ": ";
  message += what;
  if (!remedy.empty()) message += ". " + remedy;
  message += ".";
  return message;
}

std::string ErrnoText(int error_number) {
  const char* text = strerrordesc_np(error_number);
  return text != nullptr ? text : "error " + std::to_string(error_number);
}

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "twofold: internal error: %s does not hold (%s:%d). Please report it.\n",
               condition, file, line);
  std::abort();
}

}  // namespace twofold
