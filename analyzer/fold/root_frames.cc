// What stacks may begin with.
#include "analyzer/fold/folded.h"
#include "format/base/suggest.h"

namespace twofold {

const std::vector<RootFrameName>& RootFrames() {
  static const std::vector<RootFrameName> roots = {
      {"process", RootFrame::kProcess}, {"thread", RootFrame::kThread},
      {"comm", RootFrame::kThread},     {"cgroup", RootFrame::kCgroup},
      {"capture", RootFrame::kCapture}, {"none", RootFrame::kNone}};
  return roots;
}

Result<RootFrame> ParseRootFrame(std::string_view name) {
  std::vector<std::string_view> names;
  for (const RootFrameName& root : RootFrames()) {
    if (root.name == name) return root.frame;
    names.push_back(root.name);
  }
  return Error{"there is no root '" + std::string(name) + "'", "--root", Suggestion(name, names),
               Error::Kind::kUsage};
}

}  // namespace twofold
