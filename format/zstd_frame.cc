#include "format/zstd_frame.h"

#include <zstd.h>

#include <algorithm>

#include "format/container.h"

namespace twofold {
namespace {

// Unpacking goes on in steps of this size, so that zstd checks the window instead of taking the
// whole output for one.
constexpr size_t kStepBytes = 256U << 10;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct ZstdPacker::State {
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context{ZSTD_createCCtx()};
};

ZstdPacker::ZstdPacker() : state_(std::make_unique<State>()) {}
ZstdPacker::~ZstdPacker() = default;

Result<void> ZstdPacker::AppendFrame(std::span<const uint8_t> data, std::vector<uint8_t>& out) {
  ZSTD_CCtx* context = state_->context.get();
  if (context == nullptr) return Error{"cannot pack a block: out of memory", "", ""};
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  for (auto [parameter, value] :
       {std::pair{ZSTD_c_compressionLevel, container::kZstdLevel},
        std::pair{ZSTD_c_contentSizeFlag, 1}, std::pair{ZSTD_c_checksumFlag, 0}}) {
    TWOFOLD_CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)));
  }
  size_t before = out.size();
  size_t room = ZSTD_compressBound(data.size());
  out.resize(before + room);
  size_t packed = ZSTD_compress2(context, out.data() + before, room, data.data(), data.size());
  if (ZSTD_isError(packed)) {
    out.resize(before);
    return Error{std::string("cannot pack a block: ") + ZSTD_getErrorName(packed), "", ""};
  }
  out.resize(before + packed);
  return {};
}

struct ZstdUnpacker::State {
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context{ZSTD_createDCtx()};
};

ZstdUnpacker::ZstdUnpacker() : state_(std::make_unique<State>()) {}
ZstdUnpacker::~ZstdUnpacker() = default;

std::optional<std::string> ZstdUnpacker::Unpack(std::span<const uint8_t> frame,
                                                std::span<uint8_t> out) {
  ZSTD_DCtx* context = state_->context.get();
  if (context == nullptr) return "there is no memory to unpack it";
  ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
  TWOFOLD_CHECK(!ZSTD_isError(
      ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, container::kMaxWindowLog)));

  unsigned long long content = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (content == ZSTD_CONTENTSIZE_ERROR) return "its payload is not a zstd frame";
  if (content != out.size()) return "its zstd frame does not have the size that its header gives";

  ZSTD_inBuffer input = {frame.data(), frame.size(), 0};
  size_t done = 0;
  size_t left = 1;  // what zstd still expects of the frame; 0: the frame is complete
  while (left != 0) {
    ZSTD_outBuffer step = {out.data() + done, std::min(kStepBytes, out.size() - done), 0};
    size_t consumed_before = input.pos;
    left = ZSTD_decompressStream(context, &step, &input);
    if (ZSTD_isError(left)) {
      return std::string("its zstd frame cannot be unpacked (") + ZSTD_getErrorName(left) + ")";
    }
    done += step.pos;
    bool stuck = step.pos == 0 && input.pos == consumed_before;
    if (left != 0 && stuck) return "its zstd frame is incomplete or longer than its header gives";
  }
  if (done != out.size()) return "its zstd frame is shorter than its header gives";
  if (input.pos != input.size) return "other bytes follow its zstd frame";
  return std::nullopt;
}

}  // namespace twofold
