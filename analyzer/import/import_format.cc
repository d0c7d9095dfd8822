#include "analyzer/import/import_format.h"

#include "analyzer/import/imported_capture.h"

namespace twofold {
namespace {

struct Foreign {
  std::string_view beginning;
  const char* what;
  const char* remedy;
};

constexpr Foreign kForeign[] = {
    {"PERFILE2", "the file is the recording of perf itself",
     "Print it as text: perf script --header -i FILE > perf.txt"},
    {"2ELIFREP", "the file is the recording of perf itself, of a machine of the other byte order",
     "Print it as text: perf script --header -i FILE > perf.txt"},
    {"SIMPLEPERF", "the file is the recording of simpleperf itself",
     "Print it as text: report_sample.py -i FILE > perf.txt"},
    {"\xf2"
     "TWO\r\n",
     "the file is a capture of Twofold already", "Read it with any other command"},
    {"\x7f"
     "ELF",
     "the file is a program or library", "Give a recording"},
};

// With a byte order mark, or with a byte 0 beside each letter.
bool IsUtf16(std::string_view bytes) {
  constexpr size_t kLooked = 32;
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) return true;
  if (bytes.size() < kLooked) return false;
  for (const size_t zero : {size_t{0}, size_t{1}}) {
    bool all = true;
    for (size_t i = 0; i < kLooked; ++i) all = all && (bytes[i] == 0) == (i % 2 == zero);
    if (all) return true;
  }
  return false;
}

}  // namespace

Result<void> RefuseForeign(std::string_view bytes, const std::string& name) {
  for (const Foreign& foreign : kForeign) {
    if (bytes.starts_with(foreign.beginning)) return Error{foreign.what, name, foreign.remedy};
  }
  if (IsUtf16(bytes)) {
    return Error{"the text is UTF-16, as PowerShell writes it behind '>'", name,
                 "Make it UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW"};
  }
  return {};
}

Result<ImportFormat> GuessFormat(std::string_view bytes, const std::string& name) {
  if (LooksLikePprof(bytes)) return ImportFormat::kPprof;
  if (LooksLikePerfScript(bytes)) return ImportFormat::kPerf;
  if (LooksLikeFoldedText(bytes) || bytes.empty()) return ImportFormat::kFolded;
  return Error{
      "the file is no recording of a known form: neither the text of 'perf script', nor "
      "folded stacks, nor a profile of pprof",
      name, "docs/analyzing.md lists the forms; --from names one"};
}

}  // namespace twofold
