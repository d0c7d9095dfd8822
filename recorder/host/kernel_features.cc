#include "recorder/host/kernel_features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <link.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "format/base/unique_fd.h"

namespace twofold {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

Error Unavailable(const std::string& what) {
  return Error{.what = what, .where = "", .remedy = ""};
}

// A program that does nothing and returns 0; an empty descriptor with errno.
UniqueFd LoadEmptyProgram(bpf_attach_type attach_type, int32_t type_id) {
  // r0 = 0; exit
  const bpf_insn instructions[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
                                   {.code = BPF_JMP | BPF_EXIT}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type,
              .attach_btf_id = uint32_t(type_id));
  const int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "twofold_try", "GPL", instructions,
                               std::size(instructions), &options);
  if (fd < 0) errno = -fd;
  return UniqueFd(fd);
}

UniqueFd OpenEvent(perf_event_attr& attributes) {
  attributes.size = sizeof(attributes);
  // This thread, on whatever CPU.
  return UniqueFd(int(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

// Where an address of this program lies in its file; 0: nowhere.
uint64_t FileOffset(uintptr_t address) {
  struct Search {
    uintptr_t address;
    uint64_t offset;
  } search = {address, 0};
  dl_iterate_phdr(
      [](dl_phdr_info* object, size_t, void* argument) {
        Search& wanted = *static_cast<Search*>(argument);
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = object->dlpi_phdr[i];
          const uintptr_t start = object->dlpi_addr + segment.p_vaddr;
          if (segment.p_type != PT_LOAD || wanted.address < start ||
              wanted.address - start >= segment.p_filesz) {
            continue;
          }
          wanted.offset = segment.p_offset + (wanted.address - start);
          return 1;
        }
        return 0;
      },
      &search);
  return search.offset;
}

}  // namespace

Result<void> TryTracepoint(const KernelBtf& types, const std::string& tracepoint) {
  const int32_t type = types.TracepointType(tracepoint);
  if (type < 0) return Unavailable("this kernel has no tracepoint " + tracepoint);
  const UniqueFd program = LoadEmptyProgram(BPF_TRACE_RAW_TP, type);
  if (!program) return Unavailable("a program for " + tracepoint + ": " + ErrnoText(errno));
  const UniqueFd link(bpf_raw_tracepoint_open(nullptr, program.get()));
  if (!link) return Unavailable("attaching to " + tracepoint + ": " + ErrnoText(errno));
  return {};
}

Result<void> TryKernelAllocations(const KernelBtf& types) {
  struct {
    const char* tracepoint;
    int parameters;  // with the hidden first one
  } const wanted[] = {{"kmalloc", 7},         {"kfree", 3},         {"kmem_cache_alloc", 6},
                      {"kmem_cache_free", 4}, {"mm_page_alloc", 5}, {"mm_page_free", 3}};
  for (const auto& [tracepoint, parameters] : wanted) {
    if (types.TracepointParameters(tracepoint) < 0) {
      return Unavailable(std::string("this kernel has no tracepoint ") + tracepoint);
    }
    // Until 6.0 allocations of a NUMA node had tracepoints of their own, and others had the same
    // number of parameters as now, with another meaning.
    if (types.TracepointParameters(tracepoint) == parameters &&
        types.TracepointParameters("kmalloc_node") < 0) {
      continue;
    }
    return Unavailable("this kernel's tracepoint " + std::string(tracepoint) +
                       " has other parameters than that of Linux 6.1 and later");
  }
  for (const auto& [tracepoint, parameters] : wanted) {
    TWOFOLD_RETURN_IF_ERROR(TryTracepoint(types, tracepoint));
  }
  return {};
}

namespace {

// Lets an empty program pass over `what`, by the iterator of that name, and reads its output.
Result<void> TryIterator(const KernelBtf& types, const std::string& name, const std::string& what) {
  const int32_t type = types.FunctionType("bpf_iter_" + name);
  if (type < 0) return Unavailable("this kernel has no BPF iterator over " + what);
  const UniqueFd program = LoadEmptyProgram(BPF_TRACE_ITER, type);
  if (!program) return Unavailable("a program for " + what + ": " + ErrnoText(errno));
  const UniqueFd link(bpf_link_create(program.get(), 0, BPF_TRACE_ITER, nullptr));
  if (!link) return Unavailable("attaching to " + what + ": " + ErrnoText(errno));
  const UniqueFd pass(bpf_iter_create(link.get()));
  if (!pass) return Unavailable("beginning a pass: " + ErrnoText(errno));
  char nothing[64];
  if (read(pass.get(), nothing, sizeof(nothing)) != 0) {
    return Unavailable("passing over all " + what + ": " + ErrnoText(errno));
  }
  return {};
}

}  // namespace

Result<void> TryTaskIterator(const KernelBtf& types) { return TryIterator(types, "task", "tasks"); }

Result<void> TryDescriptorIterator(const KernelBtf& types) {
  return TryIterator(types, "task_file", "descriptors");
}

Result<void> TryTaskStorage() {
  // It takes the types of key and value, which libbpf makes up.
  const int supported = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, nullptr);
  if (supported > 0) return {};
  return Unavailable(supported == 0 ? "this kernel makes none" : ErrnoText(-supported));
}

