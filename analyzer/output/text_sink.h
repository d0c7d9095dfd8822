// Collects small pieces of text on their way to a file.
#pragma once

#include <string>
#include <string_view>

#include "format/base/byte_sink.h"
#include "format/base/result.h"

namespace twofold {

class TextSink {
 public:
  // Borrows `sink`.
  explicit TextSink(ByteSink& sink) : sink_(sink) {}

  Result<void> Append(std::string_view text) {
    buffer_ += text;
    return buffer_.size() < kFlushBytes ? Result<void>() : Flush();
  }
  // What was appended and not flushed is not written.
  Result<void> Flush() {
    Result<void> written =
        sink_.Append(std::span(reinterpret_cast<const uint8_t*>(buffer_.data()), buffer_.size()));
    buffer_.clear();
    return written;
  }

 private:
  static constexpr size_t kFlushBytes = size_t{1} << 20;

  ByteSink& sink_;
  std::string buffer_;
};

// An escaped text with ';' as EscapeFrame writes it.
inline std::string WithoutSemicolons(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ';') {
      out += "\\x3b";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace twofold
