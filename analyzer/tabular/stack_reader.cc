#include "analyzer/tabular/stack_reader.h"

namespace twofold {
namespace {

Error Gap(const char* table) {
  return Error{std::string("the ids of the table ") + table + " are not those of 'twofold load'",
               "", "Load the captures again"};
}

// Calls `use(row)` for each row of a query whose column 0 has ids 1, 2, 3 ...
template <typename Use>
Result<void> ReadTable(Database& database, const char* table, const char* sql, Use use) {
  Result<Statement> statement = database.Prepare(sql);
  if (!statement) return std::move(statement).error();
  for (int64_t id = 1;; ++id) {
    Result<bool> row = statement->Step();
    if (!row) return std::move(row).error();
    if (!*row) return {};
    if (statement->Int(0) != id || !use(*statement)) return Gap(table);
  }
}

}  // namespace

Result<StackReader> StackReader::Read(Database& database, bool demangle) {
  StackReader reader;
  Result<FrameNames> names = FrameNames::Read(database, demangle);
  if (!names) return std::move(names).error();
  reader.names_ = std::move(*names);
  TWOFOLD_RETURN_IF_ERROR(
      ReadTable(database, "frame",
                "SELECT frame_name.frame_id, frame_name.name, kind, frame.symbol IS NOT NULL"
                " FROM frame_name JOIN frame ON frame.frame_id = frame_name.frame_id"
                " ORDER BY frame_name.frame_id",
                [&](const Statement& row) {
                  std::string_view kind = row.Text(2);
                  reader.frames_.push_back({std::string(row.Text(1)), kind.substr(0, 6) == "kernel",
                                            kind == "special", row.Int(3) != 0});
                  return true;
                }));
  reader.nodes_.push_back({0, 0});
  TWOFOLD_RETURN_IF_ERROR(ReadTable(
      database, "stack", "SELECT stack_id, parent_stack_id, frame_id FROM stack ORDER BY stack_id",
      [&](const Statement& row) {
        int64_t parent = row.Int(1);
        int64_t frame = row.Int(2);
        // A parent comes before its children, so that no walk is endless.
        bool known = parent >= 0 && static_cast<size_t>(parent) < reader.nodes_.size() &&
                     frame >= 1 && static_cast<size_t>(frame) <= reader.frames_.size();
        if (known) {
          reader.nodes_.push_back(
              {static_cast<uint32_t>(parent), static_cast<uint32_t>(frame - 1)});
        }
        return known;
      }));
  return reader;
}

Result<std::vector<StackFrame>> StackReader::Frames(int64_t stack_id) const {
  if (stack_id < 0 || static_cast<size_t>(stack_id) >= nodes_.size()) return Gap("stack");
  std::vector<StackFrame> frames;
  for (uint32_t node = static_cast<uint32_t>(stack_id); node != 0; node = nodes_[node].parent) {
    const Frame& frame = frames_[nodes_[node].frame];
    frames.push_back({frame.name, names_.Shown(frame.name), frame.is_kernel, frame.is_special,
                      frame.has_symbol});
  }
  return frames;
}

Result<WaitKind> KindOf(const StackReader& stacks, int64_t kernel_stack_id, char state,
                        WaitKinds& wait_kinds) {
  Result<std::vector<StackFrame>> frames = stacks.Frames(kernel_stack_id);
  if (!frames) return std::move(frames).error();
  std::vector<std::string_view> functions;
  for (const StackFrame& frame : *frames) {
    if (frame.is_kernel && frame.has_symbol) functions.push_back(frame.name);
  }
  return wait_kinds.Classify(state, functions);
}

}  // namespace twofold
