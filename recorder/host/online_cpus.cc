#include "recorder/host/online_cpus.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr uint32_t kMaxCpus = 65536;
constexpr size_t kMaxListBytes = size_t{64} * 1024;

}  // namespace

std::vector<uint32_t> ParseCpuList(std::string_view text) {
  std::vector<uint32_t> cpus;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at != end) {
    uint32_t first = 0;
    const auto first_parsed = std::from_chars(at, end, first);
    if (first_parsed.ec != std::errc()) break;
    at = first_parsed.ptr;
    uint32_t last = first;
    if (at != end && *at == '-') {
      const auto last_parsed = std::from_chars(at + 1, end, last);
      if (last_parsed.ec != std::errc()) break;
      at = last_parsed.ptr;
    }
    if (last >= kMaxCpus || cpus.size() > kMaxCpus) break;
    for (uint32_t cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (at == end || *at != ',') break;
    ++at;
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::vector<uint32_t> OnlineCpus() {
  const auto list = ReadSmallFile(AT_FDCWD, "/sys/devices/system/cpu/online", kMaxListBytes);
  if (list) {
    std::vector<uint32_t> cpus = ParseCpuList(*list);
    if (!cpus.empty()) return cpus;
  }
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  std::vector<uint32_t> cpus;
  for (uint32_t cpu = 0; cpu < uint32_t(std::max(count, 1L)); ++cpu) {
    cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace twofold
