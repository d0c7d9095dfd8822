#include "analyzer/symbolize/stack_rewriter.h"

#include <algorithm>

#include "format/container.h"

namespace twofold {

StackRewriter::StackRewriter(const Capture& capture, const FoundPlaces& found, const NewIds& ids,
                             DefinitionsBuilder& builder)
    : capture_(capture), ids_(ids), builder_(builder) {
  file_of_module_.push_back(nullptr);
  for (const Module& module : capture.definitions.modules) {
    auto entry = found.find(capture.String(module.build_id));
    bool is_found = module.kind == ModuleKind::kUserFile && entry != found.end();
    file_of_module_.push_back(is_found ? &entry->second : nullptr);
  }
  for (std::vector<StackId>& done : done_) done.resize(capture.definitions.stacks.size() + 1);
  FindHeights();
}

// Frames that were inlined before go away where the debug file tells of the place again.
void StackRewriter::FindHeights() {
  const std::vector<StackNode>& stacks = capture_.definitions.stacks;
  heights_.resize(stacks.size() + 1);
  for (size_t i = stacks.size(); i != 0; --i) {
    const StackNode& node = stacks[i - 1];
    const Frame& frame = capture_.GetFrame(node.frame);
    const FileAnswer* file = FileOf(frame);
    bool goes_away = file != nullptr && IsInlinedIntoParent(capture_, StackId(uint32_t(i))) &&
                     file->Find({frame.offset, true}) != nullptr;
    uint16_t& height = heights_[node.parent.value];
    height = std::max<uint16_t>(height, uint16_t(heights_[i] + (goes_away ? 0 : 1)));
  }
}

const FileAnswer* StackRewriter::FileOf(const Frame& frame) const {
  return file_of_module_[frame.module.value];
}

StackId StackRewriter::Rewrite(StackId stack, bool is_caller) {
  StackId& done = done_[is_caller ? 1 : 0][stack.value];
  if (stack.value != 0 && done.value == 0) done = RewriteFresh(stack, is_caller);
  return done;
}

// Stacks have at most 1024 frames, and so many calls does this nest.
StackId StackRewriter::RewriteFresh(StackId stack, bool is_caller) {
  const StackNode& node = capture_.GetStack(stack);
  const Frame& frame = capture_.GetFrame(node.frame);
  const FileAnswer* file = FileOf(frame);
  const SourcePlace* place = file == nullptr ? nullptr : file->Find({frame.offset, is_caller});
  if (place != nullptr) {
    // From the function itself, whatever was inlined into it as told before.
    StackId function = stack;
    while (IsInlinedIntoParent(capture_, function)) function = capture_.GetStack(function).parent;
    const StackNode& function_node = capture_.GetStack(function);
    StackId caller = Rewrite(function_node.parent, true);
    size_t below = is_caller ? heights_[stack.value] : 0;
    size_t most = container::kMaxStackFrames -
                  std::min<size_t>(container::kMaxStackFrames - 1, depths_[caller.value] + below);
    return Expand(caller, capture_.GetFrame(function_node.frame), *file, *place, most);
  }
  bool is_inlined = IsInlinedIntoParent(capture_, stack);
  StackId parent = Rewrite(node.parent, is_inlined ? is_caller : true);
  Frame same = frame;
  same.module = ids_.modules[frame.module.value];
  same.symbol = ids_.strings[frame.symbol.value];
  same.file = ids_.strings[frame.file.value];
  return Add(parent, same);
}

StackId StackRewriter::Expand(StackId caller, const Frame& frame, const FileAnswer& file,
                              const SourcePlace& place, size_t most_frames) {
  StackId stack = caller;
  for (size_t i = 0; i < place.frames.size(); ++i) {
    if (i == most_frames) {
      left_out_ += place.frames.size() - i;
      break;
    }
    const SourceFrame& source = place.frames[i];
    // The names of a file that shares them with others, which is not there.
    if (i > 0 && source.function == 0) continue;
    Frame fresh;
    fresh.module = ids_.modules[frame.module.value];
    fresh.offset = frame.offset;
    fresh.symbol = NewString(file, source.function);
    fresh.file = NewString(file, source.file);
    fresh.line = source.line;
    fresh.inlined = i > 0;
    // Symbol tables have several names for some functions, of which the recorder took one.
    StringId recorded = ids_.strings[frame.symbol.value];
    bool keeps_name = i == 0 && recorded.value != 0 && (place.is_symbol || fresh.symbol.value == 0);
    if (keeps_name) fresh.symbol = recorded;
    stack = Add(stack, fresh);
  }
  return stack;
}

StackId StackRewriter::Add(StackId parent, const Frame& frame) {
  StackId stack = builder_.InternStackNode(parent, builder_.InternFrame(frame));
  if (stack.value == depths_.size()) {
    depths_.push_back(uint16_t(depths_[parent.value] + 1));
  }
  return stack;
}

StringId StackRewriter::NewString(const FileAnswer& file, TextIndex text) {
  std::vector<StringId>& strings = texts_[&file];
  if (strings.empty()) strings.resize(file.answers.texts.size());
  StringId& string = strings[text];
  if (string.value == 0) string = builder_.InternString(file.answers.texts[text]);
  return string;
}

}  // namespace twofold
