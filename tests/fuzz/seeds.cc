#include "tests/fuzz/seeds.h"

#include <span>

#include "format/base/bytes.h"
#include "format/base/check.h"
#include "format/container.h"
#include "format/zstd_frame.h"
#include "tests/format/sample_capture.h"

namespace twofold::testing {
namespace {

// The records of a capture as fuzz_capture_reader.cc wraps them: type, length, FlatBuffer.
std::string UnwrappedRecords(const std::string& capture) {
  std::span<const uint8_t> bytes = AsBytes(capture).subspan(sizeof(container::FileHeader));
  std::string records;
  container::BlockHeader block;
  while (StartsWith(bytes, container::kBlockMagic) && CopyFrom(bytes, block)) {
    std::vector<uint8_t> unpacked(block.unpacked_bytes);
    TWOFOLD_CHECK(
        !ZstdUnpacker().Unpack(bytes.subspan(sizeof(block), block.stored_bytes), unpacked));
    TWOFOLD_CHECK(unpacked.size() < 65536);
    records += char(block.type);
    records += char(unpacked.size() & 0xFF);
    records += char(unpacked.size() >> 8);
    records += AsText(unpacked);
    bytes = bytes.subspan(sizeof(block) + block.stored_bytes);
  }
  return records;
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> seeds;
  for (SampleSize size : {SampleSize{0, 0, 0}, SampleSize{1, 1, 1}, SampleSize{2, 4, 3}}) {
    std::string capture = MakeSample(size).bytes;
    seeds.push_back('\0' + capture);
    seeds.push_back('\1' + capture);
    seeds.push_back('\2' + UnwrappedRecords(capture));
  }
  return seeds;
}

}  // namespace twofold::testing
