// twofold verify: checks whole files, one line for each capture in them.
#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/data/cut_short.h"
#include "format/base/escape_text.h"
#include "format/base/input_file.h"
#include "format/base/units.h"
#include "format/merged_file.h"

namespace twofold {
namespace {

void AddOptions(OptionSet& options) {
  options.Flag("strict", "exit with 3 when a capture was cut short");
}

// What is wrong with one capture, and how that counts.
struct Verdict {
  std::string line;
  ExitStatus status = ExitStatus::kDone;
};

// One capture that could be read, with as many bytes as it has.
Verdict Judge(const std::string& name, const Capture& capture, std::span<const uint8_t> bytes,
              bool strict) {
  size_t intervals = capture.intervals.size();
  std::string size = FormatCount(int64_t(intervals)) +
                     (intervals == 1 ? " interval, " : " intervals, ") +
                     FormatBytes(int64_t(bytes.size()));
  if (!IsUnreadable(capture) && IsOnlyCutShort(capture, bytes)) {
    std::string place = " at byte " + std::to_string(capture.damages.front().offset_bytes);
    std::string last = intervals == 0
                           ? "before the first interval"
                           : "after interval " + std::to_string(capture.intervals.back().number);
    return {name + ": partial: cut short" + place + ", " + last + " (" + size + ")",
            strict ? ExitStatus::kIncomplete : ExitStatus::kDone};
  }
  if (capture.damages.empty()) return {name + ": ok (" + size + ")", ExitStatus::kDone};
  std::string line = name + ": damaged:";
  for (const Damage& damage : capture.damages) {
    if (&damage != &capture.damages.front()) line += ";";
    line += " at byte " + std::to_string(damage.offset_bytes) + ": " + damage.what;
  }
  return {line, ExitStatus::kFailed};
}

// Of a file, which may hold several captures: one verdict for each.
std::vector<Verdict> Check(const std::string& path, bool strict) {
  std::string name = path == "-" ? "standard input" : path;
  Result<std::vector<uint8_t>> bytes = ReadInputFile(path, ReadLimits{}.max_file_bytes);
  // Messages of errors name the file themselves.
  if (!bytes) return {{bytes.error().Message(), ExitStatus::kFailed}};
  Result<CaptureList> list = ListCaptures(*bytes, name);
  if (!list) return {{list.error().Message(), ExitStatus::kFailed}};
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < list->members.size(); ++i) {
    const Member& member = list->members[i];
    Result<Capture> capture = ReadMember(*list, i, name);
    if (!capture) return {{capture.error().Message(), ExitStatus::kFailed}};
    std::string shown = name;
    if (list->is_merged) shown += ", capture " + std::to_string(i + 1) + " (" + member.name + ")";
    verdicts.push_back(Judge(shown, *capture, member.bytes, strict));
  }
  return verdicts;
}

Result<ExitStatus> Run(const Arguments& arguments) {
  if (arguments.positionals().empty()) {
    return Error{"no capture is given", "", "", Error::Kind::kUsage};
  }
  ExitStatus worst = ExitStatus::kDone;
  for (const std::string& path : arguments.positionals()) {
    for (const Verdict& verdict : Check(path, arguments.Has("strict"))) {
      TWOFOLD_RETURN_IF_ERROR(PrintToStandardOutput(EscapeText(verdict.line) + "\n"));
      bool worse = verdict.status == ExitStatus::kFailed ||
                   (verdict.status == ExitStatus::kIncomplete && worst == ExitStatus::kDone);
      if (worse) worst = verdict.status;
    }
  }
  return worst;
}

}  // namespace

const Command kVerifyCommand = {
    "verify",
    "check captures from the first byte to the last",
    "[--strict] CAPTURE...",
    "Reads each file whole, checks every checksum and every row, and prints one line for each "
    "capture in it: ok; partial, "
    "when the recording was cut short and what was written is sound; or damaged, with the place. "
    "Exit status: 0 when all are ok or partial, 1 when one is damaged or no capture, 3 with "
    "--strict when one is partial.",
    "twofold verify host.twofold\n"
    "twofold verify --strict *.twofold",
    AddOptions,
    Run,
};

}  // namespace twofold
