// The recorder's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"

namespace twofold {

struct Options {
  bool help = false;
  bool version = false;
  std::string output;                // empty: a name made of the time
  std::optional<double> duration_s;  // nullopt: until Ctrl-C or until the command ends
  std::vector<Pid> pids;             // empty: the whole system, or the command
  bool cpu = true;
  bool offcpu = true;
  uint32_t frequency_hz = 99;
  double interval_s = 1;
  uint64_t memory_mib = 64;
  bool quiet = false;
  std::vector<std::string> command;  // after "--"; empty: none
};

// Error (Kind::kUsage): names the option, what is wrong with it and what it takes.
Result<Options> ParseOptions(const std::vector<std::string>& arguments);

// The text of --help; 80 columns.
std::string HelpText();

}  // namespace twofold
