// The maps that fresh ones replace when they are full (map_set.h), and the moves from one to the
// other: one at a time, as the budget has room for one more map.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bpf/abi/map_sets_abi.h"
#include "format/base/result.h"
#include "recorder/base/background_job.h"
#include "recorder/tracer/cumulative_map.h"
#include "recorder/tracer/map_set.h"

struct twofold_bpf;

namespace twofold {

class MapMoves {
 public:
  // `on_retired` is called with the map that was replaced, before it is taken out of its place.
  MapMoves(twofold_bpf& skeleton, std::function<void(twofold_map_set, int)> on_retired)
      : skeleton_(skeleton), on_retired_(std::move(on_retired)) {}
  ~MapMoves() { changer_.Wait(); }
  MapMoves(const MapMoves&) = delete;
  MapMoves& operator=(const MapMoves&) = delete;

  // Adds a map by its name in the object, before it is loaded. Error: there is none.
  Result<void> Add(twofold_map_set set, const std::string& name, uint32_t entries);

  // Once the maps are loaded: opens the rows of a set, which follow its moves from now on. `rows`
  // is borrowed.
  void Follow(twofold_map_set set, MovingRows& rows) {
    Place(set).rows = &rows;
    rows.Open(map(set).fd());
  }

  const MapSet& map(twofold_map_set set) const { return *places_[set].maps; }

  // After a reading up to a boundary (CLOCK_MONOTONIC): begins a move where a map is nearly full,
  // or takes the present one further. Waits for nothing. Error: no memory for a fresh map, or the
  // kernel refused it.
  Result<void> Advance(uint64_t boundary_ns);

  // Returns when no program that had begun before the call is still running.
  Result<void> WaitForPrograms();

 private:
  struct SetPlace {
    std::optional<MapSet> maps;
    uint32_t entries = 0;
    MovingRows* rows = nullptr;
  };
  struct Move {
    twofold_map_set set = {};
    uint32_t old_place = 0;
    int error = 0;           // errno
    uint64_t over_ns = 0;    // CLOCK_MONOTONIC; no program is at the old map any more
    bool is_over = false;    // the old map is retired
    int readings_since = 0;  // it was retired
  };
  SetPlace& Place(twofold_map_set set) { return places_[set]; }
  Result<void> Begin(twofold_map_set set);
  void Finish();

  twofold_bpf& skeleton_;
  const std::function<void(twofold_map_set, int)> on_retired_;
  std::array<SetPlace, TWOFOLD_SETS> places_;
  std::optional<Move> move_;  // written by changer_ until that has finished
  BackgroundJob changer_;
};

}  // namespace twofold
