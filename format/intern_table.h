// Numbers distinct values from 1 on, in the order in which they first came.
#pragma once

#include <cstdint>
#include <vector>

#include "format/base/check.h"

namespace twofold {

// An open hash table of ids beside the values themselves: a stack node takes 16 bytes instead of
// the 40 of a std::unordered_map, and one or two cache lines to find.
template <typename Value, typename Hash>
class InternTable {
 public:
  explicit InternTable(Hash hash) : hash_(hash) {}

  struct Interned {
    uint32_t id;
    bool is_new;
  };

  Interned Intern(const Value& value) {
    if ((values_.size() + 1) * 4 > slots_.size() * 3) Grow();
    uint32_t& slot = FindSlot(value);
    if (slot != 0) return {slot, false};
    TWOFOLD_CHECK(values_.size() < UINT32_MAX - 1);
    values_.push_back(value);
    slot = uint32_t(values_.size());
    return {slot, true};
  }

  size_t size() const { return values_.size(); }

 private:
  // The slot that holds the value's id, or the free one where it belongs.
  uint32_t& FindSlot(const Value& value) {
    size_t mask = slots_.size() - 1;
    size_t at = size_t(hash_(value)) & mask;
    while (slots_[at] != 0 && !(values_[slots_[at] - 1] == value)) at = (at + 1) & mask;
    return slots_[at];
  }

  void Grow() {
    size_t slots = slots_.empty() ? 16 : slots_.size() * 2;
    slots_.assign(slots, 0);
    uint32_t id = 0;
    for (const Value& value : values_) FindSlot(value) = ++id;
  }

  Hash hash_;
  std::vector<Value> values_;    // of id 1, 2, ...
  std::vector<uint32_t> slots_;  // ids; 0: free; a power of two, three quarters full at most
};

}  // namespace twofold
