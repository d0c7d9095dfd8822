// Which CPUs of the host are online.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace twofold {

// Numbers of a kernel CPU list such as "0-3,7", ascending; what is not of that form is left out.
std::vector<uint32_t> ParseCpuList(std::string_view text);

// The CPUs that are online now, ascending. Where /sys does not tell, the first
// sysconf(_SC_NPROCESSORS_ONLN) ones.
std::vector<uint32_t> OnlineCpus();

}  // namespace twofold
