#include "recorder/host/host_facts.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "format/base/elf_notes.h"
#include "recorder/base/small_file.h"
#include "recorder/host/online_cpus.h"

namespace twofold {
namespace {

constexpr size_t kMaxTextBytes = size_t{64} * 1024;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// The value of the first line "KEY<separator>VALUE".
std::optional<std::string_view> ValueOf(std::string_view text, std::string_view key,
                                        char separator) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t at = line.find(separator);
    if (at != std::string_view::npos && Trim(line.substr(0, at)) == key) {
      return Trim(line.substr(at + 1));
    }
  }
  return std::nullopt;
}

}  // namespace

std::string ParsePrettyName(std::string_view os_release) {
  std::string_view value = ValueOf(os_release, "PRETTY_NAME", '=').value_or("");
  if (value.size() < 2 || (value.front() != '"' && value.front() != '\'')) {
    return std::string(value);
  }
  const char quote = value.front();
  value.remove_prefix(1);
  std::string name;
  for (size_t i = 0; i < value.size() && value[i] != quote; ++i) {
    if (value[i] == '\\' && quote == '"' && i + 1 < value.size()) ++i;
    name += value[i];
  }
  return name;
}

std::string ParseCpuModel(std::string_view cpuinfo) {
  for (const std::string_view key : {"model name", "Model", "cpu model"}) {
    if (const auto name = ValueOf(cpuinfo, key, ':')) return std::string(*name);
  }
  const auto implementer = ValueOf(cpuinfo, "CPU implementer", ':');
  const auto part = ValueOf(cpuinfo, "CPU part", ':');
  if (!implementer || !part) return "";
  return "implementer " + std::string(*implementer) + " part " + std::string(*part);
}

uint64_t ParseMemTotalBytes(std::string_view meminfo) {
  const std::string_view value = ValueOf(meminfo, "MemTotal", ':').value_or("");
  uint64_t kib = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), kib);
  const bool fits = parsed.ec == std::errc() && kib <= UINT64_MAX / 1024;
  return fits ? kib * 1024 : 0;
}

std::string ReadKernelBuildId() { return ReadBuildIdOfNotesFile("/sys/kernel/notes"); }

Host ReadHostFacts() {
  Host host;
  utsname names{};
  if (uname(&names) == 0) {
    host.hostname = names.nodename;
    host.kernel_release = names.release;
    host.kernel_version = names.version;
    host.machine = names.machine;
  }
  auto os_release = ReadSmallFile(AT_FDCWD, "/etc/os-release", kMaxTextBytes);
  if (!os_release) os_release = ReadSmallFile(AT_FDCWD, "/usr/lib/os-release", kMaxTextBytes);
  host.distribution = ParsePrettyName(os_release.value_or(""));
  host.cpu_model =
      ParseCpuModel(ReadSmallFile(AT_FDCWD, "/proc/cpuinfo", kMaxTextBytes).value_or(""));
  host.cpus_online = uint32_t(OnlineCpus().size());
  host.memory_bytes =
      ParseMemTotalBytes(ReadSmallFile(AT_FDCWD, "/proc/meminfo", kMaxTextBytes).value_or(""));
  host.page_bytes = uint32_t(std::max(sysconf(_SC_PAGESIZE), 0L));
  host.kernel_build_id = ReadKernelBuildId();
  return host;
}

}  // namespace twofold
