// twofold import: a capture of what another tool recorded.
#include <cmath>

#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/commands/folding.h"
#include "analyzer/import/import_format.h"
#include "analyzer/import/imported_capture.h"
#include "format/base/input_file.h"
#include "format/base/suggest.h"
#include "format/base/units.h"
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

// Error: the file is none of these; says what it is where that can be told.
Result<ImportFormat> FormatOf(const Arguments& arguments, std::string_view text,
                              const std::string& name) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return Error{"the file is empty", name,
                 "Check what wrote it: 'perf script' prints nothing where nothing was sampled"};
  }
  TWOFOLD_RETURN_IF_ERROR(RefuseForeign(text, name));
  if (!arguments.Has("from")) return GuessFormat(text, name);
  const std::string format = arguments.Get("from");
  if (format == "perf") return ImportFormat::kPerf;
  if (format == "folded") return ImportFormat::kFolded;
  if (format == "pprof") return ImportFormat::kPprof;
  return Error{"there is no format '" + format + "'", "--from",
               Suggestion(format, {"perf", "folded", "pprof"}), Error::Kind::kUsage};
}

// Error: an option is given that has no meaning for the format.
Result<void> CheckOptions(const Arguments& arguments, ImportFormat format) {
  const auto refuse = [&](const char* option, ImportFormat wanted,
                          const char* what) -> Result<void> {
    if (!arguments.Has(option) || format == wanted) return {};
    return Error{what, std::string("--") + option, std::string("Leave --") + option + " out",
                 Error::Kind::kUsage};
  };
  TWOFOLD_RETURN_IF_ERROR(refuse("unit", ImportFormat::kFolded, "only folded stacks need a unit"));
  TWOFOLD_RETURN_IF_ERROR(refuse("event", ImportFormat::kPerf, "only the text of perf has events"));
  return refuse("sample-type", ImportFormat::kPprof,
                "only profiles of pprof have types of samples");
}

// Of --frequency; 0: it is not given.
Result<uint64_t> PeriodOfFrequencyNs(const Arguments& arguments) {
  if (!arguments.Has("frequency")) return uint64_t{0};
  TWOFOLD_ASSIGN_OR_RETURN(double hz, arguments.Number("frequency", 0, 0.001, kMaxFrequencyHz));
  return uint64_t(std::llround(1e9 / hz));
}

Error NoPeriod(const std::string& remedy) {
  return Error{"the file does not tell how much time a sample stands for", "", remedy,
               Error::Kind::kUsage};
}

