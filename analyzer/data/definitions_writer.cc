#include "analyzer/data/definitions_writer.h"

#include <type_traits>
#include <utility>

namespace twofold {
namespace {

// One block of definitions; a block may have 256 MiB.
constexpr size_t kMaxBlockBytes = 32 << 20;
constexpr size_t kBytesOfRow = 64;  // no row takes more, strings aside

class Splitter {
 public:
  explicit Splitter(CaptureWriter& writer) : writer_(writer) {}

  template <typename Row>
  Result<void> Move(std::vector<Row>& rows, std::vector<Row> Definitions::*kind) {
    for (Row& row : rows) {
      part_bytes_ += kBytesOfRow;
      if constexpr (std::is_same_v<Row, std::string>) part_bytes_ += row.size();
      (part_.*kind).push_back(std::move(row));
      if (part_bytes_ >= kMaxBlockBytes) TWOFOLD_RETURN_IF_ERROR(WritePart());
    }
    rows = {};
    return {};
  }

  Result<void> WritePart() {
    TWOFOLD_RETURN_IF_ERROR(writer_.WriteDefinitions(part_));
    part_ = {};
    part_bytes_ = 0;
    return {};
  }

 private:
  CaptureWriter& writer_;
  Definitions part_;
  size_t part_bytes_ = 0;
};

}  // namespace

Result<void> WriteDefinitionsInParts(Definitions all, CaptureWriter& writer) {
  Splitter splitter(writer);
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.strings, &Definitions::strings));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.modules, &Definitions::modules));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.frames, &Definitions::frames));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.stacks, &Definitions::stacks));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.processes, &Definitions::processes));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.threads, &Definitions::threads));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.process_ends, &Definitions::process_ends));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.wakers, &Definitions::wakers));
  TWOFOLD_RETURN_IF_ERROR(splitter.Move(all.chains, &Definitions::chains));
  return splitter.WritePart();
}

}  // namespace twofold
