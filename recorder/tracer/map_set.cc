#include "recorder/tracer/map_set.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace twofold {

MapSet::MapSet(const bpf_map* first, const bpf_map* places) : first_(first), places_(places) {}

int MapSet::fd() const { return first_in_use_ ? bpf_map__fd(first_) : in_use_.get(); }

Result<void> MapSet::MakeFresh() {
  fresh_.Reset(bpf_map_create(bpf_map__type(first_), bpf_map__name(first_),
                              bpf_map__key_size(first_), bpf_map__value_size(first_),
                              bpf_map__max_entries(first_), nullptr));
  if (!fresh_) {
    return Error{.what = "cannot make a fresh map for the BPF programs: " + ErrnoText(errno),
                 .where = "",
                 .remedy = "Record with a smaller --memory, or free memory on this host"};
  }
  return {};
}

void MapSet::Retire() {
  if (first_in_use_) {
    // The object owns the first map's descriptor for good, and would keep the map in memory: so
    // another file takes the descriptor's place.
    retired_.Reset(fcntl(bpf_map__fd(first_), F_DUPFD_CLOEXEC, 0));
    (void)dup3(bpf_map__fd(places_), bpf_map__fd(first_), O_CLOEXEC);
    first_in_use_ = false;
  } else {
    retired_ = std::move(in_use_);
  }
  in_use_ = std::move(fresh_);
}

bool MapSet::Find(const void* key, void* value) const {
  if (bpf_map_lookup_elem(fd(), key, value) == 0) return true;
  if (fresh_ && bpf_map_lookup_elem(fresh_.get(), key, value) == 0) return true;
  return retired_ && bpf_map_lookup_elem(retired_.get(), key, value) == 0;
}

}  // namespace twofold
