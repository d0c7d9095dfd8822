// twofold info: what a capture is, what is in it, what is missing from it, and what it cost.
#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/commands/info_parts.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/data/recorded_sources.h"
#include "analyzer/fold/view.h"
#include "analyzer/tabular/row_groups.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"
#include "format/loss_advice.h"

namespace twofold {

std::string InfoLine(std::string_view label, std::string_view text) {
  std::string line = "  " + std::string(label);
  line.resize(kInfoLabelWidth + 2, ' ');
  // A single word that is too long to be wrapped is cut.
  std::string wrapped;
  for (std::string_view rest = text; !rest.empty();) {
    size_t space = std::min(rest.find(' '), rest.size());
    if (!wrapped.empty()) wrapped += ' ';
    wrapped += Shorten(EscapeText(rest.substr(0, space)), kInfoWidth - kInfoLabelWidth - 2);
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return line + Wrap(wrapped, kInfoLabelWidth + 2, kInfoWidth) + "\n";
}

size_t InfoTableWidth() { return TableWidth("-"); }

Result<Statement> FirstRow(Database& database, const char* sql, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(Statement statement, database.Prepare(sql, {capture_id}));
  TWOFOLD_ASSIGN_OR_RETURN(bool row, statement.Step());
  if (!row) return Error{"the capture is not in the database", "", ""};
  return statement;
}

namespace {

void AddOptions(OptionSet& options) {
  options.Flag("modules",
               "only list the files whose frames lack names, with build ids, and how to get them");
  options.Flag("strict", "exit with 3 when the capture is partial or has losses");
}

std::string EndText(const std::string& reason, const std::string& command_status) {
  std::string text = "cut short: it has no end";
  if (reason == "duration") text = "when its duration was over";
  if (reason == "interrupted") text = "when it was interrupted";
  if (reason == "command-ended") text = "when the command ended";
  if (reason == "targets-exited") text = "when the last of its processes exited";
  if (reason == "other") text = "for a reason that a newer version knows";
  if (reason == "failed") text = "when the recorder met an error";
  if (reason == "overhead") text = "as --or-stop asks: it cost more than --max-overhead allows";
  if (!command_status.empty()) text += "; the command's exit status was " + command_status;
  return text;
}

Result<std::string> DescribeRecording(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(
          database,
          "SELECT file_name, file_bytes, recorder_version, is_partial, start_realtime_ns,"
          " window_ns, sources, frequency_hz, interval_ns, scope, pids, command,"
          " coalesce(end_reason, ''),"
          " coalesce(command_status, ''), hostname, distribution, kernel_release, machine,"
          " cpus_online, cpu_model, host_memory_bytes, map_budget_bytes, max_frames, tids, cgroup,"
          " comm "
          "FROM capture WHERE capture_id = ?",
          capture_id));
  auto text = [&](int column) { return std::string(row.Text(column)); };
  std::string name = text(0) == "-" ? "standard input" : text(0);
  std::string what = row.Int(3) != 0 ? "partial" : "whole";
  // 'twofold import' writes "import VERSION"; the text it read told nothing of host and settings.
  constexpr std::string_view kImport = "import ";
  const bool imported = text(2).starts_with(kImport);
  const std::string writer =
      imported ? "twofold " + text(2) : "twofold-record " + Shorten(EscapeText(text(2)), 12);
  std::string out = Shorten(EscapeText(name), 40) + ": " + what + ", " + FormatBytes(row.Int(1)) +
                    ", by " + Shorten(EscapeText(writer), 27) + "\n\nRecording\n";
  if (!imported || row.Int(4) != 0) out += InfoLine("began", FormatUtc(row.Int(4)));
  out += InfoLine("covers", FormatDuration(row.Int(5)));
  std::string sources = text(6).empty() ? "nothing" : text(6);
  for (size_t comma = 0; (comma = sources.find(',', comma)) != std::string::npos; comma += 2) {
    sources.insert(comma + 1, " ");
  }
  if (text(6).find("cpu") == 0 && row.Int(7) > 0) sources += "; CPUs sampled at " + text(7) + " Hz";
  out += InfoLine("sources", sources + "; intervals of " + FormatDuration(row.Int(8)));
  if (imported) return out;
  out += InfoLine("limits", FormatBytes(row.Int(21)) + " for BPF maps; " +
                                FormatCount(row.Int(22)) + " frames in a stack");
  std::string scope = "the whole host";
  if (text(9) == "processes") scope = "processes " + text(10);
  if (text(9) == "threads") scope = "threads " + text(23);
  if (text(9) == "cgroup") scope = "the control group " + text(24);
  if (text(9) == "command") scope = "the command " + text(11) + " and its children";
  if (!text(25).empty()) scope += "; only threads named " + text(25);
  out += InfoLine("scope", scope);
  TWOFOLD_ASSIGN_OR_RETURN(std::string blocks, DescribeBlockSettings(database, capture_id));
  out += blocks;
  out += InfoLine("ended", EndText(text(12), text(13)));
  out += "\nHost\n";
  out += InfoLine("name", text(14));
  out += InfoLine("system", text(15));
  out += InfoLine("kernel", text(16) + ", " + text(17));
  out += InfoLine("processor", FormatCount(row.Int(18)) + " x " + text(19));
  out += InfoLine("memory", FormatBytes(row.Int(20)));
  return out;
}

// How many frames of these kinds of modules there are, and how many have a name.
std::string NamedText(int64_t named, int64_t all) {
  if (all == 0) return "none";
  return FormatCount(all) + ", " + FormatShare(double(named), double(all)) + " with a name";
}

Result<std::string> DescribeContents(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(
          database,
          ("SELECT (SELECT count(*) FROM interval WHERE capture_id = ?1),"
           " (SELECT count(DISTINCT pid || ' ' || start_ns) FROM process WHERE capture_id = ?1),"
           " (SELECT " +
           ThreadCount("of_capture") +
           " FROM thread AS of_capture JOIN process USING (process_id)"
           "  WHERE process.capture_id = ?1),"
           " (SELECT count(*) FROM ("
           "   SELECT user_stack_id, kernel_stack_id FROM cpu"
           "   WHERE capture_id = ?1 AND loss IS NULL AND special_frame IS NULL"
           "   UNION"
           "   SELECT user_stack_id, kernel_stack_id FROM cpi WHERE capture_id = ?1"
           "   UNION"
           "   SELECT user_stack_id, kernel_stack_id FROM events WHERE capture_id = ?1"
           "   UNION"
           "   SELECT user_stack_id, kernel_stack_id FROM offcpu"
           "   WHERE capture_id = ?1 AND loss IS NULL AND special_frame IS NULL"
           "   UNION"
           "   SELECT user_stack_id, kernel_stack_id FROM memory_growth"
           "   WHERE capture_id = ?1 AND special_frame IS NULL"
           "   UNION"
           "   SELECT user_stack_id, kernel_stack_id FROM faults"
           "   WHERE capture_id = ?1 AND loss IS NULL"
           "   UNION"
           "   SELECT user_stack_id, kernel_stack_id FROM tcp"
           "   WHERE capture_id = ?1 AND loss IS NULL))")
              .c_str(),
          capture_id));
  std::string out = "\nContents\n";
  out += InfoLine("intervals", FormatCount(row.Int(0)));
  out += InfoLine("processes", FormatCount(row.Int(1)) + ", with " + FormatCount(row.Int(2)) +
                                   (row.Int(2) == 1 ? " thread" : " threads"));
  out += InfoLine("stacks", FormatCount(row.Int(3)) + " distinct");
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement frames,
      FirstRow(database,
               "SELECT coalesce(sum(of_kernel), 0), coalesce(sum(of_kernel AND named), 0),"
               " coalesce(sum(of_user), 0), coalesce(sum(of_user AND named), 0) "
               "FROM (SELECT module.kind IN ('kernel', 'kernel-module') AS of_kernel,"
               "  module.kind IN ('user', 'vdso', 'anonymous', 'runtime', 'other') AS of_user,"
               "  frame.symbol IS NOT NULL AS named"
               " FROM frame JOIN module ON module.module_id = frame.module_id"
               " WHERE module.capture_id = ?)",
               capture_id));
  out += InfoLine("kernel frames", NamedText(frames.Int(1), frames.Int(0)));
  out += InfoLine("user frames", NamedText(frames.Int(3), frames.Int(2)));
  return out;
}

