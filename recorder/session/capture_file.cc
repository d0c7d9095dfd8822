#include "recorder/session/capture_file.h"

#include <unistd.h>

#include <ctime>

namespace twofold {
namespace {

std::string DefaultName() {
  const time_t now = time(nullptr);
  tm local = {};
  localtime_r(&now, &local);
  char name[64];
  strftime(name, sizeof(name), "twofold-%Y%m%d-%H%M%S.twofold", &local);
  return name;
}

}  // namespace

Result<OutputFile> OpenCaptureFile(std::string& path) {
  if (path.empty()) path = DefaultName();
  if (path == "-" && isatty(STDOUT_FILENO) == 1) {
    return Error{.what = "a capture is binary and would garble this terminal",
                 .where = "-o -",
                 .remedy = "Redirect standard output to a file or a pipe"};
  }
  Result<OutputFile> output = OutputFile::Create(path);
  if (!output || !output->SharesPlaceWith(STDERR_FILENO)) return output;
  return Error{.what = "standard error goes to the same place, and words would damage the capture",
               .where = "-o " + path,
               .remedy = "Send standard error elsewhere, for example: 2>recorder.log"};
}

}  // namespace twofold
