// twofold info: what a capture is, what is in it, what is missing from it, and what it cost.
#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/data/input.h"
#include "analyzer/data/losses.h"
#include "analyzer/fold/view.h"
#include "analyzer/text/escape.h"
#include "analyzer/text/table.h"
#include "analyzer/text/units.h"

namespace twofold {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kLabelWidth = 14;

void AddOptions(OptionSet& options) {
  options.Flag("strict", "exit with 3 when the capture is partial or has losses");
}

// "  label       text", with the text wrapped and made harmless.
std::string Line(std::string_view label, std::string_view text) {
  std::string line = "  " + std::string(label);
  line.resize(kLabelWidth + 2, ' ');
  // A single word that is too long to be wrapped is cut.
  std::string wrapped;
  for (std::string_view rest = text; !rest.empty();) {
    size_t space = std::min(rest.find(' '), rest.size());
    if (!wrapped.empty()) wrapped += ' ';
    wrapped += Shorten(EscapeText(rest.substr(0, space)), kWidth - kLabelWidth - 2);
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return line + Wrap(wrapped, kLabelWidth + 2, kWidth) + "\n";
}

std::string EndText(const std::string& reason, const std::string& command_status) {
  std::string text = "cut short: it has no end";
  if (reason == "duration") text = "when its duration was over";
  if (reason == "interrupted") text = "when it was interrupted";
  if (reason == "command-ended") text = "when the command ended";
  if (reason == "targets-exited") text = "when the last of its processes exited";
  if (reason == "other") text = "for a reason that a newer version knows";
  if (reason == "failed") text = "when the recorder met an error";
  if (!command_status.empty()) text += "; the command's exit status was " + command_status;
  return text;
}

// The first row of a query, as text and numbers by column.
Result<Statement> FirstRow(Database& database, const char* sql, int64_t capture_id) {
  Result<Statement> statement = database.Prepare(sql, {capture_id});
  if (!statement) return statement;
  Result<bool> row = statement->Step();
  if (!row) return std::move(row).error();
  if (!*row) return Error{"the capture is not in the database", "", ""};
  return statement;
}

Result<std::string> DescribeRecording(Database& database, int64_t capture_id) {
  Result<Statement> row = FirstRow(
      database,
      "SELECT file_name, file_bytes, recorder_version, is_partial, start_realtime_ns, window_ns,"
      " sources, frequency_hz, interval_ns, scope, pids, command, coalesce(end_reason, ''),"
      " coalesce(command_status, ''), hostname, distribution, kernel_release, machine,"
      " cpus_online, cpu_model, host_memory_bytes, map_budget_bytes, max_frames "
      "FROM capture WHERE capture_id = ?",
      capture_id);
  if (!row) return std::move(row).error();
  auto text = [&](int column) { return std::string(row->Text(column)); };
  std::string name = text(0) == "-" ? "standard input" : text(0);
  std::string what = row->Int(3) != 0 ? "partial" : "whole";
  std::string out = Shorten(EscapeText(name), 40) + ": " + what + ", " + FormatBytes(row->Int(1)) +
                    ", by twofold-record " + Shorten(EscapeText(text(2)), 12) + "\n\nRecording\n";
  out += Line("began", FormatUtc(row->Int(4)));
  out += Line("covers", FormatDuration(row->Int(5)));
  std::string sources = text(6).empty() ? "nothing" : text(6);
  for (size_t comma = 0; (comma = sources.find(',', comma)) != std::string::npos; comma += 2) {
    sources.insert(comma + 1, " ");
  }
  if (text(6).find("cpu") == 0) sources += "; CPUs sampled at " + text(7) + " Hz";
  out += Line("sources", sources + "; intervals of " + FormatDuration(row->Int(8)));
  out += Line("limits", FormatBytes(row->Int(21)) + " for BPF maps; " + FormatCount(row->Int(22)) +
                            " frames in a stack");
  std::string scope = "the whole host";
  if (text(9) == "processes") scope = "processes " + text(10);
  if (text(9) == "command") scope = "the command " + text(11) + " and its children";
  out += Line("scope", scope);
  out += Line("ended", EndText(text(12), text(13)));
  out += "\nHost\n";
  out += Line("name", text(14));
  out += Line("system", text(15));
  out += Line("kernel", text(16) + ", " + text(17));
  out += Line("processor", FormatCount(row->Int(18)) + " x " + text(19));
  out += Line("memory", FormatBytes(row->Int(20)));
  return out;
}

// How many frames of these kinds of modules there are, and how many have a name.
std::string NamedText(int64_t named, int64_t all) {
  if (all == 0) return "none";
  return FormatCount(all) + ", " +
         FormatShare(static_cast<double>(named), static_cast<double>(all)) + " with a name";
}

Result<std::string> DescribeContents(Database& database, int64_t capture_id) {
  Result<Statement> row = FirstRow(
      database,
      "SELECT (SELECT count(*) FROM interval WHERE capture_id = ?1),"
      " (SELECT count(*) FROM process WHERE capture_id = ?1),"
      " (SELECT count(*) FROM thread JOIN process ON process.process_id = thread.process_id"
      "  WHERE process.capture_id = ?1),"
      " (SELECT count(*) FROM ("
      "   SELECT user_stack_id, kernel_stack_id FROM cpu"
      "   WHERE capture_id = ?1 AND loss IS NULL AND special_frame IS NULL"
      "   UNION"
      "   SELECT user_stack_id, kernel_stack_id FROM offcpu"
      "   WHERE capture_id = ?1 AND loss IS NULL AND special_frame IS NULL))",
      capture_id);
  if (!row) return std::move(row).error();
  std::string out = "\nContents\n";
  out += Line("intervals", FormatCount(row->Int(0)));
  out += Line("processes", FormatCount(row->Int(1)) + ", with " + FormatCount(row->Int(2)) +
                               (row->Int(2) == 1 ? " thread" : " threads"));
  out += Line("stacks", FormatCount(row->Int(3)) + " distinct");
  Result<Statement> frames =
      FirstRow(database,
               "SELECT coalesce(sum(of_kernel), 0), coalesce(sum(of_kernel AND named), 0),"
               " coalesce(sum(of_user), 0), coalesce(sum(of_user AND named), 0) "
               "FROM (SELECT module.kind IN ('kernel', 'kernel-module') AS of_kernel,"
               "  module.kind IN ('user', 'vdso', 'anonymous', 'other') AS of_user,"
               "  frame.symbol IS NOT NULL AS named"
               " FROM frame JOIN module ON module.module_id = frame.module_id"
               " WHERE module.capture_id = ?)",
               capture_id);
  if (!frames) return std::move(frames).error();
  out += Line("kernel frames", NamedText(frames->Int(1), frames->Int(0)));
  out += Line("user frames", NamedText(frames->Int(3), frames->Int(2)));
  return out;
}

// Per cent with one figure that is not 0, without an exponent: "0.000003 %".
std::string SmallPercent(double percent) {
  int decimals = 1;
  for (double shown = percent * 10; shown < 0.95 && decimals < 12; shown *= 10) ++decimals;
  char text[64];
  snprintf(text, sizeof(text), "%.*f %%", decimals, percent);
  return text;
}

// Whether the states of each thread and interval add up to the time that it existed.
Result<std::string> DescribeResidue(Database& database, int64_t capture_id) {
  // More than this share of an interval is no matter of clocks any more.
  constexpr double kMaxPercent = 0.1;
  const std::string residues =
      "WITH residue AS (SELECT account_id, thread_id, interval.number,"
      " on_cpu_ns + woken_ns + preempted_ns + interruptible_ns + uninterruptible_ns + stopped_ns"
      "  + traced_ns + parked_ns + idle_ns + other_ns - existed_ns AS residue_ns,"
      " max(interval.end_ns - interval.start_ns, 1) AS length_ns"
      " FROM account JOIN interval ON interval.interval_id = account.interval_id"
      " WHERE interval.capture_id = ?) ";
  Result<int64_t> largest_ns =
      database.QueryInt(residues + "SELECT max(abs(residue_ns)) FROM residue", {capture_id});
  if (!largest_ns) return std::move(largest_ns).error();
  if (*largest_ns == 0) return Line("adds up", "to the nanosecond, for every thread and interval");
  const std::string worst =
      residues +
      "SELECT residue_ns, 100.0 * abs(residue_ns) / length_ns AS percent, number, thread.tid,"
      " thread.name, process.pid FROM residue"
      " LEFT JOIN thread ON thread.thread_id = residue.thread_id"
      " LEFT JOIN process ON process.process_id = thread.process_id "
      "ORDER BY percent DESC, account_id LIMIT 1";
  Result<Statement> row = FirstRow(database, worst.c_str(), capture_id);
  if (!row) return std::move(row).error();
  std::string percent = SmallPercent(row->Real(1));
  if (row->Real(1) <= kMaxPercent) {
    return Line("adds up", "within " + FormatDuration(*largest_ns) +
                               " for every thread and interval, " + percent +
                               " of an interval at most");
  }
  int64_t residue_ns = row->Int(0);
  return Line("WARNING", "does not add up: in interval " + std::to_string(row->Int(2)) +
                             ", thread " + std::to_string(row->Int(3)) + " (" +
                             std::string(row->Text(4)) + ") of process " +
                             std::to_string(row->Int(5)) + " has " +
                             FormatDuration(residue_ns < 0 ? -residue_ns : residue_ns) +
                             (residue_ns < 0 ? " too little" : " too much") + " in its states, " +
                             percent + " of the interval");
}

// Where the time of all threads went, exactly. Empty where the capture has no accounts.
Result<std::string> DescribeAccounting(Database& database, int64_t capture_id) {
  static constexpr const char* kStates[] = {
      "on a CPU",
      "woken, waiting for a CPU",
      "preempted, waiting for a CPU",
      "blocked, S: asleep, waiting for an event",
      "blocked, D: waiting for a disk or a lock of the kernel",
      "blocked, T: stopped by a signal",
      "blocked, t: stopped by a debugger",
      "blocked, P: a parked kernel thread",
      "blocked, I: an idle kernel thread",
      "blocked in another state",
  };
  Result<Statement> row = FirstRow(
      database,
      "SELECT count(DISTINCT thread_id), sum(existed_ns), sum(on_cpu_ns), sum(woken_ns),"
      " sum(preempted_ns), sum(interruptible_ns), sum(uninterruptible_ns), sum(stopped_ns),"
      " sum(traced_ns), sum(parked_ns), sum(idle_ns), sum(other_ns) "
      "FROM account JOIN interval ON interval.interval_id = account.interval_id "
      "WHERE interval.capture_id = ?",
      capture_id);
  if (!row) return std::move(row).error();
  if (row->Int(0) == 0) return std::string();
  std::string out = "\nAccounting\n";
  out += Line("threads", FormatCount(row->Int(0)) + ", which existed for " +
                             FormatDuration(row->Int(1)) + " in all");
  Result<std::string> residue = DescribeResidue(database, capture_id);
  if (!residue) return residue;
  out += *residue;
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < std::size(kStates); ++i) {
    int64_t time_ns = row->Int(static_cast<int>(i) + 2);
    if (time_ns == 0) continue;
    rows.push_back({FormatDuration(time_ns),
                    FormatShare(static_cast<double>(time_ns), static_cast<double>(row->Int(1))),
                    kStates[i]});
  }
  if (rows.empty()) return out;
  return out +
         FormatTable({{"time", Align::kRight}, {"share", Align::kRight}, {"state", Align::kLeft}},
                     rows, 2, kWidth);
}

// The five processes with most time in a view.
Result<std::string> DescribeView(Database& database, int64_t capture_id, const View& view) {
  std::string name(view.name);
  std::string value(view.value_column);
  Result<int64_t> total = database.QueryInt(
      "SELECT sum(" + value + ") FROM " + name + " WHERE capture_id = ?", {capture_id});
  if (!total) return std::move(total).error();
  std::string out = "\n" + std::string(view.title) + ": " + FormatDuration(*total) + "\n";
  Result<Statement> statement = database.Prepare(
      "SELECT process.pid, process.name, coalesce(process.executable, ''), top.value FROM ("
      " SELECT process_id, sum(" +
          value + ") AS value FROM " + name +
          "  WHERE capture_id = ? GROUP BY process_id) AS top "
          "JOIN process ON process.process_id = top.process_id "
          "ORDER BY top.value DESC, process.pid, process.process_id LIMIT 5",
      {capture_id});
  if (!statement) return std::move(statement).error();
  std::vector<std::vector<std::string>> rows;
  while (true) {
    Result<bool> row = statement->Step();
    if (!row) return std::move(row).error();
    if (!*row) break;
    rows.push_back(
        {FormatDuration(statement->Int(3)),
         FormatShare(static_cast<double>(statement->Int(3)), static_cast<double>(*total)),
         std::to_string(statement->Int(0)), std::string(statement->Text(1)),
         std::string(statement->Text(2))});
  }
  if (rows.empty()) return out;
  return out + FormatTable({{"time", Align::kRight},
                            {"share", Align::kRight},
                            {"pid", Align::kRight},
                            {"process", Align::kLeft},
                            {"executable", Align::kLeft}},
                           rows, 2, kWidth);
}

Result<std::string> DescribeLosses(Database& database, int64_t capture_id) {
  Result<std::vector<LossTotal>> totals = LossTotals(database, capture_id);
  if (!totals) return std::move(totals).error();
  if (totals->empty()) return std::string("\nLosses: none\n");
  std::string out = "\nLosses\n";
  for (const LossTotal& loss : *totals) {
    out += "  " + std::string(loss.info.name) + " (" + loss.source +
           "): " + FormatCount(loss.count) + (loss.count == 1 ? " time" : " times");
    if (loss.time_ns > 0) {
      out += ", " + FormatDuration(loss.time_ns);
      out += loss.in_rows ? ", kept" : ", shown as [lost: ...]";
    }
    out += "\n    " + Wrap(EscapeText(loss.info.description), 4, kWidth) + "\n    " +
           Wrap(EscapeText(loss.info.advice), 4, kWidth) + "\n";
  }
  return out;
}

Result<std::string> DescribeCost(Database& database, int64_t capture_id) {
  Result<Statement> row = FirstRow(
      database,
      "SELECT total(cost.bpf_ns), sum(cost.bpf_runs), total(cost.user_ns + cost.system_ns),"
      " max(cost.peak_resident_bytes), max(cost.map_bytes), total(interval.end_ns - "
      "interval.start_ns),"
      " (SELECT cpus_online FROM capture WHERE capture_id = ?1) "
      "FROM cost JOIN interval ON interval.interval_id = cost.interval_id "
      "WHERE interval.capture_id = ?1",
      capture_id);
  if (!row) return std::move(row).error();
  double window_ns = row->Real(5);
  double host_ns = window_ns * static_cast<double>(row->Int(6));
  auto share = [&](double time_ns) {
    return FormatDuration(static_cast<int64_t>(time_ns)) + ": " + FormatShare(time_ns, window_ns) +
           " of one CPU, " + FormatShare(time_ns, host_ns) + " of the host";
  };
  std::string out = "\nWhat recording cost\n";
  out += Line("in the kernel",
              share(row->Real(0)) + " (" + FormatCount(row->Int(1)) + " runs of BPF programs)");
  out += Line("recorder", share(row->Real(2)));
  out += Line("memory", FormatBytes(row->Int(3)) + " at most, and " + FormatBytes(row->Int(4)) +
                            " of BPF maps");
  return out;
}

Result<std::string> Describe(Database& database, int64_t capture_id) {
  using Part = Result<std::string> (*)(Database&, int64_t);
  std::string out;
  for (Part part : {Part{DescribeRecording}, Part{DescribeContents}, Part{DescribeAccounting}}) {
    Result<std::string> text = part(database, capture_id);
    if (!text) return text;
    out += *text;
  }
  for (const View& view : Views()) {
    Result<int64_t> recorded = database.QueryInt(
        "SELECT count(*) FROM capture WHERE capture_id = ? AND "
        "',' || sources || ',' LIKE '%,' || ? || ',%'",
        {capture_id, std::string(view.source)});
    if (!recorded) return std::move(recorded).error();
    if (*recorded == 0) continue;
    Result<std::string> text = DescribeView(database, capture_id, view);
    if (!text) return text;
    out += *text;
  }
  for (Part part : {Part{DescribeLosses}, Part{DescribeCost}}) {
    Result<std::string> text = part(database, capture_id);
    if (!text) return text;
    out += *text;
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
    Result<Input> input = OpenInput(path, TableKind::kInPlace);
    if (!input) return std::move(input).error();
    Database& database = input->database;
    Result<std::vector<std::string>> notes = PartialNotes(database);
    if (!notes) return std::move(notes).error();
    for (const std::string& note : *notes) Say(note);
    Result<bool> losses = HasLosses(database);
    if (!losses) return std::move(losses).error();
    incomplete = incomplete || !notes->empty() || *losses;
    Result<int64_t> captures = database.QueryInt("SELECT max(capture_id) FROM capture");
    if (!captures) return std::move(captures).error();
    for (int64_t capture_id = 1; capture_id <= *captures; ++capture_id) {
      Result<std::string> text = Describe(database, capture_id);
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
    "[--strict] CAPTURE...",
    "Says where, when and how a capture was recorded, where the time of its threads went and "
    "whether it adds up, which processes used most time, what was lost and what to do about it, "
    "and what the recording itself cost. CAPTURE may be a database "
    "made by 'twofold load', or - for standard input.",
    "twofold info host.twofold\n"
    "twofold info --strict before.twofold after.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