// What accounts tell exactly of a view's value: a process's sum of a view is an estimate wherever
// the samples of several threads are scaled together (data/pools.h).
struct ExactValue {
  std::string_view sql_view;
  std::string_view column;     // of account
  std::string_view condition;  // on intervals: the view has rows of it, and there are accounts
};
constexpr ExactValue kExactValues[] = {
    {"cpu", "on_cpu_ns", "has_accounts = 1 AND cpu_period_ns IS NOT NULL"},
    {"offcpu",
     "interruptible_ns + uninterruptible_ns + stopped_ns + traced_ns + parked_ns + idle_ns"
     " + other_ns",
     "has_accounts = 1 AND has_blocked = 1"},
};

// SQL for the rows (process_id, value) of a view in the capture ?1: of accounts, and of the view
// where there are none.
std::string ValuesByProcess(const View& view, const std::string& where) {
  std::string sql = "SELECT process_id, " + std::string(view.value_column) + " AS value FROM " +
                    std::string(view.name) + where;
  for (const ExactValue& exact : kExactValues) {
    if (exact.sql_view != view.sql_view) continue;
    std::string intervals = "(SELECT interval_id FROM interval WHERE capture_id = ?1 AND " +
                            std::string(exact.condition) + ")";
    return sql + " AND NOT (interval_id IN " + intervals +
           "  AND coalesce(thread_id IN (SELECT thread_id FROM account), 0)) "
           "UNION ALL SELECT thread.process_id, " +
           std::string(exact.column) +
           " FROM account JOIN thread ON thread.thread_id = account.thread_id"
           " WHERE account.interval_id IN " +
           intervals;
  }
  return sql;
}

