// The table "tcp": one row per connection (and process that holds it) on which TCP sent packets
// again, most segments first.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "analyzer/data/kind_names.h"
#include "analyzer/fold/recorded.h"
#include "analyzer/tabular/view.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kIndent = 4;

// Columns of the query.
enum Column {
  kCapture,
  kProcess,
  kPid,
  kName,
  kNamespace,
  kLocal,
  kRemote,
  kKind,
  kState,
  kFailed,
  kPackets,
  kSegments,
  kBytes,
  kStart,
  kEnd,
  kFirst,
  kLast,
  kEvents,
};

struct Flow {
  int64_t capture_id = 0;
  int64_t pid = 0;
  int64_t net_namespace = 0;
  std::string process;
  std::string local;
  std::string remote;
  std::set<std::string> states;
  std::map<std::string, int64_t> segments_of_kind;
  int64_t packets = 0;
  int64_t segments = 0;
  int64_t bytes = 0;
  int64_t failed_packets = 0;
  // From the packets where all of them were kept one by one, else from the intervals.
  int64_t first_ns = INT64_MAX;
  int64_t last_ns = 0;
};

class Maker {
 public:
  Maker(Database& database, const TabularRequest& request)
      : database_(database), request_(request) {}

  Result<Tabular> Make() {
    TWOFOLD_ASSIGN_OR_RETURN(const View* view, FindView("tcp"));
    TWOFOLD_RETURN_IF_ERROR(CheckRecorded(database_, *view, /*with_waiting=*/false));
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes,
                             MissingNotes(database_, "has_retransmits", "retransmits"));
    TWOFOLD_RETURN_IF_ERROR(ReadRows());
    TWOFOLD_RETURN_IF_ERROR(ReadLost());
    Tabular tabular;
    tabular.notes = std::move(notes);
    if (lost_ > 0) {
      tabular.notes.push_back(FormatCount(uint64_t(lost_), " packet was", " packets were") +
                              " lost while recording and are in no row");
    }
    std::vector<const Flow*> order = Order();
    size_t all = order.size();
    if (request_.limit != 0 && all > request_.limit) {
      order.resize(request_.limit);
      tabular.notes.push_back("shows the " + std::to_string(order.size()) + " of " +
                              std::to_string(all) +
                              " connections with most segments; --limit 0 shows all");
    }
    Fill(order, tabular);
    tabular.text = TextFor(order, all);
    return tabular;
  }

 private:
  static Error NoSuchRow() {
    return Error{"the table retransmit holds a row that no capture has", "",
                 "Load the captures again"};
  }

  Result<void> ReadRows() {
    std::vector<SqlValue> parameters;
    std::string where = WhereText(request_.conditions, parameters);
    return ForEachRow(
        database_,
        "SELECT part.capture_id, part.process_id, process.pid, process.name, part.net_namespace,"
        " part.local, part.remote, part.kind, part.tcp_state, part.failed, part.count,"
        " part.segments, part.bytes, interval.start_ns, interval.end_ns, event.first_ns,"
        " event.last_ns, event.events FROM (SELECT * FROM tcp" +
            where +
            ") AS part JOIN interval ON interval.interval_id = part.interval_id"
            " LEFT JOIN process ON process.process_id = part.process_id"
            " LEFT JOIN (SELECT retransmit_id, min(time_ns) AS first_ns, max(time_ns) AS last_ns,"
            "  count(*) AS events FROM retransmit_event GROUP BY retransmit_id) AS event"
            " ON event.retransmit_id = part.retransmit_id WHERE part.loss IS NULL",
        parameters, [&](const Statement& row) { return AddRow(row); });
  }

  Result<void> AddRow(const Statement& row) {
    auto key = std::tuple(row.Int(kCapture), row.Int(kProcess), row.Int(kNamespace),
                          std::string(row.Text(kLocal)), std::string(row.Text(kRemote)));
    Flow& flow = flows_[key];
    if (flow.packets == 0) {
      flow.capture_id = row.Int(kCapture);
      flow.pid = row.Int(kPid);
      flow.process = row.Text(kName);
      flow.net_namespace = row.Int(kNamespace);
      flow.local = row.Text(kLocal);
      flow.remote = row.Text(kRemote);
    }
    flow.states.emplace(row.Text(kState));
    int64_t packets = row.Int(kPackets);
    bool fits = !row.IsNull(kPid) && Add(flow.packets, packets) && Add(all_.packets, packets) &&
                Add(flow.segments, row.Int(kSegments)) && Add(all_.segments, row.Int(kSegments)) &&
                Add(flow.bytes, row.Int(kBytes)) && Add(all_.bytes, row.Int(kBytes)) &&
                Add(flow.segments_of_kind[std::string(row.Text(kKind))], row.Int(kSegments));
    if (!fits) return NoSuchRow();
    if (row.Int(kFailed) != 0) flow.failed_packets += packets;
    bool has_all = row.Int(kEvents) == packets;
    flow.first_ns = std::min(flow.first_ns, row.Int(has_all ? kFirst : kStart));
    flow.last_ns = std::max(flow.last_ns, row.Int(has_all ? kLast : kEnd));
    return {};
  }

  static bool Add(int64_t& sum, int64_t value) {
    return value >= 0 && !__builtin_add_overflow(sum, value, &sum);
  }

  // Of the same time: lost packets are of no process.
  Result<void> ReadLost() {
    std::string sql = "SELECT sum(count) FROM tcp WHERE loss IS NOT NULL";
    std::vector<SqlValue> parameters;
    for (const Condition& condition : request_.conditions) {
      if (!condition.selects_by_time) continue;
      sql += " AND " + condition.sql;
      parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
    }
    TWOFOLD_ASSIGN_OR_RETURN(int64_t lost, database_.QueryInt(sql, parameters));
    lost_ = std::max<int64_t>(lost, 0);
    return {};
  }

  std::vector<const Flow*> Order() const {
    std::vector<const Flow*> order;
    for (const auto& [key, flow] : flows_) order.push_back(&flow);
    std::stable_sort(order.begin(), order.end(), [](const Flow* a, const Flow* b) {
      return std::tie(b->segments, b->packets, a->capture_id, a->local, a->remote, a->pid) <
             std::tie(a->segments, a->packets, b->capture_id, b->local, b->remote, b->pid);
    });
    return order;
  }

  static std::string Joined(const std::set<std::string>& texts, const char* between) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : between) + text;
    return out;
  }

  static void Fill(const std::vector<const Flow*>& order, Tabular& tabular) {
    tabular.columns = {
        {"capture_id", "", CellKind::kNumber},
        {"pid", "", CellKind::kNumber},
        {"process", "", CellKind::kText},
        {"net_namespace", "", CellKind::kNumber},
        {"local", "", CellKind::kText},
        {"remote", "", CellKind::kText},
        {"states", "", CellKind::kText},
        {"packets", "", CellKind::kNumber},
        {"segments", "", CellKind::kNumber},
        {"bytes", "", CellKind::kNumber},
        {"first_ns", "", CellKind::kNumber},
        {"last_ns", "", CellKind::kNumber},
        {"failed_packets", "", CellKind::kNumber},
    };
    for (std::string_view kind : kRetransmitKinds) {
      tabular.columns.push_back({std::string(kind) + "_segments", "", CellKind::kNumber});
    }
    for (const Flow* flow : order) {
      tabular.rows.push_back({flow->capture_id, flow->pid, flow->process, flow->net_namespace,
                              flow->local, flow->remote, Joined(flow->states, ","), flow->packets,
                              flow->segments, flow->bytes, flow->first_ns, flow->last_ns,
                              flow->failed_packets});
      for (std::string_view kind : kRetransmitKinds) {
        auto found = flow->segments_of_kind.find(std::string(kind));
        tabular.rows.back().emplace_back(found == flow->segments_of_kind.end() ? 0 : found->second);
      }
    }
  }

  // "192.0.2.1:443 -> 198.51.100.7:50000, established; fast 12, timeout 3", on as many lines as it
  // takes.
  std::string Details(const Flow& flow) const {
    std::string kinds;
    for (std::string_view kind : kRetransmitKinds) {
      auto found = flow.segments_of_kind.find(std::string(kind));
      if (found == flow.segments_of_kind.end()) continue;
      kinds += (kinds.empty() ? "" : ", ") + std::string(kind) + " " +
               FormatQuantity(uint64_t(found->second));
    }
    if (flow.failed_packets > 0) {
      kinds += ", " + FormatQuantity(uint64_t(flow.failed_packets)) + " not sent";
    }
    std::string out;
    std::string line;
    for (const std::string& part : {EscapeText(flow.local), "-> " + EscapeText(flow.remote) + ",",
                                    EscapeText(Joined(flow.states, ", ")) + ";", kinds}) {
      size_t width = kIndent + DisplayWidth(line) + 1 + DisplayWidth(part);
      if (!line.empty() && width > request_.width) {
        out += std::string(kIndent, ' ') + line + "\n";
        line.clear();
      }
      line += (line.empty() ? "" : " ") + Shorten(part, request_.width - kIndent);
    }
    return out + std::string(kIndent, ' ') + line + "\n";
  }

  std::string TextFor(const std::vector<const Flow*>& order, size_t all) const {
    std::string out =
        "TCP sent again: " + FormatCount(uint64_t(all_.segments), " segment", " segments") +
        " in " + FormatCount(uint64_t(all_.packets), " packet", " packets") + ", " +
        FormatBytes(all_.bytes) + ", on " + FormatCount(all, " connection", " connections") + "\n";
    if (order.empty()) return out;
    std::vector<std::vector<std::string>> lines;
    for (const Flow* flow : order) {
      lines.push_back({FormatQuantity(uint64_t(flow->segments)),
                       FormatQuantity(uint64_t(flow->packets)), FormatBytes(flow->bytes),
                       FormatDuration(flow->first_ns), FormatDuration(flow->last_ns),
                       std::to_string(flow->pid), flow->process});
    }
    std::istringstream table(FormatTable({{"segments", Align::kRight},
                                          {"packets", Align::kRight},
                                          {"bytes", Align::kRight},
                                          {"first", Align::kRight},
                                          {"last", Align::kRight},
                                          {"pid", Align::kRight},
                                          {"process", Align::kLeft}},
                                         lines, 0, request_.width));
    std::string line;
    std::getline(table, line);
    out += line + "\n";
    for (const Flow* flow : order) {
      std::getline(table, line);
      out += line + "\n" + Details(*flow);
    }
    return out;
  }

  Database& database_;
  const TabularRequest& request_;
  std::map<std::tuple<int64_t, int64_t, int64_t, std::string, std::string>, Flow> flows_;
  Flow all_;
  int64_t lost_ = 0;
};

}  // namespace

Result<Tabular> MakeTcp(Database& database, const TabularRequest& request) {
  return Maker(database, request).Make();
}

}  // namespace twofold
