// Reads a cumulative BPF hash map and gives the differences to what it held the time before. Values
// only grow, so a reading may come at any moment: what a program adds meanwhile is in this
// difference or in the next one, never lost and never in both.
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

// Key and Value are plain structs without padding.
template <typename Key, typename Value>
class CumulativeMap {
 public:
  explicit CumulativeMap(int fd) : fd_(fd) {}

  // Goes on with another map, which was empty when programs turned to it.
  void MoveTo(int fd) {
    fd_ = fd;
    before_.clear();
  }

  // Calls visit(key, value now, value before) for every key whose value changed; before is zeroed
  // for a new key.
  template <typename Visit>
  Result<void> ReadDifferences(Visit visit) {
    uint32_t capacity = kFirstBatch;
    std::vector<Key> keys(capacity);
    std::vector<Value> values(capacity);
    uint64_t position = 0;
    bool first = true;
    while (true) {
      uint32_t count = capacity;
      uint64_t next_position = 0;
      const int failed = bpf_map_lookup_batch(fd_, first ? nullptr : &position, &next_position,
                                              keys.data(), values.data(), &count, nullptr);
      const int error = failed != 0 ? errno : 0;
      if (error == ENOSPC) {  // a bucket holds more than the buffers
        if (capacity >= kLargestBatch) return Failure(error);
        capacity *= 2;
        keys.resize(capacity);
        values.resize(capacity);
        continue;
      }
      if (error != 0 && error != ENOENT) return Failure(error);
      for (uint32_t i = 0; i < count; ++i) {
        Value& before = before_[keys[i]];
        if (std::memcmp(&before, &values[i], sizeof(Value)) == 0) continue;
        visit(keys[i], values[i], before);
        before = values[i];
      }
      if (error == ENOENT) return {};  // that was the last batch
      position = next_position;
      first = false;
    }
  }

  size_t size() const { return before_.size(); }

 private:
  static constexpr uint32_t kFirstBatch = 4096;
  static constexpr uint32_t kLargestBatch = 1u << 20;

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

  static Error Failure(int error) {
    return Error{.what = "cannot read a BPF map: " + ErrnoText(error),
                 .where = "",
                 .remedy = "Record again; if it stays, report it with the kernel's version"};
  }

  int fd_;
  std::unordered_map<Key, Value, HashBytes, EqualBytes> before_;
};

}  // namespace twofold
