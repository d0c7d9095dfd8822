// A capture, prepared for reading row by row, and the list of its tables.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>

#include "analyzer/data/capture_tables.h"
#include "analyzer/data/columns.h"
#include "analyzer/data/container_id.h"
#include "analyzer/text/shell_words.h"

namespace twofold {
namespace {

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ',';
    text += part;
  }
  return text;
}

std::string Joined(const std::vector<uint32_t>& numbers) {
  std::string text;
  for (uint32_t number : numbers) {
    if (!text.empty()) text += ',';
    text += std::to_string(number);
  }
  return text;
}

// Where `count(interval)` rows of each interval lie.
template <typename Count>
std::vector<RowPlace> Places(const Capture& capture, Count count) {
  std::vector<RowPlace> places;
  for (size_t i = 0; i < capture.intervals.size(); ++i) {
    size_t rows = count(capture.intervals[i]);
    for (size_t row = 0; row < rows; ++row) {
      places.push_back({uint32_t(i), uint32_t(row)});
    }
  }
  return places;
}

// By process index: the next image of the same process, 0 where there is none.
std::vector<ProcessId> NextImages(const std::vector<Process>& processes) {
  std::vector<uint32_t> order(processes.size());
  std::iota(order.begin(), order.end(), 0);
  auto of_image = [&](uint32_t index) {
    const Process& process = processes[index];
    return std::make_tuple(process.pid.value, process.start_ns, process.image_start_ns, index);
  };
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return of_image(a) < of_image(b); });
  std::vector<ProcessId> next(processes.size());
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    const Process& image = processes[order[i]];
    const Process& follower = processes[order[i + 1]];
    bool is_same = image.pid == follower.pid && image.start_ns == follower.start_ns;
    if (is_same) next[order[i]] = ProcessId(order[i + 1] + 1);
  }
  return next;
}

}  // namespace

const std::vector<CaptureTable>& CaptureTables() {
  static const std::vector<CaptureTable> tables = [] {
    std::vector<CaptureTable> all = columns::FactTables();
    for (auto make : {columns::WakerTables, columns::RowTables}) {
      std::vector<CaptureTable> more = make();
      all.insert(all.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
    }
    return all;
  }();
  return tables;
}

CaptureSource::CaptureSource(const Capture& from, std::string name, int64_t id,
                             const IdOffsets& id_offsets)
    : capture(from),
      file_name(std::move(name)),
      capture_id(id),
      offsets(id_offsets),
      cpu_scaling(from),
      off_cpu_scaling(from),
      block_ends(FindBlockEnds(from)) {
  const Settings& settings = capture.recording.settings;
  sources = Joined(settings.sources);
  pids = Joined(settings.pids);
  tids = Joined(settings.tids);
  uint64_t window = 0;
  for (const Interval& interval : capture.intervals) window = std::max(window, interval.end_ns);
  if (capture.end) window = std::max(window, capture.end->end_ns);
  window_ns = int64_t(std::min<uint64_t>(window, INT64_MAX));

  ForEachRowTable([&](const auto& table) {
    places[RowTableIndex<RowOf<decltype(table)>>()] =
        Places(capture, [&](const Interval& interval) {
          const auto* rows = table.Find(interval);
          return rows == nullptr ? 0 : rows->size();
        });
  });
  if (settings.CountedEvent()) {
    std::swap(event_rows, places[RowTableIndex<CpuRow>()]);
  }
  counter_totals = Places(capture, [](const Interval& i) { return i.counters ? 2 : 0; });
  size_t retransmits_before = 0;
  for (const Interval& interval : capture.intervals) {
    first_retransmit.push_back(retransmits_before);
    if (interval.retransmits) retransmits_before += interval.retransmits->rows.size();
  }
  for (const RowPlace& place : PlacesOf<ExecRow>()) {
    const ExecRow& row = (*capture.intervals[place.interval].execs)[place.row];
    exec_arguments.push_back(ShellWords(capture.String(row.arguments)));
  }
  const std::vector<Process>& processes = capture.definitions.processes;
  process_end_ns.assign(processes.size(), kNoEnd);
  exit_statuses.resize(processes.size());
  for (const ProcessEnd& process_end : capture.definitions.process_ends) {
    size_t index = process_end.process.value;
    if (index == 0 || index > processes.size()) continue;
    process_end_ns[index - 1] = process_end.end_ns;
    exit_statuses[index - 1] = process_end.exit_status;
  }
  next_images = NextImages(processes);
  const auto note_container = [this](StringId cgroup) {
    if (container_ids.count(cgroup.value) != 0) return;
    if (std::optional<std::string> id = ContainerIdOf(capture.String(cgroup))) {
      container_ids.emplace(cgroup.value, std::move(*id));
    }
  };
  for (const Process& process : processes) note_container(process.cgroup);
  thread_cgroups.reserve(capture.definitions.threads.size());
  for (const Thread& thread : capture.definitions.threads) {
    const bool own = thread.cgroup.value != 0;
    thread_cgroups.push_back(own ? thread.cgroup : capture.GetProcess(thread.process).cgroup);
    note_container(thread_cgroups.back());
  }
}

uint64_t CaptureSource::TotalRows() const {
  uint64_t rows = 0;
  for (const CaptureTable& table : CaptureTables()) rows += table.row_count(*this);
  return rows;
}

}  // namespace twofold
