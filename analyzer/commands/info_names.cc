// twofold info: how far stacks and their names can be trusted, by process; and with --modules the
// files whose frames lack names.
#include <algorithm>
#include <array>

#include "analyzer/commands/info_parts.h"
#include "analyzer/names/name_gaps.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/options.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr size_t kMaxProcesses = 5;

std::string Share(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  return FormatShare(double(part), double(whole));
}

std::string Duration(uint64_t time_ns) { return FormatDuration(int64_t(time_ns)); }

std::string Count(uint64_t count) { return FormatCount(int64_t(count)); }

// The names of the gaps with most time, most first.
std::string WhyText(const ProcessNames& process) {
  std::vector<size_t> order;
  for (size_t i = 0; i < kNameGaps; ++i) {
    if (process.gap_time_ns[i] > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return process.gap_time_ns[a] > process.gap_time_ns[b];
  });
  std::string text;
  for (size_t i : order) {
    text += (text.empty() ? "" : ", ") + std::string(InfoOf(static_cast<NameGap>(i)).name);
  }
  return text;
}

std::string KindText(const std::string& kind) {
  if (kind == "user") return "file";
  if (kind == "kernel-module") return "module";
  if (kind == "anonymous") return "memory";
  return kind;
}

// How to get the names that modules with this gap lack.
std::string_view ModuleAdvice(NameGap gap) {
  switch (gap) {
    case NameGap::kStripped:
      return "files: neither they nor debug files on the host told the names of these functions. "
             "Debug packages (Debian: find-dbgsym-packages FILE; debuginfod-find debuginfo "
             "BUILD-ID) hold them: install those before recording, or let 'twofold symbolize' add "
             "the names to this capture";
    case NameGap::kFileUnread:
      return "files without a build id: the recorder could not read them, or they have none. "
             "Check that they still exist; containers' files are read through their processes";
    default:
      return InfoOf(gap).advice;
  }
}

// The path on a line of its own, then everything else below the table's headings.
std::string ModuleLines(const ModuleNames& module) {
  auto right = [](const std::string& text, size_t width) {
    size_t used = DisplayWidth(text);
    return std::string(width > used ? width - used : 0, ' ') + text;
  };
  std::string path = module.path.empty() ? "-" : EscapeText(module.path);
  if (module.kind == "anonymous") path = "memory without a file";
  std::string kind = KindText(module.kind);
  kind.resize(std::max<size_t>(kind.size(), 6), ' ');
  std::string line = right(Count(module.frames), 8) + right(Count(module.unnamed), 9) +
                     right(Duration(module.time_ns), 9) + "  " + kind + "  " +
                     (module.build_id ? EscapeText(*module.build_id) : "unknown");
  return "  " + Shorten(path, InfoTableWidth() - 2) + "\n" + Shorten(line, InfoTableWidth()) + "\n";
}

}  // namespace

Result<std::string> DescribeNames(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(NameGaps gaps, FindNameGaps(database, capture_id));
  double time_ns = 0;
  double early_ns = 0;
  std::array<bool, kNameGaps> is_there = {};
  std::vector<std::vector<std::string>> rows;
  size_t more = 0;
  for (const ProcessNames& process : gaps.processes) {
    time_ns += double(process.time_ns);
    early_ns += double(process.early_ns);
    for (size_t i = 0; i < kNameGaps; ++i) {
      is_there[i] = is_there[i] || process.gap_time_ns[i] > 0;
    }
    if (process.gap_ns == 0) continue;
    if (rows.size() == kMaxProcesses) {
      ++more;
      continue;
    }
    rows.push_back({Duration(process.cpu_ns), Share(process.early_ns, process.time_ns),
                    Share(process.frames_unnamed, process.frames), std::to_string(process.pid),
                    process.name, WhyText(process)});
  }
  if (time_ns == 0) return std::string();
  std::string out = "\nNames\n";
  if (rows.empty()) {
    out += InfoLine("user stacks", "none ends early, and all of their frames have names");
  } else {
    out += InfoLine("user stacks",
                    "end early in " + FormatShare(early_ns, time_ns) +
                        " of their time. By process, the busiest first: the same, and the "
                        "share of the frames in its stacks that have no name");
    out += FormatTable({{"CPU", Align::kRight},
                        {"ends early", Align::kRight},
                        {"no name", Align::kRight},
                        {"pid", Align::kRight},
                        {"process", Align::kLeft},
                        {"why", Align::kLeft}},
                       rows, 2, InfoTableWidth());
    if (more > 0) {
      out += "  and " + Count(more) + (more == 1 ? " more process\n" : " more processes\n");
    }
  }
  for (size_t i = 0; i < kNameGaps; ++i) {
    const NameGapInfo& info = InfoOf(static_cast<NameGap>(i));
    if (is_there[i]) out += InfoLine(info.name, info.advice);
  }
  return out;
}

Result<std::string> DescribeModules(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(database, "SELECT file_name FROM capture WHERE capture_id = ?", capture_id));
  std::string name(row.Text(0) == "-" ? "standard input" : row.Text(0));
  std::string out = Shorten(EscapeText(name), 40) + ": ";
  TWOFOLD_ASSIGN_OR_RETURN(NameGaps gaps, FindNameGaps(database, capture_id));
  if (gaps.modules.empty()) return out + "every frame has a name\n";
  out +=
      "files whose frames lack names\n\n"
      "  frames  no name     time  kind    build id\n";
  std::array<bool, kNameGaps> is_there = {};
  for (const ModuleNames& module : gaps.modules) {
    out += ModuleLines(module);
    is_there[size_t(module.gap)] = true;
  }
  out += "\n  time: of stacks, on a CPU or blocked, that have such a frame\n";
  for (size_t i = 0; i < kNameGaps; ++i) {
    NameGap gap = static_cast<NameGap>(i);
    if (is_there[i]) out += InfoLine(InfoOf(gap).name, ModuleAdvice(gap));
  }
  return out;
}

}  // namespace twofold
