#include "analyzer/output/gzip.h"

#include <zlib.h>

#include <algorithm>

namespace twofold {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for gzip's header
constexpr size_t kPiece = size_t{1} << 24;

struct EndDeflate {
  z_stream& stream;
  ~EndDeflate() { deflateEnd(&stream); }
};

}  // namespace

Result<std::string> Gzip(std::string_view bytes) {
  z_stream stream = {};
  int status =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  if (status != Z_OK) return Error{"zlib cannot start", "", ""};
  EndDeflate end{stream};
  std::string packed;
  std::string buffer(size_t{1} << 16, '\0');
  do {
    size_t length = std::min(bytes.size(), kPiece);
    // zlib does not change what it reads; its field has no const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(length);
    bytes.remove_prefix(length);
    int flush = bytes.empty() ? Z_FINISH : Z_NO_FLUSH;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      status = deflate(&stream, flush);
      if (status == Z_STREAM_ERROR) return Error{"zlib failed", "", ""};
      packed.append(buffer, 0, buffer.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (!bytes.empty());
  return packed;
}

}  // namespace twofold
