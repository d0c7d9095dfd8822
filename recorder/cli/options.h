// The recorder's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/options.h"
#include "format/base/result.h"

namespace twofold {

struct Options {
  bool help = false;
  bool version = false;
  bool check = false;                // tell what this host can record, and record nothing
  std::string output;                // empty: a name made of the time
  std::optional<double> duration_s;  // nullopt: until Ctrl-C or until the command ends
  std::vector<Pid> pids;             // at most one of pids, tids, cgroup and command is given;
  std::vector<Tid> tids;             // without any: the whole system
  std::string cgroup;                // as it was written
  std::string comm;                  // glob (recorder/cli/comm_glob.h); empty: whatever the name
  bool cpu = true;
  bool offcpu = true;
  bool cpi = false;
  bool memleak = false;
  bool leak_kernel =
      false;  // of memleak: the kernel's memory; false: that of the processes in pids
  uint64_t leak_sample_bytes = 16 << 10;  // unless it is given, 64 KiB for the kernel's
  bool leak_sample_given = false;
  double leak_age_s = 0.5;
  bool exec = false;
  bool tcp = false;
  bool arguments = false;  // of executed programs
  uint32_t frequency_hz = 99;
  double interval_s = 1;
  uint64_t memory_mib = 64;
  uint32_t wakers = 1;                    // longest chain of wakers; 0: none
  uint64_t quantum_us = 1000;             // shorter blocks are chosen by chance
  bool exact = false;                     // every block is kept; quantum_us means nothing then
  uint32_t max_overhead_permyriad = 100;  // hundredths of a per cent; 0: no limit
  bool max_overhead_given = false;
  uint64_t min_block_us = 0;  // shorter blocks get no row
  uint64_t max_block_us = 0;  // longer blocks get no row; 0: no limit
  bool quiet = false;
  std::vector<std::string> command;  // after "--"; empty: none

  // How many of --record's sources were asked for: one that cannot be had costs itself alone if
  // there are others.
  int SourceCount() const { return cpu + offcpu + cpi + memleak + tcp + exec; }
};

// The table of all options, each bound to a member of `options`, which must live as long. Parts of
// the recorder may add rows to it, and checks.
OptionSet DeclareOptions(Options& options);

// Error (Kind::kUsage): names the option, what is wrong with it and what it takes.
Result<Options> ParseOptions(const std::vector<std::string>& words);

// The text of --help; 80 columns.
std::string HelpText();

}  // namespace twofold
