// twofold import: a capture of what another tool recorded.
#include <cmath>

#include "analyzer/cli/suggest.h"
#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/commands/folding.h"
#include "analyzer/import/imported_capture.h"
#include "analyzer/text/units.h"
#include "format/base/input_file.h"
#include "format/container.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{4} << 30;
constexpr double kMaxFrequencyHz = 1e6;

void AddOptions(OptionSet& options) {
  options.Value("from", "FORMAT",
                "perf: the text of 'perf script'; folded: folded stacks, one line each (default: "
                "as the text looks)");
  options.Value("frequency", "HZ",
                "samples per second and CPU, where the text does not tell; those of 'perf record' "
                "are 4000, or its -F");
  options.Value("unit", "UNIT",
                "what the values of folded stacks are: samples (default, with --frequency), ns, us "
                "or ms of CPU time");
  options.Value("event", "NAME", "of perf: samples of this event (default: the first one's)");
  options.OneOf("from", {"perf", "folded"});
  options.OneOf("unit", {"samples", "ns", "us", "ms"});
  options.Value("output", "FILE", "the capture to write; - for a pipe", 'o');
  options.Flag("force", "replace FILE if it exists");
}

// Frames of perf are indented, folded stacks never are.
bool LooksLikePerf(std::string_view text) {
  return text.find("\n\t") != std::string_view::npos || text.find("\n ") != std::string_view::npos;
}

Result<std::string> FormatOf(const Arguments& arguments, std::string_view text) {
  std::string format = arguments.Get("from", LooksLikePerf(text) ? "perf" : "folded");
  if (format == "perf" || format == "folded") return format;
  return Error{"there is no format '" + format + "'", "--from",
               Suggestion(format, {"perf", "folded"}), Error::Kind::kUsage};
}

// What one sample, or one of a folded value, stands for.
Result<uint64_t> PeriodNs(const Arguments& arguments, bool is_folded, uint64_t told_ns) {
  const std::string unit = arguments.Get("unit", "samples");
  if (arguments.Has("unit") && !is_folded) {
    return Error{"samples of perf have no other unit", "--unit", "Leave --unit out",
                 Error::Kind::kUsage};
  }
  if (unit == "ns") return uint64_t{1};
  if (unit == "us") return uint64_t{1'000};
  if (unit == "ms") return uint64_t{1'000'000};
  if (unit != "samples") {
    return Error{"there is no unit '" + unit + "'", "--unit",
                 Suggestion(unit, {"samples", "ns", "us", "ms"}), Error::Kind::kUsage};
  }
  Result<double> hz = arguments.Number("frequency", 0, 0.001, kMaxFrequencyHz);
  if (!hz) return std::move(hz).error();
  if (arguments.Has("frequency")) return static_cast<uint64_t>(std::llround(1e9 / *hz));
  if (told_ns > 0) return told_ns;
  return Error{"the text does not tell how much time a sample stands for", "",
               is_folded ? "Give --unit us for what 'twofold fold' prints, or --frequency HZ"
                         : "Give --frequency HZ (4000, or the -F of 'perf record'), or print the "
                           "text with 'perf script --header'",
               Error::Kind::kUsage};
}

void SayNotes(const ImportNotes& notes, const ImportedCapture& capture, const std::string& name) {
  if (notes.unreadable_lines > 0) {
    Say(name + ": " + FormatCount(notes.unreadable_lines, " line is", " lines are") +
        " of no known form and left out; the first is " + notes.first_unreadable);
  }
  for (const auto& [event, samples] : notes.other_events) {
    Say(name + ": " + FormatCount(samples, " sample", " samples") + " of the event '" + event +
        "' left out; --event chooses another event");
  }
  if (capture.cut_stacks() > 0) {
    Say(name + ": " + FormatCount(capture.cut_stacks(), " stack is", " stacks are") +
        " cut to 1024 frames");
  }
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().size() != 1) {
    return Error{arguments.positionals().empty() ? "no file is given" : "one file is enough", "",
                 "Give the file with the text, or - for standard input", Error::Kind::kUsage};
  }
  if (!arguments.Has("output")) {
    return Error{"the capture needs a name", "", "Give -o FILE, or -o - for a pipe",
                 Error::Kind::kUsage};
  }
  const std::string& path = arguments.positionals()[0];
  const std::string name = path == "-" ? "standard input" : path;
  Result<OutputFile> output = CreateOutput(arguments);
  if (!output) return std::move(output).error();
  Result<std::vector<uint8_t>> bytes = ReadInputFile(path, kMaxTextBytes);
  if (!bytes) return std::move(bytes).error();
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  Result<std::string> format = FormatOf(arguments, text);
  if (!format) return std::move(format).error();
  const bool is_folded = *format == "folded";
  ImportedCapture capture;
  const ImportNotes notes = is_folded ? ReadFoldedText(text, capture)
                                      : ReadPerfScript(text, arguments.Get("event"), capture);
  if (capture.samples() == 0) {
    return Error{"there are no samples in the text", name,
                 notes.unreadable_lines > 0
                     ? "The first line of no known form is " + notes.first_unreadable
                     : "Check --from and --event"};
  }
  Result<uint64_t> period_ns = PeriodNs(arguments, is_folded, notes.period_ns);
  if (!period_ns) return std::move(period_ns).error();
  TWOFOLD_RETURN_IF_ERROR(capture.Write(*period_ns, name, *output));
  TWOFOLD_RETURN_IF_ERROR(output->Commit());
  SayNotes(notes, capture, name);
  return ExitStatus::kDone;
}

}  // namespace

const Command kImportCommand = {
    "import",
    "make a capture of what perf recorded, or of folded stacks",
    "[--from FORMAT] [--frequency HZ] -o FILE TEXT",
    "Makes a capture of CPU samples that another tool took, so that recordings of old get the same "
    "views, filters and comparisons. Of 'perf script' each second of its times becomes an "
    "interval; folded stacks have no times and become one. What such text does not tell is not "
    "there: blocked time, states of threads, build ids.",
    "twofold import --frequency 99 --event cycles -o old.twofold perf.txt\n"
    "twofold import --from folded --unit us -o old.twofold old.folded\n"
    "twofold fold host.twofold | twofold import --unit us -o cpu.twofold -",
    AddOptions,
    Run,
};

}  // namespace twofold
