// Goes through bytes that others wrote, from front to back. Whatever needs more than is left gives
// nothing, and leaves the cursor where it was.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "format/base/bytes.h"

namespace twofold {

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  bool Read(T& structure) {
    if (!CopyFrom(rest(), structure)) return false;
    position_ += sizeof(T);
    return true;
  }

  std::optional<std::span<const uint8_t>> Take(uint64_t count) {
    if (count > rest().size()) return std::nullopt;
    const std::span<const uint8_t> part = rest().first(size_t(count));
    position_ += part.size();
    return part;
  }

  // Text that ends with a zero byte, which is passed as well.
  std::optional<std::string_view> TakeText() {
    const std::span<const uint8_t> left = rest();
    const auto zero = std::find(left.begin(), left.end(), 0);
    if (zero == left.end()) return std::nullopt;
    const auto length = size_t(zero - left.begin());
    position_ += length + 1;
    return AsText(left.first(length));
  }

  // Passes what fills up to a multiple of `alignment_bytes`, counted from the first byte.
  bool Align(size_t alignment_bytes) {
    const size_t past = position_ % alignment_bytes;
    return past == 0 || Take(alignment_bytes - past).has_value();
  }

  std::span<const uint8_t> rest() const { return bytes_.subspan(position_); }

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace twofold
