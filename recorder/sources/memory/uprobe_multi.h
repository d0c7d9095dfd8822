// Many probes in one file by one link. Taking a probe off makes the kernel wait for a tenth of a
// second, whether the link has one or a hundred. libbpf 1.1 does not know such links.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/unique_fd.h"

namespace twofold {

// include/uapi/linux/bpf.h: BPF_TRACE_UPROBE_MULTI, since 6.6, and BPF_TRACE_UPROBE_SESSION, since
// 6.13: what programs must be loaded for. A session's program is run at a function's begin and,
// unless it returned 1 there, at its return.
constexpr bpf_attach_type kTraceUprobeMulti = bpf_attach_type(48);
constexpr bpf_attach_type kTraceUprobeSession = bpf_attach_type(57);

// Whether the kernel has both. Before 6.10 (commit 46ba0e49b642) a link was of one thread alone, of
// the process that it was made for.
bool HasUprobeSessions();

// Probes what is at file offsets, inside of one process, each with its cookie. Invalid: errno says
// why.
UniqueFd LinkUprobes(int program_fd, bpf_attach_type attach_type, Pid pid, const std::string& path,
                     const std::vector<uint64_t>& file_offsets,
                     const std::vector<uint64_t>& cookies);

}  // namespace twofold
