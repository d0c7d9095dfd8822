// twofold merge: captures of several hosts or runs in one file, each as it was.
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <set>

#include "analyzer/cli/interrupt.h"
#include "analyzer/cli/progress_line.h"
#include "analyzer/cli/words.h"
#include "analyzer/commands/command.h"
#include "analyzer/commands/folding.h"
#include "analyzer/data/losses.h"
#include "format/base/input_file.h"
#include "format/base/units.h"
#include "format/container.h"
#include "format/merged_file.h"

namespace twofold {
namespace {

// What a merged file has around its captures, at most.
constexpr uint64_t kListBytes = container::kMaxMembersBytes;

void AddOptions(OptionSet& options) {
  options.Value("output", "FILE", "the file to write; - for a pipe", 'o');
  options.Flag("force", "replace FILE if it exists");
  options.Flag("strict", "exit with 3 when a capture is partial or has losses");
}

// A capture that is to be merged, and what it is told apart by.
struct Merged {
  std::string shown;  // for words: its file, and its name in a merged one
  Recording recording;
};

class Merger {
 public:
  // Adds the captures of one file.
  Result<void> AddFile(const std::string& path) {
    const std::string name = path == "-" ? "standard input" : path;
    const uint64_t limit = ReadLimits{}.max_file_bytes - kListBytes;
    TWOFOLD_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadInputFile(path, limit));
    total_bytes_ += bytes.size();
    if (total_bytes_ > limit) {
      return Error{"the captures have more than " + FormatBytes(int64_t(limit)) + " together", name,
                   "Merge fewer captures"};
    }
    files_.push_back(std::move(bytes));
    TWOFOLD_ASSIGN_OR_RETURN(CaptureList list, ListCaptures(files_.back(), name));
    for (size_t i = 0; i < list.members.size(); ++i) {
      if (IsInterrupted()) return Error{"stopped by a signal; nothing was written", name, ""};
      TWOFOLD_RETURN_IF_ERROR(Add(list, i, path, name));
    }
    return {};
  }

  Result<void> Write(ByteSink& sink) const { return WriteMerged(members_, sink); }

  // What whoever merges should know, one sentence each.
  const std::vector<std::string>& notes() const { return notes_; }
  bool incomplete() const { return incomplete_; }

  std::string Summary() const {
    std::set<std::string> hosts;
    for (const Merged& merged : merged_) hosts.insert(merged.recording.host.hostname);
    hosts.erase("");
    std::string text = FormatCount(members_.size(), " capture", " captures");
    if (!hosts.empty()) text += " of " + FormatCount(hosts.size(), " host", " hosts");
    return text;
  }

 private:
  Result<void> Add(const CaptureList& list, size_t index, const std::string& path,
                   const std::string& name) {
    TWOFOLD_ASSIGN_OR_RETURN(Capture capture, ReadMember(list, index, name));
    Member member = list.members[index];
    Merged merged{name, capture.recording};
    if (list.is_merged) merged.shown = member.name + " in " + name;
    if (!list.is_merged) member.name = path == "-" ? name : path.substr(path.rfind('/') + 1);
    for (size_t i = 0; i < members_.size(); ++i) {
      if (!IsTheSame(merged.recording, member, i)) continue;
      return Error{
          "it is the same recording as " + merged_[i].shown + ", and its time would count twice",
          merged.shown, "Give each recording once"};
    }
    if (!capture.damages.empty()) {
      const Damage& damage = capture.damages.front();
      notes_.push_back(merged.shown + " is partial, and stays so: at byte " +
                       std::to_string(damage.offset_bytes) + ": " + damage.what);
    }
    incomplete_ = incomplete_ || capture.partial() || HasLosses(capture);
    members_.push_back(std::move(member));
    merged_.push_back(std::move(merged));
    return {};
  }

  // Every recording begins at a nanosecond of its own. Imported ones have no clock: there only
  // equal bytes tell.
  bool IsTheSame(const Recording& recording, const Member& member, size_t other) const {
    if (recording.start_realtime_ns != 0) return recording == merged_[other].recording;
    return std::ranges::equal(member.bytes, members_[other].bytes);
  }

  std::deque<std::vector<uint8_t>> files_;  // stay where they are
  std::vector<Member> members_;
  std::vector<Merged> merged_;
  std::vector<std::string> notes_;
  uint64_t total_bytes_ = 0;
  bool incomplete_ = false;
};

// Error: the output would replace what is read.
Result<void> CheckOutput(const std::string& output, const std::vector<std::string>& inputs) {
  struct stat to;
  if (output == "-" || stat(output.c_str(), &to) != 0 || !S_ISREG(to.st_mode)) return {};
  for (const std::string& input : inputs) {
    struct stat from;
    if (input == "-" || stat(input.c_str(), &from) != 0) continue;
    if (from.st_dev != to.st_dev || from.st_ino != to.st_ino) continue;
    return Error{"the output is one of the captures", output, "Give -o another name",
                 Error::Kind::kUsage};
  }
  return {};
}

Result<ExitStatus> Run(const Arguments& arguments) {
  const std::vector<std::string>& paths = arguments.positionals();
  if (paths.size() < 2) {
    return Error{paths.empty() ? "no captures are given" : "one capture alone is not merged", "",
                 "Give two or more", Error::Kind::kUsage};
  }
  if (!arguments.Has("output")) {
    return Error{"the merged file needs a name", "", "Give -o FILE, or -o - for a pipe",
                 Error::Kind::kUsage};
  }
  TWOFOLD_RETURN_IF_ERROR(CheckOutput(arguments.Get("output"), paths));
  // An unfinished file is removed when `output` goes.
  InterruptGuard guard;
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, CreateOutput(arguments));
  Merger merger;
  {
    ProgressLine line;
    uint64_t done = 0;
    for (const std::string& path : paths) {
      line.Show("reading captures", done++, paths.size());
      TWOFOLD_RETURN_IF_ERROR(merger.AddFile(path));
    }
  }
  TWOFOLD_RETURN_IF_ERROR(merger.Write(output));
  TWOFOLD_RETURN_IF_ERROR(output.Commit());
  for (const std::string& note : merger.notes()) Say(note);
  Say("wrote " + arguments.Get("output") + " (" + merger.Summary() + ")");
  return merger.incomplete() && arguments.Has("strict") ? ExitStatus::kIncomplete
                                                        : ExitStatus::kDone;
}

}  // namespace

const Command kMergeCommand = {
    "merge",
    "captures of several hosts or runs in one file",
    "-o FILE CAPTURE...",
    "Puts captures into one file, which every subcommand reads: views show the sum of all, "
    "'--capture' of one of them, and 'info' tells of each. Every capture stays as it is: its host, "
    "settings, losses, and what is missing from it. Merged files can be merged further; the same "
    "recording given twice is an error.",
    "twofold merge -o fleet.twofold web1.twofold web2.twofold\n"
    "twofold merge -o - web*.twofold | twofold fold --root capture -",
    AddOptions,
    Run,
};

}  // namespace twofold
