#include "recorder/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <sstream>

namespace twofold {
namespace {

namespace po = boost::program_options;

constexpr double kLongestDuration_s = 7 * 24 * 3600;
constexpr uint64_t kSmallestMemory_mib = 8;
constexpr uint64_t kLargestMemory_mib = 4096;

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

Result<std::vector<Pid>> ParsePids(const std::string& text) {
  std::vector<Pid> pids;
  for (const std::string& part : SplitAtCommas(text)) {
    const std::optional<uint32_t> number = ParseNumber<uint32_t>(part);
    if (!number || *number == 0 || *number > (1u << 22)) {  // the kernel's PID_MAX_LIMIT
      return UsageError("-p", "'" + part + "' is no process id",
                        "It takes ids with commas between them, such as -p 812,813");
    }
    if (std::find(pids.begin(), pids.end(), Pid(*number)) == pids.end())
      pids.push_back(Pid(*number));
  }
  if (pids.size() > 1024) {
    return UsageError("-p", "these are more than 1024 processes",
                      "Record the whole system instead");
  }
  return pids;
}

Result<void> ParseSources(const std::string& text, Options& options) {
  options.cpu = false;
  options.offcpu = false;
  for (const std::string& part : SplitAtCommas(text)) {
    if (part == "cpu") {
      options.cpu = true;
    } else if (part == "offcpu") {
      options.offcpu = true;
    } else {
      return UsageError("--record", "there is no source '" + part + "'",
                        "The sources are cpu and offcpu, with a comma between them");
    }
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
  description.add_options()                       //
      ("help,h", "")("version", "")               //
      ("output,o", text())("duration,d", text())  //
      ("pid,p", text())("record", text())         //
      ("frequency", text())("interval", text())   //
      ("memory", text())("quiet", "");
  return description;
}

}  // namespace

std::string HelpText() {
  return R"(Usage: twofold-record [OPTIONS] [-- COMMAND ARGUMENTS...]

Records where the time of every thread goes, on the CPU and blocked, into one
small file that `twofold` reads on any machine. Needs root and a kernel with BTF
(5.10 or later).

What to record (without -p and COMMAND: the whole system):
  -p, --pid PID,...     these processes, with all their threads
  -- COMMAND ...        this command and its descendants, from its start to its
                        end; its exit status is returned if it fails
  -d, --duration S      stop after S seconds (without it: Ctrl-C stops)
  --record cpu,offcpu   sources: CPU samples, blocked time (default: both)

How:
  -o, --output FILE     the capture (default: twofold-DATE-TIME.twofold), - for
                        standard output
  --frequency HZ        CPU samples per second and CPU (default: 99)
  --interval S          length of the slices that time is kept in (default: 1)
  --memory MIB          budget of the kernel's maps (default: 64)
  --quiet               no status line and no summary, only errors

  -h, --help            this text
  --version             the version

Exit status: 0 done; 1 failed; 2 used wrongly; else that of COMMAND.

Examples:
  twofold-record -d 30                              the whole host for 30 s
  twofold-record -d 10 -p 812 -o web.twofold        one process
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
  } catch (const po::error& error) {
    return UsageError("", error.what(), "twofold-record --help lists the options");
  }
  options.help = given.count("help") != 0;
  options.version = given.count("version") != 0;
  options.quiet = given.count("quiet") != 0;

  const auto value = [&](const char* name) { return given[name].as<std::string>(); };
  if (given.count("output") != 0) {
    options.output = value("output");
    if (options.output.empty())
      return UsageError("-o", "the file's name is empty", "For example: -o host.twofold");
  }
  if (given.count("duration") != 0) {
    Result<double> seconds = ParseSeconds("-d", value("duration"), 0.01, kLongestDuration_s);
    if (!seconds) return std::move(seconds).error();
    options.duration_s = *seconds;
  }
  if (given.count("interval") != 0) {
    Result<double> seconds = ParseSeconds("--interval", value("interval"), 0.1, 3600);
    if (!seconds) return std::move(seconds).error();
    options.interval_s = *seconds;
  }
  if (given.count("pid") != 0) {
    Result<std::vector<Pid>> pids = ParsePids(value("pid"));
    if (!pids) return std::move(pids).error();
    options.pids = *pids;
  }
  if (given.count("record") != 0) TWOFOLD_RETURN_IF_ERROR(ParseSources(value("record"), options));
  if (given.count("frequency") != 0) {
    Result<uint64_t> frequency = ParseCount("--frequency", value("frequency"), 1, 10'000, "hertz");
    if (!frequency) return std::move(frequency).error();
    options.frequency_hz = uint32_t(*frequency);
  }
  if (given.count("memory") != 0) {
    Result<uint64_t> memory =
        ParseCount("--memory", value("memory"), kSmallestMemory_mib, kLargestMemory_mib, "MiB");
    if (!memory) return std::move(memory).error();
    options.memory_mib = *memory;
  }
  if (!options.pids.empty() && !options.command.empty()) {
    return UsageError("-p", "processes and a command cannot be recorded together",
                      "Give either -p or -- COMMAND");
  }
  return options;
}

}  // namespace twofold
