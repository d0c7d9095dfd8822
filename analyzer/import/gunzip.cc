#include "analyzer/import/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace twofold {
namespace {

// zlib's number for "with a header and checksum as gzip has them".
constexpr int kGzipWindowBits = 15 + 16;

struct Inflater {
  z_stream stream = {};
  bool ready = inflateInit2(&stream, kGzipWindowBits) == Z_OK;
  Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
};

}  // namespace

bool LooksLikeGzip(std::string_view bytes) { return bytes.substr(0, 2) == "\x1f\x8b"; }

Result<std::string> Gunzip(std::string_view bytes, uint64_t max_bytes) {
  Inflater inflater;
  if (!inflater.ready) return Error{"there is not enough memory to unpack it", "", ""};
  z_stream& stream = inflater.stream;
  std::string unpacked;
  std::array<char, 1 << 16> chunk;
  while (true) {
    if (stream.avail_in == 0) {
      const size_t next = std::min<size_t>(bytes.size(), 1U << 30);
      if (next == 0) return Error{"the compressed file is cut off", "", "Transfer it again"};
      // zlib does not write to its input, and has no const.
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(next);
      bytes.remove_prefix(next);
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) {
      return Error{"the compressed file is damaged", "", "Transfer it again"};
    }
    unpacked.append(chunk.data(), chunk.size() - stream.avail_out);
    if (unpacked.size() > max_bytes) {
      return Error{"it unpacks to more than " + std::to_string(max_bytes) + " bytes", "",
                   "No profile is that large"};
    }
    if (status != Z_STREAM_END) continue;
    if (stream.avail_in == 0 && bytes.empty()) return unpacked;
    if (inflateReset(&stream) != Z_OK) {
      return Error{"the compressed file is damaged", "", "Transfer it again"};
    }
  }
}

}  // namespace twofold
