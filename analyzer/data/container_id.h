// Which container a process is in, told from the path of its control group: the only trace of
// containers that a capture holds, and one that every runtime leaves.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace twofold {

// The container's id (64 hexadecimal digits, of Docker, containerd, CRI-O and Podman), or its name
// (LXC, systemd-nspawn), of the innermost one; nullopt: not in a container, as far as the path
// tells.
std::optional<std::string> ContainerIdOf(std::string_view cgroup);

}  // namespace twofold
