#include "analyzer/import/module_kind.h"

#include <algorithm>
#include <array>

namespace twofold {
namespace {

// Where kernels live: the upper half of 64 bits, on x86-64 and arm64.
constexpr uint64_t kFirstKernelAddress = 0xffff000000000000;

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos and 1 is 0
}

bool IsKernelImage(std::string_view module) {
  const std::string_view file = FileName(module);
  return module.starts_with("[kernel") || module.starts_with("[guest.kernel") ||
         file == "vmlinux" || file.starts_with("vmlinux-") || file.starts_with("vmlinux.") ||
         file == "kallsyms";
}

bool IsKernelModuleFile(std::string_view module) {
  constexpr std::array<std::string_view, 6> kEndings = {".ko",     ".ko.gz",  ".ko.xz",
                                                        ".ko.zst", ".ko.bz2", ".ko.debug"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return module.ends_with(ending); });
}

bool IsBpf(std::string_view module) {
  return module.starts_with("bpf_prog_") || module.starts_with("bpf_trampoline_") ||
         module.starts_with("bpf_dispatcher_") || module == "bpf";
}

// In square brackets, and no module of the kernel.
bool IsUserArea(std::string_view module) {
  constexpr std::array<std::string_view, 10> kAreas = {
      "[vdso]", "[vdso32]",  "[vdsox32]", "[vsyscall]", "[vvar]",
      "[heap]", "[unknown]", "[uprobes]", "[sigpage]",  "[vectors]"};
  return std::find(kAreas.begin(), kAreas.end(), module) != kAreas.end() ||
         module.starts_with("[stack") || module.starts_with("[anon");
}

bool IsRuntimeMap(std::string_view module) {
  const std::string_view file = FileName(module);
  return (file.starts_with("perf-") && file.ends_with(".map")) ||
         (file.starts_with("jitted-") && file.ends_with(".so")) || module == "[jit]" ||
         module.starts_with("[JIT]");
}

}  // namespace

void SetModule(std::string_view module, uint64_t address, ImportedFrame& frame) {
  frame.module = module;
  const bool in_brackets = module.size() > 2 && module.starts_with('[') && module.ends_with(']');
  const std::string_view inner = in_brackets ? module.substr(1, module.size() - 2) : module;
  if (IsKernelImage(module)) {
    frame.kind = ModuleKind::kKernel;
  } else if (IsBpf(inner) || IsKernelModuleFile(inner)) {
    frame.kind = ModuleKind::kKernelModule;
    frame.module = FileName(inner);
    if (!IsBpf(inner)) frame.module = frame.module.substr(0, frame.module.find(".ko"));
  } else if (IsRuntimeMap(module)) {
    frame.kind = ModuleKind::kRuntime;
    frame.module = "[jit]";
  } else if (in_brackets && !IsUserArea(module)) {
    frame.kind = ModuleKind::kKernelModule;
    frame.module = inner;
  } else if (address >= kFirstKernelAddress && module != "[vsyscall]") {
    frame.kind = ModuleKind::kKernel;
  } else if (module == "[unknown]") {
    frame.module = {};
  }
  if (frame.kind == ModuleKind::kKernel) frame.module = "[kernel]";
}

void HideKernelAddress(ImportedFrame& frame) {
  if (!frame.IsKernel()) return;
  frame.offset = 0;
  if (frame.name.empty()) frame.name = "[kernel address without symbol]";
}

}  // namespace twofold
