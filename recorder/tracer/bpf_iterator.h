// Runs a BPF iterator: a pass over everything of a kind, from which the program writes records.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "format/base/unique_fd.h"
#include "recorder/tracer/bpf_link.h"

namespace twofold {

// Calls visit(record) for every Record that the iterator's program writes in one pass. `over`: what
// it passes over, for errors.
template <typename Record, typename Visit>
Result<void> PassOver(const std::string& over, const bpf_link* iterator_link, Visit visit) {
  UniqueFd iterator(bpf_iter_create(bpf_link__fd(iterator_link)));
  if (!iterator) return TracerError("cannot start a pass over all " + over, errno);
  std::vector<Record> records(256);
  while (true) {
    // A read gives whole records.
    const ssize_t got = read(iterator.get(), records.data(), records.size() * sizeof(Record));
    if (got == 0) return {};
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return TracerError("a pass over all " + over + " failed", errno);
    }
    for (size_t i = 0; i < size_t(got) / sizeof(Record); ++i) visit(records[i]);
  }
}

}  // namespace twofold
