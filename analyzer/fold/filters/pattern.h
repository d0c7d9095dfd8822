// Regular expressions of filters: found in what frames are called and where their code is from.
//
// The engine is RE2, whose time is linear in the text and whose memory has a limit: names come from
// strangers' files, and an engine that goes back could be kept busy for ever. Its syntax is that of
// Go, which pprof's expressions have.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/fold/folded.h"
#include "format/base/result.h"

namespace re2 {
class RE2;
}

namespace twofold {

class Pattern {
 public:
  // Error (kUsage): the expression is wrong; says what and where, as of `option`.
  static Result<Pattern> Parse(const std::string& expression, std::string_view option);

  // For each of Folded::names whether the expression is found in its text, in the path of its
  // source file or in that of its module. First frames and separators never match.
  std::vector<bool> Matches(const Folded& folded) const;

 private:
  std::shared_ptr<const re2::RE2> expression_;
};

// For each node whether it or one on its way to the root has a name of `matches`.
std::vector<bool> NodesWith(const Folded& folded, const std::vector<bool>& matches);

// Whether a stack has such a frame: its first frame, or a node of `nodes_with`.
bool HasAny(const FoldedStack& stack, const std::vector<bool>& matches,
            const std::vector<bool>& nodes_with);

}  // namespace twofold
