#include "analyzer/tabular/stack_reader.h"

#include "analyzer/data/dense_table.h"

namespace twofold {

Result<StackReader> StackReader::Read(Database& database, bool demangle) {
  StackReader reader;
  TWOFOLD_ASSIGN_OR_RETURN(FrameNames names, FrameNames::Read(database, demangle));
  reader.names_ = std::move(names);
  TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
      database, "frame",
      "SELECT frame_name.frame_id, frame_name.name, kind, frame.symbol IS NOT NULL"
      " FROM frame_name JOIN frame ON frame.frame_id = frame_name.frame_id"
      " ORDER BY frame_name.frame_id",
      [&](const Statement& row) -> Result<void> {
        std::string_view kind = row.Text(2);
        reader.frames_.push_back({std::string(row.Text(1)), kind.substr(0, 6) == "kernel",
                                  kind == "special", row.Int(3) != 0});
        return {};
      }));
  reader.nodes_.push_back({0, 0});
  TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
      database, "stack", "SELECT stack_id, parent_stack_id, frame_id FROM stack ORDER BY stack_id",
      [&](const Statement& row) -> Result<void> {
        int64_t parent = row.Int(1);
        int64_t frame = row.Int(2);
        // A parent comes before its children, so that no walk is endless.
        bool known =
            IsIndexOf(parent, reader.nodes_) && frame >= 1 && IsIndexOf(frame - 1, reader.frames_);
        if (!known) return IdGap("stack");
        reader.nodes_.push_back({uint32_t(parent), uint32_t(frame - 1)});
        return {};
      }));
  return reader;
}

Result<std::vector<StackFrame>> StackReader::Frames(int64_t stack_id) const {
  if (!IsIndexOf(stack_id, nodes_)) return IdGap("stack");
  std::vector<StackFrame> frames;
  for (uint32_t node = uint32_t(stack_id); node != 0; node = nodes_[node].parent) {
    const Frame& frame = frames_[nodes_[node].frame];
    frames.push_back({frame.name, names_.Shown(frame.name), frame.is_kernel, frame.is_special,
                      frame.has_symbol});
  }
  return frames;
}

Result<WaitKind> KindOf(const StackReader& stacks, int64_t kernel_stack_id, char state,
                        WaitKinds& wait_kinds) {
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<StackFrame> frames, stacks.Frames(kernel_stack_id));
  std::vector<std::string_view> functions;
  for (const StackFrame& frame : frames) {
    if (frame.is_kernel && frame.has_symbol) functions.push_back(frame.name);
  }
  return wait_kinds.Classify(state, functions);
}

}  // namespace twofold