// The five processes with most time in a view.
Result<std::string> DescribeView(Database& database, int64_t capture_id, const View& view) {
  std::string name(view.name);
  std::string value(view.value_column);
  std::string where = " WHERE capture_id = ?1";
  if (!view.default_condition.empty()) where += " AND " + std::string(view.default_condition);
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t total,
      database.QueryInt("SELECT sum(" + value + ") FROM " + name + where, {capture_id}));
  // What the view shows if nothing else is asked for.
  std::string which = view.default_condition.empty() ? "" : ", old or untracked";
  std::string out = "\n" + std::string(view.title) + which + ": " +
                    FormatValue(view.unit, uint64_t(total)) + "\n";
  std::vector<std::vector<std::string>> rows;
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT process.pid, process.name, coalesce(process.executable, ''), top.value FROM ("
      " SELECT process_id, sum(value) AS value FROM (" +
          ValuesByProcess(view, where) +
          ") GROUP BY process_id HAVING sum(value) > 0) AS top "
          "JOIN process ON process.process_id = top.process_id "
          "ORDER BY top.value DESC, process.pid, process.process_id LIMIT 5",
      {capture_id}, [&](const Statement& row) {
        rows.push_back({FormatCell(view.unit, uint64_t(row.Int(3))),
                        FormatShare(double(row.Int(3)), double(total)), std::to_string(row.Int(0)),
                        std::string(row.Text(1)), std::string(row.Text(2))});
      }));
  if (rows.empty()) return out;
  return out + FormatTable({{std::string(QuantityName(view.unit)), Align::kRight},
                            {"share", Align::kRight},
                            {"pid", Align::kRight},
                            {"process", Align::kLeft},
                            {"executable", Align::kLeft}},
                           rows, 2, InfoTableWidth());
}

