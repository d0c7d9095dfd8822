// What a capture says about the host that it was made on.
#pragma once

#include <string>
#include <string_view>

#include "format/capture.h"

namespace twofold {

// Facts that the host does not tell stay empty or 0.
Host ReadHostFacts();

// The running kernel's build id, lower-case hexadecimal; empty where the kernel has none.
std::string ReadKernelBuildId();

// PRETTY_NAME of an os-release file, without its quotes; empty when there is none.
std::string ParsePrettyName(std::string_view os_release);

// The processor's name in /proc/cpuinfo; arm64 kernels only tell numbers there, then the name is
// "implementer 0x41 part 0xd0c".
std::string ParseCpuModel(std::string_view cpuinfo);

// MemTotal of /proc/meminfo; 0 when there is none.
uint64_t ParseMemTotalBytes(std::string_view meminfo);

}  // namespace twofold
