// Plain views of memory as bytes, and the one statement about byte order: everything on disk is
// little-endian, and so is every machine that Twofold supports.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace twofold {

static_assert(std::endian::native == std::endian::little,
              "captures are little-endian; a big-endian host needs conversions here");

// The bytes of a structure without padding.
template <typename T>
std::span<const uint8_t> BytesOf(const T& structure) {
  static_assert(std::has_unique_object_representations_v<T>, "padding would reach the file");
  return {reinterpret_cast<const uint8_t*>(&structure), sizeof(T)};
}

// Copies a structure from the start of `bytes`; false when there are too few.
template <typename T>
bool CopyFrom(std::span<const uint8_t> bytes, T& structure) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&structure, bytes.data(), sizeof(T));
  return true;
}

inline bool StartsWith(std::span<const uint8_t> bytes, std::span<const uint8_t> prefix) {
  if (prefix.empty()) return true;
  return bytes.size() >= prefix.size() &&
         std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
}

inline std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal.
std::string ToHex(std::span<const uint8_t> bytes);

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace twofold
