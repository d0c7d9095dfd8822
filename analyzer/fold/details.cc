#include "analyzer/fold/details.h"

#include <algorithm>

#include "analyzer/data/dense_table.h"
#include "format/base/escape_text.h"

namespace twofold {

Result<StackDetails> StackDetails::Read(Database& database) {
  StackDetails details;
  TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
      database, "module",
      "SELECT module_id, kind, path, name, build_id FROM module ORDER BY module_id",
      [&](const Statement& row) -> Result<void> {
        details.modules.push_back({EscapeText(row.Text(1)), EscapeText(row.Text(2)),
                                   EscapeText(row.Text(3)), EscapeText(row.Text(4))});
        return {};
      }));
  TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
      database, "frame",
      "SELECT frame_id, coalesce(module_id, 0), symbol, offset_bytes, source_file, line, "
      "is_inlined FROM frame ORDER BY frame_id",
      [&](const Statement& row) -> Result<void> {
        int64_t module = row.Int(1);
        if (module < 0 || size_t(module) > details.modules.size()) {
          return IdGap("module");
        }
        details.frames.push_back({uint32_t(module), EscapeText(row.Text(2)), uint64_t(row.Int(3)),
                                  EscapeText(row.Text(4)), std::max<int64_t>(row.Int(5), 0),
                                  row.Int(6) != 0});
        return {};
      }));
  TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
      database, "thread",
      "SELECT thread.thread_id, process.pid, thread.tid, process.name, thread.name FROM thread "
      "LEFT JOIN process ON process.process_id = thread.process_id ORDER BY thread.thread_id",
      [&](const Statement& row) -> Result<void> {
        details.threads.push_back(
            {row.Int(1), row.Int(2), EscapeText(row.Text(3)), EscapeText(row.Text(4))});
        return {};
      }));
  return details;
}

}  // namespace twofold
