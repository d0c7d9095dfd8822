#include "recorder/cli/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <sstream>
#include <type_traits>

#include "recorder/cli/comm_glob.h"
#include "recorder/cli/perf_words.h"

namespace twofold {
namespace {

namespace po = boost::program_options;

constexpr double kLongestDuration_s = 7 * 24 * 3600;
constexpr uint64_t kSmallestMemory_mib = 8;
constexpr uint64_t kLargestMemory_mib = 4096;
// A quarter of that for processes: pages, which are larger than most other allocations, are
// allocated more often than a process allocates as much.
constexpr uint64_t kKernelLeakSample_bytes = 64 << 10;
constexpr uint64_t kLongestBlock_us = 7ULL * 24 * 3600 * 1'000'000;

Error UsageError(const std::string& option, const std::string& what, const std::string& takes) {
  return Error{.what = what, .where = option, .remedy = takes, .kind = Error::Kind::kUsage};
}

template <typename Number>
std::optional<Number> ParseNumber(const std::string& text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

Result<double> ParseSeconds(const std::string& option, const std::string& text, double least,
                            double most) {
  std::ostringstream takes;
  takes << "It takes seconds from " << least << " to " << most << ", such as " << option << " 10";
  const std::optional<double> seconds = ParseNumber<double>(text);
  if (!seconds || !std::isfinite(*seconds)) {
    return UsageError(option, "'" + text + "' is no number of seconds", takes.str());
  }
  if (*seconds < 0) {
    return UsageError(option, "a time of " + text + " s is negative", takes.str());
  }
  if (*seconds < least || *seconds > most) {
    return UsageError(option, text + " s is out of range", takes.str());
  }
  return *seconds;
}

Result<uint64_t> ParseCount(const std::string& option, const std::string& text, uint64_t least,
                            uint64_t most, const std::string& unit) {
  const std::optional<uint64_t> count = ParseNumber<uint64_t>(text);
  if (!count || *count < least || *count > most) {
    return UsageError(
        option, "'" + text + "' is out of range or no whole number",
        "It takes " + unit + " from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *count;
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, ',')) parts.push_back(part);
  if (text.empty() || text.back() == ',') parts.push_back("");
  return parts;
}

// Ids of processes (Pid) or threads (Tid), without doubles, in the order given.
template <typename Id>
Result<std::vector<Id>> ParseIds(const std::string& option, const std::string& kind,
                                 const std::string& text) {
  std::vector<Id> ids;
  for (const std::string& part : SplitAtCommas(text)) {
    const std::optional<uint32_t> number = ParseNumber<uint32_t>(part);
    if (!number || *number == 0 || *number > (1u << 22)) {  // the kernel's PID_MAX_LIMIT
      return UsageError(option, "'" + part + "' is no " + kind + " id",
                        "It takes ids with commas between them, such as " + option + " 812,813");
    }
    if (std::find(ids.begin(), ids.end(), Id(*number)) == ids.end()) ids.push_back(Id(*number));
  }
  if (ids.size() > 1024) {
    return UsageError(option, "these are more than 1024 ids", "Record the whole system instead");
  }
  return ids;
}

Result<void> ParseSources(const std::string& text, Options& options) {
  options.cpu = false;
  options.offcpu = false;
  options.cpi = false;
  options.memleak = false;
  options.exec = false;
  options.tcp = false;
  for (const std::string& part : SplitAtCommas(text)) {
    if (part == "cpu") {
      options.cpu = true;
    } else if (part == "offcpu") {
      options.offcpu = true;
    } else if (part == "cpi") {
      options.cpi = true;
    } else if (part == "memleak") {
      options.memleak = true;
    } else if (part == "exec") {
      options.exec = true;
    } else if (part == "tcp") {
      options.tcp = true;
    } else {
      return UsageError(
          "--record", "there is no source '" + part + "'",
          "The sources are cpu, offcpu, cpi, memleak, tcp and exec, with commas between them");
    }
  }
  return {};
}

// A percentage in hundredths of a per cent; "none" and 0: 0.
Result<uint32_t> ParseOverhead(const std::string& option, const std::string& text) {
  if (text == "none") return 0u;
  const std::optional<double> percent = ParseNumber<double>(text);
  if (!percent || !std::isfinite(*percent) || *percent < 0 || *percent > 100 ||
      (*percent > 0 && *percent < 0.01)) {
    return UsageError(option, "'" + text + "' is out of range or no number of per cent",
                      "It takes per cent from 0.01 to 100, and none (or 0) for no limit");
  }
  return uint32_t(std::lround(*percent * 100));
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

// Whose memory, and how.
Result<void> ParseLeakOptions(const po::variables_map& given, Options& options) {
  const auto value = [&](const char* name) { return given[name].as<std::string>(); };
  for (const char* name : {"leak-scope", "leak-sample-bytes", "leak-age"}) {
    if (given.count(name) == 0 || options.memleak) continue;
    return UsageError(std::string("--") + name, "it has no meaning without the source memleak",
                      "Give it with --record memleak");
  }
  if (!options.memleak) return {};
  const std::string scope = given.count("leak-scope") != 0 ? value("leak-scope") : "";
  if (scope != "user" && scope != "kernel") {
    return UsageError("--leak-scope",
                      scope.empty() ? "--record memleak needs to know whose memory"
                                    : "'" + scope + "' is not known",
                      "It takes user (the processes of -p) or kernel");
  }
  options.leak_kernel = scope == "kernel";
  if (options.leak_kernel) options.leak_sample_bytes = kKernelLeakSample_bytes;
  if (!options.leak_kernel && options.pids.empty()) {
    return UsageError("--leak-scope user", "it needs the processes whose memory is to be recorded",
                      "Name them with -p, for example: -p 812");
  }
  if (given.count("leak-sample-bytes") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(
        uint64_t bytes,
        ParseCount("--leak-sample-bytes", value("leak-sample-bytes"), 1, 1 << 20, "bytes"));
    options.leak_sample_bytes = bytes;
    options.leak_sample_given = true;
  }
  if (given.count("leak-age") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(double seconds,
                             ParseSeconds("--leak-age", value("leak-age"), 0.001, 24 * 3600));
    options.leak_age_s = seconds;
  }
  return {};
}

// Boost takes "-5" behind an option for an option of its own; a negative number is a value.
std::vector<std::string> JoinNegativeNumbers(const std::vector<std::string>& arguments) {
  std::vector<std::string> joined;
  for (const std::string& argument : arguments) {
    const bool negative =
        argument.size() > 1 && argument[0] == '-' &&
        (std::isdigit(static_cast<unsigned char>(argument[1])) || argument[1] == '.');
    if (negative && !joined.empty() && joined.back().size() > 1 && joined.back()[0] == '-' &&
        joined.back().find('=') == std::string::npos) {
      joined.back() += joined.back()[1] == '-' ? "=" + argument : argument;
    } else {
      joined.push_back(argument);
    }
  }
  return joined;
}

po::options_description Description() {
  po::options_description description;
  const auto text = [] { return po::value<std::string>(); };
  description.add_options()                                               //
      ("help,h", "")("version", "")("check", "")                          //
      ("output,o", text())("duration,d", text())                          //
      ("pid,p", text())("record", text())                                 //
      ("frequency,F", text())("interval", text())                         //
      ("all-cpus,a", "")(",g", "")                                        //
      ("memory", text())("quiet", "")                                     //
      ("tid,t", text())("cgroup", text())                                 //
      ("comm", text())("wakers", text())                                  //
      ("quantum", text())("exact", "")                                    //
      ("max-overhead", text())("min-block", text())("max-block", text())  //
      ("leak-scope", text())("leak-age", text())                          //
      ("leak-sample-bytes", text())("args", "");
  return description;
}

}  // namespace

std::string HelpText() {
  return R"(Usage: twofold-record [OPTIONS] [-- COMMAND ARGUMENTS...]

Records where the time of every thread goes, on the CPU and blocked, into one
small file that `twofold` reads on any machine. Needs root and a kernel with BTF
(5.13 or later).

What to record (one of these; without any: the whole system):
  -p, --pid PID,...     these processes, with all their threads
  -t, --tid TID,...     these threads only, none that they start
  --cgroup PATH         what is in this cgroup (v2) or below it, now or later;
                        PATH as systemd-cgls or /sys/fs/cgroup show it
  -- COMMAND ...        this command and its descendants, from its start to its
                        end; its exit status is returned if it fails

Which of it:
  --comm GLOB           only while a thread's name matches; * stands for any
                        characters, ? for one (in quotes, for the shell)
  --record cpu,offcpu,cpi,memleak,tcp,exec
                        sources: CPU samples, blocked time, cycles and
                        instructions, memory growth, TCP retransmits, executed
                        programs (default: cpu,offcpu)
  --args                executed programs with their arguments, which may hold
                        secrets; without it no argument leaves the kernel
  --leak-scope SCOPE    whose memory: user (processes of -p) or kernel
  --leak-sample-bytes N one allocation in every N bytes is kept, larger ones all
                        are; sums stay right; 1: all (default: 16384 of user,
                        65536 of kernel)
  --leak-age S          memory that is younger counts as young (default: 0.5)
  --min-block US        no blocks shorter than this (default: 0)
  --max-block US        no blocks longer than this (default: no limit)

How:
  -d, --duration S      stop after S seconds (without it: Ctrl-C stops)
  -o, --output FILE     the capture (default: twofold-DATE-TIME.twofold), - for
                        standard output
  --wakers N            who woke a blocked thread, and who had woken that one, N
                        deep, 0 to 8 (default: 1)
  --quantum US          blocks shorter than this are kept by chance, so that the
                        cost is bounded; sums stay right (default: 1000)
  --exact               every block is kept, at some microseconds for each, and
                        without a limit unless --max-overhead sets one
  --max-overhead PCT    per cent of the host's CPU time that recording may cost;
                        none: no limit (default: 1)
  -F, --frequency HZ    CPU samples per second and CPU (default: 99)
  --interval S          length of the slices that time is kept in (default: 1)
  --memory MIB          budget of the kernel's maps (default: 64)
  --quiet               no status line and no summary, only errors
  -a, --all-cpus        the whole system, as without any choice (as in perf)
  -g                    nothing: stacks are always taken (as in perf)

  --check               tell what this host can record and what not, and why;
                        record nothing
  -h, --help            this text
  --version             the version

Exit status: 0 done; 1 failed; 2 used wrongly; else that of COMMAND.

Examples:
  twofold-record -d 30                              the whole host for 30 s
  twofold-record -d 10 -p 812 -o web.twofold        one process
  twofold-record -d 30 --cgroup /system.slice/nginx.service
  twofold-record -d 30 --comm 'postgres*'           threads by their names
  twofold-record -o build.twofold -- make -j8       a command and its children
)";
}

Result<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const std::vector<std::string> own(arguments.begin(), separator);
  if (separator != arguments.end()) {
    options.command.assign(separator + 1, arguments.end());
    if (options.command.empty()) {
      return UsageError("--", "a command is missing behind it", "For example: -- make -j8");
    }
  }

