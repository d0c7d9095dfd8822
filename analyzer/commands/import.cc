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
                "perf: the text of 'perf script'; folded: folded stacks; pprof: a profile, gzipped "
                "or not (default: as the file looks)");
  options.Value("frequency", "HZ",
                "samples per second and CPU, where the file does not tell; those of 'perf record' "
                "are 4000, or its -F");
  options.Value("unit", "UNIT",
                "of folded values: samples (default, with --frequency), ns, us or ms of CPU time");
  options.Value("event", "NAME", "of perf: samples of this event (default: the first one's)");
  options.Value("sample-type", "NAME", "of pprof: these values (default: as the profile says)");
  options.OneOf("from", {"perf", "folded", "pprof"});
  options.OneOf("unit", {"samples", "ns", "us", "ms"});
  options.Value("output", "FILE", "the capture to write; - for a pipe", 'o');
  options.Flag("force", "replace FILE if it exists");
}

enum class Format { kPerf, kFolded, kPprof };

// Frames of perf are indented, folded stacks never are.
bool LooksLikePerf(std::string_view text) {
  return text.find("\n\t") != std::string_view::npos || text.find("\n ") != std::string_view::npos;
}

Result<Format> FormatOf(const Arguments& arguments, std::string_view text) {
  if (!arguments.Has("from")) {
    if (LooksLikePprof(text)) return Format::kPprof;
    return LooksLikePerf(text) ? Format::kPerf : Format::kFolded;
  }
  const std::string format = arguments.Get("from");
  if (format == "perf") return Format::kPerf;
  if (format == "folded") return Format::kFolded;
  if (format == "pprof") return Format::kPprof;
  return Error{"there is no format '" + format + "'", "--from",
               Suggestion(format, {"perf", "folded", "pprof"}), Error::Kind::kUsage};
}

// Error: an option is given that has no meaning for the format.
Result<void> CheckOptions(const Arguments& arguments, Format format) {
  const auto refuse = [&](const char* option, Format wanted, const char* what) -> Result<void> {
    if (!arguments.Has(option) || format == wanted) return {};
    return Error{what, std::string("--") + option, std::string("Leave --") + option + " out",
                 Error::Kind::kUsage};
  };
  TWOFOLD_RETURN_IF_ERROR(refuse("unit", Format::kFolded, "only folded stacks need a unit"));
  TWOFOLD_RETURN_IF_ERROR(refuse("event", Format::kPerf, "only the text of perf has events"));
  return refuse("sample-type", Format::kPprof, "only profiles of pprof have types of samples");
}

// What one sample, or one of a folded value, stands for.
Result<uint64_t> PeriodNs(const Arguments& arguments, Format format, uint64_t told_ns) {
  const std::string unit = arguments.Get("unit", "samples");
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
  const char* remedy = "Give --frequency HZ";
  if (format == Format::kFolded) {
    remedy = "Give --unit us for what 'twofold fold' prints, or --frequency HZ";
  } else if (format == Format::kPerf) {
    remedy =
        "Give --frequency HZ (4000, or the -F of 'perf record'), or print the text with 'perf "
        "script --header'";
  }
  return Error{"the file does not tell how much time a sample stands for", "", remedy,
               Error::Kind::kUsage};
}

// The same of a profile, whose values may be time themselves.
Result<uint64_t> PeriodOfPprofNs(const Arguments& arguments, const PprofNotes& notes) {
  if (notes.is_time) {
    if (!arguments.Has("frequency")) return notes.period_ns;
    return Error{"the profile's values are time already", "--frequency",
                 "Leave --frequency out, or choose other values with --sample-type",
                 Error::Kind::kUsage};
  }
  if (notes.unit != "count") {
    return Error{"the values of '" + notes.sample_type + "' are " +
                     (notes.unit.empty() ? "of no unit" : notes.unit) +
                     ", and a capture of import holds CPU time",
                 "", "Choose time or samples with --sample-type", Error::Kind::kUsage};
  }
  return PeriodNs(arguments, Format::kPprof, notes.period_ns);
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

void SayPprofNotes(const PprofNotes& notes, const std::string& name) {
  if (notes.sample_type != "cpu" && notes.sample_type != "samples") {
    Say(name + ": the values of '" + notes.sample_type +
        "' are shown as CPU time, which is all that a capture of import holds");
  }
  if (notes.negative_samples > 0) {
    Say(name + ": " + FormatCount(notes.negative_samples, " sample", " samples") +
        " below zero left out");
  }
  if (notes.other_labels.empty()) return;
  std::string keys;
  for (const std::string& key : notes.other_labels) keys += (keys.empty() ? "" : ", ") + key;
  Say(name + ": labels that a capture has no place for are left out: " + keys);
}

// Reads the file into `capture`; gives what a sample stands for.
Result<uint64_t> ReadInto(const Arguments& arguments, Format format, std::string_view text,
                          const std::string& name, ImportedCapture& capture, ImportNotes& notes,
                          PprofNotes& pprof) {
  if (format == Format::kPprof) {
    Result<PprofNotes> read = ReadPprof(text, arguments.Get("sample-type"), capture);
    if (!read) {
      Error error = std::move(read).error();
      if (error.where.empty()) error.where = name;
      return error;
    }
    pprof = std::move(*read);
  } else {
    notes = format == Format::kFolded ? ReadFoldedText(text, capture)
                                      : ReadPerfScript(text, arguments.Get("event"), capture);
  }
  if (capture.samples() == 0) {
    const bool has_lines = notes.unreadable_lines > 0;
    return Error{"there are no samples in the file", name,
                 has_lines ? "The first line of no known form is " + notes.first_unreadable
                           : "Check --from, --event and --sample-type"};
  }
  return format == Format::kPprof ? PeriodOfPprofNs(arguments, pprof)
                                  : PeriodNs(arguments, format, notes.period_ns);
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().size() != 1) {
    return Error{arguments.positionals().empty() ? "no file is given" : "one file is enough", "",
                 "Give the file to import, or - for standard input", Error::Kind::kUsage};
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
  Result<Format> format = FormatOf(arguments, text);
  if (!format) return std::move(format).error();
  TWOFOLD_RETURN_IF_ERROR(CheckOptions(arguments, *format));
  ImportedCapture capture;
  ImportNotes notes;
  PprofNotes pprof;
  Result<uint64_t> period_ns = ReadInto(arguments, *format, text, name, capture, notes, pprof);
  if (!period_ns) return std::move(period_ns).error();
  TWOFOLD_RETURN_IF_ERROR(capture.Write(*period_ns, name, *output));
  TWOFOLD_RETURN_IF_ERROR(output->Commit());
  SayNotes(notes, capture, name);
  if (*format == Format::kPprof) SayPprofNotes(pprof, name);
  return ExitStatus::kDone;
}

}  // namespace

const Command kImportCommand = {
    "import",
    "make a capture of what perf or pprof recorded, or of folded stacks",
    "[--from FORMAT] [--frequency HZ] -o FILE RECORDING",
    "Makes a capture of CPU samples that another tool took, so that they get the same views, "
    "filters and comparisons. Of 'perf script' each second becomes an interval; the others become "
    "one. What the file does not tell is not there: blocked time, states of threads.",
    "twofold import --frequency 99 --event cycles -o old.twofold perf.txt\n"
    "twofold import --from folded --unit us -o old.twofold old.folded\n"
    "twofold import -o go.twofold go.pb.gz",
    AddOptions,
    Run,
};

}  // namespace twofold
