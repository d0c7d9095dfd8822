// A BPF map that comes in pairs (bpf/store/map_sets.bpf.h): programs use one of the two at a time,
// and while they do, the other does not exist. When the maps in use fill up the recorder moves on
// to fresh ones, so that a recording may last as long as it likes.
//
// Order of calls for a move: MakeFresh; place it; turn the programs to it; wait until none can
// still be at the old map; Retire. The retired map can be read until Release. What changes the map
// of maps waits for programs, for up to seconds on a busy host: that is left to a thread of its
// own.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>

#include "format/base/result.h"
#include "format/base/unique_fd.h"

namespace twofold {

class MapSet {
 public:
  // `first` is the map of place 0, `places` the map of maps. Both belong to the object.
  MapSet(const bpf_map* first, const bpf_map* places);

  // Makes an empty map, as large as the first. Error: no memory for it.
  Result<void> MakeFresh();

  // The fresh map is the one in use now.
  void Retire();

  // Gives the retired map back.
  void Release() { retired_.Reset(); }
  bool has_retired() const { return bool(retired_); }

  // The map in use; while programs move, the one that they come from.
  int fd() const;
  int fresh_fd() const { return fresh_.get(); }
  // The map of maps.
  int places_fd() const { return bpf_map__fd(places_); }

  // Finds a key in the map in use, the fresh one or the retired one. False: none has it.
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
