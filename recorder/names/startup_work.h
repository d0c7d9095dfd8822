// CPU time of reading the files of what ran before the recording: a part of starting up, although
// it is done when the first of their addresses is to be named.
#pragma once

#include <cstdint>

#include "recorder/names/name_reader.h"
#include "recorder/processes/process_image.h"

namespace twofold {

// Counts what is spent while it lives, if it is for an image that was there already.
class StartupWork {
 public:
  StartupWork(NameReader& reader, const ProcessImage& image)
      : reader_(reader),
        counts_(image.image_start_monotonic_ns == 0),
        begin_ns_(counts_ ? reader.CpuNs() : 0) {}
  ~StartupWork() {
    const uint64_t end_ns = counts_ ? reader_.CpuNs() : 0;
    // Less when the reader died meanwhile.
    if (end_ns > begin_ns_) reader_.AddStartupWork(end_ns - begin_ns_);
  }
  StartupWork(const StartupWork&) = delete;
  StartupWork& operator=(const StartupWork&) = delete;

 private:
  NameReader& reader_;
  const bool counts_;
  const uint64_t begin_ns_;
};

}  // namespace twofold
