#include "recorder/cli/perf_words.h"

namespace twofold {
namespace {

struct PerfOption {
  std::string_view letter;
  std::string_view name;
  std::string_view instead;
};

constexpr PerfOption kPerfOptions[] = {
    {"-e", "--event", "--record chooses what is recorded, such as --record cpu,offcpu,cpi"},
    {"", "--call-graph", "Leave it out: stacks are always taken"},
    {"-c", "--count", "-F HZ, --frequency HZ sets how often a CPU is sampled"},
    {"-C", "--cpu", "Leave it out: all CPUs are recorded"},
    {"-u", "--uid", "-p, --cgroup and --comm choose what is recorded"},
    {"-G", "", "--cgroup PATH records what is in a cgroup"},
    {"-m", "--mmap-pages", "--memory MIB is the budget of the kernel's maps"},
    {"-b", "--branch-any", "Leave it out: branches are not recorded"},
    {"-j", "--branch-filter", "Leave it out: branches are not recorded"},
    {"-D", "--delay", "Leave it out: recording starts at once"},
    {"", "--per-thread", "Leave it out: every thread has its own time"},
    {"", "--no-inherit", "-t TID,... records threads without those that they start"},
    {"-q", "", "--quiet shows errors alone"},
    {"", "--all-kernel", "Leave it out: user and kernel stacks are always taken"},
    {"", "--all-user", "Leave it out: user and kernel stacks are always taken"},
};

}  // namespace

std::string_view InsteadOfPerfs(std::string_view option) {
  const bool is_long = option.substr(0, 2) == "--";
  const std::string_view word = is_long ? option.substr(0, option.find('=')) : option.substr(0, 2);
  for (const PerfOption& known : kPerfOptions) {
    if (!word.empty() && word == (is_long ? known.name : known.letter)) return known.instead;
  }
  return {};
}

}  // namespace twofold
