// A DefinitionsBuilder whose frames a test can read back.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "format/definitions_builder.h"

namespace twofold {

class FrameReader {
 public:
  struct Described {
    ModuleKind kind = ModuleKind::kSpecial;
    std::string path;
    std::string build_id;
    std::string symbol;
    uint64_t offset = 0;
  };

  DefinitionsBuilder& builder() { return builder_; }

  Described Describe(FrameId id) {
    Append(builder_.TakeNew());
    Described described;
    if (id.value == 0 || id.value > all_.frames.size()) {
      ADD_FAILURE() << "no frame " << id.value;
      return described;
    }
    const Frame& frame = all_.frames[id.value - 1];
    described.symbol = Text(frame.symbol);
    described.offset = frame.offset;
    if (frame.module.value == 0) return described;
    const Module& module = all_.modules.at(frame.module.value - 1);
    described.kind = module.kind;
    described.path = Text(module.path);
    described.build_id = Text(module.build_id);
    return described;
  }

 private:
  void Append(const Definitions& fresh) {
    all_.strings.insert(all_.strings.end(), fresh.strings.begin(), fresh.strings.end());
    all_.modules.insert(all_.modules.end(), fresh.modules.begin(), fresh.modules.end());
    all_.frames.insert(all_.frames.end(), fresh.frames.begin(), fresh.frames.end());
  }
  std::string Text(StringId id) const {
    return id.value == 0 ? std::string() : all_.strings.at(id.value - 1);
  }

  DefinitionsBuilder builder_;
  Definitions all_;
};

}  // namespace twofold
