#include "recorder/cli/options.h"

#include <algorithm>

#include "recorder/cli/comm_glob.h"
#include "recorder/cli/option_values.h"
#include "recorder/cli/perf_words.h"

namespace twofold {
namespace {

constexpr double kLongestDurationS = 7 * 24 * 3600;
constexpr uint64_t kSmallestMemoryMib = 8;
constexpr uint64_t kLargestMemoryMib = 4096;

constexpr size_t kScope = size_t(HelpGroup::kScope);
constexpr size_t kWhich = size_t(HelpGroup::kWhich);
constexpr size_t kHow = size_t(HelpGroup::kHow);
constexpr size_t kQuestions = size_t(HelpGroup::kQuestions);

Error Describe(const WrongUse& wrong) {
  const std::string option = "'" + wrong.option + "'";
  std::string help = "twofold-record --help lists the options";
  switch (wrong.kind) {
    case WrongUse::Kind::kUnknown: {
      const std::string instead(InsteadOfPerfs(wrong.option));
      if (!instead.empty()) {
        help = instead;
      } else if (!wrong.nearest.empty()) {
        help = "Did you mean " + wrong.nearest + "? " + help;
      }
      return UsageError("", "unrecognised option " + option, help);
    }
    case WrongUse::Kind::kNoValue:
      return UsageError("", "the required argument for option " + option + " is missing", help);
    case WrongUse::Kind::kEmptyValue:
      return UsageError(
          "",
          "the argument for option " + option + " should follow immediately after the equal sign",
          help);
    case WrongUse::Kind::kExtraValue:
      return UsageError("", "option " + option + " does not take any arguments", help);
    case WrongUse::Kind::kTwice:
      break;
  }
  return UsageError("", "option " + option + " cannot be specified more than once", help);
}

constexpr OptionStyle kStyle = {.help_column = 24, .name_column = 2, .describe = Describe};

std::string NamesOfSources(const std::vector<SourceWords>& sources, const char* between,
                           const char* before_last) {
  std::string names;
  for (const SourceWords& source : sources) {
    if (!names.empty()) names += &source == &sources.back() ? before_last : between;
    names += source.name;
  }
  return names;
}

Result<void> ReadSources(const std::string& text, const std::vector<SourceWords>& sources,
                         Options& options) {
  const std::vector<std::string> parts = SplitAtCommas(text);
  const auto has = [](const auto& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const std::vector<std::string> known = NamesOf(sources);
  for (const std::string& part : parts) {
    if (has(known, part)) continue;
    return UsageError(
        "--record", "there is no source '" + part + "'",
        "The sources are " + NamesOfSources(sources, ", ", " and ") + ", with commas between them");
  }
  options.sources.clear();
  for (const std::string& name : known) {
    if (has(parts, name)) options.sources.push_back(name);
  }
  return {};
}

// What the threads to record are chosen by: one thing at most.
Result<void> CheckScope(const Options& options) {
  struct {
    bool given;
    const char* option;
    const char* what;
  } const scopes[] = {{!options.pids.empty(), "-p", "processes"},
                      {!options.tids.empty(), "-t", "threads"},
                      {!options.cgroup.empty(), "--cgroup", "a cgroup"},
                      {!options.command.empty(), "--", "a command"}};
  const char* first = nullptr;
  const char* first_what = nullptr;
  for (const auto& scope : scopes) {
    if (!scope.given) continue;
    if (first != nullptr) {
      return UsageError(
          first, std::string(first_what) + " and " + scope.what + " cannot be recorded together",
          "Give one of -p, -t, --cgroup and -- COMMAND; --comm may narrow any of them");
    }
    first = scope.option;
    first_what = scope.what;
  }
  return {};
}

// What -a says is so unless something else is chosen. In perf a command beside it says for how
// long; here it says what.
Result<void> CheckWholeSystem(const Options& options) {
  if (!options.command.empty()) {
    return UsageError("-a", "it is the whole system, and -- COMMAND is that command alone",
                      "Leave out -a, or record for a time: twofold-record -d 10");
  }
  if (options.pids.empty() && options.tids.empty() && options.cgroup.empty()) return {};
  return UsageError("-a", "it is the whole system, and -p, -t and --cgroup are a part of it",
                    "Give one of them; without any the whole system is recorded");
}

void AddScopeOptions(OptionSet& table, Options& options) {
  table.Add({.name = "pid",
             .letter = 'p',
             .value_name = "PID,...",
             .help = "these processes, with all their threads",
             .group = kScope,
             .set = ReadPids("-p", options.pids)});
  table.Add({.name = "tid",
             .letter = 't',
             .value_name = "TID,...",
             .help = "these threads only, none that they start",
             .group = kScope,
             .set = ReadTids("-t", options.tids)});
  table.Add({.name = "cgroup",
             .value_name = "PATH",
             .help = "what is in this cgroup (v2) or below it, now or later;\n"
                     "PATH as systemd-cgls or /sys/fs/cgroup show it",
             .takes = Takes::kFolder,
             .group = kScope,
             .set = ReadText(options.cgroup,
                             UsageError("--cgroup", "the path is empty",
                                        "For example: --cgroup /system.slice/nginx.service"))});
  table.TakesCommand("-- COMMAND ...",
                     "this command and its descendants, from its start to its\n"
                     "end; its exit status is returned if it fails",
                     kScope);
  table.Add({.name = "comm",
             .value_name = "GLOB",
             .help = "only while a thread's name matches; * stands for any\n"
                     "characters, ? for one (in quotes, for the shell)",
             .group = kWhich,
             .set = [&options](const std::string& value) -> Result<void> {
               TWOFOLD_RETURN_IF_ERROR(CommGlob::Parse(value));
               options.comm = value;
               return {};
             }});
  table.AddCheck([&options](const Arguments& given) -> Result<void> {
    TWOFOLD_RETURN_IF_ERROR(CheckScope(options));
    return given.Has("all-cpus") ? CheckWholeSystem(options) : Result<void>();
  });
}

void AddSourceOptions(OptionSet& table, const std::vector<SourceWords>& sources, Options& options) {
  std::vector<std::string> choices = NamesOf(sources);
  const std::string all = NamesOfSources(sources, ",", ",");
  choices.push_back(all);
  std::string help = "sources: ";
  std::string by_default;
  for (const SourceWords& source : sources) {
    help += (&source == &sources.front() ? "" : ", ") + source.help;
    if (!source.by_default) continue;
    options.sources.push_back(source.name);
    by_default += (by_default.empty() ? "" : ",") + source.name;
  }
  table.Add({.name = "record",
             .value_name = all,
             .help = Wrap(help + " (default: " + by_default + ")", 0, 80 - kStyle.help_column),
             .choices = std::move(choices),
             .group = kWhich,
             .set = [sources, &options](const std::string& value) {
               return ReadSources(value, sources, options);
             }});
  for (const SourceWords& source : sources) {
    if (source.declare) source.declare(table);
  }
}

// How blocks are chosen, and what that may cost.
void AddCostOptions(OptionSet& table, Options& options) {
  table.Add({.name = "quantum",
             .value_name = "US",
             .help = "blocks shorter than this are kept by chance; sums stay right\n"
                     "(default: 1000, and more on a CPU while walks of stacks take\n"
                     "more than 0.5 % of it)",
             .group = kHow,
             .set = ReadCount("--quantum", 1, 1'000'000, "microseconds", options.quantum_us)});
  table.Add({.name = "exact",
             .help = "every block is kept, at some microseconds for each, and\n"
                     "without a limit unless --max-overhead sets one",
             .group = kHow,
             .set = SetTo(options.exact)});
  table.Add({.name = "max-overhead",
             .value_name = "PCT",
             .help = "per cent of the host's CPU time that recording may cost;\n"
                     "detail is given up in steps to keep to it, and told;\n"
                     "none: no limit (default: 1)",
             .group = kHow,
             .set = ReadPercent("--max-overhead", options.max_overhead_permyriad)});
  table.Add({.name = "or-stop",
             .help = "with --max-overhead: end the recording, with status 3,\n"
                     "when it costs more with all of that given up",
             .group = kHow,
             .set = SetTo(options.or_stop)});
  table.AddCheck([&options](const Arguments& given) -> Result<void> {
    options.max_overhead_given = given.Has("max-overhead");
    options.quantum_given = given.Has("quantum");
    if (options.exact && !options.max_overhead_given) options.max_overhead_permyriad = 0;
    if (options.or_stop && (!options.max_overhead_given || options.max_overhead_permyriad == 0)) {
      return UsageError("--or-stop", "it takes a limit",
                        "Give one beside it, for example: --max-overhead 2 --or-stop");
    }
    if (!options.exact || !given.Has("quantum")) return {};
    return UsageError("--exact",
                      "it keeps every block, so there is nothing for --quantum to choose",
                      "Give one of the two");
  });
}

void AddOutputOptions(OptionSet& table, Options& options) {
  table.Add({.name = "duration",
             .letter = 'd',
             .value_name = "S",
             .help = "stop after S seconds (without it: Ctrl-C stops)",
             .group = kHow,
             .set = ReadSeconds("-d", 0.01, kLongestDurationS,
                                [&options](double seconds) { options.duration_s = seconds; })});
  table.Add({.name = "output",
             .letter = 'o',
             .value_name = "FILE",
             .help = "the capture (default: twofold-DATE-TIME.twofold), - for\n"
                     "standard output",
             .takes = Takes::kFile,
             .group = kHow,
             .set = ReadText(options.output, UsageError("-o", "the file's name is empty",
                                                        "For example: -o host.twofold"))});
}

void AddRecordingOptions(OptionSet& table, Options& options) {
  table.Add({.name = "frequency",
             .letter = 'F',
             .value_name = "HZ",
             .help = "CPU samples per second and CPU (default: 99)",
             .group = kHow,
             .set = ReadCount("--frequency", 1, 10'000, "hertz", options.frequency_hz)});
  table.Add({.name = "interval",
             .value_name = "S",
             .help = "length of the slices that time is kept in (default: 1)",
             .group = kHow,
             .set = ReadSeconds("--interval", 0.1, 3600,
                                [&options](double seconds) { options.interval_s = seconds; })});
  table.Add({.name = "memory",
             .value_name = "MIB",
             .help = "budget of the kernel's maps (default: 64)",
             .group = kHow,
             .set = ReadCount("--memory", kSmallestMemoryMib, kLargestMemoryMib, "MiB",
                              options.memory_mib)});
  table.Add({.name = "quiet",
             .help = "no status line and no summary, only errors",
             .group = kHow,
             .set = SetTo(options.quiet)});
  table.Add({.name = "all-cpus",
             .letter = 'a',
             .help = "the whole system, as without any choice (as in perf)",
             .group = kHow});
  table.Add(
      {.letter = 'g', .help = "nothing: stacks are always taken (as in perf)", .group = kHow});
}

void AddQuestions(OptionSet& table, Options& options) {
  table.Add({.name = "check",
             .help = "tell what this host can record and what not, and why;\n"
                     "record nothing",
             .group = kQuestions,
             .set = SetTo(options.check)});
  table.Add({.name = "help",
             .letter = 'h',
             .help = "this text",
             .group = kQuestions,
             .set = SetTo(options.help)});
  table.Add({.name = "version",
             .help = "the version",
             .group = kQuestions,
             .set = SetTo(options.version)});
}

}  // namespace

OptionSet DeclareOptions(const std::vector<SourceWords>& sources, Options& options) {
  OptionSet table(kStyle, {"What to record (one of these; without any: the whole system):",
                           "Which of it:", "How:", ""});
  AddScopeOptions(table, options);
  AddOutputOptions(table, options);
  AddSourceOptions(table, sources, options);
  AddCostOptions(table, options);
  AddRecordingOptions(table, options);
  AddQuestions(table, options);
  return table;
}

std::string HelpText(const std::vector<SourceWords>& sources) {
  Options unused;
  return R"(Usage: twofold-record [OPTIONS] [-- COMMAND ARGUMENTS...]

Records where the time of every thread goes, on the CPU and blocked, into one
small file that `twofold` reads on any machine. Needs root and a kernel with BTF
(5.13 or later).

)" + DeclareOptions(sources, unused).Help() +
         R"(
Exit status: 0 done; 1 failed; 2 used wrongly; 3 ended by --or-stop; else
that of COMMAND.

Examples:
  twofold-record -d 30                              the whole host for 30 s
  twofold-record -d 10 -p 812 -o web.twofold        one process
  twofold-record -d 30 --cgroup /system.slice/nginx.service
  twofold-record -d 30 --comm 'postgres*'           threads by their names
  twofold-record -o build.twofold -- make -j8       a command and its children
)";
}

Result<void> ParseOptions(const std::vector<std::string>& words,
                          const std::vector<SourceWords>& sources, Options& options) {
  const auto separator = std::find(words.begin(), words.end(), "--");
  if (separator != words.end()) {
    options.command.assign(separator + 1, words.end());
    if (options.command.empty()) {
      return UsageError("--", "a command is missing behind it", "For example: -- make -j8");
    }
  }
  const OptionSet table = DeclareOptions(sources, options);
  TWOFOLD_ASSIGN_OR_RETURN(const Arguments given, table.Parse({words.begin(), separator}));
  if (!given.positionals().empty()) {
    const std::string& word = given.positionals().front();
    return UsageError("'" + word + "'", "is no option",
                      "A command to record goes behind --, for example: twofold-record -- " + word);
  }
  if (given.Has("check") && !given.Has("help") && !given.Has("version") && words.size() > 1) {
    return UsageError("--check", "it records nothing, so other options have no meaning beside it",
                      "Give it alone: twofold-record --check");
  }
  return table.Set(given);
}

}  // namespace twofold
