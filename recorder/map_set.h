// A BPF map that comes in pairs (bpf/map_sets.bpf.h): programs use one of the two at a time, and
// while they do, the other does not exist. When the maps in use fill up the recorder moves on to
// fresh ones, so that a recording may last as long as it likes.
//
// Order of calls for a move: MakeFresh; turn the programs to it; wait until none can still be at
// the old map; Retire. The retired map can be read until Release.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>

#include "format/base/result.h"
#include "recorder/unique_fd.h"

namespace twofold {

class MapSet {
 public:
  // `first` is the map of place 0, `places` the map of maps. Both belong to the object.
  MapSet(const bpf_map* first, const bpf_map* places);

  // Puts an empty map, as large as the first, into a place (0 or 1). Error: no memory for it.
  Result<void> MakeFresh(uint32_t place);

  // The fresh map is the one in use now.
  void Retire(uint32_t old_place);

  // Gives the retired map back.
  void Release() { retired_.Reset(); }
  bool has_retired() const { return bool(retired_); }

  // The map in use.
  int fd() const;

  // Finds a key in the map in use, or in the retired one. False: neither has it.
  bool Find(const void* key, void* value) const;

 private:
  const bpf_map* first_;
  const bpf_map* places_;
  bool first_in_use_ = true;
  UniqueFd fresh_;
  UniqueFd in_use_;  // once it is no longer the first
  UniqueFd retired_;
};

}  // namespace twofold
