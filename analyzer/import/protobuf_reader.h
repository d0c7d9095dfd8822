// Reads Protocol Buffers' wire format from bytes that nobody vouches for: field by field, never
// beyond the end, nothing allocated. (https://protobuf.dev/programming-guides/encoding/)
#pragma once

#include <cstdint>
#include <string_view>

namespace twofold {

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : rest_(bytes) {}

  // Moves to the next field. False: the message is over, or broken(). Groups are not known.
  bool Next() {
    uint64_t key = 0;
    if (rest_.empty() || broken_ || !Varint(key)) return false;
    field_ = key >> 3;
    has_bytes_ = (key & 7) == 2;
    number_ = 0;
    bytes_ = {};
    switch (key & 7) {
      case 0:
        return Varint(number_);
      case 1:
        return Fixed(8);
      case 2: {
        uint64_t size = 0;
        if (!Varint(size)) return false;
        if (size > rest_.size()) return Break();
        bytes_ = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
      case 5:
        return Fixed(4);
      default:
        return Break();
    }
  }

  // Of the field: its number, and its value; of other wire types than asked for 0, or empty.
  uint64_t field() const { return field_; }
  uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }

  // Whether the bytes are no message from here on.
  bool broken() const { return broken_; }

  // Calls `use(number)` for each value of the field, of a repeated one that is packed or not.
  // False: the packed values are broken.
  template <typename Use>
  bool ForEachNumber(Use use) const {
    if (!has_bytes_) {
      use(number_);
      return true;
    }
    ProtobufReader packed(bytes_);
    while (!packed.rest_.empty()) {
      uint64_t value = 0;
      if (!packed.Varint(value)) return false;
      use(value);
    }
    return true;
  }

 private:
  bool Break() {
    broken_ = true;
    return false;
  }

  bool Varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return Break();
      const auto byte = uint8_t(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return true;
    }
    return Break();
  }

  bool Fixed(size_t size) {
    if (size > rest_.size()) return Break();
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  uint64_t field_ = 0;
  uint64_t number_ = 0;
  std::string_view bytes_;
  bool has_bytes_ = false;
  bool broken_ = false;
};

}  // namespace twofold