  po::variables_map given;
  try {
    const po::options_description description = Description();
    const po::parsed_options parsed =
        po::command_line_parser(JoinNegativeNumbers(own))
            .options(description)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .run();
    for (const po::option& option : parsed.options) {
      if (option.position_key >= 0) {
        return UsageError("'" + option.value.front() + "'", "is no option",
                          "A command to record goes behind --, for example: twofold-record -- " +
                              option.value.front());
      }
    }
    po::store(parsed, given);
  } catch (const po::unknown_option& error) {
    const std::string option = error.get_option_name();
    const std::string instead(InsteadOfPerfs(option));
    return UsageError("", error.what(),
                      instead.empty() ? "twofold-record --help lists the options" : instead);
  } catch (const po::error& error) {
    return UsageError("", error.what(), "twofold-record --help lists the options");
  }
  options.help = given.count("help") != 0;
  options.version = given.count("version") != 0;
  options.quiet = given.count("quiet") != 0;
  options.check = given.count("check") != 0;
  if (options.check && !options.help && !options.version && arguments.size() > 1) {
    return UsageError("--check", "it records nothing, so other options have no meaning beside it",
                      "Give it alone: twofold-record --check");
  }

  const auto value = [&](const char* name) { return given[name].as<std::string>(); };
  if (given.count("output") != 0) {
    options.output = value("output");
    if (options.output.empty())
      return UsageError("-o", "the file's name is empty", "For example: -o host.twofold");
  }
  if (given.count("duration") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(double seconds,
                             ParseSeconds("-d", value("duration"), 0.01, kLongestDuration_s));
    options.duration_s = seconds;
  }
  if (given.count("interval") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(double seconds,
                             ParseSeconds("--interval", value("interval"), 0.1, 3600));
    options.interval_s = seconds;
  }
  if (given.count("pid") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<Pid> pids, ParseIds<Pid>("-p", "process", value("pid")));
    options.pids = pids;
  }
  if (given.count("tid") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<Tid> tids, ParseIds<Tid>("-t", "thread", value("tid")));
    options.tids = tids;
  }
  if (given.count("cgroup") != 0) {
    options.cgroup = value("cgroup");
    if (options.cgroup.empty()) {
      return UsageError("--cgroup", "the path is empty",
                        "For example: --cgroup /system.slice/nginx.service");
    }
  }
  if (given.count("comm") != 0) {
    options.comm = value("comm");
    TWOFOLD_RETURN_IF_ERROR(CommGlob::Parse(options.comm));
  }
  if (given.count("record") != 0) TWOFOLD_RETURN_IF_ERROR(ParseSources(value("record"), options));
  const auto count = [&](const char* name, uint64_t least, uint64_t most, const char* unit,
                         auto& into) -> Result<void> {
    if (given.count(name) == 0) return {};
    TWOFOLD_ASSIGN_OR_RETURN(uint64_t number,
                             ParseCount(std::string("--") + name, value(name), least, most, unit));
    into = static_cast<std::decay_t<decltype(into)>>(number);
    return {};
  };
  TWOFOLD_RETURN_IF_ERROR(count("frequency", 1, 10'000, "hertz", options.frequency_hz));
  TWOFOLD_RETURN_IF_ERROR(
      count("memory", kSmallestMemory_mib, kLargestMemory_mib, "MiB", options.memory_mib));
  TWOFOLD_RETURN_IF_ERROR(count("wakers", 0, 8, "a number of wakers", options.wakers));
  TWOFOLD_RETURN_IF_ERROR(count("quantum", 1, 1'000'000, "microseconds", options.quantum_us));
  TWOFOLD_RETURN_IF_ERROR(
      count("min-block", 0, kLongestBlock_us, "microseconds", options.min_block_us));
  TWOFOLD_RETURN_IF_ERROR(
      count("max-block", 1, kLongestBlock_us, "microseconds", options.max_block_us));
  if (options.max_block_us != 0 && options.max_block_us < options.min_block_us) {
    return UsageError("--max-block", "it is less than --min-block, which leaves no block",
                      "Give a longer --max-block, or a shorter --min-block");
  }
  options.exact = given.count("exact") != 0;
  if (options.exact && given.count("quantum") != 0) {
    return UsageError("--exact",
                      "it keeps every block, so there is nothing for --quantum to choose",
                      "Give one of the two");
  }
  if (given.count("max-overhead") != 0) {
    TWOFOLD_ASSIGN_OR_RETURN(uint32_t overhead,
                             ParseOverhead("--max-overhead", value("max-overhead")));
    options.max_overhead_permyriad = overhead;
    options.max_overhead_given = true;
  } else if (options.exact) {
    options.max_overhead_permyriad = 0;
  }
  options.arguments = given.count("args") != 0;
  if (options.arguments && !options.exec) {
    return UsageError("--args", "executed programs are not recorded, so there are no arguments",
                      "Record them: --record cpu,offcpu,exec --args");
  }
  TWOFOLD_RETURN_IF_ERROR(CheckScope(options));
  if (given.count("all-cpus") != 0) TWOFOLD_RETURN_IF_ERROR(CheckWholeSystem(options));
  if (!options.help && !options.version) TWOFOLD_RETURN_IF_ERROR(ParseLeakOptions(given, options));
  return options;
}

}  // namespace twofold
