// twofold-record: records where the time of every thread of a host goes. Start reading at
// session.h.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/completion.h"
#include "format/base/escape_text.h"
#include "format/base/version.h"
#include "recorder/cli/options.h"
#include "recorder/parser/name_reader_process.h"
#include "recorder/session/check.h"
#include "recorder/session/session.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsedWrongly = 2;

int Fail(const twofold::Error& error) {
  std::fprintf(stderr, "twofold-record: %s\n", twofold::EscapeText(error.Message()).c_str());
  return error.kind == twofold::Error::Kind::kUsage ? kUsedWrongly : kFailed;
}

}  // namespace

int main(int argument_count, char** arguments) {
  // The recorder starts itself under this name, to read other people's files without rights.
  if (argument_count == 1 && std::string_view(arguments[0]) == twofold::kNameReaderProgram) {
    return twofold::RunNameReader();
  }
  const std::vector<std::string> words(arguments + std::min(argument_count, 1),
                                       arguments + argument_count);
  if (!words.empty() && words[0] == "--complete") {
    twofold::Options unused;
    const twofold::OptionSet table = twofold::DeclareOptions(unused);
    std::fputs(twofold::CompleteOptions(table, {words.begin() + 1, words.end()}).c_str(), stdout);
    return 0;
  }
  const twofold::Result<twofold::Options> options = twofold::ParseOptions(words);
  if (!options) return Fail(options.error());
  if (options->help) {
    std::fputs(twofold::HelpText().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::printf("twofold-record %s\n", twofold::kVersion);
    return 0;
  }
  if (options->check) {
    const twofold::CheckReport report = twofold::CheckHost();
    std::fputs(twofold::CheckText(report).c_str(), stdout);
    return twofold::Works(report) ? 0 : kFailed;
  }
  const twofold::Result<int> status = twofold::RunSession(*options);
  if (!status) return Fail(status.error());
  return *status;
}
