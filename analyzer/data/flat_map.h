// A hash map from 64-bit keys to 32-bit values for hot loops over rows: one array, linear
// probing, no erase. Keys may come from a stranger's file, so they are mixed with a multiplication
// that spreads runs of ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace twofold {

class FlatMap {
 public:
  explicit FlatMap(size_t expected = 0) {
    size_t capacity = 16;
    while (capacity * 3 < expected * 4) capacity *= 2;
    slots_.resize(capacity);
  }

  // The value of `key`, which is `fresh` if the key is new; `inserted` says which.
  uint32_t& FindOrInsert(uint64_t key, uint32_t fresh, bool& inserted) {
    if ((count_ + 1) * 4 > slots_.size() * 3) Grow();
    Slot& slot = slots_[Position(key)];
    inserted = !slot.used;
    if (inserted) {
      slot = {key, fresh, true};
      ++count_;
    }
    return slot.value;
  }

  size_t size() const { return count_; }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t value = 0;
    bool used = false;
  };

  size_t Position(uint64_t key) const {
    uint64_t hash = (key ^ (key >> 32)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
    size_t mask = slots_.size() - 1;
    size_t position = size_t(hash) & mask;
    while (slots_[position].used && slots_[position].key != key) position = (position + 1) & mask;
    return position;
  }

  void Grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.size() * 2, Slot{});
    for (const Slot& slot : old) {
      if (slot.used) slots_[Position(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t count_ = 0;
};

}  // namespace twofold
