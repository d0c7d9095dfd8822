// Turns addresses into frames of the capture: kernel addresses by kallsyms, user addresses by the
// mappings of a process image and the symbol tables of its modules. Only addresses that were hit
// are ever looked up.
#pragma once

#include <cstdint>
#include <memory>

#include "format/capture.h"
#include "format/definitions_builder.h"
#include "recorder/kernel_symbols.h"
#include "recorder/process_table.h"

namespace twofold {

class Symbolizer {
 public:
  // Both are borrowed and must outlive the symbolizer.
  Symbolizer(DefinitionsBuilder& definitions, const KernelSymbols& kernel_symbols);
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // `is_return_address`: the name is that of the call before the address (every frame but the
  // leaf).
  FrameId KernelFrame(uint64_t address, bool is_return_address);
  FrameId UserFrame(const ProcessImage& image, uint64_t address, bool is_return_address);

  // Modules whose file could not be opened or parsed since the last call (each is counted once).
  uint64_t TakeUnreadableModules();

  // Drops cached symbol tables; call at the end of each interval.
  void ReleaseMemory();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twofold
