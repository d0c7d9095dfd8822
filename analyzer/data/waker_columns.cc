// Columns of the tables waker and chain: which field of format/capture.h is which column of
// sql/schema.sql.
#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

const Waker& GetWaker(const Source& s, size_t row) { return s.capture.definitions.wakers[row]; }

}  // namespace

std::vector<CaptureTable> WakerTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"waker",
       [](const Source& s) { return s.capture.definitions.wakers.size(); },
       {
           {"waker_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.waker); }},
           {"kind TEXT",
            [](const Source& s, size_t row) { return Text(NameOf(GetWaker(s, row).kind)); }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(GetWaker(s, row).thread.value, s.offsets.thread);
            }},
           {"kernel_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(GetWaker(s, row).kernel_stack.value, s.offsets.stack);
            }},
           {"user_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(GetWaker(s, row).user_stack.value, s.offsets.stack);
            }},
       }});
  tables.push_back(
      {"chain",
       [](const Source& s) { return s.capture.definitions.chains.size(); },
       {
           {"chain_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.chain); }},
           {"waker_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(s.capture.definitions.chains[row].waker.value, s.offsets.waker);
            }},
           {"next_chain_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(s.capture.definitions.chains[row].next.value, s.offsets.chain);
            }},
       }});
  return tables;
}

}  // namespace twofold::columns
