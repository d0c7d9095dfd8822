// The few bytes of Protocol Buffers' wire format that pprof's profile needs: varints, and fields
// with a length. (https://protobuf.dev/programming-guides/encoding/)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twofold {

class ProtobufMessage {
 public:
  // A field of type int64, uint64 or bool. Proto3 leaves out a zero.
  void Number(uint32_t field, uint64_t value) {
    if (value == 0) return;
    Varint(uint64_t{field} << 3);
    Varint(value);
  }
  // A field of type string or of a message, also when it is empty.
  void Bytes(uint32_t field, std::string_view bytes) {
    Varint(uint64_t{field} << 3 | kWithLength);
    Varint(bytes.size());
    bytes_ += bytes;
  }
  void Message(uint32_t field, const ProtobufMessage& message) { Bytes(field, message.bytes_); }
  // A repeated field of numbers, packed.
  void Numbers(uint32_t field, const std::vector<uint64_t>& values) {
    ProtobufMessage packed;
    for (uint64_t value : values) packed.Varint(value);
    if (!values.empty()) Message(field, packed);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  static constexpr uint64_t kWithLength = 2;

  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += char((value & 0x7f) | 0x80);
    bytes_ += char(value);
  }

  std::string bytes_;
};

}  // namespace twofold
