// What kind of code lies in a module, by the name that another tool gave it.
#pragma once

#include <cstdint>
#include <string_view>

#include "analyzer/import/imported_capture.h"

namespace twofold {

// Sets the frame's module and kind: "[kernel.kallsyms]", "/usr/lib/debug/boot/vmlinux-6.1",
// "[xfs]",
// "/lib/modules/6.1/kernel/fs/xfs.ko.xz", "bpf_prog_6deef7357e7b4530" and "[guest.kernel.kallsyms]"
// are the kernel's; an address of its half of memory is, too. "[unknown]" is no module.
void SetModule(std::string_view module, uint64_t address, ImportedFrame& frame);

// An address of the kernel would tell where it lies: takes it from the frame.
void HideKernelAddress(ImportedFrame& frame);

}  // namespace twofold
