#include "tests/live/kernel_trace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

constexpr char kTracefs[] = "/sys/kernel/tracing";

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// The recorder refuses a thread that the kernel shows to no BPF program.
bool IsHidden(const std::string& tid) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {RecorderPath(), "-t", tid, "-d", "0.1", "-o",
                                               workplace.Path("capture"), "--quiet"});
  return outcome.errors.find("shows none of the threads") != std::string::npos;
}

}  // namespace

KernelTrace::KernelTrace(const std::vector<std::string>& events) {
  if (access((std::string(kTracefs) + "/instances").c_str(), W_OK) != 0) return;
  folder_ = std::string(kTracefs) + "/instances/twofold-test-" + std::to_string(getpid());
  rmdir(folder_.c_str());
  if (mkdir(folder_.c_str(), 0700) != 0) {
    folder_.clear();
    return;
  }
  for (const std::string& event : events) Write(folder_ + "/events/" + event + "/enable", "1");
}

KernelTrace::~KernelTrace() {
  if (folder_.empty()) return;
  Write(folder_ + "/events/enable", "0");
  rmdir(folder_.c_str());
}

uint64_t KernelTrace::UnseenByBpf() const {
  if (folder_.empty()) return 0;
  std::map<std::string, uint64_t> events_of;  // by the id of the thread that was current
  std::istringstream lines(ReadWhole(folder_ + "/trace"));
  std::string line;
  while (std::getline(lines, line)) {
    // "        name-123     [001] d..1.  1234.567890: event: ..."; a name may hold anything.
    const size_t cpu = line.find(" [0");
    if (line.starts_with("#") || cpu == std::string::npos) continue;
    const size_t end = line.find_last_not_of(' ', cpu);
    const size_t dash = line.rfind('-', end);
    if (dash == std::string::npos) continue;
    ++events_of[line.substr(dash + 1, end - dash)];
  }
  uint64_t unseen = 0;
  for (const auto& [tid, count] : events_of) {
    if (tid != "0" && IsHidden(tid)) unseen += count;
  }
  return unseen;
}

}  // namespace twofold::live
