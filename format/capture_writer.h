// Writes captures, block by block, append-only: after every interval what was written is a valid
// capture.
//
// Order of calls: Start once; then for each interval WriteDefinitions (what is new) and
// WriteInterval; Finish once.
#pragma once

#include <cstdint>
#include <memory>

#include "format/base/byte_sink.h"
#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

class CaptureWriter {
 public:
  // The sink is borrowed and must outlive the writer.
  explicit CaptureWriter(ByteSink& sink);
  ~CaptureWriter();
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;

  // Writes the file header and the Recording block.
  Result<void> Start(const Recording& recording);

  // Writes what is new; ids go on from the definitions written before. Empty definitions write
  // nothing.
  Result<void> WriteDefinitions(const Definitions& fresh);

  // Writes one interval; its rows may refer only to definitions already written. Both blocks of an
  // interval reach the sink before this returns.
  Result<void> WriteInterval(const Interval& interval);

  // Writes the End block, the index and the trailer. Nothing may be written after it.
  Result<void> Finish(const End& end);

  uint64_t bytes_written() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twofold