Result<std::string> DescribeLosses(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<LossTotal> totals, LossTotals(database, capture_id));
  if (totals.empty()) return std::string("\nLosses: none\n");
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement settings,
      FirstRow(database, "SELECT scope FROM capture WHERE capture_id = ?", capture_id));
  const std::string scope(settings.Text(0));
  std::string out = "\nLosses\n";
  for (const LossTotal& loss : totals) {
    out += "  " + std::string(loss.info.name) + " (" + loss.source +
           "): " + FormatCount(loss.count) + (loss.count == 1 ? " time" : " times");
    if (loss.time_ns > 0) {
      out += ", " + FormatDuration(loss.time_ns);
      out += loss.in_rows ? ", kept" : ", shown as [lost: ...]";
    }
    out += "\n    " + Wrap(EscapeText(loss.info.description), 4, kInfoWidth) + "\n    " +
           Wrap(EscapeText(LossAdvice(loss.info, scope)), 4, kInfoWidth) + "\n";
  }
  return out;
}

Result<std::string> Describe(Database& database, int64_t capture_id) {
  using Part = Result<std::string> (*)(Database&, int64_t);
  std::string out;
  for (Part part :
       {Part{DescribeRecording}, Part{DescribeContents}, Part{DescribeNames}, Part{DescribeCpus},
        Part{DescribeCounters}, Part{DescribeMemory}, Part{DescribeFaults},
        Part{DescribeRetransmits}, Part{DescribeExecs}, Part{DescribeAccounting}}) {
    TWOFOLD_ASSIGN_OR_RETURN(std::string text, part(database, capture_id));
    out += text;
  }
  for (const View& view : Views()) {
    TWOFOLD_ASSIGN_OR_RETURN(
        int64_t recorded,
        database.QueryInt(
            "SELECT count(*) FROM capture WHERE capture_id = ?1 AND " + RecordedSource("?2"),
            {capture_id, std::string(view.source)}));
    if (recorded == 0) continue;
    TWOFOLD_ASSIGN_OR_RETURN(std::string text, DescribeView(database, capture_id, view));
    out += text;
  }
  for (Part part : {Part{DescribeLosses}, Part{DescribeSteps}, Part{DescribeCost}}) {
    TWOFOLD_ASSIGN_OR_RETURN(std::string text, part(database, capture_id));
    out += text;
  }
  return out;
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().empty()) {
    return Error{"no capture is given", "", "", Error::Kind::kUsage};
  }
  bool incomplete = false;
  bool first = true;
  for (const std::string& path : arguments.positionals()) {
    TWOFOLD_ASSIGN_OR_RETURN(Input input, OpenInput(path, TableKind::kInPlace));
    Database& database = input.database;
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<std::string> notes, PartialNotes(database));
    for (const std::string& note : notes) Say(note);
    TWOFOLD_ASSIGN_OR_RETURN(bool losses, HasLosses(database));
    incomplete = incomplete || !notes.empty() || losses;
    TWOFOLD_ASSIGN_OR_RETURN(int64_t captures,
                             database.QueryInt("SELECT max(capture_id) FROM capture"));
    for (int64_t capture_id = 1; capture_id <= captures; ++capture_id) {
      Result<std::string> text = arguments.Has("modules") ? DescribeModules(database, capture_id)
                                                          : Describe(database, capture_id);
      if (!text) {
        Error error = text.error();
        if (error.where.empty()) error.where = path;
        return error;
      }
      TWOFOLD_RETURN_IF_ERROR(PrintToStandardOutput((first ? "" : "\n\n") + *text));
      first = false;
    }
  }
  return incomplete && arguments.Has("strict") ? ExitStatus::kIncomplete : ExitStatus::kDone;
}

}  // namespace

const Command kInfoCommand = {
    "info",
    "what a capture is: host, time, contents, losses, and what it cost",
    "[--modules] [--strict] CAPTURE...",
    "Says where, when and how a capture was recorded, where the time of its threads went and "
    "whether it adds up, which processes used most time, where stacks and names are incomplete and "
    "why, what was lost and what to do about it, "
    "and what the recording itself cost. CAPTURE may be a database "
    "made by 'twofold load', or - for standard input.",
    "twofold info host.twofold\n"
    "twofold info --modules host.twofold\n"
    "twofold info --strict before.twofold after.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
