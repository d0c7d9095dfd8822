// Who or what woke threads, and what had woken those: what the programs keep under keys becomes
// wakers and chains of the capture.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "bpf/abi/offcpu_abi.h"
#include "format/capture.h"
#include "recorder/capture/capture_builder.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

class WakerDefinitions {
 public:
  // `tracer` is borrowed and must outlive this.
  explicit WakerDefinitions(const Tracer& tracer) : tracer_(tracer) {}

  // By their keys in the programs' maps; 0 where they are not known. `builder` is always the same.
  Made<WakerId> WakerOf(CaptureBuilder& builder, uint64_t key);
  ChainId ChainOf(CaptureBuilder& builder, uint64_t key);

 private:
  // A waker's kernel stack; an interrupt's without what was interrupted. `kind` becomes kTimer
  // where the frames say so.
  static StackId StackOf(CaptureBuilder& builder, uint64_t hash, WakerKind& kind);
  static DefinedThread ThreadOf(CaptureBuilder& builder, const twofold_thread& who);
  template <typename Id>
  static bool StillHolds(const CaptureBuilder& builder, const Made<Id>& made);

  const Tracer& tracer_;
  std::unordered_map<uint64_t, Made<WakerId>> wakers_;  // by key
  std::unordered_map<uint64_t, Made<ChainId>> chains_;  // by key
};

}  // namespace twofold
