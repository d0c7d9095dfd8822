// The damages of one capture, as many as a person would read: a hostile file can hold one in every
// few bytes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "format/capture.h"

namespace twofold {

class DamageList {
 public:
  void Add(uint64_t offset_bytes, std::string what) {
    if (damages_.size() < kMaxListed) {
      damages_.push_back({offset_bytes, std::move(what)});
    } else {
      more_ += 1;
      last_offset_bytes_ = offset_bytes;
    }
  }

  bool empty() const { return damages_.empty(); }

  std::vector<Damage> Take() {
    if (more_ != 0) {
      damages_.push_back(
          {last_offset_bytes_, "and " + std::to_string(more_) + " more damages up to here"});
    }
    return std::move(damages_);
  }

 private:
  static constexpr size_t kMaxListed = 100;

  std::vector<Damage> damages_;
  uint64_t more_ = 0;
  uint64_t last_offset_bytes_ = 0;
};

}  // namespace twofold
