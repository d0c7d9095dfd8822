#include "analyzer/fold/recorded.h"

#include <string>

#include "analyzer/data/recorded_sources.h"

namespace twofold {

Result<std::string> EventName(Database& database) {
  Result<Statement> row = database.Prepare("SELECT max(" + std::string(kCountedEvent) +
                                           ") FROM capture WHERE " + RecordedSource("'events'"));
  if (!row) return std::move(row).error();
  Result<bool> there = row->Step();
  if (!there) return std::move(there).error();
  return *there && !row->IsNull(0) ? std::string(row->Text(0)) : std::string();
}

Result<const View*> DefaultView(Database& database) {
  Result<int64_t> others =
      database.QueryInt("SELECT count(*) FROM capture WHERE NOT " + RecordedSource("'events'"));
  if (!others) return std::move(others).error();
  return FindView(*others == 0 ? kEventsSource : "cpu");
}

Result<void> CheckRecorded(Database& database, const View& view, bool with_waiting) {
  bool with_wakers = view.source == kWakersSource;
  std::string source(with_wakers ? "offcpu" : view.source);
  Result<std::string> events = EventName(database);
  if (!events) return std::move(events).error();
  if (view.source == kEventsSource) {
    if (!events->empty()) return {};
    return Error{"the view events needs a recording of another tool that counted no time", "",
                 "Choose another view with --view"};
  }
  std::string what = "the view " + std::string(view.name) + " needs ";
  Result<int64_t> recorded =
      database.QueryInt("SELECT count(*) FROM capture WHERE " + RecordedSource("?1"), {source});
  if (!recorded) return std::move(recorded).error();
  if (*recorded == 0) {
    return Error{what + "what this capture did not record", "",
                 events->empty() ? "Record again with --record " + source
                                 : "It holds '" + *events + "': choose --view events"};
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
