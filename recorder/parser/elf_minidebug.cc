#include "recorder/parser/elf_minidebug.h"

#include <lzma.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "format/base/input_file.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxCompressedBytes = uint64_t{32} << 20;
constexpr uint64_t kMaxPlainBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxDecoderBytes = uint64_t{72} << 20;
constexpr size_t kChunkBytes = size_t{64} * 1024;

struct Decoder {
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { lzma_end(&stream); }

  lzma_stream stream = LZMA_STREAM_INIT;
};

bool Append(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes = bytes.subspan(size_t(wrote));
  }
  return true;
}

}  // namespace

UniqueFd DecompressXz(int fd, uint64_t file_offset, uint64_t size_bytes) {
  if (size_bytes > kMaxCompressedBytes) return UniqueFd();
  Decoder decoder;
  lzma_stream& stream = decoder.stream;
  if (lzma_stream_decoder(&stream, kMaxDecoderBytes, 0) != LZMA_OK) return UniqueFd();
  UniqueFd plain(memfd_create("symbols", MFD_CLOEXEC));
  if (!plain) return UniqueFd();
  std::vector<uint8_t> in(kChunkBytes);
  std::vector<uint8_t> out(kChunkBytes);
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  while (true) {
    if (stream.avail_in == 0 && bytes_read < size_bytes) {
      const uint64_t wanted = std::min<uint64_t>(size_bytes - bytes_read, in.size());
      const auto got = ReadAt(fd, file_offset + bytes_read, std::span(in).first(size_t(wanted)));
      if (!got || *got == 0) return UniqueFd();
      bytes_read += *got;
      stream.next_in = in.data();
      stream.avail_in = *got;
    }
    stream.next_out = out.data();
    stream.avail_out = out.size();
    // At the end of the input it says LZMA_BUF_ERROR when it can do nothing more.
    const lzma_ret state = lzma_code(&stream, LZMA_RUN);
    if (state != LZMA_OK && state != LZMA_STREAM_END) return UniqueFd();
    const size_t made = out.size() - stream.avail_out;
    bytes_written += made;
    if (bytes_written > kMaxPlainBytes) return UniqueFd();
    if (!Append(plain.get(), std::span(out).first(made))) return UniqueFd();
    if (state == LZMA_STREAM_END) return plain;
  }
}

}  // namespace twofold
