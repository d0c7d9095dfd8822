// Reads a cumulative BPF hash map and gives the differences to what it held the time before. Values
// only grow, so a reading may come at any moment: what a program adds meanwhile is in this
// difference or in the next one, never lost and never in both.
//
// While programs move from one map to another, both are read.
#pragma once

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/base/result.h"

namespace twofold {

inline Error MapReadError(int error) {
  return Error{.what = "cannot read a BPF map: " + ErrnoText(error),
               .where = "",
               .remedy = "Record again; if it stays, report it with the kernel's version"};
}

// Calls visit(key, value) for every entry of a hash map.
template <typename Key, typename Value, typename Visit>
Result<void> ForEachEntry(int fd, Visit visit) {
  constexpr uint32_t kFirstBatch = 4096;
  constexpr uint32_t kLargestBatch = 1u << 20;
  uint32_t capacity = kFirstBatch;
  std::vector<Key> keys(capacity);
  std::vector<Value> values(capacity);
  uint64_t position = 0;
  bool first = true;
  while (true) {
    uint32_t count = capacity;
    uint64_t next_position = 0;
    const int failed = bpf_map_lookup_batch(fd, first ? nullptr : &position, &next_position,
                                            keys.data(), values.data(), &count, nullptr);
    const int error = failed != 0 ? errno : 0;
    if (error == ENOSPC) {  // a bucket holds more than the buffers
      if (capacity >= kLargestBatch) return MapReadError(error);
      capacity *= 2;
      keys.resize(capacity);
      values.resize(capacity);
      continue;
    }
    if (error != 0 && error != ENOENT) return MapReadError(error);
    for (uint32_t i = 0; i < count; ++i) visit(keys[i], values[i]);
    if (error == ENOENT) return {};  // that was the last batch
    position = next_position;
    first = false;
  }
}

// Rows in a map that a fresh one may replace.
class MovingRows {
 public:
  virtual ~MovingRows() = default;
  // The first map, before the first reading.
  virtual void Open(int fd) = 0;
  // Programs are about to turn to another map, which is empty now.
  virtual void BeginMove(int fd) = 0;
  // None of them is at the map before any more, and what it held was read.
  virtual void FinishMove() = 0;
};

// Key and Value are plain structs without padding.
template <typename Key, typename Value>
class CumulativeMap : public MovingRows {
 public:
  void Open(int fd) override { maps_.push_back({fd, {}}); }

  void BeginMove(int fd) override { maps_.push_back({fd, {}}); }
  void FinishMove() override { maps_.erase(maps_.begin()); }

  // Calls visit(key, value now, value before) for every key whose value changed; before is zeroed
  // for a new key. A key may come from two maps.
  template <typename Visit>
  Result<void> ReadDifferences(Visit visit) {
    for (Map& map : maps_) {
      TWOFOLD_RETURN_IF_ERROR(
          (ForEachEntry<Key, Value>(map.fd, [&](const Key& key, const Value& now) {
            Value& before = map.before[key];
            if (std::memcmp(&before, &now, sizeof(Value)) == 0) return;
            visit(key, now, before);
            before = now;
          })));
    }
    return {};
  }

  // The same for values that are `Value::of[TWOFOLD_SUMS]`: of one of the sums. What changed in the
  // others stays for a reading of theirs.
  template <typename Visit>
  Result<void> ReadDifferencesOfSum(size_t sum, Visit visit) {
    for (Map& map : maps_) {
      TWOFOLD_RETURN_IF_ERROR(
          (ForEachEntry<Key, Value>(map.fd, [&](const Key& key, const Value& now) {
            auto& before = map.before[key].of[sum];
            if (std::memcmp(&before, &now.of[sum], sizeof(before)) == 0) return;
            visit(key, now.of[sum], before);
            before = now.of[sum];
          })));
    }
    return {};
  }

 private:
  struct HashBytes {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(
          std::string_view(reinterpret_cast<const char*>(&key), sizeof(Key)));
    }
  };
  struct EqualBytes {
    bool operator()(const Key& a, const Key& b) const {
      return std::memcmp(&a, &b, sizeof(Key)) == 0;
    }
  };

  struct Map {
    int fd;
    std::unordered_map<Key, Value, HashBytes, EqualBytes> before;
  };
  std::vector<Map> maps_;
};

}  // namespace twofold
