// twofold export: any view in any output of stacks.
#include <unistd.h>

#include "analyzer/commands/folding.h"

namespace twofold {
namespace {

void AddOptions(OptionSet& options) {
  std::string formats;
  for (const OutputFormat& format : OutputFormats()) {
    if (!formats.empty()) formats += "; ";
    formats += std::string(format.name) + ": " + std::string(format.summary);
  }
  options.Value("format", "FORMAT", formats + " (default: pprof)");
  options.OneOf("format", NamesOf(OutputFormats()));
  AddFoldingOptions(options);
  options.Flag("annotate",
               "names of functions end in _[k] (kernel), _[w] (waker), _[i] (inlined) or _[j] "
               "(code made at run time); not of pprof and json, which have members for it");
}

Result<ExitStatus> Run(const Arguments& arguments) {
  TWOFOLD_ASSIGN_OR_RETURN(const OutputFormat* format,
                           FindOutputFormat(arguments.Get("format", "pprof")));
  if (format->name == "pprof" && arguments.Get("output", "-") == "-" &&
      isatty(STDOUT_FILENO) == 1) {
    return Error{"the format pprof is no text for a terminal", "", "Give -o FILE or a pipe",
                 Error::Kind::kUsage};
  }
  return RunFolding(arguments, *format, {});
}

}  // namespace

const Command kExportCommand = {
    "export",
    "a view for other programs: pprof, speedscope, JSON, CSV",
    "[--format FORMAT] [--view VIEW] [OPTIONS] CAPTURE",
    "Writes a view for another program. All formats have the same stacks and the same total: csv "
    "and "
    "json in nanoseconds, the others in microseconds. pprof and json also have what is known of "
    "each "
    "frame: its file, offset, source line, and whether it was inlined; speedscope has the line. "
    "CAPTURE may be a database "
    "made "
    "by 'twofold load', or - for standard input.",
    "twofold export -o cpu.pb.gz host.twofold\n"
    "twofold export --view offcpu --comm tar -o tar.pb.gz host.twofold\n"
    "twofold export --format speedscope -o cpu.speedscope.json host.twofold\n"
    "twofold export --format csv --view offcpu --min-percent 1 host.twofold\n"
    "twofold export --format folded --annotate --focus main host.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
