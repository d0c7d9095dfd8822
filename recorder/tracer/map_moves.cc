#include "recorder/tracer/map_moves.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "recorder/base/clocks.h"
#include "recorder/base/scheduling.h"
#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/programs.h"

namespace twofold {

Result<void> MapMoves::Add(twofold_map_set set, const std::string& name, uint32_t entries) {
  bpf_map* first = bpf_object__find_map_by_name(skeleton_.obj, name.c_str());
  const bpf_map* places = bpf_object__find_map_by_name(skeleton_.obj, (name + "_sets").c_str());
  if (first == nullptr || places == nullptr) {
    return TracerError("the BPF programs have no map " + name, ENOENT);
  }
  bpf_map__set_max_entries(first, entries);
  Place(set).maps.emplace(first, places);
  Place(set).entries = entries;
  return {};
}

Result<void> MapMoves::WaitForPrograms() {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return {};
  // Refused where CPUs run without a tick. Changing a map of maps waits for programs, too.
  changer_.Wait();
  for (size_t set = 0; set < places_.size(); ++set) {
    if (!places_[set].maps) continue;
    const MapSet& maps = *places_[set].maps;
    const bool is_moving = move_ && !move_->is_over && move_->set == set;
    const uint32_t place = skeleton_.bss->map_set[set] & 1;
    const int fd = is_moving ? maps.fresh_fd() : maps.fd();
    if (bpf_map_update_elem(maps.places_fd(), &place, &fd, BPF_ANY) != 0) {
      return TracerError("cannot wait for the BPF programs", errno);
    }
    return {};
  }
  return {};
}

// Changing a map of maps waits for the programs that run (maybe_wait_bpf_programs of
// kernel/bpf/syscall.c): milliseconds, or seconds where pipes keep all CPUs busy. Another thread
// waits; meanwhile both maps are read.
Result<void> MapMoves::Begin(twofold_map_set set) {
  auto& bss = *skeleton_.bss;
  MapSet& maps = *Place(set).maps;
  TWOFOLD_RETURN_IF_ERROR(maps.MakeFresh());
  const int fresh_fd = maps.fresh_fd();
  if (MovingRows* rows = Place(set).rows) rows->BeginMove(fresh_fd);
  move_.emplace(Move{.set = set, .old_place = bss.map_set[set] & 1});
  changer_.Start([&bss, move = &*move_, fresh_fd, places_fd = maps.places_fd()] {
    RunAsMainThread();
    const uint32_t place = 1 - move->old_place;
    if (bpf_map_update_elem(places_fd, &place, &fresh_fd, BPF_ANY) != 0) {
      move->error = errno;
      return;
    }
    __atomic_store_n(&bss.inserted[move->set], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&bss.map_set[move->set], place, __ATOMIC_RELEASE);
    // Once more, for the wait.
    if (bpf_map_update_elem(places_fd, &place, &fresh_fd, BPF_ANY) != 0) move->error = errno;
    move->over_ns = MonotonicNowNs();
  });
  return {};
}

void MapMoves::Finish() {
  MapSet& maps = *Place(move_->set).maps;
  on_retired_(move_->set, maps.fd());
  maps.Retire();
  if (MovingRows* rows = Place(move_->set).rows) rows->FinishMove();
  move_->is_over = true;
  // It stays readable by its descriptor. Where it cannot be taken out of its place it only stays in
  // memory for longer.
  changer_.Start([places_fd = maps.places_fd(), place = move_->old_place] {
    static_cast<void>(bpf_map_delete_elem(places_fd, &place));
  });
}

Result<void> MapMoves::Advance(uint64_t boundary_ns) {
  if (!changer_.finished()) return {};
  if (move_ && !move_->is_over) {
    if (move_->error != 0) {
      return TracerError("cannot give the BPF programs a fresh map", move_->error);
    }
    // Else the old map may hold something of the next interval.
    if (move_->over_ns < boundary_ns) Finish();
    return {};
  }
  if (move_) {
    // What a thread began when the map was in use, it may have ended in this interval.
    if (++move_->readings_since < 2) return {};
    Place(move_->set).maps->Release();
    move_.reset();
  }
  for (size_t set = 0; set < places_.size(); ++set) {
    const uint32_t entries = places_[set].entries;
    if (entries < 8) continue;  // not recorded
    if (skeleton_.bss->inserted[set] > entries / 8 * 7) return Begin(twofold_map_set(set));
  }
  return {};
}

}  // namespace twofold
