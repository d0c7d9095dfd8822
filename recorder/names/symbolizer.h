// Turns addresses into frames of the capture: kernel addresses by kallsyms, user addresses by the
// mappings of a process image and the symbol tables of its modules, or by what its runtime tells of
// code that it made (recorder/names/runtime_names.h). Only addresses that were hit are ever looked
// up.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "format/capture.h"
#include "format/definitions_builder.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/name_reader.h"
#include "recorder/names/stack_beginnings.h"
#include "recorder/processes/process_table.h"
#include "recorder/processes/sideband.h"

namespace twofold {

// For how long the names of a stack hold. What is added up stays true for ever if nothing is set.
struct NameValidity {
  bool runtime_code = false;        // until VersionOfRuntimeNames is another one
  bool this_interval_only = false;  // made of what may have been the case in this interval
};

class Symbolizer {
 public:
  // All are borrowed and must outlive the symbolizer. An address that the kernel's symbols do not
  // know makes it reload them, once per second at most: modules and BPF programs come and go.
  Symbolizer(DefinitionsBuilder& definitions, KernelSymbols& kernel_symbols, NameReader& reader);
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // `is_return_address`: the name is that of the call before the address (every frame but the
  // leaf); the frame's offset is that of the address itself.
  //
  // An address that no symbol or mapping explains gives a special frame: an absolute address would
  // tell where the kernel put things, and is never stored.
  FrameId KernelFrame(uint64_t address, bool is_return_address);
  //
  // `when`: the code ran at some time within; where it is not known what was mapped then, the frame
  // says so. `validity`: what limits the frame's is added to it. A name holds only until something
  // else is mapped in the place of what was (ProcessImage::last_replacement) or files were
  // overwritten (overwritings).
  FrameId UserFrame(const ProcessImage& image, uint64_t address, bool is_return_address,
                    const TimeRange& when, NameValidity& validity);
  // At any time.
  FrameId UserFrame(const ProcessImage& image, uint64_t address, bool is_return_address);

  // What the name of a frame that UserFrame gave says about where stacks begin.
  Beginning BeginningOfFrame(FrameId frame) const;

  // What the kernel announced of a BPF program. Programs of a moment are gone from the kernel's
  // list of symbols when their addresses are to be named.
  void ApplyProgram(const SidebandEvent& event);

  // Call before the addresses of an interval are named: modules may have come and gone.
  void FollowModules();

  // Call before the user addresses of an interval are named, whose code ran from a moment of
  // CLOCK_MONOTONIC on: files may have been written into.
  void BeginInterval(uint64_t from_ns);

  // Intervals in which files had been written into, after their names were used.
  uint64_t overwritings() const;

  // Other than the last time when such addresses of the process may have other names by now; never
  // 0, and the same until the interval's end.
  uint64_t VersionOfRuntimeNames(const ProcessImage& image);

  // Whether a mapping with this text (as ClassifyMappingText takes it) may hold code made at run
  // time, or announces a file that tells of it.
  static bool TellsOfRuntimeCode(std::string_view mapping_text);

  // A process made code at run time, or told of it, and may be gone when its addresses are to be
  // named.
  void PrepareRuntimeNames(const ProcessImage& image);

  // Opens the files that a process has mapped and no other had before: it may be gone when its
  // addresses are to be named. Cheap when called often.
  void PrepareModules(const ProcessImage& image);

  // Processes without names of code that they made at run time, and files with such names that were
  // of no use, since the last call (each is counted once).
  uint64_t TakeProcessesWithoutRuntimeNames();
  uint64_t TakeUnusableRuntimeFiles();

  // Modules whose file could not be opened or parsed since the last call (each is counted once).
  uint64_t TakeUnreadableModules();

  // Files that were given up since the last call, because reading them took the reader along.
  uint64_t TakeGivenUpFiles();

  // Drops the symbol tables that were not used since the last call; names that were found stay.
  // Names of code made at run time are read anew after it. Call at the end of each interval.
  void ReleaseMemory();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twofold
