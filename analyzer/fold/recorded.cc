#include "analyzer/fold/recorded.h"

#include <string>

#include "analyzer/data/recorded_sources.h"

namespace twofold {

Result<std::string> EventName(Database& database) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement row,
                           database.Prepare("SELECT max(" + std::string(kCountedEvent) +
                                            ") FROM capture WHERE " + RecordedSource("'events'")));
  TWOFOLD_ASSIGN_OR_RETURN(bool there, row.Step());
  return there && !row.IsNull(0) ? std::string(row.Text(0)) : std::string();
}

Result<const View*> DefaultView(Database& database) {
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t others,
      database.QueryInt("SELECT count(*) FROM capture WHERE NOT " + RecordedSource("'events'")));
  return FindView(others == 0 ? kEventsSource : "cpu");
}

Result<void> CheckRecorded(Database& database, const View& view, bool with_waiting) {
  bool with_wakers = view.source == kWakersSource;
  std::string source(with_wakers ? "offcpu" : view.source);
  TWOFOLD_ASSIGN_OR_RETURN(std::string events, EventName(database));
  if (view.source == kEventsSource) {
    if (!events.empty()) return {};
    return Error{"the view events needs a recording of another tool that counted no time", "",
                 "Choose another view with --view"};
  }
  std::string what = "the view " + std::string(view.name) + " needs ";
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t recorded,
      database.QueryInt("SELECT count(*) FROM capture WHERE " + RecordedSource("?1"), {source}));
  if (recorded == 0) {
    return Error{what + "what this capture did not record", "",
                 events.empty() ? "Record again with --record " + source
                                : "It holds '" + events + "': choose --view events"};
  }
  if (with_wakers) {
    TWOFOLD_ASSIGN_OR_RETURN(int64_t wakers, database.QueryInt("SELECT max(wakers) FROM capture"));
    if (wakers == 0) {
      bool of_chain = view.shape == StackShape::kSleeperAndChain;
      return Error{what + "wakers, which this capture did not record", "",
                   std::string("Record again with --wakers ") + (of_chain ? "8" : "1")};
    }
  }
  if (with_waiting) {
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t waiting, database.QueryInt("SELECT count(*) FROM interval WHERE has_waiting = 1"));
    if (waiting == 0) {
      return Error{"--runnable needs stacks of waits for a CPU, which this capture did not record",
                   "", "Record again with this version, or leave --runnable out"};
    }
  }
  return {};
}

}  // namespace twofold
