#include "recorder/cli/options.h"

#include <algorithm>

#include "recorder/cli/comm_glob.h"
#include "recorder/cli/option_values.h"
#include "recorder/cli/perf_words.h"

namespace twofold {
namespace {

constexpr double kLongestDuration_s = 7 * 24 * 3600;
constexpr uint64_t kSmallestMemory_mib = 8;
constexpr uint64_t kLargestMemory_mib = 4096;
// A quarter of that for processes: pages, which are larger than most other allocations, are
// allocated more often than a process allocates as much.
constexpr uint64_t kKernelLeakSample_bytes = 64 << 10;
constexpr uint64_t kLongestBlock_us = 7ULL * 24 * 3600 * 1'000'000;

// The headings of the help.
enum Group : size_t { kWhat, kWhichOfIt, kHow, kTell };

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

struct Source {
  const char* name;
  bool Options::*records;
};

constexpr Source kSources[] = {{"cpu", &Options::cpu}, {"offcpu", &Options::offcpu},
                               {"cpi", &Options::cpi}, {"memleak", &Options::memleak},
                               {"tcp", &Options::tcp}, {"exec", &Options::exec}};

std::string SourceNames(const char* between, const char* before_last) {
  std::string names;
  for (const Source& source : kSources) {
    if (&source != kSources) names += &source == std::end(kSources) - 1 ? before_last : between;
    names += source.name;
  }
  return names;
}

Result<void> ReadSources(const std::string& text, Options& options) {
  for (const Source& source : kSources) options.*source.records = false;
  for (const std::string& part : SplitAtCommas(text)) {
    const auto* source = std::find_if(std::begin(kSources), std::end(kSources),
                                      [&](const Source& known) { return known.name == part; });
    if (source == std::end(kSources)) {
      return UsageError(
          "--record", "there is no source '" + part + "'",
          "The sources are " + SourceNames(", ", " and ") + ", with commas between them");
    }
    options.*source->records = true;
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
             .group = kWhat,
             .set = ReadPids("-p", options.pids)});
  table.Add({.name = "tid",
             .letter = 't',
             .value_name = "TID,...",
             .help = "these threads only, none that they start",
             .group = kWhat,
             .set = ReadTids("-t", options.tids)});
  table.Add({.name = "cgroup",
             .value_name = "PATH",
             .help = "what is in this cgroup (v2) or below it, now or later;\n"
                     "PATH as systemd-cgls or /sys/fs/cgroup show it",
             .takes = Takes::kFolder,
             .group = kWhat,
             .set = ReadText(options.cgroup,
                             UsageError("--cgroup", "the path is empty",
                                        "For example: --cgroup /system.slice/nginx.service"))});
  table.TakesCommand("-- COMMAND ...",
                     "this command and its descendants, from its start to its\n"
                     "end; its exit status is returned if it fails",
                     kWhat);
  table.Add({.name = "comm",
             .value_name = "GLOB",
             .help = "only while a thread's name matches; * stands for any\n"
                     "characters, ? for one (in quotes, for the shell)",
             .group = kWhichOfIt,
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

void AddSourceOptions(OptionSet& table, Options& options) {
  std::vector<std::string> choices = NamesOf(kSources);
  const std::string all = SourceNames(",", ",");
  choices.push_back(all);
  table.Add({.name = "record",
             .value_name = all,
             .help = "sources: CPU samples, blocked time, cycles and\n"
                     "instructions, memory growth, TCP retransmits, executed\n"
                     "programs (default: cpu,offcpu)",
             .choices = std::move(choices),
             .group = kWhichOfIt,
             .set = [&options](const std::string& value) { return ReadSources(value, options); }});
}

void AddExecOptions(OptionSet& table, Options& options) {
  table.Add({.name = "args",
             .help = "executed programs with their arguments, which may hold\n"
                     "secrets; without it no argument leaves the kernel",
             .group = kWhichOfIt,
             .set = SetTo(options.arguments)});
  table.AddCheck([&options](const Arguments&) -> Result<void> {
    if (!options.arguments || options.exec) return {};
    return UsageError("--args", "executed programs are not recorded, so there are no arguments",
                      "Record them: --record cpu,offcpu,exec --args");
  });
}

// Whose memory, and how.
Result<void> CheckLeakOptions(const Arguments& given, Options& options) {
  for (const char* name : {"leak-scope", "leak-sample-bytes", "leak-age"}) {
    if (!given.Has(name) || options.memleak) continue;
    return UsageError(std::string("--") + name, "it has no meaning without the source memleak",
                      "Give it with --record memleak");
  }
  if (!options.memleak) return {};
  const std::string scope = given.Get("leak-scope");
  if (scope != "user" && scope != "kernel") {
    return UsageError("--leak-scope",
                      scope.empty() ? "--record memleak needs to know whose memory"
                                    : "'" + scope + "' is not known",
                      "It takes user (the processes of -p) or kernel");
  }
  options.leak_kernel = scope == "kernel";
  options.leak_sample_given = given.Has("leak-sample-bytes");
  if (options.leak_kernel && !options.leak_sample_given) {
    options.leak_sample_bytes = kKernelLeakSample_bytes;
  }
  if (!options.leak_kernel && options.pids.empty()) {
    return UsageError("--leak-scope user", "it needs the processes whose memory is to be recorded",
                      "Name them with -p, for example: -p 812");
  }
  return {};
}

void AddLeakOptions(OptionSet& table, Options& options) {
  table.Add({.name = "leak-scope",
             .value_name = "SCOPE",
             .help = "whose memory: user (processes of -p) or kernel",
             .group = kWhichOfIt});
  table.Add(
      {.name = "leak-sample-bytes",
       .value_name = "N",
       .help = "one allocation in every N bytes is kept, larger ones all\n"
               "are; sums stay right; 1: all (default: 16384 of user,\n"
               "65536 of kernel)",
       .group = kWhichOfIt,
       .set = ReadCount("--leak-sample-bytes", 1, 1 << 20, "bytes", options.leak_sample_bytes)});
  table.Add({.name = "leak-age",
             .value_name = "S",
             .help = "memory that is younger counts as young (default: 0.5)",
             .group = kWhichOfIt,
             .set = ReadSeconds("--leak-age", 0.001, 24 * 3600,
                                [&options](double seconds) { options.leak_age_s = seconds; })});
  table.AddCheck([&options](const Arguments& given) -> Result<void> {
    if (options.help || options.version) return {};
    return CheckLeakOptions(given, options);
  });
}

void AddBlockLimits(OptionSet& table, Options& options) {
  table.Add(
      {.name = "min-block",
       .value_name = "US",
       .help = "no blocks shorter than this (default: 0)",
       .group = kWhichOfIt,
       .set = ReadCount("--min-block", 0, kLongestBlock_us, "microseconds", options.min_block_us)});
  table.Add(
      {.name = "max-block",
       .value_name = "US",
       .help = "no blocks longer than this (default: no limit)",
       .group = kWhichOfIt,
       .set = ReadCount("--max-block", 1, kLongestBlock_us, "microseconds", options.max_block_us)});
  table.AddCheck([&options](const Arguments&) -> Result<void> {
    if (options.max_block_us == 0 || options.max_block_us >= options.min_block_us) return {};
    return UsageError("--max-block", "it is less than --min-block, which leaves no block",
                      "Give a longer --max-block, or a shorter --min-block");
  });
}

// How blocks are chosen, and what that may cost.
void AddCostOptions(OptionSet& table, Options& options) {
  table.Add({.name = "wakers",
             .value_name = "N",
             .help = "who woke a blocked thread, and who had woken that one, N\n"
                     "deep, 0 to 8 (default: 1)",
             .group = kHow,
             .set = ReadCount("--wakers", 0, 8, "a number of wakers", options.wakers)});
  table.Add({.name = "quantum",
             .value_name = "US",
             .help = "blocks shorter than this are kept by chance, so that the\n"
                     "cost is bounded; sums stay right (default: 1000)",
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
                     "none: no limit (default: 1)",
             .group = kHow,
             .set = ReadPercent("--max-overhead", options.max_overhead_permyriad)});
  table.AddCheck([&options](const Arguments& given) -> Result<void> {
    options.max_overhead_given = given.Has("max-overhead");
    if (options.exact && !options.max_overhead_given) options.max_overhead_permyriad = 0;
    if (!options.exact || !given.Has("quantum")) return {};
    return UsageError("--exact",
                      "it keeps every block, so there is nothing for --quantum to choose",
                      "Give one of the two");
  });
}

void AddRecordingOptions(OptionSet& table, Options& options) {
  table.Add({.name = "duration",
             .letter = 'd',
             .value_name = "S",
             .help = "stop after S seconds (without it: Ctrl-C stops)",
             .group = kHow,
             .set = ReadSeconds("-d", 0.01, kLongestDuration_s,
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
  AddCostOptions(table, options);
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
             .set = ReadCount("--memory", kSmallestMemory_mib, kLargestMemory_mib, "MiB",
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
             .group = kTell,
             .set = SetTo(options.check)});
  table.Add({.name = "help",
             .letter = 'h',
             .help = "this text",
             .group = kTell,
             .set = SetTo(options.help)});
  table.Add(
      {.name = "version", .help = "the version", .group = kTell, .set = SetTo(options.version)});
}

}  // namespace

OptionSet DeclareOptions(Options& options) {
  OptionSet table(kStyle, {"What to record (one of these; without any: the whole system):",
                           "Which of it:", "How:", ""});
  AddScopeOptions(table, options);
  AddSourceOptions(table, options);
  AddExecOptions(table, options);
  AddLeakOptions(table, options);
  AddBlockLimits(table, options);
  AddRecordingOptions(table, options);
  AddQuestions(table, options);
  return table;
}

std::string HelpText() {
  Options unused;
  return R"(Usage: twofold-record [OPTIONS] [-- COMMAND ARGUMENTS...]

Records where the time of every thread goes, on the CPU and blocked, into one
small file that `twofold` reads on any machine. Needs root and a kernel with BTF
(5.13 or later).

)" + DeclareOptions(unused).Help() +
         R"(
Exit status: 0 done; 1 failed; 2 used wrongly; else that of COMMAND.

Examples:
  twofold-record -d 30                              the whole host for 30 s
  twofold-record -d 10 -p 812 -o web.twofold        one process
  twofold-record -d 30 --cgroup /system.slice/nginx.service
  twofold-record -d 30 --comm 'postgres*'           threads by their names
  twofold-record -o build.twofold -- make -j8       a command and its children
)";
}

Result<Options> ParseOptions(const std::vector<std::string>& words) {
  Options options;
  const auto separator = std::find(words.begin(), words.end(), "--");
  if (separator != words.end()) {
    options.command.assign(separator + 1, words.end());
    if (options.command.empty()) {
      return UsageError("--", "a command is missing behind it", "For example: -- make -j8");
    }
  }
  const OptionSet table = DeclareOptions(options);
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
  TWOFOLD_RETURN_IF_ERROR(table.Set(given));
  return options;
}

}  // namespace twofold
