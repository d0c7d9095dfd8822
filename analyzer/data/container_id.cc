#include "analyzer/data/container_id.h"

#include <algorithm>
#include <array>

namespace twofold {
namespace {

constexpr size_t kIdDigits = 64;
constexpr std::string_view kScope = ".scope";

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsId(std::string_view text) {
  return text.size() == kIdDigits && std::all_of(text.begin(), text.end(), IsHexDigit);
}

uint8_t HexValue(char c) { return uint8_t(c <= '9' ? c - '0' : c - 'a' + 10); }

// Names of units have "\x2d" where the name of what they stand for has '-' (systemd.unit(5)).
std::string Unescape(std::string_view name) {
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    bool is_escape = name.size() - i >= 4 && name.substr(i, 2) == "\\x" &&
                     IsHexDigit(name[i + 2]) && IsHexDigit(name[i + 3]);
    if (!is_escape) {
      text += name[i];
      continue;
    }
    char c = char(HexValue(name[i + 2]) << 4 | HexValue(name[i + 3]));
    // What is not visible ASCII stays as the unit has it.
    text += c > ' ' && c < '\x7f' ? std::string(1, c) : std::string(name.substr(i, 4));
    i += 3;
  }
  return text;
}

// The part of `text` between a beginning and an end; empty: it has not got both.
std::string_view Between(std::string_view text, std::string_view begin, std::string_view end) {
  bool has_both = text.size() > begin.size() + end.size() &&
                  text.substr(0, begin.size()) == begin &&
                  text.substr(text.size() - end.size()) == end;
  return has_both ? text.substr(begin.size(), text.size() - begin.size() - end.size())
                  : std::string_view();
}

// One part of the path, and the one that it lies in.
std::optional<std::string> IdOfPart(std::string_view part, std::string_view parent) {
  // cgroupfs drivers: /docker/ID, /kubepods/burstable/podUID/ID.
  if (IsId(part)) return std::string(part);
  // systemd drivers. The scope of the monitor beside a container (libpod-conmon-ID) is none of
  // these.
  static constexpr std::array<std::string_view, 4> kRuntimes = {"docker-", "cri-containerd-",
                                                                "crio-", "libpod-"};
  for (std::string_view runtime : kRuntimes) {
    std::string_view id = Between(part, runtime, kScope);
    if (IsId(id)) return std::string(id);
  }
  // runc without its systemd driver below a path that was meant for it: SLICE:cri-containerd:ID.
  size_t colon = part.rfind(':');
  if (colon != std::string_view::npos && IsId(part.substr(colon + 1))) {
    return std::string(part.substr(colon + 1));
  }
  std::string_view lxc = Between(part, "lxc.payload.", "");
  if (!lxc.empty()) return std::string(lxc);
  if (parent != "machine.slice") return std::nullopt;
  std::string_view machine = Between(part, "machine-", kScope);
  // Virtual machines of libvirt are registered as machines, too.
  bool is_virtual = machine.substr(0, 4) == "qemu";
  if (!machine.empty() && !is_virtual) return Unescape(machine);
  std::string_view service = Between(part, "systemd-nspawn@", ".service");
  if (!service.empty()) return Unescape(service);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ContainerIdOf(std::string_view cgroup) {
  while (!cgroup.empty()) {
    size_t slash = cgroup.rfind('/');
    std::string_view part = slash == std::string_view::npos ? cgroup : cgroup.substr(slash + 1);
    cgroup = slash == std::string_view::npos ? std::string_view() : cgroup.substr(0, slash);
    size_t outer = cgroup.rfind('/');
    std::string_view parent = outer == std::string_view::npos ? cgroup : cgroup.substr(outer + 1);
    if (std::optional<std::string> id = IdOfPart(part, parent)) return id;
  }
  return std::nullopt;
}

}  // namespace twofold