// What one of a folded value stands for.
Result<uint64_t> UnitOfFoldedNs(const Arguments& arguments) {
  const std::string unit = arguments.Get("unit", "samples");
  if (unit == "ns") return uint64_t{1};
  if (unit == "us") return uint64_t{1'000};
  if (unit == "ms") return uint64_t{1'000'000};
  if (unit != "samples") {
    return Error{"there is no unit '" + unit + "'", "--unit",
                 Suggestion(unit, {"samples", "ns", "us", "ms"}), Error::Kind::kUsage};
  }
  Result<uint64_t> period_ns = PeriodOfFrequencyNs(arguments);
  if (period_ns && *period_ns == 0) {
    return NoPeriod("Give --unit us for what 'twofold fold' prints, or --frequency HZ");
  }
  return period_ns;
}

Result<ImportedValues> ReadFolded(const Arguments& arguments, std::string_view text,
                                  ImportedCapture& capture, ImportNotes& notes) {
  TWOFOLD_ASSIGN_OR_RETURN(uint64_t unit_ns, UnitOfFoldedNs(arguments));
  TWOFOLD_ASSIGN_OR_RETURN(ImportNotes read, ReadFoldedText(text, double(unit_ns), capture));
  notes = std::move(read);
  return ImportedValues{.period_ns = notes.has_fractions ? 0 : unit_ns};
}

// Periods of clocks are time. Those of other events are shares of the time that the samples stand
// for, if that is known; else they are what they are.
Result<ImportedValues> ReadPerf(const Arguments& arguments, std::string_view text,
                                const std::string& name, ImportedCapture& capture,
                                ImportNotes& notes) {
  TWOFOLD_ASSIGN_OR_RETURN(ImportNotes read, ReadPerfScript(text, arguments.Get("event"), capture));
  notes = std::move(read);
  TWOFOLD_ASSIGN_OR_RETURN(uint64_t asked_ns, PeriodOfFrequencyNs(arguments));
  if (notes.unreadable_lines * 2 > notes.lines) {
    return Error{
        "most of the lines are no text of 'perf script'; the first is " + notes.first_unreadable,
        name, "docs/analyzing.md lists the forms that are read"};
  }
  const bool has_periods = notes.samples > 0 && notes.samples_with_period == notes.samples;
  if (notes.is_clock && has_periods && capture.weight() > 0) {
    if (asked_ns > 0) Say(name + ": the periods in the file are time; --frequency is not needed");
    if (notes.one_period) return ImportedValues{.period_ns = notes.period};
    return ImportedValues{};
  }
  const std::string event = notes.event.empty() ? "samples" : "'" + notes.event + "'";
  const uint64_t period_ns = asked_ns > 0 ? asked_ns : notes.period_ns;
  if (period_ns == 0) {
    const bool is_tracepoint = notes.event.find(':') != std::string::npos;
    const bool counts_samples = notes.event.empty() || !(has_periods || is_tracepoint);
    const std::string what = counts_samples ? "samples" : notes.event;
    Say(name + ": the values are " + (counts_samples ? "samples" : event) +
        ", no time: the view events has them; --frequency HZ makes CPU time of samples");
    return ImportedValues{.event = what};
  }
  if (!notes.is_clock) {
    Say(name + ": CPU time is an estimate, that of samples of " + event + " at " +
        FormatCount(int64_t(1'000'000'000 / period_ns)) + " Hz" +
        (notes.one_period ? "" : ", divided by the periods in the file"));
  }
  if (notes.one_period || capture.weight() == 0) return ImportedValues{.period_ns = period_ns};
  if (capture.samples() > container::kMaxSum / period_ns) {
    return Error{"the samples stand for more time than a capture can hold", name,
                 "Check --frequency"};
  }
  return ImportedValues{.total_ns = capture.samples() * period_ns};
}

// Values of profiles may be time themselves.
Result<ImportedValues> ValuesOfPprof(const Arguments& arguments, const PprofNotes& notes) {
  TWOFOLD_ASSIGN_OR_RETURN(uint64_t asked_ns, PeriodOfFrequencyNs(arguments));
  if (notes.is_time) {
    if (asked_ns == 0) return ImportedValues{.period_ns = notes.period_ns};
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
  const uint64_t period_ns = asked_ns > 0 ? asked_ns : notes.period_ns;
  if (period_ns == 0) return NoPeriod("Give --frequency HZ");
  return ImportedValues{.period_ns = period_ns};
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
  if (!notes.unused_type.empty()) {
    Say(name + ": all values of '" + notes.unused_type + "' are 0; those of '" + notes.sample_type +
        "' are taken");
  }
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

// Reads the file into `capture`.
Result<ImportedValues> ReadInto(const Arguments& arguments, ImportFormat format,
                                std::string_view text, const std::string& name,
                                ImportedCapture& capture, ImportNotes& notes, PprofNotes& pprof) {
  Result<ImportedValues> values = ImportedValues{};
  if (format == ImportFormat::kPprof) {
    TWOFOLD_ASSIGN_OR_RETURN(PprofNotes read,
                             ReadPprof(text, arguments.Get("sample-type"), capture));
    pprof = std::move(read);
  } else if (format == ImportFormat::kPerf) {
    values = ReadPerf(arguments, text, name, capture, notes);
  } else {
    values = ReadFolded(arguments, text, capture, notes);
  }
  if (!values) return values;
  if (capture.samples() == 0 && capture.weight() == 0) {
    const bool has_lines = notes.unreadable_lines > 0;
    return Error{"there are no samples in the file", name,
                 has_lines ? "The first line of no known form is " + notes.first_unreadable
                           : "Check --from, --event and --sample-type"};
  }
  return format == ImportFormat::kPprof ? ValuesOfPprof(arguments, pprof) : values;
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
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, CreateOutput(arguments));
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadInputFile(path, kMaxTextBytes));
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
  TWOFOLD_ASSIGN_OR_RETURN(ImportFormat format, FormatOf(arguments, text, name));
  TWOFOLD_RETURN_IF_ERROR(CheckOptions(arguments, format));
  ImportedCapture capture;
  ImportNotes notes;
  PprofNotes pprof;
  Result<ImportedValues> values = ReadInto(arguments, format, text, name, capture, notes, pprof);
  if (!values) {
    Error error = std::move(values).error();
    if (error.where.empty() && error.kind != Error::Kind::kUsage) error.where = name;
    return error;
  }
  TWOFOLD_RETURN_IF_ERROR(capture.Write(*values, name, output));
  TWOFOLD_RETURN_IF_ERROR(output.Commit());
  SayNotes(notes, capture, name);
  if (format == ImportFormat::kPprof) SayPprofNotes(pprof, name);
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
