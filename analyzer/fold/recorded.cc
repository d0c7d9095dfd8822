#include "analyzer/fold/recorded.h"

#include <string>

namespace twofold {

Result<void> CheckRecorded(Database& database, const View& view, bool with_waiting) {
  bool with_wakers = view.source == kWakersSource;
  std::string source(with_wakers ? "offcpu" : view.source);
  std::string what = "the view " + std::string(view.name) + " needs ";
  Result<int64_t> recorded = database.QueryInt(
      "SELECT count(*) FROM capture WHERE ',' || sources || ',' LIKE '%,' || ? || ',%'", {source});
  if (!recorded) return std::move(recorded).error();
  if (*recorded == 0) {
    return Error{what + "what this capture did not record", "",
                 "Record again with --record " + source};
  }
  if (with_wakers) {
    Result<int64_t> wakers = database.QueryInt("SELECT max(wakers) FROM capture");
    if (!wakers) return std::move(wakers).error();
    if (*wakers == 0) {
      bool of_chain = view.shape == StackShape::kSleeperAndChain;
      return Error{what + "wakers, which this capture did not record", "",
                   std::string("Record again with --wakers ") + (of_chain ? "8" : "1")};
    }
  }
  if (with_waiting) {
    Result<int64_t> waiting =
        database.QueryInt("SELECT count(*) FROM interval WHERE has_waiting = 1");
    if (!waiting) return std::move(waiting).error();
    if (*waiting == 0) {
      return Error{"--runnable needs stacks of waits for a CPU, which this capture did not record",
                   "", "Record again with this version, or leave --runnable out"};
    }
  }
  return {};
}

}  // namespace twofold
