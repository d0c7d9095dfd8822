// The recorder's command line.
#pragma once

#include <cstdint>
#include <functional>
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
  std::vector<std::string> sources;  // of --record, in the order in which there are sources
  uint32_t frequency_hz = 99;        // of samples
  double interval_s = 1;
  uint64_t memory_mib = 64;
  uint64_t quantum_us = 1000;             // shorter blocks are chosen by chance
  bool quantum_given = false;             // then it stays, whatever walks cost
  bool exact = false;                     // every block is kept; quantum_us means nothing then
  uint32_t max_overhead_permyriad = 100;  // hundredths of a per cent; 0: no limit
  bool max_overhead_given = false;
  bool quiet = false;
  std::vector<std::string> command;  // after "--"; empty: none

  // T at the start; 0: every block is kept.
  uint64_t QuantumNs() const { return exact ? 0 : quantum_us * 1000; }
  // Whether each CPU may raise it to hold its walks of stacks to their budget.
  bool IsQuantumDefault() const { return !exact && !quantum_given; }
};

// The headings of the help that options are under.
enum class HelpGroup : size_t { kScope, kWhich, kHow, kQuestions };

// What the command line knows of a source (recorder/sources/source.h).
struct SourceWords {
  std::string name;  // of --record
  std::string help;  // what is recorded, in a few words
  bool by_default = false;
  std::function<void(OptionSet& table)> declare;  // adds options of its own
};

// The table of all options, each bound to a member of `options`, which must live as long, or to
// what the sources bind theirs to.
OptionSet DeclareOptions(const std::vector<SourceWords>& sources, Options& options);

// Fills in `options`. Error (Kind::kUsage): names the option, what is wrong with it and what it
// takes.
Result<void> ParseOptions(const std::vector<std::string>& words,
                          const std::vector<SourceWords>& sources, Options& options);

// The text of --help; 80 columns.
std::string HelpText(const std::vector<SourceWords>& sources);

}  // namespace twofold
