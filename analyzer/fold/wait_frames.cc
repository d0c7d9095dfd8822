#include "analyzer/fold/wait_frames.h"

namespace twofold {
namespace {

// A text of Folded::texts without the place in the source that --lines adds: " (file.c:12)".
std::string_view WithoutLine(std::string_view text) {
  size_t start = text.rfind(" (");
  bool has_line = start != std::string_view::npos && start > 0 && text.back() == ')';
  return has_line ? text.substr(0, start) : text;
}

}  // namespace

WaitFrames::WaitFrames(const Folded& folded, const FoldedStack& stack) {
  for (uint32_t node : {stack.kernel, stack.user}) {
    for (; node != 0; node = folded.nodes[node].parent) {
      const FrameName& name = folded.names[folded.nodes[node].name];
      bool is_kernel = name.kind == FrameKind::kKernel;
      if (!is_kernel && name.kind != FrameKind::kUser) continue;
      functions.push_back({WithoutLine(folded.texts[name.text]), is_kernel});
      nodes.push_back(node);
    }
  }
}

}  // namespace twofold
