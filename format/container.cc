#define XXH_INLINE_ALL
#include "format/container.h"

#include <xxhash.h>

#include "format/base/bytes.h"
#include "format/base/check.h"

namespace twofold::container {
namespace {

template <typename Structure>
uint64_t ChecksumOf(Structure structure, std::span<const uint8_t> rest) {
  structure.checksum = 0;
  std::span<const uint8_t> bytes = BytesOf(structure);
  XXH64_state_t state;
  TWOFOLD_CHECK(XXH64_reset(&state, 0) == XXH_OK);
  TWOFOLD_CHECK(XXH64_update(&state, bytes.data(), bytes.size()) == XXH_OK);
  if (!rest.empty()) TWOFOLD_CHECK(XXH64_update(&state, rest.data(), rest.size()) == XXH_OK);
  return XXH64_digest(&state);
}

}  // namespace

uint64_t Checksum(const FileHeader& header, std::span<const uint8_t> later_fields) {
  return ChecksumOf(header, later_fields);
}

uint64_t Checksum(const BlockHeader& header, std::span<const uint8_t> payload) {
  return ChecksumOf(header, payload);
}

uint64_t Checksum(const Trailer& trailer) { return ChecksumOf(trailer, {}); }

}  // namespace twofold::container