Result<void> TrySocketStorage() {
  const int supported = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, nullptr);
  if (supported > 0) return {};
  return Unavailable(supported == 0 ? "this kernel has no storage of BPF programs for each socket"
                                    : ErrnoText(-supported));
}

Result<void> TryRingBuffer() {
  const uint32_t bytes = uint32_t(sysconf(_SC_PAGESIZE));
  const int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "twofold_try", 0, 0, bytes, nullptr);
  if (fd < 0) return Unavailable(ErrnoText(-fd));
  const UniqueFd map(fd);
  return {};
}

Result<void> TryHardwareEvent(uint64_t event) {
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = event;
  attributes.sample_period = 1'000'000'000;  // an event that can only count does not take it
  attributes.disabled = 1;
  const UniqueFd counter = OpenEvent(attributes);
  if (!counter) {
    if (errno == ENOENT || errno == ENODEV || errno == EOPNOTSUPP) {
      return Unavailable("this processor, or the hypervisor above it, offers none");
    }
    return Unavailable(ErrnoText(errno));
  }
  ioctl(counter.get(), PERF_EVENT_IOC_ENABLE, 0);
  for (int i = 0; i < 100'000; ++i) __asm__ volatile("");  // not left out by the compiler
  uint64_t count = 0;
  if (read(counter.get(), &count, sizeof(count)) != ssize_t(sizeof(count))) {
    return Unavailable("the counter cannot be read: " + ErrnoText(errno));
  }
  if (count == 0) return Unavailable("the counter stands still");
  return {};
}

Result<void> TrySoftwareEvent(uint64_t event) {
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = event;
  attributes.sample_period = 1;
  attributes.disabled = 1;
  if (!OpenEvent(attributes)) return Unavailable(ErrnoText(errno));
  return {};
}

Result<void> TrySystemCallEnd(const std::string& system_call) {
  const std::string event = "/events/syscalls/sys_exit_" + system_call + "/id";
  uint64_t id = 0;
  for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    std::ifstream id_file(root + event);
    if (!(id_file >> id)) continue;
    perf_event_attr attributes = {};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.config = id;
    attributes.disabled = 1;
    if (!OpenEvent(attributes)) return Unavailable(ErrnoText(errno));
    return {};
  }
  return Unavailable("there is no /sys/kernel/tracing" + event +
                     " (mount -t tracefs tracefs /sys/kernel/tracing)");
}

Result<void> TryUprobe() {
  std::ifstream type_file("/sys/bus/event_source/devices/uprobe/type");
  uint32_t type = 0;
  if (!(type_file >> type)) return Unavailable("this kernel has no events of the type uprobe");
  perf_event_attr attributes = {};
  attributes.type = type;
  attributes.config1 = reinterpret_cast<uintptr_t>(kThisProgram);
  attributes.config2 = FileOffset(reinterpret_cast<uintptr_t>(&TryUprobe));
  attributes.disabled = 1;
  if (!OpenEvent(attributes)) return Unavailable(ErrnoText(errno));
  return {};
}

}  // namespace twofold
