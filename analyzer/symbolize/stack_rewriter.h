// Makes the stacks of a capture anew, with what debug files tell of their frames: names, source
// lines, and a frame for each inlined call.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/symbolize/found_places.h"
#include "analyzer/symbolize/stack_uses.h"
#include "format/capture.h"
#include "format/definitions_builder.h"

namespace twofold {

// Where a capture's strings and modules are in another one; by old id, 0 at 0.
struct NewIds {
  std::vector<StringId> strings;
  std::vector<ModuleId> modules;
};

class StackRewriter {
 public:
  // All are borrowed and outlive the rewriter.
  StackRewriter(const Capture& capture, const FoundPlaces& found, const NewIds& ids,
                DefinitionsBuilder& builder);

  // The new stack of one that a row names. What was made for the same stack before is the same.
  StackId Rewrite(StackId stack) { return Rewrite(stack, false); }

  // How many inlined frames are left out because a stack would get too deep.
  uint64_t left_out() const { return left_out_; }

 private:
  // `is_caller`: of a stack that goes on, behind a call.
  StackId Rewrite(StackId stack, bool is_caller);
  StackId RewriteFresh(StackId stack, bool is_caller);
  StackId Expand(StackId caller, const Frame& frame, const FileAnswer& file,
                 const SourcePlace& place, size_t most_frames);
  StackId Add(StackId parent, const Frame& frame);
  const FileAnswer* FileOf(const Frame& frame) const;
  StringId NewString(const FileAnswer& file, TextIndex text);
  void FindHeights();

  const Capture& capture_;
  const NewIds& ids_;
  DefinitionsBuilder& builder_;
  std::vector<const FileAnswer*> file_of_module_;  // by module id
  std::vector<StackId> done_[2];                   // by stack id: as innermost frame, as caller
  std::vector<uint16_t> heights_;                  // by stack id: frames below it
  std::vector<uint16_t> depths_ = {0};             // by new stack id
  std::unordered_map<const FileAnswer*, std::vector<StringId>> texts_;
  uint64_t left_out_ = 0;
};

}  // namespace twofold
