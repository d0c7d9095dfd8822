// Many probes in one file by one link. Taking a probe off makes the kernel wait for a tenth of a
// second, whether the link has one or a hundred. libbpf 1.1 does not know such links.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "recorder/unique_fd.h"

namespace twofold {

// include/uapi/linux/bpf.h: BPF_TRACE_UPROBE_MULTI, since 6.6; what programs must be loaded for.
constexpr bpf_attach_type kTraceUprobeMulti = bpf_attach_type(48);

// Whether the kernel has them, and means all threads of a process by its pid: it has since 6.10
// (commit 46ba0e49b642), and in some versions before. Sessions, of 6.13, tell for sure.
bool HasUprobeMulti();

// Probes the functions at file offsets, inside of one process, each with its cookie. Invalid: errno
// says why.
UniqueFd LinkUprobes(int program_fd, Pid pid, const std::string& path,
                     const std::vector<uint64_t>& file_offsets,
                     const std::vector<uint64_t>& cookies, bool at_return);

}  // namespace twofold
