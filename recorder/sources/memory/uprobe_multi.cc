#include "recorder/sources/memory/uprobe_multi.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

namespace twofold {
namespace {

// union bpf_attr for BPF_LINK_CREATE with uprobe_multi.
struct LinkCreate {
  uint32_t program_fd;
  uint32_t target_fd;
  uint32_t attach_type;
  uint32_t flags;
  uint64_t path;
  uint64_t offsets;
  uint64_t reference_counter_offsets;
  uint64_t cookies;
  uint32_t count;
  uint32_t probe_flags;
  uint32_t pid;
  uint32_t padding;
};
static_assert(sizeof(LinkCreate) == 64);

}  // namespace

UniqueFd LinkUprobes(int program_fd, bpf_attach_type attach_type, Pid pid, const std::string& path,
                     const std::vector<uint64_t>& file_offsets,
                     const std::vector<uint64_t>& cookies) {
  LinkCreate create = {};
  create.program_fd = uint32_t(program_fd);
  create.attach_type = uint32_t(attach_type);
  create.path = reinterpret_cast<uintptr_t>(path.c_str());
  create.offsets = reinterpret_cast<uintptr_t>(file_offsets.data());
  create.cookies = reinterpret_cast<uintptr_t>(cookies.data());
  create.count = uint32_t(file_offsets.size());
  create.pid = pid.value;
  return UniqueFd(int(syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof create)));
}

bool HasUprobeSessions() {
  // r0 = 0; exit
  const bpf_insn instructions[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
                                   {.code = BPF_JMP | BPF_EXIT}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = kTraceUprobeSession);
  const int program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "twofold_try", "GPL", instructions,
                                    std::size(instructions), &options);
  if (program < 0) return false;
  const UniqueFd owned(program);
  // A folder is no file to probe, which is only found out by a kernel that knows the rest.
  const UniqueFd link =
      LinkUprobes(program, kTraceUprobeSession, Pid(uint32_t(getpid())), "/", {0}, {0});
  return !link && errno == EBADF;
}

}  // namespace twofold
